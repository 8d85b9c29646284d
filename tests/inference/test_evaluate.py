import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from jaxtyping import Float

from egodepth.commands.evaluate import Evaluate
from egodepth.config import ModelConfig
from egodepth.data.drive import Drive
from egodepth.data.images import image_size
from egodepth.evaluation import METRICS
from egodepth.foundation.errors import InputError
from egodepth.geometry.camera import Camera
from egodepth.inference.scoring import judged_frames as frames
from egodepth.inference.scoring import scoring as run_module
from egodepth.weights import DepthModel, ModelCard


class SlopeDrive(Drive):
    """A ground plane whose slope differs from frame to frame; frame 3 has no truth."""

    def __init__(self, name: str) -> None:
        self.name, self.frames, self.size = name, [0, 1, 2, 3], (32, 64)
        self.camera = Camera(torch.ones(2), torch.full((2,), 0.5))

    def read_image(self, frame: int, partner: bool = False) -> np.ndarray:
        return np.random.default_rng(frame).integers(0, 256, (*self.size, 3), dtype=np.uint8)

    @property
    def depth_frames(self) -> Sequence[int]:
        return [0, 1, 2]

    def read_depth(self, frame: int) -> Float[np.ndarray, "h w"]:
        rows = np.linspace(40 - 5 * frame, 4, self.size[0], dtype=np.float32)
        return np.repeat(rows[:, None], self.size[1], 1)

    def read_masks(self, frame: int) -> dict[str, np.ndarray]:
        moving = np.zeros(self.size, bool)
        moving[20:, :10] = True
        return {"moving": moving}


@pytest.fixture
def data(monkeypatch) -> Path:
    splits = {"train": ["t0", "t1"], "val": ["v0"], "test": ["s0", "s1"]}
    flat = ["one", "two"]

    def open_drives(path: Path, split: str, *truth: object) -> list[Drive]:
        return [SlopeDrive(name) for name in (flat if Path(path).name == "flat" else splits[split])]

    monkeypatch.setattr(frames, "open_drives", open_drives)
    monkeypatch.setattr(frames, "has_split", lambda path, split: path.name != "flat")
    return Path("set")


@pytest.fixture
def without_pictures(monkeypatch) -> None:
    """The sheet takes longer than all the rest."""
    monkeypatch.setattr(run_module, "write_picture_sheet", lambda path, rows, protocol: None)


@pytest.fixture
def run(tmp_path) -> Path:
    torch.manual_seed(0)
    network = ModelConfig(encoder="mobilenetv3_small_050")
    card = ModelCard(size=(64, 96), metric=False, has_pose_net=False, network=network, training_drives=("t0", "s1"))
    DepthModel(card).save(tmp_path / "run" / "model")
    return tmp_path / "run"


def test_the_table_and_the_report_of_a_run(data, run, tmp_path, capsys):
    Evaluate(model=(str(run),), benchmark="synthetic", data=data, json=tmp_path / "m.json", factor=10.0, device="cpu")()
    printed = capsys.readouterr().out
    lines = (
        "none",
        "median",
        "dataset_median",
        "fixed",
        "moving pixels",
        "constant depth",
        "mean map (train)",
        "mean map, none",
    )
    for expected in (*METRICS, *lines, "mean map, none", "sigma_scale", "6 images", "metrics.json", "sheet.png"):
        assert expected in printed
    report = run / "report"
    assert {path.name for path in report.iterdir()} == {"metrics.json", "table.md", "per_image.csv", "sheet.png"}
    content = json.loads((report / "metrics.json").read_text())
    assert content == json.loads((tmp_path / "m.json").read_text())
    assert (content["images"], content["size"], content["metric"]) == (6, [64, 96], False)
    assert len((report / "per_image.csv").read_text().splitlines()) == 1 + 6 * (6 * 3 + 6)
    assert image_size(report / "sheet.png")[1] == 1600


@pytest.mark.usefixtures("without_pictures")
def test_a_report_replaces_reports_alone(data, run, tmp_path):
    evaluate = Evaluate(
        model=(str(run),), benchmark="synthetic", data=data, device="cpu", out=tmp_path / "mine", limit=2
    )
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "table.md").write_text("the user's")
    with pytest.raises(InputError, match=r"table\.md: exists already, and is not from this command"):
        evaluate()
    assert [path.read_text() for path in (tmp_path / "mine").iterdir()] == ["the user's"]
    (tmp_path / "mine" / "table.md").unlink()
    evaluate()
    dataclasses.replace(evaluate, limit=3)()
    assert json.loads((tmp_path / "mine" / "metrics.json").read_text())["images"] == 3


@pytest.mark.usefixtures("without_pictures")
def test_drives_that_the_model_was_trained_on_are_named(data, run, capsys):
    Evaluate(model=(str(run),), benchmark="synthetic", data=data, device="cpu")()
    assert "trained on 1 of these drives: s1" in capsys.readouterr().out
    assert json.loads((run / "report" / "metrics.json").read_text())["evaluated_drives_trained_on"] == ["s1"]


@pytest.mark.usefixtures("without_pictures")
def test_a_data_set_without_splits_is_judged_by_the_mean_map_of_its_other_frames(data, run, tmp_path, capsys):
    Evaluate(
        model=(str(run),),
        benchmark="eigen",
        data=Path("flat"),
        all_frames=True,
        drives=("one",),
        out=tmp_path / "r",
        device="cpu",
    )()
    assert "mean map (leave-1-out)" in capsys.readouterr().out
    scores = json.loads((tmp_path / "r" / "metrics.json").read_text())["scores"]
    mean_map = next(score for score in scores if score["source"].startswith("mean map"))
    assert 0 < mean_map["abs_rel"] < next(s for s in scores if s["source"] == "constant depth")["abs_rel"]


