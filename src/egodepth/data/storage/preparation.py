"""Decode a data set once, for every training that follows."""

import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import ProgressColumn, Task
from rich.text import Text

from egodepth.data.drive import Drive
from egodepth.data.media.side_by_side import for_each
from egodepth.data.storage.store import FrameStore
from egodepth.foundation.errors import InputError
from egodepth.foundation.progress import counting_bar


@dataclass(frozen=True)
class Prepared:
    """Result of a preparation."""

    store: str
    frames: int
    """Number of frames of these drives in the store now, partners included."""
    already_there: int
    """Number of these frames that existed before."""
    unreadable: list[str]
    seconds: float
    bytes_on_disk: int
    """Size of the whole store."""


def prepare(
    drives: list[Drive],
    size: tuple[int, int],
    out: Path,
    partner: bool = False,
    workers: int = 0,
    console: Console | None = None,
) -> Prepared:
    """Write all frames of the drives to a store. Existing frames are verified by their checksums.

    Args:
        drives: the drives of one data set.
        size: height and width of the stored frames.
        out: folder of the store.
        partner: also store the frames of the stereo partners.
        workers: number of decoding threads; 0 for one per processor.
        console: output of messages; standard error by default.

    Raises:
        InputError: nothing to do, a folder of something else, or a full disk; written frames stay usable.
    """
    console = console or Console(stderr=True)
    began = time.monotonic()
    if partner and not any(drive.partner_camera for drive in drives):
        raise InputError(f"{drives[0].name if drives else 'no drives'}: no stereo partner; prepare without --partner")
    store = FrameStore(
        drives, size, folder=out, partner=partner, rebuilding=lambda text: console.print(text, highlight=False)
    )
    before, room = store.on_disk()
    _require_room(out, (room - before) * size[0] * size[1] * 3)
    with counting_bar(_Speed(), console=console) as bar:
        task = bar.add_task("Decoding", total=_count(drives, partner))
        for_each(_frames(drives, partner), lambda work: _read(store, *work), workers, lambda: bar.advance(task))
    for trouble in store.troubles():
        console.print(trouble, highlight=False)
    unreadable = [f"{bad.drive}, frame {bad.frame}{' (partner)' if bad.partner else ''}" for bad in store.bad_frames()]
    used = sum(path.stat().st_blocks * 512 for path in out.iterdir())
    return Prepared(str(out), store.on_disk()[0], before, unreadable, time.monotonic() - began, used)


class _Speed(ProgressColumn):
    def render(self, task: Task) -> Text:
        """Return the current rate in frames per second."""
        return Text(f"{task.finished_speed or task.speed or 0:.0f} frames/s")


def _frames(drives: list[Drive], partner: bool) -> Iterator[tuple[int, int, bool]]:
    """Yield (drive, frame, partner) of all frames, in the order of storage."""
    for other in (False, True) if partner else (False,):
        for position, drive in enumerate(drives):
            yield from ((position, f, other) for f in drive.frames if not other or drive.has_partner(f))


def _count(drives: list[Drive], partner: bool) -> int:
    partners = sum(drive.has_partner(frame) for drive in drives for frame in drive.frames) if partner else 0
    return sum(len(drive.frames) for drive in drives) + partners


def _require_room(out: Path, needed: int) -> None:
    free = shutil.disk_usage(out).free
    if needed > free:
        raise InputError(
            f"{out}: needs {needed / 1e9:.1f} GB more, and {free / 1e9:.1f} GB are free; free some space, choose "
            "another folder, or fewer --drives"
        )


def _read(store: FrameStore, drive: int, frame: int, partner: bool) -> None:
    """Decode and write a frame. The store records a bad frame; a full disk raises an `InputError`."""
    try:
        store.read(drive, frame, partner)
    except InputError:
        return
    if store.write_error():
        raise InputError(
            f"{store.folder}: cannot be written ({store.write_error()}); free some space and run the same command "
            f"again: {store.on_disk()[0]} frames are there"
        )
