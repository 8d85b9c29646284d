"""Stored bytes to what a step works on, in one pass over the pixels, for processors: see `native/augment.c`."""

import ctypes

import torch
from jaxtyping import Bool, Float, UInt8
from torch import Tensor

from egodepth.native import compiled

_LOOPS = "augment"
_NUMBERS = ("batch", "views", "seen_views", "height", "width", "threads")
_POINTERS = ("images", "flip", "maps", "offsets", "clean", "seen")


class _Job(ctypes.Structure):
    """`Job` of augment.c."""

    _fields_ = tuple([(name, ctypes.c_long) for name in _NUMBERS] + [(name, ctypes.c_void_p) for name in _POINTERS])


def can_unpack(images: Tensor) -> bool:
    """Whether `unpack` takes these images here: bytes on a processor whose machine has a compiler."""
    return images.device.type == "cpu" and images.dtype == torch.uint8 and compiled(_LOOPS) is not None


def unpack(
    images: UInt8[Tensor, "b n h w 3"],
    flip: Bool[Tensor, " b"],
    colour_maps: Float[Tensor, "b 3 6"] | None,
    seen_views: int,
) -> tuple[Float[Tensor, "n b 3 h w"], Float[Tensor, "v b 3 h w"]]:
    """The frames in [0, 1], and the first v of them with their colours changed.

    Args:
        images: frames as they are stored, the target first.
        flip: samples to mirror.
        colour_maps: colour -> map[:, :3] @ colour + map[:, 3:] @ mean colour of the target, then cut off at 0 and 1;
            None changes none, and the second result is a part of the first.
        seen_views: how many frames are wanted with changed colours.
    """
    images = images.contiguous()
    b, n, h, w, _ = images.shape
    clean = torch.empty(n, b, 3, h, w)
    arrays = {"images": images, "flip": flip.contiguous(), "clean": clean, "offsets": torch.empty(b, 3)}
    if colour_maps is None:
        _run("augment_frames", arrays, n)
        return clean, clean[:seen_views]
    seen = torch.empty(seen_views, b, 3, h, w)
    _run("augment_frames", {**arrays, "maps": colour_maps.contiguous(), "seen": seen}, n, seen_views)
    return clean, seen


def _run(name: str, arrays: dict[str, Tensor], views: int, seen_views: int = 0) -> None:
    b, _, h, w, _ = arrays["images"].shape
    numbers = dict(zip(_NUMBERS, (b, views, seen_views, h, w, torch.get_num_threads()), strict=True))
    job = _Job(**numbers, **{key: tensor.data_ptr() for key, tensor in arrays.items()})
    if getattr(compiled(_LOOPS), name)(ctypes.byref(job)):
        raise MemoryError("no memory to unpack a row of frames")
