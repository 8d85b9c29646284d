"""Read the image files of one folder as numbered frames."""

import logging
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
from jaxtyping import Int64, UInt8

from egodepth.data.images import SUFFIXES, UNREAD_SUFFIXES, image_size, read_rgb
from egodepth.data.media.frame_numbers import FrameNumbers
from egodepth.foundation.errors import InputError
from egodepth.foundation.files import made_in

FEW_HEADERS = 4
"""Number of files whose sizes are compared, for known data sets with hundreds of folders."""
_NUMBER_LIMIT = 10**18
"""Upper limit of frame numbers, which must fit into 64 bits."""
_LARGEST = 2**63 - 1
_CLOCKS = {13: 10**3, 16: 10**6, 19: 10**9}
"""Ticks per second of a clock that counts from 1970, by the number of digits of its times."""
_DECIMAL = re.compile(r"(\d+)\.(\d+)$")
_FEWEST_STEPS = 3
"""Least number of steps from which a rule of the file numbers is derived."""
_UNEVEN, _EVEN_SHARE = 0.3, 0.95
"""Largest deviation of a step from a multiple of the stride, as share of the stride: clocks jitter. And the least share
of steps that must stay below it."""
_MOST_RESTARTS, _AFTER_RESTART = 0.1, 1000
"""Largest share of steps at which a counter may restart; and the jump of the numbers there, a gap for any offset."""
_SIDES = (("left", "right"), ("l", "r"), ("cam0", "cam1"), ("image_02", "image_03"))
_SIDE = re.compile(r"left|right|(?<![A-Za-z0-9])(?:[lr]|cam[01]|image_0[23])(?![A-Za-z])", re.IGNORECASE)
"""Words in file names for the two cameras of a stereo rig."""
logger = logging.getLogger("egodepth")


class NumberedNames(Mapping[int, str]):
    """File names by frame number, ascending. Names that differ only in the number, as most do, need no object each.

    10^7 frames without a gap need no more memory than ten.
    """

    def __init__(self, names: Mapping[int, str]) -> None:
        """Store names in any order."""
        self.numbers = FrameNumbers.of(sorted(names))
        self._parts = _common_parts(names)
        self._names = {} if self._parts else dict(names)

    def __getitem__(self, frame: int) -> str:
        if not self._parts:
            return self._names[frame]
        if frame not in self.numbers:
            raise KeyError(frame)
        return _name(self._parts, frame)

    def __contains__(self, frame: object) -> bool:
        return frame in self.numbers

    def __iter__(self) -> Iterator[int]:
        return iter(self.numbers)

    def __len__(self) -> int:
        return len(self.numbers)


@dataclass(frozen=True)
class FrameFolder:
    """Numbered images of one size."""

    folder: Path
    files: NumberedNames
    """File names within the folder."""
    size: tuple[int, int]
    """(height, width) of every image."""

    @classmethod
    def open(
        cls, folder: str | Path, headers: int = 200, exact: bool = False, beside: "FrameFolder | None" = None
    ) -> "FrameFolder":
        """List a folder and find its image size from up to `headers` headers; other files are compared when read.

        Args:
            folder: the folder of the images.
            headers: see above.
            exact: see `number_files`.
            beside: the folder of the other camera of a pair: images with the same names get the same numbers.

        Raises:
            InputError: the folder is missing or has no images, or they differ in size.
        """
        folder = Path(folder)
        images = list_images(folder)
        if not images:
            raise no_images(folder)
        refuse_two_cameras(images)
        others = {Path(name).stem: number for number, name in beside.files.items()} if beside else {}
        shared = all(path.stem in others for path in images)
        files = {others[path.stem]: path for path in images} if shared else number_files(images, exact)
        return cls.of(folder, files, common_size(list(files.values()), headers))

    @classmethod
    def of(cls, folder: Path, files: Mapping[int, Path], size: tuple[int, int]) -> "FrameFolder":
        """Build from images of a folder by frame number, and their common size."""
        return cls(folder, NumberedNames({number: path.name for number, path in files.items()}), size)

    def path(self, frame: int) -> Path:
        """Return the file of a frame; `InputError` without one."""
        if frame not in self.files:
            raise InputError(f"{self.folder}: frame {frame} is missing; copy it there or leave it out")
        return self.folder / self.files[frame]

    def read(self, frame: int) -> UInt8[np.ndarray, "h w 3"]:
        """Decode a frame; a missing, unreadable or differently sized one is an `InputError` that names the file."""
        path = self.path(frame)
        image = read_rgb(path)
        if image.shape[:2] != self.size:
            raise _odd_size(path, (image.shape[0], image.shape[1]), self.size)
        return image


