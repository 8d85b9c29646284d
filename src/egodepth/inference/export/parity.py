"""Whether an exported model predicts what the predictor does."""

from collections.abc import Callable, Iterable, Iterator
from typing import Literal

import numpy as np
from jaxtyping import Float, UInt8

from egodepth.config import ExportPrecision
from egodepth.weights.exported.card import Check
from egodepth.weights.exported.runtime import Run

Tolerance = tuple[Literal["largest", "mean"], float]
TOLERANCES: dict[ExportPrecision, Tolerance] = {
    # Of images that the network sees as they are: rounding makes 1e-5, a wrong padding or channel order 2e-2 and more.
    "float32": ("largest", 1e-3),
    # The largest say little here: edges move by a hair, and far pixels' disparities have few bits. A model trained on
    # streets differed by 0.003 in bfloat16 and 0.011 in int8 on average.
    "bfloat16": ("mean", 2e-2),
    "int8": ("mean", 5e-2),
}
"""What must stay below which relative difference of depth."""
RESIZED_FLOAT32: Tolerance = ("mean", 1e-4)
"""The same of float32 on resized images. Sums of a resize that meet a half round to either level, in one value of five
thousand at most. A pretrained network sees that: its depth is 1.5e-3 off nearby, and 6e-6 on average. A resize without
rounding makes 2e-3 on average, one without antialiasing 3e-2."""

Images = UInt8[np.ndarray, "b h w 3"]


def noise(size: tuple[int, int]) -> Images:
    """A random image at the network's own size."""
    return np.random.default_rng(0).integers(0, 256, (1, *size, 3), dtype=np.uint8)


def resized_noise(size: tuple[int, int]) -> Iterator[Images]:
    """Batches of random images that are larger and smaller than the network's size, and of odd sizes."""
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
    """How a model's depth differs on batches of images from what is expected.

    Args:
        on: a name for the images.
        batches: of one size each.
        size: height and width at which the network runs.
        expected: depth of a batch.
        run: what the model makes of a batch.
    """
    images, resized, largest, total, pixels = 0, False, 0.0, 0.0, 0
    for batch in batches:
        reference = expected(batch)
        difference = np.abs(run(batch)[0] / reference - 1)
        # Comparisons with NaN are false: that it is none has to be asked for.
        largest = max(largest, float(difference.max()) if np.isfinite(difference).all() else float("inf"))
        resized = resized or batch.shape[1:3] != size
        images, total, pixels = images + len(batch), total + float(difference.sum()), pixels + difference.size
    return Check(on=on, images=images, resized=resized, largest=largest, mean=total / pixels)


def tolerance(check: Check, precision: ExportPrecision) -> Tolerance:
    """What a check's precision explains: which of its differences, and how much of it."""
    return RESIZED_FLOAT32 if check.resized and precision == "float32" else TOLERANCES[precision]


def passes(check: Check, precision: ExportPrecision) -> bool:
    """Whether the difference is within what the precision explains."""
    measure, most = tolerance(check, precision)
    return bool(getattr(check, measure) <= most and np.isfinite(check.largest))
