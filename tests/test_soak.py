"""The soak itself works, short; `python tests/soak.py` is the long one, whose figures docs/reliability.md has."""

from pathlib import Path

import pytest

import soak


@pytest.mark.slow
def test_a_training_that_is_killed_and_loses_files_ends_equal(tmp_path: Path):
    found = soak.soak(kills=2, steps=60, seed=2, out=tmp_path)
    assert found["kills"] == 2
    assert found["differ"] == []
    assert found["tracebacks"] == 0


def test_the_comparison_sees_a_difference(tmp_path: Path):
    for run in ("left", "right"):
        for name in ("checkpoints/step_00000005/state.safetensors",):
            (tmp_path / run / name).parent.mkdir(parents=True)
            (tmp_path / run / name).write_text(run)
        for model in ("model", "model_last"):
            (tmp_path / run / model).mkdir()
            for file in ("model.safetensors", "config.json"):
                (tmp_path / run / model / file).write_text("same")
    assert soak.same(tmp_path / "left", tmp_path / "right", 5) == ["checkpoints/step_00000005/state.safetensors"]
