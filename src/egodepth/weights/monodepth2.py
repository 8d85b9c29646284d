"""Published weights of Monodepth2: a folder of torch state dicts becomes a model of ours.

FOLDER/encoder.pth        ResNet under `encoder.`, with `height`, `width` and `use_stereo`
FOLDER/depth.pth          `decoder.{0..9}`: stages from coarse to fine, before and after upsampling; `{10..13}`: heads
FOLDER/pose_encoder.pth   only of the separate pose network
FOLDER/pose.pth           `net.{0..3}`, or `net.{0..6}` and `pose_conv` of PoseCNN; may be absent
"""

import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from egodepth.config import ModelConfig
from egodepth.foundation.errors import InputError
from egodepth.networks import PoseCnn, PoseNet, build_pose_net
from egodepth.weights.folder import MOST_SIDE, DepthModel, ModelCard, load_strictly

PUBLISHED = "published weights of Monodepth2"
"""`started_from` in the cards of imported models, and at its end in those of models that start from them."""
LICENCE = "Monodepth2's own licence, for non-commercial use"
STEREO_FACTOR = 5.4
"""Metres per unit of depth of the stereo models: their nominal baseline is 0.1 for KITTI's 0.54."""
_RESNETS = {(2, False): "resnet18", (6, False): "resnet34", (6, True): "resnet50", (23, True): "resnet101"}
"""ResNets by the number of blocks in the third layer, and whether blocks have three convolutions."""
_STAGES = 5
_POSE_OUTPUTS = 6
_POSE_DECODER = {"net.0": "squeeze.0", "net.1": "head.0", "net.2": "head.2", "net.3": "six"}
_POSE_CNN = {f"net.{i}": f"layers.{2 * i}" for i in range(5)}
_POSE_CNN |= {"net.5": "coarse.0", "net.6": "coarse.2", "pose_conv": "coarse.4"}


def import_monodepth2(folder: str | Path) -> DepthModel:
    """Return the networks of a folder of published weights (Godard et al. 2019); nothing in it is executed.

    The pose network is included if the folder has one. Depth of models trained with stereo is in metres: their depth
    limits are multiplied by 5.4, as published.

    Raises:
        InputError: a missing, damaged or unsafe file, or weights of another layout; names the file.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; give the one that holds encoder.pth and depth.pth")
    encoder_file, depth_file = folder / "encoder.pth", folder / "depth.pth"
    encoder = _read(encoder_file)
    metric = bool(encoder.get("use_stereo", False))
    unit = STEREO_FACTOR if metric else 1.0
    pose = _pose_kind(folder)
    network = ModelConfig(
        encoder=_resnet_name(encoder, encoder_file),
        pose=pose or "separate",
        min_depth=0.1 * unit,
        max_depth=100 * unit,
        normalisation="monodepth2",
    )
    card = ModelCard(
        network=network,
        size=_size(encoder, encoder_file),
        metric=metric,
        has_pose_net=pose is not None,
        offsets=(-1, 1) if pose is not None else (),
        started_from=PUBLISHED,
    )
    model = DepthModel(card)
    load_strictly(model.depth_net.encoder.backbone, _backbone(encoder), encoder_file)
    load_strictly(model.depth_net.decoder, _renamed(_read(depth_file), _decoder_names(), depth_file), depth_file)
    if pose is not None:
        model.pose_net = _pose_net(folder, pose, model)
    return model.eval()


def _read(path: Path) -> dict[str, Any]:
    """Return a state dict without executing foreign code in the file."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore"
            )  # about a pickle protocol that the reader may not know; the reader reports it
            found = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise InputError(f"{path}: missing; a folder of Monodepth2 weights holds encoder.pth and depth.pth") from error
    except Exception as error:  # for damaged bytes torch raises almost any exception
        reason = str(error).strip().split("\n")[0].split(". ")[0]
        raise InputError(
            f"{path}: not a torch state dict that is safe to read ({reason}); download it again"
        ) from error
    if not isinstance(found, dict) or not all(isinstance(name, str) for name in found):
        raise InputError(f"{path}: not a torch state dict; download it again")
    return found


