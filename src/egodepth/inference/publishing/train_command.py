"""The command that trains a configuration: the nearest recipe, and the options that differ from it."""

import shlex
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import PurePath
from typing import Any

from egodepth.config import HOUSEKEEPING, TrainConfig
from egodepth.config.recipes import RECIPES
from egodepth.config.strict_json import flattened

_DATA, _VALIDATION = "DATA", "VALIDATION_DATA"
"""Stand for folders, whose place says nothing to others."""


def train_command(config: TrainConfig) -> str:
    """Return the `egodepth train` command of a configuration, without options that do not change the weights.

    `DATA` stands for the folder of the data; of other absolute paths the last part is kept.
    """
    wanted = _settings(config)
    differences = {name: _changes(_settings(recipe), wanted) for name, recipe in RECIPES.items()}
    nearest = min(differences, key=lambda name: len(differences[name]))
    words = ["egodepth", "train", nearest, "--data", *_numbered(_DATA, len(config.data.path))]
    for name, value in differences[nearest].items():
        words += _option(name, value)
    return shlex.join(words)


def _settings(config: TrainConfig) -> dict[str, Any]:
    """Return what determines the weights besides the place of the data, by dotted name."""
    settings = {name: value for name, value in flattened(asdict(config)).items() if name not in HOUSEKEEPING}
    del settings["data.path"]
    settings["data.val_path"] = tuple(_numbered(_VALIDATION, len(config.data.val_path)))
    return {name: without_folder(value) for name, value in settings.items()}


def _numbered(name: str, count: int) -> list[str]:
    """Return `name` once; several times with numbers."""
    return [name] * count if count < 2 else [f"{name}_{number}" for number in range(1, count + 1)]


def without_folder(value: object) -> object:
    """Return a text without the folder of the absolute path that it begins with: its place says nothing to others."""
    if not isinstance(value, str):
        return value
    path, bracket, more = value.partition(" (")
    return (PurePath(path).name if PurePath(path).is_absolute() else path) + bracket + more


def _changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in after.items() if value != before[name]}


def _option(name: str, value: object) -> list[str]:
    """Return an option in the words of the command line."""
    name = name.replace("_", "-")
    if isinstance(value, bool):
        group, _, last = name.rpartition(".")
        return [f"--{name}" if value else f"--{group}.no-{last}"]
    return [f"--{name}", *map(str, value if isinstance(value, tuple) else (value,))]
