"""A teacher: the shape of a depth map by a network that somebody else trained, or that we trained before.

A teacher's scale is not trusted: what it gives is inverse depth up to a factor and a shift.
"""

import hashlib
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Float32, UInt8
from torch import Tensor
from torch.nn.functional import interpolate

from egodepth.foundation.errors import InputError
from egodepth.foundation.reading import read_json, read_text
from egodepth.hints.foreign_teacher import foreign_model
from egodepth.inference.predictor import DepthPredictor
from egodepth.weights import model_folder

_OURS = "egodepth-model-"
"""What the format of a card of ours begins with."""
_READ = ("*.json", "*.safetensors")
"""Files that decide what a model says."""
_FREE = ("apache-2.0", "mit", "bsd-2-clause", "bsd-3-clause", "cc0-1.0", "cc-by-4.0", "cc-by-sa-4.0", "unlicense")
"""Licences, as the hub spells them, that allow commercial use."""
_README = 1 << 20

Images = UInt8[np.ndarray, "b h w 3"]
Shape = Callable[[Images], Float[Tensor, "b hn wn"]]


@dataclass(frozen=True, kw_only=True)
class Teacher:
    """A depth model of anybody's."""

    name: str
    """As it was asked for: a folder or a hub id."""
    licence: str
    """As its README says, in the hub's spelling; empty where it does not."""
    note: str
    """What to know of the licence, one line; empty where it allows commercial use."""
    fingerprint: str
    """Changes with the weights and with what the images are prepared by."""
    shape: Shape = field(repr=False)
    """The model: inverse depth of 8-bit images, up to a factor and a shift, at a size of its own."""

    def __call__(self, images: Images, size: tuple[int, int] | None = None) -> Float32[np.ndarray, "b H W"]:
        """Inverse depth up to a factor and a shift, at `size` (height, width); the images' own by default."""
        shape = self.shape(images)[:, None].float()
        size = size or (images.shape[1], images.shape[2])
        # As an image is made smaller: every value counts.
        resized = interpolate(shape, size, mode="bilinear", align_corners=False, antialias=True)
        return resized[:, 0].cpu().numpy()


def load_teacher(name: str, device: str | torch.device = "cpu") -> Teacher:
    """The teacher of this name: a folder or hub id, either of ours or of `transformers`' depth estimation.

    Raises:
        InputError: no such model, none of depth, one that wants to run code of its own, or no `transformers`.
    """
    folder = model_folder(name, also=("preprocessor_config.json", "README.md"))
    config = _config(folder, name)
    ours = str(config.get("format", "")).startswith(_OURS)
    licence = _licence(folder / "README.md")
    return Teacher(
        name=name,
        licence=licence,
        # Who trained a model needs no word on its licence.
        note="" if ours and not licence else _note(name, licence),
        fingerprint=_fingerprint(folder),
        shape=_own_model(folder, device) if ours else foreign_model(folder, name, config, device),
    )


def _own_model(folder: Path, device: str | torch.device) -> Shape:
    predictor = DepthPredictor.load(folder, device)

    def shape(images: Images) -> Float[Tensor, "b hn wn"]:
        return predictor.inverse_depth(predictor.network_input(list(images)))

    return shape


def _config(folder: Path, name: str) -> dict[str, object]:
    try:
        config = read_json(folder / "config.json", finite=False)
    except (OSError, ValueError) as error:
        raise InputError(f"{name}: its config.json cannot be read ({error}); take another copy") from error
    if not isinstance(config, dict):
        raise InputError(f"{name}: its config.json is that of no model; give a model of depth")
    return config


def _fingerprint(folder: Path) -> str:
    digest = hashlib.blake2b(digest_size=8)
    for path in sorted(path for pattern in _READ for path in folder.glob(pattern)):
        with path.open("rb") as file:
            digest.update(path.name.encode() + hashlib.file_digest(file, "blake2b").digest())
    return digest.hexdigest()


def _licence(readme: Path) -> str:
    """The licence that the front matter of a README names, which the hub takes it from, too."""
    text = ""
    with suppress(OSError, ValueError):
        text = read_text(readme, _README)
    front = re.match(r"---\s*\n(.*?)\n---", text, re.DOTALL)
    found = dict(re.findall(r"^(license|license_name):[ \t]*['\"]?([\w.+-]+)", front[1], re.MULTILINE)) if front else {}
    named = found.get("license", "").lower()
    return found.get("license_name", named).lower() if named == "other" else named


def _note(name: str, licence: str) -> str:
    if licence in _FREE:
        return ""
    said = f"has the licence {licence}" if licence else "names no licence"
    return (
        f"The teacher {name} {said}, which is not known to allow commercial use. "
        "What a teacher's licence forbids, it may forbid for what the teacher taught."
    )
