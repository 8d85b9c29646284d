"""Any data set on disk, described by a CSV file at its root with one line per frame (docs/manifest.md).

Paths are relative to the manifest's folder and must stay inside: manifests come from strangers, too.
"""

import csv
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
from jaxtyping import Float, UInt8

from egodepth.data.cameras import check_aspect, read_rig
from egodepth.data.drive import Drive
from egodepth.data.images import MAX_PIXELS, image_size, read_rgb, read_uint16
from egodepth.data.media.frames import NumberedNames
from egodepth.foundation.errors import InputError

MANIFEST = "manifest.csv"
REQUIRED, OPTIONAL = ("drive", "frame", "image", "camera"), ("partner", "depth")
_CONTROL = re.compile(
    "[\x00-\x1f\x7f-\x9f\u2028\u2029]"
)  # names do not need these, and messages and tables consist of lines

Files = dict[str, NumberedNames]
"""Paths as in the manifest by column (`image`, `partner`, `depth`) and frame."""


class ManifestDrive(Drive):
    """The lines of a manifest with the same drive name."""

    def __init__(self, root: Path, name: str, camera: str, files: Files) -> None:
        """Read the camera file and the headers of the first image and the first partner image.

        Raises:
            InputError: an unusable file, or partner images without a partner in the camera file.
        """
        self._root, self._files, self.name, self.frames = root, files, name, files["image"].numbers
        self.size = image_size(self._path("image", self.frames[0]))
        self.camera, partner_camera, partner_from_self = read_rig(root / camera, self.size)
        if files["partner"]:
            if partner_camera is None:
                raise InputError(f'{root / camera}: no stereo partner; add "partner": {{"baseline_m": 0.54}} in metres')
            self._partner_size = image_size(self._path("partner", files["partner"].numbers[0]))
            check_aspect(self.size, self._partner_size, root / camera)
            self.partner_camera, self.partner_from_self = partner_camera, partner_from_self

    def read_image(self, frame: int, partner: bool = False) -> UInt8[np.ndarray, "h w 3"]:
        """Return the RGB image of a frame, or the stereo partner's."""
        path = self._path("partner" if partner else "image", frame)
        image, size = read_rgb(path), self._partner_size if partner else self.size
        if image.shape[:2] != size:
            found, first = (f"{width}x{height}" for height, width in (image.shape[:2], size))
            raise InputError(f"{path}: {found} where the first of drive '{self.name}' is {first}; name another drive")
        return image

    @property
    def partner_frames(self) -> Sequence[int]:
        """Frames whose partner image is in the manifest."""
        return self._files["partner"].numbers

    @property
    def depth_frames(self) -> Sequence[int]:
        """Frames whose true depth is in the manifest."""
        return self._files["depth"].numbers

    def read_depth(self, frame: int) -> Float[np.ndarray, "h w"]:
        """Return the true depth of a frame in metres, 0 = unknown, at the size of its file."""
        path = self._path("depth", frame)
        return _read_npy(path) if path.suffix.lower() == ".npy" else read_uint16(path).astype(np.float32) / 256

    def _path(self, column: str, frame: int) -> Path:
        if frame not in self._files[column]:
            raise InputError(f"{self._root / MANIFEST}: no {column} of frame {frame} of drive '{self.name}'; add it")
        return self._root / self._files[column][frame]


def is_manifest(root: str | Path) -> bool:
    """Whether to try `open_manifest`."""
    return (Path(root) / MANIFEST).is_file()


def open_manifest(root: str | Path) -> list[Drive]:
    """Return the drives of a manifest in the order of their first lines.

    Raises:
        InputError: an unusable line, missing files, or a drive that cannot be opened.
    """
    root = Path(root)
    drives: dict[str, tuple[str, dict[str, dict[int, str]]]] = {}
    named: dict[str, str] = {}
    for where, row in _read_rows(root / MANIFEST):
        camera, files = drives.setdefault(row["drive"], (row["camera"], {"image": {}, "partner": {}, "depth": {}}))
        if camera != row["camera"]:
            raise InputError(f"{where}: drive '{row['drive']}' has camera '{camera}' before; name another drive")
        if (frame := int(row["frame"])) in files["image"]:
            raise InputError(f"{where}: drive '{row['drive']}' has a frame {frame} already; number each frame once")
        named.setdefault(camera, where)
        for column, paths in files.items():
            if path := row.get(column):
                paths[frame] = path
                named.setdefault(path, where)
    if not drives:
        raise InputError(f"{root / MANIFEST}: no frames; write a line for each below the names of the columns")
    _check_files(root, named)
    return [
        ManifestDrive(root, name, camera, {column: NumberedNames(paths) for column, paths in files.items()})
        for name, (camera, files) in drives.items()
    ]


