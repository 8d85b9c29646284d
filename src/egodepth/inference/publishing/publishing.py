"""Write the folder of a published model, and upload it."""

import shutil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NoReturn

from egodepth.foundation.errors import InputError, require
from egodepth.foundation.files import not_written
from egodepth.foundation.reading import json_object
from egodepth.inference.publishing.facts import Facts
from egodepth.inference.publishing.model_card import model_card
from egodepth.weights import replace_folder
from egodepth.weights.hub import failure, first_line

README = "README.md"
_MODEL = ("config.json", "model.safetensors")
LOG_IN = "log in with: hf auth login"


def write_folder(facts: Facts, out: Path) -> None:
    """Write the card and the model's two files; an older folder of this kind is replaced.

    Raises:
        InputError: the folder holds other things, or cannot be written.
    """
    out = out.absolute()
    if out.exists() and not _is_ours(out):
        raise InputError(f"{out}: holds other things than a model with its card; choose another --out")
    beside = out.with_name(f".{out.name}.writing")
    try:
        shutil.rmtree(beside, ignore_errors=True)
        beside.mkdir(parents=True)
        for name in _MODEL:
            shutil.copyfile(facts.folder / name, beside / name)
        (beside / README).write_text(model_card(facts), encoding="utf-8")
        replace_folder(beside, out)
    except OSError as error:
        shutil.rmtree(beside, ignore_errors=True)
        raise not_written(out, error) from error


def _is_ours(folder: Path) -> bool:
    """Whether a folder is empty, or holds a model of egodepth with its card and nothing else."""
    if not folder.is_dir():
        return False
    names = {path.name for path in folder.iterdir()}
    is_model = str((json_object(folder / _MODEL[0]) or {}).get("format")).startswith("egodepth-model-")
    return not names or (names == {README, *_MODEL} and is_model)


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
