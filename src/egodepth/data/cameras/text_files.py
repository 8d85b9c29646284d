"""Text files of cameras, recognised by their content: KITTI's, COLMAP's, named numbers, or numbers alone."""

import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from egodepth.data.cameras.opencv_files import is_of_a_camera, matrix_camera
from egodepth.data.cameras.pixels import MOST_SIDE, PixelCamera, camera_of_matrix, lens_of
from egodepth.foundation.errors import InputError
from egodepth.geometry.distortion import FisheyeLens, RationalLens

_MOST_CHARACTERS = 1 << 20
_KITTI_CAMERA = 2
"""KITTI's left colour camera, the most used one."""
_KITTI_LINE = re.compile(r"^[ \t]*P(?:_rect_0)?([0-9])[ \t]*:(.*)$", re.MULTILINE)
_KITTI_SIZE = re.compile(r"^[ \t]*S_rect_02[ \t]*:[ \t]*(\S+)[ \t]+(\S+)[ \t]*$", re.MULTILINE)
_COLMAP_LINE = re.compile(
    r"^[ \t]*[0-9]{1,18}[ \t]+([A-Z][A-Z_]+)[ \t]+([0-9]{1,9})[ \t]+([0-9]{1,9})[ \t]+(\S.*)$", re.MULTILINE
)
_BRACKETS = re.compile(r"[,;\[\](){}]")
_NAMED = re.compile(r"[ \t]*([A-Za-z_]\w*)[ \t]*[:= \t](.*)")
_SECTION = re.compile(r"[ \t]*\[[ \t]*[A-Za-z]")
_MOST_DISTORTED = (20.0, 1.0)
"""Largest radial and tangential coefficients of a lens. Larger numbers mean something else."""
_COLMAP = {
    "SIMPLE_PINHOLE": (1, None),
    "PINHOLE": (2, None),
    "SIMPLE_RADIAL": (1, ("k1",)),
    "RADIAL": (1, ("k1", "k2")),
    "OPENCV": (2, ("k1", "k2", "p1", "p2")),
    "FULL_OPENCV": (2, RationalLens._fields),
    "OPENCV_FISHEYE": (2, FisheyeLens._fields),
    "SIMPLE_RADIAL_FISHEYE": (1, ("k1",)),
    "RADIAL_FISHEYE": (1, ("k1", "k2")),
}
"""Number of focal lengths, and coefficients after the centre (COLMAP, src/colmap/sensor/models.h)."""


def read_text_camera(path: Path, images: tuple[int, int]) -> PixelCamera:
    """Return the camera of a text file. If COLMAP's file has several, choose the one for images of size `images`.

    Raises:
        InputError: unreadable, of no supported kind, or several different cameras.
    """
    text = read_small_text(path)
    if projections := _KITTI_LINE.findall(text):
        return _kitti(projections, text, path)
    if cameras := _COLMAP_LINE.findall(text):
        return _colmap(cameras, images, path)
    lines = re.sub(r"#.*", "", text).splitlines()
    if (camera := matrix_camera(_named_values(lines, path), images, path)) is not None:
        return camera
    if camera := _with_numbers(_numbers(_BRACKETS.sub(" ", " ".join(lines)), path), path):
        return camera
    raise InputError(
        f"{path}: not a camera file: neither KITTI's (P2: and 12 numbers) nor COLMAP's cameras.txt, nor fx fy cx cy "
        "(and k1 k2 p1 p2 k3), nor the 9 numbers of a 3x3 matrix; write camera.json"
    )


def _named_values(lines: Sequence[str], path: Path) -> dict[str, Any]:
    """Return the values behind names such as `fx: 718.9`: a number, numbers or words.

    Raises:
        InputError: a name with two different values, which may belong to two cameras.
    """
    texts: list[tuple[str, str]] = []
    for line in lines:
        if found := _NAMED.fullmatch(line):
            texts.append((found[1], found[2]))
        elif texts and not _SECTION.match(line):
            texts[-1] = (texts[-1][0], f"{texts[-1][1]} {line}")
    values: dict[str, Any] = {}
    for name, text in texts:
        words = _BRACKETS.sub(" ", text)
        numbers = _numbers(words, path)
        value = (numbers[0] if len(numbers) == 1 else numbers) if numbers else words.strip()
        name = "K" if name == "cam0" else name  # Middlebury's left camera
        if values.setdefault(name, value) != value and is_of_a_camera(name):
            raise InputError(f"{path}: {name} is given twice; keep the lines of one camera, or write camera.json")
    return values


