"""Find the metric scale of a model that learned depth up to scale."""

import datetime
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from egodepth.data.cameras import read_camera
from egodepth.data.drive import Drive, select_drives
from egodepth.data.footage.times import USUAL_FPS, known_times
from egodepth.data.images import image_size
from egodepth.data.opening import open_drives
from egodepth.foundation.errors import InputError
from egodepth.inference.motion import MotionPredictor
from egodepth.inference.predictor import DepthPredictor
from egodepth.video.scale.estimates import FEWEST, PRIOR, Combined, combined, gathered
from egodepth.video.scale.lengths import PIXEL_PRIOR, file_factor
from egodepth.video.scale.options import DISTORTION_PERCENT, GIVEN_PERCENT, ScaleOptions, check_options
from egodepth.video.scale.sources import (
    DrivenPair,
    Found,
    by_baseline,
    by_depth,
    by_distance_driven,
    by_height,
    by_pose_network,
    driven_pairs,
    neighbours,
)
from egodepth.video.scale.speed import (
    Distance,
    Times,
    constant_speed,
    find_oxts,
    logged_speeds,
    numbered_times,
    oxts_speeds,
)
from egodepth.weights import DepthModel, MetricScale, ModelCard, cameras_of, rewrite_card, usual_focal
from egodepth.weights.exported.card import exported_folder
from egodepth.weights.exported.runtime import ExportedModel


class FoundScale(NamedTuple):
    """Result of a search for the scale."""

    scale: MetricScale
    result: Combined

    def lines(self) -> list[str]:
        """Return the factor and the parts of its error bar, as lines of text."""
        result, by = self.result, self.scale.by
        where = f"{result.drives} {'image' if by == 'distance' else 'drive'}{'s' * (result.drives != 1)}"
        said = [
            f"1 unit of depth = {result.factor:.4g} m +-{100 * result.spread:.2g} % by {by}, from "
            f"{result.samples} of {result.asked} samples of {where}",
            f"95 % interval: {100 * result.statistical:.2g} % scatter of samples, {100 * result.given:.2g} % what was "
            f"given, {100 * result.distortion:.2g} % the model's distortion; single samples scatter by "
            f"{100 * result.scatter:.2g} %",
        ]
        if self.scale.motion != 1:
            unit = f"the pose network's own unit is {self.scale.motion:.3g} of that"
            said.append(f"{unit}: trajectories are brought to metres, too")
        return said

    def record(self, options: ScaleOptions) -> dict[str, Any]:
        """Return the result as plain values."""
        about = {"model": options.model, "by": options.by, "on": self.scale.on, "when": self.scale.when}
        return about | {"stored": options.store, "motion": self.scale.motion} | self.result._asdict()


def find_scale(options: ScaleOptions) -> FoundScale:
    """Find how many metres a unit of a model's depth is, and store it in the model's card if requested.

    Raises:
        InputError: contradicting options, no such model or data, or too few samples.
    """
    _check(options)
    predictor = _predictor(options)
    prior, fewest = (PIXEL_PRIOR, 1) if options.by == "distance" else (PRIOR, FEWEST)
    percent = GIVEN_PERCENT[options.by or ""] if options.given_percent is None else options.given_percent
    distortion = DISTORTION_PERCENT.get(options.by or "", 0.0)
    found, driven = _found(options, predictor)
    result = combined(gathered(found), percent / 100, prior, fewest, distortion / 100)
    motion_factor = _motion_factor(options, predictor, driven) if driven else None
    scale = MetricScale(
        factor=result.factor,
        motion=motion_factor / result.factor if motion_factor else 1.0,
        spread=result.spread,
        scatter=result.scatter,
        by=options.by or "",
        on=str(options.data or " ".join(map(str, options.image))),
        samples=result.samples,
        when=datetime.datetime.now(datetime.UTC).date().isoformat(),
        focal=_focal(options),
    )
    if options.store:
        rewrite_card(options.model, lambda card: _learned_up_to_scale(card, options.model).scaled(scale))
    return FoundScale(scale, result)


def remove_scale(options: ScaleOptions) -> None:
    """Remove the scale of a model; `InputError` if it has none."""
    _check(options)
    rewrite_card(options.model, _without_scale)


def _check(options: ScaleOptions) -> None:
    check_options(options.given())
    if exported_folder(options.model):
        raise InputError(f"{options.model}: an exported model; scale the model that it came from and export it again")


