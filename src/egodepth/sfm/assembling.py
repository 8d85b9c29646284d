"""Convert the library's models to the map of a recording: parts, reliable points, interpolated poses."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float64, Int32, Int64, UInt8

from egodepth.geometry import transform_from_twist, twist_of
from egodepth.sfm.clip_map import ClipMap
from egodepth.sfm.features import frame_of
from egodepth.sfm.structures import Footage, SparsePoints

MOST_ERROR_PX = 2.0
"""Points with a larger mean error are dropped; features are accurate to half a pixel."""
FEWEST_SIGHTINGS = 3
"""Least number of observations of a point: two views agree on any depth along a line."""
MOST_MISSING = 8
"""Most missing frames over which poses are interpolated: frames farther away are not matched, and cars turn."""


@dataclass(frozen=True)
class Part:
    """One model of the library, as arrays."""

    frames: Int64[np.ndarray, " f"]
    """Ascending."""
    world_from_camera: Float64[np.ndarray, "f 4 4"]
    xyz: Float64[np.ndarray, "n 3"]
    error_px: Float64[np.ndarray, " n"]
    observations: Int32[np.ndarray, "m 2"]
    """(position in `frames`, position in `xyz`)."""
    uv: Float64[np.ndarray, "m 2"]
    """Image position of each observation, 0 to 1, with lens distortion."""
    rays: Float64[np.ndarray, "m 2"]
    """The same without lens distortion: x/z and y/z in the frame's axes."""


def part_of(model: Any, without: set[int]) -> Part:
    """Return a model as a part with its reliable points, without the frames of another part."""
    model.update_point_3d_errors()
    images = {frame_of(model.images[image].name): model.images[image] for image in model.reg_image_ids()}
    frames = sorted(images.keys() - without)
    place = {images[frame].image_id: position for position, frame in enumerate(frames)}
    poses = np.tile(np.eye(4), (len(frames), 1, 1))
    for position, frame in enumerate(frames):
        poses[position, :3] = images[frame].cam_from_world().inverse().matrix()
    points = [model.points3D[number] for number in sorted(model.points3D)]
    tracks = [
        (place[element.image_id], number, *_where(model, element))
        for number, point in enumerate(points)
        for element in point.track.elements
        if element.image_id in place
    ]
    table = np.array(sorted(tracks), np.float64).reshape(-1, 6)
    part = Part(
        frames=np.array(frames, np.int64),
        world_from_camera=poses,
        xyz=np.array([point.xyz for point in points], np.float64).reshape(-1, 3),
        error_px=np.array([point.error for point in points], np.float64),
        observations=table[:, :2].astype(np.int32),
        uv=table[:, 2:4],
        rays=table[:, 4:],
    )
    return reliable(part)


def reliable(part: Part) -> Part:
    """Return the part without points of large error, of few observations, or behind a frame that observes them."""
    frame, point = part.observations.T
    from_point = part.xyz[point] - part.world_from_camera[frame, :3, 3]
    depth = (from_point * part.world_from_camera[frame, :3, 2]).sum(1)
    kept = (part.error_px <= MOST_ERROR_PX) & (np.bincount(point, minlength=len(part.xyz)) >= FEWEST_SIGHTINGS)
    kept[point[depth <= 0]] = False
    number = np.cumsum(kept) - 1
    seen = kept[point]
    return Part(
        frames=part.frames,
        world_from_camera=part.world_from_camera,
        xyz=part.xyz[kept],
        error_px=part.error_px[kept],
        observations=np.stack([frame[seen], number[point[seen]]], 1).astype(np.int32),
        uv=part.uv[seen],
        rays=part.rays[seen],
    )


def parts_of(models: Sequence[Any]) -> list[Part]:
    """Return models as disjoint parts, the largest first. A frame of two models belongs to the larger one."""
    parts: list[Part] = []
    taken: set[int] = set()
    for model in sorted(models, key=lambda model: -model.num_reg_images()):
        part = part_of(model, taken)
        if len(part.frames) >= 2 and len(part.xyz):
            parts.append(part)
            taken.update(part.frames.tolist())
    return sorted(parts, key=lambda part: -len(part.frames))


