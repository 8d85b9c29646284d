"""Find the camera of an uncalibrated clip: choose frames, reconstruct, rate the estimate, write the files."""

import shutil
import time
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from egodepth.data.media.frames import FrameFolder
from egodepth.geometry import focal_of_fov
from egodepth.sfm.camera_results import WRITTEN, check_out, report_path, write_camera, write_map, write_report
from egodepth.sfm.choosing import chosen_frames, frames_around, frames_to_look_at
from egodepth.sfm.clip_map import ClipMap
from egodepth.sfm.colmap import pycolmap
from egodepth.sfm.drive_map import MAP_PIXELS, claim, prepare
from egodepth.sfm.features import working_size
from egodepth.sfm.mapping import Mapper
from egodepth.sfm.reconstruct import find_camera, map_frames
from egodepth.sfm.settings import FEWEST_FRAMES, USUAL_FOV_DEG, CameraSearch
from egodepth.sfm.stages import Stages
from egodepth.sfm.structures import Footage, Reconstruction, SfmSettings
from egodepth.sfm.verdict import Estimate, Verdict, failed, judge


class ClipCamera(NamedTuple):
    """The found camera, and the written files."""

    estimate: Estimate
    is_estimate: bool
    """Whether the camera file holds the estimate; otherwise the stated field of view."""
    size: tuple[int, int]
    """(height, width) of the frames."""
    files: list[Path]
    """The camera file first."""


def find_clip_camera(clip: Path, out: Path, search: CameraSearch, keep: bool = False) -> ClipCamera:
    """Find the camera of a folder of frames and write it, with its report and the map of the frames.

    Args:
        clip: the folder.
        out: the camera file.
        search: the settings of the search.
        keep: keep the work folder beside `out`.

    Raises:
        NoColmapError: pycolmap is not installed.
        InputError: no frames, or an existing file that egodepth did not write.
    """
    pycolmap()
    check_out(out)
    started = time.monotonic()
    opened = FrameFolder.open(clip)
    frames, result = _reconstructed(opened, out, search, keep)
    use = _uses(search, result.estimate)
    used = {
        "camera_file": "estimate" if use else f"stated field of view, {search.stated}",
        "clip": str(clip),
        "frames_used": len(frames),
        "first_frame": frames[0],
        "last_frame": frames[-1],
        "seconds": round(time.monotonic() - started, 1),
        "seed": search.seed,
    }
    out.parent.mkdir(parents=True, exist_ok=True)
    # Written first, because it marks the other files as egodepth's if the command is stopped here.
    write_report(out, result.estimate, result.found, result.clip_map, opened.size, used)
    if result.clip_map is not None and result.camera is not None:
        write_map(out.parent, result.clip_map, result.camera)
    write_camera(out, _focal_widths(search, result.estimate), result.found if use else None, opened.size)
    maps = [out.parent / name for name in WRITTEN if result.clip_map is not None]
    return ClipCamera(result.estimate, use, opened.size, [out, report_path(out), *maps])


def _reconstructed(clip: FrameFolder, out: Path, search: CameraSearch, keep: bool) -> tuple[list[int], "_Result"]:
    """Return the frame numbers of the search, and its result."""
    stages, numbers = Stages(), clip.files.numbers
    look_at = len(frames_to_look_at(numbers))
    frames = stages.each(
        "Looking for motion", look_at, lambda advance: chosen_frames(clip.read, numbers, search.frames, advance)
    )
    if len(frames) < FEWEST_FRAMES:
        why = "the camera stands still" if look_at >= FEWEST_FRAMES else "too few frames"
        reason = f"{why}: {len(frames)} of {look_at} frames with motion between them, {FEWEST_FRAMES} are needed"
        return frames, _Result(failed(reason))
    settings = SfmSettings(
        fov_deg=search.fov_deg or USUAL_FOV_DEG,
        principal_point=search.principal_point,
        features=search.features,
        threads=search.threads or -1,
        seed=search.seed,
    )
    footage = Footage(clip.read, frames_around(numbers, frames, search.mapped), working_size(clip.size, MAP_PIXELS))
    work = out.parent / f"{out.stem}_work"
    claim(work, footage, settings, {"clip": str(clip.folder.resolve()), "camera": frames})
    result = _mapped(search, Mapper(pycolmap(), footage, work, settings, stages), tuple(frames))
    if not keep:
        shutil.rmtree(work)
    return frames, result


def _mapped(search: CameraSearch, mapper: Mapper, frames: tuple[int, ...]) -> "_Result":
    """Return the camera, and the map of all frames with the camera that is written."""
    prepare(mapper, frames)
    found = find_camera(mapper, frames)
    estimate = judge(found, len(frames))
    if found is None:
        return _Result(estimate)
    camera = found
    if not _uses(search, estimate):
        height, width = found.size
        focal = _focal_widths(search, estimate) * width
        camera = replace(found, focal_px=focal, centre_px=(width / 2, height / 2), distortion=0.0)
    mapper.take_camera(camera.focal_px, camera.distortion, camera.centre_px)
    return _Result(estimate, found, map_frames(mapper), camera)


def _focal_widths(search: CameraSearch, estimate: Estimate) -> float:
    """Return the focal length of the camera file."""
    if _uses(search, estimate) and estimate.focal_widths:
        return estimate.focal_widths
    return focal_of_fov(search.fov_deg or USUAL_FOV_DEG)


def _uses(search: CameraSearch, estimate: Estimate) -> bool:
    """Whether the camera file gets the estimate.

    A weak estimate is better than nothing, but not better than a stated field of view.
    """
    weak = estimate.verdict is Verdict.WEAK and search.fov_deg is None
    return estimate.verdict is Verdict.RELIABLE or weak


class _Result(NamedTuple):
    """Result of a clip."""

    estimate: Estimate
    found: Reconstruction | None = None
    clip_map: ClipMap | None = None
    camera: Reconstruction | None = None
    """Like `found`, but with the camera of the map and of the camera file."""
