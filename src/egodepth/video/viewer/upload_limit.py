"""Bound what uploads take: viser keeps the parts of a file in memory, without a limit of its own."""

from collections.abc import Callable
from typing import Any

from egodepth.foundation.libraries import optional_library


class UploadLimit:
    """Drops uploads that are too large as soon as that is known; later parts of them are not kept."""

    def __init__(self, limit: int) -> None:
        """Take the limit in bytes, for all clients together."""
        self._limit = limit
        self._under_way: dict[int, dict[str, Any]] = {}

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
        self._under_way[client.client_id] = uploads

        def drop(message: Any, why: str) -> None:
            total = uploads.pop(message.transfer_uuid)["total_bytes"]
            # The browser shows the upload as under way until all its bytes are confirmed.
            done = messages.FileTransferPartAck(message.source_component_uuid, message.transfer_uuid, total, total)
            client._websock_connection.queue_message(done)
            refuse(why)

        # viser's own handlers were registered before these, and have just stored the upload.
        def started(_: int, message: Any) -> None:
            if message.transfer_uuid in uploads and (why := self._objection(uploads, message, button)):
                drop(message, why)

        def arrived(_: int, message: Any) -> None:
            upload = uploads.get(message.transfer_uuid)
            if upload is not None and upload["transferred_bytes"] > upload["total_bytes"]:
                drop(message, "the upload is longer than announced")

        client._websock_connection.register_handler(messages.FileTransferStartUpload, started)
        client._websock_connection.register_handler(messages.FileTransferPart, arrived)

        def end() -> None:
            self._under_way.pop(client.client_id, None)

        return end

    def _objection(self, uploads: dict[str, Any], message: Any, button: Any) -> str | None:
        size = message.size_bytes
        if not isinstance(size, int) or not 0 <= size <= self._limit:
            return f"larger than {self._limit / 1e6:g} MB; give a shorter clip, or start the viewer with --upload-mb"
        if message.source_component_uuid != button._impl.uuid or len(uploads) > 1:
            return "one upload at a time is possible"
        others = list(self._under_way.values())
        if sum(each["total_bytes"] for own in others for each in list(own.values())) > self._limit:
            return "others are uploading; try again in a moment"
        return None
