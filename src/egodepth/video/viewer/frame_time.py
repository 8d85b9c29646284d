"""How long a browser needs to draw the scene. Without a graphics card, 100,000 points take a third of a second."""

import time
from collections.abc import Callable
from typing import Any

_REPEATS = 3
_TIMEOUT_S = 5.0
_KEY = "egodepth"


def frame_time(client: Any, touch: Callable[[], None]) -> float:
    """Return the seconds that a client's browser is busy with one frame; the time-out if it does not answer.

    The browser answers a question before it draws what came with it, and the next question after that.

    Args:
        client: `viser.ClientHandle`.
        touch: changes something in the scene, so that it is drawn again.
    """
    times = []
    try:
        for _ in range(_REPEATS):
            touch()
            client.local_storage.get_item(_KEY, timeout=_TIMEOUT_S)
            started = time.monotonic()
            client.local_storage.get_item(_KEY, timeout=_TIMEOUT_S)
            times.append(time.monotonic() - started)
    except (RuntimeError, TimeoutError):  # the page is closed, or keeps no storage
        return _TIMEOUT_S
    return min(times)
