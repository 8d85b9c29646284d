"""Compare the depth of an exported model with the predictor's."""

from collections.abc import Callable, Iterable, Iterator
from typing import Literal

import numpy as np
from jaxtyping import Float, UInt8

from egodepth.config import ExportPrecision
from egodepth.weights.exported.card import Check
from egodepth.weights.exported.runtime import Run

Tolerance = tuple[Literal["largest", "mean"], float]
TOLERANCES: dict[ExportPrecision, Tolerance] = {
    # For images at the network's size: rounding causes 1e-5, a wrong padding or channel order 2e-2 and more.
    "float32": ("largest", 1e-3),
    # The largest differences mean little here: edges shift slightly, and disparities of far pixels have few bits. A
    # model trained on streets differed by 0.003 in bfloat16 and 0.011 in int8 on average.
    "bfloat16": ("mean", 2e-2),
    "int8": ("mean", 5e-2),
}
"""Largest allowed relative difference of depth, and the measure that it applies to."""
RESIZED_FLOAT32: Tolerance = ("mean", 1e-4)
"""The same for float32 on resized images. Resizing may round a sum near a half to either grey level, in at most one
value of five thousand. For a pretrained network the depth differs by 1.5e-3 near these values, and by 6e-6 on average.
Resizing without rounding causes 2e-3 on average, without antialiasing 3e-2."""

Images = UInt8[np.ndarray, "b h w 3"]


def noise(size: tuple[int, int]) -> Images:
    """Return a random image at the network's size."""
    return np.random.default_rng(0).integers(0, 256, (1, *size, 3), dtype=np.uint8)


def resized_noise(size: tuple[int, int]) -> Iterator[Images]:
    """Yield batches of random images, larger and smaller than the network's size, and with odd sizes."""
    generator = np.random.default_rng(1)
    height, width = size
    for shape in ((2, height * 2 + 1, width + 37), (3, height // 2, width // 2 + 1)):
        yield generator.integers(0, 256, (*shape, 3), dtype=np.uint8)


def compared(
    on: str,
    batches: Iterable[Images],
    size: tuple[int, int],
    expected: Callable[[Images], Float[np.ndarray, "b h w"]],
    run: Run,
) -> Check:
    """Compare a model's depth on batches of images with the expected depth.

    Args:
        on: a name for the images.
        batches: batches, of one size each.
        size: height and width at which the network runs.
        expected: returns the expected depth of a batch.
        run: returns the model's depth of a batch.
    """
    images, resized, largest, total, pixels = 0, False, 0.0, 0.0, 0
    for batch in batches:
        reference = expected(batch)
        difference = np.abs(run(batch)[0] / reference - 1)
        # Comparisons with NaN are false, so NaN needs its own check.
        largest = max(largest, float(difference.max()) if np.isfinite(difference).all() else float("inf"))
        resized = resized or batch.shape[1:3] != size
        images, total, pixels = images + len(batch), total + float(difference.sum()), pixels + difference.size
    return Check(on=on, images=images, resized=resized, largest=largest, mean=total / pixels)


def tolerance(check: Check, precision: ExportPrecision) -> Tolerance:
    """Return the measure of a check's differences, and its largest value that the precision explains."""
    return RESIZED_FLOAT32 if check.resized and precision == "float32" else TOLERANCES[precision]


def passes(check: Check, precision: ExportPrecision) -> bool:
    """Whether the difference is within the tolerance of the precision."""
    measure, most = tolerance(check, precision)
    return bool(getattr(check, measure) <= most and np.isfinite(check.largest))
