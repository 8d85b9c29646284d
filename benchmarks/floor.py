"""What the machine does at best: the rate of its matrix products and of its memory; and what a process takes of it."""

import resource
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from egodepth.foundation.errors import InputError

_MATRIX = 2048
_VECTOR_BYTES = 256 * 2**20


def synchronise(device: torch.device) -> None:
    """Wait for a GPU; a processor is never ahead."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def seconds(action: Callable[[], object], device: torch.device) -> float:
    """How long an action takes."""
    synchronise(device)
    began = time.perf_counter()
    action()
    synchronise(device)
    return time.perf_counter() - began


def matrix_rate(dtype: torch.dtype, device: torch.device) -> float:
    """Floating-point operations a second of a matrix product: multiplications and additions."""
    generator = torch.Generator().manual_seed(0)
    left, right = (torch.randn(_MATRIX, _MATRIX, generator=generator).to(device, dtype) for _ in range(2))
    out: Tensor = left @ right
    best = min(seconds(lambda: torch.mm(left, right, out=out), device) for _ in range(5))
    return 2 * _MATRIX**3 / best


def resident() -> int:
    """Bytes of this process in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def peak_resident() -> int:
    """The most bytes that this process has had in memory, of mapped files, too."""
    # getrusage would count what the parent had before the program was started.
    status = Path("/proc/self/status")
    if not status.exists():
        raise InputError("benchmark: memory is measured on Linux alone")
    lines = status.read_text().splitlines()
    return 1024 * int(next(line for line in lines if line.startswith("VmHWM")).split()[1])


def memory_rate(device: torch.device) -> float:
    """Bytes a second that are read and written by a copy."""
    source = torch.ones(_VECTOR_BYTES // 4, device=device)
    copy = torch.empty_like(source)
    best = min(seconds(lambda: copy.copy_(source), device) for _ in range(5))
    return 2 * _VECTOR_BYTES / best
