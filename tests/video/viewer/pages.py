"""Pages without a browser: what they send and get is viser's messages."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic, sleep
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed

viser = pytest.importorskip("viser")
client = pytest.importorskip("websockets.sync.client")
msgspec = pytest.importorskip("msgspec")


@contextmanager
def opened(address: str, origin: str | None = None) -> Iterator[Any]:
    """The connection of a page that was opened. By default, the page is the server's own."""
    camera = viser._messages.ViewerCameraMessage(
        wxyz=(1, 0, 0, 0), position=(0, 0, 0), fov=1.0, near=0.1, far=10.0, image_height=100, image_width=100,
        look_at=(0, 0, 1), up_direction=(0, -1, 0),
    )  # fmt: skip
    protocols = [f"viser-v{viser.__version__}"]
    with client.connect(
        address.replace("http", "ws"), origin=origin or address, subprotocols=protocols, max_size=None
    ) as page:  # fmt: skip
        send(page, camera)
        yield page


def send(page: Any, message: Any) -> None:
    page.send(msgspec.msgpack.encode(message.as_serializable_dict()))


def received(address: str, origin: str, most: int) -> bytes:
    """What a page with an origin gets until that is so long, or the page is sent away, or nothing comes for a while."""
    got = b""
    with opened(address, origin) as page:
        try:
            while len(got) < most:
                got += page.recv(timeout=1)
        except TimeoutError:
            pass
        except ConnectionClosed:
            assert page.close_code == 1008
    return got


def until(condition: Callable[[], Any]) -> Any:
    """What a condition gives as soon as that is true."""
    end = monotonic() + 10
    while not (found := condition()):
        assert monotonic() < end, "not within 10 s"
        sleep(0.005)
    return found
