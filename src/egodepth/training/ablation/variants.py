"""The variants: configurations with parts of the method added, removed and replaced (Godard et al. 2019)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Any

from egodepth.config import TrainConfig
from egodepth.evaluation.pixels import WHOLE
from egodepth.foundation.errors import InputError
from egodepth.training.ablation import knowledge

Change = Callable[[TrainConfig], TrainConfig]


def _loss(**changes: Any) -> Change:
    return lambda config: replace(config, loss=replace(config.loss, **changes))


def _model(**changes: Any) -> Change:
    return lambda config: replace(config, model=replace(config.model, **changes))


def _nothing(config: TrainConfig) -> str:
    return ""


def _one_source(config: TrainConfig) -> str:
    """Return why minimum and average cannot be compared: with one source they are equal."""
    return "" if len(config.data.offsets) + config.data.stereo > 1 else "there is one source alone (offsets, stereo)"


def _no_pose_network(config: TrainConfig) -> str:
    return "" if config.data.learned_poses else "no pose network learns (data.poses given, or no data.offsets)"


def _scale_is_known(config: TrainConfig) -> str:
    is_known = config.data.metric or config.data.poses != "learned"
    return "known poses (stereo, given, sfm) fix the scale" if is_known else ""


@dataclass(frozen=True)
class Variant:
    """A row of the ablation."""

    label: str
    change: Change
    """Maps the configuration of `full` (for `full` itself: the recipe's) to the row's."""
    against: str = ""
    """The reference row, compared seed by seed; empty for the baseline."""
    part: str = ""
    """The one part of the method in which it differs from `against`; empty if it differs in several."""
    pixels: str = WHOLE
    """The pixels that this part addresses."""
    why_not: Callable[[TrainConfig], str] = _nothing
    """Returns the reason why the row does not apply to a recipe's configuration; empty if it does."""
    if_named: bool = False
    """Whether the row is trained only if it is requested by name."""


BASELINE, FULL = "baseline", "full"
_SCALING = "adaptive depth-range scaling"
ENCODERS = ("random-encoder", "pretrained-encoder")
"""The rows that compare initial weights of the encoders."""
_WITH: dict[str, Any] = {"reprojection": "minimum", "automask": True, "multiscale": "full", "predictive_mask": False}
_WITHOUT: dict[str, Any] = {
    "reprojection": "average",
    "automask": False,
    "multiscale": "native",
    "predictive_mask": False,
    "depth_scaling": "none",
}
_PARTS = (
    ("minimum", "minimum reprojection", "reprojection", "occluded", _one_source),
    ("automask", "auto-mask", "automask", "moving", _nothing),
    ("full-res", "full-resolution multi-scale", "multiscale", "textureless", _nothing),
)
"""Name, description, field of `LossConfig`, addressed pixels, and the reason function."""


def _rows() -> dict[str, Variant]:
    rows = {BASELINE: Variant("baseline (average, no mask, native scales)", _loss(**_WITHOUT))}
    for name, words, field, pixels, applies in _PARTS:
        change = _loss(**_WITHOUT | {field: _WITH[field]})
        rows[f"baseline+{name}"] = Variant(f"baseline + {words}", change, BASELINE, words, pixels, applies)
    scaled = _loss(**_WITHOUT | {"depth_scaling": "median"})
    rows["baseline+depth-scaling"] = Variant(
        f"baseline + {_SCALING}", scaled, BASELINE, _SCALING, why_not=_scale_is_known
    )
    rows[FULL] = Variant("full", _loss(**_WITH), BASELINE)
    for name, words, field, pixels, applies in _PARTS:
        change = _loss(**{field: _WITHOUT[field]})
        rows[f"full-{name}"] = Variant(f"full without {words}", change, FULL, words, pixels, applies)
    zhou = _loss(automask=False, predictive_mask=True)
    rows["zhou-mask"] = Variant("full, Zhou's predicted mask for the auto-mask", zhou, FULL)
    rows["no-ssim"] = Variant("full without SSIM", _loss(ssim_weight=0.0), FULL)
    for pose in ("posecnn", "shared", "separate"):
        change = _model(pose=pose)
        rows[f"pose-{pose}"] = Variant(f"full, pose network: {pose}", change, FULL, why_not=_no_pose_network)
    for name, scaling in (("no-depth-scaling", "none"), ("depth-scaling", "median")):
        words = f"full {'without' if scaling == 'none' else 'with'} {_SCALING}"
        rows[name] = Variant(words, _loss(depth_scaling=scaling), FULL, why_not=_scale_is_known)
    return rows | _rows_of_knowledge()


def _rows_of_knowledge() -> dict[str, Variant]:
    """Return the rows for prior knowledge: the encoder's weights, hints, poses."""
    rows = {}
    for name in ENCODERS:
        weights = name.removesuffix("-encoder")
        label, change = f"full, encoders of {weights} weights", _model(pretrained=weights == "pretrained")
        rows[name] = Variant(label, change, FULL, why_not=knowledge.starts_from_a_model, if_named=True)
    for name, label, change in (
        ("photometric-only", "full, photometric loss alone", knowledge.photometric_only),
        ("hints-only", "full, hints alone", knowledge.hints_only),
        ("hints-better", "full, hints where they explain better (Watson et al.)", knowledge.hints_better),
        ("hints-always", "full, every hint and the photometric loss", knowledge.hints_always),
    ):
        rows[name] = Variant(label, change, FULL, why_not=knowledge.no_hints)
    rows["poses-learned"] = Variant(
        "full, poses learned", knowledge.poses_learned, FULL, why_not=knowledge.no_known_poses
    )
    rows["poses-sfm"] = Variant(
        "full, poses by structure from motion", knowledge.poses_sfm, FULL, why_not=knowledge.no_sfm
    )
    return rows


VARIANTS: dict[str, Variant] = _rows()
"""Variants by name, in the order of the table."""


def chosen_variants(names: Sequence[str], config: TrainConfig) -> list[str]:
    """Return the requested variants in the order of the table; by default all that apply except those `if_named`.

    Raises:
        InputError: a name that does not exist, or that does not apply to this configuration.
    """
    for name in names:
        if name not in VARIANTS:
            close = get_close_matches(name, VARIANTS, 1)
            guess = f"did you mean '{close[0]}'? " if close else ""
            raise InputError(f"unknown variant '{name}'; {guess}there are: {', '.join(VARIANTS)}")
        if reason := VARIANTS[name].why_not(config):
            raise InputError(f"variant '{name}' does not apply here: {reason}; leave it out")
    if names:
        return [name for name in VARIANTS if name in names]
    return [name for name, variant in VARIANTS.items() if not variant.if_named and not variant.why_not(config)]


def variant_config(name: str, config: TrainConfig) -> TrainConfig:
    """Return the configuration of a variant of a recipe."""
    full = VARIANTS[FULL].change(config)
    return VARIANTS[name].change(full)


def trained_as(name: str, config: TrainConfig) -> str:
    """Return the first variant with the same configuration, e.g. `full` for the recipe's own pose network."""
    wanted = variant_config(name, config)
    order = [FULL, *(other for other in VARIANTS if other != FULL and not VARIANTS[other].why_not(config))]
    return next(other for other in order if variant_config(other, config) == wanted)
