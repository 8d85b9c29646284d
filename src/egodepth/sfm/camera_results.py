"""Write the files of `egodepth camera`: the camera, the report, and the sparse points as a check of depth."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from egodepth.foundation.errors import InputError
from egodepth.foundation.files import replacing, write_text
from egodepth.foundation.ply_files import write_ply
from egodepth.foundation.reading import json_object
from egodepth.sfm.clip_map import ClipMap
from egodepth.sfm.structures import Reconstruction
from egodepth.sfm.verdict import Estimate

MAP_FILE = "clip_map.npz"
"""File beside the camera file with the `ClipMap` of all frames."""
WRITTEN = (MAP_FILE, "sparse.npz", "sparse.ply")


def report_path(out: Path) -> Path:
    """Return the path of the report of a camera file."""
    return out.with_name(f"{out.stem}_report.json")


def check_out(out: Path) -> None:
    """Refuse to overwrite files that this command did not write: a camera file may be a user's calibration."""
    if out.suffix != ".json":
        raise InputError(f"{out}: not a .json file; name one, such as --out camera.json")
    if out.exists() and not _is_report(report_path(out)):
        raise InputError(f"{out}: exists already, and may be a calibration; choose another name or move it away")
    theirs = next((path for name in WRITTEN if (path := out.with_name(name)).exists()), None)
    if theirs and not any(
        map(
            _is_report,
            out.parent.glob(
                report_path(
                    Path(f"{theirs}: exists already, and is not from this command; choose another folder for --out")
                ).name
            ),
        )
    ):
        raise InputError(f"{theirs}: exists already, and is not from this command; choose another folder for --out")


def _is_report(path: Path) -> bool:
    """Whether a file is the report of a camera."""
    return {"verdict", "focal_px"} <= (json_object(path) or {}).keys()


def write_camera(out: Path, focal_widths: float, found: Reconstruction | None, size: tuple[int, int]) -> None:
    """Write the camera file for images of (height, width): square pixels; centre and distortion from `found`, if given.

    COLMAP's SIMPLE_RADIAL is OpenCV's distortion with k1 alone.
    """
    height, width = size
    x, y = (0.5, 0.5) if found is None else (found.centre_px[0] / found.size[1], found.centre_px[1] / found.size[0])
    focal = focal_widths * width
    values: dict[str, Any] = {"width": width, "height": height, "fx": focal, "fy": focal}
    values |= {"cx": x * width - 0.5, "cy": y * height - 0.5}
    if found is not None and found.distortion:
        values["distortion"] = [found.distortion, 0.0, 0.0, 0.0]
    write_text(out, json.dumps(values, indent=2) + "\n")


def write_report(
    out: Path,
    estimate: Estimate,
    found: Reconstruction | None,
    clip_map: ClipMap | None,
    size: tuple[int, int],
    used: dict[str, Any],
) -> None:
    """Write everything known about the camera as JSON; `used` describes the camera file and its origin."""
    width = size[1]
    pixels = {
        "focal_px": _times(estimate.focal_widths, float(width)),
        "focal_sigma_px": _times(estimate.sigma_widths, float(width)),
        "fov_deg": _times(estimate.fov_deg),
        "fov_sigma_deg": _times(estimate.fov_sigma_deg),
        "turned_deg": _times(estimate.turned_deg),
    }
    content: dict[str, Any] = {"verdict": estimate.verdict.value, "reason": estimate.reason, **used, **pixels}
    if found is not None:
        scale = width / found.size[1]
        content |= {
            "width": width,
            "height": size[0],
            "other_model_focal_px": found.other_focal_px * scale,
            "focals_without_a_part_px": [focal * scale for focal in found.part_focals_px],
            "distortion_k1": found.distortion,
            "frames_registered": len(found.registered),
        }
        if clip_map is not None:
            content |= _map_figures(clip_map, scale)
    write_text(report_path(out), json.dumps(content, indent=2) + "\n")


def write_map(folder: Path, clip_map: ClipMap, camera: Reconstruction) -> None:
    """Write `clip_map.npz` with all parts, `sparse.npz` with the frames of the largest one, and `sparse.ply`.

    `observations` of sparse.npz are (position in `frames`, position in `xyz`). The depth of a point in a frame is z of
    camera_from_world times the point, in the same arbitrary unit everywhere. `camera` is the camera of the map.
    """
    clip_map.save(folder / MAP_FILE)
    largest = clip_map.largest_part()
    points = largest.points
    x, y = camera.centre_px
    # For the images at `size`, in OpenCV's pixels.
    intrinsics = np.array([[camera.focal_px, 0, x - 0.5], [0, camera.focal_px, y - 0.5], [0, 0, 1]])
    with replacing(folder / "sparse.npz") as beside:
        np.savez_compressed(
            beside,
            xyz=points.xyz,
            rgb=points.rgb,
            error_px=points.error_px,
            track_length=points.track_length,
            observations=points.observations,
            frames=largest.frames,
            world_from_camera=largest.world_from_camera,
            intrinsics=intrinsics,
            distortion=np.array([camera.distortion]),
            size=np.array(camera.size),
        )
    more = {"error_px": points.error_px, "track_length": points.track_length}
    write_ply(folder / "sparse.ply", points.xyz, points.rgb, **more)


def summary_line(estimate: Estimate, size: tuple[int, int]) -> str:
    """Return focal length and field of view with one standard deviation, as text."""
    if estimate.focal_widths is None or estimate.sigma_widths is None:
        return "no estimate"
    focal, sigma = estimate.focal_widths * size[1], estimate.sigma_widths * size[1]
    angle = f"{estimate.fov_deg:.1f} ± {estimate.fov_sigma_deg:.1f} degrees"
    return f"focal length {focal:.1f} ± {sigma:.1f} px of {size[1]}, field of view {angle}"


def _times(value: float | None, factor: float = 1.0) -> float | None:
    return None if value is None or not np.isfinite(value) else value * factor


def _map_figures(clip_map: ClipMap, scale: float) -> dict[str, Any]:
    """Return the map's entries of the report; `scale` maps working pixels to the clip's."""
    points = clip_map.points
    return {
        "frames_mapped": len(clip_map.frames),
        "frames_interpolated": int((~clip_map.registered).sum()),
        "parts": int(clip_map.part.max()) + 1,
        "points": len(points.xyz),
        "median_error_px": float(np.median(points.error_px)) * scale,
        "mean_track_length": float(points.track_length.mean()),
    }
