"""`egodepth camera CLIP`: the camera of a clip that nobody calibrated."""

import json
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from tyro.conf import Positional

from egodepth.data.frames import FrameFolder
from egodepth.data.images import resize_rgb, write_image
from egodepth.errors import InputError
from egodepth.files import write_text
from egodepth.geometry import focal_of_fov
from egodepth.sfm.choosing import chosen_frames, frames_to_look_at
from egodepth.sfm.colmap import pycolmap
from egodepth.sfm.reconstruct import FEWEST_FRAMES, reconstruct
from egodepth.sfm.results import (
    check_out,
    report_path,
    summary_line,
    working_size,
    write_camera,
    write_report,
    write_sparse,
)
from egodepth.sfm.stages import Stages
from egodepth.sfm.types import Reconstruction, SfmSettings
from egodepth.sfm.verdict import Estimate, Verdict, failed, judge

USUAL_FOV_DEG = 60.0
"""Where nothing else is known: phones and action cameras at work have 55 to 70, dashboard cameras up to 120."""
_MOST_PIXELS = 1_300_000
"""Larger images are shrunk: features become more than matching can take, not better."""


@dataclass(frozen=True, kw_only=True)
class FindCamera:
    """Find the camera of a clip by structure from motion: focal length with its uncertainty, sparse points, poses.

    Works where the camera moves and turns. What the clip cannot tell is said, and the field of view that you state is
    written instead. Beside the camera file: its report, and sparse.npz and sparse.ply with the points and poses.
    """

    clip: Positional[Path]
    """Folder of frames in a row, all of one camera; camera.json in it is not looked at."""
    out: Path
    """The camera file to write; put it into the folder of the frames and the clip is a data set."""
    fov_deg: float | None = None
    """Horizontal field of view, as far as you know it: where the search begins, and what is written where the clip
    does not tell more. Left out: 60."""
    frames: int = 80
    """How many frames to work on, chosen where the camera moves and turns."""
    principal_point: bool = False
    """Refine the centre of the image, too, rather than take it for the middle."""
    features: int = 8192
    """Features of an image, at most."""
    threads: int = 0
    """Processor threads; 0: all. The camera file is the same with any number."""
    seed: int = 0
    """Of all that is drawn by lot."""
    keep: bool = False
    """Keep the work folder: images, features, matches, COLMAP's models."""
    json: Path | None = None
    """Write the report to this file, too."""

    def __post_init__(self) -> None:
        checks = (
            (self.fov_deg is None or 12 <= self.fov_deg <= 135, f"--fov-deg {self.fov_deg}: 12 to 135 are possible"),
            (FEWEST_FRAMES <= self.frames <= 2000, f"--frames {self.frames}: {FEWEST_FRAMES} to 2000 are possible"),
            (100 <= self.features <= 100_000, f"--features {self.features}: 100 to 100000 are possible"),
            (self.threads >= 0 and self.seed >= 0, "--threads and --seed cannot be negative"),
        )
        for is_right, message in checks:
            if not is_right:
                raise InputError(f"camera: {message}")

    def __call__(self) -> None:
        """Choose frames, reconstruct, judge, write, say."""
        pycolmap()
        check_out(self.out)
        started = time.monotonic()
        clip = FrameFolder.open(self.clip)
        frames, found, estimate = self._reconstructed(clip)
        use = self._uses(estimate)
        focal = estimate.focal_widths if use and estimate.focal_widths else focal_of_fov(self.fov_deg or USUAL_FOV_DEG)
        used = {
            "camera_file": "estimate" if use else f"stated field of view, {self._stated()}",
            "clip": str(self.clip),
            "frames_used": len(frames),
            "first_frame": frames[0],
            "last_frame": frames[-1],
            "seconds": round(time.monotonic() - started, 1),
            "seed": self.seed,
        }
        self.out.parent.mkdir(parents=True, exist_ok=True)
        if found is not None:
            write_sparse(self.out.parent, found, frames)
        write_report(self.out, estimate, found, clip.size, used)
        write_camera(self.out, focal, found if use else None, clip.size)
        if self.json:
            write_text(self.json, report_path(self.out).read_text(encoding="utf-8"))
        self._say(estimate, found, clip.size, use)

    def _reconstructed(self, clip: FrameFolder) -> tuple[list[int], Reconstruction | None, Estimate]:
        """Frame numbers worked on, what came of them, and what to think of that."""
        stages = Stages()
        look_at = len(frames_to_look_at(clip))
        frames = stages.each("Looking for motion", look_at, lambda told: chosen_frames(clip, self.frames, told))
        if len(frames) < FEWEST_FRAMES:
            why = "the camera stands still" if look_at >= FEWEST_FRAMES else "too few frames"
            reason = f"{why}: {len(frames)} of {look_at} frames with motion between them, {FEWEST_FRAMES} are needed"
            return frames, None, failed(reason)
        settings = SfmSettings(
            fov_deg=self.fov_deg or USUAL_FOV_DEG,
            principal_point=self.principal_point,
            features=self.features,
            threads=self.threads or -1,
            seed=self.seed,
        )
        size = working_size(clip.size, _MOST_PIXELS)
        work = self.out.parent / f"{self.out.stem}_work"
        _claim(work, {"clip": str(self.clip.resolve()), "frames": frames, "size": size, "settings": repr(settings)})
        stages.each("Reading frames", len(frames), lambda told: _write_images(clip, frames, size, work, told))
        found = reconstruct(work / "images", size, work, settings, stages)
        if not self.keep:
            shutil.rmtree(work)
        return frames, found, judge(found, len(frames))

    def _uses(self, estimate: Estimate) -> bool:
        """Whether the camera file gets the estimate: a weak one is better than nothing, not than what is stated."""
        weak = estimate.verdict is Verdict.WEAK and self.fov_deg is None
        return estimate.verdict is Verdict.RELIABLE or weak

    def _stated(self) -> str:
        return f"{self.fov_deg:g} degrees" if self.fov_deg else f"{USUAL_FOV_DEG:g} degrees (nobody gave --fov-deg)"

    def _say(self, estimate: Estimate, found: Reconstruction | None, size: tuple[int, int], use: bool) -> None:
        """The result on standard output; what to mind on standard error."""
        if estimate.verdict is not Verdict.RELIABLE:
            instead = "" if use else f"; {self.out} has the stated field of view, {self._stated()}"
            line = f"[yellow]{estimate.verdict.value}: {escape(estimate.reason + instead)}[/]"
            Console(stderr=True).print(line, highlight=False, soft_wrap=True)
        console = Console()
        console.print(f"{estimate.verdict.value}: {summary_line(estimate, size)}", highlight=False, soft_wrap=True)
        written = [self.out, report_path(self.out)]
        written += [self.out.parent / name for name in ("sparse.npz", "sparse.ply") if found is not None]
        for path in written:
            console.print(str(path), soft_wrap=True, highlight=False, markup=False)


def _claim(work: Path, made_with: dict[str, Any]) -> None:
    """Make the work folder, or go on with the one there is; what was made with other settings or frames is deleted."""
    note, text = work / "made_with.json", json.dumps(made_with, indent=2) + "\n"
    if work.is_dir() and any(work.iterdir()) and not note.is_file():
        raise InputError(f"{work}: is in the way of the work folder; move it or choose another --out")
    if not note.is_file() or note.read_text(encoding="utf-8") != text:
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir(parents=True)
        write_text(note, text)


def _write_images(
    clip: FrameFolder, frames: list[int], size: tuple[int, int], work: Path, told: Callable[[int], None]
) -> None:
    """The frames as PNGs, upright and of the size to work on: the library reads few formats, and no orientation."""
    for position, frame in enumerate(frames):
        path = work / "images" / f"{position:06d}.png"
        if not path.is_file():
            write_image(path, resize_rgb(clip.read(frame), size))
        told(1)
