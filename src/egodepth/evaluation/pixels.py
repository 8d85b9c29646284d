"""The valid pixels of one image, and a spool for those of a whole set that bounds the memory."""

import pickle
from collections.abc import Iterator
from tempfile import SpooledTemporaryFile
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn.functional import interpolate

from egodepth.data.batch import DepthSample
from egodepth.evaluation.protocols import Protocol
from egodepth.foundation.errors import InputError

_LEAST_FINITE = 0.5
"""Least share of valid pixels with finite depth: the median must be finite."""
WHOLE = "all"
"""The region that every image has: all of its valid pixels."""


class Pixels(NamedTuple):
    """The valid pixels of an image."""

    name: str
    prediction: Float[Tensor, "n"]
    """Depth, in the predictor's own units, unclamped."""
    truth: Float[Tensor, "n"]
    """Metres."""
    parts: dict[str, Bool[Tensor, "n"]]
    """`all`, then the masks of the data set. `static` is the complement of `moving`."""


def valid_pixels(sample: DepthSample, inverse_depth: Float[Tensor, "h w"], protocol: Protocol) -> Pixels:
    """Return the valid pixels of an image; there must be at least one.

    Raises:
        InputError: the prediction is negative or not a number somewhere, or infinite nearly everywhere.
    """
    truth = sample.depth.float()
    depth = depth_at(inverse_depth.detach().cpu().float(), (truth.shape[0], truth.shape[1]))
    valid = protocol.valid(truth)
    # A disparity of 0 is infinitely far, such as the sky. The protocol clamps it.
    if not bool((depth > 0).all()) or not bool(depth[valid].isfinite().float().mean() > _LEAST_FINITE):
        raise InputError(
            f"{sample.name}: the predicted depth is not everywhere positive, or infinite in half of the image "
            "(a damaged model? a file of another kind: see --predicted?)"
        )
    masks = dict(sample.masks)
    if "moving" in masks:
        masks = {"moving": masks.pop("moving"), "static": ~sample.masks["moving"], **masks}
    parts = {WHOLE: torch.ones(int(valid.sum()), dtype=torch.bool)} | {
        name: mask[valid] for name, mask in masks.items()
    }
    return Pixels(sample.name, depth[valid], truth[valid], parts)


class PixelSpool:
    """Pixels of many images for a second pass: small sets stay in memory, large ones go to a temporary file."""

    def __init__(self, memory: int = 64 * 2**20) -> None:
        self._file = SpooledTemporaryFile(max_size=memory)  # noqa: SIM115 - closed by `__exit__`
        self._length = 0

    def __enter__(self) -> "PixelSpool":
        return self

    def __exit__(self, *exception: object) -> None:
        self._file.close()

    def append(self, pixels: Pixels) -> None:
        """Add the pixels of one image; raises `InputError` if the temporary folder is full."""
        try:
            pickle.dump(pixels, self._file, protocol=pickle.HIGHEST_PROTOCOL)
        except OSError as error:
            raise InputError(
                f"temporary folder: cannot be written ({error.strerror}); free some space or set TMPDIR"
            ) from error
        self._length += 1

    def __iter__(self) -> Iterator[Pixels]:
        """Yield all images again, in order."""
        self._file.seek(0)
        for _ in range(self._length):
            yield pickle.load(self._file)


def depth_at(inverse_depth: Float[Tensor, "h w"], size: tuple[int, int]) -> Float[Tensor, "hg wg"]:
    """Depth at the truth's size: the inverse depth is resized (bilinear, edge to edge), then inverted."""
    if inverse_depth.shape != size:
        resized = interpolate(inverse_depth[None, None], size, mode="bilinear", align_corners=False)
        inverse_depth = resized[0, 0]
    return 1 / inverse_depth
