"""Variants of prior knowledge (hints and poses), and the conditions under which they apply."""

from dataclasses import replace

from egodepth.config import HintConfig, HintSource, TrainConfig

_SOURCES: tuple[HintSource, ...] = ("sweep", "sparse", "contact")
"""Hints for a recipe with known poses and without sources of its own."""


def starts_from_a_model(config: TrainConfig) -> str:
    """Return the reason why the encoders' initial weights cannot be compared; empty if they can."""
    return "all weights come from --init-from" if config.init_from else ""


def no_hints(config: TrainConfig) -> str:
    """Return the reason why hints cannot be compared; empty if they can.

    Other recipes have depth in a unit of their own, which does not match that of hints.
    """
    has_hints = config.hints.sources or config.data.poses == "sfm"
    return "" if has_hints else "the recipe has neither hints.sources nor data.poses sfm"


def no_known_poses(config: TrainConfig) -> str:
    """Return the reason why learned poses have no alternative to compare with; empty if they have."""
    return no_hints(config) or ("" if config.data.offsets else "there are no neighbours (data.offsets)")


def no_sfm(config: TrainConfig) -> str:
    """Return the reason why poses cannot come from structure from motion; empty if they can."""
    if config.data.camera == "learned":
        return "data.camera learned is for learned poses"
    return no_known_poses(config)


def photometric_only(config: TrainConfig) -> TrainConfig:
    """Return the configuration that learns from images alone, from the first step on."""
    hints = replace(config.hints, sources=(), teacher="")
    loss = replace(config.loss, photometric=config.loss.photometric or 1.0, photometric_from=0.0)
    return replace(config, loss=loss, hints=hints)


def hints_only(config: TrainConfig) -> TrainConfig:
    """Return the configuration without photometric loss. Unknown poses need that loss, so none are learned first."""
    return replace(
        config,
        loss=replace(config.loss, photometric=0.0, photometric_from=0.0),
        hints=_with_hints(config, rule="always"),
        optimiser=replace(config.optimiser, pose_first=0.0),
    )


def hints_better(config: TrainConfig) -> TrainConfig:
    """Return the configuration with both; a hint is used where it explains its pixel better than the network."""
    return _with_both(config, "better")


def hints_always(config: TrainConfig) -> TrainConfig:
    """Return the configuration with both; every hint is used."""
    return _with_both(config, "always")


def poses_learned(config: TrainConfig) -> TrainConfig:
    """Return the configuration with learned poses. Without stereo the warp is made scale-invariant, against drift."""
    if config.data.poses == "learned":
        return config
    data = replace(config.data, poses="learned")
    loss = config.loss if data.metric else replace(config.loss, depth_scaling="median")
    return replace(config, data=data, loss=loss)


def poses_sfm(config: TrainConfig) -> TrainConfig:
    """Return the configuration with poses of structure from motion. They fix the scale: no median scaling."""
    return replace(config, data=replace(config.data, poses="sfm"), loss=replace(config.loss, depth_scaling="none"))


def _with_hints(config: TrainConfig, **changes: str) -> HintConfig:
    return replace(config.hints, sources=config.hints.sources or _SOURCES, **changes)


def _with_both(config: TrainConfig, rule: str) -> TrainConfig:
    loss = replace(config.loss, photometric=config.loss.photometric or 1.0)
    return replace(config, loss=loss, hints=_with_hints(config, rule=rule))
