import json
from pathlib import Path

import pytest
from PIL import Image

from egodepth.cli import main
from egodepth.commands.data_inspect import Inspect
from egodepth.foundation.errors import InputError


def test_the_table_and_the_file_tell_what_is_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for number in (0, 1, 2, 4, 5):
        for folder in ("drive", "drive/partner"):
            (tmp_path / folder).mkdir(parents=True, exist_ok=True)
            if (folder, number) != ("drive/partner", 1):
                Image.new("RGB", (12, 8)).save(tmp_path / folder / f"{number}.png")
    (tmp_path / "drive" / "camera.json").write_text('{"fov_deg": 80, "partner": {"baseline_m": 0.25}}')
    Inspect(tmp_path / "drive", json=tmp_path / "out.json")()
    printed = capsys.readouterr().out
    assert "0.25 m (4)" in printed
    (drive,) = json.loads((tmp_path / "out.json").read_text())["drives"]
    assert drive == {
        "name": "drive",
        "frames": 5,
        "gaps": 1,
        "size": [8, 12],
        "fov_deg": 80.0,
        "baseline_m": 0.25,
        "frames_with_partner": 4,
        "frames_with_depth": 0,
        "training_samples": 1,
    }
    Inspect(tmp_path / "drive", stereo=True)()
    assert ["all", "1", "5", "0", "0"] in [line.split() for line in capsys.readouterr().out.splitlines()]


def test_kitti_fits_a_terminal_of_eighty_columns(real_data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Inspect(real_data / "kitti_raw")()
    lines = capsys.readouterr().out.splitlines()
    assert any(line.startswith("2011_09_26_drive_0001_sync/image_02     10    4 1242x375 81° 0.53 m") for line in lines)


def test_a_missing_folder_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="gone: does not exist"):
        Inspect(tmp_path / "gone")()


def test_a_published_list_is_held_against_what_is_there(real_data: Path, tmp_path: Path, capsys) -> None:
    lists, raw = real_data / "kitti_splits", real_data / "kitti_raw"
    options = ["--split-file", str(lists / "eigen" / "test_files.txt"), "--json", str(tmp_path / "found.json")]
    main(["data", "inspect", str(raw), *options])
    assert "of 697 lines have a frame; missing drives, with their number of lines: 2011" in " ".join(
        capsys.readouterr().out.split()
    )
    found = json.loads((tmp_path / "found.json").read_text())["list"]
    assert (found["lines"], found["served"]) == (697, 14)
    assert sum(found["missing_drives"].values()) == 697 - 14
    assert found["missing_drives"]["2011_09_26_drive_0052_sync/image_02"] == 13
