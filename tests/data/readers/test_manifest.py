import csv
import json
import os
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from egodepth.data.readers.manifest import MANIFEST, is_manifest, open_manifest
from egodepth.foundation.errors import InputError

HEADER = "drive,frame,image,camera,partner,depth"
LINES = (
    "walk/a,7,left/seven.png,cameras/rig.json,right/seven.png,depth/seven.png",
    "hall,0,left/zero.png,cameras/single.json,,depth/zero.npy",
    "walk/a,3,left/three.png,cameras/rig.json,,",
)
METRES = np.array([[0, 2.5], [10, 0.125], [80, 0]])


def picture(path: Path, value: int = 0, size: tuple[int, int] = (8, 12)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((*size, 3), value, np.uint8)).save(path)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Two drives, one of them with a partner; each image is as bright as its frame's number, the partner 100 more."""
    root = tmp_path / "set"
    for name, value in (("left/seven", 7), ("left/three", 3), ("left/zero", 0), ("right/seven", 107)):
        picture(root / f"{name}.png", value)
    (root / "cameras").mkdir()
    (root / "cameras/rig.json").write_text(json.dumps({"fov_deg": 80, "partner": {"baseline_m": 0.3}}))
    (root / "cameras/single.json").write_text(json.dumps({"fov_deg": 60}))
    (root / "depth").mkdir()
    Image.fromarray((METRES * 256).astype(np.uint16)).save(root / "depth/seven.png")
    np.save(root / "depth/zero.npy", METRES)
    write(root)
    return root


def write(root: Path, *lines: str, header: str = HEADER) -> None:
    (root / MANIFEST).write_text("\n".join([header, *(lines or LINES)]) + "\n", encoding="utf-8")


def refused(root: Path, message: str) -> None:
    """Opening fails with one line that holds the message and the manifest's name."""
    with pytest.raises(InputError, match=re.escape(message)) as error:
        open_manifest(root)
    assert "\n" not in str(error.value)


def test_drives_come_in_order_of_appearance_with_their_frames_ascending(root: Path) -> None:
    walk, hall = open_manifest(root)
    assert (walk.name, walk.frames, walk.size) == ("walk/a", [3, 7], (8, 12))
    assert (hall.name, hall.frames, hall.size) == ("hall", [0], (8, 12))
    assert [int(walk.read_image(frame)[0, 0, 0]) for frame in walk.frames] == [3, 7]
    assert walk.camera.focal[0].item() == pytest.approx(0.5 / np.tan(np.deg2rad(40)))
    assert hall.camera.focal[0].item() == pytest.approx(0.5 / np.tan(np.deg2rad(30)))
    assert not walk.has_poses


def test_a_partner_is_there_where_the_line_names_one(root: Path) -> None:
    walk, hall = open_manifest(root)
    assert [walk.has_partner(frame) for frame in walk.frames] == [False, True]
    assert (walk.read_image(7, partner=True) == 107).all()
    assert walk.partner_camera is not None
    assert walk.partner_from_self is not None
    assert walk.partner_from_self[0, 3] == pytest.approx(-0.3)
    assert hall.partner_camera is None
    with pytest.raises(InputError, match=r"manifest\.csv: no partner of frame 3 of drive 'walk/a'; add it"):
        walk.read_image(3, partner=True)
    with pytest.raises(InputError, match=r"manifest\.csv: no image of frame 5 of drive 'walk/a'; add it"):
        walk.read_image(5)


def test_a_described_partner_without_images_is_none(root: Path) -> None:
    write(root, "walk,3,left/three.png,cameras/rig.json,,")
    (walk,) = open_manifest(root)
    assert walk.partner_camera is None
    assert walk.partner_from_self is None
    assert not walk.has_partner(3)


def test_depth_is_metres_from_either_kind_of_file(root: Path) -> None:
    walk, hall = open_manifest(root)
    assert [walk.has_depth(frame) for frame in walk.frames] == [False, True]
    for drive, frame in ((walk, 7), (hall, 0)):
        depth = drive.read_depth(frame)
        assert depth.dtype == np.float32
        assert type(depth) is np.ndarray
        np.testing.assert_array_equal(depth, METRES)
    assert hall.depth_sample(0).name == "hall/0000000000"
    with pytest.raises(InputError, match=r"manifest\.csv: no depth of frame 3 of drive 'walk/a'; add it"):
        walk.read_depth(3)


