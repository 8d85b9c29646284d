"""Read and write configurations as JSON, for run folders, models and data sets."""

import dataclasses
import json
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar

from egodepth.foundation.errors import InputError, require
from egodepth.foundation.reading import parse_json

T = TypeVar("T")


def to_json(config: Any) -> str:
    """Return the configuration as indented JSON. `from_json` reads it back equal."""
    return json.dumps(dataclasses.asdict(config), indent=2)


def flattened(value: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return nested settings with dotted names, as the command line writes them."""
    flat = {}
    for name, item in value.items():
        flat |= flattened(item, f"{prefix}{name}.") if isinstance(item, Mapping) else {prefix + name: item}
    return flat


def from_json(kind: type[T], text: str, source: str | Path = "configuration") -> T:
    """Return a configuration dataclass from JSON text.

    Raises:
        InputError: not JSON, an unknown or missing key, or a value of the wrong type; names `source` and the key.
    """
    try:
        return _build(kind, parse_json(text), "")
    except (ValueError, TypeError, InputError) as error:
        raise InputError(f"{source}: not a valid {kind.__name__}: {error}") from error


def _build(kind: Any, value: Any, where: str) -> Any:
    """Return a value of type `kind` from parsed JSON. `where` is the dotted key, for messages."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    name = where.rstrip(".")
    if dataclasses.is_dataclass(kind):
        require(isinstance(value, dict), f"{name or 'the top level'} must be an object")
        hints = typing.get_type_hints(kind)
        for key in value:
            require(key in hints, f"unknown field '{where}{key}'")
        # An older file may lack a field. Its meaning there may differ from today's default.
        meant = {f.name: f.metadata["absent"] for f in dataclasses.fields(kind) if "absent" in f.metadata}
        return kind(**meant | {key: _build(hints[key], item, f"{where}{key}.") for key, item in value.items()})  # type: ignore[operator]
    if origin is Literal:
        require(value in arguments, f"{name} is {value!r}; choose from {', '.join(map(repr, arguments))}")
        return value
    if origin is tuple:
        require(isinstance(value, list), f"{name} must be a list")
        inner = [arguments[0]] * len(value) if arguments[-1] is Ellipsis else list(arguments)
        require(len(inner) == len(value), f"{name} must have {len(inner)} entries")
        return tuple(_build(t, item, f"{name}[{i}].") for i, (t, item) in enumerate(zip(inner, value, strict=True)))
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    require(type(value) is kind, f"{name} is {value!r}, not of type {kind.__name__}")
    return value
