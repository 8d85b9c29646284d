"""Batch normalisation over the whole batch when several processes train, each with a part of the batch.

On GPUs this is torch's SyncBatchNorm, which needs a GPU. On processors it is the class below.
"""

from typing import Any

import torch
import torch.distributed as dist
from jaxtyping import Float
from torch import Tensor, nn

from egodepth.foundation.errors import InputError


class _Sum(torch.autograd.Function):
    """Sum over all processes. Each process's loss depends on every part, so the gradients are also summed."""

    @staticmethod
    def forward(ctx: Any, value: Tensor) -> Tensor:
        total = value.clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        total = gradients[0].contiguous().clone()
        dist.all_reduce(total)
        return total


class SharedBatchNorm2d(nn.BatchNorm2d):
    """`BatchNorm2d` with the mean and variance over all processes (Ioffe, Szegedy 2015); their parts have equal size.

    In evaluation mode, and with one process, it behaves like its parent.
    """

    def forward(self, input: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        """Normalise the input by the statistics of the whole batch."""
        if not (self.training and dist.is_initialized()):
            return super().forward(input)
        processes = dist.get_world_size()
        x = input.to(torch.promote_types(input.dtype, torch.float32))
        mean = _Sum.apply(x.mean((0, 2, 3))) / processes
        centred = x - mean[:, None, None]
        # Around the common mean; a difference of squares would lose precision by cancellation.
        variance = _Sum.apply(centred.square().mean((0, 2, 3))) / processes
        self._remember(mean.detach(), variance.detach(), processes * x[:, 0].numel())
        scale = self.weight * torch.rsqrt(variance + self.eps)
        return (centred * scale[:, None, None] + self.bias[:, None, None]).to(input.dtype)

    @torch.no_grad()
    def _remember(self, mean: Float[Tensor, " c"], variance: Float[Tensor, " c"], count: int) -> None:
        assert self.running_mean is not None
        assert self.running_var is not None
        assert self.num_batches_tracked is not None
        assert self.momentum is not None
        self.num_batches_tracked += 1
        self.running_mean.lerp_(mean, self.momentum)
        self.running_var.lerp_(variance * (count / (count - 1)), self.momentum)


def share_norms(network: nn.Module, name: str, device: torch.device) -> None:
    """Make all trainable batch normalisations use statistics over all processes, in place. Weights keep their names.

    On a GPU they become torch's SyncBatchNorm. A frozen layer keeps its own statistics.

    Raises:
        InputError: a layer of a type that cannot be shared; the message names the network (`name`).
    """
    for layer in network.modules():
        if not any(weight.requires_grad for weight in layer.parameters(recurse=False)):
            continue
        if type(layer) is nn.BatchNorm2d:
            shared: Any = layer
            shared.__class__ = nn.SyncBatchNorm if device.type == "cuda" else SharedBatchNorm2d
            shared.process_group = None  # SyncBatchNorm's: all processes
        elif isinstance(layer, nn.modules.batchnorm._BatchNorm):
            raise InputError(
                f"{name}: the statistics of its {type(layer).__name__} cannot be shared between processes; train with "
                "--no-trainer.shared-statistics"
            )


def own_norms(network: nn.Module) -> None:
    """Undo `share_norms`, for a copy of the network that only one process uses."""
    for layer in network.modules():
        if type(layer) in (SharedBatchNorm2d, nn.SyncBatchNorm):
            layer.__class__ = nn.BatchNorm2d  # pyright: ignore[reportAttributeAccessIssue]