def test_tables_as_spreadsheets_and_people_write_them_are_read(root: Path) -> None:
    (root / "left/zero.png").rename(root / "left/ä, b.png")
    text = 'camera , drive, frame, image\r\n\r\n"cameras/single.json", hall, 004, "left/ä, b.png"\r\n,,,\r\n'
    (root / MANIFEST).write_bytes(b"\xef\xbb\xbf" + text.encode())
    (hall,) = open_manifest(root)
    assert (hall.name, hall.frames) == ("hall", [4])
    assert not hall.has_depth(4)


def test_blank_lines_and_comments_are_none_of_the_table(root: Path) -> None:
    write(root, "# the hall", LINES[1], "", LINES[2], header=f'# made "by hand", 1/2.3"\n\n{HEADER}')
    assert [drive.name for drive in open_manifest(root)] == ["hall", "walk/a"]
    write(root, LINES[1], "hall,x,left/zero.png,cameras/single.json,,", header=f"# made by hand\n{HEADER}")
    refused(root, "manifest.csv, line 4: frame is 'x'")


def test_a_manifest_makes_a_folder_one_of_this_kind(root: Path, tmp_path: Path) -> None:
    assert is_manifest(root)
    assert is_manifest(str(root))
    assert not is_manifest(tmp_path)
    refused(tmp_path, "manifest.csv: not a readable text file in UTF-8")


@pytest.mark.parametrize(
    ("header", "message"),
    [
        (
            "",
            "line 2: unknown column 'walk/a'; write drive, frame, image, camera, and perhaps partner, depth",
        ),
        ("drive,frame,image", "line 1: no column 'camera'; write drive, frame"),
        (HEADER + ",pose", "line 1: unknown column 'pose'; write drive, frame, image, camera, and perhaps partner, de"),
        ("drive;frame;image;camera", "line 1: unknown column 'drive;frame;image;camera'; write drive, frame"),
        (HEADER + ",depth", "line 1: a column twice; write drive, frame"),
    ],
)
def test_wrong_columns_are_named_with_the_known_ones(root: Path, header: str, message: str) -> None:
    write(root, header=header)
    refused(root, f"manifest.csv, {message}")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("walk/a,7,left/zero.png,cameras/rig.json,,", "drive 'walk/a' has a frame 7 already; number each frame once"),
        ("walk/a,07,left/zero.png,cameras/rig.json,,", "drive 'walk/a' has a frame 7 already"),
        ("b,-1,left/zero.png,cameras/rig.json,,", "frame is '-1'; number the frames 0, 1, 2, ... in their order"),
        ("b,1.5,left/zero.png,cameras/rig.json,,", "frame is '1.5'; number"),
        ("b,٣,left/zero.png,cameras/rig.json,,", "frame is '٣'; number"),
        (f"b,{'9' * 19},left/zero.png,cameras/rig.json,,", f"frame is '{'9' * 19}'; number"),
        (",1,left/zero.png,cameras/rig.json,,", "drive is empty; fill it in"),
        ("b,,left/zero.png,cameras/rig.json,,", "frame is empty; fill it in"),
        ("b,1, ,cameras/rig.json,,", "image is empty; fill it in"),
        ("b,1,left/zero.png,,,", "camera is empty; fill it in"),
        ("b,1,left/zero.png,cameras/rig.json,", "5 cells under 6 columns; quote what has commas in it"),
        ("b,1,left/ze,ro.png,cameras/rig.json,,", "7 cells under 6 columns"),
        (
            "walk/a,8,left/zero.png,cameras/single.json,,",
            "drive 'walk/a' has camera 'cameras/rig.json' before; name an",
        ),
        (
            "b,1,left/zero.png,cameras/rig.json,,depth/a.exr",
            "depth is 'depth/a.exr'; give a 16-bit .png in 1/256 m, or",
        ),
        (
            "b\x1b[2J,1,left/zero.png,cameras/rig.json,,",
            "a control character or a line break within a cell; take it out",
        ),
        ("b,1,left/zero\0.png,cameras/rig.json,,", "a control character or a line break"),
        ('"b"c,1,left/zero.png,cameras/rig.json,,', "not CSV (',' expected after '\"'); save the table as CSV again"),
        ('"b,1,left/zero.png,cameras/rig.json,,', "not CSV (unexpected end of data)"),
        (f"b,1,{'a' * (csv.field_size_limit() + 1)},c,,", "not CSV (field larger than field limit"),
        ("b,1,left/none.png,cameras/rig.json,,", "no file 'left/none.png'; paths start at the manifest's folder"),
        ("b,1,left,cameras/rig.json,,", "no file 'left'; paths"),
        ("b,1,left/,cameras/rig.json,,", "no file 'left/'; paths"),
    ],
)
def test_a_line_that_cannot_be_used_is_named_with_what_is_wrong(root: Path, line: str, message: str) -> None:
    write(root, *LINES, line)
    refused(root, f"manifest.csv, line 5: {message}")


