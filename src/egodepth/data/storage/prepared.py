"""Frames at training size on disk: the first user decodes them, and every later run finds them.

A store is a folder. Its `index.json` describes the sources of the frames. A clip (one camera of one drive) has a file
`.u8` of uint8 (frames, height, width, 3), and a file `.crc` of uint32 with the checksum of each frame, 0 for a missing
frame. If a partner's clip and a drive's clip show the same frames, they share their files. Pixels are written before
their checksum, and both are compared when a frame is first used. A frame that was half-written by a killed process, a
power failure or a truncated copy is never used, but decoded again.

Opening detects: another size, or another arithmetic of resizing; for each drive, other frame numbers or another image
size; a file of wrong length; and changed pixels in up to 18 frames of each clip, evenly spaced, with the first and the
last (of many clips, 512 of all these frames). A replaced source frame between them is not detected.
"""

import hashlib
import json
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from egodepth.data.drive import Drive
from egodepth.data.images import resize_rgb
from egodepth.data.sample_index import FrameRuns
from egodepth.data.storage.clip_files import ClipFiles
from egodepth.foundation.errors import InputError
from egodepth.foundation.files import not_written, write_text
from egodepth.foundation.reading import read_json

_FORMAT = "egodepth frames, version 1"
_PROBES = 18
"""Number of frames in a clip whose source is recorded by a hash."""
_CHECKED = 512
"""Number of these that are compared at opening: two seconds of decoding."""
_HASH = 8
"""Characters of a hash: enough against chance, not against attack."""
_MOST_INDEX = 1 << 30
"""Largest index in characters: some million clips."""
Say = Callable[[str], None]


@dataclass(frozen=True)
class Source:
    """The source of a clip's frames."""

    drive: str
    partner: bool
    files: str
    """File name without suffix."""
    size: list[int]
    """Height and width as stored by the drive."""
    runs: list[list[int]]
    """[first number, length] of every run of frame numbers."""
    probes: str
    """Hashes of the decoded pixels of evenly spaced frames, concatenated."""


