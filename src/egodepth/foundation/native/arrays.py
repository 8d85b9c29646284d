"""Pass tensors to C, which does not check what lies at an address."""

import torch
from torch import Tensor


def address(name: str, tensor: Tensor, dtype: torch.dtype, shape: tuple[int, ...]) -> int:
    """Return the address of a tensor's numbers, after a check of their type and layout.

    Raises:
        ValueError: another dtype or shape, not contiguous, or not in the processor's memory.
    """
    found = (tensor.dtype, tuple(tensor.shape), tensor.device.type)
    if found != (dtype, shape, "cpu") or not tensor.is_contiguous():
        layout = "" if tensor.is_contiguous() else ", not contiguous"
        raise ValueError(
            f"{name}: {tensor.dtype} of {[*tensor.shape]} on {tensor.device}{layout}; C reads contiguous {dtype} of "
            f"{[*shape]} on the processor"
        )
    return tensor.data_ptr()
