"""Depth models of `transformers`: their outputs as inverse depth."""

import importlib
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from egodepth.foundation.errors import InputError, reason_of
from egodepth.foundation.reading import read_json

_PREPARATION = "preprocessor_config.json"
_NEAREST = 0.05
"""Least depth in metres of a metric model's output, so that its inverse stays finite."""


def foreign_model(
    folder: Path, name: str, config: Mapping[str, object], device: str | torch.device
) -> Callable[[UInt8[np.ndarray, "b h w 3"]], Float[Tensor, "b hn wn"]]:
    """Return the model in a folder of `transformers`' depth estimation, as a function from images to inverse depth.

    No code of the folder is ever run, and weights are read as safetensors only.

    Args:
        folder: folder with config.json, model.safetensors and preprocessor_config.json.
        name: the name for messages.
        config: the content of config.json.
        device: the device of the model.

    Raises:
        InputError: not a depth model, requires code of its own, is damaged, or needs a missing library.
    """
    _refuse_code(folder, name, config)
    gives_depth = _gives_depth(name, config)
    transformers = _transformers()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            safe = {"local_files_only": True, "trust_remote_code": False}
            prepare = transformers.AutoImageProcessor.from_pretrained(folder, **safe)
            model = transformers.AutoModelForDepthEstimation.from_pretrained(folder, use_safetensors=True, **safe)
        model = model.float().eval().to(device)
    # The library, and the reader of the weights, raise almost any exception for a damaged file.
    except Exception as error:
        raise InputError(
            f"{name}: cannot be loaded as a model of depth ({reason_of(error)}); take another copy"
        ) from error

    @torch.no_grad()
    def inverse_depth(images: UInt8[np.ndarray, "b h w 3"]) -> Float[Tensor, "b hn wn"]:
        inputs = prepare(images=list(images), return_tensors="pt").to(device)
        found = _finished(prepare, model(**inputs), [images.shape[1:3]] * len(images))
        return 1 / found.clamp(min=_NEAREST) if gives_depth else found

    return inverse_depth


def _finished(prepare: Any, outputs: Any, sizes: list[tuple[int, int]]) -> Float[Tensor, "b hn wn"]:
    """Convert a model's outputs to depth maps: some are padded, some are the inverse of the documented quantity."""
    if type(prepare).__name__.startswith("ZoeDepth"):
        finished = prepare.post_process_depth_estimation(outputs, source_sizes=sizes)
    else:
        finished = prepare.post_process_depth_estimation(outputs)
    return torch.stack([one["predicted_depth"] for one in finished])


def _gives_depth(name: str, config: Mapping[str, object]) -> bool:
    """Whether a model gives depth; otherwise it gives inverse depth up to scale and shift.

    This depends on the model type: there is no common field for it.
    """
    kind = str(config.get("model_type", ""))
    if kind in ("zoedepth", "depth_pro", "glpn", "prompt_depth_anything"):
        return True
    if kind == "depth_anything":
        return config.get("depth_estimation_type") == "metric"
    if kind == "dpt":
        # MiDaS models give inverse depth; those with a DINOv2 backbone were trained on depth.
        backbone = config.get("backbone_config")
        return isinstance(backbone, Mapping) and backbone.get("model_type") == "dinov2"
    known = "depth_anything, dpt, depth_pro, zoedepth, glpn, prompt_depth_anything"
    raise InputError(
        f"{name}: its kind is '{kind}', no model of depth that is known here ({known}); give another teacher"
    )


def _refuse_code(folder: Path, name: str, config: Mapping[str, object]) -> None:
    prepared: object = {}
    if (folder / _PREPARATION).is_file():
        try:
            prepared = read_json(folder / _PREPARATION, finite=False)
        except (OSError, ValueError) as error:
            raise InputError(f"{name}: its {_PREPARATION} cannot be read ({error}); take another copy") from error
    for found in (config, prepared):
        if isinstance(found, Mapping) and ("auto_map" in found or "custom_pipelines" in found):
            raise InputError(
                f"{name}: wants to run code from its own folder, which is never done; give another teacher"
            )


def _transformers() -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return importlib.import_module("transformers")
    except ImportError as error:
        raise InputError(
            f"a teacher needs transformers ({reason_of(error)}): pip install 'egodepth[teacher]'"
        ) from error