def open_prepared(
    folder: Path,
    size: tuple[int, int],
    drives: list[Drive],
    runs: FrameRuns,
    partner: bool = False,
    rebuilding: Say | None = None,
) -> list[ClipFiles]:
    """Return the clips of the drives, then those of their partners if requested. Missing ones are created empty.

    Args:
        folder: the store; it need not exist.
        size: height and width of its frames.
        drives: the drives; their names must differ.
        runs: the drives' frame numbers.
        partner: whether to include the partners' frames.
        rebuilding: callback with a line for each clip that is damaged or does not match its source. All recorded frames
            are then compared, and such a clip is created again. Without it, such a clip is an `InputError`.

    Raises:
        InputError: a folder of something else, of another size or arithmetic, or that cannot be written.
    """
    names = [drive.name for drive in drives]
    if len(set(names)) < len(names):
        raise InputError(f"{folder}: two drives have the same name; use a store for each data set")
    cameras = [(i, other) for other in ((False, True) if partner else (False,)) for i in range(len(drives))]
    stride = 1 if rebuilding else -(-len(cameras) * _PROBES // _CHECKED)
    files: dict[str, ClipFiles] = {}
    chosen: list[ClipFiles] = []
    with _locked(folder):
        index = _read_index(folder, size)
        before = dict(index)
        twins: dict[str, str] = {}  # files of existing clips by content, filled once a clip is missing
        for number, (position, other) in enumerate(cameras):
            drive, key = drives[position], _key(drives[position].name, other)
            shape = (len(runs.slots(position)), *size, 3)
            known = index.get(key)
            clip = ClipFiles(f"{folder}/{known.files if known else key}", shape)
            wrong = known and _difference(known, drive, runs.runs(position), stride, number * _PROBES)
            if known and not wrong and clip.damaged():
                wrong = "its file is missing or cut off"
            if wrong:  # never used, and never replaced without a message
                text = f"{folder}: {drive.name}{' (partner)' if other else ''}: {wrong}"
                if rebuilding is None:
                    raise InputError(f"{text}; egodepth data prepare creates it again, or name another folder")
                rebuilding(f"{text}; created again")
            if wrong or not known:
                twins = twins or {_content(source, source.partner): source.files for source in before.values()}
                known = _source(key, drive, other, runs.runs(position), twins)
                clip = ClipFiles(f"{folder}/{known.files}", shape)
                if known.files == key or clip.damaged():
                    clip.create()
                index[key] = known
            chosen.append(files.setdefault(known.files, clip))
        if index != before or not before:
            _write_index(folder, size, index)
    return chosen


def _source(key: str, drive: Drive, partner: bool, runs: list[list[int]], twins: dict[str, str]) -> Source:
    """Return the source of a drive's clip, with the files of its twin if there is one in `twins` (files by content).

    In stereo sets each camera is also a drive. Its frames are those of the other camera's partner, and are stored once.
    """
    probes = content_hashes(drive, partner)
    source = Source(drive.name, partner, key, list(drive.size), runs, probes)
    if probes.strip("-"):
        source = replace(source, files=twins.get(_content(source, not partner), key))
        twins.setdefault(_content(source, partner), source.files)
    return source


def content_hashes(drive: Drive, partner: bool = False) -> str:
    """Return hashes of a drive's evenly spaced frames, which distinguish recordings of the same name."""
    return "".join(_source_hash(drive, drive.frames[place], partner) for place in _probed(len(drive.frames)))


def _content(source: Source, partner: bool) -> str:
    """Return a key that is equal for two clips with the same frames, as partner or as a drive of its own."""
    return f"{partner} {source.size} {source.runs} {source.probes}"


@cache
def _probed(frames: int) -> list[int]:
    """Return the positions of the recorded frames of a drive, ascending, with the first and the last."""
    last = frames - 1
    return [place for place in sorted({round(k * last / (_PROBES - 1)) for k in range(_PROBES)}) if last >= 0]


def _difference(known: Source, drive: Drive, runs: list[list[int]], stride: int, first: int) -> str:
    """Return how the source differs from the one that a clip was made from; empty if no difference is found."""
    if known.size != list(drive.size):
        return f"the images are {drive.size[1]}x{drive.size[0]}, not {known.size[1]}x{known.size[0]} as they were"
    if known.runs != runs:
        return f"the frames are others ({len(drive.frames)} now, {sum(count for _, count in known.runs)} then)"
    probed = _probed(len(drive.frames))
    for number in range(-first % stride, len(probed), stride):
        frame = drive.frames[probed[number]]
        if _source_hash(drive, frame, known.partner) != known.probes[number * _HASH : (number + 1) * _HASH]:
            return f"frame {frame} is another image than it was"
    return ""


def _source_hash(drive: Drive, frame: int, partner: bool) -> str:
    try:
        image = drive.read_image(frame, partner)
    except InputError:
        return "-" * _HASH
    return hashlib.blake2b(np.ascontiguousarray(image).data, digest_size=_HASH // 2).hexdigest()


def _arithmetic() -> str:
    """Return a hash of the bits that resizing gives on this machine."""
    noise = np.random.default_rng(0).integers(0, 256, (75, 248, 3), np.uint8)
    return hashlib.blake2b(resize_rgb(noise, (38, 128)).data, digest_size=8).hexdigest()


def _read_index(folder: Path, size: tuple[int, int]) -> dict[str, Source]:
    """Return the sources by key; empty for a new store."""
    file = folder / "index.json"
    if not file.exists():
        if any(path.name != ".lock" for path in folder.iterdir()):
            raise InputError(f"{folder}: not empty and not a store of frames; choose another folder")
        return {}
    try:
        content: dict[str, Any] = read_json(file, _MOST_INDEX)
        sources = {key: _checked(Source(**source)) for key, source in content["clips"].items()}
        (height, width), arithmetic, made = content["size"], content["arithmetic"], content["format"]
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise InputError(
            f"{file}: not a readable index of frames; delete the folder, it will be created again"
        ) from error
    if made != _FORMAT:
        raise InputError(f"{folder}: not a store of this version; delete it or choose another folder")
    if (height, width) != tuple(size):
        raise InputError(f"{folder}: its frames are {width}x{height}, not {size[1]}x{size[0]}; choose another folder")
    if arithmetic != _arithmetic():
        raise InputError(
            f"{folder}: its frames were resized by other arithmetic than here; delete it or choose another"
        )
    return sources


def _checked(source: Source) -> Source:
    """Return the source if it is valid: a foreign index may not name files outside the store. Raises `ValueError`."""
    texts = all(isinstance(text, str) for text in (source.drive, source.files, source.probes))
    if not texts or not re.fullmatch(r"[\w-]+", source.files):
        raise ValueError("a clip without a name for its files")
    pairs = [source.size, *source.runs]
    if not all(isinstance(pair, list) and len(pair) == 2 and all(type(n) is int for n in pair) for pair in pairs):
        raise ValueError("a clip without its size and frames")
    return source


def _write_index(folder: Path, size: tuple[int, int], index: dict[str, Source]) -> None:
    head = {"format": _FORMAT, "size": list(size), "arithmetic": _arithmetic()}
    clips = [f"{json.dumps(key)}: {json.dumps(asdict(source))}" for key, source in sorted(index.items())]
    write_text(folder / "index.json", json.dumps(head)[:-1] + ', "clips": {\n' + ",\n".join(clips) + "\n}}\n")


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Lock the folder for one process, if it can be written and locked. Every `OSError` becomes an `InputError`."""
    import fcntl  # imported here: on systems without it, only stores do not work

    try:
        folder.mkdir(parents=True, exist_ok=True)
        with ExitStack() as stack:
            with suppress(OSError):  # a read-only store needs no lock
                fcntl.flock(stack.enter_context((folder / ".lock").open("w")), fcntl.LOCK_EX)
            yield
    except OSError as error:
        raise not_written(folder, error) from error


def _key(drive: str, partner: bool) -> str:
    """Return the key of a clip in the index, which is also its file name if the clip has its own files."""
    suffix = "-partner" if partner else ""
    return f"{readable_name(drive)}-{hashlib.blake2b(drive.encode(), digest_size=4).hexdigest()}{suffix}"


def readable_name(drive: str) -> str:
    """Return the name of a drive as a readable part of a file name. It is not unique."""
    return re.sub(r"[^\w-]+", "-", drive)[-80:].strip("-")
