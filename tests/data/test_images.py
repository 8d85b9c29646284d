from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from egodepth.data import images
from egodepth.data.images import image_size, read_rgb, read_uint16, resize_rgb, write_image
from egodepth.errors import InputError


@pytest.fixture
def picture() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (6, 9, 3), dtype=np.uint8)


def test_colour_written_as_png_is_read_back_equal(tmp_path: Path, picture: np.ndarray) -> None:
    write_image(tmp_path / "a.png", picture)
    assert np.array_equal(read_rgb(tmp_path / "a.png"), picture)
    assert image_size(tmp_path / "a.png") == (6, 9)


def test_a_smooth_jpeg_is_read_back_nearly_equal(tmp_path: Path) -> None:
    ramp = np.repeat(np.linspace(0, 255, 64, dtype=np.uint8)[None, :, None], 32, 0).repeat(3, -1)
    write_image(tmp_path / "a.jpg", ramp)
    assert np.abs(read_rgb(tmp_path / "a.jpg").astype(int) - ramp).max() <= 3


def test_grey_becomes_three_equal_channels_and_alpha_goes(tmp_path: Path, picture: np.ndarray) -> None:
    write_image(tmp_path / "grey.png", picture[..., 0])
    assert np.array_equal(read_rgb(tmp_path / "grey.png"), picture[..., :1].repeat(3, -1))
    Image.fromarray(np.dstack([picture, picture[..., 0]])).save(tmp_path / "alpha.png")
    assert np.array_equal(read_rgb(tmp_path / "alpha.png"), picture)


def test_sixteen_bits_keep_every_value_as_numbers_and_the_upper_byte_as_a_picture(tmp_path: Path) -> None:
    values = np.array([[0, 1, 255, 256], [257, 4096, 65279, 65535]], np.uint16)
    write_image(tmp_path / "d.png", values)
    assert np.array_equal(read_uint16(tmp_path / "d.png"), values)
    assert read_rgb(tmp_path / "d.png")[..., 1].tolist() == [[0, 0, 0, 1], [1, 16, 254, 255]]


def test_an_eight_bit_image_is_no_depth_map(tmp_path: Path, picture: np.ndarray) -> None:
    write_image(tmp_path / "a.png", picture)
    with pytest.raises(InputError, match=r"a\.png: RGB image where 16-bit grey is expected"):
        read_uint16(tmp_path / "a.png")


def test_an_exif_turned_photograph_stands_upright_in_size_and_pixels(tmp_path: Path, picture: np.ndarray) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # a quarter turn clockwise to show it
    Image.fromarray(picture).save(tmp_path / "a.png", exif=exif)
    assert image_size(tmp_path / "a.png") == (9, 6)
    assert np.array_equal(read_rgb(tmp_path / "a.png"), np.rot90(picture, -1))


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_a_truncated_image_is_named_with_the_remedy(tmp_path: Path, suffix: str) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    path = tmp_path / f"a{suffix}"
    write_image(path, noise)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(InputError, match=rf"a\{suffix}: not a readable image, or truncated; copy it again"):
        read_rgb(path)


def test_empty_missing_and_foreign_files_are_named_with_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "empty.png").touch()
    (tmp_path / "text.png").write_text("no picture")
    for name, reason in (("empty.png", "empty"), ("text.png", "not a readable image"), ("gone.png", "no such image")):
        for read in (read_rgb, read_uint16, image_size):
            with pytest.raises(InputError, match=f"{name}: .*{reason}"):
                read(tmp_path / name)


def test_an_absurdly_large_image_is_refused_by_its_header(
    tmp_path: Path, picture: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_image(tmp_path / "a.png", picture)
    monkeypatch.setattr(images, "MAX_PIXELS", 53)
    with pytest.raises(InputError, match=r"a\.png: over .* megapixels; shrink"):
        read_rgb(tmp_path / "a.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)  # PIL's own guard, which raises another error
    with pytest.raises(InputError, match=r"a\.png: over .* megapixels; shrink"):
        image_size(tmp_path / "a.png")


def test_resizing_keeps_edges_where_they_are_and_does_not_alias() -> None:
    halves = np.zeros((8, 64, 3), np.uint8)
    halves[:, 32:] = 200
    small = resize_rgb(halves, (4, 16))
    assert small.shape == (4, 16, 3)
    assert (small[:, :5] == 0).all()
    assert (small[:, 11:] == 200).all()
    assert np.abs(small.astype(int) + small[:, ::-1] - 200).max() <= 20  # the edge is still in the middle
    stripes = np.zeros((8, 64, 3), np.uint8)
    stripes[:, ::2] = 200
    assert np.abs(resize_rgb(stripes, (2, 8))[:, 1:-1].astype(int) - 100).max() <= 5
    assert resize_rgb(halves, (8, 64)) is halves
