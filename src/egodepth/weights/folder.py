"""Model folders: `config.json` beside `model.safetensors`, as in the Hugging Face hub."""

import os
import re
import shutil
import textwrap
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from jaxtyping import Float
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from egodepth.config import ModelConfig
from egodepth.config.strict_json import from_json, to_json
from egodepth.foundation.errors import InputError, require
from egodepth.foundation.files import write_text
from egodepth.foundation.reading import json_object, parse_json, read_text
from egodepth.foundation.remote import local_folder
from egodepth.networks import DepthNet, PoseNet, build_depth_net, build_pose_net
from egodepth.weights.hub import download

_CARD, _WEIGHTS = "config.json", "model.safetensors"
FORMAT = "egodepth-model-2"
MOST_SIDE = 1 << 14
"""Longest possible side of the network's input."""


@dataclass(frozen=True, kw_only=True)
class MetricScale:
    """Origin of the metres of a model whose depth was learned up to scale; `by` is empty without a scale."""

    factor: float = 1.0
    """Metres per unit of the learned depth."""
    motion: float = 1.0
    """Further factor on translations, for methods that know how far the camera moved: the pose network's unit differs
    from that of the depth."""
    spread: float = 0.0
    """Half of the factor's 95 % interval, relative."""
    scatter: float = 0.0
    """Scatter of single frames' factors, relative: the additional error of a single image's depth."""
    by: str = ""
    """`baseline`, `height`, `speed`, `oxts`, `distance` or `depth`."""
    on: str = ""
    """The data that the scale was found on."""
    samples: int = 0
    """Number of frames, pairs of frames or distances that the scale was found from."""
    when: str = ""
    """The date, YYYY-MM-DD."""
    focal: tuple[float, ...] = ()
    """Focal length of the cameras that it was found on, in image widths and heights; empty if unknown."""
    own_limits: tuple[float, float] = (0.0, 0.0)
    """The network's original `min_depth` and `max_depth`, in its own units."""

    def __post_init__(self) -> None:
        require(0 < self.factor < float("inf"), f"scale.factor is {self.factor:g}: positive and finite ones exist")
        require(0 < self.motion < float("inf"), f"scale.motion is {self.motion:g}: positive and finite ones exist")
        require(self.spread >= 0 and self.scatter >= 0, "scale.spread and scale.scatter cannot be negative")

    def __str__(self) -> str:
        percent = 100 * self.spread
        return f"scale by {self.by}, +-{percent:.{0 if percent >= 1.95 else 1}f} %" if self.by else ""


@dataclass(frozen=True, kw_only=True)
class ModelCard:
    """The card of a model folder, which describes its weights."""

    format: str = FORMAT
    network: ModelConfig = field(default_factory=ModelConfig)
    size: tuple[int, int]
    """Height and width of the training images."""
    metric: bool
    """Depth is in metres, learned or by `scale`; otherwise up to an unknown factor."""
    has_pose_net: bool
    depth_scaling: Literal["none", "median"] = "none"
    """`median`: the pose network's translations are in units of each frame's median depth."""
    offsets: tuple[int, ...] = ()
    """Offsets of the neighbours that the pose network was trained with, from the target frame."""
    training_drives: tuple[str, ...] = ()
    data_sets: tuple[str, ...] = ()
    """Kinds of the training data, as `data.registry` names them; empty if unknown."""
    focal: tuple[float, ...] = ()
    """Focal length of the training cameras, in image widths and heights; empty if unknown."""
    step: int = 0
    started_from: str = ""
    """Origin of the training's initial weights; empty if unknown."""
    focal_factor: float = 1.0
    """Factor on the focal lengths of the training cameras, if they were learned."""
    teacher: str = ""
    """The depth model that was a teacher, with its licence, which may bind these weights."""
    scale: MetricScale = MetricScale()
    """Scale that made depth metric, if it was learned up to scale."""

    def __post_init__(self) -> None:
        require(all(1 <= side <= MOST_SIDE for side in self.size), f"size {self.size}: sides of 1 to {MOST_SIDE} exist")
        for focal in (self.focal, self.scale.focal):
            lengths = len(focal) in (0, 2) and all(0 < length < float("inf") for length in focal)
            require(lengths, f"focal {focal}: give it in image widths and heights")
        require(0 < self.focal_factor < float("inf"), f"focal_factor {self.focal_factor:g}: positive ones exist")

    def scaled(self, scale: MetricScale) -> "ModelCard":
        """Return the card of the same weights with depth in metres, by a factor on the learned depth.

        Depth is linear in its limits, and translations are in its units. So scaled limits put all results of the card
        into metres: predictions, trajectories and exports. Only the ratio of the motion is stored in addition.
        """
        own = self.unscaled()
        limits = own.network.min_depth, own.network.max_depth
        network = replace(own.network, min_depth=limits[0] * scale.factor, max_depth=limits[1] * scale.factor)
        return replace(own, network=network, metric=True, scale=replace(scale, own_limits=limits))

    def unscaled(self) -> "ModelCard":
        """Return the card as training wrote it."""
        if not self.scale.by:
            return self
        low, high = self.scale.own_limits
        network = replace(self.network, min_depth=low, max_depth=high)
        return replace(self, network=network, metric=False, scale=MetricScale())


