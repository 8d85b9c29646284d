"""Learning rate and weights of the losses as pure functions of the step."""

import math

import torch

from egodepth.config import HintConfig, LossConfig, OptimiserConfig, TrainConfig
from egodepth.losses.registry import Emphasis


def head_start(steps: int, config: OptimiserConfig) -> int:
    """How many steps the pose network learns alone (`OptimiserConfig.pose_first`)."""
    return int(config.pose_first * steps)


def learning_rates(step: int, steps: int, config: OptimiserConfig) -> tuple[float, float]:
    """Learning rates of a step: of the depth network, which waits during the head start, and of the pose network."""
    wait = head_start(steps, config)
    depth = learning_rate(step - wait, steps - wait, config) if step >= wait else 0.0
    return depth, learning_rate(step, steps, config)


def rates_of_groups(step: int, config: TrainConfig) -> tuple[float, ...]:
    """Learning rates of a step, one a parameter group of `build_optimiser`.

    A learned focal length waits with the depth network during the head start: of a scene that is still flat it would
    learn nothing that is true.
    """
    settings = config.optimiser
    depth, poses = learning_rates(step, config.trainer.steps, settings)
    encoder = () if settings.encoder_rate == 1 else (settings.encoder_rate * depth,)
    focal = () if config.data.camera != "learned" else (settings.focal_rate * depth,)
    return depth, poses, *encoder, *focal


def learning_rate(step: int, steps: int, config: OptimiserConfig) -> float:
    """Learning rate of a step (counted from 0) in a run of `steps`.

    `step`: constant, then a tenth from `drop_at` on (Godard et al. 2019: after 15 of 20 epochs).
    `cosine`: linear up to the peak at `warmup`, then half a cosine down to zero.
    """
    if config.schedule == "step":
        return config.learning_rate * (0.1 if step >= config.drop_at * steps else 1.0)
    warm = config.warmup * steps
    if step < warm:
        return config.learning_rate * (step + 1) / (warm + 1)
    return config.learning_rate * 0.5 * (1 + math.cos(math.pi * (step - warm) / (steps - warm)))


def emphasis(step: int, steps: int, loss: LossConfig, hints: HintConfig) -> Emphasis:
    """What counts in a step (counted from 0) of a run of `steps`, beside the weights of the configuration."""
    share = step / max(steps - 1, 1)

    def factor(end: float) -> torch.Tensor:
        return torch.tensor(1 + (end - 1) * share)

    return Emphasis(
        photometric=step >= loss.photometric_from * steps,
        hints=factor(hints.weight_end),
        teacher=factor(hints.teacher_weight_end),
    )
