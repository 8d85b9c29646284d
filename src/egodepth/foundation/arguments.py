"""Parse the arguments of a command by tyro, and report refused ones as one line."""

import dataclasses
import typing
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from typing import Any, NoReturn

import tyro

# tyro's only structured report of refused arguments. It is experimental, so pyproject.toml fixes tyro's minor version.
from tyro import _errors as refusals

from egodepth.foundation.errors import InputError


def parse_arguments(kind: Any, words: Sequence[str], program: str, default: Any = None) -> Any:
    """Return an object of dataclass `kind` from the words of a command line.

    Args:
        kind: a dataclass whose fields are the options.
        words: the words after the name of the command.
        program: the name of the command, for the help and for messages.
        default: an object of `kind` with the defaults.

    Raises:
        InputError: an argument is unknown, missing, or has an unusable value.
        SystemExit: with code 0, after `--help`.
    """

    def refuse(event: refusals.ParseErrorEvent) -> NoReturn:
        raise InputError(f"{_reason(event, list(_option_names(kind)))} (see {program} --help)")

    given = {} if default is None else {"default": default}
    with refusals.on_parse_error(refuse):
        return tyro.cli(kind, args=list(words), prog=program, **given)


def _reason(event: refusals.ParseErrorEvent, options: Sequence[str]) -> str:
    """Return what is wrong with the arguments, and a hint where one is known."""
    if isinstance(event, refusals.UnrecognizedArgs):
        return _unknown(event.tokens, options)
    if isinstance(event, refusals.MissingArgs):
        missing = "missing: " + ", ".join(_name(argument.arg) for argument in event.missing_arguments)
        return f"{_unknown(event.unrecognized_tokens, options)}; {missing}" if event.unrecognized_tokens else missing
    if isinstance(event, refusals.InvalidChoice):
        hint = _did_you_mean(event.value, event.choices)
        return f"{_name(event.argument)} is '{event.value}'; {hint}choose from {', '.join(event.choices)}"
    if isinstance(event, refusals.BadValue):
        return _expectation(event.argument)
    if isinstance(event, refusals.InstantiationFailure) and event.argument is not None:
        is_short = "\n" not in event.message  # that of a choice of types has many lines
        return _expectation(event.argument) + (f": {event.message}" if is_short else "")
    return "unusable arguments"


def _expectation(argument: Any) -> str:
    """Return which values an argument takes, such as `--data.size expects INT INT`."""
    values = str(argument.lowered.metavar)
    optional = values.removeprefix("{None}|")
    return f"{_name(argument)} expects {values if optional == values else optional.strip('{}')}"


def _unknown(words: Sequence[str], options: Sequence[str]) -> str:
    unknown = [word for word in words if word.startswith("--")]
    if not unknown:
        return f"unexpected argument '{words[0]}'"
    hint = _did_you_mean(unknown[0].partition("=")[0].replace("_", "-"), options)
    return f"unknown option {unknown[0]}{'; ' + hint.rstrip() if hint else ''}"


def _did_you_mean(word: str, known: Sequence[str]) -> str:
    close = get_close_matches(word, known, 1, cutoff=0.7)
    return f"did you mean '{close[0]}'? " if close else ""


def _name(argument: Any) -> str:
    """Return an option's flag, or the name of a positional argument in capitals."""
    return argument.field.intern_name.upper() if argument.is_positional() else argument.lowered.name_or_flags[0]


def _option_names(kind: Any, prefix: str = "--") -> Iterator[str]:
    """Yield the flags of a dataclass. The fields of a nested dataclass have its field's name as prefix."""
    for field, hint in typing.get_type_hints(kind, include_extras=True).items():
        name = prefix + field.replace("_", "-")
        inner, *extras = typing.get_args(hint) if typing.get_origin(hint) is typing.Annotated else (hint,)
        if dataclasses.is_dataclass(inner):
            is_flat = any(getattr(extra, "name", None) == "" for extra in extras)
            yield from _option_names(inner, prefix if is_flat else f"{name}.")
        else:
            yield name
            if inner is bool:
                yield f"{prefix}no-{field.replace('_', '-')}"
