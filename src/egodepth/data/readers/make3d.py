"""Make3D (Saxena et al. 2009): 134 test images of single scenes with laser depth. It is for evaluation only."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, UInt8

from egodepth.data.drive import Drive
from egodepth.data.images import read_rgb
from egodepth.data.media.frame_numbers import FrameNumbers
from egodepth.data.media.frames import list_images
from egodepth.data.readers.matlab_file import read_matrix
from egodepth.foundation.errors import InputError
from egodepth.geometry.camera import Camera

IMAGES, LASER = "Test134", "Gridlaserdata"
SIZE = (2272, 1704)
"""Height and width of the upright images."""
_INTRINSICS = ((2407.33127, 0.0, 833.72105), (0.0, 2400.20917, 1110.71224), (0.0, 0.0, 1.0))
"""Pixels, as in the data set's own software. Its lens distortion is ignored."""
_GRID, _DEPTH = "Position3DGrid", 3
"""The laser's matrix (55x305 points, for the whole image) and its last channel."""


class Make3DDrive(Drive):
    """The test images in the order of their names, numbered from 0.

    Image and ground truth are the central part of the originals, twice as wide as high, which suits networks trained on
    roads (Godard et al. 2017 and 2019). The ground truth keeps the 21 of 55 laser rows whose centres lie in it.
    """

    def __init__(self, root: Path) -> None:
        """Open the folder with `Test134` and `Gridlaserdata`.

        Raises:
            InputError: no images.
        """
        files = list_images(root / IMAGES) if (root / IMAGES).is_dir() else []
        if not files:
            raise InputError(f"{root / IMAGES}: no Make3D test images; unpack Test134.tar.gz beside {LASER}")
        self._files, self._laser = files, root / LASER
        self.name = f"make3d/{IMAGES}"
        self.frames = FrameNumbers.of(range(len(files)))
        self.size = (SIZE[1] // 2, SIZE[1])
        matrix = torch.tensor(_INTRINSICS)
        matrix[1, 2] -= (SIZE[0] - self.size[0]) // 2
        self.camera = Camera.from_pixels(matrix, self.size)

    def read_image(self, frame: int, partner: bool = False) -> UInt8[np.ndarray, "h w 3"]:
        """Return the central part of an image; there are no stereo partners."""
        image = read_rgb(self._files[frame])
        if image.shape[:2] != SIZE:
            raise InputError(f"{self._files[frame]}: {image.shape[1]}x{image.shape[0]}, not {SIZE[1]}x{SIZE[0]}")
        top = (SIZE[0] - self.size[0]) // 2
        return image[top : top + self.size[0]]

    @property
    def depth_frames(self) -> Sequence[int]:
        """Frames with a laser file; looks for each of the 134 files."""
        return [frame for frame in self.frames if self.has_depth(frame)]

    def has_depth(self, frame: int) -> bool:
        """Whether the laser file exists."""
        return self._laser_file(frame).is_file()

    def read_depth(self, frame: int) -> Float[np.ndarray, "h w"]:
        """Return the laser depth of the central part, metres, at the laser's own 21x305 points."""
        depth = _read_grid(self._laser_file(frame))
        rows = (np.arange(len(depth)) + 0.5) / len(depth)
        margin = (1 - self.size[0] / SIZE[0]) / 2
        return depth[(rows > margin) & (rows < 1 - margin)]

    def _laser_file(self, frame: int) -> Path:
        return self._laser / f"depth_sph_corr{self._files[frame].stem.removeprefix('img')}.mat"


def is_make3d(root: str | Path) -> bool:
    """Whether to try `open_make3d`."""
    return (Path(root) / LASER).is_dir()


def open_make3d(root: str | Path) -> list[Drive]:
    """Return the test set as one drive; raises `InputError` as `Make3DDrive`."""
    return [Make3DDrive(Path(root))]


def _read_grid(path: Path) -> Float[np.ndarray, "h w"]:
    """Return the depth of all laser points."""
    try:
        with np.errstate(over="ignore", invalid="ignore"):
            grid = read_matrix(path, _GRID)[..., _DEPTH].astype(np.float32)
        if grid.ndim != 2:
            raise ValueError(f"a grid of shape {grid.shape}")
        return grid
    except (OSError, ValueError, IndexError) as error:
        raise InputError(f"{path}: not a laser file of Make3D ({error}); unpack Test134Depth.tar.gz again") from error
