import errno
import hashlib
import json
from pathlib import Path

import pytest
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from egodepth.foundation.errors import InputError
from egodepth.training import checkpoint
from egodepth.training.checkpoint import Progress, list_checkpoints, load_checkpoint, newest_undamaged, save_checkpoint


def a_module() -> nn.Module:
    module = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.Conv2d(8, 4, 3))
    return module.to(memory_format=torch.channels_last)


def an_optimiser(module: nn.Module) -> torch.optim.Optimizer:
    return torch.optim.Adam(module.parameters(), 1e-2, fused=True)


def train(module: nn.Module, optimiser: torch.optim.Optimizer, steps: range) -> None:
    for step in steps:
        image = torch.rand(2, 3, 8, 8, generator=torch.Generator().manual_seed(step))
        optimiser.zero_grad()
        module(image).square().mean().backward()
        optimiser.step()


def saved(folder: Path, step: int = 3, keep: int = 2, best: float | None = None) -> Path:
    module = a_module()
    optimiser = an_optimiser(module)
    train(module, optimiser, range(2))
    return save_checkpoint(folder, module, optimiser, {"seed": 1}, Progress(step, best), keep)


def load(place: Path) -> Progress:
    module = a_module()
    return load_checkpoint(place, module, an_optimiser(module))


def test_a_run_that_goes_on_ends_with_the_very_weights_of_an_unbroken_one(tmp_path: Path):
    whole = a_module()
    optimiser = an_optimiser(whole)
    train(whole, optimiser, range(4))
    place = save_checkpoint(tmp_path, whole, optimiser, {}, Progress(4, 0.25), 1)
    train(whole, optimiser, range(4, 8))

    resumed = a_module()
    second = an_optimiser(resumed)
    assert load_checkpoint(place, resumed, second) == Progress(4, 0.25)
    train(resumed, second, range(4, 8))
    for (name, found), expected in zip(resumed.state_dict().items(), whole.state_dict().values(), strict=True):
        assert torch.equal(found, expected), name
    for found, expected in zip(resumed.parameters(), whole.parameters(), strict=True):
        assert second.state[found].keys() == optimiser.state[expected].keys() == {"step", "exp_avg", "exp_avg_sq"}
        for key, value in optimiser.state[expected].items():
            assert torch.equal(second.state[found][key], value), key
            assert second.state[found][key].stride() == value.stride()


def test_a_checkpoint_says_its_format_step_and_configuration(tmp_path: Path):
    place = saved(tmp_path, step=12, best=0.5)
    assert place == tmp_path / "step_00000012"
    header = json.loads((place / "checkpoint.json").read_text())
    assert header["format"] == "egodepth-checkpoint-2"
    assert (header["step"], header["best"], header["skipped"], header["config"]) == (12, 0.5, None, {"seed": 1})
    assert header["state_sha256"] == hashlib.sha256((place / "state.safetensors").read_bytes()).hexdigest()
    assert {name.split(".")[0] for name in load_file(place / "state.safetensors")} == {"model", "optimiser"}


def test_only_the_newest_are_kept_in_the_order_of_their_steps(tmp_path: Path):
    for step in (9, 10, 100):
        saved(tmp_path, step, keep=2)
    assert [place.name for place in list_checkpoints(tmp_path)] == ["step_00000010", "step_00000100"]
    assert list_checkpoints(tmp_path / "nowhere") == []


@pytest.mark.parametrize(
    "error",
    [OSError(errno.ENOSPC, "No space left on device"), SafetensorError("I/O error: No space left on device")],
)
def test_a_full_disk_leaves_the_old_checkpoints_and_nothing_half_written(tmp_path: Path, monkeypatch, error):
    old = saved(tmp_path, step=3)

    def half(tensors: object, path: Path) -> None:
        path.write_bytes(b"half")
        raise error

    monkeypatch.setattr(checkpoint, "save_file", half)
    with pytest.raises(InputError, match=r"step_00000006: cannot write the checkpoint \(.*No space left on device.*\)"):
        saved(tmp_path, step=6, keep=1)
    assert list(tmp_path.iterdir()) == [old]
    assert load(old).step == 3


