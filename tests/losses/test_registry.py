"""The table of loss terms: which count, and how one that is added gets its options."""

from dataclasses import dataclass, replace

import pytest
from torch import Tensor

from egodepth.config import DataConfig, LossConfig, TrainConfig
from egodepth.config.strict_json import from_json, to_json
from egodepth.foundation.errors import InputError
from egodepth.losses import registry
from egodepth.losses.registry import TERMS, Emphasis, Term, chosen_terms
from egodepth.losses.terms import Step


@dataclass(frozen=True)
class FlatOptions:
    weight: float = 0.5
    power: int = 1
    name: str = "flat"


def flat(step: Step, options: FlatOptions) -> Tensor:
    return step.disparities[0].mean() ** options.power


@pytest.fixture
def added(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "TERMS", (*TERMS, Term("flat", flat, options=FlatOptions)))


def with_terms(*terms: str) -> TrainConfig:
    return TrainConfig(data=DataConfig(size=(64, 96)), loss=LossConfig(terms=terms))


def test_the_names_of_the_terms_differ() -> None:
    assert len({term.name for term in TERMS}) == len(TERMS)


@pytest.mark.usefixtures("added")
def test_a_term_with_options_counts_only_where_it_is_named() -> None:
    assert "flat" not in [term.name for term in chosen_terms(with_terms())]
    (*_, term) = chosen_terms(with_terms("flat:weight=0.25,power=2,name=still"))
    assert term.name == "flat"
    assert term.weight(with_terms(), Emphasis()) == 0.25
    assert term.loss.keywords["options"] == FlatOptions(0.25, 2, "still")


@pytest.mark.usefixtures("added")
@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("flut", r"unknown term 'flut'; did you mean 'flat'\? there are: .*flat"),
        ("smoothness", r"unknown term 'smoothness' \(a term of the method"),
        ("flat:heavy=1", "flat has no option 'heavy'; there are: weight, power, name"),
        ("flat:power=x", "power is 'x', not of type int"),
        ("flat:power", "power is '', not of type int"),
        ("flat:weight=-1", "a weight is finite and not negative"),
        ("flat:weight=Infinity", "Infinity is not finite"),
    ],
)
def test_unknown_terms_and_options_are_one_line(words: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        chosen_terms(with_terms(words))


@pytest.mark.usefixtures("added")
def test_spaces_between_options_do_not_matter_and_a_term_counts_once() -> None:
    (*_, term) = chosen_terms(with_terms("flat:weight=0.25, power=2"))
    assert term.loss.keywords["options"].power == 2
    with pytest.raises(InputError, match="name each term once"):
        chosen_terms(with_terms("flat", "flat:weight=2"))


def test_the_names_are_a_part_of_the_configuration_that_a_run_keeps() -> None:
    config = with_terms("flat:weight=1")
    assert from_json(TrainConfig, to_json(config)) == config
    assert from_json(TrainConfig, to_json(replace(config, loss=LossConfig()))).loss.terms == ()
