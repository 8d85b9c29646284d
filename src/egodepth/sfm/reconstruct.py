"""Structure from motion by COLMAP (Schönberger and Frahm 2016): the camera of some frames, and the map of all."""

from collections.abc import Callable
from typing import Any

import numpy as np

from egodepth.geometry import focal_of_fov
from egodepth.sfm.assembling import assembled, parts_of
from egodepth.sfm.clip_map import ClipMap
from egodepth.sfm.features import frame_of
from egodepth.sfm.mapping import Mapper
from egodepth.sfm.refining import PARTS, Refined, adjust, part_focals, refined, roughly_refined
from egodepth.sfm.settings import FEWEST_FRAMES
from egodepth.sfm.structures import Reconstruction

ROUNDS, SETTLED = 3, 0.01
"""Most repetitions of the mapping with the refined camera, and the relative change of focal length that ends them."""
_OTHER_GUESSES = (1.5, 0.7)
"""Factors on the first guess of the field of view, if the first guess fails."""
_GOOD_PX, _GOOD_SHARE = 0.8, 0.9
"""Features are accurate to half a pixel: a map with a larger mean error, or fewer frames, began with a wrong pair."""

_POOR_PX = 0.75
"""A map with a larger mean error began on a moving object. It was .51 and .55 px for real streets, and 1.0 for a map
that began on a car ahead (LOG.md)."""
_OTHER_BEGINNINGS = 0.5, 0.25, 0.75
"""In that case mapping starts again from frames at these shares of the sequence."""


def find_camera(mapper: Mapper, frames: tuple[int, ...]) -> Reconstruction | None:
    """Find the camera from some of the frames, whose features are matched; None if they do not fit together.

    Mapping keeps the camera fixed, and the finished map refines it. If mapping refined it from its first two frames on,
    it could drift to a far too short focal length and never recover. The refined camera admits other matches, so this
    is repeated until it is stable. The best map is used.
    """
    best = _begun(mapper, frames)
    for number in range(1, ROUNDS + 1):
        if best is None or not mapper.take_camera(best.camera.focal_length, best.camera.params[-1]):
            break
        focal = mapper.focal_px
        again = _mapped(mapper, frames, f"Mapping again, round {number} of at most {ROUNDS}", refined)
        if again is None or _badness(again, frames) > 1.1 * _badness(best, frames):
            break
        best = again
        if abs(best.camera.focal_length / focal - 1) < SETTLED:
            break
    return None if best is None else _reconstruction(best, _part_focals(mapper, best), frames)


def map_frames(mapper: Mapper) -> ClipMap | None:
    """Return the map of all frames with the mapper's fixed camera; None if no frames fit together.

    The library's own largest model is kept in the work folder, as `map`.
    """
    models = _adjusted(mapper, "Mapping all frames", None)
    frames = mapper.footage.frames
    for attempt, share in enumerate(_OTHER_BEGINNINGS, start=2):
        if len(models) != 1 or _error_px(models) < _POOR_PX:
            break  # with several parts, a map from a given frame would be only one of them
        label = f"Mapping from another pair, attempt {attempt} of at most {1 + len(_OTHER_BEGINNINGS)}"
        again = _adjusted(mapper, label, frames[int(share * len(frames))])
        if _frames_in(again) > _GOOD_SHARE * _frames_in(models) and _error_px(again) < _error_px(models):
            models = again
    parts = parts_of(models)
    if not parts:
        return None
    mapper.keep(models[0])
    count = sum(len(part.frames) for part in parts)
    return mapper.stages.each("Reading colours", count, lambda advance: assembled(parts, mapper.footage, advance))


def _adjusted(mapper: Mapper, label: str, begin: int | None) -> list[Any]:
    """Return the models of all frames with the mapper's camera, the largest first."""
    models = mapper.map(label, mapper.footage.frames, begin)

    def work(advance: Callable[[int], None]) -> None:
        for model in models:
            adjust(mapper.library, model)
            advance(1)

    mapper.stages.each("Adjusting the map", len(models), work)
    return models


def _frames_in(models: list[Any]) -> int:
    return sum(model.num_reg_images() for model in models)


def _error_px(models: list[Any]) -> float:
    """Return the mean reprojection error, with models weighted by their frames."""
    errors = [float(model.compute_mean_reprojection_error()) for model in models]
    return float(np.average(errors, weights=[model.num_reg_images() for model in models]))


def _begun(mapper: Mapper, frames: tuple[int, ...]) -> Refined | None:
    """Return the best map of several first guesses, or the first good one."""
    best, fov_deg = None, mapper.settings.fov_deg
    guesses = [fov_deg, *(min(factor * fov_deg, 130.0) for factor in _OTHER_GUESSES)]
    for number, guess in enumerate(guesses, start=1):
        mapper.take_camera(focal_of_fov(guess, mapper.footage.size[1]))
        label = f"Mapping from {guess:.0f} degrees, guess {number} of at most {len(guesses)}"
        found = _mapped(mapper, frames, label, roughly_refined)
        if found is None:
            continue
        if best is None or _badness(found, frames) < _badness(best, frames):
            best = found
        if _badness(best, frames) < _GOOD_PX / _GOOD_SHARE:
            break
    return best


def _mapped(mapper: Mapper, frames: tuple[int, ...], label: str, refine: Callable[..., Refined]) -> Refined | None:
    """Return a map and its refined camera; None if too few frames fit together."""
    models = mapper.map(label, frames)
    if not models or models[0].num_reg_images() < FEWEST_FRAMES:
        return None
    centre = mapper.settings.principal_point
    return mapper.stages.each(
        "Refining the camera", 2, lambda advance: refine(mapper.library, models[0], centre, advance)
    )


def _part_focals(mapper: Mapper, found: Refined) -> tuple[float, ...]:
    centre, radial = mapper.settings.principal_point, bool(found.camera.params[-1])
    return mapper.stages.each(
        "Comparing parts", PARTS, lambda advance: part_focals(mapper.library, found.model, advance, centre, radial)
    )


def _badness(found: Refined, frames: tuple[int, ...]) -> float:
    """Return the mean reprojection error in pixels over the share of registered frames."""
    return float(found.model.compute_mean_reprojection_error()) * len(frames) / found.model.num_reg_images()


def _reconstruction(found: Refined, parts: tuple[float, ...], frames: tuple[int, ...]) -> Reconstruction:
    """Return the result in egodepth's units."""
    model, camera = found.model, found.camera
    images = {frame_of(model.images[image].name): model.images[image] for image in model.reg_image_ids()}
    registered = sorted(images)
    poses = np.tile(np.eye(4), (len(registered), 1, 1))
    for position, frame in enumerate(registered):
        poses[position, :3] = images[frame].cam_from_world().inverse().matrix()
    return Reconstruction(
        size=(camera.height, camera.width),
        focal_px=float(camera.focal_length),
        centre_px=(float(camera.principal_point_x), float(camera.principal_point_y)),
        distortion=float(camera.params[-1]),
        other_focal_px=found.other_focal_px,
        part_focals_px=parts,
        registered=tuple(frames.index(frame) for frame in registered),
        world_from_camera=poses,
    )
