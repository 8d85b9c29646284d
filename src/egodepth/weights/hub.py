"""The model hub, asked with little patience."""

from threading import Thread

PATIENCE_S = 3.0
"""How long a hub may take to answer at all."""


def why_not(hub_id: str, file: str) -> str:
    """Why the hub does not give a file, asked for no longer than its patience; empty if it does.

    The client alone would ask several times, for a minute and more; and no limit of its own ends a search for the
    hub's address.
    """
    from huggingface_hub import get_hf_file_metadata, hf_hub_url

    found = [f"no answer within {PATIENCE_S:.0f} s"]

    def ask() -> None:
        try:
            get_hf_file_metadata(hf_hub_url(hub_id, file), timeout=PATIENCE_S)
            found[0] = ""
        except Exception as error:
            found[0] = first_line(error)

    asking = Thread(target=ask, daemon=True)
    asking.start()
    asking.join(PATIENCE_S)
    return found[0]


def first_line(error: Exception) -> str:
    """What an error says first, or its kind where it says nothing."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]
