"""Several processes that work as one, started by torchrun: each takes its part.

Of a training, of every batch, which is the same whatever their number (`TrainBatches`); gradients are averaged by
torch's DistributedDataParallel. Of an evaluation or prediction, of the images. What one does for all (files, pictures,
validation) the first one does.
"""

import os
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

_PATIENCE = timedelta(hours=2)
"""How long processes wait for the first one's validation; one that died is noticed at once by its connection."""
T = TypeVar("T")


@dataclass(frozen=True)
class Ranks:
    """Which of how many processes this is."""

    rank: int = 0
    count: int = 1

    @property
    def leads(self) -> bool:
        """The first one, which writes the files."""
        return self.rank == 0

    def part(self, batch_size: int) -> slice:
        """This process's samples of a batch; `InputError` where they cannot be shared out evenly."""
        share, rest = divmod(batch_size, self.count)
        if rest:
            raise InputError(
                f"a batch of {batch_size} cannot be shared evenly by {self.count} processes; choose "
                "--trainer.batch-size, or their number, so that it can"
            )
        return slice(self.rank * share, (self.rank + 1) * share)

    def share(self, count: int) -> slice:
        """This process's part of so many things, all of them in a row."""
        return slice(count * self.rank // self.count, count * (self.rank + 1) // self.count)

    def gathered(self, items: list[T]) -> list[T]:
        """The items of all processes, one process's after the other's."""
        if self.count == 1:
            return items
        parts: list[list[T]] = [[] for _ in range(self.count)]
        dist.all_gather_object(parts, items)
        return [item for part in parts for item in part]

    def mean(self, values: Tensor) -> Tensor:
        """Of all processes."""
        if self.count > 1:
            dist.all_reduce(values)
            values /= self.count
        return values

    def any(self, flag: bool, device: torch.device) -> bool:
        """Whether it is raised in one of them; `device` is where they talk."""
        return bool(self.mean(torch.tensor(float(flag), device=device)) > 0) if self.count > 1 else flag

    def first(self, make: Callable[[], T]) -> T:
        """What the first process makes, or the `InputError` that it met with, in every process."""
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
        """A module whose gradients are the mean over the processes."""
        if self.count == 1:
            return module
        return DistributedDataParallel(module, [device] if device.type == "cuda" else None)


ALONE = Ranks()


@contextmanager
def joined(device: torch.device) -> Iterator[tuple[Ranks, torch.device]]:
    """Join the processes that torchrun has started, if it has; yields which one this is, and its device.

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
        store, rank, count = next(rendezvous("env://", timeout=_PATIENCE))
        backend = "nccl" if device.type == "cuda" else "gloo"
        dist.init_process_group(backend, store=_of_this_attempt(store), rank=rank, world_size=count, timeout=_PATIENCE)
    except (RuntimeError, ValueError) as error:
        raise InputError(f"other processes cannot be reached ({reason_of(error)}); see torchrun --help") from error
    try:
        yield Ranks(rank, count), device
    except RuntimeError as error:
        if not _is_of_group(error):
            raise
        raise InputError(
            f"another process of this command is gone ({reason_of(error)}); started again, a training goes on from "
            "its last checkpoint (torchrun --max-restarts does so by itself)"
        ) from error
    finally:
        dist.destroy_process_group()


def _of_this_attempt(store: Store) -> Store:
    """Where the processes find one another.

    torchrun (2.14) keeps the place over a restart with the addresses of the dead in it: whoever is there first would
    look for them. Agents of several machines do not count restarts alike; for them see docs/distributed.md.
    """
    if os.environ.get("GROUP_WORLD_SIZE", "1") != "1":
        return store
    return PrefixStore(f"attempt_{os.environ.get('TORCHELASTIC_RESTART_COUNT', '0')}", store)


@contextmanager
def sharing(device: str | None) -> Iterator[tuple[Ranks, str | None]]:
    """Join as `joined` for work that shares results alone; each process takes a GPU of its own if none is named."""
    with joined(torch.device("cpu")) as (ranks, _):
        if ranks.count > 1 and device is None and torch.cuda.is_available():
            device = f"cuda:{os.environ.get('LOCAL_RANK', '0')}"
        yield ranks, device


def leads() -> bool:
    """Whether this process is the first one, or the only one."""
    return int(os.environ.get("RANK", "0")) == 0


def _is_of_group(error: RuntimeError) -> bool:
    text = str(error)
    return isinstance(error, dist.DistError) or any(word in text for word in ("gloo", "Connection", "NCCL"))
