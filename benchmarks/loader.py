"""Processor time to load a sample: by the common pipeline, from JPEG and from a store.

A sample is a target and its two neighbours, with colour jitter. Our jitter is measured separately, because it is one
batched pass of `to_batch` on the training's device.
"""

import json
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple, cast

import numpy as np
import torch
from PIL import Image
from torchvision.transforms import functional as transforms

from benchmarks.figures import Figure, Ratio, Result
from benchmarks.index import measure_index
from egodepth.config import DataConfig
from egodepth.data.media.frames import list_images
from egodepth.data.readers.folder import FolderDrive
from egodepth.data.samples.augment import draw, to_batch
from egodepth.data.samples.sampler import RawBatch, TrainBatches
from egodepth.data.storage.preparation import prepare
from egodepth.data.storage.store import FrameStore
from egodepth.foundation.files import write_text
from egodepth.training.memory import keep_freed_memory

_RECORDED = (375, 1242)
_QUALITY = 92
_SCALES = 4
_BATCH = 4
_OFFSETS = (-1, 1)
_INDEX_SAMPLES = 10**8
_NAMES = {
    "common": "the common way (PIL, 4 sizes, jitter)",
    "jpeg": "from JPEG, each frame decoded once",
    "jpeg_uncached": "from JPEG, nothing kept",
    "store": "from a store, first epoch",
    "store_again": "from a store, later",
}


class LoaderCosts(NamedTuple):
    """Processor time of a sample of three frames, on one thread."""

    common: Figure
    """PIL: decode three frames, resize each to four sizes, jitter all twelve images, convert to tensors."""
    jpeg: Figure
    """Our loader without a store: each frame is decoded and resized once; without the jitter."""
    jpeg_uncached: Figure
    """Our loader without any cache: three frames are decoded per sample; without the jitter."""
    store: Figure
    """Our loader from a store, in the first epoch, with comparison of checksums; without the jitter."""
    store_again: Figure
    """Our loader from a store, in a later epoch; without the jitter."""
    device: Figure
    """Conversion to float, flip and jitter by `to_batch` on the training's device, which ours need in addition."""

    def ratio(self, ours: Figure, jitter: bool = True) -> float:
        """Return the time of the common pipeline over ours, by the medians; with or without the part on the device."""
        return self.common.median / (ours.median + (self.device.median if jitter else 0))


def measure_loader(size: tuple[int, int], repeats: int, device: str) -> Result:
    """Measure the processor time of a sample, and an index of 10^8 samples."""
    costs, index = measure_samples(size, repeats=repeats, device=device), measure_index(_INDEX_SAMPLES)
    figures = (
        *costs,
        Figure.of("index of 10^8 samples: to open", "s", [index.open_s]),
        Figure.of("index of 10^8 samples: a batch of 12", "µs", [index.batch_us]),
        Figure.of("index of 10^8 samples: memory", "MB", [index.resident_mb]),
    )
    ratios = (
        Ratio("from JPEG, with the jitter", costs.ratio(costs.jpeg), 6.0),
        Ratio("from a store, with the jitter", costs.ratio(costs.store_again), 60.0),
        Ratio("from a store, without the jitter", costs.ratio(costs.store_again, jitter=False), 60.0),
        Ratio("index of 10^8 samples: seconds to open", index.open_s, 1.0, at_most=True),
        Ratio("index of 10^8 samples: MB resident", index.resident_mb, 200.0, at_most=True),
    )
    conditions = f"3 frames of 1242x375 to {size[1]}x{size[0]}, processor time of one thread"
    return Result("Loader", conditions, figures, ratios)


