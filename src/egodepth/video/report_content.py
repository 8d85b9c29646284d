"""The content of a recording's report, in words, figures and pictures; `egodepth.video.page` makes the page."""

import dataclasses
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float32, UInt8
from matplotlib import colormaps

from egodepth.data.images import read_rgb, resize_rgb
from egodepth.inference.common_scales import CommonScales
from egodepth.video.aligned_clip import Aligned
from egodepth.video.camera_stage import CameraFound
from egodepth.video.cloud.point_cloud import Cloud
from egodepth.video.error_model import WITHIN
from egodepth.video.learned import Learned
from egodepth.video.output_files import picture_path, picture_places
from egodepth.video.page import Figure, FigureGroup, Finding, PageContent, PageFrame, Plot, Reliability, Segment, Series
from egodepth.video.point_checks import SparseCheck
from egodepth.video.recording import Recording
from egodepth.video.steadiness import flicker_plot, steadiness_figures, steadiness_of
from egodepth.weights import ModelCard

_UNSURE, _UNSTEADY, _WRONG, _CROOKED = 0.4, 0.05, 0.2, 5.0
"""Limits of the report's warnings: least mean confidence, and largest flicker, difference from sparse points (shares)
and difference from their trajectory (percent)."""
_MISCALIBRATED = 0.1
"""Difference of stated and found shares above which the report warns."""
_NO_HINT = np.uint8(96)
"""Grey value of a picture where there is no hint."""


@dataclass(frozen=True, kw_only=True)
class Known:
    """Everything known about a recording when its report is written."""

    recording: Recording
    aligned: Aligned
    scales: CommonScales
    verdict: list[str]
    """Verdict on its frames."""
    summary: dict[str, Any]
    """Summary of its frames (`FootageSummary`)."""
    camera: CameraFound
    training: dict[str, Any] | None
    """None if a model was given."""
    card: ModelCard
    clouds: list[Cloud]
    geometry: dict[str, Any] | None
    """Figures of poses, points and hints before training; None without any."""
    hint: Callable[[int], Float32[np.ndarray, "h w"]] | None
    """Returns the hint of an extracted frame, in the unit of the map; None without hints."""
    sparse: SparseCheck | None
    learned: Learned
    """Measures of depth and motion."""
    seconds: dict[str, float]
    """Duration of each stage."""

    @property
    def unit(self) -> str:
        """Unit of all lengths."""
        return "metres" if self.card.metric else "units up to scale"


def figures_of(known: Known) -> dict[str, Any]:
    """Return the figures as JSON values."""
    trusts = [known.aligned.trust(place) for place in picture_places(len(known.aligned.rows))]
    return {
        "frames": len(known.aligned.rows),
        "frames_trained_on": known.summary["kept"],
        "camera": dataclasses.asdict(known.camera),
        "training": known.training,
        "unit": known.unit,
        **known.scales.summary(known.card.metric, str(known.card.scale)),
        **steadiness_of(known.aligned),
        "mean_confidence": float(np.mean([trust.confidence.mean() for trust in trusts])),
        "expected_error": float(np.mean([np.median(trust.expected_error) for trust in trusts])),
        "learned": dataclasses.asdict(known.learned),
        "geometry": known.geometry,
        "path_length": [trajectory.length for trajectory in known.aligned.trajectories],
        "cloud_points": [len(cloud.xyz) for cloud in known.clouds],
        "sparse_check": None if known.sparse is None else dataclasses.asdict(known.sparse),
        "seconds": known.seconds,
    }


def page_content(known: Known, figures: dict[str, Any], files: tuple[tuple[str, str], ...]) -> PageContent:
    """Return the page of a recording."""
    aligned, seconds = known.aligned, known.aligned.seconds
    factors = (Series(name="factor", seconds=seconds, values=aligned.factors),)
    longest = max(range(len(aligned.row_trajectories)), key=lambda row: int((aligned.rows == row).sum()))
    cloud = known.clouds[longest] if known.clouds else None
    return PageContent(
        title=known.recording.name,
        summary=tuple(_findings(known, figures)),
        figures=tuple(_groups(known, figures)),
        frames=tuple(_frame(known, place) for place in picture_places(len(seconds))),
        plots=(
            flicker_plot(aligned),
            Plot(name="What brings each frame's depth to one scale", axis="factor", series=factors),
        ),
        # The cloud belongs to one row and has its axes. The trajectories of other rows have other origins.
        segments=(_segment(aligned, longest),),
        cloud_xyz=cloud.xyz if cloud else np.empty((0, 3), np.float32),
        cloud_rgb=cloud.rgb if cloud else np.empty((0, 3), np.uint8),
        unit=known.unit,
        reliability=tuple(
            Reliability(name=f"within {groups.limit:.0%}", said=groups.said, found=groups.found)
            for groups in (known.sparse.groups if known.sparse else ())
        ),
        video=files[0][0],
        files=files,
    )


