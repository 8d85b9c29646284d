"""Small synthetic recordings: a street passed sideways, a camera that turns, a camera that stands."""

from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
from PIL import Image

from egodepth.data.footage.source import Picture
from egodepth.data.media.video_writer import video_writer, yuv_planes

SIZE = (108, 192)
"""Height and width; a multiple of neither 8 nor 16 in height, as of real videos."""
RATE = 25
DEPTHS = (0.3, 0.7, 1.3, 2.0)
"""How fast four bands of the street move, from the top of the image to its bottom."""


def texture(seed: int = 0, width: int = 1200) -> np.ndarray:
    """Smooth noise of several sizes."""
    rng = np.random.default_rng(seed)
    total = np.zeros((SIZE[0], width, 3), np.float32)
    for cell, weight in ((6, 0.5), (16, 0.5)):
        coarse = rng.integers(0, 256, (SIZE[0] // cell + 1, width // cell, 3)).astype(np.uint8)
        total += weight * np.asarray(Image.fromarray(coarse).resize((width, SIZE[0]), Image.Resampling.BICUBIC))
    return total


def view(seen: np.ndarray, left: float) -> np.ndarray:
    """A part of a texture, at any place between its pixels."""
    whole, part = int(left), left - int(left)
    cut = seen[:, whole : whole + SIZE[1] + 1]
    return (cut[:, :-1] * (1 - part) + cut[:, 1:] * part).round().astype(np.uint8)


def pan(positions: Iterable[float], seed: int = 0) -> list[np.ndarray]:
    """What a camera sees that turns."""
    seen = texture(seed)
    return [view(seen, at) for at in positions]


def street(positions: Iterable[float], seed: int = 0) -> list[np.ndarray]:
    """What a camera sees that looks sideways out of a car: what is near, below, moves faster."""
    seen, rows = texture(seed), SIZE[0] // len(DEPTHS)
    images = []
    for at in positions:
        bands = [view(seen[i * rows : (i + 1) * rows], 20 + at * speed) for i, speed in enumerate(DEPTHS)]
        images.append(np.concatenate(bands))
    return images


def noisy(images: Iterable[np.ndarray], level: float = 4.0, seed: int = 1) -> list[np.ndarray]:
    """As a camera in poor light has them."""
    rng = np.random.default_rng(seed)
    return [np.clip(image + rng.normal(0, level, image.shape), 0, 255).astype(np.uint8) for image in images]


def pictures(images: Iterable[np.ndarray | None], rate: float = RATE) -> Iterator[Picture]:
    """As of a recording; None cannot be read."""
    for number, image in enumerate(images):
        yield Picture(number, number / rate, image)


def write_video(path: Path, images: list[np.ndarray], rate: int = RATE) -> Path:
    """Encode them."""
    size = (images[0].shape[0] // 2 * 2, images[0].shape[1] // 2 * 2)
    with video_writer(path, size, Fraction(1, rate), Fraction(rate)) as writer:
        for number, image in enumerate(images):
            writer.write(yuv_planes(image, size), number)
    return path


def write_folder(folder: Path, images: Iterable[np.ndarray], first: int = 0) -> Path:
    """As PNG files."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, image in enumerate(images, first):
        Image.fromarray(image).save(folder / f"{number:06d}.png")
    return folder
