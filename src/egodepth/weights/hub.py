"""Ask the model hub, with a short timeout, and fetch models from it."""

from collections.abc import Callable
from pathlib import Path
from threading import Thread

from egodepth.foundation.errors import InputError

TIMEOUT_S = 3.0
"""Seconds within which a hub must answer."""


def failure(ask: Callable[[], object]) -> Exception | None:
    """Return the error of a request, `TimeoutError` if it takes longer than the timeout; None if it succeeds.

    The client alone would retry for a minute and more, and it has no limit for the look-up of the hub's address.
    """
    found: list[Exception | None] = [TimeoutError(f"no answer within {TIMEOUT_S:.0f} s")]

    def run() -> None:
        try:
            ask()
            found[0] = None
        except Exception as error:
            found[0] = error

    asking = Thread(target=run, daemon=True)
    asking.start()
    asking.join(TIMEOUT_S)
    return found[0]


def why_not(hub_id: str, file: str, revision: str | None = None) -> str:
    """Return the reason why the hub does not provide a file within the timeout; empty if it does."""
    from huggingface_hub import get_hf_file_metadata, hf_hub_url

    error = failure(lambda: get_hf_file_metadata(hf_hub_url(hub_id, file, revision=revision), timeout=TIMEOUT_S))
    return first_line(error) if error else ""


def download(hub_id: str, files: list[str], revision: str | None = None) -> Path:
    """Return a local folder with files of a model, the first of which must exist; without an answer, the cached one.

    Raises:
        InputError: there is no such model, neither on the hub nor in the cache.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    absent = why_not(hub_id, files[0], revision)
    try:
        cached = bool(absent)
        return Path(snapshot_download(hub_id, revision=revision, allow_patterns=files, local_files_only=cached))
    except (OSError, HfHubHTTPError, HFValidationError, LocalEntryNotFoundError) as error:
        raise InputError(
            f"{hub_id}: no such folder, and not to be had from the model hub ({absent or first_line(error)}); give a "
            "local folder"
        ) from error


def first_line(error: Exception) -> str:
    """Return the first line of an error, or its type if it has no message."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]
