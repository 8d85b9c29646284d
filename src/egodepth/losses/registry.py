"""The loss terms in one table. A new term is a file with a function and its options, and one line here.

docs/extending.md shows an example.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from difflib import get_close_matches
from functools import partial
from typing import Any, NamedTuple

from torch import Tensor

from egodepth.config import TrainConfig
from egodepth.config.strict_json import from_json
from egodepth.foundation.errors import InputError, require
from egodepth.losses import terms


class Emphasis(NamedTuple):
    """Factors on the losses that change with the step, in addition to the weights of the configuration."""

    photometric: bool = True
    """Whether the photometric loss has begun to count (`LossConfig.photometric_from`)."""
    hints: Tensor | float = 1.0
    """Factor on the weight of the hints."""
    teacher: Tensor | float = 1.0
    """Factor on the weight of the teacher."""


Weight = Callable[[TrainConfig, Emphasis], Tensor | float]


@dataclass(frozen=True)
class Term:
    """One term of the loss."""

    name: str
    loss: Callable[..., Tensor | None]
    """Function from a `Step` (and `options`, if the term has some) to an unweighted scalar; it returns None if the term
    does not apply to the step."""
    weight: Weight = lambda config, emphasis: 1.0
    """Weight of a term of the method; a term with options has its weight in its options."""
    regularises: bool = False
    """Whether it depends only on disparities and masks; such terms are computed before depth and reprojection."""
    options: type[Any] | None = None
    """Dataclass of the term's options, one of them `weight`. Such a term counts only if `loss.terms` names it."""


TERMS: tuple[Term, ...] = (
    Term("smoothness", terms.smoothness, lambda config, emphasis: config.loss.smoothness, regularises=True),
    Term("mask", terms.mask_entropy, lambda config, emphasis: config.loss.mask_weight, regularises=True),
    Term("photometric", terms.photometric, lambda config, emphasis: config.loss.photometric),
    Term("hint", terms.hint, lambda config, emphasis: config.hints.weight * emphasis.hints),
    Term(
        "gradient",
        terms.hint_gradient,
        lambda config, emphasis: config.hints.weight * config.hints.gradient_weight * emphasis.hints,
    ),
    Term("road", terms.road, lambda config, emphasis: config.hints.road_weight * emphasis.hints),
    Term("teacher", terms.teacher, lambda config, emphasis: config.hints.teacher_weight * emphasis.teacher),
    Term("pose", terms.pose, lambda config, emphasis: config.loss.pose),
)
"""All terms. Those of the method count in every step that they apply to; the others count if `loss.terms` has them."""


def chosen_terms(config: TrainConfig) -> tuple[Term, ...]:
    """Return the terms of a training: those of the method, and those of `loss.terms` with their options.

    Raises:
        InputError: an unknown name or option; the message lists the known ones.
    """
    names = [words.partition(":")[0] for words in config.loss.terms]
    require(len(set(names)) == len(names), "loss.terms: name each term once")
    return (*(term for term in TERMS if term.options is None), *map(_with_options, config.loss.terms))


def _with_options(words: str) -> Term:
    """Return the term that `NAME` or `NAME:option=value,option=value` describes."""
    name, _, given = words.partition(":")
    known = {term.name: (term, term.options) for term in TERMS if term.options is not None}
    if name not in known:
        own = " (a term of the method; it has options of its own)" if name in {term.name for term in TERMS} else ""
        close = get_close_matches(name, known, 1)
        guess = f"did you mean '{close[0]}'? " if close else ""
        raise InputError(f"loss.terms: unknown term '{name}'{own}; {guess}there are: {', '.join(known) or 'none'}")
    term, kind = known[name]
    values, options_of = {}, [field.name for field in fields(kind)]
    for word in filter(None, given.split(",")):
        key, _, value = (part.strip() for part in word.partition("="))
        require(key in options_of, f"loss.terms: {name} has no option '{key}'; there are: {', '.join(options_of)}")
        values[key] = _parsed(value)
    options = from_json(kind, json.dumps(values), f"loss.terms '{words}'")
    require(0 <= options.weight < float("inf"), f"loss.terms '{words}': a weight is finite and not negative")
    return replace(term, loss=partial(term.loss, options=options), weight=lambda config, emphasis: options.weight)


def _parsed(value: str) -> Any:
    """Return the value of JSON text, such as a number or a boolean; other text as it is."""
    try:
        return json.loads(value)
    except ValueError:
        return value
