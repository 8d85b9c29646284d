"""`egodepth evaluate` on real pieces of KITTI, with the truth itself as the prediction."""

import functools
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from egodepth.cli import main
from egodepth.data.drive import select_drives
from egodepth.data.kitti.eigen import EIGEN_FRAMES
from egodepth.data.opening import open_drives, thinned
from egodepth.evaluation.benchmark_frames import benchmark_frames
from egodepth.evaluation.benchmarks import BENCHMARKS
from egodepth.inference.scoring import scoring as run_module

Score = Callable[..., dict[str, dict[str, float]]]

CASES = {
    "eigen": ["kitti_raw", "--drives", "*0052*", "--partial"],
    "eigen_benchmark": ["kitti_raw", "--improved", "kitti_depth", "--all-frames", "--drives", "*0001*"],
    "kitti_2015": ["kitti_2015", "--limit", "12"],
}


@pytest.fixture(scope="module")
def truths(real_data: Path) -> Callable[[str], list[np.ndarray]]:
    """True depth of a benchmark's frames in order, read once."""

    @functools.cache
    def read(name: str) -> list[np.ndarray]:
        folder, improved = real_data / CASES[name][0], real_data / "kitti_depth"
        drives = open_drives(folder, truth=BENCHMARKS[name].truth, improved_dir=improved)
        if name == "eigen":
            frames = benchmark_frames(BENCHMARKS[name], drives, ("*0052*",), True, folder, needs_depth=False)
        else:
            pattern = "*0001*" if name == "eigen_benchmark" else "*"
            chosen = select_drives(drives, (pattern,))
            frames = [(drive, frame) for drive in chosen for frame in drive.frames]
        frames = thinned(frames, 12 if name == "kitti_2015" else None)
        nothing = np.zeros((375, 1242), np.float32)
        return [drive.read_depth(frame) if drive.has_depth(frame) else nothing for drive, frame in frames]

    return lambda name: [depth.copy() for depth in read(name)]


@pytest.fixture
def score(real_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Score:
    """Scores by alignment of depth maps given as predictions."""
    monkeypatch.setattr(run_module, "write_picture_sheet", lambda path, rows, protocol: None)

    def run(name: str, depths: list[np.ndarray], *options: str) -> dict[str, dict[str, float]]:
        array = np.empty(len(depths), object)
        array[:] = depths
        np.savez(tmp_path / "predicted.npz", data=array)
        words = [str(real_data / word) if (real_data / word).exists() else word for word in CASES[name]]
        predicted = ["--predictions", str(tmp_path / "predicted.npz"), "--predicted", "depth"]
        main(
            ["evaluate", *predicted, "--benchmark", name, "--data", *words, "--out", str(tmp_path / "report"), *options]
        )
        scores = json.loads((tmp_path / "report" / "metrics.json").read_text())["scores"]
        return {s["alignment"]: s for s in scores if s["source"] == "model" and s["part"] == "all"}

    return run


def filled(truth: np.ndarray) -> np.ndarray:
    return np.where(truth > 0, truth, 1).astype(np.float32)


@pytest.mark.parametrize("name", CASES)
def test_the_truth_as_prediction_scores_zeros_and_ones(name: str, truths, score: Score, tmp_path: Path) -> None:
    # Of truths that no protocol caps, those beyond 80 m would meet the clamp of predictions.
    depths = [np.where(truth < 80, truth, 0) for truth in truths(name)]
    scores = score(name, [filled(truth) for truth in depths], *in_a_file(tmp_path, depths))
    for alignment in ("none", "median", "dataset_median", "least_squares", "least_squares_shift"):
        for metric in ("abs_rel", "sq_rel", "rmse", "rmse_log"):
            assert scores[alignment][metric] == pytest.approx(0, abs=2e-5)
        assert [scores[alignment][metric] for metric in ("a1", "a2", "a3")] == [1, 1, 1]


@pytest.mark.parametrize("name", CASES)
def test_the_truth_doubled_is_wrong_by_one_unless_its_median_is_matched(
    name: str, truths, score: Score, tmp_path: Path
) -> None:
    depths = [np.where(truth < 40, truth, 0) for truth in truths(name)]
    scores = score(name, [2 * filled(truth) for truth in depths], *in_a_file(tmp_path, depths))
    assert scores["none"]["abs_rel"] == pytest.approx(1, abs=1e-5)
    assert scores["median"]["abs_rel"] == pytest.approx(0, abs=1e-5)


def in_a_file(folder: Path, depths: list[np.ndarray]) -> list[str]:
    """True depth from a file, in the place of the data set's own."""
    array = np.empty(len(depths), object)
    array[:] = depths
    np.savez_compressed(folder / "gt_depths.npz", data=array)
    return ["--truth-file", str(folder / "gt_depths.npz")]


def test_maps_of_all_published_frames_serve_a_part_of_them(real_data: Path, score: Score, capsys) -> None:
    # Whoever has a file for all 697 frames scores the drives that are there; every other map would be seen at once.
    drives = open_drives(real_data / "kitti_raw")
    frames = benchmark_frames(BENCHMARKS["eigen"], drives, ("*0052*",), True, real_data)
    own = {(drive.name, frame): filled(drive.read_depth(frame)) for drive, frame in frames}
    other = np.full((2, 2), 500, np.float32)
    depths = [own.get((line.drive_name, line.frame), other) for line in EIGEN_FRAMES]
    scores = score("eigen", depths, "--limit", "5")
    assert scores["none"]["images"] == 5
    assert scores["none"]["abs_rel"] == pytest.approx(0, abs=2e-5)
    with pytest.raises(SystemExit):
        score("eigen", depths[:-1])
    assert f"696 predictions for {len(own)} images; there must be one for each, or for all 697" in (
        " ".join(capsys.readouterr().err.split())
    )