def _backbone(encoder: dict[str, Any]) -> dict[str, Tensor]:
    """Return the ResNet's own tensors without its classifier."""
    prefix = "encoder."
    names = [name for name in encoder if name.startswith(prefix) and not name.startswith(f"{prefix}fc.")]
    return {name.removeprefix(prefix): encoder[name] for name in names}


def _resnet_name(encoder: dict[str, Any], path: Path) -> str:
    blocks = len({name.split(".")[2] for name in encoder if name.startswith("encoder.layer3.")})
    kind = (blocks, "encoder.layer1.0.conv3.weight" in encoder)
    if kind not in _RESNETS:
        raise InputError(f"{path}: not the ResNet-18 to -101 of Monodepth2; give a folder of its published weights")
    return _RESNETS[kind]


def _size(encoder: dict[str, Any], path: Path) -> tuple[int, int]:
    try:
        size = int(encoder["height"]), int(encoder["width"])
    except (KeyError, TypeError, ValueError, RuntimeError, OverflowError) as error:
        raise InputError(f"{path}: does not say its height and width; give a folder of published weights") from error
    if not all(1 <= side <= MOST_SIDE for side in size):
        raise InputError(f"{path}: height and width {size}; give a folder of published weights")
    return size


def _decoder_names() -> dict[str, str]:
    """Return our module names by the published ones. Published stages run from coarse to fine, ours the other way."""
    names = {f"decoder.{2 * _STAGES + scale}.conv": f"heads.{scale}" for scale in range(4)}
    for position in range(_STAGES):
        stage = f"stages.{_STAGES - 1 - position}"
        names[f"decoder.{2 * position}.conv.conv"] = f"{stage}.before.0"
        names[f"decoder.{2 * position + 1}.conv.conv"] = f"{stage}.after.0"
    return names


def _renamed(tensors: dict[str, Any], names: dict[str, str], path: Path) -> dict[str, Tensor]:
    """Return weights and biases with our names; a missing or unknown one is an `InputError`."""
    wanted = {f"{module}.{kind}" for module in names for kind in ("weight", "bias")}
    _same_names(tensors, wanted, path)
    split = {name: name.rpartition(".") for name in wanted}
    return {f"{names[module]}.{kind}": tensors[name] for name, (module, _, kind) in split.items()}


def _same_names(found: Iterable[str], wanted: set[str], path: Path) -> None:
    odd = sorted(wanted.symmetric_difference(found))
    if odd:
        word = "missing" if odd[0] in wanted else "unknown"
        raise InputError(f"{path}: {word} '{odd[0]}' ({len(odd)} such names); give a folder of published weights")


def _pose_kind(folder: Path) -> Literal["separate", "shared", "posecnn"] | None:
    if (folder / "pose_encoder.pth").is_file():
        return "separate"
    if not (folder / "pose.pth").is_file():
        return None
    return "posecnn" if "pose_conv.weight" in _read(folder / "pose.pth") else "shared"


def _pose_net(folder: Path, kind: Literal["separate", "shared", "posecnn"], model: DepthModel) -> PoseNet:
    """Return the pose network of a folder."""
    path = folder / "pose.pth"
    tensors = _read(path)
    head = "pose_conv" if kind == "posecnn" else "net.3"
    for name in (f"{head}.weight", f"{head}.bias"):
        if isinstance(tensors.get(name), Tensor) and tensors[name].ndim:
            tensors[name] = tensors[name][:_POSE_OUTPUTS]  # of two poses, the first is used
    encoder_file = folder / "pose_encoder.pth"
    name = _resnet_name(_read(encoder_file), encoder_file) if kind == "separate" else model.card.network.encoder
    if name != model.card.network.encoder:
        raise InputError(f"{encoder_file}: a {name} beside a depth network of {model.card.network.encoder}: mixed up")
    channels = model.depth_net.encoder.channels[-1]
    net = build_pose_net(kind, name, False, channels, model.card.network.normalisation)
    if isinstance(net, PoseCnn):
        raw_input = {"mean": torch.tensor(0.0), "spread": torch.tensor(1.0)}
        load_strictly(net, _renamed(tensors, _POSE_CNN, path) | raw_input, path)
        return net
    load_strictly(net.decoder, _renamed(tensors, _POSE_DECODER, path), path)
    if kind == "separate":
        load_strictly(net.encoder.backbone, _backbone(_read(encoder_file)), encoder_file)  # pyright: ignore
    return net
