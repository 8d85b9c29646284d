import json
from pathlib import Path

import numpy as np
import pytest

from egodepth.cli import main
from egodepth.commands.data_inspect import Inspect
from footage_scenes import noisy, street, write_folder, write_video

pytest.importorskip("av")


def test_a_video_needs_no_camera_and_gets_a_verdict(tmp_path: Path, capsys) -> None:
    images = [image for image in street(np.arange(8) * 3.0) for _ in range(2)]
    clip = write_video(tmp_path / "clip.mp4", [*images, *street(np.arange(6) * 3.0, seed=5)], 60)
    Inspect(clip, json=tmp_path / "found.json")()
    printed = " ".join(capsys.readouterr().out.split())
    assert "22, 192x108, 0.3 s at 60 a second" in printed
    assert "Can be trained on: 14 of 22 frames, in 2 rows" in printed
    assert "36% are duplicate pictures" in printed
    found = json.loads((tmp_path / "found.json").read_text())
    assert (found["folder"], found["drives"]) == (str(clip), [])
    assert (found["footage"]["cuts"], found["footage"]["cut_count"]) == ([16], 1)
    assert found["footage"]["motion"]["middle"] == pytest.approx(3 / 192, rel=0.2)
    assert len(found["footage"]["verdict"]) >= 3


def test_frames_with_a_camera_are_counted_and_looked_at(tmp_path: Path, capsys) -> None:
    folder = write_folder(tmp_path / "clip", noisy([street([0])[0]] * 12))
    (folder / "camera.json").write_text('{"fov_deg": 80}')
    Inspect(folder)()
    printed = " ".join(capsys.readouterr().out.split())
    assert "12 0 192x108 80°" in printed
    assert "The camera stands still: no parallax" in printed


def test_a_folder_without_a_camera_is_looked_at(tmp_path: Path, capsys) -> None:
    Inspect(write_folder(tmp_path / "clip", street(np.arange(12) * 3.0)))()
    printed = " ".join(capsys.readouterr().out.split())
    assert "12, 192x108, 1.1 s at 10 a second (assumed)" in printed
    assert "12 of 12 frames, in 1 row, but these are few" in printed
    assert f"Its camera is not known. `egodepth video {tmp_path}" in printed.replace(" /", "/").replace(
        "video/", "video /"
    )


def test_gaps_in_the_names_are_no_standstill(tmp_path: Path, capsys) -> None:
    folder = write_folder(tmp_path / "clip", street(np.arange(12) * 3.0))
    for place, path in enumerate(sorted(folder.iterdir())):
        path.rename(folder / f"n{place * 5 + place * place}.png")
    Inspect(folder)()
    printed = " ".join(capsys.readouterr().out.split())
    assert "The numbers in the file names have gaps, 11 in 12 frames, and no three frames in a row are left" in printed
    assert "stands still" not in printed


def test_one_gap_in_the_names_is_said(tmp_path: Path, capsys) -> None:
    folder = write_folder(tmp_path / "clip", street(np.arange(12) * 3.0))
    sorted(folder.iterdir())[5].unlink()
    Inspect(folder)()
    printed = " ".join(capsys.readouterr().out.split())
    assert "11 of 11 frames, in 2 rows" in printed
    assert "1 gap in the numbers of the file names: no neighbours there." in printed


def test_times_in_names_are_not_assumed(tmp_path: Path, capsys) -> None:
    folder = write_folder(tmp_path / "clip", street(np.arange(12) * 3.0))
    for place, path in enumerate(sorted(folder.iterdir())):
        path.rename(folder / f"{1700000000000 + 50 * place}.png")
    Inspect(folder)()
    assert "12, 192x108, 0.6 s at 20 a second" in (printed := " ".join(capsys.readouterr().out.split()))
    assert "assumed" not in printed


def test_left_and_right_pictures_in_one_folder_are_named(tmp_path: Path, real_data: Path, capsys) -> None:
    folder = write_folder(tmp_path / "clip", street(np.arange(6) * 3.0))
    for place, path in enumerate(sorted(folder.iterdir())):
        path.rename(folder / f"{'left' if place % 2 else 'right'}_{place // 2:04d}.png")
    file = real_data / "kitti_raw" / "2011_09_26" / "calib_cam_to_cam.txt"
    (folder / file.name).write_text(file.read_text())
    with pytest.raises(SystemExit):
        main(["data", "inspect", str(folder)])
    assert "pictures of two cameras (left_0000.png and right_0000.png)" in capsys.readouterr().err


def test_frames_beside_kittis_calibration_are_a_clip_with_its_camera(tmp_path: Path, real_data: Path, capsys) -> None:
    date = real_data / "kitti_raw" / "2011_09_26"
    (tmp_path / "clip").mkdir()
    for path in sorted((date / "2011_09_26_drive_0052_sync" / "image_02" / "data").iterdir())[:5]:
        (tmp_path / "clip" / path.name).write_bytes(path.read_bytes())
    (tmp_path / "clip" / "calib_cam_to_cam.txt").write_text((date / "calib_cam_to_cam.txt").read_text())
    Inspect(tmp_path / "clip", json=tmp_path / "found.json")()
    (drive,) = json.loads((tmp_path / "found.json").read_text())["drives"]
    assert (drive["frames"], drive["fov_deg"]) == (5, pytest.approx(81.4, abs=0.5))


def test_what_was_extracted_is_as_good_as_it_was_found(tmp_path: Path, capsys) -> None:
    clip = write_video(tmp_path / "clip.mp4", noisy(street(np.arange(60) * 0.65), 2.0))
    main(["data", "extract", str(clip), "--out", str(tmp_path / "out")])
    count = len(list((tmp_path / "out").glob("*.jpg")))
    capsys.readouterr()
    Inspect(tmp_path / "out")()
    assert f"{count} of {count} frames, in 1 row" in " ".join(capsys.readouterr().out.split())


def test_a_real_car_at_a_red_light_shows_no_parallax_and_a_driving_one_does(real_data: Path, capsys) -> None:
    date = real_data / "kitti_raw" / "2011_09_26"
    Inspect(date / "2011_09_26_drive_0017_sync" / "image_02" / "data")()
    printed = " ".join(capsys.readouterr().out.split())
    assert "The camera stands still: no parallax, nothing to learn depth from." in printed
    Inspect(date / "2011_09_26_drive_0052_sync" / "image_02" / "data")()
    printed = " ".join(capsys.readouterr().out.split())
    assert "turned only 0.0% of the frames worth keeping" in printed
    assert "Can be trained on" in printed