def measure_samples(
    size: tuple[int, int] = (192, 640),
    samples: int = 48,
    repeats: int = 5,
    data: Path | None = None,
    device: str = "cpu",
) -> LoaderCosts:
    """Measure the time of a sample with each loader, in turns, on one thread.

    Args:
        size: height and width of the largest scale.
        samples: samples per repeat, rounded down to whole batches of 4; the first ones of the data.
        repeats: number of repeats; the median and the range are reported.
        data: a folder of consecutive JPEGs; default: synthetic ones of KITTI's size, detail and compression.
        device: device of the jitter.

    Raises:
        InputError: unusable data.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    keep_freed_memory()  # as in a training
    try:
        with TemporaryDirectory() as folder:
            jpegs = data or synthetic_jpegs(Path(folder) / "clip", samples + 2)
            camera, store = Path(folder) / "camera.json", Path(folder) / "store"
            write_text(camera, json.dumps({"fov_deg": 81}))  # its values do not matter
            drive = FolderDrive(jpegs, camera)
            prepare([drive], size, store, workers=1)
            return _measured(drive, list_images(jpegs)[: samples + 2], size, store, repeats, torch.device(device))
    finally:
        torch.set_num_threads(threads)


def synthetic_jpegs(folder: Path, frames: int) -> Path:
    """Write a clip of JPEGs of KITTI's size and detail (shading, edges, fine texture), about 180 kB each."""
    folder.mkdir(parents=True)
    generator = np.random.default_rng(0)
    height, width = _RECORDED
    wide = (height, width + 4 * frames)
    scene = np.zeros((*wide, 3), np.float32)
    for cell, strength in ((96, 60), (24, 30), (6, 22), (2, 14)):
        coarse = generator.normal(128, 40, (wide[0] // cell + 2, wide[1] // cell + 2, 3)).clip(0, 255).astype(np.uint8)
        layer = Image.fromarray(coarse).resize((wide[1], wide[0]), Image.Resampling.BICUBIC)
        scene += (np.asarray(layer, np.float32) - 128) * (strength / 40)
    for _ in range(wide[1] // 10):
        top, left = generator.integers(0, wide[0]), generator.integers(0, wide[1])
        high, broad = generator.integers(8, 80, 2)
        scene[top : top + high, left : left + broad] += generator.normal(0, 40, 3).astype(np.float32)
    picture = (scene + 110).clip(0, 255).astype(np.uint8)
    for frame in range(frames):
        part = Image.fromarray(np.ascontiguousarray(picture[:, 4 * frame : 4 * frame + width]))
        part.save(folder / f"{frame:06d}.jpg", quality=_QUALITY)
    return folder


def _measured(
    drive: FolderDrive, files: list[Path], size: tuple[int, int], folder: Path, repeats: int, device: torch.device
) -> LoaderCosts:
    config = DataConfig(size=size, offsets=_OFFSETS, jitter=1.0)
    steps = (len(files) - 2) // _BATCH
    samples = steps * _BATCH
    index = [(0, frame) for frame in drive.frames[1 : samples + 1]]

    def epoch(store: FrameStore) -> Callable[[], list[RawBatch]]:
        batches = TrainBatches(store, index, config, _BATCH, seed=0, steps=steps)
        return lambda: [cast(RawBatch, batches[step]) for step in range(steps)]

    raw = epoch(FrameStore([drive], size, folder=folder))()
    costs: dict[str, list[float]] = {}

    def measure(way: str, work: Callable[[], object]) -> None:
        began = time.process_time()
        work()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        costs.setdefault(way, []).append((time.process_time() - began) / samples * 1e3)

    for repeat in range(repeats + 1):
        stored = epoch(FrameStore([drive], size, folder=folder))
        measure("common", lambda: [_common_sample(files[i : i + 3], size, i) for i in range(samples)])
        measure("jpeg", epoch(FrameStore([drive], size)))
        measure("jpeg_uncached", epoch(FrameStore([drive], size, cache_bytes=0)))
        measure("store", stored)
        measure("store_again", stored)
        measure("device", lambda: [_on_device(batch, step, config, device) for step, batch in enumerate(raw)])
        if repeat == 0:
            costs.clear()  # warm-up
    names = {**_NAMES, "device": f"to float, flip, jitter on {device}"}
    return LoaderCosts(**{way: Figure.of(names[way], "ms/sample", ms) for way, ms in costs.items()})


def _common_sample(files: list[Path], size: tuple[int, int], seed: int) -> list[torch.Tensor]:
    """Return twelve clean and twelve jittered images; each scale is resized from the previous one, which is fastest."""
    generator = np.random.default_rng(seed)
    brightness, contrast, saturation = generator.uniform(0.8, 1.2, 3).tolist()
    hue = float(generator.uniform(-0.1, 0.1))
    changes = [
        lambda image: transforms.adjust_brightness(image, brightness),
        lambda image: transforms.adjust_contrast(image, contrast),
        lambda image: transforms.adjust_saturation(image, saturation),
        lambda image: transforms.adjust_hue(image, hue),
    ]
    order = generator.permutation(4)
    tensors = []
    for file in files:
        with Image.open(file) as opened:
            image = opened.convert("RGB")
        for scale in range(_SCALES):
            image = image.resize((size[1] >> scale, size[0] >> scale), Image.Resampling.LANCZOS)
            jittered = image
            for change in order:
                jittered = changes[change](jittered)
            tensors += [transforms.to_tensor(image), transforms.to_tensor(jittered)]
    return tensors


def _on_device(raw: RawBatch, step: int, config: DataConfig, device: torch.device) -> None:
    raw = raw.to(device)
    to_batch(raw, draw(0, step, _BATCH, config), stereo=False)
