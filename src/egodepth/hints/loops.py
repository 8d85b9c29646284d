"""Plane sweep by the loops in C."""

import ctypes
from collections.abc import Sequence

import torch
from jaxtyping import Float, Float32
from torch import Tensor

from egodepth.foundation.native import compiled
from egodepth.foundation.native.arrays import address
from egodepth.geometry import Camera
from egodepth.hints.settings import SweepSettings

_LOOPS = "sweep"
_NUMBERS = ("planes", "sources", "height", "width", "threads", "window", "apart")
_THRESHOLDS = ("ambiguity", "highest_cost")
_POINTERS = (
    *("target", "textures", "poses", "camera", "before", "inverse_depths"),
    *("statistics", "cost", "inverse_depth", "best"),
)


class _Job(ctypes.Structure):
    """The struct `Job` of sweep.c."""

    _fields_ = (
        [(name, ctypes.c_long) for name in _NUMBERS]
        + [(name, ctypes.c_float) for name in _THRESHOLDS]
        + [(name, ctypes.c_void_p) for name in _POINTERS]
    )


def can_use_loops(target: Tensor) -> bool:
    """Whether this machine has a compiler, and the target is in the processor's memory."""
    return target.device.type == "cpu" and min(target.shape[-2:]) > 1 and compiled(_LOOPS) is not None


def sweep_in_c(
    target: Float[Tensor, "3 h w"],
    camera: Camera,
    images: Sequence[Float[Tensor, "3 h w"]],
    poses: Sequence[Float[Tensor, "4 4"]],
    before: Sequence[bool],
    inverse_depths: Float[Tensor, " planes"],
    settings: SweepSettings,
) -> tuple[Float32[Tensor, "h w"], Float32[Tensor, "h w"]]:
    """Return inverse depth and cost as `plane_sweep`, with torch's number of threads; the bytes do not depend on it.

    Raises:
        ValueError: sizes that do not match the target's.
    """
    (_, h, w), n, planes = target.shape, len(images), len(inverse_depths)
    textures = torch.zeros(n, h, w, 4, dtype=torch.float32)
    textures[..., :3] = torch.stack(list(images)).permute(0, 2, 3, 1)
    given = {
        "target": (target, (3, h, w)),
        "textures": (textures, (n, h, w, 4)),
        "poses": (torch.stack(list(poses)), (n, 4, 4)),
        "camera": (torch.cat([camera.focal, camera.centre], -1).flatten(), (4,)),
        "inverse_depths": (inverse_depths, (planes,)),
        "statistics": (torch.empty(6, h, w), (6, h, w)),
        "cost": (torch.empty(planes + 1, h, w), (planes + 1, h, w)),
        "inverse_depth": (torch.empty(h, w), (h, w)),
        "best": (torch.empty(h, w), (h, w)),
    }
    arrays = {name: tensor.to("cpu", torch.float32).contiguous() for name, (tensor, _) in given.items()}
    pointers = {name: address(name, array, torch.float32, given[name][1]) for name, array in arrays.items()}
    earlier = torch.tensor(before, dtype=torch.uint8)
    numbers = (planes, n, h, w, torch.get_num_threads(), settings.window, settings.apart)
    job = _Job(
        **dict(zip(_NUMBERS, numbers, strict=True)),
        **{name: getattr(settings, name) for name in _THRESHOLDS},
        **pointers,
        before=address("before", earlier, torch.uint8, (n,)),
    )
    library = compiled(_LOOPS)
    if library is None or library.plane_sweep(ctypes.byref(job)):
        raise MemoryError("the plane sweep found no memory for its rows")
    return arrays["inverse_depth"], arrays["best"]
