"""The fallback of a training with known poses where structure from motion registers no frames."""

from dataclasses import replace

from egodepth.config import HintSource, LossConfig, ModelConfig, TrainConfig

BY_IMAGES_ALONE = ModelConfig(min_depth=0.02, initial_disparity=0.02)
"""Limits of depth in an unknown unit. The pose network sets that unit; nothing else defines it."""
SLOWLY = 0.14
"""Learning rate relative to the decoder, for an encoder that would be frozen if there were hints."""
POSE_FIRST = 0.05
"""Share of the steps in which the pose network learns alone, if both networks are new."""


def without_geometry(config: TrainConfig) -> TrainConfig:
    """Return the configuration in which images alone teach depth and poses, as in the paper.

    This also removes the recipe's settings for hints: the unit of depth, and the start of the photometric loss.
    """
    sources: tuple[HintSource, ...] = ("stereo",) if "stereo" in config.hints.sources else ()
    model = config.model
    if not config.init_from:
        limits = BY_IMAGES_ALONE
        model = replace(
            model,
            min_depth=limits.min_depth,
            max_depth=limits.max_depth,
            initial_disparity=limits.initial_disparity,
        )
    loss = replace(
        config.loss,
        photometric=config.loss.photometric or LossConfig().photometric,
        photometric_from=0.0,
        depth_scaling="none" if config.data.stereo else "median",
    )
    return replace(
        config,
        data=replace(config.data, poses="learned", paste=config.data.paste if sources else 0.0),
        model=model,
        loss=loss,
        hints=replace(config.hints, sources=sources),
        optimiser=replace(
            config.optimiser,
            pose_first=0.0 if config.init_from else POSE_FIRST,
            encoder_rate=config.optimiser.encoder_rate or SLOWLY,
        ),
    )
