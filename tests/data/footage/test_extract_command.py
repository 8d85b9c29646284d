import errno
import json
import shutil
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from egodepth.cli import main
from egodepth.data.footage import extract as extract_module
from egodepth.data.footage.extract import output_size
from egodepth.data.footage.select import GAP, Selector
from egodepth.data.images import read_rgb, write_image
from egodepth.data.readers.folder import FolderDrive
from footage_scenes import RATE, street, write_folder, write_video

av = pytest.importorskip("av")


def drive(frames: int, pixels: float = 3.0, seed: int = 0) -> list[np.ndarray]:
    return street(np.arange(frames) * pixels, seed)


def record(out: Path) -> dict:
    return json.loads((out / "footage.json").read_text())


def files(out: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in out.iterdir()}


@pytest.fixture
def refused(capsys):
    """Runs a command that must end with one line and exit code 2; returns the line."""

    def run(*words: str | Path) -> str:
        capsys.readouterr()
        with pytest.raises(SystemExit) as stop:
            main([str(word) for word in words])
        lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("egodepth: ")]
        assert (stop.value.code, len(lines)) == (2, 1)
        return lines[0]

    return run


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """Eight pictures, each there twice, and a cut to six of another street."""
    twice = [image for image in drive(8) for _ in range(2)]
    return write_video(tmp_path / "clip.mp4", [*twice, *drive(6, seed=5)])


def test_a_video_becomes_a_drive_whose_gaps_are_the_cuts(clip: Path, tmp_path: Path, capsys) -> None:
    out = tmp_path / "frames"
    main(["data", "extract", str(clip), "--out", str(out), "--json", str(tmp_path / "summary.json")])
    printed = " ".join(capsys.readouterr().out.split())
    assert f"{out}: 14 frames of 22; footage.json" in printed
    assert "1 cut, at frame 16; extracting leaves a gap there." in printed
    found = record(out)
    sources = [frame["source"] for frame in found["frames"]]
    assert sources == [*range(0, 16, 2), *range(16, 22)]
    assert [frame["seconds"] for frame in found["frames"]] == [round(number / RATE, 4) for number in sources]
    assert found["dropped"] == [{"first": n, "last": n, "why": "duplicate"} for n in range(1, 16, 2)]
    assert found["breaks"] == [{"source": 16, "why": "cut"}]
    assert found["complete"]
    assert json.loads((tmp_path / "summary.json").read_text())["kept"] == 14
    (out / "camera.json").write_text('{"fov_deg": 70}')
    opened = FolderDrive(out)
    assert list(opened.frames) == [frame["number"] for frame in found["frames"]] == [*range(8), *range(18, 24)]
    assert 8 + GAP == 18
    written = opened.read_image(19).astype(int)
    assert np.abs(written - drive(2, seed=5)[1]).mean() < 8


def test_a_folder_of_frames_is_read_as_well(tmp_path: Path) -> None:
    write_folder(tmp_path / "in", drive(6))
    write_folder(tmp_path / "in", drive(5), first=20)
    Image.fromarray(drive(1)[0]).resize((60, 40)).save(tmp_path / "in" / "000022.png")
    (tmp_path / "in" / "000003.png").write_bytes(b"damaged")
    out = tmp_path / "out"
    main(["data", "extract", str(tmp_path / "in"), "--out", str(out)])
    assert [frame["source"] for frame in record(out)["frames"]] == [0, 1, 2]
    assert {drop["why"] for drop in record(out)["dropped"]} == {"unreadable", "size", "short"}


def test_frames_are_shrunk_to_the_longest_side_and_never_enlarged(clip: Path, tmp_path: Path) -> None:
    main(["data", "extract", str(clip), "--out", str(tmp_path / "a"), "--longest", "96"])
    assert read_rgb(tmp_path / "a" / "000000.jpg").shape == (54, 96, 3)
    assert output_size((2160, 3840), Fraction(1), 1280) == (720, 1280)
    assert output_size((1920, 1080), Fraction(1), 1280) == (1280, 720)
    assert output_size((480, 640), Fraction(1), 1280) == (480, 640)
    # Anamorphic: square pixels come out.
    assert output_size((576, 720), Fraction(16, 15), 1280) == (540, 720)
    assert output_size((480, 720), Fraction(8, 9), 1280) == (480, 640)
    assert output_size((1, 4000), Fraction(1), 1280) == (1, 1280)