def _predictor(options: ScaleOptions) -> DepthPredictor:
    """Return the model in its learned units."""
    if options.store and not Path(options.model).exists():
        raise InputError(f"{options.model}: no such folder; what is on the hub can be measured with --no-store alone")
    predictor = DepthPredictor.load(options.model, options.device)
    assert not isinstance(predictor.model, ExportedModel)
    predictor.model.card = _learned_up_to_scale(predictor.model.card, options.model)
    return predictor


def _found(options: ScaleOptions, predictor: DepthPredictor) -> tuple[Found, list[DrivenPair]]:
    """Return the factors of the chosen method, and frame pairs with a known driven distance."""
    if options.by == "distance":
        return _distances(options, predictor), []
    drives = _drives(options)
    if options.by in ("speed", "oxts"):
        pairs = driven_pairs(
            drives, _neighbour_offset(predictor), partial(_distance_driven, options), partial(_times, options)
        )
        return by_distance_driven(predictor, pairs, options.limit), pairs
    if options.by == "height":
        return by_height(
            predictor, neighbours(drives, _neighbour_offset(predictor)), options.height_m or 0, options.limit
        )
    return (by_baseline if options.by == "baseline" else by_depth)(predictor, drives, options.limit), []


def _motion_factor(options: ScaleOptions, predictor: DepthPredictor, driven: list[DrivenPair]) -> float | None:
    """Return the metres per unit of the pose network's translations; None without a network or without motion."""
    assert isinstance(predictor.model, DepthModel)
    if predictor.model.pose_net is None:
        return None
    factors = gathered(by_pose_network(MotionPredictor(predictor.model), driven, options.limit)).factors
    return float(np.median(factors)) if len(factors) >= FEWEST else None


def _drives(options: ScaleOptions) -> list[Drive]:
    assert options.data is not None
    drives = select_drives(open_drives(options.data, options.split), options.drives)
    if options.speeds and len(drives) > 1:
        names = ", ".join(drive.name for drive in drives[:4])
        raise InputError(f"--speeds belongs to one drive; choose with --drives among {names}")
    return drives


def _distance_driven(options: ScaleOptions, drive: Drive) -> Distance:
    """Return the function for the distance that a drive covered between frames."""
    assert options.data is not None
    if options.by == "oxts":
        folder = find_oxts(options.data, drive.name)
        clock = folder.parent / drive.name.rpartition("/")[2] / "timestamps.txt"
        return oxts_speeds(folder, clock if clock.is_file() else None)
    if options.speeds:
        return logged_speeds(options.speeds, _times(options, drive))
    return constant_speed(options.speed_mps or 0, _times(options, drive))


def _times(options: ScaleOptions, drive: Drive) -> Times:
    """Return the times of a drive's frames."""
    assert options.data is not None
    known = known_times(options.data, drive.name) if options.fps is None else None
    return known or numbered_times(options.fps or USUAL_FPS)


def _distances(options: ScaleOptions, predictor: DepthPredictor) -> Found:
    images = options.image * (len(options.pixel) if len(options.image) == 1 else 1)
    camera = str(options.camera) if options.camera else None
    return [
        (str(image), file_factor(predictor, str(image), pixel, metres, camera))
        for image, pixel, metres in zip(images, options.pixel, options.distance_m, strict=True)
    ]


def _focal(options: ScaleOptions) -> tuple[float, ...]:
    """Return the focal lengths of the cameras that the scale is found on, as far as known."""
    if options.data is not None:
        return usual_focal(cameras_of(_drives(options)))
    return usual_focal([read_camera(options.camera, image_size(options.image[0]))]) if options.camera else ()


def _neighbour_offset(predictor: DepthPredictor) -> int:
    """Return the offset to a neighbour in the model's training, at which the scene is found again."""
    assert isinstance(predictor.model, DepthModel)
    return min(map(abs, predictor.model.card.offsets), default=1)


def _learned_up_to_scale(card: ModelCard, name: str) -> ModelCard:
    """Return the card without an earlier scale; a model that learned metres is refused."""
    if card.metric and not card.scale.by:
        raise InputError(f"{name}: its depth is in metres already, by its training (stereo or given poses)")
    return card.unscaled()


def _without_scale(card: ModelCard) -> ModelCard:
    if not card.scale.by:
        raise InputError("--remove: this model has no scale to take off")
    return card.unscaled()
