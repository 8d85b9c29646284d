"""Structure from motion by COLMAP (Schönberger and Frahm 2016), from images to a camera and a sparse world."""

from pathlib import Path
from typing import Any

import numpy as np

from egodepth.geometry import focal_of_fov
from egodepth.sfm.colmap import pycolmap
from egodepth.sfm.mapping import Mapper
from egodepth.sfm.refining import Refined, part_focals, refined
from egodepth.sfm.stages import Stages
from egodepth.sfm.types import Reconstruction, SfmSettings, SparsePoints

FEWEST_FRAMES = 8
"""Fewer say nothing of a focal length that one could rely on."""
ROUNDS, SETTLED = 3, 0.01
"""Mapping is repeated with the refined camera up to so often, until the focal length changes by less than this."""
_OTHER_GUESSES = (1.5, 0.7)
"""Fields of view to begin with where the first guess fails, times that."""
_MOST_ERROR_PX = 1e6
"""Written for points that came to lie behind a camera, whose error is infinite."""
_GOOD_PX, _GOOD_SHARE = 0.8, 0.9
"""Features are good to half a pixel: a map with a larger mean error, or fewer frames, began with a wrong pair."""


def reconstruct(
    images: Path, size: tuple[int, int], work: Path, settings: SfmSettings, stages: Stages
) -> Reconstruction | None:
    """Reconstruct the images of a folder, all of one camera, in the order of their names; None if that fails.

    Mapping keeps the camera as it is, and the finished map refines it: a mapping that refines it from its first two
    frames on may run into a far too short focal length and never come back. With the refined camera, other matches fit:
    so again, until it stays. The best map counts.

    Args:
        images: holds PNGs of one size and nothing else.
        size: (height, width) of them.
        work: for the database of features and matches: what is there from a call that was interrupted is used.
        settings: see there.
        stages: shows how far each stage is.
    """
    library = pycolmap()
    library.set_random_seed(settings.seed)
    mapper = Mapper(library, images, size, work, settings, stages)
    mapper.extract()
    mapper.match()
    best = _begun(mapper, settings, stages)
    for number in range(1, ROUNDS + 1):
        if best is None or abs(best.camera.focal_length / mapper.focal_px - 1) < SETTLED:
            break
        if not mapper.take_camera(best.camera.focal_length, best.camera.params[-1]):
            break
        again = _mapped(mapper, f"Mapping again, round {number} of at most {ROUNDS}", settings, stages)
        if again is None or _badness(again, mapper) > 1.1 * _badness(best, mapper):
            break
        best = again
    if best is None:
        return None
    parts = stages.wait("Comparing parts", lambda: part_focals(library, best, settings.principal_point))
    return _told(best, parts, mapper.names, size)


def _begun(mapper: Mapper, settings: SfmSettings, stages: Stages) -> Refined | None:
    """The best map of several first guesses, or the first good one."""
    best = None
    guesses = [settings.fov_deg, *(min(factor * settings.fov_deg, 130.0) for factor in _OTHER_GUESSES)]
    for number, fov_deg in enumerate(guesses, start=1):
        mapper.take_camera(focal_of_fov(fov_deg, mapper.size[1]))
        label = f"Mapping from {fov_deg:.0f} degrees, guess {number} of at most {len(guesses)}"
        found = _mapped(mapper, label, settings, stages)
        if found is None:
            continue
        if best is None or _badness(found, mapper) < _badness(best, mapper):
            best = found
        if _badness(best, mapper) < _GOOD_PX / _GOOD_SHARE:
            break
    return best


def _mapped(mapper: Mapper, label: str, settings: SfmSettings, stages: Stages) -> Refined | None:
    """A map and its refined camera; None if too few frames fit together."""
    model = mapper.map(label)
    if model is None or model.num_reg_images() < FEWEST_FRAMES:
        return None
    return stages.wait("Refining the camera", lambda: refined(pycolmap(), model, settings.principal_point))


def _badness(found: Refined, mapper: Mapper) -> float:
    """Mean reprojection error in pixels over the share of the frames that fit."""
    model = found.model
    return float(model.compute_mean_reprojection_error()) * len(mapper.names) / model.num_reg_images()


def _told(found: Refined, parts: tuple[float, ...], names: list[str], size: tuple[int, int]) -> Reconstruction:
    """In the house's units."""
    model, camera = found.model, found.camera
    images = sorted(model.reg_image_ids(), key=lambda image: model.images[image].name)
    poses = np.tile(np.eye(4), (len(images), 1, 1))
    for position, image in enumerate(images):
        poses[position, :3] = model.images[image].cam_from_world().inverse().matrix()
    return Reconstruction(
        size=size,
        focal_px=float(camera.focal_length),
        centre_px=(float(camera.principal_point_x), float(camera.principal_point_y)),
        distortion=float(camera.params[-1]),
        other_focal_px=found.other_focal_px,
        part_focals_px=parts,
        registered=tuple(names.index(model.images[image].name) for image in images),
        world_from_camera=poses,
        points=_points(model, images),
    )


def _points(model: Any, images: list[int]) -> SparsePoints:
    place = {image: position for position, image in enumerate(images)}
    model.update_point_3d_errors()
    points = list(model.points3D.values())
    observations = [
        (place[element.image_id], number) for number, point in enumerate(points) for element in point.track.elements
    ]
    return SparsePoints(
        xyz=np.array([point.xyz for point in points], np.float64).reshape(-1, 3),
        rgb=np.array([point.color for point in points], np.uint8).reshape(-1, 3),
        error_px=np.array([min(point.error, _MOST_ERROR_PX) for point in points], np.float32),
        track_length=np.array([point.track.length() for point in points], np.int32),
        observations=np.array(observations, np.int32).reshape(-1, 2),
    )
