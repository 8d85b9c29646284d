"""The image files of one folder as numbered frames."""

import logging
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from egodepth.data.frame_numbers import FrameNumbers
from egodepth.data.images import SUFFIXES, UNREAD_SUFFIXES, image_size, read_rgb
from egodepth.errors import InputError
from egodepth.files import made_in

FEW_HEADERS = 4
"""How many files of a folder are compared in size where the set is known, and has hundreds of such folders."""
_NUMBER_LIMIT = 10**18
"""Frame numbers stay below: columns of 64 bits hold them."""

logger = logging.getLogger("egodepth")


class NumberedNames(Mapping[int, str]):
    """Names of files by frame number, ascending; of names that differ in the number alone, as most do, no object each.

    10^7 frames without a gap take no more memory than ten.
    """

    def __init__(self, names: Mapping[int, str]) -> None:
        """Take them in any order."""
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
    """In the folder."""
    size: tuple[int, int]
    """(height, width) of every image."""

    @classmethod
    def open(cls, folder: str | Path, headers: int = 200) -> "FrameFolder":
        """List a folder and find its image size from up to `headers` headers; the others are compared when read.

        Raises:
            InputError: the folder is missing or has no images, or they differ in size.
        """
        folder = Path(folder)
        files = number_files(list_images(folder))
        if not files:
            raise no_images(folder)
        return cls.of(folder, files, common_size(list(files.values()), headers))

    @classmethod
    def of(cls, folder: Path, files: Mapping[int, Path], size: tuple[int, int]) -> "FrameFolder":
        """Take the images of a folder that belong together, by frame number, and their size."""
        return cls(folder, NumberedNames({number: path.name for number, path in files.items()}), size)

    def path(self, frame: int) -> Path:
        """File of a frame; `InputError` where there is none."""
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
    """Image files of a folder in natural order (2 before 10); of the same picture in two formats, one.

    What commands wrote there is no input. A warning says which pictures are passed over, once for every folder.

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
    # Later ones win: lossless formats, which come first in SUFFIXES, replace their converted copies.
    found.sort(key=lambda path: -SUFFIXES.index(path.suffix.lower()))
    images = {path.stem: path for path in found}
    if twins := sorted(path.name for path in found if images[path.stem] != path):
        _say(f"{folder}: {_counted(twins)} not taken, as another image has the same name but for its ending")
    if unread := sorted(path.name for path in visible if path.suffix.lower() in UNREAD_SUFFIXES):
        _say(f"{folder}: {_counted(unread)} passed over; convert such pictures to JPEG or PNG")
    return sorted(images.values(), key=lambda path: natural_key(path.stem))


def _counted(names: list[str]) -> str:
    """The first name, and how many more there are."""
    return names[0] + (f" and {len(names) - 1} more are" if len(names) > 1 else " is")


@cache
def _say(warning: str) -> None:
    logger.warning("%s", warning)


def no_images(folder: Path) -> InputError:
    """What to say of a folder in which `list_images` finds none."""
    return InputError(f"{folder}: no images in this folder ({', '.join(SUFFIXES)}); check the path")


def number_files(paths: Sequence[Path]) -> dict[int, Path]:
    """Frame numbers of files in natural order.

    The number at the end of the file name, so that a missing file leaves a gap; positions from 0 where some name has
    none or one of more than 18 digits, or where these numbers do not ascend (two share one; times with decimals).
    """
    endings = [re.search(r"\d+$", path.stem) for path in paths]
    numbers = [int(ending.group()) for ending in endings if ending]
    ascending = all(a < b for a, b in pairwise(numbers))
    if len(numbers) < len(paths) or not ascending or max(numbers, default=0) >= _NUMBER_LIMIT:
        numbers = list(range(len(paths)))
    return dict(zip(numbers, paths, strict=True))


def common_size(paths: Sequence[Path], headers: int) -> tuple[int, int]:
    """(height, width) of all images, from up to `headers` of their headers, evenly spread.

    Unreadable files are passed over: reading them will tell.

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
    """What names have before their number, its digits at least, and what they have after it; None if they differ."""
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


def natural_key(stem: str) -> list[tuple[int, str]]:
    """Sort key under which digits compare as numbers; the text after them breaks ties."""
    return [(int(digits or 0), text) for text, digits in re.findall(r"(\D*)(\d*)", stem)]
