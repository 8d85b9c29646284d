"""`egodepth scale MODEL --by ...`: metres for a model that learned depth up to scale."""

import dataclasses
import datetime
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from rich.console import Console
from tyro.conf import Positional

from egodepth.data.cameras import read_camera
from egodepth.data.drive import Drive, select_drives
from egodepth.data.footage.times import USUAL_FPS, known_times
from egodepth.data.images import image_size
from egodepth.data.opening import open_drives
from egodepth.errors import InputError
from egodepth.exported.card import exported_folder
from egodepth.exported.runtime import ExportedModel
from egodepth.files import write_text
from egodepth.motion import MotionPredictor
from egodepth.predictor import DepthPredictor
from egodepth.scale.estimates import FEWEST, PRIOR, Combined, combined, gathered
from egodepth.scale.lengths import PIXEL_PRIOR, file_factor
from egodepth.scale.options import DISTORTION_PERCENT, GIVEN_PERCENT, Way, check_options
from egodepth.scale.sources import (
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
from egodepth.scale.speed import (
    Distance,
    Times,
    constant_speed,
    find_oxts,
    logged_speeds,
    numbered_times,
    oxts_speeds,
)
from egodepth.weights import DepthModel, MetricScale, ModelCard, cameras_of, rewrite_card, usual_focal


@dataclass(frozen=True, kw_only=True)
class Scale:
    """Find how many metres a unit of a model's depth is, and keep it in the model's folder with its error bar.

    Every output is in metres from then on, exports and trajectories, too, and says how sure the metres are. The error
    bar is half of the factor's 95 % interval: frames' scatter, the error of what was given, and an allowance for the
    model's distortion. It is true for drives like those that it was found on, and for the image as a whole.
    Trajectories are measured by themselves where the way tells how far the camera drove (height, speed, oxts); by the
    others they keep the pose network's own error, which is easily 10 to 20 %. A further training of the run writes the
    model anew, without its scale.
    """

    model: Positional[str]
    """A run folder or a model folder; one whose depth is up to scale."""
    by: Way | None = None
    """baseline: stereo pairs of --data. height: of the camera over a level road (--height-m). speed: --speed-mps or
    --speeds, and oxts: KITTI raw's GPS. distance: to points of images (--image, --pixel, --distance-m). depth: true
    depth of --data. The first four compare the model's depth with what the motion between two images says."""
    data: Path | None = None
    """Drives to find it on: any data set that can be trained on."""
    drives: tuple[str, ...] = ("*",)
    """Glob patterns of the drives."""
    split: Literal["train", "val", "test"] = "train"
    """Which drives of a rendered set or of Cityscapes."""
    limit: int = 100
    """Look at this many frames, evenly spaced."""
    height_m: float | None = None
    """Height of the camera over the road, metres."""
    speed_mps: float | None = None
    """The speed, if it was the same all the time, metres a second."""
    speeds: Path | None = None
    """CSV of `time,speed`: seconds from the beginning of the recording (or from frame number 0), metres a second; of
    one drive."""
    fps: float | None = None
    """Frames a second, counted as frame numbers are. Left out: the frames' own times, where egodepth data extract, a
    times.txt or their names say them; else 10."""
    image: tuple[Path, ...] = ()
    """Images with a known distance in them: one for each, or one for all."""
    pixel: tuple[tuple[float, float], ...] = ()
    """x and y of each point in its image, from the upper left, pixels."""
    distance_m: tuple[float, ...] = ()
    """Distance of each point, metres: in a straight line with --camera, along the camera's axis without."""
    camera: Path | None = None
    """Camera file of those images (camera.json)."""
    given_percent: float | None = None
    """How sure what you gave is: 95 % error in percent. Default: baseline 0.5, height 3, speed 2, the others 1."""
    remove: bool = False
    """Take a scale off again."""
    store: bool = True
    """Keep it in the model's folder; else it is only printed."""
    json: Path | None = None
    """Write what was found to this file, too."""
    device: str | None = None
    """`cpu`, `cuda`, ...; the GPU if there is one when left out."""

    def __call__(self) -> None:
        """Find, store and print the scale; or remove it."""
        given = {
            field.name: getattr(self, field.name)
            for field in dataclasses.fields(self)
            if field.default is not dataclasses.MISSING and getattr(self, field.name) != field.default
        }
        check_options(given)
        if exported_folder(self.model):
            raise InputError(f"{self.model}: an exported model; scale the model that it came from and export it again")
        if self.remove:
            rewrite_card(self.model, _without_scale)
            _say(f"{self.model}: depth is up to scale again")
            return
        predictor = self._predictor()
        prior, fewest = (PIXEL_PRIOR, 1) if self.by == "distance" else (PRIOR, FEWEST)
        percent = GIVEN_PERCENT[self.by or ""] if self.given_percent is None else self.given_percent
        distortion = DISTORTION_PERCENT.get(self.by or "", 0.0)
        found, driven = self._found(predictor)
        result = combined(gathered(found), percent / 100, prior, fewest, distortion / 100)
        motion_factor = self._motion_factor(predictor, driven) if driven else None
        scale = MetricScale(
            factor=result.factor,
            motion=motion_factor / result.factor if motion_factor else 1.0,
            spread=result.spread,
            scatter=result.scatter,
            by=self.by or "",
            on=str(self.data or " ".join(map(str, self.image))),
            samples=result.samples,
            when=datetime.datetime.now(datetime.UTC).date().isoformat(),
            focal=self._focal(),
        )
        if self.store:
            rewrite_card(self.model, lambda card: _learned_up_to_scale(card, self.model).scaled(scale))
        if self.json:
            write_text(self.json, json.dumps(self._record(result, scale), indent=2) + "\n")
        self._print(result, scale)

    def _predictor(self) -> DepthPredictor:
        """The model in the units that it learned."""
        if self.store and not Path(self.model).exists():
            raise InputError(f"{self.model}: no such folder; what is on the hub can be measured with --no-store alone")
        predictor = DepthPredictor.load(self.model, self.device)
        assert not isinstance(predictor.model, ExportedModel)
        predictor.model.card = _learned_up_to_scale(predictor.model.card, self.model)
        return predictor

    def _found(self, predictor: DepthPredictor) -> tuple[Found, list[DrivenPair]]:
        """What the chosen way finds, and pairs of frames between which it knows how many metres were driven."""
        if self.by == "distance":
            return self._distances(predictor), []
        drives = self._drives()
        if self.by in ("speed", "oxts"):
            pairs = driven_pairs(drives, _frames_apart(predictor), self._distance_driven, self._times)
            return by_distance_driven(predictor, pairs, self.limit), pairs
        if self.by == "height":
            return by_height(predictor, neighbours(drives, _frames_apart(predictor)), self.height_m or 0, self.limit)
        return (by_baseline if self.by == "baseline" else by_depth)(predictor, drives, self.limit), []

    def _motion_factor(self, predictor: DepthPredictor, driven: list[DrivenPair]) -> float | None:
        """Metres in a unit of the pose network's translations; None where the model has none, or it sees no motion."""
        assert isinstance(predictor.model, DepthModel)
        if predictor.model.pose_net is None:
            return None
        factors = gathered(by_pose_network(MotionPredictor(predictor.model), driven, self.limit)).factors
        return float(np.median(factors)) if len(factors) >= FEWEST else None

    def _drives(self) -> list[Drive]:
        assert self.data is not None
        drives = select_drives(open_drives(self.data, self.split), self.drives)
        if self.speeds and len(drives) > 1:
            names = ", ".join(drive.name for drive in drives[:4])
            raise InputError(f"--speeds belongs to one drive; choose with --drives among {names}")
        return drives

    def _distance_driven(self, drive: Drive) -> Distance:
        """What is known of how far a drive went between frames."""
        assert self.data is not None
        if self.by == "oxts":
            folder = find_oxts(self.data, drive.name)
            clock = folder.parent / drive.name.rpartition("/")[2] / "timestamps.txt"
            return oxts_speeds(folder, clock if clock.is_file() else None)
        if self.speeds:
            return logged_speeds(self.speeds, self._times(drive))
        return constant_speed(self.speed_mps or 0, self._times(drive))

    def _times(self, drive: Drive) -> Times:
        """When a drive's frames were taken."""
        assert self.data is not None
        known = known_times(self.data, drive.name) if self.fps is None else None
        return known or numbered_times(self.fps or USUAL_FPS)

    def _distances(self, predictor: DepthPredictor) -> Found:
        images = self.image * (len(self.pixel) if len(self.image) == 1 else 1)
        camera = str(self.camera) if self.camera else None
        return [
            (str(image), file_factor(predictor, str(image), pixel, metres, camera))
            for image, pixel, metres in zip(images, self.pixel, self.distance_m, strict=True)
        ]

    def _focal(self) -> tuple[float, ...]:
        """Of the cameras that the scale is found on, as far as it is known."""
        if self.data is not None:
            return usual_focal(cameras_of(self._drives()))
        return usual_focal([read_camera(self.camera, image_size(self.image[0]))]) if self.camera else ()

    def _record(self, result: Combined, scale: MetricScale) -> dict[str, object]:
        about = {"model": self.model, "by": self.by, "on": scale.on, "when": scale.when, "stored": self.store}
        about["motion"] = scale.motion
        return about | result._asdict()

    def _print(self, result: Combined, scale: MetricScale) -> None:
        where = f"{result.drives} {'image' if self.by == 'distance' else 'drive'}{'s' * (result.drives != 1)}"
        _say(
            f"1 unit of depth = {result.factor:.4g} m +-{100 * result.spread:.2g} % by {self.by}, from "
            f"{result.samples} of {result.asked} samples of {where}"
        )
        _say(
            f"95 % interval: {100 * result.statistical:.2g} % scatter of samples, {100 * result.given:.2g} % what was "
            f"given, {100 * result.distortion:.2g} % the model's distortion; single samples scatter by "
            f"{100 * result.scatter:.2g} %"
        )
        if scale.motion != 1:
            _say(f"the pose network's own unit is {scale.motion:.3g} of that: trajectories are brought to metres, too")
        _say(f"{self.model}: depth is in metres from now on" if self.store else "not stored")


def _frames_apart(predictor: DepthPredictor) -> int:
    """Frames to a neighbour, as in the model's training: near enough to be found again."""
    assert isinstance(predictor.model, DepthModel)
    return min(map(abs, predictor.model.card.offsets), default=1)


def _learned_up_to_scale(card: ModelCard, name: str) -> ModelCard:
    """The card without a scale that was found before; a model that learned metres is refused."""
    if card.metric and not card.scale.by:
        raise InputError(f"{name}: its depth is in metres already, by its training (stereo or given poses)")
    return card.unscaled()


def _without_scale(card: ModelCard) -> ModelCard:
    if not card.scale.by:
        raise InputError("--remove: this model has no scale to take off")
    return card.unscaled()


def _say(line: str) -> None:
    Console().print(line, soft_wrap=True, highlight=False)
