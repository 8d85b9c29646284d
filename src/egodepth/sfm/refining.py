"""The last bundle adjustments: the camera of a finished map, and what it says of its own precision."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float64

from egodepth.sfm.choosing import most_turning
from egodepth.sfm.features import frame_of

PARTS, FEWEST = 4, 8
"""Up to so many parts of the frames, of so many frames each, are left out in turn."""
_CORNERS = 1 / 400
"""Distortion that moves the corners by less than this share of the width is left out."""
_MOST_MOVED = 0.4
"""By how much of their distance to the centre it may move them; fisheyes aside, lenses stay far below."""

_ROBUST_PX = 0.3
"""Errors beyond this pull less and less: cars that move along, 3 % of the points of a rendered drive, made its focal
length 8 % too short with 1 px (LOG.md)."""


class Effort(NamedTuple):
    """When an adjustment ends."""

    gain: float
    """A step gains a smaller share of the cost."""
    steps: int
    """So many are done: the library's 100 ended half-way on some clips."""


_FINE, _FROM_SOLUTION = Effort(1e-7, 500), Effort(1e-6, 500)
_ROUGH = Effort(1e-6, 150)
"""For the camera of another map."""
_SETTLED = Effort(1e-4, 100)
"""For poses and points of a known camera, which need far fewer steps than a focal length."""
_ROUGH_POINTS = 2500
"""So many points, those seen most often, are enough for the camera of another map."""


class Refined(NamedTuple):
    """A model whose camera fits it."""

    model: Any
    other_focal_px: float
    """Focal length of the rejected model: with distortion, or without."""

    @property
    def camera(self) -> Any:
        """The library's camera."""
        return camera_of(self.model)


def roughly_refined(library: Any, model: Any, principal_point: bool, told: Callable[[int], None]) -> Refined:
    """As `refined`, good enough for another map, in a third of the time; the model stays as it is."""
    return refined(library, _thinned(library, model), principal_point, told, _ROUGH)


def refined(
    library: Any, model: Any, principal_point: bool, told: Callable[[int], None], effort: Effort = _FINE
) -> Refined:
    """Refine the camera of a model and all else in it, with distortion only where it is there and matters.

    A focal length and a distortion do nearly the same to a road ahead: with both free, both are worse known.

    Args:
        library: pycolmap.
        model: its camera is SIMPLE_RADIAL.
        principal_point: refine the centre, too.
        told: called with 1 after each of two adjustments.
        effort: when to end.
    """
    camera_of(model).params[-1] = 0.0
    plain = model
    summary = _solve(library, plain, focal=True, principal_point=principal_point, effort=effort)
    told(1)
    gain = summary.ceres_summary.final_cost
    unknowns = 3 * plain.num_points3D() + 6 * plain.num_reg_images()
    variance = 2 * gain / max(summary.num_residuals - unknowns, 1)
    bent = library.Reconstruction(plain)
    bent_summary = _solve(library, bent, focal=True, principal_point=principal_point, radial=True, effort=effort)
    told(1)
    gain -= bent_summary.ceres_summary.final_cost
    plain_focal, bent_focal = (float(camera_of(each).focal_length) for each in (plain, bent))
    # Likelihood ratio: a single parameter that is 3 standard deviations from 0 gains 9 / 2 variances.
    if gain > 4.5 * variance and _matters(camera_of(bent)):
        return Refined(bent, plain_focal)
    return Refined(plain, bent_focal)


def adjust(library: Any, model: Any) -> None:
    """Refine poses and points of a finished map, in place; its camera stays."""
    _solve(library, model, focal=False, effort=_SETTLED)


