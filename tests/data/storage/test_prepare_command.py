import json
import shutil
from collections import namedtuple
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from egodepth.commands.data_prepare import Prepare
from egodepth.data.opening import open_drives
from egodepth.data.storage import clip_files, preparation
from egodepth.data.storage.preparation import prepare
from egodepth.data.storage.store import FrameStore
from egodepth.foundation.errors import InputError

SIZE = (64, 96)


@pytest.fixture
def clips(make_clip, tmp_path: Path) -> Path:
    """Two drives of 8 frames."""
    for name in ("first", "second"):
        make_clip(tmp_path / "data" / name, size=(80, 120), partner=True)
    return tmp_path / "data"


def test_every_frame_is_there_afterwards(clips, tmp_path, capsys):
    Prepare(data=clips, out=tmp_path / "store", size=SIZE, workers=2, json=tmp_path / "summary.json")()
    assert "16 frames, " in (said := capsys.readouterr().out)
    assert "16 decoded" in said
    assert "0 existed already" in said
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert (summary["frames"], summary["already_there"], summary["unreadable"]) == (16, 0, [])
    assert summary["bytes_on_disk"] >= 16 * 64 * 96 * 3
    shutil.move(clips / "first" / "000003.png", tmp_path)  # not one that opening would look for in a longer clip
    drives = open_drives(tmp_path / "data")
    assert len(drives[0].frames) == 7
    with pytest.raises(InputError, match="first: the frames are others"):
        FrameStore(drives, SIZE, folder=tmp_path / "store")


def test_partners_come_with_it_if_asked_for(clips, tmp_path):
    drives = open_drives(clips)
    assert prepare(drives, SIZE, tmp_path / "mono").frames == 16
    assert prepare(drives, SIZE, tmp_path / "stereo", partner=True).frames == 32
    store = FrameStore(drives, SIZE, folder=tmp_path / "stereo", partner=True)
    plain = FrameStore(drives, SIZE)
    for drive in range(2):
        for partner in (False, True):
            for frame in range(8):
                np.testing.assert_array_equal(store.read(drive, frame, partner), plain.read(drive, frame, partner))


def test_drives_without_a_partner_cannot_have_theirs_prepared(make_clip, tmp_path):
    with pytest.raises(InputError, match="clip: no stereo partner"):
        prepare(open_drives(make_clip(tmp_path / "clip")), SIZE, tmp_path / "store", partner=True)


def test_drives_are_chosen_by_name_and_what_is_there_stays(clips, tmp_path, capsys):
    Prepare(data=clips, out=tmp_path / "store", size=SIZE, drives=("fir*",))()
    Prepare(data=clips, out=tmp_path / "store", size=SIZE)()
    first, second = capsys.readouterr().out.splitlines()
    assert "8 decoded" in first
    assert "16 frames" in second
    assert "8 decoded" in second
    assert "8 existed already" in second


def test_bad_frames_are_named_and_the_others_are_there(clips, tmp_path, capsys):
    for frame in (2, 5):
        (clips / "second" / f"{frame:06d}.png").write_bytes(b"damaged")
    Prepare(data=clips, out=tmp_path / "store", size=SIZE)()
    said = capsys.readouterr().out
    assert "14 frames" in said
    assert "cannot be read: second, frame 2\ncannot be read: second, frame 5\n" in said


def test_many_bad_frames_are_counted(make_clip, tmp_path, capsys):
    folder = make_clip(tmp_path / "clip", frames=14)
    for frame in range(13):
        (folder / f"{frame:06d}.png").write_bytes(b"damaged")
    Prepare(data=folder, out=tmp_path / "store", size=SIZE)()
    said = capsys.readouterr().out
    assert said.count("cannot be read") == 10
    assert "... and 3 more" in said


def test_a_full_disk_is_one_line_and_the_command_goes_on_later(clips, tmp_path, monkeypatch):
    drives, out = open_drives(clips), tmp_path / "store"
    whole, written = clip_files._write_at, []

    def full(path: Path, offset: int, content: bytes) -> None:
        written.append(path)
        if len(written) > 10:
            raise OSError(28, "No space left on device")
        whole(path, offset, content)

    monkeypatch.setattr(clip_files, "_write_at", full)
    with pytest.raises(InputError, match=r"store: cannot be written \(No space left on device\).*5 frames are there"):
        prepare(drives, SIZE, out, workers=1)
    monkeypatch.undo()
    done = prepare(drives, SIZE, out)
    assert (done.frames, done.already_there) == (16, 5)


def test_a_disk_too_small_is_refused_before_anything_is_decoded(clips, tmp_path, monkeypatch):
    usage = namedtuple("usage", ["free"])
    monkeypatch.setattr(preparation.shutil, "disk_usage", lambda path: usage(100_000))
    with pytest.raises(InputError, match=r"needs 0\.0 GB more, and 0\.0 GB are free"):
        prepare(open_drives(clips), SIZE, tmp_path / "store")


def test_what_is_made_anew_is_said(clips, tmp_path):
    prepare(open_drives(clips), SIZE, tmp_path / "store")
    shutil.copy(clips / "first" / "000000.png", clips / "first" / "000007.png")
    console = Console(file=(said := StringIO()), width=500)
    done = prepare(open_drives(clips), SIZE, tmp_path / "store", console=console)
    assert "first: frame 7 is another image than it was; created again" in said.getvalue()
    assert (done.frames, done.already_there) == (16, 8)


def test_damaged_pixels_are_said_and_decoded_anew(clips, tmp_path):
    prepare(open_drives(clips), SIZE, tmp_path / "store")
    file = next((tmp_path / "store").glob("first*.u8"))
    file.write_bytes(bytes(file.stat().st_size))
    console = Console(file=(said := StringIO()), width=500)
    prepare(open_drives(clips), SIZE, tmp_path / "store", console=console)
    assert "some frames differ from what had been written" in said.getvalue()
    assert file.read_bytes() != bytes(file.stat().st_size)


def test_a_size_that_cannot_be_trained_on_is_refused(clips, tmp_path):
    with pytest.raises(InputError, match=r"data\.size"):
        Prepare(data=clips, out=tmp_path / "store", size=(60, 100))()
    assert not (tmp_path / "store").exists()
