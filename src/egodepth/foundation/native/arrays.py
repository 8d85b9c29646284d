"""Tensors on their way to C, which reads whatever lies at an address as what it expects there."""

import torch
from torch import Tensor


def address(name: str, tensor: Tensor, dtype: torch.dtype, shape: tuple[int, ...]) -> int:
    """Where C finds the numbers of a tensor, once it is sure that they are what C takes them for.

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
