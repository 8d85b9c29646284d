"""Save a cloud in the browser: as a download. On this machine it is only in a temporary folder for a moment."""

import re
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from egodepth.foundation.errors import InputError

_ODD = re.compile(r"[^\w.-]+")


def add_save_button(client: Any, label: str, name: str, write: Callable[[Path], None]) -> Any:
    """Add a button to a client's panel that downloads a file.

    Args:
        client: `viser.ClientHandle`.
        label: text of the button.
        name: name of the file in the browser; odd characters become underscores.
        write: writes the file to a path with that name.

    Returns:
        viser's handle of the button.
    """
    button = client.gui.add_button(label)
    plain = _ODD.sub("_", name)

    @button.on_click
    def _(_: Any) -> None:
        try:
            client.send_file_download(plain, written(plain, write), save_immediately=True)
        except (InputError, OSError) as error:
            say_error(client, "Not saved", error)

    return button


def written(name: str, write: Callable[[Path], None]) -> bytes:
    """Return the bytes of a file that a function writes into a temporary folder."""
    with TemporaryDirectory(prefix="egodepth-") as folder:
        path = Path(folder) / name
        write(path)
        return path.read_bytes()


def say_error(client: Any, title: str, error: InputError | OSError) -> None:
    """Show an error in the browser; of one by the system, such as a full disk, not the path."""
    said = str(error) if isinstance(error, InputError) else f"on the machine of the viewer: {error.strerror or error}"
    client.add_notification(title, said, color="red", auto_close_seconds=20)
