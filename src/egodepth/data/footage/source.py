"""Read a video file, a folder of images or a ROS bag as one stream of pictures. Broken pictures do not stop it."""

import logging
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from statistics import median

from egodepth.data.bags.bag import is_bag
from egodepth.data.footage.bag_footage import BagFootage
from egodepth.data.footage.interface import Footage, Picture, stamp
from egodepth.data.footage.times import USUAL_FPS, folder_times
from egodepth.data.images import image_size, read_rgb
from egodepth.data.media.frames import list_images, no_images, number_files, refuse_two_cameras
from egodepth.data.video import Video, is_video
from egodepth.foundation.errors import InputError

logger = logging.getLogger("egodepth")


class VideoFootage(Footage):
    """A video file. It ends where the frame size changes, because later frames belong to another camera."""

    def __init__(self, path: Path) -> None:
        """Open the file; raises `InputError` as `Video.open`."""
        self._video = Video.open(path)
        self.path, self.size, self.pixel_aspect = path, self._video.size, self._video.pixel_aspect
        self.rate, self.expected = float(self._video.rate), self._video.expected

    def pictures(self) -> Iterator[Picture]:
        """Yield every frame that can be decoded."""
        number = -1
        frames = self._video.frames()
        while True:
            try:
                frame = next(frames, None)
            except InputError as error:
                if number < 0:
                    raise
                self.ended = f"{error}; what follows is left out"
                return
            if frame is None:
                return
            number += 1
            yield Picture(number, float(frame.pts * self._video.time_base), frame.image)

    def fingerprint(self) -> str:
        """Return size and date of the file."""
        return stamp(self.path)


class FolderFootage(Footage):
    """Images of one folder, numbered as `number_files` does."""

    rate = USUAL_FPS

    def __init__(self, path: Path) -> None:
        """List the folder; `InputError` without a readable image."""
        self.path = path
        images = list_images(path)
        if not images:
            raise no_images(path)
        refuse_two_cameras(images)
        self._files = number_files(images)
        self.size, self.expected = self._first_size(), len(self._files)
        self._times = folder_times(path, self._files)
        self.timed = bool(self._times) and len(self._times) > 1
        if self._times and self.timed:
            self.rate = 1 / median(b - a for a, b in pairwise(self._times.values()))

    def _first_size(self) -> tuple[int, int]:
        trouble: InputError | None = None
        for path in self._files.values():
            try:
                return image_size(path)
            except InputError as error:
                trouble = trouble or error
        raise trouble or InputError(f"{self.path}: no images in this folder")

    def pictures(self) -> Iterator[Picture]:
        """Yield every file. Without known times, the rate is `USUAL_FPS`."""
        first = next(iter(self._files))
        for number, path in self._files.items():
            try:
                image = read_rgb(path)
            except InputError as error:
                logger.warning("%s", error)
                image = None
            seconds = self._times[number] if self._times else (number - first) / self.rate
            yield Picture(number, seconds, image)

    def fingerprint(self) -> str:
        """Return the number of files, and size and date of the first and the last one."""
        paths = list(self._files.values())
        return f"{len(paths)} {stamp(paths[0])} {stamp(paths[-1])}"


def open_footage(path: Path, topic: str | None = None, camera_info: str | None = None) -> Footage:
    """Open a video file, a folder of images, or a bag.

    Args:
        path: a video, a folder, a ROS 1 bag (.bag), an MCAP file, or a ROS 2 bag (folder, or a .db3 file of it).
        topic: the topic of the images in a bag; None: the only one.
        camera_info: the topic of their camera; None: the one beside them.

    Raises:
        InputError: anything else, or a topic for a recording that is no bag.
    """
    if path.exists() and is_bag(path):
        return BagFootage(path, topic, camera_info)
    if topic or camera_info:
        raise InputError(f"{path}: no bag (.bag, .mcap, or the folder of a ROS 2 bag), so it has no topics")
    if path.is_dir():
        return FolderFootage(path)
    if not path.exists():
        raise InputError(f"{path}: does not exist; give a video file, a folder of frames or a ROS bag")
    if not is_video(path):
        raise InputError(f"{path}: neither a video nor a folder of frames; check the path or convert it")
    return VideoFootage(path)
