"""What docs/extending.md shows works."""

import re
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from egodepth.cli import _VERBS, main
from egodepth.data import opening, registry
from egodepth.data.batch import DepthSample
from egodepth.data.opening import open_drives, training_samples
from egodepth.evaluation import evaluate_predictions
from egodepth.evaluation.benchmark_frames import benchmark_frames
from egodepth.evaluation.benchmarks import Benchmark
from egodepth.evaluation.protocols import Protocol
from egodepth.foundation.errors import InputError
from egodepth.inference.predictor import DepthPredictor
from egodepth.losses import registry as loss_terms
from egodepth.losses.registry import Term
from egodepth.networks.registry import DEPTH_NETWORKS
from tiny_training import SIZE, a_config, logged, quietly

TINY_STREETS = ["--train", "1", "--val", "1", "--test", "1", "--frames", "4", "--size", "64", "96", "--processes", "1"]
PAGE = Path(__file__).parents[1] / "docs" / "extending.md"


def blocks(section: str) -> list[str]:
    """The Python of a section of the page."""
    text = PAGE.read_text(encoding="utf-8").split(f"# Adding a {section}\n")[1].split("\n## ")[0]
    return re.findall(r"```python\n(.*?)```", text, re.DOTALL)


def run(code: str, **names: object) -> dict[str, Any]:
    """What the code defines, as a module of this name for dataclasses."""
    space: dict[str, Any] = {"__name__": __name__, **names}
    exec(code, space)
    return space


@pytest.fixture
def example(tmp_path: Path) -> Path:
    for drive in ("north", "south"):
        (tmp_path / drive).mkdir()
        for number in range(4):
            Image.new("RGB", (96, 64), (number, 0, 0)).save(tmp_path / drive / f"{number:04d}.png")
    (tmp_path / "example.txt").write_text("70\n")
    return tmp_path


def test_a_data_set_is_one_file_and_one_line(example: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reader, line = blocks("data set")
    space: dict[str, Any] = {"Reader": registry.Reader}
    exec(reader, space)
    exec(line, space)
    added, others = space["READERS"]
    assert isinstance(added, registry.Reader)
    assert others is ...  # those that are there
    monkeypatch.setattr(opening, "READERS", (added, *registry.READERS))
    north, south = open_drives(example)
    assert (north.name, list(north.frames), north.size) == ("north", [0, 1, 2, 3], (64, 96))
    assert south.read_image(3)[0, 0].tolist() == [3, 0, 0]
    assert len(training_samples([north, south], (-1, 1), stereo=False)) == 4


def test_a_damaged_file_of_the_example_is_one_line(example: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (example / "example.txt").write_text("wide")
    reader, _ = blocks("data set")
    space: dict[str, Any] = {}
    exec(reader, space)
    with pytest.raises(InputError, match=r"example\.txt: no number"):
        space["open_example"](example)


def test_every_verb_is_in_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    main(["--help"])
    said = capsys.readouterr().out
    assert [verb for verb in _VERBS if f"\n  {' '.join(verb)} " not in said] == []


def test_what_the_page_names_is_there() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for path in re.findall(r"`(src/\S+?|tests/\S+?)`", text):
        assert (PAGE.parents[1] / path).exists(), path
    drive = (PAGE.parents[1] / "src/egodepth/data/drive.py").read_text(encoding="utf-8")
    names = re.findall(r"`(\w+)`", text.split("stands in")[1].split("Raise")[0])
    assert names
    assert not [name for name in names if name not in drive]


def test_a_loss_term_is_one_file_and_one_line(make_clip, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    term, line = blocks("loss term")
    others, added = run(term + line, Term=Term)["TERMS"]
    assert others is ...
    monkeypatch.setattr(loss_terms, "TERMS", (*loss_terms.TERMS, added))
    clip = make_clip(tmp_path / "clip", size=SIZE)
    losses = {}
    for weight in (0, 2):
        words = (f"scale_consistency:weight={weight}",)
        quietly(a_config(clip, terms=words, steps=1), tmp_path / f"run_{weight}")
        losses[weight] = {name: logged(tmp_path / f"run_{weight}", name)[0] for name in ("scale_consistency", "loss")}
    assert losses[0]["scale_consistency"] > 0
    expected = losses[0]["loss"] + 2 * losses[0]["scale_consistency"]
    assert losses[2]["loss"] == pytest.approx(expected)


def test_a_depth_network_is_one_file_and_one_line(make_clip, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    network, line = blocks("depth network")
    monkeypatch.setitem(DEPTH_NETWORKS, "skipless", run(network + line)["DEPTH_NETWORKS"]["skipless"])
    clip = make_clip(tmp_path / "clip", size=SIZE)
    quietly(a_config(clip, network="skipless", steps=1), tmp_path / "run")
    predictor = DepthPredictor.load(tmp_path / "run")
    assert type(predictor.model.depth_net).__name__ == "SkiplessNet"  # type: ignore[union-attr]
    assert predictor(torch.rand(1, 3, 64, 64)).depth.min() > 0


def test_a_benchmark_is_one_line(tmp_path: Path) -> None:
    (line,) = blocks("benchmark")
    benchmark = run(f"added = {line}", Benchmark=Benchmark, Protocol=Protocol)["added"]
    main(["data", "render", "--out", str(tmp_path), *TINY_STREETS])
    frames = benchmark_frames(benchmark, open_drives(tmp_path, "test"), ("*",), False, tmp_path)
    assert len(frames) == 4

    def right_up_to_20_m(sample: DepthSample) -> torch.Tensor:
        return torch.where(sample.depth > 20, 1.0, 1 / sample.depth.clamp(min=1e-3))

    samples = [drive.depth_sample(frame) for drive, frame in frames]
    report = evaluate_predictions(right_up_to_20_m, samples, benchmark.protocol)
    assert report.protocol == "near"
    assert report.mean("none")["abs_rel"] < 1e-5
