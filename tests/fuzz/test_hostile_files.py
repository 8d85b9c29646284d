"""Files made to take all memory or all time: what a header promises is not believed."""

import io
import os
import resource
import struct
import time
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from egodepth.config.strict_json import from_json
from egodepth.data.images import image_size, read_rgb, read_uint16
from egodepth.data.kitti.lists import read_list
from egodepth.data.readers.make3d import _read_grid as read_laser
from egodepth.data.readers.manifest import open_manifest
from egodepth.data.readers.rendered_set import Description
from egodepth.evaluation import external
from egodepth.evaluation.external import ExternalMaps
from egodepth.foundation.reading import parse_json, read_npz, read_text
from egodepth.video.cloud.inputs import DepthMaps
from fuzz.array_parsers import stored
from fuzz.hostile import a_manifest, refused


@contextmanager
def little_memory_and_time() -> Iterator[None]:
    """What is within takes less than 2 s and 300 MB."""
    before, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.monotonic()
    yield
    assert time.monotonic() - began < 2
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 300_000


def a_png_header(width: int, height: int) -> bytes:
    """A PNG whose pixels are a stream of zeros that goes on and on."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = zlib.compress(bytes(1 << 24))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def a_tiff_header(width: int, height: int) -> bytes:
    content = bytearray(stored(Image.new("RGB", (40, 30)).save, format="TIFF"))
    for tag, value in ((256, width), (257, height)):
        place = content.index(struct.pack("<HH", tag, 4) + struct.pack("<I", 1))
        content[place + 8 : place + 12] = struct.pack("<I", value)
    return bytes(content)


@pytest.mark.parametrize("content", [a_png_header(50_000, 50_000), a_tiff_header(50_000, 50_000)], ids=["png", "tiff"])
def test_pictures_of_absurd_sizes_are_refused_by_their_headers(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "bomb.png"
    path.write_bytes(content)
    with little_memory_and_time():
        for read in (read_rgb, image_size, read_uint16):
            assert "over 80 megapixels" in refused(lambda read=read: read(path))


def test_a_program_in_postscript_is_no_image_whatever_it_is_called(tmp_path: Path) -> None:
    path = tmp_path / "picture.png"
    Image.new("RGB", (8, 8)).save(path, "EPS")
    assert "not a readable image" in refused(lambda: read_rgb(path))


def a_promise(shape: tuple[int, ...], fortran: bool = False) -> bytes:
    """A NPY file that holds less than its header says."""
    stream = io.BytesIO()
    header = {"descr": "<f4", "fortran_order": fortran, "shape": shape}
    np.lib.format.write_array_header_1_0(stream, header)
    return stream.getvalue() + bytes(64)


def test_arrays_that_promise_more_than_the_file_holds_are_refused(tmp_path: Path) -> None:
    promise = a_promise((1_000_000, 1_000_000))
    a_manifest(tmp_path, "drive")
    (tmp_path / "0.npy").write_bytes(promise)
    (tmp_path / "maps").mkdir()
    (tmp_path / "maps" / "a.npy").write_bytes(promise)
    for name, member in (("maps.npz", "arr_0.npy"), ("clip_000000.npz", "depth.npy")):
        with zipfile.ZipFile(tmp_path / name, "w") as archive:
            archive.writestr(member, promise)
    with little_memory_and_time():
        refused(lambda: open_manifest(tmp_path)[0].read_depth(0))
        refused(lambda: ExternalMaps(tmp_path / "maps", ["a"], ["a"], "predictions")["a"])
        refused(lambda: ExternalMaps(tmp_path / "0.npy", ["a"], ["a"], "predictions"))
        refused(lambda: ExternalMaps(tmp_path / "maps.npz", ["a"], ["a"], "predictions"))
        (tmp_path / "maps.npz").unlink()
        refused(lambda: DepthMaps.open(tmp_path, Path("clip.mp4")).read(0))


def test_archives_that_unpack_to_too_much_are_refused_unread(tmp_path: Path, monkeypatch) -> None:
    path = tmp_path / "bomb.npz"
    np.savez_compressed(path, depth=np.zeros((1024, 1024)))
    assert path.stat().st_size < 100_000
    assert read_npz(path, most=9 << 20)["depth"].shape == (1024, 1024)
    with pytest.raises(ValueError, match="more than 1 MB"):
        read_npz(path, most=1 << 20)
    monkeypatch.setattr(external, "_MOST_BYTES", 1 << 20)
    assert "unpacked" in refused(lambda: ExternalMaps(path, ["a"], ["a"], "predictions"))


def test_archives_that_lie_about_their_size_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "bomb.npz"
    np.savez_compressed(path, depth=np.zeros((512, 512)))
    content = path.read_bytes()
    true = struct.pack("<I", 512 * 512 * 8 + 128)
    assert content.count(true) >= 1
    path.write_bytes(content.replace(true, struct.pack("<I", 200)))
    with pytest.raises(ValueError, match="not an archive of arrays"):
        read_npz(path)


@pytest.mark.parametrize(
    "pickled",
    [
        b"\x80\x04r\xff\xff\xff\x7fN.",  # remembers as entry 2147483647
        b"\x80\x05\x96\xff\xff\xff\xff\xff\xff\xff\x7f.",  # a byte array of 2^63 bytes
        b"\x80\x04cnumpy._core.multiarray\n_reconstruct\ncnumpy\nndarray\n(J\xff\xff\xff\x7fJ\xff\xff\xff\x7ftC\x01bR.",
        b"\x80\x04cnumpy\nndarray\n.",
        b"\x80\x04K\x05.",
        b"\x80\x04.",
    ],
)
def test_pickles_of_arrays_that_want_all_memory_or_hold_none_are_refused(tmp_path: Path, pickled: bytes) -> None:
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, {"descr": "|O", "fortran_order": False, "shape": (1,)})
    with zipfile.ZipFile(tmp_path / "maps.npz", "w") as archive:
        archive.writestr("arr_0.npy", stream.getvalue() + pickled)
    with little_memory_and_time():
        refused(lambda: ExternalMaps(tmp_path / "maps.npz", ["a"], ["a"], "predictions")["a"])


def test_a_matlab_file_that_promises_too_much_is_refused(tmp_path: Path) -> None:
    from scipy.io import savemat

    path = tmp_path / "depth.mat"
    savemat(path, {"Position3DGrid": np.ones((2, 3, 4))})
    content = path.read_bytes()
    shape = struct.pack("<III", 2, 3, 4)
    assert shape in content
    path.write_bytes(content.replace(shape, struct.pack("<III", 1 << 30, 1 << 30, 4)))
    with little_memory_and_time():
        refused(lambda: read_laser(path))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[" * 100_000, "nested too deeply"),
        ('{"a":' * 100_000, "nested too deeply"),
        ("9" * 5000, "digits"),
        ("1" + "0" * 30, "63 bits"),
        ("NaN", "not finite"),
        ("-Infinity", "not finite"),
        ("1e999", "not finite"),
    ],
)
def test_json_that_python_takes_and_nobody_means_is_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_json(text)
    assert "not a valid" in refused(lambda: from_json(Description, '{"seed": ' + text))


def test_json_of_our_own_may_hold_what_is_not_finite() -> None:
    assert parse_json("[Infinity, 1e999]", finite=False) == [float("inf")] * 2


def test_texts_are_read_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "list.txt"
    path.write_text("8 4056 r\n" * 10)
    assert read_text(path, 90) == "8 4056 r\n" * 10
    with pytest.raises(ValueError, match="of text"):
        read_text(path, 89)


def test_a_pipe_in_the_place_of_a_file_does_not_wait_for_ever(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "list.txt")
    with little_memory_and_time():
        refused(lambda: read_list(tmp_path / "list.txt"))
