"""Hints of a recording of a wall, whose depth is known: made once, in one unit, and handed to the training."""

import dataclasses
import json
import shutil
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
import torch
from rich.console import Console

from egodepth.config import DataConfig, HintConfig, LossConfig, OptimiserConfig, TrainConfig
from egodepth.data.readers.folder import FolderDrive
from egodepth.data.sample_index import SampleIndex
from egodepth.geometry import Camera
from egodepth.hints import drive_maps, making
from egodepth.hints.drive_maps import drive_map, keep_map
from egodepth.hints.ground import Road
from egodepth.hints.known import TYPICAL_DEPTH, KnownDrives
from egodepth.hints.making import known_drives, needs_map
from egodepth.inference.predictor import DepthPredictor
from egodepth.sfm.stages import Stages
from egodepth.training.train import train
from hints.wall_scenes import keep_wall_map, wall_map
from tiny_training import SIZE, a_config, assert_same_weights, quietly

HINTS = HintConfig(sources=("sweep", "sparse"), rule="always")


@pytest.fixture
def clip(tmp_path, make_clip) -> Path:
    return make_clip(tmp_path / "clip", frames=12, size=SIZE)


def a_training(clip: Path, store: Path, **changes: object) -> TrainConfig:
    config = a_config(clip, steps=4)
    hints = dataclasses.replace(HINTS, store=str(store))
    data = dataclasses.replace(config.data, poses="sfm")
    return dataclasses.replace(config, data=data, hints=hints, **changes)


def known(clip: Path, store: Path, config: TrainConfig | None = None) -> KnownDrives:
    return known_drives(config or a_training(clip, store), [FolderDrive(clip)], store, Console(file=StringIO()))


def test_hints_have_the_wall_where_it_is_in_the_unit_of_all_recordings(clip, tmp_path):
    keep_wall_map(tmp_path / "store", clip)
    hints = known(clip, tmp_path / "store").hints(0, 6)
    seen = hints.weight > 0
    assert seen.float().mean() > 0.3
    np.testing.assert_allclose(1 / hints.inverse_depth[seen].numpy(), TYPICAL_DEPTH, rtol=0.15)
    assert (1 / hints.inverse_depth[seen]).median().item() == pytest.approx(TYPICAL_DEPTH, rel=0.02)
    assert hints.unit == 0


def test_hints_are_made_once(clip, tmp_path, monkeypatch):
    keep_wall_map(tmp_path / "store", clip)
    first = known(clip, tmp_path / "store").hints(0, 5)
    monkeypatch.setattr(making, "hint_maps", None)
    for one, other in zip(first, known(clip, tmp_path / "store").hints(0, 5), strict=True):
        assert torch.equal(one, other)


def test_poses_are_those_of_the_map_in_the_unit_of_the_hints(clip, tmp_path):
    found = keep_wall_map(tmp_path / "store", clip)
    pose = known(clip, tmp_path / "store").source_from_target(0, target=4, source=6)
    step = found.world_from_camera[1, 0, 3] * TYPICAL_DEPTH / found.points.xyz[0, 2]
    np.testing.assert_allclose(pose[:3, 3], [-2 * step, 0, 0], atol=1e-9)


def test_two_parts_have_hints_of_each_and_no_scale_between_them(clip, tmp_path):
    keep_wall_map(tmp_path / "store", clip, parts=(0,) * 7 + (1,) * 5)
    found = known(clip, tmp_path / "store")
    assert found.hints(0, 3).unit == 0
    assert found.hints(0, 9).unit == 1
    samples = SampleIndex.of([(0, frame) for frame in range(1, 11)])
    assert list(found.samples_with_poses(samples, (-1, 1))) == [(0, f) for f in (1, 2, 3, 4, 5, 8, 9, 10)]


def with_a_road(monkeypatch: pytest.MonkeyPatch, inverse_depth: float) -> list[tuple]:
    """The first part has a road of this inverse depth everywhere; returns what is asked."""
    asked = []

    def road(hint, places, camera):
        asked.append((places, hint(places[0]).shape))
        level = np.full(SIZE, inverse_depth, np.float32)
        return Road(level, level, 1.0) if 0 in places else None

    monkeypatch.setattr(making, "road_of", road)
    return asked


def test_each_part_has_a_road_of_its_own_and_hints_under_it_are_none(clip, tmp_path, monkeypatch):
    keep_wall_map(tmp_path / "store", clip, parts=(0,) * 7 + (1,) * 5)
    asked = with_a_road(monkeypatch, inverse_depth=1.0)
    found = known(clip, tmp_path / "store")
    assert asked == [(list(range(7)), SIZE), (list(range(7, 12)), SIZE)]
    assert list(found.drives[0].roads) == [0]
    assert not found.hints(0, 3).weight.any()  # the wall is ten times as far away as this road
    assert found.hints(0, 9).weight.any()


def test_vehicles_that_move_along_are_hints_of_the_parts_that_have_a_road(clip, tmp_path, monkeypatch):
    keep_wall_map(tmp_path / "store", clip, parts=(0,) * 7 + (1,) * 5)
    with_a_road(monkeypatch, inverse_depth=1e-4)
    config = a_training(clip, tmp_path / "store")
    config = dataclasses.replace(config, hints=dataclasses.replace(config.hints, sources=("sweep", "contact")))
    asked = []

    def vehicle(target, neighbours, camera, road, hint):
        asked.append((target.shape, len(neighbours), (hint > 0).any()))
        return np.full(SIZE, 0.25, np.float32)

    monkeypatch.setattr(making, "contact_hint", vehicle)
    found = known(clip, tmp_path / "store", config)
    shape = (3, *SIZE)
    assert [each[:2] for each in asked] == [(shape, n) for n in (2, 3, 4, 4, 4, 3, 2)], "none is of the other part"
    assert asked[3][2], "it is told what is known by other means"
    np.testing.assert_allclose(found.hints(0, 3).inverse_depth, 0.25, rtol=1e-3)
    assert (found.hints(0, 9).inverse_depth - 0.25).abs().min() > 0.01
    known(clip, tmp_path / "store", config)
    assert len(asked) == 7, "they are made once"


