import json
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

from egodepth.foundation.errors import InputError
from egodepth.video.confidence import model_for, trust
from egodepth.video.error_cues import DIRECTIONS, HINT_CUES, Cues
from egodepth.video.error_model import FILE, WITHIN, Adaptation, ErrorModels, error_models

STORED = json.loads(files("egodepth.video").joinpath(FILE).read_text())
BOTH = pytest.mark.parametrize("hints", [True, False])


def cues_of(hints: bool, values: float = 0.0, count: int = 200, **others: np.ndarray) -> Cues:
    names = [name for name in DIRECTIONS if hints or name not in HINT_CUES]
    return {name: others.get(name, np.full(count, values, np.float32)) for name in names}


@BOTH
@pytest.mark.parametrize("name", DIRECTIONS)
def test_the_expected_error_grows_with_every_cue_against_the_depth(hints: bool, name: str):
    if name in HINT_CUES and not hints:
        return
    worse = DIRECTIONS[name] * np.linspace(-1, 30, 200, dtype=np.float32)
    expected, confidence = trust(cues_of(hints, **{name: worse}), hints)
    assert (np.diff(expected) >= 0).all()
    assert (np.diff(confidence) <= 0).all()


@BOTH
def test_a_frame_that_nothing_is_known_of_has_the_largest_error(hints: bool):
    unknown = {name: np.full(1, DIRECTIONS[name] * np.inf, np.float32) for name in cues_of(hints)}
    model = model_for(hints)
    np.testing.assert_allclose(trust(unknown, hints).expected_error, model.medians[-1], rtol=0.05)


@BOTH
def test_the_expected_error_is_the_median_and_confidence_the_probability_of_being_within(hints: bool):
    model = model_for(hints)
    errors = np.geomspace(model.medians[0], model.medians[-1], 50)
    at_its_own = [model.share_within(np.array([error]), error)[0] for error in errors]
    np.testing.assert_allclose(at_its_own, 0.5, atol=0.03)
    falling = model.share_within(errors, WITHIN)
    assert 0 <= falling.min() <= falling.max() <= 1
    assert (np.diff(falling) <= 0).all()
    assert (model.share_within(errors, 0.4) >= falling).all()


def test_hints_make_depth_surer():
    models = error_models()
    assert models.with_hints.medians[0] < models.without_hints.medians[0]


def test_the_stored_calibration_is_small_and_survives_being_written(tmp_path: Path):
    text = files("egodepth.video").joinpath(FILE).read_text()
    assert len(text) < 20_000
    assert STORED["about"]
    again = {**STORED, **{name: getattr(error_models(), name).content() for name in ("with_hints", "without_hints")}}
    (tmp_path / "again.json").write_text(json.dumps(again))
    for name in ("with_hints", "without_hints"):
        found, stored = getattr(ErrorModels.read(tmp_path / "again.json"), name), getattr(error_models(), name)
        np.testing.assert_array_equal(found.quantiles, stored.quantiles)


def damaged(change: str) -> dict:
    content = json.loads(json.dumps(STORED))
    of_hints = content["with_hints"]
    if change == "falls":
        of_hints["curves"]["mirror"]["log_error"].reverse()
    elif change == "unknown cue":
        of_hints["curves"]["colour"] = of_hints["curves"].pop("mirror")
    elif change == "missing cue":
        del of_hints["curves"]["mirror"]
    elif change == "short":
        of_hints["quantiles"].pop()
    elif change == "not monotone":
        of_hints["quantiles"][0][-1] = 1e9
    elif change == "another version":
        content["format"] = 99
    else:
        of_hints["scores"][3] = change
    return content


@pytest.mark.parametrize(
    "change",
    ["falls", "unknown cue", "missing cue", "short", "not monotone", "another version", "no number", None, [1.0]],
)
def test_a_damaged_calibration_is_refused(tmp_path: Path, change):
    file = tmp_path / "models.json"
    file.write_text(json.dumps(damaged(change)))
    with pytest.raises(InputError, match=r"no calibration that can be read.*install egodepth again"):
        ErrorModels.read(file)


def test_a_calibration_that_is_no_json_or_is_missing_is_refused(tmp_path: Path):
    (tmp_path / "text.json").write_text("{")
    for name in ("text.json", "none.json"):
        with pytest.raises(InputError, match=name):
            ErrorModels.read(tmp_path / name)


@pytest.mark.parametrize("exponent", [0.0, 0.4, 1.0])
def test_an_adaptation_finds_how_a_clips_errors_depend_on_the_expected_ones(exponent: float):
    rng = np.random.default_rng(0)
    expected = rng.uniform(0.05, 0.4, 5000)
    errors = expected**exponent * np.exp(0.5 * rng.normal(size=5000))
    found = Adaptation.of(expected, errors)
    assert found.exponent == pytest.approx(exponent, abs=0.1)
    np.testing.assert_allclose(found.factor * expected**found.exponent, expected**exponent, rtol=0.15)


def test_an_adaptation_never_turns_the_order_around_and_stays_within_the_calibration():
    expected = np.linspace(0.05, 0.4, 500)
    assert Adaptation.of(expected, 0.5 - expected).exponent == 0
    cues = cues_of(False, mirror=np.linspace(0, 1, 200, dtype=np.float32))
    stated = model_for(False).expected_error(cues, Adaptation(100.0, 0.5))
    assert stated.max() == pytest.approx(model_for(False).medians[-1])
