"""Convert stored bytes to the images of a step in one pass over the pixels, on processors (`native/augment.c`)."""

import ctypes

import torch
from jaxtyping import Bool, Float, UInt8
from torch import Tensor

from egodepth.foundation.native import compiled
from egodepth.foundation.native.arrays import address

_LOOPS, _FUNCTION = "augment", "augment_frames"
_NUMBERS = ("batch", "views", "seen_views", "height", "width", "threads")
_POINTERS = ("images", "flip", "maps", "offsets", "clean", "seen")
"""Pointers in the order of `Job`."""


class _Job(ctypes.Structure):
    """The struct `Job` of augment.c."""

    _fields_ = tuple([(name, ctypes.c_long) for name in _NUMBERS] + [(name, ctypes.c_void_p) for name in _POINTERS])


def can_unpack(images: Tensor) -> bool:
    """Whether `unpack` supports these images: bytes on a processor, and a compiler on the machine."""
    return images.device.type == "cpu" and images.dtype == torch.uint8 and compiled(_LOOPS) is not None


def unpack(
    images: UInt8[Tensor, "b n h w 3"],
    flip: Bool[Tensor, " b"],
    colour_maps: Float[Tensor, "b 3 6"] | None,
    seen_views: int,
) -> tuple[Float[Tensor, "n b 3 h w"], Float[Tensor, "v b 3 h w"]]:
    """Return the frames in [0, 1], and the first v of them with changed colours.

    Args:
        images: stored frames, the target first.
        flip: samples to mirror.
        colour_maps: colour -> map[:, :3] @ colour + map[:, 3:] @ mean colour of the target, then clamped to [0, 1].
            None changes no colours; the second result is then a view of the first.
        seen_views: v, the number of frames with changed colours.

    Raises:
        ValueError: the maps are not float32, or flips or maps are for another number of samples.
    """
    b, n, h, w, _ = images.shape
    clean = torch.empty(n, b, 3, h, w, dtype=torch.float32)
    seen = clean[:seen_views] if colour_maps is None else torch.empty_like(clean[:seen_views])
    images, flip = images.contiguous(), flip.contiguous()
    pointers = {
        "images": address("images", images, torch.uint8, (b, n, h, w, 3)),
        "flip": address("flip", flip, torch.bool, (b,)),
        "clean": clean.data_ptr(),
    }
    if colour_maps is not None:
        maps, offsets = colour_maps.contiguous(), torch.empty(b, 3, dtype=torch.float32)
        pointers |= {"maps": address("colour maps", maps, torch.float32, (b, 3, 6))}
        pointers |= {"offsets": offsets.data_ptr(), "seen": seen.data_ptr()}
    numbers = dict(zip(_NUMBERS, (b, n, len(seen), h, w, torch.get_num_threads()), strict=True))
    if getattr(compiled(_LOOPS), _FUNCTION)(ctypes.byref(_Job(**numbers, **pointers))):
        raise MemoryError("cannot allocate memory to unpack a row of frames")
    return clean, seen
