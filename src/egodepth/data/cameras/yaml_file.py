"""Camera files in YAML: OpenCV's FileStorage, ROS's camera_info (from a calibrator or a message), SLAM systems."""

import re
from collections.abc import Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import yaml

from egodepth.data.cameras.opencv_files import MATRICES, matrix_camera
from egodepth.data.cameras.pixels import PixelCamera
from egodepth.data.cameras.slam_files import KEYS, slam_camera
from egodepth.data.cameras.text_files import read_small_text
from egodepth.foundation.errors import InputError

SUFFIXES = (".yaml", ".yml")
_MOST_CHARACTERS = 1 << 16
"""More than any camera needs, and fast to parse."""
_CAMERA = re.compile(rf"""^[ \t{{"']*({"|".join((*MATRICES, *KEYS))})["']?[ \t]*:""", re.MULTILINE)
_BY_HAND = re.compile(r"""^[{"' ]*cx["']?[ \t]*:""", re.MULTILINE)


class _Loader(yaml.CSafeLoader):
    """Load plain data. OpenCV's matrices become mappings.

    This loader is in C. The loader in Python needs seconds for what a hostile file of 64 kB may contain.
    """


def _matrix(loader: yaml.CSafeLoader, node: yaml.Node) -> dict[Any, Any]:
    if not isinstance(node, yaml.MappingNode):
        raise yaml.YAMLError("a matrix without rows and columns")
    return loader.construct_mapping(node, deep=True)


_Loader.add_constructor("tag:yaml.org,2002:opencv-matrix", _matrix)


def is_camera_yaml(path: Path) -> bool:
    """Whether a file is YAML with a camera matrix. Frames may also lie beside other YAML files."""
    if path.suffix.lower() not in SUFFIXES or not path.is_file():
        return False
    try:
        text = read_small_text(path)
        return bool(_CAMERA.search(text) or _BY_HAND.search(text))
    except InputError:
        return False


def read_yaml(path: Path, images: tuple[int, int]) -> PixelCamera:
    """Return the camera of a file; raises as `slam_camera` and `matrix_camera`, and `InputError` without a camera.

    Args:
        path: the camera file.
        images: (height, width).
    """
    values = _load(path)
    if (camera := slam_camera(values, path) or matrix_camera(values, images, path)) is not None:
        return camera
    found = ", ".join(str(key)[:20] for key in islice(values, 5)) or "nothing"
    raise InputError(
        f"{path}: no camera_matrix of 9 numbers (OpenCV, ROS), no intrinsics (Kalibr, EuRoC), Camera.fx (ORB-SLAM), "
        f"projection_parameters (VINS) or fx fy cx cy, but {found}; give another file, or write camera.json"
    )


def _load(path: Path) -> Mapping[str, Any]:
    # OpenCV's first line, `%YAML:1.0`, is not valid YAML. Messages printed by ROS end with the mark of the next
    # document.
    text = re.sub(r"^%.*$", "", read_small_text(path), flags=re.MULTILINE)
    if len(text) > _MOST_CHARACTERS:
        raise InputError(f"{path}: more than {_MOST_CHARACTERS >> 10} kB, no camera's YAML; check the path")
    try:
        values = next(iter(yaml.load_all(text, _Loader)), None)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise InputError(f"{path}: not readable YAML; save the calibration again, or write camera.json") from error
    if not isinstance(values, dict):
        raise InputError(f"{path}: not the YAML of a camera; give a calibration by OpenCV or ROS, or camera.json")
    return values
