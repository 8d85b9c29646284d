import json
import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from bag_files import START_NS, D, Entry, camera_info, jpegs, pictures, write_bag
from egodepth.cli import main
from egodepth.data.cameras import read_lens_rig
from egodepth.data.footage.source import open_footage
from egodepth.data.images import read_rgb
from egodepth.data.readers.folder import FolderDrive
from egodepth.foundation.errors import InputError
from footage_scenes import RATE, street

SCENE = street(np.arange(8) * 3.0)
SIZE = (108, 192)


def seconds(entries: list[Entry], tmp_path: Path) -> list[float]:
    path = write_bag(tmp_path / "drive", entries)
    return [round(picture.seconds * RATE, 3) for picture in open_footage(path).pictures()]


def extract(path: Path, out: Path, *words: str) -> dict[str, Any]:
    main(["data", "extract", str(path), "--out", str(out), *words])
    return json.loads((out / "footage.json").read_text())


def line(capsys, *words: str | Path) -> str:
    capsys.readouterr()
    with pytest.raises(SystemExit) as stop:
        main([str(word) for word in words])
    lines = capsys.readouterr().err.splitlines()
    assert (stop.value.code, len(lines)) == (2, 1)
    return lines[0]


@pytest.mark.parametrize("kind", ["bag-lz4", "bag-bz2", "db3", "db3-zstd", "mcap", "mcap-ros1"])
def test_frames_times_and_camera_of_a_bag_become_a_drive(kind: str, tmp_path: Path, capsys) -> None:
    path = write_bag(tmp_path / "drive", [*pictures(SCENE), *camera_info()], kind)
    out = tmp_path / "frames"
    found = extract(path, out)
    assert [frame["seconds"] for frame in found["frames"]] == [round(number / RATE, 4) for number in range(8)]
    assert [frame["source"] for frame in found["frames"]] == list(range(8))
    for number, image in enumerate(SCENE):
        assert np.abs(read_rgb(out / f"{number:06d}.jpg").astype(int) - image).mean() < 6
    written = json.loads((out / "camera.json").read_text())
    assert [written[key] for key in ("width", "height")] == [192, 108]
    assert [written[key] for key in ("fx", "fy", "cx", "cy")] == pytest.approx([150, 152, 95.5, 53.5], rel=1e-6)
    assert written["distortion"] == [*D, 0, 0, 0]
    assert f"camera.json: from /front/camera_info in {path}" in " ".join(capsys.readouterr().out.split())
    assert FolderDrive(out).read_image(3).shape == (*SIZE, 3)  # undistorted


def test_shrunk_frames_have_the_same_camera(tmp_path: Path) -> None:
    path = write_bag(tmp_path / "drive", [*jpegs(SCENE), *camera_info()])
    extract(path, tmp_path / "small", "--longest", "96")
    rig, lens = read_lens_rig(tmp_path / "small" / "camera.json", (54, 96))
    stated = open_footage(path).camera()
    assert stated
    assert (stated.lens, stated.camera.focal.tolist()) == (lens, pytest.approx(rig.camera.focal.tolist()))


def test_run_again_the_command_keeps_the_frames_and_the_camera_file(tmp_path: Path, capsys) -> None:
    path = write_bag(tmp_path / "drive", [*pictures(SCENE), *camera_info()])
    extract(path, tmp_path / "out")
    (tmp_path / "out" / "camera.json").write_text('{"fov_deg": 60}')
    extract(path, tmp_path / "out")
    assert "8 of them from an earlier run" in capsys.readouterr().out
    assert (tmp_path / "out" / "camera.json").read_text() == '{"fov_deg": 60}'