def _findings(known: Known, figures: dict[str, Any]) -> list[Finding]:
    """Return the verdict: what the results are, and which of them are unreliable."""
    metric = f"in metres ({known.card.scale or 'as it was trained'})" if known.card.metric else "up to scale"
    away = "" if known.card.metric else ": give --height-m or --speed-mps, or use egodepth scale, for metres"
    found = [Finding(text=f"Depth is {metric}{away}.")]
    camera = known.camera
    sigma = f" ± {camera.fov_sigma_deg:.1f}" if camera.fov_sigma_deg else ""
    found.append(
        Finding(text=f"Field of view {camera.fov_deg:.1f}{sigma} degrees: {camera.said}.", warning=not camera.sure)
    )
    found += [Finding(text=text, warning=True) for text in known.learned.warnings(known.sparse)]
    if figures["mean_confidence"] < _UNSURE:
        text = f"The model is uncertain: the typical pixel is off by {figures['expected_error']:.0%}. Do not rely on "
        text += "it; train on more frames, or with a known camera."
        found.append(Finding(text=text, warning=True))
    if figures["flicker"] > _UNSTEADY:
        found.append(Finding(text=f"Depth flickers by {figures['flicker']:.1%} from frame to frame.", warning=True))
    if (sparse := known.sparse) is not None:
        points = "Points that no training saw" if sparse.held_out else "Structure from motion's points"
        text = f"{points} lie {sparse.abs_rel:.1%} from the depth on average, one scale for all frames."
        found.append(Finding(text=text, warning=sparse.abs_rel > _WRONG))
        found += _reliability(sparse)
        if sparse.ate_percent is not None and sparse.ate_percent > _CROOKED:
            text = f"The trajectory is off that of structure from motion by {sparse.ate_percent:.1f} % of its length."
            found.append(Finding(text=text, warning=True))
    if known.aligned.hint_scales is None:
        text = "Depth follows no hints of this clip. Its expected error is calibrated on rendered streets"
        found.append(Finding(text=f"{text}, and is a rough guide elsewhere.", warning=True))
    found += _of_geometry(known)
    if len(known.aligned.row_trajectories) > 1:
        rows = len(known.aligned.row_trajectories)
        found.append(
            Finding(
                text=(f"{rows} rows of frames without a break; the cloud and the trajectory of the longest are shown.")
            )
        )
    return [*found, *(Finding(text=text, warning=place > 0) for place, text in enumerate(known.verdict))]


def _reliability(sparse: SparseCheck) -> Iterator[Finding]:
    """Yield whether the stated errors are right."""
    share = next(share for share in sparse.within if share.limit == WITHIN)
    if share.said is None or share.found is None:
        return
    text = f"Of points said to be within {WITHIN:.0%}, {share.found:.0%} are; stated are {share.said:.0%}."
    yield Finding(text=text, warning=share.said - share.found > _MISCALIBRATED)


def _of_geometry(known: Known) -> list[Finding]:
    """Return what structure from motion could not do."""
    geometry = known.geometry
    if geometry is None:
        if known.training is None:
            return []
        text = "No frame has a pose by structure from motion: images alone taught depth and motion."
        return [Finding(text=text, warning=True)]
    found = []
    if missing := geometry["frames"] - geometry["posed"]:
        text = f"{missing} of {geometry['frames']} frames have no pose by structure from motion; the pose network gives"
        found.append(Finding(text=f"{text} the motion there."))
    if geometry["between"]:
        text = f"{geometry['between']} frames that could not be registered have the pose between their neighbours'."
        found.append(Finding(text=text))
    if geometry["parts"] > 1:
        text = (
            f"The frames fall into {geometry['parts']} parts that share no point: between their scales only the model"
        )
        found.append(Finding(text=f"{text} judges.", warning=True))
    return found


