"""What tests of this room share."""

from collections.abc import Callable

import numpy as np
import pytest
from torch import Tensor

from egodepth.geometry import Camera
from egodepth.video.scale import pairs


@pytest.fixture(scope="session")
def _once() -> Callable[..., Tensor | None]:
    """`motion_between`, which depends on nothing but what it is given; a second of a processor for two images."""
    known: dict[object, Tensor | None] = {}
    look = pairs.motion_between

    def motion_between(first: np.ndarray, second: np.ndarray, camera: Camera) -> Tensor | None:
        given = first.tobytes(), second.tobytes(), *(tuple(part.tolist()) for part in camera)
        if given not in known:
            known[given] = look(first, second, camera)
        found = known[given]
        return None if found is None else found.clone()

    return motion_between


@pytest.fixture(autouse=True)
def _motions_are_found_once(_once: Callable[..., Tensor | None], monkeypatch: pytest.MonkeyPatch) -> None:
    """Many tests look at the same frames of the same street."""
    monkeypatch.setattr(pairs, "motion_between", _once)
