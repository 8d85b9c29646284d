"""Uploaded files: what their names and contents may do."""

import io
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from egodepth.data.media.video_writer import video_writer, yuv_planes
from egodepth.foundation.errors import InputError
from egodepth.inference.predictor import DepthPredictor
from egodepth.video.viewer import uploads
from egodepth.video.viewer.uploads import checked_suffix, read_upload
from video.viewer.viewer_model import SIZE, tiny_model

pytest.importorskip("av")


@pytest.fixture(scope="module")
def predictor() -> DepthPredictor:
    return DepthPredictor(tiny_model())


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder for temporary files, which uploads must leave empty."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    return tmp_path / "temporary"


def png(size: tuple[int, int] = (40, 100)) -> bytes:
    stream = io.BytesIO()
    pixels = np.random.default_rng(3).integers(0, 256, (*size, 3), np.uint8)
    Image.fromarray(pixels).save(stream, "png")
    return stream.getvalue()


@pytest.mark.parametrize(
    "name",
    [
        "../evil.png",
        "/etc/passwd.png",
        "a\\b.png",
        "a\0.png",
        "a\n.png",
        "",
        ".",
        "..",
        "x" * 300 + ".png",
        "\x1b[2J.png",
    ],
)
def test_names_that_are_no_plain_file_names_are_refused(name, predictor, temporary):
    with pytest.raises(InputError, match="rename the file"):
        read_upload(predictor, name, png())
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize("name", ["notes.txt", "picture", "page.html", "program.exe", ".png"])
def test_other_kinds_of_files_are_refused(name, predictor):
    with pytest.raises(InputError, match="give an image"):
        read_upload(predictor, name, png())


@pytest.mark.parametrize(("name", "suffix"), [("a.PNG", ".png"), ("Ä ö:1.jpeg", ".jpeg"), ("x.tar.mp4", ".mp4")])
def test_plain_names_give_their_suffix(name, suffix):
    assert checked_suffix(name) == suffix


@pytest.mark.parametrize("content", [b"", b"no image", png()[:200], b"<svg/>"])
def test_what_is_no_image_is_one_line_with_the_name_of_the_visitor(content, predictor, temporary):
    with pytest.raises(InputError, match=r"my picture\.png") as caught:
        read_upload(predictor, "my picture.png", content)
    assert str(temporary) not in str(caught.value)
    assert list(temporary.iterdir()) == []


def test_what_is_no_clip_is_one_line(predictor, temporary):
    with pytest.raises(InputError, match=r"clip\.mp4"):
        read_upload(predictor, "clip.mp4", b"no clip" * 100)
    assert list(temporary.iterdir()) == []


def test_an_image_gives_the_depth_of_the_predictor(predictor, temporary):
    (frame,) = read_upload(predictor, "a.png", png())
    pixels = np.asarray(Image.open(io.BytesIO(png())))
    np.testing.assert_array_equal(frame.image, pixels)
    assert frame.inverse_depth.shape == SIZE
    expected = predictor.inverse_depth(predictor.network_input([pixels]))[0].numpy()
    np.testing.assert_allclose(frame.inverse_depth, expected, rtol=1e-5)
    assert list(temporary.iterdir()) == []


def test_one_upload_is_read_at_a_time(predictor, monkeypatch):
    inside, most = [], []

    def slow(path):
        inside.append(path)
        most.append(len(inside))
        time.sleep(0.05)
        inside.remove(path)
        return np.zeros((40, 100, 3), np.uint8)

    monkeypatch.setattr(uploads, "read_rgb", slow)
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda _: read_upload(predictor, "a.png", png()), range(3)))
    assert most == [1, 1, 1]


def test_a_long_clip_is_shown_by_frames_that_are_evenly_spread(predictor, tmp_path, temporary, monkeypatch):
    monkeypatch.setattr(uploads, "MOST_FRAMES", 8)
    with video_writer(tmp_path / "clip.mp4", (48, 64), Fraction(1, 10), Fraction(10)) as writer:
        for number in range(37):
            writer.write(yuv_planes(np.full((48, 64, 3), 6 * number, np.uint8), (48, 64)), number)
    frames = read_upload(predictor, "clip.mp4", (tmp_path / "clip.mp4").read_bytes())
    assert [frame.seconds for frame in frames] == pytest.approx([0.8 * count for count in range(5)])
    levels = [float(frame.image.mean()) for frame in frames]
    assert levels == pytest.approx([48 * count for count in range(5)], abs=4)
    assert list(temporary.iterdir()) == []