class DepthModel(nn.Module):
    """A depth network, its pose network if it was trained with one, and their card."""

    def __init__(self, card: ModelCard, depth_net: DepthNet | None = None, pose_net: PoseNet | None = None) -> None:
        """Wrap the given networks, or build them with random weights from the card."""
        super().__init__()
        self.card = card
        network = card.network
        self.depth_net = depth_net or build_depth_net(network)
        if pose_net is None and card.has_pose_net:
            channels, kind = self.depth_net.encoder.channels[-1], self.depth_net.encoder_type
            pose_net = build_pose_net(network.pose, network.encoder, False, channels, network.normalisation, kind)
        self.pose_net = pose_net

    def forward(self, image: Float[Tensor, "b 3 h w"]) -> list[Tensor]:
        """Return the disparities in (0, 1) of images in [0, 1], finest first."""
        return self.depth_net(image)

    def save(self, folder: Path) -> None:
        """Write the model folder beside its place, then rename it, replacing an older one.

        Raises:
            InputError: it cannot be written (disk full, no permission); an older one stays unchanged.
        """
        folder = Path(folder)
        beside = folder.with_name(f".{folder.name}.writing")
        tensors = {name: value.contiguous() for name, value in self.state_dict().items()}
        try:
            shutil.rmtree(beside, ignore_errors=True)
            beside.mkdir(parents=True)
            save_file(tensors, beside / _WEIGHTS)
            (beside / _CARD).write_text(to_json(self.card) + "\n")
            replace_folder(beside, folder)
        except (OSError, SafetensorError) as error:
            shutil.rmtree(beside, ignore_errors=True)
            raise InputError(f"{folder}: cannot write the model ({error}); make room") from error


def holds_a_model_alone(folder: Path) -> bool:
    """Whether a folder holds a model of egodepth and nothing else, so that it may be replaced."""
    if not folder.is_dir() or {path.name for path in folder.iterdir()} != {_CARD, _WEIGHTS}:
        return False
    return str((json_object(folder / _CARD) or {}).get("format")).startswith("egodepth-model-")


