"""Several processes train what one would train; torchrun starts them, on this machine or as two.

Where nothing of torchrun is tested the processes are forked, with the environment that it would give them.
"""

import os
import shutil
import signal
import socket
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from egodepth.cli import main
from egodepth.config import DataConfig
from egodepth.data.opening import open_drives, training_samples
from egodepth.data.samples.augment import draw
from egodepth.data.samples.sampler import TrainBatches
from egodepth.data.storage.store import FrameStore
from egodepth.foundation.errors import InputError
from egodepth.foundation.ranks import Ranks
from egodepth.networks.shared_norm import SharedBatchNorm2d, own_norms, share_norms
from forked import COMMAND, Forked, fork
from tiny_training import SIZE, assert_same_weights, final_tensors, logged

PROGRAM = Path(__file__).parents[1] / "ranks_program.py"
TIMEOUT = 240


def torchrun(processes: int, *words: str | Path, launch: tuple[str, ...]) -> Forked:
    """Its agent is forked; what that starts are new processes."""
    places = os.pathsep.join([str(PROGRAM.parents[1]), os.environ.get("PYTHONPATH", "")])
    words = (*launch, "--nproc-per-node", str(processes), PROGRAM, *words)
    return fork(*words, call="torch.distributed.run:main", PYTHONPATH=places, LOGLEVEL="ERROR")


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def forks(processes: int, *words: str | Path, call: str = "ranks_program:main") -> list[Forked]:
    shared = {"WORLD_SIZE": str(processes), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port())}
    return [fork(*words, call=call, **shared, RANK=str(rank), LOCAL_RANK=str(rank)) for rank in range(processes)]


def succeeded(processes: list[Forked]) -> str:
    """What the first one said."""
    for process in processes:
        assert process.wait(TIMEOUT) == 0, process.said
    return processes[0].said


