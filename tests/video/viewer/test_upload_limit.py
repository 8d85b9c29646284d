"""What uploads take in memory, with pages but without a browser."""

import errno
import os
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from egodepth.foundation.errors import InputError
from egodepth.inference.predictor import DepthPredictor
from egodepth.video.viewer import model_view, saving
from egodepth.video.viewer.model_view import ModelView
from egodepth.video.viewer.serving import address_of, on_visit, serving
from video.viewer.pages import opened, send, until, viser
from video.viewer.viewer_model import tiny_model

LIMIT = 1000


class Readers:
    """Stands for `read_upload`: files are read until `go_on`, and none is an image."""

    def __init__(self) -> None:
        self.read, self.said, self.go_on = [], [], threading.Event()

    def __call__(self, predictor: DepthPredictor, name: str, content: bytes) -> list:
        self.read.append((name, len(content)))
        assert self.go_on.wait(10)
        if name == "full":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/tmp/egodepth-1")
        raise InputError(f"{name}: read")


@pytest.fixture
def readers(monkeypatch: pytest.MonkeyPatch) -> Iterator[Readers]:
    readers = Readers()
    monkeypatch.setattr(model_view, "read_upload", readers)
    monkeypatch.setattr(model_view, "say_error", lambda client, title, error: readers.said.append(str(error)))
    yield readers
    readers.go_on.set()


@pytest.fixture
def visit(readers: Readers) -> Iterator[Callable]:
    """Opens a page; gives its connection and its upload button."""
    view = ModelView(DepthPredictor(tiny_model()), "model", 100, LIMIT)
    ready: list[Any] = []

    def show(client: Any) -> Callable[[], None]:
        ending = view.show(client)
        ready.append(client)
        return ending

    with serving("127.0.0.1", 0) as server:
        on_visit(server, "127.0.0.1", show)
        address, pages = address_of("127.0.0.1", server.get_port()), []

        def visit() -> tuple[Any, str]:
            pages.append(opened(address))
            page = pages[-1].__enter__()
            until(lambda: len(ready) == len(pages))
            handles = ready[-1].gui._gui_input_handle_from_uuid.items()
            return page, next(uuid for uuid, handle in handles if isinstance(handle, viser.GuiUploadButtonHandle))

        yield visit
        for page in pages:
            page.__exit__(None, None, None)


def upload(visited: tuple[Any, str], name: str, size: int, sent: int | None = None) -> None:
    """Send a file of one part."""
    page, button = visited
    messages = viser._messages
    parts = {"source_component_uuid": button, "transfer_uuid": name}
    send(page, messages.FileTransferStartUpload(**parts, filename=name, mime_type="", part_count=1, size_bytes=size))
    send(page, messages.FileTransferPart(**parts, part_index=0, content=bytes(size if sent is None else sent)))


def test_an_upload_counts_until_it_has_been_read(readers, visit):
    first, second = visit(), visit()
    upload(first, "a", 600)
    until(lambda: readers.read)
    upload(second, "b", 600)
    until(lambda: readers.said)
    assert readers.said == ["others are uploading; try again in a moment"]
    upload(second, "c", 400)
    until(lambda: len(readers.read) == 2)
    readers.go_on.set()
    until(lambda: len(readers.said) == 3)
    for count in range(3):  # no byte is counted any more
        upload(second, f"d{count}", LIMIT)
        until(lambda: f"d{count}: read" in readers.said)  # noqa: B023 - called at once
    assert [size for _, size in readers.read] == [600, 400, 1000, 1000, 1000]


def test_a_visitor_uploads_one_file_at_a_time(readers, visit):
    page = visit()
    upload(page, "a", 100)
    until(lambda: readers.read)
    upload(page, "b", 100)
    until(lambda: readers.said)
    readers.go_on.set()
    until(lambda: len(readers.said) == 2)
    assert readers.said == ["one upload at a time is possible", "a: read"]


def test_an_upload_of_a_page_that_is_closed_counts_until_it_has_been_read(readers, visit):
    first, second = visit(), visit()
    upload(first, "a", 600)
    until(lambda: readers.read)
    first[0].close()
    upload(second, "b", 600)
    until(lambda: readers.said)
    assert readers.said == ["others are uploading; try again in a moment"]
    readers.go_on.set()
    until(lambda: len(readers.said) == 2)
    upload(second, "c", 600)
    until(lambda: len(readers.said) == 3)
    assert readers.said[1:] == ["a: read", "c: read"]


@pytest.mark.filterwarnings("ignore:.*Dropping upload")
def test_an_upload_that_is_shorter_than_announced_counts_no_more(readers, visit):
    readers.go_on.set()
    page = visit()
    upload(page, "short", 900, sent=5)
    upload(page, "a", 900)
    until(lambda: readers.said)
    assert readers.said == ["a: read"]


def test_a_full_disk_is_said_and_the_next_upload_is_read(readers, visit):
    readers.go_on.set()
    page = visit()
    upload(page, "full", 900)
    until(lambda: readers.said)
    upload(page, "a", 900)
    until(lambda: len(readers.said) == 2)
    assert readers.said[1] == "a: read"


def test_an_error_of_the_system_is_shown_without_the_path():
    class Client:
        def add_notification(self, title: str, body: str, **_: Any) -> None:
            self.shown = title, body

    client = Client()
    saving.say_error(client, "Not saved", OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/tmp/egodepth-1"))
    assert client.shown == ("Not saved", "on the machine of the viewer: No space left on device")
