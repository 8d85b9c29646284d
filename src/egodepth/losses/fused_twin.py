"""The fused twin of the plain formula: warp, photometric error, minimum reprojection and auto-mask in one operation.

It runs loops in C on processors (`foundation/native/reprojection.c`). `egodepth.reprojection.reproject` contains the
plain formula and is the only caller; it asks `takes_over` first. On GPUs, torch.compile compiles the plain formula
(`--trainer.compile`).
"""

import ctypes
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from jaxtyping import Bool, Float, UInt8
from torch import Tensor

from egodepth.foundation.native import compiled
from egodepth.foundation.native.arrays import address
from egodepth.geometry import Camera

DROPPED = 255
"""Value in `choice` for a pixel that the auto-mask drops."""
_LOOPS = "reprojection"
_NUMBERS = ("scales", "batch", "sources", "height", "width", "threads")
_ARRAYS = {
    "depth": (torch.float32, "s b h w"),
    "poses": (torch.float32, "n b 4 4"),
    "target": (torch.float32, "b 3 h w"),
    "images": (torch.float32, "b 3 h w"),
    "cameras": (torch.float32, "n+1 b 4"),
    "present": (torch.uint8, "b n"),
    "statistics": (torch.float32, "b 6 h w"),
    "unwarped": (torch.float32, "b h w"),
    "error": (torch.float32, "s b h w"),
    "choice": (torch.uint8, "s b h w"),
    "gradient": (torch.float32, "s b h w"),
    "depth_gradient": (torch.float32, "s b h w"),
    "pose_gradient": (torch.float64, "s n b 3 4"),
}
"""Type and shape that the C code assumes for each array, in the order of `Job`; there are n arrays `images`."""


class _Job(ctypes.Structure):
    """The struct `Job` of reprojection.c."""

    _fields_ = (
        [(name, ctypes.c_long) for name in _NUMBERS]
        + [("ssim_weight", ctypes.c_float), ("automask", ctypes.c_long)]
        + [(name, ctypes.c_void_p) for name in _ARRAYS]
    )


class Sources(NamedTuple):
    """Source views of a target; no gradients flow to them."""

    images: list[Tensor]
    """Images `b 3 h w`, one per source."""
    cameras: list[Camera]
    present: Bool[Tensor, "b n"] | None
    """Which sources exist; None: all."""


_off = False


def takes_over(*tensors: Tensor) -> bool:
    """Return whether the twin supports these tensors: float32, on a processor, and with a C compiler on the machine."""
    if _off or torch.compiler.is_compiling():
        return False
    return all(t.device.type == "cpu" and t.dtype == torch.float32 for t in tensors) and compiled(_LOOPS) is not None


@contextmanager
def plain_formula() -> Iterator[None]:
    """Disable the twin within this block, for its tests and benchmarks."""
    global _off
    before, _off = _off, True
    try:
        yield
    finally:
        _off = before


def fused_reprojection(
    depth: Float[Tensor, "s b h w"],
    poses: list[Tensor],
    target: Float[Tensor, "b 3 h w"],
    camera: Camera,
    sources: Sources,
    ssim_weight: float,
    automask: bool,
) -> tuple[Float[Tensor, "s b h w"], UInt8[Tensor, "s b h w"]]:
    """Return the error at each pixel, and the number of the source that it comes from (`DROPPED`: no source).

    The values equal the plain formula up to rounding: warp every source by every depth, then `photometric_error`,
    `minimum_reprojection` and `automask`. Gradients flow to depth and poses. No warped image is stored.

    Args:
        depth: depth maps of s scales, at the target's size.
        poses: source_from_target `b 4 4`, one per source.
        target: the clean target.
        camera: camera of the target.
        sources: images of the target's size.
        ssim_weight: share of SSIM in the error.
        automask: drop pixels whose warped error is not smaller than the unwarped one.

    Raises:
        ValueError: a tensor is not float32, or its size differs from that of the others.
    """
    cameras = torch.stack([torch.cat([c.focal, c.centre], -1) for c in [camera, *sources.cameras]])
    present = sources.present
    if present is None:
        present = torch.ones(len(target), len(sources.images), dtype=torch.bool)
    return _FusedReprojection.apply(
        depth, torch.stack(poses), target, cameras, present.to(torch.uint8), ssim_weight, automask, *sources.images
    )


class _FusedReprojection(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        depth: Tensor,
        poses: Tensor,
        target: Tensor,
        cameras: Tensor,
        present: Tensor,
        ssim_weight: float,
        automask: bool,
        *images: Tensor,
    ) -> tuple[Tensor, Tensor]:
        s, b, h, w = depth.shape
        given = {"depth": depth, "poses": poses, "target": target, "cameras": cameras, "present": present}
        arrays = {name: tensor.contiguous() for name, tensor in given.items()}
        arrays |= {
            "statistics": target.new_empty(b, 6, h, w),
            "unwarped": target.new_empty(b, h, w),
            "choice": torch.empty(s, b, h, w, dtype=torch.uint8),
        }
        sources, error = [image.contiguous() for image in images], depth.new_empty(s, b, h, w)
        _run("reprojection_forward", {**arrays, "error": error}, sources, ssim_weight, automask)
        del arrays["unwarped"]
        ctx.names, ctx.settings = list(arrays), (ssim_weight, automask)
        ctx.save_for_backward(*arrays.values(), *sources)
        ctx.mark_non_differentiable(arrays["choice"])
        return error, arrays["choice"]

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor | None, ...]:
        arrays, images = dict(zip(ctx.names, ctx.saved_tensors, strict=False)), ctx.saved_tensors[len(ctx.names) :]
        (s, b), n = arrays["depth"].shape[:2], len(images)
        by_pose = torch.empty(s, n, b, 3, 4, dtype=torch.float64)
        gradients = {
            "gradient": grad_outputs[0].contiguous(),
            "depth_gradient": torch.empty_like(arrays["depth"]),
            "pose_gradient": by_pose,
        }
        _run("reprojection_backward", {**arrays, **gradients}, images, *ctx.settings)
        poses = torch.zeros_like(arrays["poses"])
        poses[:, :, :3] = by_pose.sum(0).float()
        return gradients["depth_gradient"], poses, *(None,) * (5 + n)


def _run(name: str, arrays: dict[str, Tensor], images: Sequence[Tensor], ssim_weight: float, automask: bool) -> None:
    s, b, h, w = arrays["depth"].shape
    n = len(images)
    if min(h, w) < 2 or n >= DROPPED:
        raise ValueError(f"{n} sources of {h}x{w}: give at least 2x2 pixels and fewer than {DROPPED} sources")
    sides = {"s": s, "b": b, "n": n, "n+1": n + 1, "h": h, "w": w}

    def place(key: str, tensor: Tensor) -> int:
        dtype, shape = _ARRAYS[key]
        return address(key, tensor, dtype, tuple(sides[side] if side in sides else int(side) for side in shape.split()))

    pointers = {key: place(key, tensor) for key, tensor in arrays.items()}
    places = (ctypes.c_void_p * n)(*(place("images", image) for image in images))
    pointers["images"] = ctypes.addressof(places)
    numbers = dict(zip(_NUMBERS, (s, b, n, h, w, torch.get_num_threads()), strict=True))
    job = _Job(**numbers, ssim_weight=ssim_weight, automask=automask, **pointers)
    if getattr(compiled(_LOOPS), name)(ctypes.byref(job)):
        raise MemoryError("the fused loss cannot allocate memory for its rows")
