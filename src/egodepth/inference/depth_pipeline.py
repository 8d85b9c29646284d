"""Depth estimation called as in transformers: `pipeline("depth-estimation", model=...)`."""

import logging
import re
import urllib.request
from collections.abc import Iterator
from http.client import HTTPException
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypedDict, overload

import numpy as np
import torch
from jaxtyping import Float, Float32, UInt8
from PIL import Image
from torch import Tensor
from torch.utils.data import Dataset

from egodepth.data.images import as_rgb, read_rgb
from egodepth.foundation.errors import InputError, reason_of
from egodepth.inference.predictor import DepthPredictor, Prediction
from egodepth.inference.stream import predict_stream

TASK = "depth-estimation"
_MOST_BYTES = 1 << 28
"""Largest image that is fetched from the web."""
_TIMEOUT_S = 30.0

logger = logging.getLogger("egodepth")
Picture = Image.Image | str | Path


class DepthEstimation(TypedDict):
    """The result for one image, at the size of the image."""

    predicted_depth: Float[Tensor, "h w"]
    """Depth in metres if the model is metric; otherwise inverse depth up to an unknown factor. On the CPU."""
    depth: Image.Image
    """8-bit grey picture of inverse depth: 255 is the nearest pixel of the image, 0 the farthest."""


class DepthPipeline:
    """Estimate the depth of images, with the calls and results of transformers' depth estimation pipeline.

    `predicted_depth` holds what transformers' models of the same kind return. Models without a known scale return
    inverse depth, as Depth Anything does: near pixels have large values. Metric models return depth in metres, as Depth
    Anything's metric models do. `depth` always shows near pixels bright. `DepthPredictor` returns both quantities.
    """

    def __init__(self, predictor: DepthPredictor, batch_size: int = 1) -> None:
        """Wrap a predictor.

        Args:
            predictor: the model on its device.
            batch_size: number of images that run through the network together, if a call does not state it.
        """
        self.predictor, self.batch_size, self.task = predictor, batch_size, TASK

    @property
    def model(self) -> Any:
        """The networks and their card."""
        return self.predictor.model

    @property
    def device(self) -> torch.device:
        """Device of the network."""
        return self.predictor.device

    @overload
    def __call__(self, inputs: Picture, **options: Any) -> DepthEstimation: ...

    @overload
    def __call__(self, inputs: list[Picture], **options: Any) -> list[DepthEstimation]: ...

    @overload
    def __call__(self, inputs: Iterator[Picture] | Dataset[Picture], **options: Any) -> Iterator[DepthEstimation]: ...

    def __call__(
        self, inputs: Any = None, *, batch_size: int | None = None, timeout: float | None = None, **others: Any
    ) -> DepthEstimation | list[DepthEstimation] | Iterator[DepthEstimation]:
        """Return the depth of an image, of each image of a list, or lazily of each image of a generator or data set.

        Args:
            inputs: a PIL image, a path or an http(s) address of an image; a list, generator or data set of these.
            batch_size: number of images that run through the network together.
            timeout: seconds to wait for an image from the web; 30 by default.
            others: `images` is an older name of `inputs`. Other options of transformers, such as `num_workers`, change
                nothing here.

        Raises:
            InputError: an image is missing, unreadable or not to be had.
        """
        inputs = others.pop("images", inputs)
        if inputs is None:
            raise InputError("the pipeline got no image; give a PIL image, a path, an address, or a list of these")
        if isinstance(inputs, Picture):
            return _estimate(self.predictor(Image.fromarray(_pixels(inputs, timeout))))
        found = self._estimates(inputs, batch_size or self.batch_size, timeout)
        return list(found) if isinstance(inputs, list | tuple) else found

    def _estimates(self, images: Any, batch: int, timeout: float | None) -> Iterator[DepthEstimation]:
        # A data set of torch may have an index and a length alone, and its index may have no end.
        items = (images[i] for i in range(len(images))) if hasattr(images, "__len__") else images
        pixels = (_pixels(image, timeout) for image in items)
        return map(_estimate, predict_stream(self.predictor, pixels, batch))


