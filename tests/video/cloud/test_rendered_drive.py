"""A cloud of a rendered drive against the cloud of all its true depth."""

from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pytest
import torch

from egodepth.geometry import Camera
from egodepth.synthetic import RenderedFrame, Street, render_frames
from egodepth.video.cloud.against_truth import compare_clouds
from egodepth.video.cloud.fusion import fuse
from egodepth.video.cloud.point_cloud import CloudFrame
from egodepth.video.cloud.settings import CloudSettings
from video.cloud.cloud_scenes import smoothed

SIZE, FRAMES, FAR_M, THRESHOLD_M = (64, 208), range(2, 14), 30.0, 0.3
STEPS = CloudSettings(voxel=0.15)
OFF = float("inf")
NO_STEPS = CloudSettings(voxel=0.15, min_confidence=0.0, far=OFF, flying=OFF, agreeing=0, min_frames=1)


@pytest.fixture(scope="module")
def street() -> Street:
    return Street(21)


@pytest.fixture(scope="module")
def rendered(street: Street) -> list[RenderedFrame]:
    return list(render_frames(street, FRAMES, SIZE, noise=False))


@pytest.fixture(scope="module")
def camera(street: Street) -> Camera:
    return Camera(torch.tensor(street.focal).float(), torch.tensor(street.centre).float())


class Truth(NamedTuple):
    """What stands still: all of it, to judge the accuracy by, and what is near, to judge the completeness by."""

    everything: np.ndarray
    near: np.ndarray


@pytest.fixture(scope="module")
def truth(rendered: list[RenderedFrame], camera: Camera) -> Truth:
    def cloud(farthest: float) -> np.ndarray:
        unknown = [each.masks["moving"] | (each.depth > farthest) for each in rendered]
        frames = [frame_of(each, np.where(no, 0, each.depth)) for each, no in zip(rendered, unknown, strict=True)]
        return fuse(frames, camera, replace(NO_STEPS, motion=0.0)).xyz

    return Truth(cloud(OFF), cloud(FAR_M))


def frame_of(rendered: RenderedFrame, depth: np.ndarray, confidence: np.ndarray | None = None) -> CloudFrame:
    confidence = np.ones(SIZE) if confidence is None else confidence
    pose = np.asarray(rendered.world_from_camera, np.float64)
    return CloudFrame(rendered.image, depth.astype(np.float32), confidence.astype(np.float32), pose)


def as_networks_see(rendered: list[RenderedFrame]) -> list[CloudFrame]:
    """5 % of smooth noise, smeared edges, a sky at 80 m, and places that are wrong by 30 % and known to be doubtful."""
    rng = np.random.default_rng(0)
    frames = []
    for each in rendered:
        inverse = smoothed(1 / np.where(each.depth > 0, each.depth, 80), 3)
        depth = 1 / inverse * np.exp(0.05 * waves(rng))
        wrong = waves(rng) > 1.3
        frames.append(frame_of(each, np.where(wrong, 1.3 * depth, depth), np.where(wrong, 0.2, 1)))
    return frames


def waves(rng: np.random.Generator) -> np.ndarray:
    """Smooth noise with a standard deviation of about 1."""
    coarse = torch.from_numpy(rng.standard_normal((1, 1, 6, 16)))
    fine = torch.nn.functional.interpolate(coarse, SIZE, mode="bicubic", align_corners=False)[0, 0].numpy()
    return fine / fine.std()


class Scores(NamedTuple):
    accuracy_mean: float
    precision: float
    completeness: float


def scores(frames: list[CloudFrame], camera: Camera, truth: Truth, settings: CloudSettings) -> Scores:
    xyz = fuse(frames, camera, settings).xyz
    found = compare_clouds(xyz, truth.everything, THRESHOLD_M)
    return Scores(found.accuracy_mean, found.precision, compare_clouds(xyz, truth.near, THRESHOLD_M).completeness)


def test_true_depth_makes_a_true_and_complete_cloud(rendered, camera, truth):
    frames = [frame_of(each, each.depth) for each in rendered]
    found = scores(frames, camera, truth, replace(STEPS, min_frames=1))
    assert found.accuracy_mean < 0.1
    assert found.precision > 0.95
    assert found.completeness > 0.85


def test_each_step_of_the_cleaning_makes_depth_of_networks_more_accurate(rendered, camera, truth):
    frames = as_networks_see(rendered)
    settings, found = NO_STEPS, [scores(frames, camera, truth, NO_STEPS)]
    for step in ("min_confidence", "far", "flying", "agreeing", "min_frames"):
        settings = replace(settings, **{step: getattr(STEPS, step)})
        found.append(scores(frames, camera, truth, settings))
    means = [each.accuracy_mean for each in found]
    assert means == sorted(means, reverse=True)
    assert found[-1].precision > 2.5 * found[0].precision
    assert found[-2].completeness > 0.6
