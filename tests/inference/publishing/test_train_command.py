"""The command in a card is parsed by the command line, and gives the configuration that it was made from."""

import shlex
from dataclasses import replace

import pytest

from egodepth.cli import _parsed
from egodepth.config import TrainConfig
from egodepth.config.recipes import RECIPES
from egodepth.inference.publishing.train_command import train_command


def parsed(command: str) -> TrainConfig:
    train = _parsed(shlex.split(command)[1:])
    return replace(train.config, data=replace(train.config.data, path=train.data))  # type: ignore[attr-defined]


def with_data(config: TrainConfig, **changes: object) -> TrainConfig:
    return replace(config, data=replace(config.data, **{"path": ("DATA",)} | changes))


@pytest.mark.parametrize("name", ["quickstart", "street-clip", "kitti-m", "ablation"])
def test_a_recipe_as_it_is_needs_no_options(name: str):
    command = train_command(with_data(RECIPES[name]))
    assert command == f"egodepth train {name} --data DATA"
    assert parsed(command) == with_data(RECIPES[name])


def test_changed_fields_of_every_kind_come_back():
    base = RECIPES["street-clip"]
    changed = replace(
        with_data(base, size=(128, 416), poses="learned", paste=0.0, val_path=("/home/me/my val",), drives=("a*", "b")),
        model=replace(base.model, pretrained=False, encoder="resnet18"),
        hints=replace(base.hints, sources=("sweep",), gradient_weight=0.0, teacher="/home/me/models/teacher"),
        trainer=replace(base.trainer, steps=7, seed=3),
        init_from="owner/model",
    )
    command = train_command(changed)
    assert "/home" not in command
    assert command.startswith("egodepth train street-clip --data DATA --")
    stated = replace(
        changed,
        data=replace(changed.data, val_path=("VALIDATION_DATA",)),
        hints=replace(changed.hints, teacher="teacher"),
    )
    assert parsed(command) == stated


def test_an_emptied_list_and_several_folders_come_back():
    base = RECIPES["kitti-ms"]
    changed = with_data(base, path=("/data/kitti", "/data/more"), offsets=(), drives=("2011_*",))
    changed = replace(changed, optimiser=replace(base.optimiser, pose_first=0.0))
    command = train_command(changed)
    assert "--data DATA_1 DATA_2" in command
    assert parsed(command) == replace(changed, data=replace(changed.data, path=("DATA_1", "DATA_2")))


def test_what_does_not_change_the_weights_is_left_out():
    base = with_data(RECIPES["quickstart"])
    housekeeping = replace(base, trainer=replace(base.trainer, workers=9, log_every=1))
    assert train_command(housekeeping) == train_command(base)
