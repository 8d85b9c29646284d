"""The stages of `egodepth video`, one after the other. Each can be continued after a stop."""

import dataclasses
import json
import shutil
from collections.abc import Callable, Iterator
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape

from egodepth.config import TrainConfig
from egodepth.data.cameras import ASPECT_TOLERANCE
from egodepth.data.footage.source import Footage, open_footage
from egodepth.data.video import pyav
from egodepth.foundation.errors import InputError
from egodepth.foundation.files import write_text
from egodepth.foundation.progress import advancing_bar
from egodepth.inference.motion import MotionPredictor
from egodepth.inference.predictor import DepthPredictor
from egodepth.networks import Encoder
from egodepth.sfm.colmap import NoColmapError
from egodepth.training.devices import pick_device
from egodepth.video.aligned_clip import Aligned
from egodepth.video.camera_path import (
    RowTrajectory,
    mapped_trajectory,
    read_row_trajectories,
    row_trajectory,
    write_row_trajectories,
)
from egodepth.video.camera_stage import CameraFound, learned
from egodepth.video.clip_geometry import Geometry, camera_map, known_geometry, made_geometry, units_of_frames
from egodepth.video.depth_estimation import estimate_depth, reach_of
from egodepth.video.finished_stages import StageRecord
from egodepth.video.geometry_files import (
    RECORDING,
    read_clouds,
    recorded_frames,
    write_clouds,
    write_trajectories,
    written_files,
)
from egodepth.video.learned import Learned
from egodepth.video.learning import camera_of_clips, found_scale, longest_clip, picked_frames, planned, trained
from egodepth.video.options import VideoOptions
from egodepth.video.output_files import write_outputs
from egodepth.video.page import write_page, write_recording
from egodepth.video.page.plots import plotly
from egodepth.video.page.rerun_file import rerun_library
from egodepth.video.point_checks import Witness, adaptation, check_points
from egodepth.video.recording import Recording, Row
from egodepth.video.report_content import Known, figures_of, page_content
from egodepth.video.scene.exporting import export_scene, require_packages
from egodepth.video.scene.scene import Scene
from egodepth.video.scene.settings import ExportSettings
from egodepth.video.scene.writing import write_scene
from egodepth.weights import load_model

_FREE = ("out", "keep", "json", "device", "clips", "scene")
"""Options that may change when a command is continued. No result depends on them: choices that depend on the device are
made once (`StageRecord.decided`), and the clips are recorded by their content."""
REPORT = "report.html"