def test_stopped_on_the_way_the_same_command_ends_with_the_same_files(
    clip: Path, tmp_path: Path, monkeypatch, capsys
) -> None:
    whole, out = tmp_path / "whole", tmp_path / "out"
    main(["data", "extract", str(clip), "--out", str(whole)])
    written = []

    def stop_after_five(path: Path, image: np.ndarray) -> None:
        if len(written) == 5:
            raise KeyboardInterrupt
        written.append(path)
        write_image(path, image)

    monkeypatch.setattr(extract_module, "write_image", stop_after_five)
    with pytest.raises(SystemExit, match="130"):
        main(["data", "extract", str(clip), "--out", str(out)])
    assert not record(out)["complete"]
    assert len(list(out.glob("*.jpg"))) == 5
    (out / ".000005.77.part.jpg").write_bytes(b"of a process that was killed")
    written.clear()
    monkeypatch.setattr(extract_module, "write_image", lambda *given: (written.append(given), write_image(*given)))
    main(["data", "extract", str(clip), "--out", str(out)])
    assert len(written) == 14 - 5
    assert "14 frames of 22, 5 of them from an earlier run" in " ".join(capsys.readouterr().out.split())
    assert files(out) == files(whole)


def test_a_full_disk_ends_it_in_one_line_and_what_is_written_stays(
    clip: Path, tmp_path: Path, monkeypatch, refused
) -> None:
    save = Image.Image.save

    def full(image: Image.Image, path: Path, **options) -> None:
        if path.name.startswith(".000004"):
            path.write_bytes(b"half of it")
            raise OSError(errno.ENOSPC, "No space left on device")
        save(image, path, **options)

    monkeypatch.setattr(Image.Image, "save", full)
    line = refused("data", "extract", clip, "--out", tmp_path / "out")
    assert "000004.jpg: cannot be written (No space left on device); free some space" in line
    assert sorted(files(tmp_path / "out")) == [*(f"{n:06d}.jpg" for n in range(4)), "footage.json"]
    monkeypatch.undo()
    main(["data", "extract", str(clip), "--out", str(tmp_path / "out")])
    assert record(tmp_path / "out")["complete"]


def test_no_folder_of_something_else_is_written_into(clip: Path, tmp_path: Path, refused) -> None:
    mine = write_folder(tmp_path / "mine", drive(1))
    assert "holds something else" in refused("data", "extract", clip, "--out", mine)
    assert "holds something else" in refused("data", "extract", clip, "--out", clip)
    out = tmp_path / "out"
    main(["data", "extract", str(clip), "--out", str(out)])
    before = files(out)
    for words in (["--longest", "100"], ["--motion", "0.02"]):
        assert "holds another extraction" in refused("data", "extract", clip, "--out", out, *words)
    other = write_video(tmp_path / "other.mp4", drive(4))
    assert "holds another extraction" in refused("data", "extract", other, "--out", out)
    (out / "footage.json").write_text("[")
    assert "holds another extraction" in refused("data", "extract", clip, "--out", out)
    assert {name for name in before if name != "footage.json"} == {name for name in files(out) if name[0] == "0"}


def test_what_is_no_recording_is_one_line(clip: Path, tmp_path: Path, refused) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes.txt").write_text("no video")
    (tmp_path / "short.mp4").write_bytes(clip.read_bytes()[:300])
    still = write_folder(tmp_path / "still", [drive(1)[0]] * 40)
    one = write_video(tmp_path / "one.mp4", drive(1))
    with av.open(str(tmp_path / "sound.mp4"), "w") as container:
        stream = container.add_stream("aac", rate=16000)
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
        sound.sample_rate = 16000
        container.mux(stream.encode(sound))
        container.mux(stream.encode(None))
    out = ("--out", tmp_path / "out")
    assert "does not exist" in refused("data", "extract", tmp_path / "gone.mp4", *out)
    assert "no images in this folder" in refused("data", "extract", tmp_path / "empty", *out)
    assert "neither a video nor" in refused("data", "extract", tmp_path / "notes.txt", *out)
    assert "short.mp4: no" in refused("data", "extract", tmp_path / "short.mp4", *out)
    assert "no video stream" in refused("data", "extract", tmp_path / "sound.mp4", *out)
    assert "share of the image's width" in refused("data", "extract", clip, *out, "--motion", "2")
    assert "frames that small" in refused("data", "extract", clip, *out, "--longest", "1")
    assert not (tmp_path / "out").exists()
    assert "only 1 frame: nothing to compare" in refused("data", "extract", one, "--out", tmp_path / "one")
    assert "the camera stands still" in refused("data", "extract", still, "--out", tmp_path / "stood")