@pytest.mark.usefixtures("without_pictures")
def test_the_mean_map_can_come_from_elsewhere(data, run, capsys):
    Evaluate(model=(str(run),), benchmark="synthetic", data=data, mean_map=Path("x/flat"), limit=2, device="cpu")()
    printed = capsys.readouterr().out
    assert "mean map (flat)" in printed
    assert "2 images" in printed


@pytest.mark.usefixtures("without_pictures")
def test_the_mean_map_from_elsewhere_has_no_frame_that_is_evaluated(data, run, tmp_path):
    # Of the flat set's six frames with depth, three are evaluated: the map is that of the others.
    options = {"model": (str(run),), "benchmark": "synthetic", "data": Path("flat"), "device": "cpu"}
    Evaluate(**options, drives=("one",), mean_map=Path("x/flat"), json=tmp_path / "one.json")()
    found = json.loads((tmp_path / "one.json").read_text())["scores"]
    (score,) = [s for s in found if s["source"] == "mean map (flat)" and s["alignment"] == "none"]
    assert score["abs_rel"] == pytest.approx(expected_of_the_other_drive(), rel=1e-5)
    with pytest.raises(InputError, match="flat: no frame has true depth, except for those evaluated on"):
        Evaluate(**options, mean_map=Path("x/flat"))()


def expected_of_the_other_drive() -> float:
    """Mean absolute relative difference of drive one's depths to the mean of drive two's, which are the same."""
    depths = np.stack([SlopeDrive("two").read_depth(frame) for frame in (0, 1, 2)])
    return float(np.mean(np.abs(depths - depths.mean(0)) / depths))


@pytest.mark.usefixtures("without_pictures")
def test_post_processing_changes_the_numbers(data, run, tmp_path):
    for post_process in (False, True):
        out = tmp_path / str(post_process)
        Evaluate(
            model=(str(run),),
            benchmark="synthetic",
            data=data,
            out=out,
            post_process=post_process,
            limit=1,
            device="cpu",
        )()
    tables = [(tmp_path / str(used) / "per_image.csv").read_text() for used in (False, True)]
    assert tables[0] != tables[1]


def test_bad_input_is_one_line_that_names_it(data, run, monkeypatch):
    cases = [
        ({"limit": 0}, "--limit 0"),
        ({"factor": 0.0}, "--factor 0"),
        ({"drives": ("nine*",)}, "no drive matches 'nine"),
        ({"model": ("no/such/model/anywhere",)}, "no/such/model"),
        ({"model": ()}, "either a model or --predictions"),
        ({"predictions": Path("p.npy")}, "either a model or --predictions"),
        ({"model": ("a", "b")}, "2 models given; give one model"),
        ({"paired": True}, "1 models given; give two models"),
        ({"model": (), "predictions": Path("p.npy"), "paired": True}, "--paired compares two models"),
        ({"benchmark": "eigen_benchmark"}, "give --improved DIR"),
        ({"improved": Path("maps")}, "--improved changes nothing without --truth improved"),
        ({"predicted": "depth"}, "--predicted changes nothing without --predictions"),
        ({"model": (), "predictions": Path("p.npy"), "device": "cpu"}, "--device changes nothing with --predictions"),
        ({"partial": True}, "--partial changes nothing without a published list"),
        ({"benchmark": "odometry", "limit": 3}, "--limit changes nothing with --benchmark odometry"),
        ({"benchmark": "kitti_benchmark_server", "paired": True}, "--paired changes nothing with --benchmark kitti_b"),
        ({"truth": "lidar-z"}, "--truth lidar-z: a choice for KITTI raw"),
    ]
    for change, hint in cases:
        with pytest.raises(InputError, match=hint):
            Evaluate(**{"model": (str(run),), "benchmark": "synthetic", "data": data, "device": "cpu"} | change)()
    monkeypatch.setattr(SlopeDrive, "depth_frames", ())
    with pytest.raises(InputError, match="no frame has true depth"):
        Evaluate(model=(str(run),), benchmark="synthetic", data=data, device="cpu")()


@pytest.mark.usefixtures("without_pictures")
def test_two_models_are_compared_image_by_image(data, run, tmp_path, capsys):
    options = {"benchmark": "synthetic", "data": data, "device": "cpu", "paired": True}
    Evaluate(model=(str(run), str(run)), **options, out=tmp_path / "versus", json=tmp_path / "p.json")()
    assert "neither" in capsys.readouterr().out
    content = json.loads((tmp_path / "p.json").read_text())
    assert content["images"] == 6
    assert {line["better"] for line in content["lines"]} == {"neither"}
    assert {path.name for path in (tmp_path / "versus").iterdir()} == {"a", "b", "paired.json"}


@pytest.mark.usefixtures("without_pictures")
def test_the_report_says_how_sure_its_means_are(data, run, capsys):
    Evaluate(model=(str(run),), benchmark="synthetic", data=data, device="cpu")()
    assert "95 % interval" in capsys.readouterr().out
    content = json.loads((run / "report" / "metrics.json").read_text())
    for score in content["scores"]:
        low, high = score["intervals"]["abs_rel"]
        assert low <= score["abs_rel"] <= high