class Pipeline:
    """One call of the command."""

    def __init__(self, options: VideoOptions, clips: dict[str, Path]) -> None:
        """Open the clips and take the folder; raises as `StageRecord` and `open_footage`.

        Missing packages and unreadable files are reported here, not after an hour.
        """
        self.options, self.clips, self.out = options, clips, options.out
        self.device = pick_device(options.device)
        pyav()
        plotly("graph_objects")
        if options.rerun:
            rerun_library()
        for form in options.scene:
            require_packages(form)
        if options.model:
            MotionPredictor(self._predictor.model)
        if options.init_from:
            load_model(options.init_from)
        if options.encoder:
            Encoder(options.encoder)
        self.frames, self.run = self.out / "frames", self.out / "run"
        recorded: dict[str, Any] = {
            f"--{field.name.replace('_', '-')}": getattr(options, field.name)
            for field in dataclasses.fields(options)
            if field.name not in _FREE
        }
        recorded["--camera"] = options.camera and str(options.camera.resolve())
        footage = {name: open_footage(path) for name, path in clips.items()}
        _check_one_shape(footage)
        recorded["clips"] = [f"{name} ({opened.fingerprint()})" for name, opened in footage.items()]
        titles = {
            "frames": "Picking frames",
            "camera": "Finding the camera",
            **({} if options.model else {"geometry": "Poses, points and hints", "training": "Training"}),
            **({"scale": "Finding the scale"} if options.height_m or options.speed_mps else {}),
            "depth": "Depth of every frame",
            "video": "Depth video, depth maps, trajectory",
            **({"cloud": "Point cloud"} if options.cloud else {}),
            "report": "Report",
            **{f"scene {form}": f"Files for other programs: {form}" for form in options.scene},
        }
        self.record = StageRecord(self.out, recorded, titles)
        self._looked_at: dict[str, Aligned] = {}
        self._taught_by: TrainConfig | None = None
        """The training with geometry as teacher, once it is known."""

    def run_all(self) -> None:
        """Run all stages."""
        run, options = self.record.run, self.options
        picked = run("frames", lambda: picked_frames(self.clips, self.frames, options.longest))
        found = run("camera", lambda: dataclasses.asdict(camera_of_clips(options, self.clips, self.frames, picked)))
        camera, training, known = CameraFound(**found), None, None
        if not options.model:
            known = run("geometry", lambda: self._made_geometry(picked, camera))
            config = self._plan(picked, camera, geometry=known is not None)
            training = run("training", lambda: self._train(config, camera))
            if "fov_deg" in training:
                camera = learned(camera, training["fov_deg"])
            self._taught_by = config if known is not None else None
        if options.height_m or options.speed_mps:
            run("scale", lambda: found_scale(options, self.frames, self.run, self.device))
        counts = run("depth", self._depth)
        run("video", lambda: self._video(counts))
        if options.cloud:
            run("cloud", lambda: self._cloud(counts))
        figures = run("report", lambda: self._report(counts, picked, camera, training, known))
        if not options.keep:
            shutil.rmtree(self.out / "work", ignore_errors=True)
        for form in options.scene:
            run(f"scene {form}", partial(self._scene, form))
        if options.json:
            write_text(options.json, json.dumps(figures, indent=2) + "\n")
        for name in self.clips:
            Console().print(str(self.out / name / REPORT), soft_wrap=True, highlight=False, markup=False)

    def _plan(self, picked: dict[str, Any], camera: CameraFound, geometry: bool) -> TrainConfig:
        rows = [len(row.numbers) for recording in self._recordings.values() for row in recording.rows]
        folders = [self.frames / name for name in self.clips]
        return planned(self.options, folders, rows, picked, camera, self.record, geometry)

    def _made_geometry(self, picked: dict[str, Any], camera: CameraFound) -> dict[str, Any] | None:
        """Compute the geometry of every clip; None if it cannot teach, because no pose or no camera is known."""
        if camera.way == "learned":
            return None
        mapped = None if camera.way == "given" else camera_map(self.frames)
        maps = {} if mapped is None else {longest_clip(picked): mapped}
        try:
            made = made_geometry(self._plan(picked, camera, geometry=True), self.clips, maps)
        except NoColmapError as error:
            Console(stderr=True).print(f"[yellow]{escape(str(error))}[/]", soft_wrap=True)
            return None
        return made["clips"] if made["usable"] else None

    def _train(self, config: TrainConfig, camera: CameraFound) -> dict[str, Any]:
        found = trained(config, camera, self.run)
        # A learned camera has changed the recordings' camera files.
        del self._recordings
        return found

    def _depth(self) -> dict[str, int]:
        """Run the first pass over every clip, and return the number of frames of each."""
        motion, offset = MotionPredictor(self._predictor.model), self._offset
        counts = {}
        for name, recording in self._recordings.items():
            work, rows = self.out / "work" / name, recording.rows
            if not (tracks := work / "tracks.npz").is_file():
                with advancing_bar(f"{name}: motion", sum(len(row.numbers) for row in rows)) as advance:
                    read = recording.drive.read_tensor
                    learned = partial(row_trajectory, motion, read=read, offset=offset, advance=advance)
                    write_row_trajectories(tracks, self._row_trajectories(name, learned))
            with advancing_bar(f"{name}: depth", recording.footage.expected) as advance:
                reach = reach_of(recording, offset)
                counts[name] = estimate_depth(
                    recording, read_row_trajectories(tracks), self._predictor, work, reach, advance
                )
        return counts

    def _row_trajectories(self, name: str, learned: Callable[[Row], RowTrajectory]) -> list[RowTrajectory]:
        """Return the trajectories of a clip's rows by structure from motion, with gaps filled by the pose network."""
        recording, geometry = self._recordings[name], self._geometry.get(name)
        if geometry is None:
            return [learned(row) for row in recording.rows]
        units = units_of_frames(geometry, recording, self._predictor)
        return [
            mapped_trajectory(row, geometry.clip_map, of_row, partial(learned, row))
            for row, of_row in zip(recording.rows, units, strict=True)
        ]

    def _video(self, counts: dict[str, int]) -> None:
        """Run the second pass, and write the trajectories."""
        for name, recording in self._recordings.items():
            aligned = self._aligned(name, counts)
            scales = aligned.scales(self._predictor.model.card.metric)
            with advancing_bar(f"{name}: writing", counts[name]) as advance:
                write_outputs(recording, aligned, scales, self.out / name, self.options.files, advance)
            write_trajectories(self.out / name, aligned)
            geometry = self._geometry.get(name)
            clip_map = None if geometry is None else geometry.clip_map
            metric = self._predictor.model.card.metric
            images = self.frames / name
            write_scene(self.out / name, recording, images, aligned, clip_map, metric, self.options.cloud)

    def _cloud(self, counts: dict[str, int]) -> None:
        for name, recording in self._recordings.items():
            with advancing_bar(f"{name}: cloud", sum(len(row.numbers) for row in recording.rows)) as advance:
                write_clouds(self.out / name, recording, self._aligned(name, counts), advance)

    def _scene(self, form: str) -> None:
        for name in self.clips:
            # A folder that exists is complete: an earlier call was stopped at a later clip.
            if not (folder := self.out / name / form).exists():
                export_scene(Scene.open(self.out / name), form, folder, ExportSettings())

    def _report(
        self,
        counts: dict[str, int],
        picked: dict[str, Any],
        camera: CameraFound,
        training: dict[str, Any] | None,
        known_of: dict[str, Any] | None,
    ) -> dict[str, Any]:
        """Write the pages of every clip, and return their figures."""
        figures, card = {}, self._predictor.model.card
        for name, recording in self._recordings.items():
            out, aligned = self.out / name, self._aligned(name, counts)
            known = Known(
                recording=recording,
                aligned=aligned,
                scales=aligned.scales(card.metric),
                verdict=picked[name]["verdict"],
                summary=picked[name]["summary"],
                camera=camera,
                training=training,
                card=card,
                clouds=read_clouds(aligned) if self.options.cloud else [],
                geometry=(known_of or {}).get(name),
                hint=self._geometry[name].inverse_depth if name in self._geometry else None,
                sparse=check_points(self._witness(name), recording, aligned),
                learned=Learned.of(aligned),
                seconds=self.record.seconds,
            )
            figures[name] = figures_of(known)
            for warning in known.learned.warnings(known.sparse):
                Console(stderr=True).print(f"    [yellow]{name}: {warning}[/]", highlight=False, soft_wrap=True)
            files = written_files(out, aligned, self.options)
            content = page_content(known, figures[name], files)
            if self.options.rerun:
                write_recording(out / RECORDING, content, recorded_frames(recording, aligned))
            write_page(out / REPORT, content)
            write_text(out / "report.json", json.dumps(figures[name], indent=2) + "\n")
        return figures

    def kept_clips(self) -> Iterator[tuple[Recording, Aligned, Witness | None]]:
        """Yield each clip of a command that was finished with --keep."""
        self.run_all()
        for name, recording in self._recordings.items():
            yield recording, self._aligned(name, self.record.results["depth"]), self._witness(name)

    def _witness(self, name: str) -> Witness | None:
        """Return the points to compare a clip's depth with: the held-out ones; for a given model, half of them."""
        if name in self._geometry:
            return Witness(self._geometry[name].clip_map, held_out=True)
        # A map whose camera was rejected is not used for the comparison.
        by_points = self.record.results["camera"]["way"] == "sfm"
        by_points &= name == longest_clip(self.record.results["frames"])
        clip_map = camera_map(self.frames) if by_points else None
        return None if clip_map is None else Witness(clip_map, held_out=False)

    def _aligned(self, name: str, counts: dict[str, int]) -> Aligned:
        """Return a clip after the first pass; its maps are read once for all later stages."""
        if name not in self._looked_at:
            work = self.out / "work" / name
            tracks = read_row_trajectories(work / "tracks.npz")
            geometry = self._geometry.get(name)
            recording = self._recordings[name]
            reach = reach_of(recording, self._offset)
            aligned = Aligned.of(recording, work, counts[name], tracks, geometry, reach, self.options.steady)
            if (witness := self._witness(name)) is not None and not witness.held_out:
                aligned = dataclasses.replace(aligned, adapted=adaptation(witness, recording, aligned))
            self._looked_at[name] = aligned
        return self._looked_at[name]

    @cached_property
    def _recordings(self) -> dict[str, Recording]:
        return {name: Recording.open(path, self.frames / name) for name, path in self.clips.items()}

    @cached_property
    def _geometry(self) -> dict[str, Geometry]:
        """Geometry of every clip that has one, read on first use."""
        return {} if self._taught_by is None else known_geometry(self._taught_by, self.clips)

    @property
    def _offset(self) -> int:
        """Smallest offset in frames between the neighbours of the training."""
        return min(map(abs, self._predictor.model.card.offsets), default=1)

    @cached_property
    def _predictor(self) -> DepthPredictor:
        return DepthPredictor.load(self.options.model or self.run, self.device)


def _check_one_shape(clips: dict[str, Footage]) -> None:
    """Check that the clips have one shape, because they must be of one camera; `InputError` names two that differ."""
    shapes = {name: (clip.size[1] * float(clip.pixel_aspect) / clip.size[0], clip.size) for name, clip in clips.items()}
    (first, (aspect, own)), *others = shapes.items()
    for name, (other, size) in others:
        if abs(other / aspect - 1) > ASPECT_TOLERANCE:
            raise InputError(
                f"{name} is {size[1]}x{size[0]} and {first} {own[1]}x{own[0]}: clips of one command are of one camera; "
                "give each a command of its own"
            )
