"""`egodepth evaluate` beyond KITTI: Make3D, Cityscapes and manifests, with the truth itself as the prediction."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat

from egodepth.cli import main
from egodepth.data.images import write_image
from egodepth.data.opening import open_drives
from egodepth.inference.scoring import scoring as run_module

Make = Callable[[Path], None]


def make3d(root: Path) -> None:
    (root / "Gridlaserdata").mkdir()
    random = np.random.default_rng(0)
    for name in ("1", "2"):
        write_image(root / "Test134" / f"img-{name}.jpg", np.zeros((2272, 1704, 3), np.uint8))
        grid = random.uniform(2, 39, (55, 305, 4))
        grid[20, :100, 3] = 75  # beyond the 70 m of the C1 error
        savemat(root / "Gridlaserdata" / f"depth_sph_corr-{name}.mat", {"Position3DGrid": grid})


def cityscapes(root: Path) -> None:
    camera = {
        "intrinsic": {"fx": 2262.52, "fy": 2265.3, "u0": 1096.98, "v0": 513.14},
        "extrinsic": {"baseline": 0.209313},
    }
    random = np.random.default_rng(0)
    for number in range(2):
        stem = f"berlin_{number:06d}_000019"
        write_image(root / f"leftImg8bit/test/berlin/{stem}_leftImg8bit.png", np.zeros((128, 256, 3), np.uint8))
        disparity = random.uniform(13, 100, (128, 256))  # of 2262 px and 0.21 m: 4.7 to 36 m
        disparity[:32] = 0.1  # the upper quarter does not count, so that nobody meets these 4735 m
        write_image(root / f"disparity/test/berlin/{stem}_disparity.png", (256 * disparity + 1).astype(np.uint16))
        folder = root / "camera" / "test" / "berlin"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{stem}_camera.json").write_text(json.dumps(camera))


def manifest(root: Path) -> None:
    random = np.random.default_rng(0)
    (root / "camera.json").write_text('{"fov_deg": 70}')
    lines = ["drive,frame,image,camera,depth"]
    for frame in range(2):
        write_image(root / f"{frame}.png", np.zeros((32, 64, 3), np.uint8))
        np.save(root / f"{frame}.npy", random.uniform(2, 39, (32, 64)).astype(np.float32))
        lines.append(f"mine,{frame},{frame}.png,camera.json,{frame}.npy")
    (root / "manifest.csv").write_text("\n".join(lines))


CASES: dict[str, tuple[str, Make]] = {
    "make3d": ("make3d", make3d),
    "cityscapes": ("cityscapes", cityscapes),
    "manifest": ("synthetic", manifest),
}


@pytest.fixture(params=CASES)
def scores(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[float], dict]:
    """Scores by alignment of the true depth times a factor."""
    monkeypatch.setattr(run_module, "write_picture_sheet", lambda path, rows, protocol: None)
    benchmark, make = CASES[request.param]
    root = tmp_path / "data"
    root.mkdir()
    make(root)

    def run(factor: float) -> dict[str, dict[str, float]]:
        drives = open_drives(root, "test")
        maps = [drive.read_depth(frame) for drive in drives for frame in drive.frames]
        np.save(tmp_path / "predicted.npy", factor * np.stack(maps))
        words = ["--benchmark", benchmark, "--data", str(root), "--out", str(tmp_path / "report")]
        main(["evaluate", "--predictions", str(tmp_path / "predicted.npy"), "--predicted", "depth", *words])
        found = json.loads((tmp_path / "report" / "metrics.json").read_text())
        assert found["images"] == 2
        assert found["published_images"] == {"make3d": 134, "cityscapes": 1525, "synthetic": None}[benchmark]
        return {s["alignment"]: s for s in found["scores"] if s["source"] == "model"}

    return run


def test_the_truth_as_prediction_scores_zeros_and_ones(scores, capsys: pytest.CaptureFixture[str]) -> None:
    found = scores(1.0)
    for alignment in ("none", "median", "dataset_median", "least_squares", "least_squares_shift"):
        for metric in set(found[alignment]) & {"abs_rel", "sq_rel", "rmse", "rmse_log", "log10"}:
            assert found[alignment][metric] == pytest.approx(0, abs=2e-5), (alignment, metric)
        assert [found[alignment][metric] for metric in ("a1", "a2", "a3")] == [1, 1, 1]
    assert ("log10" in found["none"]) == ("log10" in capsys.readouterr().out)


def test_the_truth_enlarged_is_wrong_by_that_unless_its_median_is_matched(scores) -> None:
    found = scores(1.5)
    assert found["none"]["abs_rel"] == pytest.approx(0.5, abs=1e-5)
    assert found["none"]["a1"] == 0
    if "log10" in found["none"]:
        assert found["none"]["log10"] == pytest.approx(np.log10(1.5), abs=1e-5)
    assert found["median"]["abs_rel"] == pytest.approx(0, abs=1e-5)


def test_only_the_middle_of_cityscapes_and_what_is_near_in_make3d_counts(tmp_path: Path) -> None:
    from egodepth.evaluation.benchmarks import PROTOCOLS

    cityscapes(tmp_path)
    (drive, _) = open_drives(tmp_path, "test")
    import torch

    valid = PROTOCOLS["cityscapes"].valid(torch.from_numpy(drive.read_depth(19)))
    # 96 of 128 rows are left of the bonnet; of them the lower 64 count, and 24 columns less on either side.
    assert valid.shape == (96, 256)
    assert valid.sum() == 64 * 208
    assert valid[32:, 24:232].all()
