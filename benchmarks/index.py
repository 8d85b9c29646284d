"""Time and memory of an index of millions of samples."""

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
    """Time and memory of a process that opens an index and looks up batches."""

    samples: int
    open_s: float
    """Seconds to open the index, with the frames' numbers."""
    batch_us: float
    """Microseconds to look up the samples of a batch of 12 anywhere in an epoch."""
    resident_mb: float
    """Increase of the process's peak memory by opening the index and looking up 1000 batches."""
    process_mb: float
    """Peak memory of the whole process, with its libraries."""


def measure_index(samples: int = 10**8, run: int = 998, folder: Path | None = None) -> IndexCosts:
    """Write an index of `samples` samples, and measure it in a new process.

    Args:
        samples: number of samples.
        run: number of consecutive samples: 998 for clips of 1000 frames, 1 for isolated frames.
        folder: a folder with 20 bytes of free space per run; default: the system's folder for temporary files.
    """
    with TemporaryDirectory(dir=folder) as made:
        first = np.append(np.arange(0, samples, run), samples)
        SampleIndex(first, np.arange(len(first), dtype=np.int32), np.ones(len(first), np.int64)).save(made)
        code = f"from benchmarks.index import _opened; _opened({str(Path(made).resolve())!r})"
        done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, cwd=CLONE)
        return IndexCosts(**json.loads(done.stdout.splitlines()[-1]))


def _opened(folder: str) -> None:
    """Print the figures as JSON; `measure_index` calls this in a new process."""
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
