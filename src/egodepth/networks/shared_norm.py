"""Batch normalisation over the whole batch, of which every process has a part.

On GPUs that is torch's SyncBatchNorm, which runs nowhere else; on processors the one below.
"""

from typing import Any

import torch
import torch.distributed as dist
from jaxtyping import Float
from torch import Tensor, nn

from egodepth.foundation.errors import InputError


class _Sum(torch.autograd.Function):
    """Over all processes; every process's loss depends on every process's part, so gradients are summed, too."""

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
    """`BatchNorm2d` with the mean and variance of all processes' parts, which are equally large (Ioffe, Szegedy 2015).

    In evaluation, and where there is one process, it is its parent.
    """

    def forward(self, input: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        """Normalise by the whole batch."""
        if not (self.training and dist.is_initialized()):
            return super().forward(input)
        processes = dist.get_world_size()
        x = input.to(torch.promote_types(input.dtype, torch.float32))
        mean = _Sum.apply(x.mean((0, 2, 3))) / processes
        centred = x - mean[:, None, None]
        # About the common mean, not as a difference of squares, which cancels.
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
    """Make every batch normalisation that learns one over all processes, in place: weights keep their names.

    On a GPU it is torch's SyncBatchNorm. A layer that does not learn keeps its own statistics, which processes do not
    share.

    Raises:
        InputError: a layer of a kind that cannot be shared; says whose (`name`).
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
                f"{name}: its {type(layer).__name__} cannot be shared between processes; train with "
                "--no-trainer.shared-statistics"
            )


def own_norms(network: nn.Module) -> None:
    """Undo `share_norms`, for a copy that one process looks at alone."""
    for layer in network.modules():
        if type(layer) in (SharedBatchNorm2d, nn.SyncBatchNorm):
            layer.__class__ = nn.BatchNorm2d  # pyright: ignore[reportAttributeAccessIssue]