def _groups(known: Known, figures: dict[str, Any]) -> list[FigureGroup]:
    """Return the diagnostics."""
    recording, sparse, training = known.recording, known.sparse, known.training
    groups = [
        FigureGroup(
            name="Recording",
            figures=(
                Figure(name="Frames", value=str(figures["frames"])),
                Figure(name="Trained on", value=str(figures["frames_trained_on"]), note="picked by their motion"),
                Figure(name="Size", value=f"{recording.drive.size[1]}x{recording.drive.size[0]}"),
            ),
        )
    ]
    if training:
        size = f"{training['size'][1]}x{training['size'][0]}"
        length = Figure(name="Training", value=f"{training['steps']} steps", note=f"from {training['weights']}")
        apart = Figure(name="Neighbours", value=f"{training['apart']} apart", note="frames, by their motion")
        groups.append(FigureGroup(name="Model", figures=(length, Figure(name="Network's size", value=size), apart)))
    depth = [
        *steadiness_figures(figures, known.aligned.steady),
        Figure(name="Expected error", value=f"{figures['expected_error']:.1%}", note="of the typical pixel"),
        Figure(
            name="Confidence",
            value=f"{figures['mean_confidence']:.2f}",
            note=f"mean probability that depth is within {WITHIN:.0%}",
        ),
    ]
    if known.learned.explained is not None:
        note = "of what changes between frames is explained by depth and motion, middle of the image's places"
        depth.append(Figure(name="Explained", value=f"{known.learned.explained:.0%}", note=note))
    if sparse is not None:
        seen = "that no training saw" if sparse.held_out else "of structure from motion"
        note = f"from points {seen} ({sparse.points} sightings in {sparse.frames} frames)"
        depth += [
            Figure(name="Difference, one scale", value=f"{sparse.abs_rel:.1%}", note=note),
            Figure(name="Difference, a scale a frame", value=f"{sparse.abs_rel_per_frame:.1%}", note="likewise"),
            *_of_the_network_alone(known, sparse),
            Figure(name="of the surer half", value=f"{sparse.abs_rel_confident:.1%}", note="one scale"),
            Figure(name="of an image-blind answer", value=f"{sparse.abs_rel_blind:.1%}", note="a scale a frame"),
        ]
    groups.append(FigureGroup(name="Depth", figures=tuple(depth)))
    if (geometry := known.geometry) is not None:
        groups.append(FigureGroup(name="Geometry before the training", figures=tuple(_geometry_figures(geometry))))
    way = [Figure(name="Length", value=f"{max(figures['path_length']):.4g}", note=known.unit)]
    if sparse is not None and sparse.ate_percent is not None:
        way.append(
            Figure(name="Off structure from motion's", value=f"{sparse.ate_percent:.2f} %", note="RMSE / length")
        )
    points = Figure(name="Points of the cloud", value=f"{sum(figures['cloud_points']):,}")
    groups.append(FigureGroup(name="Way and cloud", figures=(*way, points)))
    took = tuple(Figure(name=name, value=f"{seconds:.0f} s") for name, seconds in known.seconds.items())
    groups.append(FigureGroup(name="Time that each stage took", figures=took))
    return groups


def _of_the_network_alone(known: Known, sparse: SparseCheck) -> Iterator[Figure]:
    if known.aligned.hint_scales is not None:
        note = "a scale a frame; before hints corrected it"
        yield Figure(name="of the network's own depth", value=f"{sparse.abs_rel_network:.1%}", note=note)


def _geometry_figures(geometry: dict[str, Any]) -> Iterator[Figure]:
    yield Figure(name="Frames with a pose", value=f"{geometry['posed']} of {geometry['frames']}")
    yield Figure(name="Points", value=f"{geometry['points']:,}", note="one in ten kept out of the training")
    if (hints := geometry["hints"]) is not None:
        everywhere = hints["bands"][0]
        yield Figure(name="Hints", value=f"{hints['kept']:.0%}", note="of all pixels")
        yield Figure(
            name="Difference of hints", value=f"{everywhere['mean']:.1%}", note="from the points kept out, mean"
        )


def _hint_picture(known: Known, seconds: float) -> UInt8[np.ndarray, "h w 3"] | None:
    """Return the hint of the extracted frame nearest to a time, in the colours of depth; grey where there is none."""
    if known.hint is None:
        return None
    nearest = [
        (abs(float(time) - seconds), number, unit)
        for row, trajectory in zip(known.recording.rows, known.aligned.row_trajectories, strict=True)
        for number, time, unit in zip(row.numbers, row.seconds, trajectory.units, strict=True)
    ]
    _, number, unit = min(nearest)
    hint = known.hint(number)
    colours = known.scales.colours(np.where(hint > 0, hint / np.float32(unit if np.isfinite(unit) else 1), 1))
    return np.where((hint > 0)[..., None], colours, _NO_HINT).astype(np.uint8)


def _frame(known: Known, place: int) -> PageFrame:
    maps = known.aligned.frame(place)
    image = read_rgb(picture_path(known.aligned.maps, place))
    size = (image.shape[0], image.shape[1])
    trust = colormaps["viridis"](known.aligned.trust(place).confidence, bytes=True)[..., :3]
    hint = _hint_picture(known, maps.seconds)
    return PageFrame(
        label=f"frame {place}",
        seconds=maps.seconds,
        image=image,
        depth=resize_rgb(known.scales.colours(maps.inverse_depth), size),
        confidence=resize_rgb(trust, size),
        hint=None if hint is None else resize_rgb(hint, size),
    )


def _segment(aligned: Aligned, row: int) -> Segment:
    seconds, poses = aligned.trajectories[row]
    return Segment(name=f"row {row + 1}" if row else "path", seconds=seconds, positions=poses[:, :3, 3])