def test_the_topic_and_its_camera_can_be_chosen(tmp_path: Path, capsys) -> None:
    front, rear = pictures(SCENE), jpegs(SCENE[::-1], "/rear/image/compressed")
    path = write_bag(
        tmp_path / "drive", [*front, *rear, *camera_info("/rear/info"), *camera_info("/front/camera_info")]
    )
    said = line(capsys, "data", "extract", path, "--out", tmp_path / "no")
    assert "/front/image_raw (sensor_msgs/Image, 8), /rear/image/compressed (sensor_msgs/CompressedImage, 8)" in said
    assert "/rear/image/compressed" in line(capsys, "data", "inspect", path)
    said = line(capsys, "data", "extract", path, "--out", tmp_path / "no", "--topic", "/left")
    assert "no image topic /left" in said
    words = ["--topic", "/rear/image/compressed", "--camera-info"]
    said = line(capsys, "data", "extract", path, "--out", tmp_path / "no", *words, "/left/camera_info")
    assert "no camera_info topic /left/camera_info; there are: /front/camera_info, /rear/info" in said
    assert not (tmp_path / "no").exists()
    extract(path, tmp_path / "rear", *words, "/rear/info")
    assert np.abs(read_rgb(tmp_path / "rear" / "000000.jpg").astype(int) - SCENE[-1]).mean() < 8
    assert (tmp_path / "rear" / "camera.json").is_file()
    said = line(capsys, "data", "extract", path, "--out", tmp_path / "rear", "--topic", "/front/image_raw")
    assert "holds another extraction" in said


def test_without_camera_info_frames_are_extracted_and_the_topics_are_named(tmp_path: Path, caplog) -> None:
    path = write_bag(tmp_path / "drive", [*pictures(SCENE), *camera_info("/rear/camera_info")])
    with caplog.at_level(logging.WARNING):
        assert len(extract(path, tmp_path / "out")["frames"]) == 8
    (warning,) = caplog.messages
    assert "no camera_info beside /front/image_raw; the topics are: /front/image_raw (sensor_msgs/Image, 8)" in warning
    assert "/rear/camera_info (sensor_msgs/CameraInfo, 1)" in warning
    assert not (tmp_path / "out" / "camera.json").exists()


def test_a_camera_that_cannot_be_used_is_a_warning_unless_it_was_asked_for(tmp_path: Path, caplog, capsys) -> None:
    path = write_bag(tmp_path / "drive", [*pictures(SCENE), *camera_info(size=(100, 400))])
    said = line(capsys, "data", "extract", path, "--out", tmp_path / "no", "--camera-info", "/front/camera_info")
    assert "calibrated for 400x100, but the images are 192x108" in said
    assert not (tmp_path / "no").exists()
    with caplog.at_level(logging.WARNING):
        extract(path, tmp_path / "out")
    assert "calibrated for 400x100" in caplog.text
    assert not (tmp_path / "out" / "camera.json").exists()


def test_inspect_measures_a_bag_and_says_where_its_camera_is(tmp_path: Path, capsys) -> None:
    path = write_bag(tmp_path / "drive", [*pictures(SCENE), *camera_info()], "db3")
    main(["data", "inspect", str(path)])
    printed = " ".join(capsys.readouterr().out.split())
    assert "8, 192x108, 0.3 s at 25 a second" in printed
    assert f"Its camera is from /front/camera_info in {path}" in printed


def test_header_times_count_and_recording_times_where_headers_have_none(tmp_path: Path) -> None:
    late = [entry._replace(logged_ns=entry.logged_ns + 7_000_000 * (n % 3)) for n, entry in enumerate(pictures(SCENE))]
    assert seconds(late, tmp_path / "a") == list(range(8))
    unset = [entry._replace(stamp_ns=0, logged_ns=START_NS + 2 * (entry.stamp_ns - START_NS)) for entry in late]
    assert seconds(unset, tmp_path / "b") == list(range(0, 16, 2))


