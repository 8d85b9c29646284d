"""Write the folder of a published model, and upload it."""

import shutil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NoReturn

from egodepth.foundation.errors import InputError, require
from egodepth.foundation.files import require_empty, staged
from egodepth.inference.publishing.facts import Facts
from egodepth.inference.publishing.model_card import model_card
from egodepth.weights.hub import failure, first_line

README = "README.md"
_MODEL = ("config.json", "model.safetensors")
LOG_IN = "log in with: hf auth login"


def write_folder(facts: Facts, out: Path) -> None:
    """Write the card and the model's two files into a new or empty folder, completely or not at all.

    Raises:
        InputError: the folder holds something, such as a card that was edited, or cannot be written.
    """
    require_empty(out)
    with staged(out) as folder:
        for name in _MODEL:
            shutil.copyfile(facts.folder / name, folder / name)
        (folder / README).write_text(model_card(facts), encoding="utf-8")


def upload(facts: Facts, private: bool = False, branch: str | None = None, message: str | None = None) -> str:
    """Upload the model with its card, and return its address. The repository is created if it does not exist.

    Args:
        facts: the model.
        private: whether a new repository is private.
        branch: branch of the repository, created if it does not exist; the main one by default.
        message: message of the commit.

    Raises:
        InputError: not logged in, a hub that does not answer, or one that refuses.
    """
    from huggingface_hub import HfApi, get_token

    require(get_token() is not None, f"{facts.name}: no token of the hub; {LOG_IN}")
    hub = HfApi()
    if error := failure(hub.whoami):
        _refuse(facts.name, error)
    with TemporaryDirectory(prefix="egodepth-push-") as temporary:
        folder = Path(temporary) / "model"
        write_folder(facts, folder)
        try:
            # None leaves the choice to the owner's default, which may be private.
            hub.create_repo(facts.name, private=private or None, exist_ok=True)
            if branch:
                hub.create_branch(facts.name, branch=branch, exist_ok=True)
            commit = hub.upload_folder(
                repo_id=facts.name,
                folder_path=folder,
                revision=branch,
                commit_message=message or "Model and card by egodepth push",
            )
        # The client raises errors of its HTTP library, of its own, and ValueError for metadata that the hub refuses.
        except Exception as error:
            _refuse(facts.name, error)
    return str(commit.commit_url)


def _refuse(name: str, error: Exception) -> NoReturn:
    """Raise the error of a request as one line that says what to do."""
    status = getattr(getattr(error, "response", None), "status_code", None)
    if status == 401:
        remedy = f"the token is not valid; {LOG_IN}"
    elif status == 403:
        remedy = f"the token may not write to {name.partition('/')[0]}; use one that may, or another owner"
    else:
        reason = getattr(error, "server_message", None) or first_line(error)
        remedy = f"{reason}; try again later, or write the folder with --dry-run and upload it yourself"
    raise InputError(f"{name}: not uploaded ({remedy})") from error