def replace_folder(new: Path, place: Path) -> None:
    """Move a finished folder to its place. An older one there is moved aside first and then deleted."""
    old = place.with_name(f".{place.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if place.exists():
        os.replace(place, old)
    os.replace(new, place)
    shutil.rmtree(old, ignore_errors=True)


def read_tensors(path: Path, remedy: str = "take another copy") -> dict[str, Tensor]:
    """Return the tensors of a safetensors file; `InputError` names a missing or damaged file, and the remedy."""
    try:
        return load_file(path)
    # A foreign header may name unknown types and sizes: KeyError, RuntimeError, ...
    except Exception as error:
        raise InputError(f"{path}: not readable as safetensors ({error}); {remedy}") from error


def load_model(source: str | Path, revision: str | None = None) -> DepthModel:
    """Load a run folder, a model folder, a URL of either, or a hub id (`owner/name`), there at a branch, tag or commit.

    Raises:
        InputError: there is no such model, or it is of another format; names the file and what to do.
    """
    folder = model_folder(source, revision=revision)
    model = DepthModel(_read_card(folder / _CARD))
    load_strictly(model, read_tensors(folder / _WEIGHTS), folder / _WEIGHTS)
    return model.eval()


def load_card(source: str | Path) -> ModelCard:
    """Return the card of a model alone; raises as `load_model`."""
    return _read_card(model_folder(source) / _CARD)


def _read_card(file: Path) -> ModelCard:
    """Read the card of a model folder. The format is checked first, because another one may have other fields."""
    try:
        text = read_text(file)
        found = parse_json(text)["format"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{file}: not the card of an egodepth model ({error}); take another copy") from error
    if found != FORMAT:
        raise InputError(f"{file}: model format '{found}', this version reads '{FORMAT}'; use the version it came from")
    card = from_json(ModelCard, text, file)
    # timm would read or fetch `local-dir:` and `hf-hub:` from any place that a foreign card names.
    if not re.fullmatch(r"[\w.]+", card.network.encoder):
        raise InputError(f"{file}: encoder '{card.network.encoder}' is not the name of one; take another copy")
    return card


def rewrite_card(source: str | Path, change: Callable[[ModelCard], ModelCard]) -> ModelCard:
    """Replace the card of a model by the result of `change`; the weights are not touched.

    Raises:
        InputError: no local model, an unreadable card, or a folder that cannot be written to.
    """
    if not Path(source).exists():
        raise InputError(f"{source}: no such folder, and what is on the hub cannot be changed; give a local model")
    file = model_folder(source) / _CARD
    card = change(_read_card(file))
    write_text(file, to_json(card) + "\n")
    return card


def load_strictly(module: nn.Module, tensors: dict[str, Tensor], source: Path) -> None:
    """Load a state dict whose names and shapes must be the module's; `InputError` names `source`."""
    try:
        module.load_state_dict(tensors)
    except RuntimeError as error:
        reason = textwrap.shorten(str(error).splitlines()[-1], 200, placeholder=" ...")
        raise InputError(f"{source}: its weights do not fit its configuration ({reason})") from error


def model_folder(source: str | Path, also: tuple[str, ...] = (), revision: str | None = None) -> Path:
    """Return the local folder with a model's weights, for a folder, a run, a URL of either, or a hub id.

    Args:
        source: the name that the user gives.
        also: names of further files to fetch besides the card and the weights, if the hub has them.
        revision: branch, tag or commit on the hub; local folders have none.

    Raises:
        InputError: there is no such model.
    """
    source, folder = str(source), local_folder(source, "model")
    for candidate in (folder, folder / "model"):
        if (candidate / _WEIGHTS).is_file():
            return candidate
    if folder.exists():
        hint = "; the run has no model yet: train it further" if (folder / "checkpoints").is_dir() else ""
        raise InputError(f"{source}: neither a model folder ({_CARD} and {_WEIGHTS}) nor a run with one{hint}")
    # `runs/fist` beside an existing `runs` is a typing error, so the hub is not asked for it. `runs/...`, the default
    # name of runs, is never a model on the hub.
    is_run = source.startswith("runs/")
    if is_run or source.count("/") != 1 or source.startswith((".", "/")) or folder.parent.is_dir():
        remedy = "train it first (make quickstart; egodepth train ...)" if is_run else "check the path"
        raise InputError(f"{source}: no such folder; {remedy}")
    return download(source, [_CARD, _WEIGHTS, *also], revision)


def initialise_from(source: str, depth_net: nn.Module, pose_net: nn.Module | None, limits: tuple[float, float]) -> None:
    """Initialise networks from a model's weights; a pose network of another kind keeps its own.

    Raises:
        InputError: no such model, other networks, or other depth limits, which define the meaning of its disparities.
    """
    model = load_model(source)
    network = model.card.unscaled().network  # the weights do not include a scale that was found later
    if (network.min_depth, network.max_depth) != limits:
        raise InputError(
            f"{source}: knows depths of {network.min_depth:g} to {network.max_depth:g}, not {limits[0]:g} to "
            f"{limits[1]:g}; train with --model.min-depth {network.min_depth:g} --model.max-depth {network.max_depth:g}"
        )
    load_strictly(depth_net, model.depth_net.state_dict(), Path(source))
    if pose_net is not None and model.pose_net is not None and type(pose_net) is type(model.pose_net):
        load_strictly(pose_net, model.pose_net.state_dict(), Path(source))