def _with_numbers(numbers: Sequence[float], path: Path) -> PixelCamera | None:
    """Return a camera from fx fy cx cy with up to 5 coefficients, or from a 3x3, 3x4 or 4x4 matrix; None otherwise."""
    count = len(numbers)
    if count in (4, 8, 9) and (count < 9 or numbers[3] != 0):
        fx, fy, cx, cy, *coefficients = numbers
        radial, tangential = [*coefficients[:2], *coefficients[4:]], coefficients[2:4]
        largest = (max(map(abs, each), default=0.0) for each in (radial, tangential))
        if all(found <= most for found, most in zip(largest, _MOST_DISTORTED, strict=True)):
            return PixelCamera(fx, fy, cx, cy, None, lens_of("opencv", coefficients, path))
        return None
    if count == 9:
        return camera_of_matrix(numbers, path)
    if count in (12, 16) and not any(numbers[3:12:4]) and [*numbers[12:]] in ([], [0, 0, 0, 1]):
        return camera_of_matrix([*numbers[0:3], *numbers[4:7], *numbers[8:11]], path)
    return None


def read_small_text(path: Path) -> str:
    """Return the text of a camera file, or raise an `InputError`."""
    try:
        with path.open(encoding="utf-8-sig") as stream:
            text = stream.read(_MOST_CHARACTERS + 1)
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: not a readable text file; give the camera file or write camera.json") from error
    if len(text) > _MOST_CHARACTERS:
        raise InputError(f"{path}: more than a megabyte, no camera file; check the path")
    return text


def _kitti(projections: list[tuple[str, str]], text: str, path: Path) -> PixelCamera:
    """Return the left colour camera of `P0: ...` or `P_rect_00: ...` (Geiger et al. 2013), or the common one of all.

    P = K [I | t] belongs to the rectified images, which have no distortion.
    """
    matrices: dict[int, tuple[float, ...]] = {}
    for camera, line in projections:
        numbers = _numbers(line, path)
        if len(numbers) != 12:
            raise InputError(f"{path}: P{camera} has {len(numbers)} numbers, not 12; unpack the calibration again")
        matrices[int(camera)] = (*numbers[0:3], *numbers[4:7], *numbers[8:11])
    if _KITTI_CAMERA not in matrices and len(set(matrices.values())) > 1:
        raise InputError(f"{path}: cameras that differ, and no P2 among them; write camera.json for this one")
    size = _KITTI_SIZE.search(text)
    width, height = (_numbers(" ".join(size.groups()), path) if size else (0, 0)) or (math.nan, math.nan)
    if size and not (0 < width < MOST_SIDE and 0 < height < MOST_SIDE):
        raise InputError(f"{path}: S_rect_02 is {' '.join(size.groups())}, no size; unpack the calibration again")
    matrix = matrices.get(_KITTI_CAMERA) or next(iter(matrices.values()))
    return camera_of_matrix(matrix, path, (round(height), round(width)) if size else None)


def _colmap(cameras: list[tuple[str, str, str, str]], images: tuple[int, int], path: Path) -> PixelCamera:
    """Return the line `CAMERA_ID MODEL WIDTH HEIGHT PARAMS[]` for the images' size, or the only line."""
    found = {_colmap_camera(*line, path) for line in cameras}
    fitting = {camera for camera in found if camera.size == images} or found
    if len(fitting) > 1:
        raise InputError(
            f"{path}: {len(fitting)} cameras for images of one size; keep the line of this clip's, or calibrate with "
            "COLMAP's --ImageReader.single_camera 1"
        )
    return fitting.pop()


def _colmap_camera(model: str, width: str, height: str, rest: str, path: Path) -> PixelCamera:
    if model not in _COLMAP:
        raise InputError(f"{path}: COLMAP's camera model {model} is not understood; use one of {', '.join(_COLMAP)}")
    focals, names = _COLMAP[model]
    values = _numbers(rest, path)
    if len(values) != focals + 2 + len(names or ()):
        raise InputError(
            f"{path}: {model} with {len(values)} numbers, not {focals + 2 + len(names or ())}; export again"
        )
    fx, fy = values[0], values[focals - 1]
    # COLMAP counts from the corner of the first pixel, whose centre is (0.5, 0.5) (colmap.github.io/format.html).
    cx, cy = values[focals] - 0.5, values[focals + 1] - 0.5
    coefficients = dict(zip(names or (), values[focals + 2 :], strict=True))
    fisheye = model.endswith("FISHEYE")
    lens = (
        FisheyeLens(**coefficients) if fisheye else RationalLens(**coefficients) if any(values[focals + 2 :]) else None
    )
    return PixelCamera(fx, fy, cx, cy, (int(height), int(width)), lens)


def _numbers(text: str, path: Path) -> list[float]:
    """Return the numbers of a text, separated by blanks; empty if a word is not a number."""
    try:
        return [float(word) for word in text.split()]
    except ValueError:
        return []
