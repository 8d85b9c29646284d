"""Run images through the network while others are read and written, in threads with short queues.

Only a few images wait in memory. An exception in any stage stops the others and is raised once, in the caller. A caller
that stops early stops the threads.
"""

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from queue import Queue
from threading import Event, Thread
from types import TracebackType
from typing import Generic, TypeVar

import numpy as np
from jaxtyping import Float, UInt8
from torch import Tensor

from egodepth.inference.predictor import DepthPredictor, Prediction, at_size

S = TypeVar("S")
T = TypeVar("T")


class _End:
    """The last item of a queue, with the error that ended it."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.error = error


class Ahead(Generic[T]):
    """Iterate over a source in a separate thread, up to `waiting` items ahead of the consumer; a context manager."""

    def __init__(self, source: Iterable[T], waiting: int = 1) -> None:
        """Args: the source, and the number of items that may wait."""
        self._source = source
        self._queue: Queue[T | _End] = Queue(max(1, waiting))
        self._stop = Event()
        self._ended = False
        self._thread = Thread(target=self._run, name="egodepth-ahead", daemon=True)

    def __enter__(self) -> "Ahead[T]":
        self._thread.start()
        return self

    def __iter__(self) -> Iterator[T]:
        """Yield the items in order; an exception of the source is raised in place of its item."""
        while not self._ended:
            item = self._queue.get()
            if isinstance(item, _End):
                self._ended = True
                if item.error is not None:
                    raise item.error
            else:
                yield item

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        # The thread may be waiting for space in the queue. Empty it until the thread reports its end.
        while not self._ended:
            self._ended = isinstance(self._queue.get(), _End)
        self._thread.join()

    def _run(self) -> None:
        error: BaseException | None = None
        try:
            items = iter(self._source)
            try:
                while not self._stop.is_set():
                    self._queue.put(next(items))
            except StopIteration:
                pass
            finally:
                # A generator holds files open. They are closed in the thread that opened them.
                if close := getattr(items, "close", None):
                    close()
        except BaseException as raised:
            error = raised
        self._queue.put(_End(error))


class Behind(Generic[T]):
    """Pass items to a function in a separate thread, up to `waiting` items behind; a context manager.

    Its exit waits until all items are processed; an exit by an exception drops the waiting items. An exception of the
    function is raised by the next `put`, or at the exit.
    """

    def __init__(self, sink: Callable[[T], object], waiting: int = 1) -> None:
        """Args: the function, and the number of items that may wait."""
        self._sink = sink
        self._queue: Queue[T | _End] = Queue(max(1, waiting))
        self._drop = Event()
        self._error: BaseException | None = None
        self._thread = Thread(target=self._run, name="egodepth-behind", daemon=True)

    def __enter__(self) -> "Behind[T]":
        self._thread.start()
        return self

    def put(self, item: T) -> None:
        """Pass on an item; blocks while too many are waiting."""
        if self._error is not None:
            raise self._error
        self._queue.put(item)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if kind is not None:
            self._drop.set()
        self._queue.put(_End())
        self._thread.join()
        if kind is None and self._error is not None:
            raise self._error

    def _run(self) -> None:
        # After an error the queue is still emptied, so that no thread waits for space in it.
        while not isinstance(item := self._queue.get(), _End):
            if not self._drop.is_set():
                try:
                    self._sink(item)
                except BaseException as raised:
                    self._error = raised
                    self._drop.set()


def pipeline(
    source: Iterable[S], work: Callable[[list[S]], Iterable[T]], sink: Callable[[T], object], batch: int = 1
) -> None:
    """Take items from `source`, `work` on `batch` of them at a time, and pass each result to `sink`, in order.

    The source and the sink run in threads of their own, the work in the caller's. At most about three batches are in
    memory at a time.
    """
    with Behind(sink, batch) as results, Ahead(source, batch) as items:
        for group in groups(items, batch):
            for result in work(group):
                results.put(result)


def groups(items: Iterable[S], count: int) -> Iterator[list[S]]:
    """Yield lists of `count` items in order; the last may be shorter."""
    iterator = iter(items)
    while group := list(islice(iterator, count)):
        yield group


def predict_stream(
    predictor: DepthPredictor, images: Iterable[UInt8[np.ndarray, "_ _ 3"]], batch: int = 1
) -> Iterator[Prediction]:
    """Yield the depth of each image, at its own size, while the next images are read.

    No image is skipped: if a camera is faster than the network, thin out its frames before. Image sizes may differ. A
    `batch` of 1 gives the shortest delay, larger ones the highest throughput on a GPU.
    """
    with Ahead(images, batch) as items:
        for group in groups(items, batch):
            for image, inverse_depth in zip(group, coarse_inverse_depth(predictor, group), strict=True):
                full = at_size(inverse_depth[None], (image.shape[0], image.shape[1]))[0]
                yield Prediction(1 / full, full, predictor.model.card.metric)


def coarse_inverse_depth(
    predictor: DepthPredictor, images: list[UInt8[np.ndarray, "_ _ 3"]]
) -> Float[Tensor, "b hn wn"]:
    """Return the inverse depth of images of any size, in one batch, at the network's size, on the CPU."""
    return predictor.inverse_depth(predictor.network_input(images))
