"""Read a camera from a file of any supported kind, and find the camera file of a folder."""

import re
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from egodepth.data.cameras.json_file import CAMERA_FILE, HOW_TO_WRITE, read_json
from egodepth.data.cameras.plausibility import translation
from egodepth.data.cameras.text_files import read_small_text, read_text_camera
from egodepth.data.cameras.yaml_file import SUFFIXES, is_camera_yaml, read_yaml
from egodepth.foundation.errors import InputError
from egodepth.geometry.camera import Camera
from egodepth.geometry.distortion import Lens

_DESCRIPTIONS = (".yaml", ".yml", ".xml", ".ini", ".toml", ".cfg", ".conf")
_WORDS = (
    r"(fx|f_x|fl_x|focal(_length)?|intrinsic\w*|camera_?matrix|dist(ortion|_?coeff)\w*|(?-i:K)(?=[\"'\s]*[:=]\s*\[))"
)
_CALIBRATION = re.compile(
    rf"""^[ \t]*(<({_WORDS}|opencv_storage|calibration)\b|(radtan|pinhole|fov) )"""
    rf"""|(^|[{{,])[ \t{{"']*{_WORDS}["']?[ \t]*[:=]""",
    re.MULTILINE | re.IGNORECASE,
)
_NAMED_SO = re.compile(r"camera|(.*[_\-.])?(k|calib\w*|intrinsics?)([_\-.].*)?", re.IGNORECASE)
"""Usual names of text files with a camera, such as `camera-intrinsics.txt`, and some other files."""
_SURELY = re.compile(r"calib(ration)?|intrinsics?", re.IGNORECASE)
"""Names that only camera files have."""
_OURS = re.compile(r"footage|predictions|(.*_)?report")
"""JSON files that egodepth writes beside frames and depth. JSON files of models contain `egodepth-`."""
_SMALLEST_FOCAL = 20
"""Least focal length, in pixels, of a camera that is recognised by its content: other files hold four or nine numbers,
too."""
TEXT_FILES = ("calib.txt", "calib_cam_to_cam.txt", "cameras.txt", "cam.txt", "intrinsics.txt", "transforms.json")
"""Common names of camera files. A camera file that is given by name may have any name."""


class CameraRig(NamedTuple):
    """The content of a camera file. The partner fields are None for a single camera."""

    camera: Camera
    partner_camera: Camera | None
    partner_from_self: Float[np.ndarray, "4 4"] | None


def read_camera(path: str | Path, size: tuple[int, int]) -> Camera:
    """Return the camera of a camera file for images of `size` (height, width); raises as `read_rig`."""
    return read_rig(path, size).camera


def read_rig(path: str | Path, size: tuple[int, int]) -> CameraRig:
    """Return the camera of a camera file and its stereo partner, for images of `size` (height, width).

    Raises:
        InputError: as `read_lens_rig`, or the lens has distortion.
    """
    rig, lens = read_lens_rig(path, size)
    if lens:
        raise InputError(
            f"{path}: a lens with distortion; undistort its frames first: egodepth data undistort FRAMES --camera "
            f"{path} --out DIR, and use those with the camera.json beside them"
        )
    return rig


def read_lens_rig(path: str | Path, size: tuple[int, int]) -> tuple[CameraRig, Lens | None]:
    """Return the cameras as `read_rig` does, and the lens, which is None without distortion and for stereo pairs.

    The suffix (.json, .yaml or .yml) decides on the format, or else the text.

    Raises:
        InputError: missing, of unknown format, for images of another aspect ratio, or implausible intrinsics.
    """
    path = Path(path)
    if path.is_dir():
        raise InputError(f"{path}: a folder; name the camera file in it, or {HOW_TO_WRITE}")
    if not path.is_file():
        raise InputError(f"{path}: no camera file; {HOW_TO_WRITE}")
    if path.suffix.lower() == ".json":
        camera, partner, baseline = read_json(path, size)
    else:
        is_yaml = path.suffix.lower() in SUFFIXES
        camera, partner, baseline = read_yaml(path, size) if is_yaml else read_text_camera(path, size), None, 0.0
    own = camera.normalised(size, path)
    if partner is None:
        return CameraRig(own, None, None), camera.lens
    other = own if partner is camera else partner.normalised(size, path)
    return CameraRig(own, other, translation(-baseline)), camera.lens


def find_camera_file(*folders: Path) -> Path:
    """Return the camera file of the first folder that has one, or else the place where camera.json would be.

    camera.json has priority over all other files.

    Raises:
        InputError: several camera files in one folder, or none, but a file in the first folder that looks like a
            calibration in an unknown format.
    """
    for folder in folders:
        if (folder / CAMERA_FILE).is_file():
            return folder / CAMERA_FILE
        found = [folder / name for name in TEXT_FILES if (folder / name).is_file()]
        found += sorted(path for suffix in SUFFIXES for path in folder.glob(f"*{suffix}") if is_camera_yaml(path))
        found = found or _found_by_content(folder)
        if len(found) > 1:
            names = ", ".join(path.name for path in found[:4]) + (", ..." if len(found) > 4 else "")
            raise InputError(f"{folder}: several camera files ({names}); keep one, or write {CAMERA_FILE}")
        if found:
            return found[0]
    if unread := _not_understood(folders[0]):
        raise InputError(
            f"{unread}: looks like a calibration, but its format is not supported; write {CAMERA_FILE} beside it, or "
            "move it away"
        )
    return folders[0] / CAMERA_FILE


def _found_by_content(folder: Path) -> list[Path]:
    """Return camera files with other names: typical text files, and JSON files with the words of a camera."""
    texts = [path for path in _other_texts(folder) if _is_camera(path)]
    return texts + [path for path in _other_json(folder) if _looks_so(path) and _is_camera(path)]


def _other_texts(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.glob("*.txt")) if _NAMED_SO.fullmatch(path.stem)]


def _other_json(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.glob("*.json")) if not _OURS.fullmatch(path.stem)]


def _is_camera(path: Path) -> bool:
    """Whether a file holds a possible camera, for images of any size."""
    with suppress(InputError):
        camera = read_json(path, (1, 1))[0] if path.suffix == ".json" else read_text_camera(path, (1, 1))
        return min(camera.fx, camera.fy) > _SMALLEST_FOCAL and min(camera.cx, camera.cy) > 0
    return False


def _looks_so(path: Path) -> bool:
    """Whether a file contains the usual names of a camera matrix or a lens."""
    with suppress(InputError):
        text = read_small_text(path)
        return bool(_CALIBRATION.search(text)) and '"egodepth-' not in text
    return False


def _not_understood(folder: Path) -> Path | None:
    """Return a file of the folder whose name or content looks like a calibration."""
    described = [path for suffix in _DESCRIPTIONS for path in sorted(folder.glob(f"*{suffix}"))]
    for path in (*_other_texts(folder), *described, *_other_json(folder)):
        if _SURELY.fullmatch(path.stem) or _looks_so(path):
            return path
    return None
