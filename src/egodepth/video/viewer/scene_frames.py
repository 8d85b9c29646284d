"""Pictures of a scene's frames at the size of a panel, kept for a while."""

from contextlib import suppress
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, UInt8

from egodepth.data.images import resize_rgb
from egodepth.foundation.errors import InputError
from egodepth.inference.common_scales import CommonScales, sampled
from egodepth.video.scene.scene import Scene
from egodepth.video.viewer.timeline import Frames, Pictures

LONGEST = 640
"""Longer side of the pictures that are sent, in pixels."""
_KEPT = 64
"""Number of frames whose pictures are kept: 70 MB at 640x480."""
_FOR_COLOURS = 12
"""Number of frames from which the scale of the colours is found."""
_LEFT_OUT = 128
"""Grey level of the pixels below the threshold of confidence."""


class _Loaded(NamedTuple):
    image: UInt8[np.ndarray, "h w 3"]
    depth: UInt8[np.ndarray, "hd wd 3"]
    confidence: np.ndarray


class SceneFrames(Frames):
    """The frames of a scene, for all clients; depth is coloured with one scale."""

    def __init__(self, scene: Scene) -> None:
        """Find the scale of the colours; raises `InputError` if the depth of the scene is gone or damaged."""
        self._scene = scene
        self.seconds = [frame.seconds for frame in scene.frames]
        some = [1 / scene.maps(frame).depth for frame in scene.some(_FOR_COLOURS)]
        self._scales = CommonScales.of(np.concatenate([sampled(each) for each in some]), scene.metric)
        self.median_depth = 1 / float(np.median(some[0]))
        self._load = lru_cache(_KEPT)(self._read)

    def pictures(self, position: int) -> Pictures:
        """Return image and depth of a frame."""
        loaded = self._load(position)
        return Pictures(loaded.image, loaded.depth)

    def reliable(self, position: int, min_confidence: float) -> Bool[np.ndarray, "h w"]:
        """Return which pixels of a frame's depth are reliable."""
        return self._load(position).confidence >= min_confidence

    def prepare(self, position: int) -> None:
        """Load the frames beside one, as far as they can be read."""
        for near in (position + 1, position - 1):
            if 0 <= near < len(self.seconds):
                with suppress(InputError):
                    self._load(near)

    def _read(self, position: int) -> _Loaded:
        frame = self._scene.frames[position]
        maps = self._scene.maps(frame)
        image = small(self._scene.image(frame))
        return _Loaded(image, self._scales.colours(1 / maps.depth), maps.confidence.astype(np.float16))


class ReliableFrames(Frames):
    """The frames of a scene for one client, who chooses a threshold of confidence."""

    def __init__(self, frames: SceneFrames) -> None:
        """Start without a threshold."""
        self._frames, self.seconds, self.min_confidence = frames, frames.seconds, 0.0

    def pictures(self, position: int) -> Pictures:
        """Return image and depth of a frame; pixels below the threshold are grey."""
        image, depth = self._frames.pictures(position)
        if self.min_confidence > 0:
            kept = self._frames.reliable(position, self.min_confidence)
            depth = np.where(kept[..., None], depth, np.uint8(_LEFT_OUT))
        return Pictures(image, depth)

    def prepare(self, position: int) -> None:
        """Load the frames beside one."""
        self._frames.prepare(position)


def small(image: UInt8[np.ndarray, "h w 3"]) -> UInt8[np.ndarray, "hs ws 3"]:
    """Return an image with `LONGEST` as its longer side at most."""
    height, width = image.shape[:2]
    share = min(1, LONGEST / max(height, width))
    return resize_rgb(image, (max(1, round(height * share)), max(1, round(width * share))))
