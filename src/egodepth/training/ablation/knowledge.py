"""Changes to what a training knows beforehand, hints and poses; and where they mean nothing."""

from dataclasses import replace

from egodepth.config import HintConfig, HintSource, TrainConfig

_SOURCES: tuple[HintSource, ...] = ("sweep", "sparse", "contact")
"""Hints of a recipe that has the poses for them and no sources of its own."""


def starts_from_a_model(config: TrainConfig) -> str:
    """Why the encoders' first weights cannot be compared."""
    return "all weights come from --init-from" if config.init_from else ""


def no_hints(config: TrainConfig) -> str:
    """Why hints cannot be compared.

    Other recipes have depths in a unit of their own, which hints would not fit.
    """
    has_hints = config.hints.sources or config.data.poses == "sfm"
    return "" if has_hints else "the recipe has neither hints.sources nor data.poses sfm"


def no_known_poses(config: TrainConfig) -> str:
    """Why learned poses have nothing to be compared with."""
    return no_hints(config) or ("" if config.data.offsets else "there are no neighbours (data.offsets)")


def no_sfm(config: TrainConfig) -> str:
    """Why the poses cannot be those of structure from motion."""
    if config.data.camera == "learned":
        return "data.camera learned is for learned poses"
    return no_known_poses(config)


def photometric_only(config: TrainConfig) -> TrainConfig:
    """From images alone, from the first step on."""
    hints = replace(config.hints, sources=(), teacher="")
    loss = replace(config.loss, photometric=config.loss.photometric or 1.0, photometric_from=0.0)
    return replace(config, loss=loss, hints=hints)


def hints_only(config: TrainConfig) -> TrainConfig:
    """Without the photometric loss, from which alone unknown poses can be learned: none are learned first."""
    return replace(
        config,
        loss=replace(config.loss, photometric=0.0, photometric_from=0.0),
        hints=_with_hints(config, rule="always"),
        optimiser=replace(config.optimiser, pose_first=0.0),
    )


def hints_better(config: TrainConfig) -> TrainConfig:
    """Both; a hint counts where it explains its pixel better, once the photometric loss has begun."""
    return _with_both(config, "better")


def hints_always(config: TrainConfig) -> TrainConfig:
    """Both; every hint counts."""
    return _with_both(config, "always")


def poses_learned(config: TrainConfig) -> TrainConfig:
    """Poses by the pose network alone. Without stereo they know no unit: the warp is blind to it, against drift."""
    if config.data.poses == "learned":
        return config
    data = replace(config.data, poses="learned")
    loss = config.loss if data.metric else replace(config.loss, depth_scaling="median")
    return replace(config, data=data, loss=loss)


def poses_sfm(config: TrainConfig) -> TrainConfig:
    """Poses of structure from motion. They fix the unit of depth, so depth is not divided by its median."""
    return replace(config, data=replace(config.data, poses="sfm"), loss=replace(config.loss, depth_scaling="none"))


def _with_hints(config: TrainConfig, **changes: str) -> HintConfig:
    return replace(config.hints, sources=config.hints.sources or _SOURCES, **changes)


def _with_both(config: TrainConfig, rule: str) -> TrainConfig:
    loss = replace(config.loss, photometric=config.loss.photometric or 1.0)
    return replace(config, loss=loss, hints=_with_hints(config, rule=rule))
