"""Images of every kind that is read, 16-bit maps, and videos."""

import io
from collections.abc import Mapping, Sequence
from fractions import Fraction
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from PIL import Image

from egodepth.data.images import image_size, read_rgb, read_uint16
from egodepth.data.media.video_writer import video_writer, yuv_planes
from egodepth.data.video import Video, pyav
from egodepth.foundation.logs import only_errors
from fuzz.camera_parsers import one_file
from fuzz.harness import Parser

_PICTURE = Image.fromarray(np.random.default_rng(0).integers(0, 256, (24, 32, 3), np.uint8))


def _saved(kind: str, picture: Image.Image = _PICTURE, **options: Any) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, kind, **options)
    return stream.getvalue()


def _turned() -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = 6
    return exif


def _image(suffix: str, contents: Sequence[bytes]) -> Parser:
    name = f"picture{suffix}"

    def read(folder: Path) -> None:
        size = image_size(folder / name)
        image = read_rgb(folder / name)
        assert image.dtype == np.uint8
        assert image.shape == (*size, 3), (image.shape, size)

    return Parser(f"image {suffix}", one_file(name, contents), read)


def _read_map(folder: Path) -> None:
    found = read_uint16(folder / "map.png")
    assert found.dtype == np.uint16
    assert found.ndim == 2


def _video(kind: str) -> bytes:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "clip.mp4"
        with video_writer(path, (32, 48), Fraction(1, 600), Fraction(10)) as writer:
            for frame in range(6):
                picture = np.roll(np.asarray(_PICTURE.resize((48, 32))), 4 * frame, 1)
                writer.write(yuv_planes(picture, (32, 48)), 60 * frame)
        if kind == "mp4":
            return path.read_bytes()
        other = path.with_suffix(f".{kind}")
        av = pyav()
        with av.open(str(path)) as source, av.open(str(other), "w") as target:
            stream = target.add_stream_from_template(source.streams.video[0])
            for packet in source.demux(video=0):
                if packet.dts is not None:
                    packet.stream = stream
                    target.mux(packet)
        return other.read_bytes()


def _prepare_video(folder: Path) -> Mapping[str, Sequence[bytes]]:
    return one_file("clip.mp4", [_video(kind) for kind in ("mp4", "mkv", "mov", "ts")])(folder)


def _read_video(folder: Path) -> None:
    with only_errors("egodepth"):  # later tests ask for what is said of damaged frames
        _look_through(folder)


def _look_through(folder: Path) -> None:
    pyav().logging.set_level(None)
    video = Video.open(folder / "clip.mp4")
    assert min(video.size) > 0
    before = -1
    for frame in islice(video.frames(), 12):
        assert frame.image.shape == (*video.size, 3)
        assert frame.pts > before
        before = frame.pts
    for frame in video.spread(3):
        assert frame.image.shape == (*video.size, 3)


_GREY16 = Image.fromarray(np.random.default_rng(1).integers(0, 65536, (24, 32), np.uint16))
PARSERS = (
    _image(
        ".png",
        [_saved("PNG"), _saved("PNG", _PICTURE.convert("P")), _saved("PNG", _GREY16), _saved("PNG", exif=_turned())],
    ),
    _image(
        ".jpg",
        [
            _saved("JPEG"),
            _saved("JPEG", progressive=True),
            _saved("JPEG", exif=_turned()),
            _saved("JPEG", _PICTURE.convert("CMYK")),
        ],
    ),
    _image(".webp", [_saved("WEBP"), _saved("WEBP", lossless=True)]),
    _image(
        ".tif",
        [
            _saved("TIFF"),
            _saved("TIFF", compression="tiff_lzw"),
            _saved("TIFF", compression="tiff_deflate"),
            _saved("TIFF", _GREY16),
        ],
    ),
    _image(".bmp", [_saved("BMP"), _saved("BMP", _PICTURE.convert("P"))]),
    _image(".ppm", [_saved("PPM"), _saved("PPM", _PICTURE.convert("L")), b"P3 2 2 255 0 0 0 1 1 1 2 2 2 3 3 3\n"]),
    Parser("16-bit map .png", one_file("map.png", [_saved("PNG", _GREY16)]), _read_map),
    Parser("video", _prepare_video, _read_video),
)