def _read_rows(source: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield the position (for messages) and the checked cells of every line that is not empty or a comment."""
    line, columns = 0, None
    try:
        with source.open(encoding="utf-8-sig", newline="") as stream:
            rows = ("\n" if row.lstrip().startswith("#") else row for row in stream)
            reader = csv.reader(rows, strict=True, skipinitialspace=True)
            for cells in reader:
                line = reader.line_num
                where = f"{source}, line {line}"
                if not any(cells):
                    continue
                if columns is None:
                    columns = _checked_columns(cells, where)
                else:
                    yield where, _checked_row(columns, [cell.strip() for cell in cells], where)
            if columns is None:
                _checked_columns([], f"{source}, line 1")
    except csv.Error as error:
        raise InputError(f"{source}, line {line + 1}: not CSV ({error}); save the table as CSV again") from error
    except (OSError, ValueError) as error:
        raise InputError(f"{source}: not a readable text file in UTF-8; save the table as CSV UTF-8") from error


def _checked_columns(cells: list[str], where: str) -> list[str]:
    columns = [cell.strip() for cell in cells]
    wrong = [f"unknown column {column!r}" for column in columns if column not in REQUIRED + OPTIONAL]
    wrong += [f"no column '{column}'" for column in REQUIRED if column not in columns]
    wrong += ["a column twice"] * (len(set(columns)) < len(columns))
    if wrong:
        known = f"{', '.join(REQUIRED)}, and perhaps {', '.join(OPTIONAL)}"
        raise InputError(f"{where}: {wrong[0]}; write {known}, with commas between")
    return columns


def _checked_row(columns: list[str], cells: list[str], where: str) -> dict[str, str]:
    if len(cells) != len(columns):
        raise InputError(f"{where}: {len(cells)} cells under {len(columns)} columns; quote what has commas in it")
    if _CONTROL.search("".join(cells)):
        raise InputError(f"{where}: a control character or a line break within a cell; take it out")
    row = dict(zip(columns, cells, strict=True))
    if empty := [column for column in REQUIRED if not row[column]]:
        raise InputError(f"{where}: {empty[0]} is empty; fill it in")
    if not re.fullmatch("[0-9]{1,18}", row["frame"]):
        raise InputError(f"{where}: frame is '{row['frame']}'; number the frames 0, 1, 2, ... in their order")
    if row.get("depth") and not row["depth"].lower().endswith((".png", ".npy")):
        raise InputError(f"{where}: depth is '{row['depth']}'; give a 16-bit .png in 1/256 m, or a .npy in metres")
    return row


def _check_files(root: Path, named: dict[str, str]) -> None:
    """Check that every named path is a file within the root. Each folder is listed once, for speed."""
    real_root, folders, missing = os.path.realpath(root), dict[str, dict[str, bool]](), list[str]()

    def inside(part: str, path: str) -> Path:
        if os.path.isabs(path) or not Path(os.path.realpath(root / part)).is_relative_to(real_root):
            raise InputError(f"{named[path]}: '{path}' is not a path within the manifest's folder, or a link leads out")
        return root / part

    for path in named:
        folder, name = os.path.split(path)
        if folder not in folders:
            folders[folder] = _list_files(inside(folder, path))
        is_link = folders[folder].get(name)
        if is_link is None or (is_link and not inside(path, path).is_file()):
            missing.append(path)
    if missing:
        first, count = missing[0], f" (of {len(missing)} such the first)" if len(missing) > 1 else ""
        raise InputError(f"{named[first]}: no file '{first}'{count}; paths start at the manifest's folder")


def _list_files(folder: Path) -> dict[str, bool]:
    """Return the names of all files and links in a folder, with whether they are links; empty without the folder."""
    with suppress(OSError), os.scandir(folder) as entries:
        return {entry.name: entry.is_symlink() for entry in entries if entry.is_symlink() or entry.is_file()}
    return {}


def _read_npy(path: Path) -> Float[np.ndarray, "h w"]:
    """Return the checked depth in metres of a `.npy` file."""
    try:
        # This never unpickles. A header that promises more than the file holds takes no memory.
        stored = np.lib.format.open_memmap(path, mode="r")
    except Exception as error:  # damaged headers raise almost anything
        raise InputError(f"{path}: not a .npy file of numbers, or truncated; save it by numpy.save again") from error
    if stored.ndim != 2 or stored.dtype.kind != "f" or not 0 < stored.size <= MAX_PIXELS:
        raise InputError(f"{path}: {stored.dtype.name} of shape {stored.shape}, not floats of shape (height, width)")
    with np.errstate(over="ignore", invalid="ignore"):
        depth = np.array(stored, np.float32)
    if not np.isfinite(depth).all() or depth.min() < 0:
        raise InputError(f"{path}: a depth is negative or not finite; write 0 where it is unknown")
    return depth