def assembled(parts: Sequence[Part], footage: Footage, advance: Callable[[int], None]) -> ClipMap:
    """Return one map of all parts, with poses of the frames in between.

    Args:
        parts: at least one.
        footage: the frames, read again for the colours of the points.
        advance: callback, called with 1 after each frame.
    """
    frames, part_of_frame, registered, poses = all_poses(parts, footage.frames)
    offsets = np.cumsum([0, *(len(part.xyz) for part in parts)]).tolist()
    observations = np.concatenate(
        [_renumbered(part, frames, offset) for part, offset in zip(parts, offsets, strict=False)]
    )
    order = np.lexsort(observations.T[::-1])
    observations = observations[order].astype(np.int32)
    uv = np.concatenate([part.uv for part in parts])[order]
    count = offsets[-1]
    return ClipMap(
        frames=frames,
        part=part_of_frame,
        registered=registered,
        world_from_camera=poses,
        points=SparsePoints(
            xyz=np.concatenate([part.xyz for part in parts]),
            rgb=_colours(footage, frames, observations, uv, count, advance),
            error_px=np.concatenate([part.error_px for part in parts]).astype(np.float32),
            track_length=np.bincount(observations[:, 1], minlength=count).astype(np.int32),
            observations=observations,
            rays=np.concatenate([part.rays for part in parts])[order].astype(np.float32),
        ),
    )


def between(
    first: Float64[np.ndarray, "4 4"], second: Float64[np.ndarray, "4 4"], share: float
) -> Float64[np.ndarray, "4 4"]:
    """Return the world-from-camera pose at a share of the screw motion between two poses."""
    step = twist_of(torch.from_numpy(np.linalg.inv(first) @ second))
    return first @ transform_from_twist(share * step).numpy()


def all_poses(
    parts: Sequence[Part], frames: Sequence[int]
) -> tuple[Int64[np.ndarray, " f"], Int32[np.ndarray, " f"], Bool[np.ndarray, " f"], Float64[np.ndarray, "f 4 4"]]:
    """Return frame numbers, parts, registered flags and poses, of the parts' frames and the frames in between.

    A frame is in between if its nearest registered frames before and after belong to one part. Frame numbers are time.
    """
    known = sorted(
        (frame, number, place) for number, part in enumerate(parts) for place, frame in enumerate(part.frames)
    )
    rows = [(frame, number, True, parts[number].world_from_camera[place]) for frame, number, place in known]
    position = np.searchsorted(np.asarray(frames), [frame for frame, _, _ in known])
    added = []
    for before, after, first, last in zip(rows, rows[1:], position.tolist(), position[1:].tolist(), strict=False):
        if before[1] == after[1] and last - first <= MOST_MISSING + 1:
            for frame in frames[first + 1 : last]:
                share = (frame - before[0]) / (after[0] - before[0])
                added.append((frame, before[1], False, between(before[3], after[3], share)))
    rows = sorted(rows + added, key=lambda row: row[0])
    number, part, registered, pose = zip(*rows, strict=True)
    return np.array(number, np.int64), np.array(part, np.int32), np.array(registered), np.stack(pose)


def _renumbered(part: Part, frames: Int64[np.ndarray, " f"], offset: int) -> Int64[np.ndarray, "m 2"]:
    """Return the observations of a part, numbered by all frames and points."""
    frame, point = part.observations.T
    return np.stack([np.searchsorted(frames, part.frames[frame]), point + offset], 1)


def _colours(
    footage: Footage,
    frames: Int64[np.ndarray, " f"],
    observations: Int32[np.ndarray, "m 2"],
    uv: Float64[np.ndarray, "m 2"],
    count: int,
    advance: Callable[[int], None],
) -> UInt8[np.ndarray, "n 3"]:
    """Return the mean colour of each point over its observations."""
    total = np.zeros((count, 3))
    ends = np.searchsorted(observations[:, 0], np.arange(len(frames) + 1))
    for frame, first, last in zip(frames.tolist(), ends, ends[1:], strict=False):
        if last > first:
            image = footage.read(frame)
            x, y = (np.clip(uv[first:last], 0, 1 - 1e-9) * image.shape[1::-1]).astype(int).T
            total[observations[first:last, 1]] += image[y, x]
        advance(1)
    return (total / np.bincount(observations[:, 1], minlength=count)[:, None]).round().astype(np.uint8)


def _where(model: Any, element: Any) -> tuple[float, float, float, float]:
    """Return the image position of an observation, 0 to 1, and its ray without lens distortion."""
    image = model.images[element.image_id]
    camera = model.cameras[image.camera_id]
    x, y = image.points2D[element.point2D_idx].xy
    ray = camera.cam_from_img(np.array([x, y]))
    across, down = (np.nan, np.nan) if ray is None else ray
    return x / camera.width, y / camera.height, across, down
