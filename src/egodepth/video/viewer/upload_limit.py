"""Bound what uploads take: viser keeps the parts of a file in memory, without a limit of its own."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from egodepth.foundation.libraries import optional_library


class UploadLimit:
    """Drops uploads that are too large as soon as that is known; later parts of them are not kept.

    An upload counts from its announcement until it has been read. viser's event loop alone does the counting.
    """

    def __init__(self, limit: int) -> None:
        """Take the limit in bytes, for all clients together."""
        self._limit = limit
        self._under_way: dict[int, dict[str, Any]] = {}
        self._complete: dict[int, int] = {}
        """Size of the upload of each client that is complete and not read yet."""

    def watch(self, client: Any, button: Any, refuse: Callable[[str], None]) -> Callable[[], None]:
        """Watch the uploads of a client.

        Args:
            client: `viser.ClientHandle`.
            button: its upload button; uploads to other controls are dropped.
            refuse: callback, called with what to tell about an upload that was dropped.

        Returns:
            What ends it.
        """
        messages = optional_library("viser._messages", "the viewer", "view")
        uploads: dict[str, Any] = client.gui._current_file_upload_states
        accepted: dict[str, Any] = {}
        self._under_way[client.client_id] = uploads

        def drop(message: Any, why: str) -> None:
            accepted.pop(message.transfer_uuid, None)
            total = uploads.pop(message.transfer_uuid)["total_bytes"]
            # The browser shows the upload as under way until all its bytes are confirmed.
            done = messages.FileTransferPartAck(message.source_component_uuid, message.transfer_uuid, total, total)
            client._websock_connection.queue_message(done)
            refuse(why)

        # viser's own handlers were registered before these, and have just stored the upload, or what came of it.
        def started(_: int, message: Any) -> None:
            if message.transfer_uuid not in uploads:
                return
            if why := self._objection(client.client_id, message, button):
                drop(message, why)
            else:
                accepted[message.transfer_uuid] = uploads[message.transfer_uuid]

        def arrived(_: int, message: Any) -> None:
            if message.transfer_uuid not in accepted:
                return
            upload = accepted[message.transfer_uuid]
            size, total = upload["transferred_bytes"], upload["total_bytes"]
            if message.transfer_uuid not in uploads:  # complete, or discarded by viser for its size
                del accepted[message.transfer_uuid]
                if size == total:
                    self._complete[client.client_id] = total
            elif size > total:
                drop(message, "the upload is longer than announced")

        client._websock_connection.register_handler(messages.FileTransferStartUpload, started)
        client._websock_connection.register_handler(messages.FileTransferPart, arrived)

        def end() -> None:
            self._under_way.pop(client.client_id, None)

        return end

    def release(self, client: Any) -> None:
        """Count a client's upload no more: it has been read. Any thread may call this."""
        # Not at once: the end of the upload may be on its way through the handlers above.
        loop = client._viser_server.get_event_loop()
        with suppress(RuntimeError):  # the viewer has ended
            loop.call_soon_threadsafe(self._complete.pop, client.client_id, None)

    def _objection(self, number: int, message: Any, button: Any) -> str | None:
        size = message.size_bytes
        if not isinstance(size, int) or not 0 <= size <= self._limit:
            return f"larger than {self._limit / 1e6:g} MB; give a shorter clip, or start the viewer with --upload-mb"
        if message.source_component_uuid != button._impl.uuid or self._busy(number):
            return "one upload at a time is possible"
        under_way = sum(each["total_bytes"] for own in list(self._under_way.values()) for each in list(own.values()))
        if under_way + sum(self._complete.values()) > self._limit:
            return "others are uploading; try again in a moment"
        return None

    def _busy(self, number: int) -> bool:
        """Whether a client has an upload beside the one that it announces."""
        return number in self._complete or len(self._under_way.get(number, {})) > 1
