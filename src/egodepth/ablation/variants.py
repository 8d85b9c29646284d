"""What is compared: a configuration with the method's parts added, taken away and exchanged (Godard et al. 2019)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Any

from egodepth.config import TrainConfig
from egodepth.errors import InputError
from egodepth.evaluation.pixels import WHOLE

Change = Callable[[TrainConfig], TrainConfig]


def _loss(**changes: Any) -> Change:
    return lambda config: replace(config, loss=replace(config.loss, **changes))


def _model(**changes: Any) -> Change:
    return lambda config: replace(config, model=replace(config.model, **changes))


def _always(config: TrainConfig) -> bool:
    return True


def _has_choice_of_sources(config: TrainConfig) -> bool:
    """With one source, its error is the minimum and the average at once."""
    return len(config.data.offsets) + config.data.stereo > 1


def _estimates_poses(config: TrainConfig) -> bool:
    return config.data.learned_poses


def _is_mono(config: TrainConfig) -> bool:
    return not config.data.metric


@dataclass(frozen=True)
class Variant:
    """A row of the ablation."""

    label: str
    change: Change
    """From the configuration of `full` (for `full` itself: from the recipe's) to the row's."""
    against: str = ""
    """The row it is compared with, seed by seed; empty for the baseline."""
    part: str = ""
    """The one part of the method in which it differs from `against`, where it differs in one."""
    pixels: str = WHOLE
    """The pixels that this part is for."""
    applies: Callable[[TrainConfig], bool] = _always
    """Whether the row means anything with a configuration."""


BASELINE, FULL = "baseline", "full"
_WITH: dict[str, Any] = {"reprojection": "minimum", "automask": True, "multiscale": "full", "predictive_mask": False}
_WITHOUT: dict[str, Any] = {
    "reprojection": "average",
    "automask": False,
    "multiscale": "native",
    "predictive_mask": False,
}
_PARTS = (
    ("minimum", "minimum reprojection", "reprojection", "occluded", _has_choice_of_sources),
    ("automask", "auto-mask", "automask", "moving", _always),
    ("full-res", "full-resolution multi-scale", "multiscale", "textureless", _always),
)
"""Name, words, field of `LossConfig`, the pixels that it is for, and where it applies."""


def _rows() -> dict[str, Variant]:
    rows = {BASELINE: Variant("baseline (average, no mask, native scales)", _loss(**_WITHOUT))}
    for name, words, field, pixels, applies in _PARTS:
        change = _loss(**_WITHOUT | {field: _WITH[field]})
        rows[f"baseline+{name}"] = Variant(f"baseline + {words}", change, BASELINE, words, pixels, applies)
    rows[FULL] = Variant("full", _loss(**_WITH), BASELINE)
    for name, words, field, pixels, applies in _PARTS:
        change = _loss(**{field: _WITHOUT[field]})
        rows[f"full-{name}"] = Variant(f"full without {words}", change, FULL, words, pixels, applies)
    zhou = _loss(automask=False, predictive_mask=True)
    rows["zhou-mask"] = Variant("full, Zhou's predicted mask for the auto-mask", zhou, FULL)
    rows["no-ssim"] = Variant("full without SSIM", _loss(ssim_weight=0.0), FULL)
    for pose in ("posecnn", "shared", "separate"):
        change = _model(pose=pose)
        rows[f"pose-{pose}"] = Variant(f"full, pose network: {pose}", change, FULL, applies=_estimates_poses)
    for name, scaling in (("no-depth-scaling", "none"), ("depth-scaling", "median")):
        words = f"full {'without' if scaling == 'none' else 'with'} adaptive depth-range scaling"
        rows[name] = Variant(words, _loss(depth_scaling=scaling), FULL, applies=_is_mono)
    return rows


VARIANTS: dict[str, Variant] = _rows()
"""By name, in the order of the table."""


def chosen_variants(names: Sequence[str], config: TrainConfig) -> list[str]:
    """The variants asked for, in the order of the table; all that apply if none are named.

    Raises:
        InputError: a name that does not exist, or that means nothing with this configuration.
    """
    for name in names:
        if name not in VARIANTS:
            close = get_close_matches(name, VARIANTS, 1)
            guess = f"did you mean '{close[0]}'? " if close else ""
            raise InputError(f"unknown variant '{name}'; {guess}there are: {', '.join(VARIANTS)}")
        if not VARIANTS[name].applies(config):
            raise InputError(f"variant '{name}' means nothing with these sources (offsets, stereo); leave it out")
    return [name for name in VARIANTS if (name in names if names else VARIANTS[name].applies(config))]


def variant_config(name: str, config: TrainConfig) -> TrainConfig:
    """The configuration of a variant of a recipe."""
    full = VARIANTS[FULL].change(config)
    return VARIANTS[name].change(full)


def trained_as(name: str, config: TrainConfig) -> str:
    """The first variant with the same configuration: the recipe's own pose network, say, is `full` over again."""
    wanted = variant_config(name, config)
    order = [FULL, *(other for other in VARIANTS if other != FULL and VARIANTS[other].applies(config))]
    return next(other for other in order if variant_config(other, config) == wanted)
