"""An image topic of a bag as a recording."""

import logging
import math
from collections.abc import Iterator
from itertools import islice, pairwise
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import UInt8

from egodepth.data.bags.bag import IMAGES, Bag
from egodepth.data.bags.camera_info import camera_info_beside, read_camera_info
from egodepth.data.bags.image_messages import image_of, is_depth
from egodepth.data.footage.interface import Footage, Picture, StatedCamera, stamp
from egodepth.data.footage.times import USUAL_FPS
from egodepth.foundation.errors import InputError

logger = logging.getLogger("egodepth")
_LOOKED_AT = 30
"""Number of messages that are read for the rate; a picture must be among them."""


class _Message(NamedTuple):
    """An image message."""

    time_ns: int | None
    """None if it is not known, because the message cannot be read."""
    content: Any
    """The fields; None if the message cannot be read."""
    trouble: InputError | None
    """The reason that it cannot be read."""


class BagFootage(Footage):
    """Images of one topic, at the times in their headers, or else at the times of recording."""

    def __init__(self, path: Path, topic: str | None = None, camera_info: str | None = None) -> None:
        """Open a bag and read the first messages.

        Args:
            path: the bag.
            topic: the topic of the images; None: the only one without depth.
            camera_info: the topic of their camera; None: the one beside them, if there is one.

        Raises:
            InputError: a damaged bag, no such topic, several image topics, or no picture that can be read.
        """
        self.path = path
        self._bag = Bag(path)
        self.topic = _chosen(self._bag, topic)
        self._camera_info = camera_info
        self.expected = self._bag.topics[self.topic].messages or None
        self.size, times = self._looked_at()
        steps = [after - before for before, after in pairwise(times) if after > before]
        self.timed = bool(steps)
        self.rate = 1e9 / median(steps) if steps else USUAL_FPS

    def _looked_at(self) -> tuple[tuple[int, int], list[int]]:
        """Return the (height, width) of the first picture, and the times of the first messages in nanoseconds."""
        times: list[int] = []
        size, trouble = None, None
        try:
            for message in islice(self._read(), _LOOKED_AT):
                if message.time_ns is not None:
                    times.append(message.time_ns)
                if size is None:
                    image, reason = self._decoded(message)
                    size, trouble = None if image is None else image.shape[:2], trouble or reason
        except InputError as error:  # the file is damaged from here on
            trouble = trouble or error
        if size is None:
            raise trouble or InputError(f"{self.path}: {self.topic} has no messages, but {self._bag.listing()}")
        return (size[0], size[1]), times

    def pictures(self) -> Iterator[Picture]:
        """Yield the picture of every message. A damaged file ends it."""
        messages, number, unreadable = _with_next_time(self._read()), -1, 0
        first_trouble: InputError | None = None
        clock = _Clock(1 / self.rate)
        while True:
            try:
                message, next_ns = next(messages, (None, None))
            except InputError as error:
                if number < 0:
                    raise
                self.ended = f"{error}; what follows is left out"
                break
            if message is None:
                break
            image, trouble = self._decoded(message)
            number, unreadable = number + 1, unreadable + (trouble is not None)
            first_trouble = first_trouble or trouble
            yield Picture(number, clock.seconds(message.time_ns, next_ns), image)
        if unreadable:
            logger.warning("%s (%d of %d messages cannot be read)", first_trouble, unreadable, number + 1)

    def _read(self) -> Iterator[_Message]:
        """Yield the messages. Their times are those of the headers if the first readable header has one."""
        by_header: bool | None = None
        for logged_ns, content in self._bag.messages(self.topic):
            try:
                message, trouble = self._bag.decoded(self.topic, content), None
                time_ns = _header_ns(message)
                by_header = time_ns > 0 if by_header is None else by_header
            except InputError as error:
                message, trouble, time_ns = None, error, None
            yield _Message(logged_ns if by_header is False else time_ns, message, trouble)

    def _decoded(self, message: _Message) -> tuple[UInt8[np.ndarray, "h w 3"] | None, InputError | None]:
        """Return the picture of a message, or the reason that there is none."""
        if message.trouble:
            return None, message.trouble
        try:
            return image_of(message.content, f"{self.path}: {self.topic}"), None
        except InputError as error:
            return None, error

    def fingerprint(self) -> str:
        """Return the topics, and size and date of each file."""
        files = " ".join(map(stamp, self._bag.files))
        return f"{files} {self.topic} {self._camera_info or ''}".rstrip()

    def camera(self) -> StatedCamera | None:
        """Return the camera of the camera_info topic; None, and a warning, if there is none that can be used.

        Raises:
            InputError: the topic that the user named does not exist or cannot be used.
        """
        name = self._camera_info or camera_info_beside(self._bag, self.topic)
        try:
            if name is None:
                raise InputError(
                    f"{self.path}: no camera_info beside {self.topic}; the topics are: {self._bag.listing()}; "
                    "`egodepth data extract --camera-info TOPIC` takes the camera of another one"
                )
            found = read_camera_info(self._bag, name, self.topic, self.size)
            camera = found.normalised(self.size, f"{self.path}: {name}")
        except InputError as error:
            if self._camera_info:
                raise
            logger.warning("%s", error)
            return None
        return StatedCamera(camera, found.lens, f"from {name} in {self.path}")


