"""A teacher: the shape of depth from a network of another author, or from an earlier model.

A teacher's scale is not used: it gives inverse depth up to scale and shift.
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

from egodepth.data.terms import FREE_LICENCES
from egodepth.foundation.errors import InputError
from egodepth.foundation.reading import read_json, read_text
from egodepth.hints.foreign_teacher import foreign_model
from egodepth.inference.predictor import DepthPredictor
from egodepth.weights import model_folder

_OURS = "egodepth-model-"
"""Prefix of the format field in egodepth's model cards."""
_READ = ("*.json", "*.safetensors")
"""Files that determine a model's output."""
_README = 1 << 20

Images = UInt8[np.ndarray, "b h w 3"]
Shape = Callable[[Images], Float[Tensor, "b hn wn"]]


@dataclass(frozen=True, kw_only=True)
class Teacher:
    """A depth model of any origin."""

    name: str
    """The requested name: a folder or a hub id."""
    licence: str
    """The licence in its README, in the hub's spelling; empty without one."""
    note: str
    """One line about the licence; empty if it allows commercial use."""
    fingerprint: str
    """Digest of the weights and of the image preparation."""
    shape: Shape = field(repr=False)
    """The model: maps 8-bit images to inverse depth, up to scale and shift, at a size of its own."""

    def __call__(self, images: Images, size: tuple[int, int] | None = None) -> Float32[np.ndarray, "b H W"]:
        """Return inverse depth up to scale and shift, at `size` (height, width); by default at the images' size."""
        shape = self.shape(images)[:, None].float()
        size = size or (images.shape[1], images.shape[2])
        # Antialiased, as in downscaling of images: every value counts.
        resized = interpolate(shape, size, mode="bilinear", align_corners=False, antialias=True)
        return resized[:, 0].cpu().numpy()


def load_teacher(name: str, device: str | torch.device = "cpu") -> Teacher:
    """Return the teacher of this name: a folder or hub id of egodepth or of `transformers`' depth estimation.

    Raises:
        InputError: no such model, no depth model, one that requires code of its own, or no `transformers`.
    """
    folder = model_folder(name, also=("preprocessor_config.json", "README.md"))
    config = _config(folder, name)
    ours = str(config.get("format", "")).startswith(_OURS)
    licence = _licence(folder / "README.md")
    return Teacher(
        name=name,
        licence=licence,
        # users' own models need no remark on their licence
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
    """Return the licence in the front matter of a README, which is also the hub's source."""
    text = ""
    with suppress(OSError, ValueError):
        text = read_text(readme, _README)
    front = re.match(r"---\s*\n(.*?)\n---", text, re.DOTALL)
    found = dict(re.findall(r"^(license|license_name):[ \t]*['\"]?([\w.+-]+)", front[1], re.MULTILINE)) if front else {}
    named = found.get("license", "").lower()
    return found.get("license_name", named).lower() if named == "other" else named


def _note(name: str, licence: str) -> str:
    if licence in FREE_LICENCES:
        return ""
    said = f"has the licence {licence}" if licence else "names no licence"
    return (
        f"The teacher {name} {said}, which is not known to allow commercial use. "
        "What a teacher's licence forbids, it may forbid for what the teacher taught."
    )
