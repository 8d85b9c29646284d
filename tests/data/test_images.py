import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from egodepth.data import images
from egodepth.data.images import as_rgb, image_size, read_rgb, read_uint16, resize_rgb, write_image
from egodepth.foundation.errors import InputError


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


GREY = np.add.outer(np.arange(0, 120, 4), np.arange(0, 132, 3)).astype(np.uint8)


@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
@pytest.mark.parametrize("name", ["a.png", "a.tif"])
def test_grey_of_more_bits_looks_like_its_8_bit_copy(tmp_path: Path, bits: int, name: str):
    values = (GREY.astype(np.uint16) << (bits - 8)) + (2 ** (bits - 8) - 1)
    Image.fromarray(values).save(tmp_path / name)
    np.testing.assert_array_equal(read_rgb(tmp_path / name), np.repeat(GREY[..., None], 3, -1))
    np.testing.assert_array_equal(as_rgb(Image.open(tmp_path / name)), read_rgb(tmp_path / name))


def test_floating_point_grey_is_read_from_0_to_1(tmp_path: Path):
    Image.fromarray(GREY.astype(np.float32) / 255).save(tmp_path / "a.tif")
    np.testing.assert_array_equal(read_rgb(tmp_path / "a.tif"), np.repeat(GREY[..., None], 3, -1))


@pytest.mark.parametrize("values", [[[0.0, 255.0]], [[-0.1, 0.5]], [[np.nan, 0.5]]])
def test_floating_point_beyond_0_to_1_is_refused(tmp_path: Path, values: list):
    Image.fromarray(np.array(values, np.float32)).save(tmp_path / "a.tif")
    with pytest.raises(InputError, match=r"a\.tif: floating-point values beyond \[0, 1\]"):
        read_rgb(tmp_path / "a.tif")


@pytest.mark.parametrize("values", [[[0, 70000]], [[-1, 5]]])
def test_whole_numbers_beyond_16_bits_are_refused(tmp_path: Path, values: list):
    with pytest.raises(InputError, match="values beyond 16 bits"):
        as_rgb(Image.fromarray(np.array(values, np.int32)))


def png_of_16_bit_colours(path: Path, values: np.ndarray) -> None:
    height, width = values.shape[:2]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    parts = [(b"IHDR", struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0)), (b"IDAT", zlib.compress(rows))]
    chunks = [
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in [*parts, (b"IEND", b"")]
    ]
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(chunks))


def test_16_bit_colours_are_read_and_those_that_hold_12_bits_are_refused(tmp_path: Path):
    colours = np.stack([GREY, GREY[::-1], GREY], -1).astype(np.uint16)
    png_of_16_bit_colours(tmp_path / "full.png", colours << 8)
    np.testing.assert_array_equal(read_rgb(tmp_path / "full.png"), colours)
    png_of_16_bit_colours(tmp_path / "low.png", colours << 4)
    with pytest.raises(InputError, match=r"low\.png: 16-bit colours that use 12 bits at most"):
        read_rgb(tmp_path / "low.png")


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_pil_image_is_turned_upright_as_its_file_is(tmp_path: Path, orientation: int):
    exif = Image.Exif()
    exif[0x0112] = orientation
    colours = np.random.default_rng(0).integers(0, 255, (8, 16, 3), np.uint8).repeat(8, 0).repeat(8, 1)
    Image.fromarray(colours).save(tmp_path / "photo.jpg", exif=exif, quality=95)
    found = as_rgb(Image.open(tmp_path / "photo.jpg"))
    np.testing.assert_array_equal(found, read_rgb(tmp_path / "photo.jpg"))
    assert found.shape == ((128, 64, 3) if orientation > 4 else (64, 128, 3))
    loaded = Image.open(tmp_path / "photo.jpg")
    loaded.load()
    np.testing.assert_array_equal(as_rgb(loaded), found)


def test_a_pil_image_that_was_drawn_on_shows_it(tmp_path: Path):
    Image.fromarray(np.zeros((32, 32, 3), np.uint8)).save(tmp_path / "a.jpg")
    opened = Image.open(tmp_path / "a.jpg")
    opened.paste((255, 0, 0), (0, 0, 16, 16))
    assert as_rgb(opened)[4, 4].tolist() == [255, 0, 0]


@pytest.mark.parametrize("name", ["a.png", "a.webp"])
def test_an_animation_is_refused(tmp_path: Path, name: str):
    first, second = (Image.fromarray(np.full((32, 32, 3), shade, np.uint8)) for shade in (0, 200))
    first.save(tmp_path / name, save_all=True, append_images=[second])
    with pytest.raises(InputError, match="an animation, not one picture; convert it to a video"):
        read_rgb(tmp_path / name)