def part_focals(
    library: Any, model: Any, told: Callable[[int], None], principal_point: bool = False, radial: bool = False
) -> tuple[float, ...]:
    """Focal length without each of up to `PARTS` rows of frames in turn, from the common solution on; none if short.

    What only the left-out frames saw is deleted, too. `told` is called with 1 after each.
    """
    images = sorted(model.reg_image_ids(), key=lambda image: frame_of(model.images[image].name))
    frames = [model.images[image].frame_id for image in images]
    focals = []
    parts = min(PARTS, len(frames) // FEWEST)
    for part in np.array_split(frames, parts) if parts > 1 else ():
        rest = library.Reconstruction(model)
        for frame in part.tolist():
            rest.deregister_frame(frame)
        _solve(library, rest, focal=True, principal_point=principal_point, radial=radial, effort=_FROM_SOLUTION)
        focals.append(float(camera_of(rest).mean_focal_length()))
        told(1)
    return tuple(focals)


class FreedFocal(NamedTuple):
    """What a map made with a given camera says of its focal length."""

    model: Any
    """The map of the frames that turn most, adjusted with a free focal length."""
    poses: Float64[np.ndarray, "f 4 4"]
    """World from camera, of these frames."""
    given: float
    focal: float
    """In pixels, as the one that was given."""


def freed_focal(library: Any, model: Any, most_frames: int) -> FreedFocal:
    """Adjust a map once more with its focal length free, in the frames that turn most, as no others tell."""
    rest = library.Reconstruction(model)
    images = sorted((rest.images[image] for image in rest.reg_image_ids()), key=lambda image: frame_of(image.name))
    poses = np.tile(np.eye(4), (len(images), 1, 1))
    for pose, image in zip(poses, images, strict=True):
        pose[:3] = image.cam_from_world().inverse().matrix()
    count = min(most_frames, len(images))
    start = most_turning(np.arctan2(poses[:, 0, 2], poses[:, 2, 2]), count)
    for image in images[:start] + images[start + count :]:
        rest.deregister_frame(image.frame_id)
    camera = camera_of(rest)
    given = float(camera.mean_focal_length())
    centre = camera.principal_point_x, camera.principal_point_y
    # One focal length: of the two of a PINHOLE that looks at a road, the vertical one is hardly known.
    camera.model, camera.params = library.CameraModelId.SIMPLE_PINHOLE, [given, *centre]
    rest = _thinned(library, rest)
    _solve(library, rest, focal=True, effort=_FROM_SOLUTION)
    return FreedFocal(rest, poses[start : start + count], given, float(camera_of(rest).mean_focal_length()))


def _thinned(library: Any, model: Any) -> Any:
    """A copy with the points that are seen most often."""
    thin = library.Reconstruction(model)
    points = sorted(thin.points3D, key=lambda number: (-thin.points3D[number].track.length(), number))
    for number in points[_ROUGH_POINTS:]:
        thin.delete_point3D(number)
    return thin


def camera_of(model: Any) -> Any:
    """The library's camera of a model, whose frames have one."""
    return next(iter(model.cameras.values()))


def _solve(
    library: Any,
    model: Any,
    *,
    focal: bool,
    principal_point: bool = False,
    radial: bool = False,
    effort: Effort = _FINE,
) -> Any:
    """Bundle adjustment in place; the library's summary.

    Robust: features on moving cars pull the focal length where they like.
    """
    options = library.BundleAdjustmentOptions()
    options.print_summary = False
    options.refine_focal_length = focal
    options.refine_principal_point = principal_point
    options.refine_extra_params = radial
    options.ceres.loss_function_type = library.LossFunctionType.CAUCHY
    options.ceres.loss_function_scale = _ROBUST_PX
    options.ceres.solver_options.num_threads = 1
    options.ceres.solver_options.max_num_iterations = effort.steps
    options.ceres.solver_options.function_tolerance = effort.gain
    config = library.BundleAdjustmentConfig()
    for image in model.reg_image_ids():
        config.add_image(image)
    config.fix_gauge(library.BundleAdjustmentGauge.TWO_CAMS_FROM_WORLD)
    return library.create_default_ceres_bundle_adjuster(options, config, model).solve()


def _matters(camera: Any) -> bool:
    """Whether distortion moves the corners, and not absurdly far."""
    distortion = float(camera.params[-1])
    corner = 0.25 * (camera.height**2 + camera.width**2) / float(camera.focal_length) ** 2
    moved = abs(distortion) * corner
    shift = moved * corner**0.5 * float(camera.focal_length)
    return shift > _CORNERS * camera.width and moved < _MOST_MOVED
