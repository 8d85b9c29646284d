import json
from pathlib import Path

import numpy as np
import pytest

from egodepth.video.error_cues import DIRECTIONS, HINT_CUES
from egodepth.video.error_model import UNADAPTED, ErrorModels

pytest.importorskip("scipy")
error_fit = pytest.importorskip("benchmarks.error_fit")
from benchmarks.confidence import Sampled, draw, fit, judge  # noqa: E402


def made(hints: bool, seed: int = 0, count: int = 20_000) -> Sampled:
    """Errors whose logarithm is a monotone function of two cues, plus noise; the other cues say nothing."""
    rng = np.random.default_rng(seed)
    names = [name for name in DIRECTIONS if hints or name not in HINT_CUES]
    cues = {name: rng.uniform(0, 1, count).astype(np.float32) for name in names}
    logs = np.log(0.02) + 2 * cues["mirror"] ** 2 - 1.5 * cues["parallax"] + 0.5 * rng.normal(size=count)
    return Sampled("pixels", hints, UNADAPTED, np.exp(logs), cues)


@pytest.fixture(scope="module")
def models(tmp_path_factory) -> ErrorModels:
    path: Path = tmp_path_factory.mktemp("fit") / "models.json"
    path.write_text(json.dumps(fit([made(True), made(False)], "made up")))
    return ErrorModels.read(path)


def test_a_fit_finds_the_median_of_errors_that_it_has_not_seen(models: ErrorModels):
    other = made(True, seed=1)
    found = models.with_hints.expected_error(other.cues)
    true = 0.02 * np.exp(2 * other.cues["mirror"] ** 2 - 1.5 * other.cues["parallax"])
    assert np.median(np.abs(np.log(found / true))) < 0.1


def test_curves_follow_the_cues_that_matter_and_ignore_the_others(models: ErrorModels):
    sizes = {name: np.ptp(parts) for name, (_, parts) in models.without_hints.curves.items()}
    assert min(sizes["mirror"], sizes["parallax"]) > 0.8
    assert max(sizes["slope"], sizes["inconsistency"], sizes["unexplained"]) < 0.1


def test_stated_shares_are_found_on_other_pixels(models: ErrorModels, capsys, tmp_path: Path):
    diagrams = judge(models, {"other": [made(True, seed=2)]})
    assert "other pixels: area" in capsys.readouterr().out
    for groups in diagrams["pixels, with hints"]:
        np.testing.assert_allclose(groups.said, groups.found, atol=0.04)
    draw(diagrams, tmp_path / "diagram.png")
    assert (tmp_path / "diagram.png").stat().st_size > 1000


def test_cues_that_are_unknown_count_as_the_worst(models: ErrorModels):
    sample = made(True)
    sample.cues["inconsistency"][:500] = np.inf
    fitted = error_fit.fitted(sample.cues, sample.errors)
    assert np.isfinite(fitted.expected_error(sample.cues)).all()
