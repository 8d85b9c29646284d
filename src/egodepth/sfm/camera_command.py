"""`egodepth camera CLIP`: the camera of a clip that nobody calibrated."""

import shutil
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.markup import escape
from tyro.conf import Positional

from egodepth.data.frames import FrameFolder
from egodepth.errors import InputError
from egodepth.files import write_text
from egodepth.geometry import focal_of_fov
from egodepth.sfm.choosing import chosen_frames, frames_around, frames_to_look_at
from egodepth.sfm.clip_map import ClipMap
from egodepth.sfm.colmap import pycolmap
from egodepth.sfm.features import working_size
from egodepth.sfm.mapping import Mapper
from egodepth.sfm.reconstruct import FEWEST_FRAMES, find_camera, map_frames
from egodepth.sfm.recording import MAP_PIXELS, claim, prepare
from egodepth.sfm.results import (
    WRITTEN,
    check_out,
    report_path,
    summary_line,
    write_camera,
    write_map,
    write_report,
)
from egodepth.sfm.stages import Stages
from egodepth.sfm.types import Footage, Reconstruction, SfmSettings
from egodepth.sfm.verdict import Estimate, Verdict, failed, judge

USUAL_FOV_DEG = 60.0
"""Where nothing else is known: phones and action cameras at work have 55 to 70, dashboard cameras up to 120."""


@dataclass(frozen=True, kw_only=True)
class FindCamera:
    """Find the camera of a clip by structure from motion: focal length with its uncertainty, sparse points, poses.

    Works where the camera moves and turns. What the clip cannot tell is said, and the field of view that you state is
    written instead. Beside the camera file: its report; clip_map.npz, sparse.npz and sparse.ply with points and poses
    of all frames.
    """

    clip: Positional[Path]
    """Folder of frames in a row, all of one camera; camera.json in it is not looked at."""
    out: Path
    """The camera file to write; put it into the folder of the frames and the clip is a data set."""
    fov_deg: float | None = None
    """Horizontal field of view, as far as you know it: where the search begins, and what is written where the clip
    does not tell more. Left out: 60."""
    frames: int = 80
    """How many frames to find the camera in, chosen where it moves and turns."""
    mapped: int = 1000
    """Up to how many frames get a pose; of a longer clip, those around the frames that the camera is found in."""
    principal_point: bool = False
    """Refine the centre of the image, too, rather than take it for the middle."""
    features: int = 1500
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
            (self.mapped >= 2, f"--mapped {self.mapped}: 2 at least"),
            (100 <= self.features <= 100_000, f"--features {self.features}: 100 to 100000 are possible"),
            (self.threads >= 0 and self.seed >= 0, "--threads and --seed cannot be negative"),
        )
        for is_right, message in checks:
            if not is_right:
                raise InputError(f"camera: {message}")

    def __call__(self) -> None:
        """Choose frames, reconstruct, judge, map, write, say."""
        pycolmap()
        check_out(self.out)
        started = time.monotonic()
        clip = FrameFolder.open(self.clip)
        frames, result = self._reconstructed(clip, Stages())
        use = self._uses(result.estimate)
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
        # First, as it says whose the other files are, should this be stopped here.
        write_report(self.out, result.estimate, result.found, result.clip_map, clip.size, used)
        if result.clip_map is not None and result.camera is not None:
            write_map(self.out.parent, result.clip_map, result.camera)
        write_camera(self.out, self._focal_widths(result.estimate), result.found if use else None, clip.size)
        if self.json:
            write_text(self.json, report_path(self.out).read_text(encoding="utf-8"))
        self._say(result, clip.size, use)

    def _reconstructed(self, clip: FrameFolder, stages: Stages) -> tuple[list[int], "_Result"]:
        """Frame numbers that the camera was looked for in, and what came of them."""
        numbers = clip.files.numbers
        look_at = len(frames_to_look_at(numbers))
        frames = stages.each(
            "Looking for motion", look_at, lambda told: chosen_frames(clip.read, numbers, self.frames, told)
        )
        if len(frames) < FEWEST_FRAMES:
            why = "the camera stands still" if look_at >= FEWEST_FRAMES else "too few frames"
            reason = f"{why}: {len(frames)} of {look_at} frames with motion between them, {FEWEST_FRAMES} are needed"
            return frames, _Result(failed(reason))
        settings = SfmSettings(
            fov_deg=self.fov_deg or USUAL_FOV_DEG,
            principal_point=self.principal_point,
            features=self.features,
            threads=self.threads or -1,
            seed=self.seed,
        )
        footage = Footage(clip.read, frames_around(numbers, frames, self.mapped), working_size(clip.size, MAP_PIXELS))
        work = self.out.parent / f"{self.out.stem}_work"
        claim(work, footage, settings, {"clip": str(self.clip.resolve()), "camera": frames})
        result = self._mapped(Mapper(pycolmap(), footage, work, settings, stages), tuple(frames))
        if not self.keep:
            shutil.rmtree(work)
        return frames, result

    def _mapped(self, mapper: Mapper, frames: tuple[int, ...]) -> "_Result":
        """The camera, and the map of all frames with the camera that is written."""
        prepare(mapper, frames)
        found = find_camera(mapper, frames)
        estimate = judge(found, len(frames))
        if found is None:
            return _Result(estimate)
        camera = found
        if not self._uses(estimate):
            height, width = found.size
            focal = self._focal_widths(estimate) * width
            camera = replace(found, focal_px=focal, centre_px=(width / 2, height / 2), distortion=0.0)
        mapper.take_camera(camera.focal_px, camera.distortion, camera.centre_px)
        return _Result(estimate, found, map_frames(mapper), camera)

    def _focal_widths(self, estimate: Estimate) -> float:
        """Of the camera file."""
        if self._uses(estimate) and estimate.focal_widths:
            return estimate.focal_widths
        return focal_of_fov(self.fov_deg or USUAL_FOV_DEG)

    def _uses(self, estimate: Estimate) -> bool:
        """Whether the camera file gets the estimate: a weak one is better than nothing, not than what is stated."""
        weak = estimate.verdict is Verdict.WEAK and self.fov_deg is None
        return estimate.verdict is Verdict.RELIABLE or weak

    def _stated(self) -> str:
        return f"{self.fov_deg:g} degrees" if self.fov_deg else f"{USUAL_FOV_DEG:g} degrees (nobody gave --fov-deg)"

    def _say(self, result: "_Result", size: tuple[int, int], use: bool) -> None:
        """The result on standard output; what to mind on standard error."""
        estimate = result.estimate
        if estimate.verdict is not Verdict.RELIABLE:
            instead = "" if use else f"; {self.out} has the stated field of view, {self._stated()}"
            line = f"[yellow]{estimate.verdict.value}: {escape(estimate.reason + instead)}[/]"
            Console(stderr=True).print(line, highlight=False, soft_wrap=True)
        console = Console()
        console.print(f"{estimate.verdict.value}: {summary_line(estimate, size)}", highlight=False, soft_wrap=True)
        written = [self.out, report_path(self.out)]
        written += [self.out.parent / name for name in WRITTEN if result.clip_map is not None]
        for path in written:
            console.print(str(path), soft_wrap=True, highlight=False, markup=False)


class _Result(NamedTuple):
    """What came of a clip."""

    estimate: Estimate
    found: Reconstruction | None = None
    clip_map: ClipMap | None = None
    camera: Reconstruction | None = None
    """As `found`, but with the camera of the map and of the camera file."""