def test_a_line_break_within_a_cell_is_refused(root: Path) -> None:
    write(root, *LINES, '"b\nc",1,left/zero.png,cameras/rig.json,,')
    refused(root, "manifest.csv, line 6: a control character or a line break within a cell")


def test_a_table_without_lines_or_in_another_encoding_is_refused(root: Path) -> None:
    (root / MANIFEST).write_text(HEADER + "\n")
    refused(root, "manifest.csv: no frames; write a line for each below the names of the columns")
    (root / MANIFEST).write_bytes(f"{HEADER}\nm\xfcll,0,left/zero.png,cameras/single.json,,\n".encode("latin-1"))
    refused(root, "manifest.csv: not a readable text file in UTF-8; save the table as CSV UTF-8")


def test_missing_files_of_every_column_are_counted_and_the_first_is_named(root: Path) -> None:
    write(root, *LINES, "b,1,gone/1.png,no.json,gone/2.png,gone/1.npy", "b,2,gone/3.png,no.json,,")
    refused(root, "manifest.csv, line 5: no file 'no.json' (of 5 such the first); paths start at the manifest's folder")


@pytest.mark.parametrize("column", ["image", "camera", "partner", "depth"])
@pytest.mark.parametrize("path", ["../secret.png", "left/../../secret.png", "{absolute}", "{inside}", "out/secret.png"])
def test_paths_out_of_the_folder_are_refused_in_every_column(root: Path, column: str, path: str) -> None:
    picture(root.parent / "secret.png")
    (root / "out").symlink_to(root.parent)
    path = path.format(absolute=root.parent / "secret.png", inside=root / "left/zero.png")
    row = {"image": "left/zero.png", "camera": "cameras/rig.json", "partner": "", "depth": "", column: path}
    write(root, f"b,1,{row['image']},{row['camera']},{row['partner']},{row['depth']}")
    refused(root, f"manifest.csv, line 2: '{path}' is not a path within the manifest's folder, or a link leads out")


def test_links_are_followed_within_the_folder_and_not_out_of_it(root: Path) -> None:
    picture(root.parent / "secret.png")
    (root / "left/in.png").symlink_to(root / "left/seven.png")
    (root / "left/out.png").symlink_to(root.parent / "secret.png")
    (root / "left/broken.png").symlink_to(root / "nothing.png")
    (root / "left/loop.png").symlink_to(root / "left/loop.png")
    (root / "elsewhere").symlink_to(root / "left")
    for path in ("left/in.png", "elsewhere/in.png", "elsewhere/seven.png", "left/../left/seven.png", "./left/in.png"):
        write(root, f"b,1,{path},cameras/rig.json,,")
        assert (open_manifest(root)[0].read_image(1) == 7).all()
    for path in ("left/out.png", "elsewhere/out.png"):
        write(root, f"b,1,{path},cameras/rig.json,,")
        refused(root, f"line 2: '{path}' is not a path within the manifest's folder, or a link leads out")
    for path in ("left/broken.png", "left/loop.png"):
        write(root, f"b,1,{path},cameras/rig.json,,")
        refused(root, f"line 2: no file '{path}'; paths start at the manifest's folder")


def test_the_folder_itself_may_be_reached_by_a_link(root: Path) -> None:
    (root.parent / "link").symlink_to(root)
    assert (open_manifest(root.parent / "link")[1].read_image(0) == 0).all()


def test_folders_are_listed_once_and_files_not_asked_for_one_by_one(root: Path, monkeypatch) -> None:
    for number in range(20):
        picture(root / f"left/{number}.png")
    write(root, *(f"b,{number},left/{number}.png,cameras/rig.json,," for number in range(20)))
    listed: list[str] = []
    asked: set[str] = set()
    scan, stat = os.scandir, os.stat
    with monkeypatch.context() as patch:
        patch.setattr(os, "scandir", lambda folder: (listed.append(os.path.relpath(folder, root)), scan(folder))[1])
        patch.setattr(os, "stat", lambda path, **how: (asked.add(Path(path).name), stat(path, **how))[1])
        (drive,) = open_manifest(root)
    assert drive.frames == list(range(20))
    assert listed == ["cameras", "left"]
    assert {name for name in asked if name.endswith(".png")} == {"0.png"}