class _Clock:
    """Ascending times from the first message on. Missing and wrong times follow the one before at the usual step.

    A time is wrong if it goes back, or if it lies ahead of the next one. If the next one goes back behind the message
    before, it is the wrong one itself.
    """

    def __init__(self, step: float) -> None:
        self._step = step
        self._start_ns: int | None = None
        self._before = -step

    def seconds(self, time_ns: int | None, next_ns: int | None) -> float:
        """Return the time of the next message, from its stated time and that of the message after it."""
        usual = self._before + self._step
        if (
            time_ns is not None
            and next_ns is not None
            and next_ns < time_ns
            and self._since_start(next_ns) > self._before
        ):
            time_ns = None  # ahead of the next one
        if self._start_ns is None and time_ns is not None:
            self._start_ns = time_ns - round(usual * 1e9)
        known = usual if time_ns is None else self._since_start(time_ns)
        self._before = known if known > self._before else usual
        return self._before

    def _since_start(self, time_ns: int) -> float:
        """Return seconds since the start; infinite as long as it is not known."""
        return math.inf if self._start_ns is None else (time_ns - self._start_ns) / 1e9


def _with_next_time(messages: Iterator[_Message]) -> Iterator[tuple[_Message, int | None]]:
    """Yield each message with the time of the next one, which is read before; None at the end, and before damage."""
    before = next(messages, None)
    while before is not None:
        damage = None
        try:
            message = next(messages, None)
        except InputError as error:
            message, damage = None, error
        yield before, message and message.time_ns
        if damage:
            raise damage
        before = message


def _header_ns(message: Any) -> int:
    """Return the time in a message's header in nanoseconds; 0 if it was never set."""
    time = message.header.stamp if hasattr(message, "header") else message.timestamp
    return time.sec * 10**9 + time.nanosec


def _chosen(bag: Bag, topic: str | None) -> str:
    """Return the image topic: the given one, or the only one without depth."""
    known = bag.named(*IMAGES)
    if not known:
        raise InputError(f"{bag.path}: no image topic (sensor_msgs/Image, CompressedImage), but {bag.listing()}")
    if topic is not None and topic not in known:
        raise InputError(f"{bag.path}: no image topic {topic}; there are: {bag.listing(known)}")
    if topic is None and len(known) > 1:
        known = [name for name in known if not _has_depth(bag, name)] or known
    if topic is None and len(known) > 1:
        raise InputError(
            f"{bag.path}: several image topics: {bag.listing(known)}; name one: egodepth data extract {bag.path} "
            "--topic NAME --out DIR"
        )
    return topic or known[0]


def _has_depth(bag: Bag, topic: str) -> bool:
    """Whether the first message of an image topic can be read and holds depth."""
    try:
        return any(is_depth(bag.decoded(topic, content)) for _, content in islice(bag.messages(topic), 1))
    except InputError:
        return False
