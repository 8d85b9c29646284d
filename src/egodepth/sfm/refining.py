"""The last bundle adjustments: the camera of a finished map, and what it says of its own precision."""

from typing import Any, NamedTuple

import numpy as np

PARTS, FEWEST = 4, 8
"""Up to so many parts of the frames, of so many frames each, are left out in turn."""
_CORNERS = 1 / 400
"""Distortion that moves the corners by less than this share of the width is left out."""
_MOST_MOVED = 0.4
"""By how much of their distance to the centre it may move them; fisheyes aside, lenses stay far below."""

_ROBUST_PX, _STEPS = 0.3, 500
"""Errors beyond this pull less and less: cars that move along, 3 % of the points of a rendered drive, made its focal
length 8 % too short with 1 px (LOG.md). And more steps than the library's 100, which ended half-way on another."""


class Refined(NamedTuple):
    """A model whose camera fits it."""

    model: Any
    other_focal_px: float
    """Focal length of the rejected model: with distortion, or without."""

    @property
    def camera(self) -> Any:
        """The library's camera."""
        return _camera(self.model)


def refined(library: Any, model: Any, principal_point: bool) -> Refined:
    """Refine the camera of a model and all else in it, with distortion only where it is there and matters.

    A focal length and a distortion do nearly the same to a road ahead: with both free, both are worse known.
    """
    _camera(model).params[-1] = 0.0
    plain, bent = model, library.Reconstruction(model)
    summary = _solve(library, plain, principal_point, radial=False)
    gain = summary.ceres_summary.final_cost
    unknowns = 3 * plain.num_points3D() + 6 * plain.num_reg_images()
    variance = 2 * gain / max(summary.num_residuals - unknowns, 1)
    gain -= _solve(library, bent, principal_point, radial=True).ceres_summary.final_cost
    plain_focal, bent_focal = (float(_camera(each).focal_length) for each in (plain, bent))
    # Likelihood ratio: a single parameter that is 3 standard deviations from 0 gains 9 / 2 variances.
    if gain > 4.5 * variance and _matters(_camera(bent)):
        return Refined(bent, plain_focal)
    return Refined(plain, bent_focal)


def part_focals(library: Any, found: Refined, principal_point: bool) -> tuple[float, ...]:
    """Focal length without each of up to `PARTS` rows of frames in turn, from the common solution on; none if short.

    What only the left-out frames saw is deleted, too.
    """
    model, radial = found.model, bool(found.camera.params[-1])
    images = sorted(model.reg_image_ids(), key=lambda image: model.images[image].name)
    frames = [model.images[image].frame_id for image in images]
    focals = []
    parts = min(PARTS, len(frames) // FEWEST)
    for part in np.array_split(frames, parts) if parts > 1 else ():
        rest = library.Reconstruction(model)
        for frame in part.tolist():
            rest.deregister_frame(frame)
        _solve(library, rest, principal_point, radial)
        focals.append(float(_camera(rest).focal_length))
    return tuple(focals)


def _solve(library: Any, model: Any, principal_point: bool, radial: bool) -> Any:
    """Bundle adjustment in place; the library's summary.

    Robust: features on moving cars pull the focal length where they like.
    """
    options = library.BundleAdjustmentOptions()
    options.print_summary = False
    options.refine_principal_point = principal_point
    options.refine_extra_params = radial
    options.ceres.loss_function_type = library.LossFunctionType.CAUCHY
    options.ceres.loss_function_scale = _ROBUST_PX
    options.ceres.solver_options.num_threads = 1
    options.ceres.solver_options.max_num_iterations = _STEPS
    options.ceres.solver_options.function_tolerance = 1e-7
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


def _camera(model: Any) -> Any:
    return next(iter(model.cameras.values()))