def test_without_a_frame_whose_pose_is_known_with_its_neighbours_images_alone_teach(clip, tmp_path):
    keep_wall_map(tmp_path / "store", clip, parts=(0, 1) * 6)
    samples = known(clip, tmp_path / "store").samples_with_poses(SampleIndex.of([(0, 4)]), (-1, 1))
    assert list(samples) == []
    config = a_training(clip, tmp_path / "store")
    _, said = quietly(config, tmp_path / "run")
    assert "depth and motion are learned from images alone" in said
    kept = json.loads((tmp_path / "run" / "config.json").read_text())
    assert (kept["data"]["poses"], kept["loss"]["depth_scaling"], kept["hints"]["sources"]) == ("learned", "median", [])
    quietly(config, tmp_path / "run")  # the same command again finds its own run


def test_a_map_that_was_made_on_the_way_to_the_camera_is_taken(clip, tmp_path):
    clip_map = wall_map(FolderDrive(clip))
    keep_map(tmp_path / "store", FolderDrive(clip), clip_map)
    assert len(known(clip, tmp_path / "store").samples_with_poses(SampleIndex.of([(0, 4)]), (-1, 1))) == 1


def test_points_that_are_held_out_are_no_hints(clip, tmp_path):
    keep_wall_map(tmp_path / "store", clip)
    config = a_training(clip, tmp_path / "store")
    config = dataclasses.replace(config, hints=dataclasses.replace(config.hints, sources=("sparse",)))
    # The first of twenty points and the eleventh are held out.
    assert int((known(clip, tmp_path / "store", config).hints(0, 0).weight > 0).sum()) == 18


def test_a_map_is_needed_only_for_poses_that_nobody_gives():
    sweep = TrainConfig(hints=HintConfig(sources=("sweep",)))
    assert needs_map(sweep)
    assert not needs_map(dataclasses.replace(sweep, data=DataConfig(poses="given")))
    assert not needs_map(TrainConfig())
    assert needs_map(TrainConfig(data=DataConfig(poses="sfm")))


@pytest.mark.parametrize("rule", ["better", "always"])
def test_a_training_with_hints_and_known_poses_goes_on_to_the_bit(clip, tmp_path, rule):
    keep_wall_map(tmp_path / "store", clip)
    config = a_training(clip, tmp_path / "store")
    config = dataclasses.replace(config, hints=dataclasses.replace(config.hints, rule=rule))
    _, said = quietly(config, tmp_path / "whole")
    assert "structure from motion fits no frames" not in said
    half = dataclasses.replace(config, trainer=dataclasses.replace(config.trainer, steps=4))
    _stop_after(half, tmp_path / "parts", 2)
    quietly(config, tmp_path / "parts")
    assert_same_weights(tmp_path / "whole", tmp_path / "parts")


def test_a_run_whose_batch_was_found_goes_on_with_hints_too(clip, tmp_path):
    keep_wall_map(tmp_path / "store", clip)
    config = a_training(clip, tmp_path / "store")
    quietly(config, tmp_path / "run")  # of batches of one
    larger = dataclasses.replace(config, trainer=dataclasses.replace(config.trainer, batch_size=2))
    assert train(larger, tmp_path / "run", Console(file=StringIO()), auto_batch=True).steps == 4


def _stop_after(config: TrainConfig, run: Path, steps: int) -> None:
    """Train, and lose everything after some steps."""
    quietly(config, run)
    for place in (run / "checkpoints").iterdir():
        if not place.name.endswith(f"{steps:08d}"):
            shutil.rmtree(place)


def test_the_wall_is_learned_from_hints_alone(clip, tmp_path):
    keep_wall_map(tmp_path / "store", clip)
    config = a_training(
        clip,
        tmp_path / "store",
        loss=LossConfig(photometric=0.0),
        optimiser=OptimiserConfig(learning_rate=1e-3),
    )
    config = dataclasses.replace(
        config,
        model=dataclasses.replace(config.model, min_depth=0.5, max_depth=200.0, initial_disparity=0.2),
        trainer=dataclasses.replace(config.trainer, steps=60, checkpoint_every=60, clean_statistics=12),
    )
    quietly(config, tmp_path / "run")
    depth = DepthPredictor.load(tmp_path / "run" / "model_last", "cpu")(clip / "000006.png").depth
    assert float(np.median(depth)) == pytest.approx(TYPICAL_DEPTH, rel=0.25)


def test_a_camera_that_structure_from_motion_contradicts_is_said(clip, tmp_path, monkeypatch):
    drive, out = FolderDrive(clip), StringIO()
    monkeypatch.setattr(drive_maps, "map_recording", lambda *_: wall_map(drive))
    asked = []

    def contradicted(camera: Camera, size: tuple[int, int], work: Path, source: str, stages: Stages) -> str:
        asked.append((camera, size, source))
        return f"{source} says 900 px, structure from motion 700 ± 9 px"

    monkeypatch.setattr(drive_maps, "contradiction", contradicted)
    found = drive_map(drive, tmp_path / "store", 0, Console(file=out, width=200))
    assert found is not None
    assert asked == [(drive.camera, drive.size, f"{drive.name}: its camera")]
    assert "says 900 px, structure from motion 700 ± 9 px" in out.getvalue()
    drive_map(drive, tmp_path / "store", 0, Console(file=out, width=200))
    assert len(asked) == 1  # with the map, once
