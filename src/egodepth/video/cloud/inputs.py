"""The inputs of a cloud as files: depth maps, and poses in KITTI's or TUM's format."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float32, Float64

from egodepth.data.images import read_uint16
from egodepth.data.media.frames import natural_key
from egodepth.foundation.errors import InputError, require
from egodepth.foundation.reading import read_json, read_npz
from egodepth.foundation.trajectory_files import read_trajectory

_FARTHEST = 65535
"""Largest value of a PNG, which means this far or farther."""


class DepthMap(NamedTuple):
    """The depth of one frame."""

    depth: Float32[np.ndarray, "h w"]
    """NaN where unknown."""
    confidence: Float32[np.ndarray, "h w"]
    """1 if the file has none."""
    expected_error: Float32[np.ndarray, "h w"]
    """Relative error of depth; 0 if the file has none."""


@dataclass(frozen=True)
class DepthMaps:
    """The depth maps of a clip's frames, one file per frame, in the order of time."""

    files: tuple[Path, ...]
    png_scale: float | None
    """Factor from depth to PNG values; None: the files are NPZ."""

    @classmethod
    def open(cls, folder: Path, clip: Path, png_scale: float | None = None) -> "DepthMaps":
        """List the outputs of `egodepth video` or `egodepth predict`: `NAME.npz`, or `NAME.png`, `NAME_depth.png`.

        Args:
            folder: the folder of the maps. If it has maps of several videos, those named after the clip are used.
            clip: the clip of the maps.
            png_scale: divisor of the PNG values; None: as in `report.json` or `predictions.json`.

        Raises:
            InputError: no such folder, nothing in it, or PNGs of unknown scale.
        """
        require(folder.is_dir(), f"{folder}: no folder; give the one with the depth maps, such as OUT/NAME/depth")
        files = {path.stem: path for path in folder.glob("*.npz")}
        arrays = bool(files)
        if not arrays:
            pngs = (path for path in folder.glob("*.png") if not path.stem.endswith("_colour"))
            files = {path.stem.removesuffix("_depth"): path for path in pngs}
        own = {name: path for name, path in files.items() if re.fullmatch(re.escape(clip.stem) + r"_\d{6,}", name)}
        files = own or files
        require(len(files) > 0, f"{folder}: no depth maps; give a folder with NPZ files or 16-bit PNGs")
        require(not (arrays and png_scale), f"--png-scale: the depth maps in {folder} are NPZ files; leave it out")
        ordered = tuple(files[name] for name in sorted(files, key=natural_key))
        return cls(ordered, None if arrays else png_scale or _known_scale(folder, clip.stem))

    def read(self, place: int) -> DepthMap:
        """Return the depth of a frame."""
        path = self.files[place]
        if self.png_scale is not None:
            values = read_uint16(path)
            depth = np.where(values < _FARTHEST, values, 0).astype(np.float32) / np.float32(self.png_scale)
            found = DepthMap(depth, np.ones_like(depth), np.zeros_like(depth))
        else:
            found = _read_arrays(path)
        known = np.isfinite(found.depth) & (found.depth > 0)
        return found._replace(depth=np.where(known, found.depth, np.float32(np.nan)))


@dataclass(frozen=True)
class TrajectoryFile:
    """The trajectory of a camera."""

    path: Path
    poses: Float64[np.ndarray, "n 4 4"]
    """World-from-camera poses."""
    seconds: Float64[np.ndarray, " n"] | None
    """Ascending; None if the file has no times."""

    @classmethod
    def read(cls, path: Path) -> "TrajectoryFile":
        """Read KITTI's format (12 numbers a line) or TUM's (8); `InputError` if it is neither, or damaged."""
        return cls(path, *read_trajectory(path))

    def check(self, maps: int) -> None:
        """Refuse poses that cannot be assigned to frames."""
        require(
            len(self.poses) == maps or self.seconds is not None,
            f"{self.path}: {len(self.poses)} poses, but {maps} depth maps; give one for each, or TUM's format, whose "
            "times say which frame a pose is of",
        )

    def at(self, place: int, maps: int, seconds: float, interval: float) -> Float64[np.ndarray, "4 4"] | None:
        """Return a frame's pose: by position, if there are as many poses as depth maps, else the nearest in time.

        Args:
            place: position of the frame, from 0.
            maps: number of depth maps.
            seconds: time of the frame.
            interval: seconds between frames. A pose that is at least half of it away belongs to another frame; None is
                returned.
        """
        if len(self.poses) == maps or self.seconds is None:
            return self.poses[place]
        nearest = int(np.abs(self.seconds - seconds).argmin())
        return self.poses[nearest] if abs(self.seconds[nearest] - seconds) < interval / 2 else None


def _known_scale(folder: Path, name: str) -> float:
    """Return the scale that a command wrote for its PNGs: `predict` in the folder, `video` in its parent."""
    for file in (folder / "predictions.json", folder.resolve().parent / "report.json"):
        content: Any = {}
        if file.is_file():
            try:
                content = read_json(file)
            except (OSError, ValueError) as error:
                raise InputError(f"{file}: cannot be read; give --png-scale") from error
        try:
            of_videos = [video for video in content.get("videos", []) if video.get("name") == name]
            for said in (*of_videos, content):
                if scale := said.get("depth_png", {}).get("scale"):
                    return _positive(scale)
        except (AttributeError, TypeError, ValueError) as error:
            raise InputError(f"{file}: not what egodepth writes; give --png-scale") from error
    raise InputError(f"{folder}: nothing says what its PNGs hold; give --png-scale, such as 256 where they are KITTI's")


def _positive(scale: Any) -> float:
    value = float(scale)
    if not 1e-6 < value < 1e9:
        raise ValueError(f"a scale of {value:g}")
    return value


def _read_arrays(path: Path) -> DepthMap:
    try:
        arrays = read_npz(path, ("depth", "confidence", "expected_error"))
        with np.errstate(
            over="ignore", invalid="ignore"
        ):  # too large for 32 bits becomes infinite, which means unknown
            depth = arrays["depth"].astype(np.float32)
            confidence = arrays["confidence"].astype(np.float32) if "confidence" in arrays else np.ones_like(depth)
            has_error = "expected_error" in arrays
            error = arrays["expected_error"].astype(np.float32) if has_error else np.zeros_like(depth)
    except (OSError, ValueError, KeyError, TypeError) as problem:
        raise InputError(f"{path}: no depth map that can be read; an NPZ file has an array `depth`") from problem
    require(
        depth.ndim == 2 and depth.shape == confidence.shape == error.shape,
        f"{path}: depth {depth.shape}, confidence {confidence.shape}, expected_error {error.shape}; give all as "
        "(height, width)",
    )
    return DepthMap(depth, confidence, error)