def pipeline(
    task: str | None = None,
    model: str | Path | DepthPredictor | None = None,
    device: int | str | torch.device | None = None,
    *,
    revision: str | None = None,
    batch_size: int | None = None,
    **others: Any,
) -> DepthPipeline:
    """Return a pipeline of depth estimation, called as `transformers.pipeline` is.

    Code that was written for Depth Anything runs if its import is changed to `from egodepth import pipeline`, and the
    model to one of egodepth. See `DepthPipeline` for the meaning of the results.

    Args:
        task: "depth-estimation", the only one.
        model: a hub id, a run folder, a model folder, an export folder, or a predictor.
        device: a device of torch, or the number of a GPU, -1 for the CPU. None uses the GPU if there is one.
        revision: branch, tag or commit on the hub.
        batch_size: number of images that run through the network together.
        others: other options of transformers, such as `device_map` and `use_fast`. They change nothing, and a logged
            line names them.

    Raises:
        InputError: another task, no such model, or no such device.
    """
    if task not in (None, TASK):
        raise InputError(f"task '{task}': egodepth has '{TASK}' alone")
    if model is None:
        raise InputError("the pipeline got no model; give a hub id or a folder, such as model='runs/first'")
    if others:
        logger.warning("egodepth's pipeline does not use %s.", ", ".join(others))
    if isinstance(device, int):
        device = "cpu" if device < 0 else f"cuda:{device}"
    if not isinstance(model, DepthPredictor):
        model = DepthPredictor.from_pretrained(model, device, revision=revision)
    return DepthPipeline(model, batch_size or 1)


def _estimate(found: Prediction) -> DepthEstimation:
    return {
        "predicted_depth": found.depth if found.metric else found.inverse_depth,
        "depth": _picture(found.inverse_depth.numpy()),
    }


def _picture(inverse_depth: Float32[np.ndarray, "h w"]) -> Image.Image:
    """Return an 8-bit picture, scaled from the smallest to the largest value as transformers does."""
    low, high = inverse_depth.min(), inverse_depth.max()
    span = high - low or 1  # transformers divides by zero where all pixels are equal
    return Image.fromarray(((inverse_depth - low) / span * 255).astype(np.uint8))


def _pixels(image: Any, timeout: float | None) -> UInt8[np.ndarray, "h w 3"]:
    if isinstance(image, Image.Image):
        return as_rgb(image)
    if not isinstance(image, str | Path):
        raise InputError(f"{type(image).__name__}: not an image; give a PIL image, a path or an address")
    if str(image).startswith("data:"):
        raise InputError("an image in base64 is not read; give a PIL image, a path or an address")
    return _from_web(str(image), timeout or _TIMEOUT_S) if re.match("https?://", str(image)) else read_rgb(image)


def _from_web(address: str, timeout: float) -> UInt8[np.ndarray, "h w 3"]:
    """Return the image at an http(s) address."""
    try:
        request = urllib.request.Request(address, headers={"User-Agent": "egodepth"})
        with urllib.request.urlopen(request, timeout=timeout) as answer:
            content = answer.read(_MOST_BYTES + 1)
    except (OSError, ValueError, HTTPException) as error:
        raise InputError(f"{address}: cannot be fetched ({reason_of(error)}); check the address") from error
    if len(content) > _MOST_BYTES:
        raise InputError(f"{address}: more than {_MOST_BYTES >> 20} MB; fetch it yourself and give its path")
    with TemporaryDirectory() as folder:  # a file, because `read_rgb` decodes untrusted files safely
        file = Path(folder) / "image"
        file.write_bytes(content)
        try:
            return read_rgb(file)
        except InputError as error:
            raise InputError(f"{address}: {str(error).removeprefix(f'{file}: ')}") from error
