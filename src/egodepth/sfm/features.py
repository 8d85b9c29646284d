"""SIFT features of frames (Lowe 2004), by COLMAP, in a database that outlives an interruption."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from math import sqrt
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from egodepth.data.media.images import resize_rgb
from egodepth.sfm.stages import Stages
from egodepth.sfm.structures import Footage, SfmSettings

_AT_ONCE = 16
"""How many are done by one call, which cannot say how far it is. (To look into its database meanwhile with Python's own
SQLite takes the locks of the library's, and kills the process.)"""
_LARGE = 300_000
"""Images of more pixels have features enough without those of twice their size, which take 3/4 of the time."""
_DIGITS = 18
"""Of the largest frame number."""
T = TypeVar("T")


def name_of(frame: int) -> str:
    """What the library calls a frame; names sort as numbers do."""
    return f"{frame:0{_DIGITS}d}.pgm"


def frame_of(name: str) -> int:
    """The number of the frame that the library calls so."""
    return int(name[:_DIGITS])


def find_features(
    library: Any, database: Path, footage: Footage, reader: Any, settings: SfmSettings, stages: Stages
) -> None:
    """Features of all frames, of one camera, into the database; those of frames that have some stay.

    Args:
        library: pycolmap.
        database: its file; it is made where it is not there. The frames lie beside it while they are read.
        footage: the frames.
        reader: the library's options that say which camera the frames are of.
        settings: number of features, threads.
        stages: shows how far it is.
    """
    options = library.FeatureExtractionOptions()
    options.use_gpu = False
    options.num_threads = settings.threads
    options.sift.max_num_features = settings.features
    # Frames that follow one another are upright alike: less time, and a third more matches 8 frames apart (drive 0095).
    options.sift.upright = True
    options.sift.first_octave = 0 if footage.size[0] * footage.size[1] > _LARGE else -1
    token = library.CancellationToken()
    left = _without_features(library, database, footage)
    images = database.parent / "images"
    images.mkdir(exist_ok=True)

    def work(told: Callable[[int], None]) -> None:
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
            told(len(frames))

    if left:
        stages.run("Finding features", len(left), work, token.cancel)


def working_size(size: tuple[int, int], most_pixels: int) -> tuple[int, int]:
    """(height, width) with at most so many pixels, the same shape to a pixel."""
    shrink = min(1.0, sqrt(most_pixels / (size[0] * size[1])))
    return max(round(size[0] * shrink), 1), max(round(size[1] * shrink), 1)


def chunks(items: Sequence[T], length: int) -> Iterator[list[T]]:
    """The items in rows of so many."""
    return (list(items[start : start + length]) for start in range(0, len(items), length))


def grey(image: UInt8[np.ndarray, "h w 3"], size: tuple[int, int]) -> Image.Image:
    """The image as features are found in it."""
    return Image.fromarray(resize_rgb(image, size)).convert("L")


def _without_features(library: Any, database: Path, footage: Footage) -> list[int]:
    with closing(library.Database.open(database)) as opened:
        ids = {image.name: image.image_id for image in opened.read_all_images()}
        done = {name for name, number in ids.items() if opened.exists_keypoints(number)}
    return [frame for frame in footage.frames if name_of(frame) not in done]


def _written(footage: Footage, frame: int, folder: Path) -> str:
    """The name of the frame's file: the library reads few formats, and no orientation."""
    grey(footage.read(frame), footage.size).save(folder / name_of(frame))
    return name_of(frame)


def _enter(library: Any, database: Path, images: Path, names: list[str], reader: Any) -> None:
    """Enter frames into the database, all of one camera.

    Threads would enter each frame when its features are found, in another order every time, and the order decides
    which pairs a map begins with: the focal length came out .01 % apart, its spread a tenth.
    """
    with closing(library.Database.open(database)) as opened:
        cameras = opened.read_all_cameras()
    if cameras:
        reader.existing_camera_id = cameras[0].camera_id
    library.import_images(database, images, library.CameraMode.SINGLE, names, reader)
