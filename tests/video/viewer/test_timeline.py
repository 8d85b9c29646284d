"""The controls of a row of frames, with a page but without a browser."""

import numpy as np
import pytest

from egodepth.foundation.errors import InputError
from egodepth.video.viewer import timeline
from egodepth.video.viewer.serving import address_of, serving
from egodepth.video.viewer.timeline import Frames, Pictures, Timeline
from video.viewer.pages import opened, until


class Damaged(Frames):
    """Six frames, of which the last but one is gone."""

    seconds = (0.0, 0.01, 0.02, 0.03, 0.04, 0.05)

    def pictures(self, position: int) -> Pictures:
        if position == 4:
            raise InputError("frame 4 is gone")
        return Pictures(*[np.full((9, 16, 3), position, np.uint8)] * 2)


def test_a_frame_that_is_gone_is_said_in_the_page_and_ends_play(monkeypatch: pytest.MonkeyPatch):
    said, shown = [], []
    monkeypatch.setattr(timeline, "say_error", lambda client, title, error: said.append(str(error)))
    monkeypatch.setattr(timeline, "_TICK_S", 0.005)
    with serving("127.0.0.1", 0) as server, opened(address_of("127.0.0.1", server.get_port())):
        (client,) = until(server.get_clients).values()
        controls = Timeline(client, Damaged(), lambda position, _: shown.append(position))
        controls._slider.value = 4
        controls.redraw()
        assert (said[-1], shown, controls._image.label) == ("frame 4 is gone", [], "Image at 0.00 s")
        controls._slider.value = 5
        controls.redraw()
        assert (shown[-1], controls._image.label) == (5, "Image at 0.05 s")
        controls._frames.seconds = (0.0, 0.01, 0.02, 0.03, 0.04, 5.0)
        controls._slider.value = 0
        controls._toggle()  # plays until it stops
        assert controls.position == 4
        controls.close()
