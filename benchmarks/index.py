"""What an index of millions of samples costs: time and memory."""

import json
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from benchmarks import CLONE
from benchmarks.floor import peak_resident
from egodepth.data.sample_index import EpochOrder, SampleIndex

_MB = 1 << 20


@dataclass(frozen=True)
class IndexCosts:
    """What an index of so many samples costs a process that opens it and asks for batches."""

    samples: int
    open_s: float
    """To open it, the frames' numbers included."""
    batch_us: float
    """To find the samples of a batch of 12 anywhere in an epoch."""
    resident_mb: float
    """What opening it and finding 1000 batches adds to the memory of the process, at most."""
    process_mb: float
    """Of the whole process, its libraries included."""


def measure_index(samples: int = 10**8, run: int = 998, folder: Path | None = None) -> IndexCosts:
    """Write an index of so many samples, and open it in a new process.

    Args:
        samples: how many.
        run: consecutive samples of a drive: 998 for clips of 1000 frames; 1 where none follows another.
        folder: where there is room for 20 bytes a run; default: the system's place for temporary files.
    """
    with TemporaryDirectory(dir=folder) as made:
        first = np.append(np.arange(0, samples, run), samples)
        SampleIndex(first, np.arange(len(first), dtype=np.int32), np.ones(len(first), np.int64)).save(made)
        code = f"from benchmarks.index import _opened; _opened({str(Path(made).resolve())!r})"
        done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, cwd=CLONE)
        return IndexCosts(**json.loads(done.stdout.splitlines()[-1]))


def _opened(folder: str) -> None:
    """What `measure_index` runs in a process of its own: prints the figures as JSON."""
    before = peak_resident() / _MB
    began = time.perf_counter()
    index = SampleIndex.open(folder)
    order = EpochOrder(0, 0, len(index))
    opened = time.perf_counter() - began
    began = time.perf_counter()
    for step in range(1000):
        places = (step * 99991 * 12 + np.arange(12)) % len(index)
        for position in order.at(places):
            _ = index[int(position)]
    batch_us = (time.perf_counter() - began) * 1e3
    most = peak_resident() / _MB
    print(json.dumps(asdict(IndexCosts(len(index), opened, batch_us, most - before, most))))
