"""Several processes train what one would train; torchrun starts them, on this machine or as two."""

import os
import re
import socket
import subprocess
import sys
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
from tiny_training import SIZE, assert_same_weights, final_tensors, logged

PROGRAM = Path(__file__).parents[1] / "ranks_program.py"
TIMEOUT = 240


def torchrun(processes: int, *words: str, launch: tuple[str, ...] = ("--standalone",)) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "torch.distributed.run", *launch, "--nproc-per-node", str(processes), *words],
        env={
            **os.environ,
            "OMP_NUM_THREADS": "1",
            "PYTHONPATH": os.pathsep.join([str(PROGRAM.parent), os.environ.get("PYTHONPATH", "")]),
            "LOGLEVEL": "ERROR",
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def trained(processes: int, clip: Path, run: Path, *more: str, launch: tuple[str, ...] = ("--standalone",)) -> str:
    """What a training of so many processes says; it must succeed."""
    process = torchrun(processes, str(PROGRAM), str(clip), str(run), *more, launch=launch)
    said, _ = process.communicate(timeout=TIMEOUT)
    assert process.returncode == 0, said
    return said


@pytest.fixture(scope="module")
def clip(make_clip, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_clip(tmp_path_factory.mktemp("ranks") / "clip", frames=12, size=SIZE)


@pytest.fixture(scope="module")
def of_two(clip: Path) -> Path:
    """The run of two processes that nothing disturbed."""
    trained(2, clip, clip.parent / "two")
    return clip.parent / "two"


@pytest.fixture(scope="module")
def of_one(clip: Path) -> Path:
    trained(1, clip, clip.parent / "one")
    return clip.parent / "one"


def relative_difference(left: Path, right: Path, name: str) -> float:
    found, expected = logged(left, name), logged(right, name)
    assert list(found) == list(expected) == list(range(20))
    return max(abs(found[step] / expected[step] - 1) for step in expected)


def test_two_and_four_processes_have_the_losses_of_one(clip: Path, of_one: Path, of_two: Path):
    trained(4, clip, clip.parent / "four")
    for run in (of_two, clip.parent / "four"):
        for name in ("loss", "photometric", "smoothness", "kept"):
            assert relative_difference(run, of_one, name) < 1e-6
        for name, value in final_tensors(of_one).items():
            torch.testing.assert_close(final_tensors(run)[name], value, rtol=1e-5, atol=1e-7)


def test_a_run_of_two_goes_on_as_one(clip: Path, of_one: Path, of_two: Path, tmp_path: Path):
    run = tmp_path / "run"
    subprocess.run(["cp", "-r", str(of_two), str(run)], check=True)
    subprocess.run(["rm", "-r", str(run / "checkpoints" / "step_00000020")], check=True)
    assert "resuming from step_00000015" in trained(1, clip, run)
    assert relative_difference(run, of_one, "loss") < 1e-6
    assert max(logged(run, "loss")) == 19


def test_a_process_that_is_killed_is_started_again_and_the_run_ends_equal(clip: Path, of_two: Path, tmp_path: Path):
    note = tmp_path / "killed"
    launch = ("--standalone", "--max-restarts", "1", "--monitor-interval", "0.1")
    said = trained(2, clip, tmp_path / "run", "13", str(note), launch=launch)
    assert note.exists()
    assert "resuming from step_00000010" in said
    assert_same_weights(tmp_path / "run", of_two)
    assert logged(tmp_path / "run", "loss") == logged(of_two, "loss")


def test_without_restarts_the_others_stop_in_one_line_and_the_checkpoint_stays(clip: Path, tmp_path: Path):
    process = torchrun(2, str(PROGRAM), str(clip), str(tmp_path / "run"), "13", str(tmp_path / "killed"))
    said, _ = process.communicate(timeout=TIMEOUT)
    assert process.returncode != 0
    assert [path.name for path in sorted((tmp_path / "run" / "checkpoints").iterdir())][-1] == "step_00000010"
    assert re.search(r"InputError: another process of this training is gone|SIGTERM", said)


def test_two_machines_train_as_one_does(clip: Path, of_two: Path, tmp_path: Path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    launch = ("--nnodes", "2", "--rdzv-backend", "c10d", "--rdzv-endpoint", f"127.0.0.1:{port}", "--rdzv-id", "7")
    agents = [torchrun(1, str(PROGRAM), str(clip), str(tmp_path / "run"), launch=launch) for _ in range(2)]
    for agent in agents:
        said, _ = agent.communicate(timeout=TIMEOUT)
        assert agent.returncode == 0, said
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


def test_norms_are_shared_and_made_ones_own_again_with_the_same_weights():
    network: Callable[..., object] = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 1), torch.nn.BatchNorm2d(4))
    assert isinstance(network, torch.nn.Sequential)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    share_norms(network, "encoder")
    assert type(network[1]) is SharedBatchNorm2d
    assert network.state_dict().keys() == before.keys()
    own_norms(network)
    assert type(network[1]) is torch.nn.BatchNorm2d


def test_norms_that_cannot_be_shared_are_refused_by_their_name():
    with pytest.raises(InputError, match=r"odd: its BatchNorm1d cannot be shared .*--no-trainer.shared-statistics"):
        share_norms(torch.nn.Sequential(torch.nn.BatchNorm1d(4)), "odd")


def egodepth(processes: int, *words: str) -> None:
    process = torchrun(processes, "-m", "egodepth", *words)
    said, _ = process.communicate(timeout=TIMEOUT)
    assert process.returncode == 0, said


def test_two_processes_predict_and_evaluate_what_one_does(clip: Path, of_one: Path, tmp_path: Path):
    data = tmp_path / "set"
    words = "--train 1 --val 0 --test 1 --frames 5 --size 64 64"
    main(["data", "render", "--out", str(data), *words.split()])
    for count in (1, 2):
        egodepth(count, "predict", str(of_one), str(clip), "--out", str(tmp_path / f"depth{count}"))
        words = ["--benchmark", "synthetic", "--data", str(data), "--out", str(tmp_path / f"report{count}")]
        egodepth(count, "evaluate", str(of_one), *words)
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