def test_times_that_repeat_or_go_back_continue_at_the_usual_rate(tmp_path: Path) -> None:
    entries = pictures(SCENE)
    entries[3] = entries[3]._replace(stamp_ns=entries[2].stamp_ns)
    assert seconds(entries, tmp_path / "a") == list(range(8))
    again = [entry._replace(stamp_ns=entry.stamp_ns - 6 * 10**9 // RATE) for entry in entries[6:]]
    assert seconds([*entries[:6], *again], tmp_path / "b") == list(range(8))


@pytest.mark.parametrize("wrong", [0, 3, 6])
@pytest.mark.parametrize("shift_s", [3600, -3600])
def test_one_wrong_time_does_not_shift_the_others(wrong: int, shift_s: int, tmp_path: Path) -> None:
    entries = pictures(SCENE)
    entries[wrong] = entries[wrong]._replace(stamp_ns=entries[wrong].stamp_ns + shift_s * 10**9)
    pause_s = 3600 if (wrong, shift_s) == (0, -3600) else 0  # nothing tells a wrong first time from a pause
    assert seconds(entries, tmp_path) == [0, *(number + pause_s * RATE for number in range(1, 8))]


def test_a_pause_is_kept(tmp_path: Path) -> None:
    entries = [
        entry._replace(stamp_ns=entry.stamp_ns + (number >= 3) * 3600 * 10**9)
        for number, entry in enumerate(pictures(SCENE))
    ]
    assert seconds(entries, tmp_path) == [number + (number >= 3) * 3600 * RATE for number in range(8)]


@pytest.mark.parametrize("other", ["raw", "compressed"])
def test_the_only_topic_without_depth_is_chosen(other: str, tmp_path: Path, capsys) -> None:
    if other == "raw":
        topic = "/front/depth/image_raw"
        depth = pictures(np.ones((8, *SIZE, 1), np.float32), topic, "32FC1")
    else:
        topic = "/front/depth/image_raw/compressedDepth"
        depth = [
            entry._replace(fields=entry.fields | {"format": "16UC1; compressedDepth png"})  # type: ignore[operator]
            for entry in jpegs(SCENE, topic, "png")
        ]
    path = write_bag(tmp_path / "drive", [*pictures(SCENE), *depth])
    assert open_footage(path).fingerprint() == open_footage(path, "/front/image_raw").fingerprint()
    assert "no picture" in line(capsys, "data", "extract", path, "--out", tmp_path / "no", "--topic", topic)


def test_unreadable_messages_are_counted_and_the_others_read(tmp_path: Path, caplog) -> None:
    entries = jpegs(SCENE)
    for number in (0, 5):
        damaged: dict[str, Any] = dict(entries[number].fields)  # type: ignore[arg-type]
        entries[number] = entries[number]._replace(fields=damaged | {"data": damaged["data"][:300]})
    footage = open_footage(write_bag(tmp_path / "drive", entries))
    assert (footage.size, footage.expected, footage.rate) == (SIZE, 8, RATE)
    with caplog.at_level(logging.WARNING):
        found = list(footage.pictures())
    assert [picture.image is None for picture in found] == [number in (0, 5) for number in range(8)]
    assert [round(picture.seconds * RATE, 3) for picture in found] == list(range(8))
    assert "not a readable image" in caplog.text
    assert "(2 of 8 messages cannot be read)" in caplog.text
    found = extract(footage.path, tmp_path / "out")
    assert found["summary"]["unreadable"] == 2


def test_a_file_that_is_damaged_in_the_middle_gives_the_frames_before_it(tmp_path: Path) -> None:
    path = write_bag(tmp_path / "drive", pictures(SCENE), "mcap-ros1")
    data = path.read_bytes()
    half = len(data) // 2
    path.write_bytes(data[:half] + bytes(1000) + data[half + 1000 :])
    footage = open_footage(path)
    frames = list(footage.pictures())
    assert 2 <= len(frames) < 8
    assert footage.ended
    assert footage.ended.endswith("what follows is left out")
    assert "damaged" in footage.ended


def test_bags_without_pictures_are_one_line(tmp_path: Path, capsys) -> None:
    path = write_bag(tmp_path / "camera", camera_info())
    said = line(capsys, "data", "extract", path, "--out", tmp_path / "out")
    assert "no image topic (sensor_msgs/Image, CompressedImage), but /front/camera_info" in said
    path = write_bag(tmp_path / "depth", pictures(np.ones((3, 108, 192, 1), np.float32), encoding="32FC1"))
    assert "'32FC1' are no pictures" in line(capsys, "data", "extract", path, "--out", tmp_path / "out")
    (tmp_path / "text.bag").write_text("no bag at all")
    assert "or no bag" in line(capsys, "data", "extract", tmp_path / "text.bag", "--out", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_topics_are_for_bags_only(tmp_path: Path) -> None:
    Image.fromarray(SCENE[0]).save(tmp_path / "0.png")
    for words in ({"topic": "/image"}, {"camera_info": "/camera_info"}):
        with pytest.raises(InputError, match="no bag"):
            open_footage(tmp_path, **words)


def test_a_recording_changes_its_fingerprint_with_its_topic(tmp_path: Path) -> None:
    path = write_bag(tmp_path / "drive", [*pictures(SCENE), *jpegs(SCENE), *camera_info()])
    topics = ("/front/image_raw", "/front/image_raw/compressed")
    prints = {
        open_footage(path, topic, info).fingerprint() for topic in topics for info in (None, "/front/camera_info")
    }
    assert len(prints) == 4
    assert all("drive.mcap" in each for each in prints)
