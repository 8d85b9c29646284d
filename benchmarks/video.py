"""Speed of the prediction of a whole video, from file to file, relative to the network alone."""

import statistics
import time
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from jaxtyping import UInt8

from benchmarks.figures import Figure, Ratio, Result
from egodepth.config import ModelConfig
from egodepth.data.media.video_writer import video_writer, yuv_planes
from egodepth.data.video import Video
from egodepth.inference.predict_video import predict_video
from egodepth.inference.predictor import DepthPredictor
from egodepth.inference.stream import groups
from egodepth.weights import DepthModel, ModelCard

_RATE = Fraction(25)
_MOTION = 3
"""Motion of the texture, pixels per frame."""


def measure_video(
    size: tuple[int, int] = (375, 1242),
    frames: int = 100,
    repeats: int = 5,
    batch: int = 4,
    network_size: tuple[int, int] = (192, 640),
    device: str | None = None,
    encoder: str = "resnet18",
) -> Result:
    """Measure the network alone and the whole prediction of a synthetic video in turns, `repeats` times each.

    Weights are random, because they do not change the time. The repeats alternate, so that other load on the machine
    affects both.
    """
    network = ModelConfig(encoder=encoder)
    card = ModelCard(size=network_size, metric=False, has_pose_net=False, network=network)
    chosen = device or ("cuda" if torch.cuda.is_available() else "cpu")
    predictor = DepthPredictor(DepthModel(card).to(chosen))
    with TemporaryDirectory() as folder:
        video = _moving_texture(Path(folder) / "clip.mp4", size, frames)
        inputs = [predictor.network_input([frame.image for frame in group]) for group in groups(video.frames(), batch)]
        predictor.inverse_depth(inputs[0])
        alone, whole = [], []
        for _ in range(repeats):
            began = time.perf_counter()
            for images in inputs:
                predictor.inverse_depth(images)
            alone.append(frames / (time.perf_counter() - began))
            began = time.perf_counter()
            predict_video(predictor, Video.open(video.path), Path(folder), "clip", batch=batch)
            whole.append(frames / (time.perf_counter() - began))
    figures = Figure.of("network alone", "frames/s", alone), Figure.of("whole prediction", "frames/s", whole)
    ratio = statistics.median(w / a for w, a in zip(whole, alone, strict=True))
    conditions = (
        f"{frames} frames of {size[1]}x{size[0]}, {encoder.replace('resnet', 'ResNet-')} at "
        f"{network_size[1]}x{network_size[0]}, batch {batch}, {torch.get_num_threads()} threads"
    )
    return Result("Video", conditions, figures, (Ratio("whole prediction over the network alone", ratio, 0.85),))


def _moving_texture(path: Path, size: tuple[int, int], frames: int) -> Video:
    """Write a video of random coloured blocks with noise, which move sideways."""
    height, width = size
    even = (height // 2 * 2, width // 2 * 2)
    random = np.random.default_rng(0)
    blocks = random.integers(0, 256, (height // 16 + 1, (width + _MOTION * frames) // 16 + 1, 3), dtype=np.uint8)
    texture: UInt8[np.ndarray, "h wt 3"] = blocks.repeat(16, 0).repeat(16, 1)
    texture = (texture * 0.8 + random.integers(0, 48, texture.shape)).astype(np.uint8)
    with video_writer(path, even, 1 / _RATE, _RATE) as writer:
        for frame in range(frames):
            left = frame * _MOTION
            writer.write(yuv_planes(texture[: even[0], left : left + even[1]], even), frame)
    return Video.open(path)