def test_what_a_killed_writer_left_is_no_checkpoint_and_is_cleared_away(tmp_path: Path):
    left = tmp_path / ".step_00000003.writing"
    left.mkdir()
    (left / "state.safetensors").write_bytes(b"half")
    assert list_checkpoints(tmp_path) == []
    place = saved(tmp_path, step=3)
    assert list(tmp_path.iterdir()) == [place]
    assert load(place).step == 3


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="file/checkpoints/step_00000003: cannot write the checkpoint") as caught:
        saved(tmp_path / "file" / "checkpoints")
    assert "\n" not in str(caught.value)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def a_better_best(path: Path) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | {"best": 0.0}))


@pytest.mark.parametrize(
    ("file", "damage"),
    [
        ("checkpoint.json", lambda path: path.write_text("{")),
        ("checkpoint.json", lambda path: path.write_text("[]")),
        ("checkpoint.json", lambda path: path.write_text("[" * 100_000)),
        ("checkpoint.json", lambda path: path.write_bytes(b"\xff\xfe")),
        ("checkpoint.json", lambda path: path.write_text('{"format": "egodepth-checkpoint-2"}')),
        ("checkpoint.json", a_better_best),
        ("checkpoint.json", Path.unlink),
        ("state.safetensors", cut),
        ("state.safetensors", flip),
        ("state.safetensors", lambda path: path.write_bytes(b"")),
        ("state.safetensors", lambda path: torch.save({"weight": torch.ones(3)}, path)),
        ("state.safetensors", Path.unlink),
    ],
)
def test_a_damaged_checkpoint_is_named_and_set_aside_and_the_one_before_is_used(tmp_path: Path, file, damage):
    before, newest = saved(tmp_path, 3), saved(tmp_path, 6)
    damage(newest / file)
    said: list[str] = []
    assert newest_undamaged(tmp_path, said.append) == before
    (line,) = said
    assert line.startswith(f"{newest / file}: ")
    assert line.endswith("it is renamed to damaged_step_00000006, and the previous checkpoint is used")
    assert "\n" not in line
    assert sorted(path.name for path in tmp_path.iterdir()) == ["damaged_step_00000006", "step_00000003"]
    assert load(before).step == 3


def test_without_a_whole_checkpoint_there_is_none(tmp_path: Path):
    for step in (3, 6):
        cut(saved(tmp_path, step) / "state.safetensors")
    said: list[str] = []
    assert newest_undamaged(tmp_path, said.append) is None
    assert len(said) == 2
    assert newest_undamaged(tmp_path, said.append) is None
    assert len(said) == 2


def test_files_are_put_beside_it_before_it_counts_as_finished(tmp_path: Path):
    def fail(_: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    module = a_module()
    optimiser = an_optimiser(module)
    with pytest.raises(InputError, match="No space left"):
        save_checkpoint(tmp_path, module, optimiser, {}, Progress(3, None), 2, fail)
    assert list(tmp_path.iterdir()) == []
    place = save_checkpoint(
        tmp_path, module, optimiser, {}, Progress(3, None), 2, lambda at: (at / "note").write_text("x") and None
    )
    assert (place / "note").read_text() == "x"


def test_a_checkpoint_of_another_format_is_refused(tmp_path: Path):
    place = saved(tmp_path)
    header = json.loads((place / "checkpoint.json").read_text())
    (place / "checkpoint.json").write_text(json.dumps(header | {"format": "egodepth-checkpoint-9"}))
    with pytest.raises(
        InputError, match=r"step_00000003: checkpoint format 'egodepth-checkpoint-9', this version reads"
    ):
        load(place)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"model.0.weight": torch.ones(2, 2)}, "do not fit its configuration"),
        ({"model.9.weight": torch.ones(2, 2)}, "do not fit its configuration"),
        ({"optimiser.exp_avg.9.weight": torch.ones(2)}, "optimiser state does not match"),
        ({"optimiser.exp_avg.0.weight": torch.ones(2)}, "optimiser state does not match"),
    ],
)
def test_a_checkpoint_of_another_network_is_refused(tmp_path: Path, change, complaint):
    place = saved(tmp_path)
    file = place / "state.safetensors"
    save_file({name: value.clone() for name, value in load_file(file).items()} | change, file)
    with pytest.raises(InputError, match=complaint) as caught:
        load(place)
    assert str(caught.value).startswith(f"{file}: ")
    assert "\n" not in str(caught.value)
