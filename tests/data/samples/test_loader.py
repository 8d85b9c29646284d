import multiprocessing
import os
import re
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from egodepth.config import DataConfig
from egodepth.data.opening import open_drives, training_samples
from egodepth.data.samples.loader import batches_from
from egodepth.data.samples.sampler import RawBatch, TrainBatches
from egodepth.data.storage.store import FrameStore
from egodepth.foundation.errors import InputError


class Faulty(TrainBatches):
    """A data set whose worker processes meet with an accident at one step, the first `times` times."""

    accident: Callable[[], None]
    at: int
    file: Path
    times: int

    def __getitem__(self, step: int) -> RawBatch | InputError:
        met = self.file.read_text().count("x")
        if step == self.at and met < self.times and multiprocessing.parent_process():
            with self.file.open("a") as file:
                file.write("x")
            self.accident()
        return super().__getitem__(step)


@pytest.fixture
def make_faulty(make_clip, tmp_path: Path) -> Callable[..., Faulty]:
    def make(accident: Callable[[], None], times: int = 1) -> Faulty:
        drives = open_drives(make_clip(tmp_path / "clip", 9))
        samples = training_samples(drives, (-1, 1), False)
        faulty = Faulty(FrameStore(drives, (64, 96)), samples, DataConfig(), 2, 0, 12)
        faulty.accident, faulty.at, faulty.times, faulty.file = accident, 7, times, tmp_path / "met"
        faulty.file.write_text("")
        return faulty

    return make


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def hang() -> None:
    time.sleep(1e6)


@pytest.mark.parametrize(
    ("accident", "patience", "word"),
    [(die, 60, "exited unexpectedly|killed|Connection|EOF|No such file"), (hang, 6, "timed out")],
)
def test_a_worker_that_dies_or_hangs_is_replaced_and_no_batch_is_lost(make_faulty, accident, patience, word):
    expected = list(batches_from(make_faulty(accident, times=0), 0, 0, pin=False))
    said: list[str] = []
    found = list(batches_from(make_faulty(accident), 0, 2, False, patience, said.append))
    assert len(found) == len(expected) == 12
    for left, right in zip(found, expected, strict=True):
        assert all(torch.equal(a, b) for a, b in zip(left[:-1], right[:-1], strict=True))
    (line,) = said
    assert re.fullmatch(rf"step \d: .*({word}).*; loading restarts at this step", line)
    assert not multiprocessing.active_children()


def test_workers_that_die_again_and_again_end_the_run_in_one_line(make_faulty):
    said: list[str] = []
    with pytest.raises(
        InputError, match=r"step \d: the processes that load data failed 4 times in a row .*--trainer.workers 0"
    ):
        list(batches_from(make_faulty(die, times=99), 0, 1, False, 60, said.append))
    # A busy machine may lose a connection at an earlier step, which is not of the row.
    assert len({line.split(":")[0] for line in said[-3:]}) == 1


def test_workers_leave_it_to_the_run_what_a_signal_means(make_faulty):
    def to_everyone() -> None:
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGUSR1)

    faulty, said = make_faulty(to_everyone), []
    assert len(list(batches_from(faulty, 0, 1, False, 60, said.append))) == 12
    assert faulty.file.read_text() == "x"
    assert said == []
