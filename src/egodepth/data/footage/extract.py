"""Extract the trainable frames of a recording to a folder, with their sources in `footage.json`."""

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict
from fractions import Fraction
from pathlib import Path
from typing import Any

from egodepth.data.cameras import CAMERA_FILE, write_camera
from egodepth.data.footage.interface import StatedCamera
from egodepth.data.footage.measures import Measures
from egodepth.data.footage.select import Kept
from egodepth.data.footage.settings import FOOTAGE_FILE
from egodepth.data.footage.source import Footage
from egodepth.data.footage.summary import FootageSummary, verdict
from egodepth.data.footage.watch import watch
from egodepth.data.images import resize_rgb, write_image
from egodepth.data.media.frames import list_images
from egodepth.foundation.errors import InputError
from egodepth.foundation.files import write_text
from egodepth.foundation.reading import read_json

FORMAT = 1
"""Version of the selection. Increase it whenever the same recording would give other frames."""


def output_size(size: tuple[int, int], pixel_aspect: Fraction, longest: int) -> tuple[int, int]:
    """Return the (height, width) of the frames to write: square pixels, and no side above `longest`; never enlarged.

    If pixels are not square, the side that they stretch is shrunk.
    """
    height, width = size[0] * min(1, 1 / pixel_aspect), size[1] * min(1, pixel_aspect)
    shrink = min(1.0, longest / float(max(height, width)))
    return max(1, round(float(height) * shrink)), max(1, round(float(width) * shrink))


def extract(footage: Footage, out: Path, longest: int, motion: float) -> tuple[FootageSummary, int]:
    """Write the frames that are worth training on. Neighbouring frames get consecutive numbers.

    If it is stopped, a second run reads the recording again, but keeps existing files. A full disk ends it; written
    files stay.

    Args:
        footage: the recording to read.
        out: the output folder: new, empty, or from this same extraction.
        longest: longer side of the frames, pixels.
        motion: image motion between two kept frames, share of the width.

    Returns:
        The summary of the recording, and the number of frames that existed before.

    Raises:
        InputError: the folder holds something else, or cannot be written to.
    """
    size = output_size(footage.size, footage.pixel_aspect, longest)
    task = {
        "format": FORMAT,
        "source": str(footage.path.resolve()),
        "fingerprint": footage.fingerprint(),
        "longest": longest,
        "motion": motion,
    }
    _claim(out, task)
    frames: list[tuple[int, int, float]] = []
    there = 0

    def write(kept: Kept) -> None:
        nonlocal there
        path = out / f"{kept.number:06d}.jpg"
        frames.append((kept.number, kept.picture.number, round(kept.picture.seconds, 4)))
        if path.exists():
            there += 1
        elif kept.picture.image is not None:
            write_image(path, resize_rgb(kept.picture.image, size))

    measures = watch(footage, write, motion, "Extracting from")
    summary = FootageSummary.of(measures, footage.ended)
    _write_record(out, task | {"complete": True, "size": size}, frames, measures, summary)
    return summary, there


def keep_camera(stated: StatedCamera, out: Path) -> bool:
    """Write the camera that the recording states beside the extracted frames; return whether it was missing there.

    An existing camera file stays: the user may have found a better one.
    """
    path = out / CAMERA_FILE
    if path.exists():
        return False
    size = read_json(out / FOOTAGE_FILE)["size"]
    write_camera(path, stated.camera, (size[0], size[1]), lens=stated.lens)
    return True


def _claim(out: Path, task: dict[str, Any]) -> None:
    """Mark the folder as this extraction's, or raise an `InputError` if it holds something else."""
    record = out / FOOTAGE_FILE
    if record.exists():
        try:
            found = read_json(record)
        except (OSError, ValueError):
            found = None
        if not isinstance(found, dict) or any(found.get(key) != value for key, value in task.items()):
            raise InputError(f"{out}: holds another extraction, of other footage or options; choose another --out")
        for leftover in out.glob(".*.part.jpg"):
            with suppress(OSError):
                leftover.unlink()
        if found.get("complete"):
            return
    elif out.exists() and (not out.is_dir() or list_images(out)):
        raise InputError(f"{out}: holds something else already; choose another --out")
    write_text(record, json.dumps(task | {"complete": False}, indent=2) + "\n")


def _write_record(
    out: Path,
    head: dict[str, Any],
    frames: list[tuple[int, int, float]],
    measures: Measures,
    summary: FootageSummary,
) -> None:
    """Write `footage.json`, with one line per frame and one line per range of dropped frames."""
    content = head | {"summary": asdict(summary), "verdict": verdict(summary)}
    content["breaks"] = [{"source": number, "why": why} for number, why in measures.breaks]
    lists = {
        "frames": (json.dumps({"number": n, "source": s, "seconds": t}) for n, s, t in frames),
        "dropped": (json.dumps({"first": a, "last": b, "why": why}) for a, b, why in measures.runs()),
    }
    text = json.dumps(content, indent=2).rstrip("}\n")
    text += "".join(f',\n  "{name}": [{_lines(lines)}]' for name, lines in lists.items())
    write_text(out / FOOTAGE_FILE, text + "\n}\n")


def _lines(items: Iterator[str]) -> str:
    text = ",\n".join(f"    {item}" for item in items)
    return f"\n{text}\n  " if text else ""
