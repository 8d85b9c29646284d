"""What a training with known poses falls back to where structure from motion fits no frames together."""

from dataclasses import replace

from egodepth.config import HintSource, LossConfig, ModelConfig, TrainConfig

BY_IMAGES_ALONE = ModelConfig(min_depth=0.02, initial_disparity=0.02)
"""Limits of depth whose unit nobody knows: the pose network, which knows none either, sets it."""
SLOWLY = 0.14
"""Learning rate of an encoder, times the decoder's, that hints would leave as it is."""
POSE_FIRST = 0.05
"""Share of the steps in which the pose network learns alone, where both networks are new."""


def without_geometry(config: TrainConfig) -> TrainConfig:
    """The configuration in which images alone teach depth and poses, as the paper has it.

    What a recipe with hints says of depth's unit, and of when the photometric loss begins, goes with them.
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