def list_images(folder: str | Path) -> list[Path]:
    """Return the image files of a folder in natural order (2 before 10). A picture in two formats is listed once.

    Output files of commands in the folder are not listed. A warning names skipped pictures, once per folder.

    Raises:
        InputError: the folder is missing or may not be read.
    """
    folder = Path(folder)
    try:
        visible = [path for path in folder.iterdir() if path.name[0] != "."]
    except OSError as error:
        raise InputError(f"{folder}: not a folder that can be read ({error.strerror}); check the path") from error
    made = made_in(folder)
    found = [path for path in visible if path.suffix.lower() in SUFFIXES and path.name not in made]
    # Later entries win: lossless formats, which come first in SUFFIXES, replace their converted copies.
    found.sort(key=lambda path: -SUFFIXES.index(path.suffix.lower()))
    images = {path.stem: path for path in found}
    if twins := sorted(path.name for path in found if images[path.stem] != path):
        _say(f"{folder}: {_counted(twins)} not taken, as another image has the same name but for its ending")
    if unread := sorted(path.name for path in visible if path.suffix.lower() in UNREAD_SUFFIXES):
        _say(f"{folder}: {_counted(unread)} passed over; convert such pictures to JPEG or PNG")
    return sorted(images.values(), key=lambda path: natural_key(path.stem))


def _counted(names: list[str]) -> str:
    """Return the first name, and the number of others."""
    return names[0] + (f" and {len(names) - 1} more are" if len(names) > 1 else " is")


@cache
def _say(warning: str) -> None:
    logger.warning("%s", warning)


def refuse_two_cameras(images: Sequence[Path]) -> None:
    """Refuse a folder that mixes the frames of a left and a right camera.

    Raises:
        InputError: names that are equal except for the side, such as left_0001 and right_0001.
    """
    sides: dict[str, dict[str, str]] = {}
    for path in images:
        if found := _SIDE.search(path.stem):
            rest = f"{path.stem[: found.start()]}*{path.stem[found.end() :]}"
            sides.setdefault(found[0].lower(), {})[rest] = path.name
    for one, other in _SIDES:
        shared = sorted(sides.get(one, {}).keys() & sides.get(other, {}).keys())
        if len(shared) > len(images) / 4:
            pair = f"{sides[one][shared[0]]} and {sides[other][shared[0]]}"
            raise InputError(
                f"{images[0].parent}: pictures of two cameras ({pair}); move those of the right one into a folder "
                "'partner' there, which makes stereo pairs of them; or, if they are two clips, each into its own folder"
            )


def no_images(folder: Path) -> InputError:
    """Return the error for a folder in which `list_images` finds nothing."""
    return InputError(f"{folder}: no images in this folder ({', '.join(SUFFIXES)}); check the path")


