"""SIFT features of frames (Lowe 2004), by COLMAP, in a database that survives an interruption."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from math import sqrt
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from egodepth.data.images import resize_rgb
from egodepth.sfm.stages import Stages
from egodepth.sfm.structures import Footage, SfmSettings

_AT_ONCE = 16
"""Frames per call of the library, which does not report progress. (Reading its database meanwhile by Python's SQLite
breaks the locks of the library's SQLite, and kills the process.)"""
_LARGE = 300_000
"""Images with more pixels have enough features without the double-size octave, which takes 3/4 of the time."""
_DIGITS = 18
"""Digits of the largest frame number."""
T = TypeVar("T")


def name_of(frame: int) -> str:
    """Return the library's name of a frame; names sort like numbers."""
    return f"{frame:0{_DIGITS}d}.pgm"


def frame_of(name: str) -> int:
    """Return the frame number of a name in the library."""
    return int(name[:_DIGITS])


def find_features(
    library: Any, database: Path, footage: Footage, reader: Any, settings: SfmSettings, stages: Stages
) -> None:
    """Find the features of all frames of one camera and store them in the database; existing ones are kept.

    Args:
        library: pycolmap.
        database: the database file, created if missing. Frames are stored beside it while they are read.
        footage: the frames.
        reader: the library's options with the camera of the frames.
        settings: number of features, threads.
        stages: shows the progress.
    """
    options = library.FeatureExtractionOptions()
    options.use_gpu = False
    options.num_threads = settings.threads
    options.sift.max_num_features = settings.features
    # Consecutive frames have the same orientation: this saves time and gives a third more matches at an offset of 8
    # frames (drive 0095).
    options.sift.upright = True
    options.sift.first_octave = 0 if footage.size[0] * footage.size[1] > _LARGE else -1
    token = library.CancellationToken()
    left = _without_features(library, database, footage)
    images = database.parent / "images"
    images.mkdir(exist_ok=True)

    def work(advance: Callable[[int], None]) -> None:
        for frames in chunks(left, _AT_ONCE):
            names = [_written(footage, frame, images) for frame in frames]
            _enter(library, database, images, names, reader)
            library.extract_features(
                database,
                images,
                names,
                camera_mode=library.CameraMode.SINGLE,
                reader_options=reader,
                extraction_options=options,
                device=library.Device.cpu,
                cancellation_token=token,
            )
            for name in names:
                (images / name).unlink()
            if token.is_cancelled:
                return
            advance(len(frames))

    if left:
        stages.run("Finding features", len(left), work, token.cancel)


def working_size(size: tuple[int, int], most_pixels: int) -> tuple[int, int]:
    """Return a (height, width) with at most `most_pixels` pixels and the same aspect ratio to a pixel."""
    shrink = min(1.0, sqrt(most_pixels / (size[0] * size[1])))
    return max(round(size[0] * shrink), 1), max(round(size[1] * shrink), 1)


def chunks(items: Sequence[T], length: int) -> Iterator[list[T]]:
    """Return the items in lists of this length."""
    return (list(items[start : start + length]) for start in range(0, len(items), length))


def grey(image: UInt8[np.ndarray, "h w 3"], size: tuple[int, int]) -> Image.Image:
    """Return the image in which features are found."""
    return Image.fromarray(resize_rgb(image, size)).convert("L")


def _without_features(library: Any, database: Path, footage: Footage) -> list[int]:
    with closing(library.Database.open(database)) as opened:
        ids = {image.name: image.image_id for image in opened.read_all_images()}
        done = {name for name, number in ids.items() if opened.exists_keypoints(number)}
    return [frame for frame in footage.frames if name_of(frame) not in done]


def _written(footage: Footage, frame: int, folder: Path) -> str:
    """Write the frame to a file for the library, which reads few formats and no orientation; return its name."""
    grey(footage.read(frame), footage.size).save(folder / name_of(frame))
    return name_of(frame)


def _enter(library: Any, database: Path, images: Path, names: list[str], reader: Any) -> None:
    """Enter frames into the database, all of one camera.

    Threads would enter each frame when its features are found, in a different order each time. The order decides which
    pair a map begins with: the focal length then varied by .01 %, its spread by a tenth.
    """
    with closing(library.Database.open(database)) as opened:
        cameras = opened.read_all_cameras()
    if cameras:
        reader.existing_camera_id = cameras[0].camera_id
    library.import_images(database, images, library.CameraMode.SINGLE, names, reader)
