"""`egodepth predict MODEL INPUT... --out DIR`: depth maps of images and folders, as files."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, UInt8, UInt16
from matplotlib import colormaps
from rich.console import Console
from rich.progress import track
from tyro.conf import Positional

from egodepth.data.frames import list_images
from egodepth.data.images import image_size, write_image
from egodepth.errors import InputError
from egodepth.files import staged, write_text
from egodepth.predictor import DepthPredictor, Prediction

__all__ = ["DepthPredictor", "Predict", "Prediction"]

KITTI_SCALE = 256.0
"""16-bit depth PNGs hold metres times this, as KITTI's do."""
TYPICAL_DEPTH = 20.0
"""Where depth is only known up to scale, the PNGs are scaled so that the median of all images lands on this."""
SAMPLES_PER_IMAGE = 512
"""Pixels of each image that the common scales are found from, about."""


@dataclass(frozen=True)
class Predict:
    """Predict the depth of images: 16-bit depth PNG, NPZ and coloured PNG for each, with one scale for all."""

    model: Positional[str]
    """A run folder, a model folder or a hub id."""
    inputs: Positional[tuple[Path, ...]]
    """Images and folders of images, of any size."""
    out: Path
    """Folder for NAME_depth.png, NAME.npz, NAME_colour.png and predictions.json, which says what the numbers mean."""
    size: tuple[int, int] | None = None
    """Height and width at which the network runs; its own if left out."""
    post_process: bool = False
    """Average with the mirrored image's prediction: a little better, twice the time."""
    device: str | None = None
    """`cpu`, `cuda`, ...; the GPU if there is one when left out."""

    def __call__(self) -> None:
        """Predict everything into a folder beside `out`, then move it there; on an error nothing is left behind."""
        images = named_images(self.inputs)
        predictor = DepthPredictor.load(self.model, self.device, self.size, self.post_process)
        metric = predictor.model.card.metric
        console = Console(stderr=True)
        with staged(self.out) as folder:
            records, samples = [], []
            for name, path in track(images.items(), "Predicting", console=console, transient=True):
                prediction = predictor(path)
                depth, inverse_depth = prediction.depth.numpy(), prediction.inverse_depth.numpy()
                np.savez(folder / f"{name}.npz", depth=depth, inverse_depth=inverse_depth)
                samples.append(_sample(inverse_depth))
                height, width = depth.shape
                records.append({"name": name, "input": str(path), "height": height, "width": width})
            scales = CommonScales.of(np.concatenate(samples), metric)
            for name in track(images, "Writing pictures", console=console, transient=True):
                with np.load(folder / f"{name}.npz") as arrays:
                    write_image(folder / f"{name}_depth.png", scales.depth_png(arrays["depth"]))
                    write_image(folder / f"{name}_colour.png", scales.colours(arrays["inverse_depth"]))
            about = {"model": self.model, "size": list(predictor.size), "post_process": self.post_process}
            summary = {**about, **scales.summary(metric), "images": records}
            write_text(folder / "predictions.json", json.dumps(summary, indent=2) + "\n")
        unit = "in metres" if metric else "up to scale"
        Console().print(f"{len(images)} depth maps, {unit}, in {self.out} (see predictions.json)", soft_wrap=True)


@dataclass(frozen=True)
class CommonScales:
    """How depth becomes pixel values, the same for every image of one call."""

    png: float
    """The 16-bit PNG holds depth times this."""
    dark: float
    bright: float
    """Inverse depths at the two ends of the colours."""

    @classmethod
    def of(cls, inverse_depth: Float[np.ndarray, "n"], metric: bool) -> "CommonScales":
        """Scales that suit a sample of the pixels of all images."""
        typical = 1 / float(np.median(inverse_depth))
        dark, bright = np.percentile(inverse_depth, (1, 99)).tolist()
        return cls(KITTI_SCALE if metric else KITTI_SCALE * TYPICAL_DEPTH / typical, dark, bright)

    def depth_png(self, depth: Float[np.ndarray, "h w"]) -> UInt16[np.ndarray, "h w"]:
        """Depth as 16-bit values; 0 stays free for `unknown`, what is too far saturates."""
        return np.clip(np.round(depth * self.png), 1, 65535).astype(np.uint16)

    def colours(self, inverse_depth: Float[np.ndarray, "h w"]) -> UInt8[np.ndarray, "h w 3"]:
        """Near is bright, far is dark."""
        share = (inverse_depth - self.dark) / max(self.bright - self.dark, 1e-12)
        return colormaps["magma"](np.clip(share, 0, 1), bytes=True)[..., :3]

    def summary(self, metric: bool) -> dict[str, object]:
        """What a reader of the files has to know."""
        unit = "metres" if metric else "units that differ from metres by one unknown factor"
        return {
            "metric": metric,
            "depth_unit": unit,
            "depth_png": {"scale": self.png, "reading": "depth = value / scale; 65535 means this far or farther"},
            "colour": {"quantity": "inverse depth", "dark": self.dark, "bright": self.bright},
        }


def named_images(inputs: Sequence[Path]) -> dict[str, Path]:
    """Output name -> image file, for images and the images in folders.

    Raises:
        InputError: nothing there, a file that is no image (by its header), or two images that would share a name.
    """
    named: dict[str, Path] = {}
    for given in inputs:
        files = list_images(given) if given.is_dir() else [given]
        if not files:
            raise InputError(f"{given}: no images in this folder; check the path")
        for path in files:
            image_size(path)
            if path.stem in named:
                raise InputError(f"{path}: same name as {named[path.stem]}; predict them into different folders")
            named[path.stem] = path
    if not named:
        raise InputError("no images given; name image files or folders")
    return named


def _sample(inverse_depth: Float[np.ndarray, "h w"]) -> Float[np.ndarray, "n"]:
    step = max(1, round((inverse_depth.size / SAMPLES_PER_IMAGE) ** 0.5))
    return inverse_depth[::step, ::step].ravel()
