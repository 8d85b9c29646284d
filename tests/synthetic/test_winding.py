import numpy as np
import pytest

from egodepth.cli import main
from egodepth.synthetic import Street, open_synthetic


def turned_deg(street: Street) -> float:
    """The widest angle between the camera's axes on a drive."""
    axes = np.stack([street.camera_pose(frame)[:3, 2] for frame in range(street.frames)])
    return float(np.degrees(np.arccos(np.clip(axes @ axes.T, -1, 1)).max()))


def test_a_winding_road_turns_more_and_1_is_the_road_as_it_was():
    seed = 30_001  # a drive that turns by 8 degrees
    as_it_was, same, winding = Street(seed, 80), Street(seed, 80, winding=1.0), Street(seed, 80, winding=4.0)
    assert turned_deg(as_it_was) == turned_deg(same)
    assert turned_deg(winding) > 2.5 * turned_deg(as_it_was)


def test_a_set_of_winding_roads_is_rendered_with_its_true_poses(tmp_path):
    words = "--winding 4 --size 32 64 --frames 3 --train 1 --val 0 --test 0 --processes 1 --no-partner"
    main(["data", "render", "--out", str(tmp_path / "set"), *words.split()])
    (drive,) = open_synthetic(tmp_path / "set", "train")
    street = Street(0, 3, winding=4.0)
    np.testing.assert_allclose(drive.read_pose(2), street.camera_pose(2))


@pytest.mark.parametrize("winding", ["-1", "9"])
def test_roads_that_cannot_be_are_one_line(tmp_path, winding: str, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["data", "render", "--out", str(tmp_path / "set"), "--winding", winding])
    assert ended.value.code == 2
    assert "0 to 6 are possible" in capsys.readouterr().err
