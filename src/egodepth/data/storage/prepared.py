"""Frames at training size on disk: decoded by whoever needs them first, found by every later run.

A store is a folder: `index.json` says what its frames were made from; a clip (one camera of one drive) has a file `.u8`
of uint8 (frames, height, width, 3) and a file `.crc` of uint32, the checksum of each frame, 0 where it is not there
yet. A partner's clip and a drive's that show the same frames share their files. Pixels are written before their
checksum, and both are compared when a frame is first used: what a killed process, a power failure or a cut copy left
half-written is never used, but decoded again.

What is noticed at opening: another size or arithmetic of resizing; of each drive, other frame numbers or image size; a
file of the wrong length; and of up to 18 frames of each clip, evenly spread, the first and the last included, that the
source's decoded pixels are others (of many clips, 512 of all these frames). That a frame between them has been
exchanged in the source is not noticed.
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
from egodepth.data.media.images import resize_rgb
from egodepth.data.sample_index import FrameRuns
from egodepth.data.storage.clip_files import ClipFiles
from egodepth.foundation.errors import InputError
from egodepth.foundation.files import not_written, write_text
from egodepth.foundation.reading import read_json

_FORMAT = "egodepth frames, version 1"
_PROBES = 18
"""Frames of a clip whose source is remembered by a hash."""
_CHECKED = 512
"""Of these, so many are compared at opening: two seconds of decoding."""
_HASH = 8
"""Letters of a hash: enough for chance, not for malice."""
_MOST_INDEX = 1 << 30
"""Characters of an index: some million clips."""
Say = Callable[[str], None]


@dataclass(frozen=True)
class Source:
    """What a clip's frames were made from."""

    drive: str
    partner: bool
    files: str
    """What its files are called, but for the suffix."""
    size: list[int]
    """Height and width as stored by the drive."""
    runs: list[list[int]]
    """[first number, how many] of every run of frame numbers."""
    probes: str
    """Hashes of the decoded pixels of evenly spread frames, one after the other."""


def open_prepared(
    folder: Path,
    size: tuple[int, int],
    drives: list[Drive],
    runs: FrameRuns,
    partner: bool = False,
    rebuilding: Say | None = None,
) -> list[ClipFiles]:
    """The clips of the drives, then those of their partners if asked for; what the folder lacks is made, empty.

    Args:
        folder: of the store; need not exist.
        size: height and width of its frames.
        drives: their names must differ.
        runs: the drives' frame numbers.
        partner: whether the partners' frames are wanted, too.
        rebuilding: told, in a line, which clip does not match its source, or is damaged, and is made anew, after all of
            the frames that are remembered have been compared; without it, such a clip is an `InputError`.

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
        twins: dict[str, str] = {}  # of the clips that were there, once there is one to make
        for number, (position, other) in enumerate(cameras):
            drive, key = drives[position], _key(drives[position].name, other)
            shape = (len(runs.slots(position)), *size, 3)
            known = index.get(key)
            clip = ClipFiles(f"{folder}/{known.files if known else key}", shape)
            wrong = known and _difference(known, drive, runs.runs(position), stride, number * _PROBES)
            if known and not wrong and clip.damaged():
                wrong = "its file is missing or cut off"
            if wrong:  # never used, and never made anew without a word
                text = f"{folder}: {drive.name}{' (partner)' if other else ''}: {wrong}"
                if rebuilding is None:
                    raise InputError(f"{text}; egodepth data prepare makes it anew, or name another folder")
                rebuilding(f"{text}; made anew")
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
    """Look at a drive, which becomes one of the `twins` (files by content), or has one among them.

    In stereo sets each camera is a drive, too: its frames are the other's partner's, and are kept once.
    """
    probes = content_hashes(drive, partner)
    source = Source(drive.name, partner, key, list(drive.size), runs, probes)
    if probes.strip("-"):
        source = replace(source, files=twins.get(_content(source, not partner), key))
        twins.setdefault(_content(source, partner), source.files)
    return source


def content_hashes(drive: Drive, partner: bool = False) -> str:
    """Hashes of a drive's evenly spread frames, by which another recording of the same name is told apart."""
    return "".join(_source_hash(drive, drive.frames[place], partner) for place in _probed(len(drive.frames)))


def _content(source: Source, partner: bool) -> str:
    """What a clip shares with the one that shows the same frames as partner, or as drive of its own."""
    return f"{partner} {source.size} {source.runs} {source.probes}"


@cache
def _probed(frames: int) -> list[int]:
    """The places of those of a drive's frames that are remembered, ascending: the first, the last, and some between."""
    last = frames - 1
    return [place for place in sorted({round(k * last / (_PROBES - 1)) for k in range(_PROBES)}) if last >= 0]


def _difference(known: Source, drive: Drive, runs: list[list[int]], stride: int, first: int) -> str:
    """In what the source differs from the one that a clip was made from; empty if in nothing that is looked at."""
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
    """Changes with the bits that resizing gives on this machine."""
    noise = np.random.default_rng(0).integers(0, 256, (75, 248, 3), np.uint8)
    return hashlib.blake2b(resize_rgb(noise, (38, 128)).data, digest_size=8).hexdigest()


def _read_index(folder: Path, size: tuple[int, int]) -> dict[str, Source]:
    """Sources by key; empty where nothing is yet."""
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
        raise InputError(f"{file}: not a readable index of frames; delete the folder, it will be made anew") from error
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
    """The source, if it can be one: its files lie in the store, whoever wrote the index; raises `ValueError`."""
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
    """One process at a time, where the folder may be written and locked; every `OSError` becomes an `InputError`."""
    import fcntl  # here: where there is none, only stores are missing

    try:
        folder.mkdir(parents=True, exist_ok=True)
        with ExitStack() as stack:
            with suppress(OSError):  # a store that may only be read needs none
                fcntl.flock(stack.enter_context((folder / ".lock").open("w")), fcntl.LOCK_EX)
            yield
    except OSError as error:
        raise not_written(folder, error) from error


def _key(drive: str, partner: bool) -> str:
    """What a clip is called in the index, and its files if it has its own."""
    suffix = "-partner" if partner else ""
    return f"{readable_name(drive)}-{hashlib.blake2b(drive.encode(), digest_size=4).hexdigest()}{suffix}"


def readable_name(drive: str) -> str:
    """The name of a drive as part of a file's name: not unique, for people."""
    return re.sub(r"[^\w-]+", "-", drive)[-80:].strip("-")
