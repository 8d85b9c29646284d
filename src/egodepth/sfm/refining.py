"""The final bundle adjustments: the camera of a finished map, and the precision of the estimate."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float64

from egodepth.sfm.choosing import most_turning
from egodepth.sfm.features import frame_of

PARTS, FEWEST = 4, 8
"""Most parts of the frames that are left out in turn, and frames of each part at least."""
_CORNERS = 1 / 400
"""Distortion that moves the corners by less than this share of the width is omitted."""
_MOST_MOVED = 0.4
"""Largest shift of the corners by distortion, as share of their distance to the centre; lenses other than fisheyes stay
far below."""

_ROBUST_PX = 0.3
"""Errors above this get a decreasing weight. With 1 px, cars that move along (3 % of the points of a rendered drive)
made its focal length 8 % too short (LOG.md)."""


class Effort(NamedTuple):
    """End of an adjustment."""

    gain: float
    """Least relative decrease of the cost in a step."""
    steps: int
    """Most steps: the library's 100 ended too early on some clips."""


_FINE, _FROM_SOLUTION = Effort(1e-7, 500), Effort(1e-6, 500)
_ROUGH = Effort(1e-6, 150)
"""For the camera of a further map."""
_SETTLED = Effort(1e-4, 100)
"""For poses and points of a known camera, which need far fewer steps than a focal length."""
_ROUGH_POINTS = 2500
"""Number of points, those with the most observations, for the camera of a further map."""


class Refined(NamedTuple):
    """A model with its refined camera."""

    model: Any
    other_focal_px: float
    """Focal length of the rejected model: with distortion, or without."""

    @property
    def camera(self) -> Any:
        """The library's camera."""
        return camera_of(self.model)


def roughly_refined(library: Any, model: Any, principal_point: bool, advance: Callable[[int], None]) -> Refined:
    """Refine as `refined` does, accurate enough for a further map, in a third of the time; the model is not changed."""
    return refined(library, _thinned(library, model), principal_point, advance, _ROUGH)


def refined(
    library: Any, model: Any, principal_point: bool, advance: Callable[[int], None], effort: Effort = _FINE
) -> Refined:
    """Refine the camera of a model and everything else in it. Distortion is used only where it is significant.

    A focal length and a distortion have nearly the same effect on a road ahead: with both free, both are less certain.

    Args:
        library: pycolmap.
        model: its camera is SIMPLE_RADIAL.
        principal_point: also refine the centre.
        advance: callback, called with 1 after each of two adjustments.
        effort: the end of the adjustments.
    """
    camera_of(model).params[-1] = 0.0
    plain = model
    summary = _solve(library, plain, focal=True, principal_point=principal_point, effort=effort)
    advance(1)
    gain = summary.ceres_summary.final_cost
    unknowns = 3 * plain.num_points3D() + 6 * plain.num_reg_images()
    variance = 2 * gain / max(summary.num_residuals - unknowns, 1)
    bent = library.Reconstruction(plain)
    bent_summary = _solve(library, bent, focal=True, principal_point=principal_point, radial=True, effort=effort)
    advance(1)
    gain -= bent_summary.ceres_summary.final_cost
    plain_focal, bent_focal = (float(camera_of(each).focal_length) for each in (plain, bent))
    # Likelihood ratio: a single parameter that is 3 standard deviations from 0 gains 9 / 2 variances.
    if gain > 4.5 * variance and _matters(camera_of(bent)):
        return Refined(bent, plain_focal)
    return Refined(plain, bent_focal)


def adjust(library: Any, model: Any) -> None:
    """Refine poses and points of a finished map, in place; its camera is fixed."""
    _solve(library, model, focal=False, effort=_SETTLED)


def part_focals(
    library: Any, model: Any, advance: Callable[[int], None], principal_point: bool = False, radial: bool = False
) -> tuple[float, ...]:
    """Return the focal lengths without each of up to `PARTS` parts of the frames in turn; empty if there are too few.

    Each starts from the common solution. Points of the left-out frames alone are deleted, too. `advance` is called with
    1 after each.
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
        advance(1)
    return tuple(focals)


class FreedFocal(NamedTuple):
    """Focal length that the map of a given camera suggests."""

    model: Any
    """The map of the frames that turn most, adjusted with a free focal length."""
    poses: Float64[np.ndarray, "f 4 4"]
    """World-from-camera poses of these frames."""
    given: float
    focal: float
    """In pixels, like `given`."""


def freed_focal(library: Any, model: Any, most_frames: int) -> FreedFocal:
    """Adjust a map again with a free focal length, in the frames that turn most, because only these determine it."""
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
    # One focal length: a PINHOLE has two, and a road ahead hardly determines the vertical one.
    camera.model, camera.params = library.CameraModelId.SIMPLE_PINHOLE, [given, *centre]
    rest = _thinned(library, rest)
    _solve(library, rest, focal=True, effort=_FROM_SOLUTION)
    return FreedFocal(rest, poses[start : start + count], given, float(camera_of(rest).mean_focal_length()))


def _thinned(library: Any, model: Any) -> Any:
    """Return a copy with the points that have the most observations."""
    thin = library.Reconstruction(model)
    points = sorted(thin.points3D, key=lambda number: (-thin.points3D[number].track.length(), number))
    for number in points[_ROUGH_POINTS:]:
        thin.delete_point3D(number)
    return thin


def camera_of(model: Any) -> Any:
    """Return the library's camera of a model, whose frames share one."""
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
    """Run bundle adjustment in place and return the library's summary.

    The loss is robust, because features on moving cars pull the focal length in any direction.
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
    """Whether distortion moves the corners by a relevant and plausible amount."""
    distortion = float(camera.params[-1])
    corner = 0.25 * (camera.height**2 + camera.width**2) / float(camera.focal_length) ** 2
    moved = abs(distortion) * corner
    shift = moved * corner**0.5 * float(camera.focal_length)
    return shift > _CORNERS * camera.width and moved < _MOST_MOVED
