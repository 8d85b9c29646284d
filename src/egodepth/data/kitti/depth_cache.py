"""Cache of projected LiDAR maps on disk, so that each scan is projected only once."""

import hashlib
import zipfile
from pathlib import Path

import numpy as np
from jaxtyping import Float32

from egodepth.data.kitti.calibration import CAM_TO_CAM, VELO_TO_CAM
from egodepth.data.kitti.velodyne import Variant, velodyne_depth_map
from egodepth.foundation.errors import InputError
from egodepth.foundation.files import cache_folder, replacing

_VERSION = 1
"""Version of the projection. Increase it whenever the projection changes."""


def cached_depth_map(calibration_dir: Path, scan: Path, camera: int, variant: Variant) -> Float32[np.ndarray, "h w"]:
    """Return `velodyne_depth_map`, from the disk cache if the same scan and calibration were projected before.

    An unreadable cache is ignored, and so is one that cannot be written.

    Raises:
        InputError: as `velodyne_depth_map`.
    """
    try:
        kept = cache_folder() / "lidar" / f"{_key(calibration_dir, scan, camera, variant)}.npz"
    except OSError:  # a file is missing: the projection reports which one
        return velodyne_depth_map(calibration_dir, scan, camera, variant)
    try:
        with kept.open("rb") as stream, np.load(stream, allow_pickle=False) as found:
            depth = np.zeros(found["size"], np.float32)
            depth.ravel()[found["pixels"]] = found["depths"]
            return depth
    except (OSError, ValueError, KeyError, IndexError, EOFError, zipfile.BadZipFile):
        pass
    depth = velodyne_depth_map(calibration_dir, scan, camera, variant)
    pixels = np.flatnonzero(depth).astype(np.uint32)
    try:
        with replacing(kept) as beside:
            np.savez(beside, size=depth.shape, pixels=pixels, depths=depth.ravel()[pixels])
    except InputError:
        pass
    return depth


def _key(calibration_dir: Path, scan: Path, camera: int, variant: Variant) -> str:
    """Return a key that depends on the scan, the calibration, the camera and the kind of map."""
    parts: list[object] = [_VERSION, camera, variant]
    for file in (scan, calibration_dir / CAM_TO_CAM, calibration_dir / VELO_TO_CAM):
        state = file.stat()
        parts += [file.resolve(), state.st_size, state.st_mtime_ns]
    return hashlib.sha256("\n".join(map(str, parts)).encode()).hexdigest()[:32]
