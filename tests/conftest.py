"""Fixtures for every test: fixed seeds, tolerances by dtype, and the folder of real recordings."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

TOLERANCES = {torch.float32: {"rtol": 1e-5, "atol": 1e-6}, torch.float64: {"rtol": 1e-9, "atol": 1e-10}}
"""What rounding explains, by dtype; a test that needs more says why."""

REAL_DATA_DEFAULT = Path(__file__).parents[2] / "shared" / "data"


@pytest.fixture(autouse=True)
def _seeded() -> None:
    """Every test draws the same numbers, alone or in the suite."""
    torch.manual_seed(0)


@pytest.fixture
def assert_close() -> Callable[[Tensor, Tensor | np.ndarray | float], None]:
    """Compare a tensor with what is expected, within the tolerance of its dtype."""

    def compare(actual: Tensor, expected: Tensor | np.ndarray | float) -> None:
        expected = torch.as_tensor(expected, dtype=actual.dtype).expand_as(actual)
        torch.testing.assert_close(actual, expected, **TOLERANCES[actual.dtype])

    return compare


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder of real recordings, from EGODEPTH_TEST_DATA; tests that ask for it are skipped where it is absent."""
    folder = Path(os.environ.get("EGODEPTH_TEST_DATA", REAL_DATA_DEFAULT))
    if not folder.is_dir():
        pytest.skip(f"no real recordings at {folder} (set EGODEPTH_TEST_DATA)")
    return folder
