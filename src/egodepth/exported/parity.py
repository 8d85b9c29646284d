"""Whether an exported model predicts what the predictor does."""

from collections.abc import Callable, Iterable, Iterator

import numpy as np
from jaxtyping import Float, UInt8

from egodepth.exported.card import Check, Precision
from egodepth.exported.runtime import Run

TOLERANCES: dict[Precision, tuple[str, float]] = {
    # Rounding makes 1e-5, a resize without antialiasing 3e-2: what is right is far below, what is wrong far beyond.
    "float32": ("largest", 1e-3),
    # The largest say little here: edges move by a hair, and far pixels' disparities have few bits. A model trained on
    # streets differed by 0.003 in bfloat16 and 0.011 in int8 on average.
    "bfloat16": ("mean", 2e-2),
    "int8": ("mean", 5e-2),
}
"""What must stay below which relative difference of depth."""

Images = UInt8[np.ndarray, "b h w 3"]


def noise(size: tuple[int, int]) -> Iterator[Images]:
    """Random images: one at the network's own size, batches of larger, smaller and odd sizes."""
    generator = np.random.default_rng(0)
    height, width = size
    for shape in ((1, height, width), (2, height * 2 + 1, width + 37), (3, height // 2, width // 2 + 1)):
        yield generator.integers(0, 256, (*shape, 3), dtype=np.uint8)


def compared(
    on: str, batches: Iterable[Images], expected: Callable[[Images], Float[np.ndarray, "b h w"]], run: Run
) -> Check:
    """How a model's depth differs on batches of images, whose name is `on`, from what is expected."""
    images, largest, total, pixels = 0, 0.0, 0.0, 0
    for batch in batches:
        reference = expected(batch)
        difference = np.abs(run(batch)[0] / reference - 1)
        # Comparisons with NaN are false: that it is none has to be asked for.
        largest = max(largest, float(difference.max()) if np.isfinite(difference).all() else float("inf"))
        images, total, pixels = images + len(batch), total + float(difference.sum()), pixels + difference.size
    return Check(on=on, images=images, largest=largest, mean=total / pixels)


def passes(check: Check, precision: Precision) -> bool:
    """Whether the difference is within what the precision explains."""
    measure, tolerance = TOLERANCES[precision]
    return bool(getattr(check, measure) <= tolerance and np.isfinite(check.largest))
