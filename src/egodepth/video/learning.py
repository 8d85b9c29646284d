"""From recordings to a trained model: frames, camera, training, scale."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import torch
from rich.console import Console

from egodepth.config import TrainConfig
from egodepth.data.cameras import CAMERA_FILE, horizontal_fov_deg, write_camera
from egodepth.data.footage.extract import extract
from egodepth.data.footage.source import open_footage
from egodepth.data.footage.summary import obstacle, verdict
from egodepth.data.media.frames import FrameFolder
from egodepth.foundation.errors import InputError
from egodepth.foundation.files import write_text
from egodepth.geometry.camera import Camera
from egodepth.training.learned_camera import learned_camera
from egodepth.training.train import train
from egodepth.video.camera_stage import CameraFound, beside, found_camera, given_camera
from egodepth.video.finished_stages import StageRecord
from egodepth.video.options import VideoOptions
from egodepth.video.scale.finding import find_scale
from egodepth.video.scale.options import ScaleOptions
from egodepth.video.training_plan import EXTRACT_MOTION, by_machine, check_offset, neighbour_offset, training_plan
from egodepth.weights import load_card, other_lens


def picked_frames(clips: dict[str, Path], frames: Path, longest: int) -> dict[str, Any]:
    """Extract frames of every clip into a folder of its name, and return their summaries.

    Raises:
        InputError: a clip from which nothing can be learned; gives the reason, and what to do.
    """
    picked = {}
    for name, path in clips.items():
        summary, _ = extract(open_footage(path), frames / name, longest, EXTRACT_MOTION)
        if why := obstacle(summary):
            raise InputError(f"{path}: {why[0].lower()}{why[1:]}")
        for sentence in (said := verdict(summary)):
            _say(f"{name}: {sentence}")
        picked[name] = {"summary": dataclasses.asdict(summary), "verdict": said}
    return picked


def camera_of_clips(options: VideoOptions, clips: dict[str, Path], frames: Path, picked: dict[str, Any]) -> CameraFound:
    """Find the camera of all clips in the longest one; its file is written to the parent folder of the frames."""
    name = longest_clip(picked)
    extracted, footage = FrameFolder.open(frames / name), open_footage(clips[name])
    source = options.camera or options.intrinsics
    if source is None and options.find_camera is None:
        source = options.fov_deg or beside(clips[name]) or footage.camera()
    if source is not None:
        found = given_camera(extracted, footage.size, source)
    else:
        way, trains = options.find_camera or "auto", options.model is None
        found = found_camera(extracted, way, options.fov_deg, options.seed, trains)
    _say(f"field of view {found.fov_deg:.1f} degrees: {found.said}")
    camera = Camera.from_fov(found.fov_deg, extracted.size)
    if options.model and (line := other_lens(load_card(options.model), camera)):
        _say(line)
    return found


def longest_clip(picked: dict[str, Any]) -> str:
    """Return the clip with the most frames, which is used to find the camera."""
    return max(picked, key=lambda name: picked[name]["summary"]["kept"])


def planned(
    options: VideoOptions,
    folders: list[Path],
    rows: list[int],
    picked: dict[str, Any],
    camera: CameraFound,
    record: StageRecord,
    geometry: bool,
) -> TrainConfig:
    """Return the configuration of the training for extracted frames; it is reproducible.

    Args:
        options: the options of the command.
        folders: the folders of the frames.
        rows: lengths of the runs of consecutive frames, of all clips.
        picked: the summaries of the clips.
        camera: the camera, found or to be learned.
        record: the record of the command, which stores choices that depend on the device.
        geometry: whether structure from motion and hints teach the network.
    """
    summaries = [clip["summary"] for clip in picked.values()]
    spacing, seconds = (min(summary[name]["middle"] for summary in summaries) for name in ("spacing", "seconds_apart"))
    offset = check_offset(rows, neighbour_offset(spacing, seconds))
    shape = FrameFolder.open(folders[0]).size
    chosen = record.decided(
        f"training by {'geometry' if geometry else 'images'}", lambda: by_machine(options, shape, geometry)
    )
    return training_plan(options, folders, chosen, offset, geometry, learned_camera=camera.way == "learned")


def trained(config: TrainConfig, camera: CameraFound, run: Path) -> dict[str, Any]:
    """Train in a run folder. A learned camera replaces the first guess in the parent folder of the frames."""
    size, offset = config.data.size, max(config.data.offsets)
    away = f"{offset} frame{'s' * (offset != 1)} away"
    _say(f"{config.model.encoder}, {size[1]}x{size[0]}, {config.trainer.steps} steps, neighbours {away}")
    summary = train(config, run)
    weights = load_card(run).started_from
    found = {"steps": summary.steps, "size": size, "apart": offset, "weights": weights}
    if camera.way == "learned":
        frames = Path(config.data.path[0])
        shape = FrameFolder.open(frames).size
        learned = learned_camera(run, shape)
        write_camera(frames.parent / CAMERA_FILE, learned, shape)
        found["fov_deg"] = horizontal_fov_deg(learned)
    return found


def found_scale(options: VideoOptions, frames: Path, run: Path, device: torch.device) -> dict[str, Any]:
    """Find the metric scale of the trained model, by the camera's height or its speed."""
    wanted = ScaleOptions(
        model=str(run),
        by="height" if options.height_m else "speed",
        data=frames,
        height_m=options.height_m,
        speed_mps=options.speed_mps,
        device=str(device),
    )
    found = find_scale(wanted)
    for line in found.lines():
        _say(line)
    record = found.record(wanted)
    write_text(run / "scale.json", json.dumps(record, indent=2) + "\n")
    return record


def _say(line: str) -> None:
    Console(stderr=True).print(f"    {line}", highlight=False, soft_wrap=True, markup=False)
