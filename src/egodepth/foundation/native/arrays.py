"""Pass tensors to C, which cannot check the memory at an address."""

import torch
from torch import Tensor


def address(name: str, tensor: Tensor, dtype: torch.dtype, shape: tuple[int, ...]) -> int:
    """Return the address of a tensor's data, after a check of type, shape and layout.

    Raises:
        ValueError: another dtype or shape, a tensor that is not contiguous, or one that is not on the processor.
    """
    found = (tensor.dtype, tuple(tensor.shape), tensor.device.type)
    if found != (dtype, shape, "cpu") or not tensor.is_contiguous():
        layout = "" if tensor.is_contiguous() else ", not contiguous"
        raise ValueError(
            f"{name}: {tensor.dtype} of {[*tensor.shape]} on {tensor.device}{layout}; C reads contiguous {dtype} of "
            f"{[*shape]} on the processor"
        )
    return tensor.data_ptr()
