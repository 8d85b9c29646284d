import numpy as np
import pytest
import torch

from egodepth.training.fitting import is_out_of_memory, largest_fitting


@pytest.mark.parametrize("room", range(14))
def test_the_largest_size_that_survives_is_found_in_few_trials(room):
    tried: list[int] = []

    def trial(size: int) -> None:
        tried.append(size)
        if size > room:
            raise torch.OutOfMemoryError("CUDA out of memory")

    assert largest_fitting(trial, 12) == min(room, 12)
    assert tried[0] == 12
    assert len(tried) <= 5


def test_what_has_another_cause_is_no_lack_of_memory():
    def trial(_: int) -> None:
        raise RuntimeError("shapes do not fit")

    with pytest.raises(RuntimeError, match="shapes"):
        largest_fitting(trial, 12)


def test_real_lacks_of_memory_are_known():
    with pytest.raises(RuntimeError) as of_torch:
        torch.empty(1 << 60, dtype=torch.uint8)
    with pytest.raises(MemoryError) as of_numpy:
        np.ones(1 << 60, np.uint8)
    assert is_out_of_memory(of_torch.value)
    assert is_out_of_memory(of_numpy.value)
    assert not is_out_of_memory(RuntimeError("shapes do not fit"))
