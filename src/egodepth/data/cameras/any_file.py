"""From a file, whatever its kind, to a camera; and from a folder to its camera file."""

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
"""What people call text files of cameras, such as `camera-intrinsics.txt`, and some others."""
_SURELY = re.compile(r"calib(ration)?|intrinsics?", re.IGNORECASE)
"""What they call them alone."""
_OURS = re.compile(r"footage|predictions|(.*_)?report")
"""JSON files that egodepth writes beside frames and depth; those of models say `egodepth-` themselves."""
_SMALLEST_FOCAL = 20
"""Pixels, of a camera that is found by what is in a file: other files hold four or nine numbers, too."""
TEXT_FILES = ("calib.txt", "calib_cam_to_cam.txt", "cameras.txt", "cam.txt", "intrinsics.txt", "transforms.json")
"""Names that camera files of the field have; given by name, a file may be called anything."""


class CameraRig(NamedTuple):
    """What a camera file says; partner fields are None for a single camera."""

    camera: Camera
    partner_camera: Camera | None
    partner_from_self: Float[np.ndarray, "4 4"] | None


def read_camera(path: str | Path, size: tuple[int, int]) -> Camera:
    """The camera of a camera file for images of `size` (height, width); raises as `read_rig`."""
    return read_rig(path, size).camera


def read_rig(path: str | Path, size: tuple[int, int]) -> CameraRig:
    """The camera of a camera file and its stereo partner, for images of `size` (height, width).

    Raises:
        InputError: as `read_lens_rig`, or the lens distorts, and who asks takes images as they are.
    """
    rig, lens = read_lens_rig(path, size)
    if lens:
        raise InputError(
            f"{path}: a lens with distortion; undistort its frames first: egodepth data undistort FRAMES --camera "
            f"{path} --out DIR, and use those with the camera.json beside them"
        )
    return rig


def read_lens_rig(path: str | Path, size: tuple[int, int]) -> tuple[CameraRig, Lens | None]:
    """As `read_rig`, with the distortion of the camera's lens, None where there is none (always, of a stereo pair).

    The kind is told by the suffix (.json, .yaml or .yml), or else by the text.

    Raises:
        InputError: missing, not understood, of images of another shape, or absurd intrinsics.
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
    """The camera file of the first of the folders that has one; where none has, where camera.json would be.

    camera.json counts before all others.

    Raises:
        InputError: several others in one folder; or none at all, but something in the first folder that looks like a
            calibration and is not understood.
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
            f"{unread}: looks like a calibration, and is of no kind that is understood; write {CAMERA_FILE} beside it, "
            "or move it away"
        )
    return folders[0] / CAMERA_FILE


def _found_by_content(folder: Path) -> list[Path]:
    """Cameras in files of other names: texts that are called so, and JSON that has a camera's words."""
    texts = [path for path in _other_texts(folder) if _is_camera(path)]
    return texts + [path for path in _other_json(folder) if _looks_so(path) and _is_camera(path)]


def _other_texts(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.glob("*.txt")) if _NAMED_SO.fullmatch(path.stem)]


def _other_json(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.glob("*.json")) if not _OURS.fullmatch(path.stem)]


def _is_camera(path: Path) -> bool:
    """Whether a file holds a camera that can be, of whatever images."""
    with suppress(InputError):
        camera = read_json(path, (1, 1))[0] if path.suffix == ".json" else read_text_camera(path, (1, 1))
        return min(camera.fx, camera.fy) > _SMALLEST_FOCAL and min(camera.cx, camera.cy) > 0
    return False


def _looks_so(path: Path) -> bool:
    """Whether a file names a camera's matrix or lens, in whatever words."""
    with suppress(InputError):
        text = read_small_text(path)
        return bool(_CALIBRATION.search(text)) and '"egodepth-' not in text
    return False


def _not_understood(folder: Path) -> Path | None:
    """A file of a folder that is called a calibration, or looks so."""
    described = [path for suffix in _DESCRIPTIONS for path in sorted(folder.glob(f"*{suffix}"))]
    for path in (*_other_texts(folder), *described, *_other_json(folder)):
        if _SURELY.fullmatch(path.stem) or _looks_so(path):
            return path
    return None
