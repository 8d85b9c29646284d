"""Ask the model hub, with a short timeout."""

from threading import Thread

TIMEOUT_S = 3.0
"""Seconds within which a hub must answer."""


def why_not(hub_id: str, file: str) -> str:
    """Return the reason why the hub does not provide a file within the timeout; empty if it does.

    The client alone would retry for a minute and more, and it has no limit for the look-up of the hub's address.
    """
    from huggingface_hub import get_hf_file_metadata, hf_hub_url

    found = [f"no answer within {TIMEOUT_S:.0f} s"]

    def ask() -> None:
        try:
            get_hf_file_metadata(hf_hub_url(hub_id, file), timeout=TIMEOUT_S)
            found[0] = ""
        except Exception as error:
            found[0] = first_line(error)

    asking = Thread(target=ask, daemon=True)
    asking.start()
    asking.join(TIMEOUT_S)
    return found[0]


def first_line(error: Exception) -> str:
    """Return the first line of an error, or its type if it has no message."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]
