"""Several processes that work as one, started by torchrun. Each takes its share.

In training, each process takes a share of every batch; the batches do not depend on the number of processes
(`TrainBatches`), and torch's DistributedDataParallel averages the gradients. In evaluation and prediction, each takes a
share of the images. The first process does what is needed only once: files, pictures, validation.
"""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.distributed_c10d import PrefixStore, Store
from torch.distributed.rendezvous import rendezvous
from torch.nn.parallel import DistributedDataParallel

from egodepth.foundation.errors import InputError, reason_of

_TIMEOUT = timedelta(hours=2)
"""Timeout for the first process's validation. A dead process is noticed at once by its connection."""
_PROBE_S = 2.0
"""Seconds after which a probe that has not failed shows that the other processes are alive."""
T = TypeVar("T")


@dataclass(frozen=True)
class Ranks:
    """Number of this process, and the number of processes."""

    rank: int = 0
    count: int = 1

    @property
    def leads(self) -> bool:
        """Whether this is the first process, which writes the files."""
        return self.rank == 0

    def part(self, batch_size: int) -> slice:
        """Return this process's slice of a batch; `InputError` if the batch cannot be divided evenly."""
        share, rest = divmod(batch_size, self.count)
        if rest:
            raise InputError(
                f"a batch of {batch_size} cannot be shared evenly by {self.count} processes; choose "
                "--trainer.batch-size, or their number, so that it can"
            )
        return slice(self.rank * share, (self.rank + 1) * share)

    def share(self, count: int) -> slice:
        """Return this process's contiguous slice of `count` items."""
        return slice(count * self.rank // self.count, count * (self.rank + 1) // self.count)

    def gathered(self, items: list[T]) -> list[T]:
        """Return the items of all processes, in the order of the processes."""
        if self.count == 1:
            return items
        parts: list[list[T]] = [[] for _ in range(self.count)]
        dist.all_gather_object(parts, items)
        return [item for part in parts for item in part]

    def mean(self, values: Tensor) -> Tensor:
        """Return the mean over all processes."""
        if self.count > 1:
            dist.all_reduce(values)
            values /= self.count
        return values

    def any(self, flag: bool, device: torch.device) -> bool:
        """Whether the flag is set in any process; `device` is that of the communication."""
        return bool(self.mean(torch.tensor(float(flag), device=device)) > 0) if self.count > 1 else flag

    def first(self, make: Callable[[], T]) -> T:
        """Return the first process's result of `make` in every process, or raise its `InputError` in all."""
        if self.count == 1:
            return make()
        made: list[T | InputError | None] = [None]
        if self.leads:
            try:
                made = [make()]
            except InputError as error:
                made = [error]
        dist.broadcast_object_list(made)
        if isinstance(made[0], InputError):
            raise made[0]
        return made[0]  # pyright: ignore[reportReturnType]

    def wrapped(self, module: nn.Module, device: torch.device) -> nn.Module:
        """Return a module whose gradients are averaged over the processes."""
        if self.count == 1:
            return module
        return DistributedDataParallel(module, [device] if device.type == "cuda" else None)


ALONE = Ranks()


@contextmanager
def joined(device: torch.device) -> Iterator[tuple[Ranks, torch.device]]:
    """Join the processes of torchrun, if it started any; yield this one's rank and device.

    Raises:
        InputError: the others cannot be reached, or are gone.
    """
    count = int(os.environ.get("WORLD_SIZE", "1"))
    if count == 1:
        yield ALONE, device
        return
    if device.type == "cuda" and device.index is None:
        device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
        torch.cuda.set_device(device)
    try:
        store, rank, count = next(rendezvous("env://", timeout=_TIMEOUT))
        backend = "nccl" if device.type == "cuda" else "gloo"
        dist.init_process_group(backend, store=_of_this_attempt(store), rank=rank, world_size=count, timeout=_TIMEOUT)
        probe = dist.new_group(backend="gloo")
        assert isinstance(probe, dist.ProcessGroup)
    except (RuntimeError, ValueError) as error:
        raise InputError(f"other processes cannot be reached ({reason_of(error)}); see torchrun --help") from error
    try:
        yield Ranks(rank, count), device
    except RuntimeError as error:
        if not _others_are_gone(probe, error):
            raise
        raise InputError(
            f"another process of this command is gone ({reason_of(error)}); started again, a training continues from "
            "its last checkpoint (torchrun --max-restarts does so by itself)"
        ) from error
    finally:
        dist.destroy_process_group()


def _of_this_attempt(store: Store) -> Store:
    """Return a store that belongs to this attempt.

    torchrun (2.14) keeps the store over a restart, with the addresses of dead processes in it. The first new process
    would try to reach them. Agents on several machines count restarts differently; for them see docs/distributed.md.
    """
    if os.environ.get("GROUP_WORLD_SIZE", "1") != "1":
        return store
    return PrefixStore(f"attempt_{os.environ.get('TORCHELASTIC_RESTART_COUNT', '0')}", store)


@contextmanager
def sharing(device: str | None) -> Iterator[tuple[Ranks, str | None]]:
    """Join as `joined`, for work that only shares results. Each process takes a GPU of its own if none is named."""
    with joined(torch.device("cpu")) as (ranks, _):
        if ranks.count > 1 and device is None and torch.cuda.is_available():
            device = f"cuda:{os.environ.get('LOCAL_RANK', '0')}"
        yield ranks, device


def leads() -> bool:
    """Whether this process is the first or the only one."""
    return int(os.environ.get("RANK", "0")) == 0


def _others_are_gone(probe: dist.ProcessGroup, error: RuntimeError) -> bool:
    """Whether the connection to another process is broken.

    gloo reports it as a plain `RuntimeError`. So a collective operation of the group `probe` is started. It fails at
    once on a broken connection, and waits while the others are alive.
    """
    if isinstance(error, dist.DistError):
        return True
    deadline = time.monotonic() + _PROBE_S
    try:
        work = dist.all_reduce(torch.zeros(1), group=probe, async_op=True)
        while work is not None and not work.is_completed():
            if time.monotonic() > deadline:
                return False
            time.sleep(0.05)
        if work is not None:
            work.wait()
    except RuntimeError:
        return True
    return False
