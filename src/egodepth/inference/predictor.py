"""The only way to run a depth model, for evaluation, commands and library users."""

import logging
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, UInt8
from PIL import Image
from torch import Tensor
from torch.nn.functional import interpolate

from egodepth.data.batch import DepthSample
from egodepth.data.images import as_rgb, read_rgb, resize_rgb
from egodepth.foundation.errors import InputError
from egodepth.foundation.remote import local_folder
from egodepth.inference.publishing.facts import gather
from egodepth.inference.publishing.publishing import upload
from egodepth.networks.depth import disparity_to_depth
from egodepth.weights import DepthModel, load_model
from egodepth.weights.exported.card import exported_folder
from egodepth.weights.exported.runtime import ExportedModel, load_exported

STRIDE = 32
"""Sizes must be multiples of this, at least twice: a single coarse pixel cannot be padded by reflection."""

logger = logging.getLogger("egodepth")


class Prediction(NamedTuple):
    """Depth of one image (`h w`) or of a batch (`b h w`), at the size of the input, on the CPU."""

    depth: Float[Tensor, "*b h w"]
    """Along the optical axis; metres if `metric`, else up to an unknown factor."""
    inverse_depth: Float[Tensor, "*b h w"]
    """1 / depth."""
    metric: bool


class DepthPredictor:
    """Predict the depth of images of any kind and size, at their own size."""

    def __init__(
        self, model: DepthModel | ExportedModel, size: tuple[int, int] | None = None, post_process: bool = False
    ) -> None:
        """Wrap a model on its device, and set it to evaluation mode.

        Args:
            model: the networks and their card, or an exported model, which runs at its own size on 8-bit images; float
                tensors are rounded to them.
            size: height and width at which the network runs, if not the model's.
            post_process: average with the mirrored image's prediction (twice the time).
        """
        if not isinstance(model, ExportedModel):  # the fastest memory layout for convolutions on all devices
            model = model.eval().to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
        self.model = model
        self.size = size or model.card.size
        self._post_process = post_process
        if any(side < 2 * STRIDE or side % STRIDE for side in self.size):
            raise InputError(f"size {self.size[0]} {self.size[1]}: use multiples of {STRIDE}, {2 * STRIDE} and more")
        if self.size != model.card.size:
            if isinstance(model, ExportedModel):
                raise InputError(f"an exported model runs at {_describe(model.card.size)} alone; export it again")
            own, run = _describe(model.card.size), _describe(self.size)
            logger.warning("The model was trained at %s and runs at %s: expect worse depth.", own, run)

    @classmethod
    def load(
        cls,
        source: str | Path,
        device: str | torch.device | None = None,
        size: tuple[int, int] | None = None,
        post_process: bool = False,
        revision: str | None = None,
    ) -> "DepthPredictor":
        """Load a run folder, a model folder, an export folder or a hub id; `device` None uses the GPU if there is one.

        Models exported to ONNX or OpenVINO run on the CPU. `revision` is a branch, tag or commit on the hub; a local
        folder has none.

        Raises:
            InputError: there is no such model, it cannot be read, or there is no such device.
        """
        source = local_folder(source, "model")
        exported = exported_folder(source)
        model = load_exported(exported) if exported else load_model(source, revision)
        if isinstance(model, ExportedModel):
            if torch.device(device or "cpu").type != "cpu":
                raise InputError(f"{source}: exported models run on the CPU; leave the device out")
            return cls(model, size, post_process)
        chosen = device or ("cuda" if torch.cuda.is_available() else "cpu")
        try:
            model = model.to(chosen)
        except (RuntimeError, AssertionError) as error:
            raise InputError(f"device '{chosen}' cannot be used; leave it out to take the best") from error
        return cls(model, size, post_process)

    from_pretrained = load
    """The name that Hugging Face libraries use for `load`."""

    def __call__(self, image: Image.Image | np.ndarray | Tensor | str | Path) -> Prediction:
        """Predict the depth of a path, PIL image, numpy uint8 `h w 3`, or float tensor in [0, 1], `3 h w` or `b 3 h w`.

        Files and PIL images are rotated upright by their EXIF tag; arrays and tensors must be upright.

        Raises:
            InputError: an unreadable file, an array of another kind, values that are not numbers, or an empty array.
        """
        if isinstance(image, Tensor):
            inverse_depth = self.inverse_depth(_checked(image if image.ndim == 4 else image[None]))
            inverse_depth = inverse_depth if image.ndim == 4 else inverse_depth[0]
        else:
            pixels = _pixels(image)
            coarse = self.inverse_depth(self.network_input([pixels]))
            inverse_depth = at_size(coarse, (pixels.shape[0], pixels.shape[1]))[0]
        return Prediction(1 / inverse_depth, inverse_depth, self.model.card.metric)

    def push_to_hub(self, name: str, licence: str = "", private: bool = False, branch: str | None = None) -> str:
        """Upload the model with a card of what it knows, and return the address; `egodepth push` also knows its run.

        Args:
            name: OWNER/NAME; the repository is created if it does not exist.
            licence: licence of the weights, as the hub spells it.
            private: whether a new repository is private.
            branch: branch of the repository; the main one by default.

        Raises:
            InputError: an exported model, an unusable name, or a hub that does not answer or refuses.
        """
        if isinstance(self.model, ExportedModel):
            raise InputError("an export cannot be pushed; push the model that it was made from")
        with TemporaryDirectory(prefix="egodepth-push-") as folder:
            self.model.save(Path(folder) / "model")
            return upload(gather(Path(folder) / "model", name, licence=licence), private, branch)

    @property
    def device(self) -> torch.device:
        """Device of the network."""
        model = self.model
        return torch.device("cpu") if isinstance(model, ExportedModel) else next(model.parameters()).device

    def judged(self, sample: DepthSample) -> Float[Tensor, "h w"]:
        """Return the inverse depth of a sample's image, for evaluation."""
        return self.inverse_depth(sample.image[None])[0]

    def network_input(self, images: list[UInt8[np.ndarray, "_ _ 3"]]) -> Float[Tensor, "b 3 hn wn"]:
        """Return images of any size as a batch for the network, on its device, resized like training frames."""
        return _resized(images, self.size, self.device)

    @torch.no_grad()
    def inverse_depth(self, images: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b h w"]:
        """Return the inverse depth of images in [0, 1] at their own size, on the CPU."""
        if isinstance(self.model, ExportedModel):
            return self._exported_inverse_depth(self.model, images)
        resized = resized_for(self.size, images.to(self.device, torch.float32))
        disparity = self.model(resized)[0]
        if self._post_process:
            disparity = blend_mirrored(disparity, self.model(resized.flip(-1))[0].flip(-1))
        network = self.model.card.network
        inverse_depth = 1 / disparity_to_depth(disparity, network.min_depth, network.max_depth)
        return at_size(inverse_depth, (images.shape[-2], images.shape[-1])).cpu()

    def _exported_inverse_depth(self, model: ExportedModel, images: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b h w"]:
        pixels = _bytes(images)
        inverse_depth = torch.from_numpy(model(pixels)[1])
        if self._post_process:
            mirrored = torch.from_numpy(model(pixels[:, :, ::-1])[1])
            # Inverse depth is linear in disparity, so it can be blended, too.
            inverse_depth = blend_mirrored(inverse_depth, mirrored.flip(-1))
        return inverse_depth


def resized_for(size: tuple[int, int], images: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b 3 H W"]:
    """Return images at the network's size. Resized ones are rounded to 8 bits, like training frames."""
    if images.shape[-2:] == size:
        return images
    return _resized(list(_bytes(images)), size, images.device)


def at_size(inverse_depth: Float[Tensor, "b hn wn"], size: tuple[int, int]) -> Float[Tensor, "b h w"]:
    """Return inverse depth at the size (height, width) of the input."""
    if inverse_depth.shape[-2:] == size:
        return inverse_depth
    return interpolate(inverse_depth[:, None], size, mode="bilinear", align_corners=False)[:, 0]


def blend_mirrored(plain: Float[Tensor, "b h w"], mirrored: Float[Tensor, "b h w"]) -> Float[Tensor, "b h w"]:
    """Average a disparity and that of the mirrored image, mirrored back (Godard et al. 2017, section 4: pp).

    The left 5 % of columns use the mirrored one alone and the right 5 % the plain one, with ramps from 5 % to 10 %: in
    stereo training the left of the target has no match in the partner.
    """
    width = plain.shape[-1]
    position = (torch.arange(width, device=plain.device, dtype=plain.dtype) + 0.5) / width
    left = 1 - ((position - 0.05) / 0.05).clamp(0, 1)
    right = left.flip(0)
    return left * mirrored + right * plain + (1 - left - right) * (plain + mirrored) / 2


def _bytes(images: Float[Tensor, "b 3 h w"]) -> UInt8[np.ndarray, "b h w 3"]:
    return (images * 255).round().to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy()


def _resized(
    images: list[UInt8[np.ndarray, "_ _ 3"]], size: tuple[int, int], device: torch.device
) -> Float[Tensor, "b 3 hn wn"]:
    # As bytes, resizing takes a fifth of the time of floats, and the transfer to a device a quarter.
    pixels = torch.from_numpy(np.stack([resize_rgb(image, size) for image in images]))
    return pixels.to(device).permute(0, 3, 1, 2).float().div_(255)


def _pixels(image: Image.Image | np.ndarray | str | Path) -> UInt8[np.ndarray, "h w 3"]:
    if isinstance(image, Image.Image):
        return as_rgb(image)
    pixels = image if isinstance(image, np.ndarray) else read_rgb(image)
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3 or not pixels.size:
        raise InputError(f"array of {pixels.dtype} {pixels.shape}: give uint8 RGB, (height, width, 3)")
    return pixels


def _checked(images: Tensor) -> Float[Tensor, "b 3 h w"]:
    if not images.is_floating_point() or images.ndim != 4 or images.shape[1] != 3:
        raise InputError(f"tensor of {images.dtype} {tuple(images.shape)}: give floats in [0, 1], b 3 h w or 3 h w")
    if not images.numel():
        raise InputError(f"tensor {tuple(images.shape)}: there is no image in it")
    if not (images.min() >= 0 and images.max() <= 1):  # also refuses NaN
        raise InputError("tensor with values outside [0, 1]: divide 8-bit images by 255; NaN is none")
    return images


def _describe(size: tuple[int, int]) -> str:
    return f"{size[1]}x{size[0]}"
