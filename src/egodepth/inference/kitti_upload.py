"""The upload folder of KITTI's depth prediction benchmark: a 16-bit PNG per image, metres times 256, up to 80 m."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import track

from egodepth.data.images import image_size, read_uint16, write_image
from egodepth.data.media.frames import list_images
from egodepth.foundation.errors import InputError
from egodepth.foundation.files import staged
from egodepth.inference.predictor import DepthPredictor

SIZE = (352, 1216)
"""Height and width of the server's images."""
FARTHEST_M = 80.0
_STEPS = 256.0


@dataclass(frozen=True)
class Upload:
    """Predict the server's test images into an upload folder."""

    predictor: DepthPredictor
    data: Path
    """The images, or the folder with their folder `image` (test_depth_prediction_anonymous)."""
    out: Path
    factor: float | None = None
    """Metres per unit of the model's depth; required for models whose depth is up to scale."""

    def __call__(self) -> None:
        """Write all files, or none.

        Raises:
            InputError: no images, one of another size, or a model without a scale.
        """
        if self.factor is None and not self.predictor.model.card.metric:
            raise InputError(
                "kitti_benchmark_server: the server wants metres, and this model's depth is up to scale; give --factor "
                "(metres in a unit: the median ratio that evaluate prints)"
            )
        if self.out.resolve().is_relative_to(self.data.resolve()):
            raise InputError(f"{self.out}: lies within --data, whose files have the same names; choose another --out")
        folder = self.data / "image" if (self.data / "image").is_dir() else self.data
        images = list_images(folder)
        if not images:
            raise InputError(f"{folder}: no images; unpack KITTI's data_depth_selection.zip and give its test folder")
        for path in images:
            _check_size(path)
            _check_free(self.out / _target(path))
        with staged(self.out) as beside:
            for path in track(images, "Predicting", console=Console(stderr=True), transient=True):
                write_image(beside / _target(path), self._depth_png(path))
        Console().print(
            f"{len(images)} depth maps for the server in {self.out}: upload it as a zip",
            soft_wrap=True,
            highlight=False,
        )

    def _depth_png(self, path: Path) -> np.ndarray:
        depth = self.predictor(path).depth.numpy() * (self.factor or 1.0)
        # 0 would mean unknown.
        return np.clip(np.rint(np.minimum(depth, FARTHEST_M) * _STEPS), 1, 65535).astype(np.uint16)


def _target(path: Path) -> str:
    """Return the file name for the depth of an image."""
    return f"{path.stem}.png"


def _check_free(path: Path) -> None:
    """Allow the replacement of 16-bit grey images only. A record of own files is not possible: it would be uploaded."""
    try:
        if path.exists():
            read_uint16(path)
    except InputError as error:
        raise InputError(f"{path}: exists already, and is no depth of this command; choose another --out") from error


def _check_size(path: Path) -> None:
    found = image_size(path)
    if found != SIZE:
        named, wanted = (f"{width}x{height}" for height, width in (found, SIZE))
        raise InputError(f"{path}: {named}, and the server's images are {wanted}; give its test images as they are")