def test_partner_images_need_a_partner_in_the_camera_file_and_its_shape(root: Path) -> None:
    write(root, "b,1,left/zero.png,cameras/single.json,right/seven.png,")
    refused(root, 'cameras/single.json: no stereo partner; add "partner": {"baseline_m": 0.54} in metres')
    picture(root / "right/seven.png", size=(12, 12))
    write(root)
    refused(root, "cameras/rig.json: calibrated for 12x8, but the images are 12x12, another shape")


def test_an_image_of_another_size_is_named_when_it_is_read(root: Path) -> None:
    picture(root / "left/seven.png", size=(8, 13))
    for name in ("three", "seven"):
        picture(root / f"right/{name}.png", size=(9, 13))
    write(root, LINES[0], "walk/a,3,left/three.png,cameras/rig.json,right/three.png,")
    (walk,) = open_manifest(root)
    assert walk.read_image(7, partner=True).shape == (9, 13, 3)
    with pytest.raises(InputError, match=r"left/seven\.png: 13x8 where the first of drive 'walk/a' is 12x8; name anot"):
        walk.read_image(7)
    picture(root / "right/seven.png")
    with pytest.raises(InputError, match=r"right/seven\.png: 12x8 where the first of drive 'walk/a' is 13x9"):
        walk.read_image(7, partner=True)


def test_damaged_images_and_camera_files_are_named(root: Path) -> None:
    (root / "left/seven.png").write_bytes(b"damaged")
    with pytest.raises(InputError, match=r"left/seven\.png: not a readable image"):
        open_manifest(root)[0].read_image(7)
    (root / "left/three.png").write_bytes(b"damaged")
    refused(root, "left/three.png: not a readable image")
    picture(root / "left/three.png")
    (root / "cameras/rig.json").write_text("{")
    refused(root, "cameras/rig.json: not a readable JSON file")


NEGATIVE_OR_NOT_FINITE = "a depth is negative or not finite; write 0 where it is unknown"


@pytest.mark.parametrize(
    ("stored", "message"),
    [
        (METRES[None], "float64 of shape (1, 3, 2), not floats of shape (height, width)"),
        (np.float32(3), "float32 of shape (), not floats"),
        (METRES[:0], "float64 of shape (0, 2), not floats"),
        (METRES.astype(np.uint16), "uint16 of shape (3, 2), not floats"),
        (METRES.astype(complex), "complex128 of shape (3, 2), not floats"),
        (METRES - 1, NEGATIVE_OR_NOT_FINITE),
        (np.where(METRES == 10, np.nan, METRES), NEGATIVE_OR_NOT_FINITE),
        (np.where(METRES == 10, np.inf, METRES), NEGATIVE_OR_NOT_FINITE),
        (np.where(METRES == 10, 1e300, METRES), NEGATIVE_OR_NOT_FINITE),
        (np.array([[{}]], dtype=object), "not a .npy file of numbers, or truncated; save it by numpy.save again"),
    ],
)
def test_arrays_that_are_no_depth_are_named(root: Path, stored: np.ndarray, message: str) -> None:
    np.save(root / "depth/zero.npy", stored)
    with pytest.raises(InputError, match=re.escape(f"depth/zero.npy: {message}")):
        open_manifest(root)[1].read_depth(0)


def test_damaged_and_disguised_depth_files_are_named(root: Path) -> None:
    hall = open_manifest(root)[1]
    path = root / "depth/zero.npy"
    whole = path.read_bytes()
    promising = whole.replace(b"(3, 2), }" + b" " * 9, b"(3000000000, 2), }", 1)
    assert len(promising) == len(whole)
    assert promising != whole
    np.savez(root / "archive.npz", METRES)
    archive = (root / "archive.npz").read_bytes()
    for content in (b"", b"damaged", whole[:40], whole[:-8], promising, archive):
        path.write_bytes(content)
        with pytest.raises(InputError, match=r"zero\.npy: not a \.npy file of numbers, or truncated"):
            hall.read_depth(0)
    picture(root / "depth/seven.png")
    with pytest.raises(InputError, match=r"depth/seven\.png: RGB image where 16-bit grey is expected"):
        open_manifest(root)[0].read_depth(7)


def test_half_precision_and_columns_first_are_read_alike(root: Path) -> None:
    np.save(root / "depth/zero.npy", np.asfortranarray(METRES.astype(">f2")))
    np.testing.assert_array_equal(open_manifest(root)[1].read_depth(0), METRES)
