"""Learning rates and weights of the losses as pure functions of the step."""

import math

import torch

from egodepth.config import HintConfig, LossConfig, OptimiserConfig, TrainConfig
from egodepth.losses.registry import Emphasis


def head_start(steps: int, config: OptimiserConfig) -> int:
    """Return the number of steps in which only the pose network learns (`OptimiserConfig.pose_first`)."""
    return int(config.pose_first * steps)


def learning_rates(step: int, steps: int, config: OptimiserConfig) -> tuple[float, float]:
    """Return the rates of the depth and pose networks in a step; that of depth is 0 during the head start."""
    wait = head_start(steps, config)
    depth = learning_rate(step - wait, steps - wait, config) if step >= wait else 0.0
    return depth, learning_rate(step, steps, config)


def rates_of_groups(step: int, config: TrainConfig) -> tuple[float, ...]:
    """Return the learning rates of a step, one per parameter group of `build_optimiser`.

    A learned focal length is also fixed during the head start, because it would learn wrong values from a flat scene.
    """
    settings = config.optimiser
    depth, poses = learning_rates(step, config.trainer.steps, settings)
    encoder = () if settings.encoder_rate == 1 else (settings.encoder_rate * depth,)
    focal = () if config.data.camera != "learned" else (settings.focal_rate * depth,)
    return depth, poses, *encoder, *focal


def learning_rate(step: int, steps: int, config: OptimiserConfig) -> float:
    """Return the learning rate of a step (counted from 0) in a run of `steps`.

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
    """Return the factors on the losses in a step (counted from 0) of a run of `steps`."""
    share = step / max(steps - 1, 1)

    def factor(end: float) -> torch.Tensor:
        return torch.tensor(1 + (end - 1) * share)

    return Emphasis(
        photometric=step >= loss.photometric_from * steps,
        hints=factor(hints.weight_end),
        teacher=factor(hints.teacher_weight_end),
    )
