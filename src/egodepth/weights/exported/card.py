"""`config.json` of an export folder: the exported model, its checks, and the files in the folder."""

from dataclasses import dataclass
from hashlib import file_digest
from pathlib import Path
from typing import Any

from egodepth.config import ExportFormat, ExportPrecision
from egodepth.config.strict_json import from_json, to_json
from egodepth.foundation.errors import InputError
from egodepth.foundation.reading import json_object, parse_json, read_text
from egodepth.weights import ModelCard

EXPORT_FORMAT = "egodepth-export-1"
CARD_FILE = "config.json"


@dataclass(frozen=True, kw_only=True)
class Check:
    """Relative difference between an exported model's depth and the predictor's."""

    on: str
    """`noise`, `resized noise`, or the origin of the images."""
    images: int
    resized: bool = True
    """Whether any image had another size than the network's."""
    largest: float
    mean: float

    def __str__(self) -> str:
        found = f"depth on {self.on} ({self.images} images) differs by at most {self.largest:.2g}, {self.mean:.2g}"
        return f"{found} on average, relative"


@dataclass(frozen=True, kw_only=True)
class Accuracy:
    """abs_rel on an evaluation set before and after the export."""

    benchmark: str
    alignment: str
    images: int
    before: float
    after: float

    @property
    def loss(self) -> float:
        """Relative loss of accuracy; negative for a gain."""
        return self.after / self.before - 1

    def __str__(self) -> str:
        where = f"{self.benchmark}, {self.alignment}, {self.images} images"
        return f"abs_rel ({where}): {self.before:.4f} before, {self.after:.4f} after ({self.loss:+.2%})"


@dataclass(frozen=True, kw_only=True)
class File:
    """A file of the export, with its hash."""

    name: str
    sha256: str


@dataclass(frozen=True, kw_only=True)
class ExportCard:
    """The card of an export folder."""

    format: str = EXPORT_FORMAT
    kind: ExportFormat
    precision: ExportPrecision
    """Precision of the checks and of the computation. In int8 models, the remaining operations run in float32."""
    model: ModelCard
    """Card of the exported model; its size is the one at which the network runs."""
    input: str = "images: uint8 RGB, batch height width 3; all but the 3 dynamic"
    outputs: str = "depth, inverse_depth: float32, batch height width, at the size of the images"
    files: tuple[File, ...]
    checks: tuple[Check, ...]
    accuracy: tuple[Accuracy, ...] = ()

    def write(self, folder: Path) -> None:
        """Write the card to the folder."""
        (folder / CARD_FILE).write_text(to_json(self) + "\n", encoding="utf-8")


def hashed(path: Path) -> File:
    """Return a file's name and hash."""
    with path.open("rb") as opened:
        return File(name=path.name, sha256=file_digest(opened, "sha256").hexdigest())


def exported_folder(source: str | Path) -> Path | None:
    """Return the source as a folder if an export wrote it; otherwise None."""
    # None also for a folder that is too damaged; the reader of model folders reports the damage.
    return None if _written(Path(source)) is None else Path(source)


def not_of_an_export(folder: Path) -> list[str]:
    """Return the names in a folder that no export wrote; without an export, all names."""
    card = _written(folder)
    files = card.get("files") if card else None
    names = [file.get("name") for file in files if isinstance(file, dict)] if isinstance(files, list) else []
    ours = {name for name in names if isinstance(name, str)} | ({CARD_FILE} if card else set())
    return sorted(path.name for path in folder.iterdir() if path.name not in ours)


def _written(folder: Path) -> dict[str, Any] | None:
    """Return the unchecked content of an export's card; None without one."""
    found = json_object(folder / CARD_FILE) or {}
    return found if str(found.get("format")).startswith("egodepth-export-") else None


def read_card(folder: Path) -> ExportCard:
    """Return the card of an export folder, after a check of all its files.

    Raises:
        InputError: of another format, invalid, or a file is missing or damaged.
    """
    path = folder / CARD_FILE
    try:
        text = read_text(path)
        found = parse_json(text)["format"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path}: not the card of an export ({error}); export the model again") from error
    if found != EXPORT_FORMAT:
        raise InputError(f"{path}: format '{found}', this version reads '{EXPORT_FORMAT}'; export the model again")
    card = from_json(ExportCard, text, path)
    for file in card.files:
        path = folder / file.name
        if not _is_whole(path, file):
            raise InputError(f"{path}: missing or damaged; export the model again or take another copy")
    return card


def _is_whole(path: Path, file: File) -> bool:
    """Whether the file is the intact file of the card, inside this folder."""
    try:
        return path.name == file.name and path.is_file() and hashed(path) == file
    except (OSError, ValueError):  # a name that no file can have
        return False
