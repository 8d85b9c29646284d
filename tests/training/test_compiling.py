"""Compiled losses against their plain twins; what takes minutes is left to `pytest -m slow`."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from egodepth.config import TrainConfig
from egodepth.foundation.errors import InputError
from egodepth.networks import DepthNet
from egodepth.objective import SelfSupervisedObjective
from egodepth.training.compiling import compile_objective

CASES = Path(__file__).parents[1] / "compiled_cases.py"


@pytest.fixture(scope="session")
def translations(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where torch keeps what it translated, for later tests."""
    return tmp_path_factory.mktemp("inductor")


def run(words: list[str], cache: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    given = {**os.environ, "TORCHINDUCTOR_CACHE_DIR": str(cache), "OMP_NUM_THREADS": "1", **environment}
    return subprocess.run([sys.executable, *words], env=given, capture_output=True, text=True, check=False)


def case(cache: Path, *words: str) -> Any:
    done = run([str(CASES), *words], cache)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def assert_equal(result: Any, gradients: float = 2e-3) -> None:
    for one in result["runs"]:
        assert one["found"].keys() == one["expected"].keys()
        for name, value in one["found"].items():
            # Sums in another order; and a pixel on the edge of the auto-mask may fall to its other side.
            assert value == pytest.approx(one["expected"][name], rel=1e-5, abs=3e-4 if name == "kept" else 1e-6), name
        # As for the loops in C: where a sample falls on the line between two pixels the slope has two values.
        assert max(one["gradients"]) < gradients


@pytest.mark.slow
def test_every_way_of_combining_is_one_graph_with_the_values_of_torch_and_a_second_where_the_automask_goes_on(
    translations,
):
    found = case(translations, "traced")
    for name, one in found.items():
        assert_equal(one)
        assert one["graphs"] == (2 if name == "published" else 1)
    assert [run["found"]["kept"] == 1 for run in found["published"]["runs"]] == [True, False, False, True]


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["S", "MS"])
def test_compiled_losses_are_those_of_torch_and_of_the_loops_in_c(translations, mode):
    found = case(translations, "losses", mode)
    assert_equal(found)
    assert found["standing"] == {"photometric": 0, "kept": 0}
    assert found["names"]
    assert found["said"].startswith("compiling the losses: the first step takes longer; on a processor")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("precision", "compiler"),
    [
        ("float32", "aot_eager_decomp_partition"),
        ("bfloat16", "aot_eager_decomp_partition"),
        ("float32", "inductor"),
    ],
)
def test_networks_and_losses_compiled_are_those_of_torch(translations, precision, compiler):
    assert_equal(case(translations, "everything", "MS", precision, compiler), gradients=1e-2)


def test_a_torch_whose_translations_were_wrong_is_refused_before_anything_is_compiled(monkeypatch):
    monkeypatch.setattr(torch, "__version__", "2.10.0+cu128")
    objective = SelfSupervisedObjective(DepthNet("test_resnet"), None, TrainConfig())
    with pytest.raises(InputError, match=r"torch 2.14 or newer, and this is 2.10.0\+cu128: .*compile none"):
        compile_objective(objective, "losses", torch.device("cpu"))
    assert compile_objective(objective, "none", torch.device("cpu")) == ""


def test_none_changes_nothing():
    objective = SelfSupervisedObjective(DepthNet("test_resnet"), None, TrainConfig())
    before = dict(objective.__dict__)
    assert compile_objective(objective, "none", torch.device("cpu")) == ""
    assert objective.__dict__ == before


def command(clip: Path, run: Path, compiles: str) -> list[str]:
    options = {
        "data": clip,
        "run": run,
        "data.size": "64 64",
        "model.encoder": "test_resnet",
        "trainer.steps": 4,
        "trainer.batch-size": 1,
        "trainer.checkpoint-every": 2,
        "trainer.log-every": 1,
        "trainer.precision": "float32",
        "trainer.device": "cpu",
        "trainer.compile": compiles,
        "optimiser.pose-first": 0.25,
    }
    words = [word for name, value in options.items() for word in (f"--{name}", *str(value).split())]
    return ["-m", "egodepth", "train", "street-clip-photometric", *words]


def test_without_a_compiler_that_works_training_says_so_in_one_line_and_takes_no_folder(make_clip, tmp_path: Path):
    clip = make_clip(tmp_path / "clip", size=(64, 64))
    done = run(command(clip, tmp_path / "run", "losses"), tmp_path / "cache", CXX="/bin/false")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("egodepth: torch.compile does not work here (")
    assert "C++ compiler" in last
    assert last.endswith("; train with --trainer.compile none, in a new --run")
    assert not (tmp_path / "run").exists()


def weights(run: Path) -> dict[str, torch.Tensor]:
    return load_file(run / "checkpoints" / "step_00000004" / "state.safetensors")


@pytest.mark.slow
@pytest.mark.parametrize("compiles", ["losses", "all"])
def test_a_compiled_training_goes_on_to_the_very_weights_and_close_to_those_of_torch(
    make_clip, tmp_path: Path, translations, compiles
):
    clip = make_clip(tmp_path / "clip", size=(64, 64))
    places = {name: tmp_path / name for name in ("whole", "broken", "plain")}
    for name, place in places.items():
        done = run(command(clip, place, "none" if name == "plain" else compiles), translations)
        assert done.returncode == 0, done.stderr
        assert ("compiling " in done.stderr) == (name != "plain")
    shutil.rmtree(places["broken"] / "checkpoints" / "step_00000004")
    done = run(command(clip, places["broken"], compiles), translations)
    assert "resuming from step_00000002" in done.stderr
    whole, broken = weights(places["whole"]), weights(places["broken"])
    assert [name for name in whole if not torch.equal(whole[name], broken[name])] == []
    lines = [[json.loads(line) for line in (places[n] / "log.jsonl").read_text().splitlines()] for n in places]
    first = [next(line["loss"] for line in log if "loss" in line) for log in lines]
    assert first[0] == pytest.approx(first[2], rel=1e-4)
    refused = run(command(clip, places["whole"], "none"), translations)
    assert refused.returncode == 2
    assert f'was started with trainer.compile = "{compiles}", not "none"' in refused.stderr