def test_of_a_video_that_is_cut_short_what_is_there_is_kept(tmp_path: Path, caplog) -> None:
    whole = write_video(tmp_path / "clip.mp4", drive(40))
    whole.write_bytes(whole.read_bytes()[: whole.stat().st_size * 2 // 3])
    main(["data", "extract", str(whole), "--out", str(tmp_path / "out")])
    assert 10 < len(record(tmp_path / "out")["frames"]) < 40
    assert "damaged or cut short" in caplog.text


def test_where_the_size_changes_a_video_ends(tmp_path: Path, capsys) -> None:
    parts = []
    for name, images in (("a", drive(6)), ("b", [image[:80] for image in drive(6)])):
        with av.open(str(tmp_path / f"{name}.h264"), "w", format="h264") as container:
            stream = container.add_stream("libx264", rate=25, options={"bf": "0"})
            stream.height, stream.width, stream.pix_fmt = *images[0].shape[:2], "yuv420p"
            for image in images:
                container.mux(stream.encode(av.VideoFrame.from_ndarray(image, "rgb24").reformat(format="yuv420p")))
            container.mux(stream.encode(None))
        parts.append((tmp_path / f"{name}.h264").read_bytes())
    (tmp_path / "both.h264").write_bytes(b"".join(parts))
    main(["data", "extract", str(tmp_path / "both.h264"), "--out", str(tmp_path / "out")])
    assert [frame["source"] for frame in record(tmp_path / "out")["frames"]] == list(range(6))
    assert "frame 6 is 192x80 where the first is 192x108" in " ".join(capsys.readouterr().out.split())


FORMATS = {
    "ffv1": ("yuv420p10le", "gray", "gray16le", "yuva420p", "yuv444p12le", "gbrp10le", "bgra"),
    "libx264": ("yuv420p10le", "yuvj420p", "gray"),
    "libx265": ("yuv420p10le",),
    "libvpx-vp9": ("yuva420p",),
    "qtrle": ("argb",),
    "prores_ks": ("yuva444p10le",),
    "mjpeg": ("yuvj422p",),
}


@pytest.mark.parametrize(("codec", "layout"), [(c, p) for c, layouts in FORMATS.items() for p in layouts])
def test_pictures_of_any_depth_with_alpha_or_grey_come_out_as_they_look(
    tmp_path: Path, codec: str, layout: str
) -> None:
    if codec not in av.codecs_available:
        pytest.skip(f"PyAV has no {codec} here")
    images = drive(5)
    path = tmp_path / ("clip.mov" if codec in ("qtrle", "prores_ks") else "clip.mkv")
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25)
        stream.height, stream.width, stream.pix_fmt = *images[0].shape[:2], layout
        for number, image in enumerate(images):
            frame = av.VideoFrame.from_ndarray(image, "rgb24").reformat(format=layout)
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    main(["data", "extract", str(path), "--out", str(tmp_path / "out")])
    written = read_rgb(tmp_path / "out" / "000002.jpg").astype(int)
    expected = images[2].astype(int)
    if "gray" in layout:
        assert np.ptp(written, -1).max() <= 2
        expected = expected @ np.array([299, 587, 114])[:, None] // 1000 + np.zeros(3, int)
    assert np.abs(written - expected).mean() < 12
    assert abs(written.mean() - expected.mean()) < 4


def test_no_more_than_the_first_pictures_of_a_row_are_in_memory(clip: Path, tmp_path: Path, monkeypatch) -> None:
    most, take = [0], Selector.take

    def counted(self: Selector, picture) -> list:
        kept = take(self, picture)
        most[0] = max(most[0], len(self._held), len(kept))
        return kept

    monkeypatch.setattr(Selector, "take", counted)
    main(["data", "extract", str(clip), "--out", str(tmp_path / "out")])
    assert most == [3]


def test_a_real_drive_is_kept_whole_and_slow_traffic_is_thinned(real_data: Path, tmp_path: Path) -> None:
    date = real_data / "kitti_raw" / "2011_09_26"
    kept = {}
    for number in ("0009", "0052"):
        folder, out = date / f"2011_09_26_drive_{number}_sync" / "image_02" / "data", tmp_path / number
        main(["data", "extract", str(folder), "--out", str(out), "--longest", "320"])
        kept[number] = [frame["source"] for frame in record(out)["frames"]]
        assert record(out)["summary"]["turned_only"] < 0.1
        assert record(out)["breaks"] == []
    assert len(kept["0009"]) >= 18
    assert 6 <= len(kept["0052"]) <= 12
    shutil.rmtree(tmp_path / "0009")
