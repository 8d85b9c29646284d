"""The controls of a row of frames: slider, play button, image and depth."""

import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import UInt8

from egodepth.foundation.errors import InputError
from egodepth.video.viewer.frame_time import frame_time
from egodepth.video.viewer.newest import Newest
from egodepth.video.viewer.saving import say_error

_TICK_S = 0.03
"""Pause between two looks at the clock while playing."""
_QUALITY = 80
"""JPEG quality of the pictures."""
_SLOW_S, _REST_S = 0.05, 0.6
"""A browser that needs longer for a frame has no graphics card: the scene then waits until the slider rests."""


class Pictures(NamedTuple):
    """What the panel shows of a frame."""

    image: UInt8[np.ndarray, "h w 3"]
    depth: UInt8[np.ndarray, "hd wd 3"]
    """Depth in colours."""


class Frames(ABC):
    """A row of frames that can be shown."""

    seconds: Sequence[float]
    """Time of each frame, ascending."""

    @abstractmethod
    def pictures(self, position: int) -> Pictures:
        """Return the pictures of a frame; `InputError` if they cannot be read."""

    def prepare(self, position: int) -> None:  # noqa: B027 - nothing to do if all is in memory
        """Load what may be asked for after a frame."""


class Timeline:
    """Slider, play button and pictures in the panel of one client."""

    def __init__(self, client: Any, frames: Frames, show: Callable[[int, Pictures], None]) -> None:
        """Add the controls, with the pictures of the first frame.

        Args:
            client: `viser.ClientHandle`.
            frames: the frames.
            show: callback, called with a frame's position and pictures when the slider rests. All that it sends appears
                at once. The panel does not wait for it: without a graphics card, drawing the scene takes long.
        """
        self._client, self._frames, self._show = client, frames, show
        self._closed, self._stop = threading.Event(), threading.Event()
        self._newest = Newest(self._draw, self._draw_scene, frames.prepare)
        gui, last, first = client.gui, len(frames.seconds) - 1, frames.pictures(0)
        self._slider = gui.add_slider("Frame", min=0, max=max(last, 1), step=1, initial_value=0, visible=last > 0)
        self._play = gui.add_button("Play", visible=last > 0)
        self._image = gui.add_image(first.image, label=self._title(0), format="jpeg", jpeg_quality=_QUALITY)
        self._depth = gui.add_image(first.depth, label="Depth: near is bright", format="jpeg", jpeg_quality=_QUALITY)
        self._slider.on_update(self._moved)
        self._play.on_click(lambda _: self._toggle())

    @property
    def position(self) -> int:
        """Position of the chosen frame."""
        return min(max(int(self._slider.value), 0), len(self._frames.seconds) - 1)

    def redraw(self) -> None:
        """Show the chosen frame."""
        self._newest.ask(self.position)

    def remove(self) -> None:
        """Stop, and take the controls away."""
        self.close()
        for control in (self._slider, self._play, self._image, self._depth):
            control.remove()

    def close(self) -> None:
        """Stop playing, and send nothing more."""
        self._closed.set()
        self._stop.set()

    def pace(self, touch: Callable[[], None]) -> None:
        """Measure how fast the browser draws the scene, and set how long the scene waits for the slider to rest.

        Args:
            touch: changes something in the scene, so that it is drawn again.
        """
        self._newest.pause_s = _REST_S if frame_time(self._client, touch) > _SLOW_S else 0.0

    def _moved(self, event: Any) -> None:
        if event.client_id is not None:  # a hand on the slider, not the clock
            self._stop.set()
        self.redraw()

    def _draw(self, position: int) -> None:
        try:
            pictures = self._frames.pictures(position)
        except InputError as error:
            self._stop.set()
            say_error(self._client, "Not shown", error)
            return
        if not self._closed.is_set():
            with self._client.atomic():
                self._image.label = self._title(position)
                self._image.image, self._depth.image = pictures
            self._client.flush()

    def _draw_scene(self, position: int) -> None:
        try:
            pictures = self._frames.pictures(position)
        except InputError:  # said by _draw
            return
        if not self._closed.is_set():
            with self._client.atomic():
                self._show(position, pictures)
            self._client.flush()

    def _title(self, position: int) -> str:
        return f"Image at {self._frames.seconds[position]:.2f} s"

    def _toggle(self) -> None:
        if self._play.label == "Pause":
            self._stop.set()
            return
        self._stop = stop = threading.Event()
        self._play.label = "Pause"
        self._run(stop)
        if not self._closed.is_set():
            self._play.label = "Play"

    def _run(self, stop: threading.Event) -> None:
        """Move the slider by the clock, at the speed of the recording, from here or else from the beginning."""
        seconds, last = np.asarray(self._frames.seconds), len(self._frames.seconds) - 1
        start = time.monotonic() - seconds[self.position % last]
        while not stop.wait(_TICK_S):
            place = int(np.searchsorted(seconds, time.monotonic() - start, "right")) - 1
            self._slider.value = place
            if place >= last:
                return