@pytest.fixture(scope="module")
def clip(make_clip, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_clip(tmp_path_factory.mktemp("ranks") / "clip", frames=12, size=SIZE)


@pytest.fixture(scope="module")
def of_two(clip: Path) -> Path:
    """The run of two processes that nothing disturbed."""
    succeeded(forks(2, clip, clip.parent / "two"))
    return clip.parent / "two"


@pytest.fixture(scope="module")
def of_one(clip: Path) -> Path:
    succeeded(forks(1, clip, clip.parent / "one"))
    return clip.parent / "one"


def relative_difference(left: Path, right: Path, name: str) -> float:
    found, expected = logged(left, name), logged(right, name)
    assert list(found) == list(expected) == list(range(8))
    return max(abs(found[step] / expected[step] - 1) for step in expected)


def test_two_and_four_processes_have_the_losses_of_one(clip: Path, of_one: Path, of_two: Path):
    succeeded(forks(4, clip, clip.parent / "four"))
    for run in (of_two, clip.parent / "four"):
        for name in ("loss", "photometric", "smoothness", "kept"):
            assert relative_difference(run, of_one, name) < 1e-6
        for name, value in final_tensors(of_one).items():
            torch.testing.assert_close(final_tensors(run)[name], value, rtol=1e-5, atol=1e-7)


def test_a_run_of_two_goes_on_as_one(clip: Path, of_one: Path, of_two: Path, tmp_path: Path):
    run = tmp_path / "run"
    shutil.copytree(of_two, run)
    shutil.rmtree(run / "checkpoints" / "step_00000008")
    assert "resuming from step_00000004" in succeeded(forks(1, clip, run))
    assert relative_difference(run, of_one, "loss") < 1e-6
    assert max(logged(run, "loss")) == 7


def test_a_process_that_is_killed_is_started_again_and_the_run_ends_equal(clip: Path, of_two: Path, tmp_path: Path):
    note, run = tmp_path / "killed", tmp_path / "run"
    launch = ("--standalone", "--max-restarts", "1", "--monitor-interval", "0.1")
    said = succeeded([torchrun(2, clip, run, "7", note, launch=launch)])
    assert note.exists()
    assert "resuming from step_00000004" in said
    assert_same_weights(run, of_two)
    assert logged(run, "loss") == logged(of_two, "loss")


def test_without_restarts_the_others_stop_by_an_error_that_says_so_and_the_checkpoint_stays(clip: Path, tmp_path: Path):
    first, second = forks(2, clip, tmp_path / "run", "7", tmp_path / "killed")
    assert second.wait(TIMEOUT) == -signal.SIGKILL
    assert first.wait(TIMEOUT) == 1
    assert [path.name for path in sorted((tmp_path / "run" / "checkpoints").iterdir())][-1] == "step_00000004"
    last = first.said.strip().splitlines()[-1]
    assert "InputError: another process of this command is gone (" in last
    assert last.endswith("(torchrun --max-restarts does so by itself)")


def test_two_machines_train_as_one_does(clip: Path, of_two: Path, tmp_path: Path):
    place = f"127.0.0.1:{free_port()}"
    launch = ("--nnodes", "2", "--rdzv-backend", "c10d", "--rdzv-endpoint", place, "--rdzv-id", "7")
    succeeded([torchrun(1, clip, tmp_path / "run", launch=launch) for _ in range(2)])
    assert_same_weights(tmp_path / "run", of_two)


@pytest.mark.parametrize("count", [1, 2, 4])
def test_processes_share_out_the_very_batch_of_one(make_clip, tmp_path: Path, count):
    drives = open_drives(make_clip(tmp_path / "clip", 9))
    samples = training_samples(drives, (-1, 1), False)

    def batches(ranks: Ranks) -> TrainBatches:
        return TrainBatches(FrameStore(drives, (64, 96)), samples, DataConfig(), 4, 0, 6, ranks.part(4))

    whole, parts = batches(Ranks()), [batches(Ranks(rank, count)) for rank in range(count)]
    for step in range(6):
        shares = zip(*(part[step][:-1] for part in parts), strict=True)
        for field, found in zip(whole[step][:-1], shares, strict=True):
            assert torch.equal(torch.cat(found), field)
    drawn = draw(0, 3, 4, DataConfig())
    for rank in range(count):
        part = Ranks(rank, count).part(4)
        assert torch.equal(drawn.of(part).factors, drawn.factors[part])
        assert (drawn.of(part).order == drawn.order[part]).all()


def test_a_batch_that_cannot_be_shared_evenly_is_refused():
    with pytest.raises(InputError, match=r"a batch of 6 cannot be shared evenly by 4 processes; choose"):
        Ranks(0, 4).part(6)


def test_alone_a_process_is_its_own_mean_and_makes_things_itself():
    ranks, value = Ranks(), torch.tensor([3.0])
    assert ranks.leads
    assert ranks.mean(value) is value
    assert ranks.first(lambda: "made") == "made"
    assert ranks.any(True, torch.device("cpu"))
    module = torch.nn.Linear(1, 1)
    assert ranks.wrapped(module, torch.device("cpu")) is module


@pytest.mark.parametrize(("device", "kind"), [("cpu", SharedBatchNorm2d), ("cuda", torch.nn.SyncBatchNorm)])
def test_norms_are_shared_and_made_ones_own_again_with_the_same_weights(device: str, kind: type):
    network: Callable[..., object] = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 1), torch.nn.BatchNorm2d(4))
    assert isinstance(network, torch.nn.Sequential)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    share_norms(network, "encoder", torch.device(device))
    assert type(network[1]) is kind
    assert network.state_dict().keys() == before.keys()
    own_norms(network)
    assert type(network[1]) is torch.nn.BatchNorm2d


def test_norms_that_cannot_be_shared_are_refused_by_their_name():
    with pytest.raises(
        InputError, match=r"odd: the statistics of its BatchNorm1d cannot be shared .*--no-trainer.shared-statistics"
    ):
        share_norms(torch.nn.Sequential(torch.nn.BatchNorm1d(4)), "odd", torch.device("cpu"))


def test_two_processes_predict_and_evaluate_what_one_does(clip: Path, of_one: Path, tmp_path: Path):
    data = tmp_path / "set"
    words = "--train 1 --val 0 --test 1 --frames 5 --size 64 64"
    main(["data", "render", "--out", str(data), *words.split()])
    for count in (1, 2):
        predict = ["predict", of_one, clip, "--out", tmp_path / f"depth{count}"]
        evaluate = ["evaluate", of_one, "--benchmark", "synthetic", "--data", data]
        for words in (predict, [*evaluate, "--out", tmp_path / f"report{count}"]):
            main([*map(str, words)]) if count == 1 else succeeded(forks(count, *words, call=COMMAND))
    for folder, number in (("depth", 3 * 12 + 1), ("report", 4)):
        alone = sorted((tmp_path / f"{folder}1").iterdir())
        assert len(alone) >= number
        for file in alone:
            other = tmp_path / f"{folder}2" / file.name
            if file.suffix == ".npz":
                with np.load(file) as left, np.load(other) as right:
                    assert all(np.array_equal(left[name], right[name]) for name in left.files)
            else:
                assert other.read_bytes() == file.read_bytes(), file.name
        assert len(list((tmp_path / f"{folder}2").iterdir())) == len(alone)