def number_files(paths: Sequence[Path], exact: bool = False) -> dict[int, Path]:
    """Return frame numbers for files in natural order, so that neighbours in time have consecutive numbers.

    The numbers come from the end of each name, so a missing file leaves a gap. If they rise in even steps (every third
    frame of a video; times in ms, us, ns, or in seconds with decimals), the steps are counted. A restart of the counter
    leaves a gap. If a name has no number, or the numbers follow no such rule, files are counted from 0.

    Args:
        paths: the files in natural order.
        exact: keep the numbers as they are, because the lists of a data set refer to them.
    """
    values = [value for path in paths if (value := _number_in(path.stem)) is not None]
    positions = dict(enumerate(paths))
    if not values or len(values) < len(paths) or max(values) > _LARGEST:
        return positions
    steps = np.diff(np.array(values, np.int64))
    restarts = steps <= 0
    stride = 1 if exact else _stride(steps[~restarts])
    decimal = any(_DECIMAL.search(path.stem) for path in paths)
    if exact or (stride == 1 and not restarts.any()):
        usable = not restarts.any() and not decimal and max(values) < _NUMBER_LIMIT
        return dict(zip(values, paths, strict=True)) if usable else positions
    if restarts.mean() > _MOST_RESTARTS or (stride == 1 and decimal):
        return positions
    if not restarts.any() and len({value % stride for value in values}) == 1:
        return {value // stride: path for value, path in zip(values, paths, strict=True)}
    counted = np.where(restarts, _AFTER_RESTART, np.maximum(1, (2 * steps + stride) // (2 * stride)))
    return dict(zip([0, *np.cumsum(counted).tolist()], paths, strict=True))


def times_in_names(files: Mapping[int, Path]) -> dict[int, float] | None:
    """Return seconds since the first frame, by number, if all names end in clock times; otherwise None.

    Clock times are seconds with decimals, or ms, us or ns since 1970. The number of digits shows which.

    Args:
        files: the files by frame number, as from `number_files`.
    """
    values = {number: _number_in(path.stem) for number, path in files.items()}
    known = [value for value in values.values() if value is not None]
    decimal = all(_DECIMAL.search(path.stem) for path in files.values())
    units = {10**6 if decimal else _CLOCKS.get(len(str(value))) for value in known}
    unit = units.pop() if len(units) == 1 else None
    if unit is None or len(known) < len(files) or any(b <= a for a, b in pairwise(known)):
        return None
    return {number: (value - known[0]) / unit for number, value in zip(values, known, strict=True)}


def _number_in(stem: str) -> int | None:
    """Return the number at the end of a name; a number with decimals in millionths."""
    if decimal := _DECIMAL.search(stem):
        return int(decimal[1]) * 10**6 + int(decimal[2][:6].ljust(6, "0"))
    ending = re.search(r"\d+$", stem)
    return int(ending[0]) if ending else None


def _stride(steps: Int64[np.ndarray, " n"]) -> int:
    """Return the step of the numbers between frames, even if some are missing; 1 without a rule, or if they are few."""
    if len(steps) < _FEWEST_STEPS:
        return 1
    stride = int(np.median(steps))
    multiples = steps / max(stride, 1)
    even = (np.abs(multiples - multiples.round()) < _UNEVEN) & (multiples > 1 - _UNEVEN)
    return stride if stride > 1 and even.mean() >= _EVEN_SHARE else 1


def common_size(paths: Sequence[Path], headers: int) -> tuple[int, int]:
    """Return the (height, width) of all images, from up to `headers` of their headers, evenly spaced.

    Unreadable files are skipped here; reading them raises the error.

    Raises:
        InputError: two sizes (names a file of the rarer one), or no file is readable.
    """
    sizes: dict[Path, tuple[int, int]] = {}
    unreadable: InputError | None = None
    for path in paths[:: -(-len(paths) // headers)]:
        try:
            sizes[path] = image_size(path)
        except InputError as error:
            unreadable = unreadable or error
    if not sizes:
        raise unreadable or InputError("no images to find a size from")
    expected = Counter(sizes.values()).most_common(1)[0][0]
    for path, size in sizes.items():
        if size != expected:
            raise _odd_size(path, size, expected)
    return expected


def _common_parts(names: Mapping[int, str]) -> tuple[str, int, str] | None:
    """Return the text before the number, its least digits, and the text after it; None if the names differ."""
    first = min(names, default=0)
    for digits in reversed(list(re.finditer(r"\d+", names.get(first, "")))):
        parts = digits.string[: digits.start()], len(digits[0]), digits.string[digits.end() :]
        if int(digits[0]) == first and all(_name(parts, number) == name for number, name in names.items()):
            return parts
    return None


def _name(parts: tuple[str, int, str], number: int) -> str:
    before, digits, after = parts
    return f"{before}{number:0{digits}d}{after}"


def _odd_size(path: Path, size: tuple[int, int], expected: tuple[int, int]) -> InputError:
    return InputError(
        f"{path}: {size[1]}x{size[0]} where the other frames are {expected[1]}x{expected[0]}; "
        "resize it or move it to a folder of its own"
    )


def natural_key(stem: str) -> tuple[list[tuple[str, int]], str]:
    """Return a sort key that compares digits as numbers. Names that differ only in leading zeros stay distinct."""
    return [(text, int(digits or 0)) for text, digits in re.findall(r"(\D*)(\d*)", stem)], stem
