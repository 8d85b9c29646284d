"""Limits of the machine: the rates of its matrix products and of its memory. And the memory of a process."""

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
    """Wait until a GPU has finished; on a processor, do nothing."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def seconds(action: Callable[[], object], device: torch.device) -> float:
    """Return the duration of an action, seconds."""
    synchronise(device)
    began = time.perf_counter()
    action()
    synchronise(device)
    return time.perf_counter() - began


def matrix_rate(dtype: torch.dtype, device: torch.device) -> float:
    """Return the floating-point operations per second of a matrix product: multiplications and additions."""
    generator = torch.Generator().manual_seed(0)
    left, right = (torch.randn(_MATRIX, _MATRIX, generator=generator).to(device, dtype) for _ in range(2))
    out: Tensor = left @ right
    best = min(seconds(lambda: torch.mm(left, right, out=out), device) for _ in range(5))
    return 2 * _MATRIX**3 / best


def resident() -> int:
    """Return the current memory of this process, bytes."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def peak_resident() -> int:
    """Return the peak memory of this process, bytes; mapped files included."""
    # Not getrusage: its peak includes memory of the parent process from before the start of the program.
    status = Path("/proc/self/status")
    if not status.exists():
        raise InputError("benchmark: memory can be measured only on Linux; run it there")
    lines = status.read_text().splitlines()
    return 1024 * int(next(line for line in lines if line.startswith("VmHWM")).split()[1])


def memory_rate(device: torch.device) -> float:
    """Return the bytes per second that a copy reads and writes."""
    source = torch.ones(_VECTOR_BYTES // 4, device=device)
    copy = torch.empty_like(source)
    best = min(seconds(lambda: copy.copy_(source), device) for _ in range(5))
    return 2 * _VECTOR_BYTES / best
