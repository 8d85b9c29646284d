import threading
import time
from collections.abc import Iterator

import numpy as np
import pytest
import torch

from egodepth.config import ModelConfig
from egodepth.inference.predictor import DepthPredictor
from egodepth.inference.stream import Ahead, Behind, groups, pipeline, predict_stream
from egodepth.weights import DepthModel, ModelCard

TIMEOUT = 20.0
NETWORK = ModelConfig(encoder="mobilenetv3_small_050")


class StageError(Exception):
    pass


@pytest.fixture(autouse=True)
def _no_thread_is_left() -> Iterator[None]:
    yield
    left = [thread for thread in threading.enumerate() if thread.name.startswith("egodepth-")]
    assert left == []


def in_time(function):
    """Run a function in a thread, and fail instead of hanging if it does not come back; its exception is returned."""
    outcome: list[BaseException | None] = []

    def run() -> None:
        try:
            function()
        except BaseException as error:
            outcome.append(error)
        else:
            outcome.append(None)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(TIMEOUT)
    assert not thread.is_alive(), "deadlock"
    return outcome[0]


def fail_at(place: int):
    def stage(item: int) -> int:
        if item == place:
            raise StageError(place)
        return item

    return stage


@pytest.mark.parametrize("batch", [1, 3, 50])
def test_everything_comes_through_in_order(batch):
    sizes: list[int] = []
    out: list[int] = []

    def work(group: list[int]) -> list[int]:
        sizes.append(len(group))
        return [10 * item for item in group]

    assert in_time(lambda: pipeline(range(20), work, out.append, batch)) is None
    assert out == [10 * item for item in range(20)]
    assert sum(sizes) == 20
    assert max(sizes) == min(batch, 20)


def test_nothing_in_nothing_out():
    assert in_time(lambda: pipeline([], list, print)) is None


@pytest.mark.parametrize("place", [0, 7, 99])
@pytest.mark.parametrize("stage", ["source", "work", "sink"])
def test_an_error_in_any_stage_stops_all_and_is_raised(stage, place):
    fail = fail_at(place)
    taken: list[int] = []

    def source() -> Iterator[int]:
        for item in range(100):
            taken.append(item)
            yield fail(item) if stage == "source" else item

    def work(group: list[int]) -> list[int]:
        return [fail(item) if stage == "work" else item for item in group]

    def sink(item: int) -> None:
        if stage == "sink":
            fail(item)

    error = in_time(lambda: pipeline(source(), work, sink, batch=2))
    assert isinstance(error, StageError)
    assert error.args == (place,)
    assert len(taken) <= place + 12


def test_errors_in_two_stages_are_one():
    def sink(item: int) -> None:
        raise StageError("sink")

    def work(group: list[int]) -> list[int]:
        if group[0] > 10:
            raise StageError("work")
        return group

    assert isinstance(in_time(lambda: pipeline(range(100), work, sink)), StageError)


def test_few_items_are_in_memory_however_many_there_are():
    alive = most = 0
    lock = threading.Lock()

    def source() -> Iterator[int]:
        nonlocal alive, most
        for item in range(300):
            with lock:
                alive += 1
                most = max(most, alive)
            yield item

    def sink(item: int) -> None:
        nonlocal alive
        time.sleep(0.0005)
        with lock:
            alive -= 1

    assert in_time(lambda: pipeline(source(), list, sink, batch=4)) is None
    # A queue and a batch before the network, a queue behind it, and what the two threads hold.
    assert most <= 3 * 4 + 3


def test_the_stages_overlap():
    seconds = 0.02

    def source() -> Iterator[int]:
        for item in range(20):
            time.sleep(seconds)
            yield item

    def work(group: list[int]) -> list[int]:
        time.sleep(seconds)
        return group

    began = time.perf_counter()
    assert in_time(lambda: pipeline(source(), work, lambda item: time.sleep(seconds))) is None
    assert time.perf_counter() - began < 0.8 * 3 * 20 * seconds


def test_a_source_is_closed_in_its_own_thread_when_its_reader_stops_early():
    threads: list[str] = []

    def source() -> Iterator[int]:
        try:
            yield from range(10**9)
        finally:
            threads.append(threading.current_thread().name)

    def read_some() -> None:
        with Ahead(source(), 2) as items:
            assert next(iter(items)) == 0

    assert in_time(read_some) is None
    assert threads == ["egodepth-ahead"]


def test_a_reader_that_never_reads_stops_the_source():
    def read_nothing() -> None:
        with Ahead(iter(range(10**9)), 1):
            pass

    assert in_time(read_nothing) is None


def test_leaving_by_an_exception_drops_what_waits():
    done: list[int] = []
    first, go = threading.Event(), threading.Event()

    def sink(item: int) -> None:
        first.set()
        go.wait(TIMEOUT)
        done.append(item)

    def stop_in_the_middle() -> None:
        with Behind(sink, 10) as out:
            for item in range(5):
                out.put(item)
            first.wait(TIMEOUT)
            threading.Timer(0.1, go.set).start()
            raise StageError

    assert isinstance(in_time(stop_in_the_middle), StageError)
    assert done == [0]


def test_the_last_error_of_a_sink_is_raised_on_leaving():
    def write() -> None:
        with Behind(fail_at(3), 10) as out:
            for item in range(4):
                out.put(item)

    assert isinstance(in_time(write), StageError)


def test_groups_keep_the_rest():
    assert list(groups(range(5), 2)) == [[0, 1], [2, 3], [4]]


@pytest.mark.parametrize("batch", [1, 3])
def test_a_stream_of_images_is_predicted_as_single_images_are(batch):
    card = ModelCard(size=(64, 96), metric=True, has_pose_net=False, network=NETWORK)
    predictor = DepthPredictor(DepthModel(card))
    random = np.random.default_rng(0)
    sizes = [(40, 70), (64, 96), (100, 60), (40, 70)]
    images = [random.integers(0, 256, (*size, 3), dtype=np.uint8) for size in sizes]
    predictions = list(predict_stream(predictor, iter(images), batch))
    assert [tuple(prediction.depth.shape) for prediction in predictions] == sizes
    for image, prediction in zip(images, predictions, strict=True):
        expected = predictor(image)
        assert prediction.metric
        torch.testing.assert_close(prediction.depth, expected.depth, rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(prediction.inverse_depth, expected.inverse_depth, rtol=1e-4, atol=1e-5)


def test_a_stream_can_be_left_early():
    card = ModelCard(size=(64, 96), metric=True, has_pose_net=False, network=NETWORK)
    predictor = DepthPredictor(DepthModel(card))

    def endless() -> Iterator[np.ndarray]:
        while True:
            yield np.zeros((64, 96, 3), np.uint8)

    def read_one() -> None:
        predictions = predict_stream(predictor, endless())
        next(predictions)
        predictions.close()

    assert in_time(read_one) is None
