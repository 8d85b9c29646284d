"""Which features of two frames are the same point: nearest descriptors, then one motion for all (COLMAP).

Descriptors are compared here and not by the library, whose search takes five times as long. They are whole numbers, so
that their products are exact, in whatever order they are summed.
"""

import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32, UInt32

from egodepth.sfm.features import chunks, name_of
from egodepth.sfm.stages import Stages
from egodepth.sfm.structures import SfmSettings

MATCHING_VERSION = 2
"""Of what decides which features match: matches of another one are made again."""
STEPS = (1, 2, 4, 8)
"""A frame is matched with those so many places after it: near ones, and wide baselines."""
CAMERA_STEPS = (*STEPS, 16, 32, 64)
"""Likewise where the camera is looked for, in few frames: the widest turns tell most of a focal length."""
_AT_ONCE = 120
_NORM = 512.0
"""Of the library's descriptors."""
_FARTHEST, _RATIO = 0.7, 0.8
"""Angle between descriptors, radians, and how much smaller than to the second best it has to be (Lowe 2004)."""


def pairs_of(frames: Sequence[int], steps: Iterable[int] = STEPS) -> set[tuple[int, int]]:
    """Each frame and those some places after it: frames between which numbers are missing may show the same, too."""
    return {pair for step in steps for pair in zip(frames, frames[step:], strict=False)}


def match_frames(
    library: Any, database: Path, pairs: Iterable[tuple[int, int]], settings: SfmSettings, stages: Stages
) -> None:
    """Verified matches of pairs of frames into the database; those of pairs that have some stay."""
    matching = library.FeatureMatchingOptions()
    matching.use_gpu = False
    matching.num_threads = settings.threads
    verification = library.TwoViewGeometryOptions()
    verification.ransac.random_seed = settings.seed
    # Half the time of the library's 100, and the same matches: most pairs show the same.
    verification.ransac.min_num_trials = 30
    pairing = library.ImportedPairingOptions()
    pairing.match_list_path = database.parent / "pairs.txt"
    token = library.CancellationToken()
    pairs = sorted(pairs)

    def work(told: Callable[[int], None]) -> None:
        for chunk in chunks(pairs, _AT_ONCE):
            _compare(library, database, chunk, settings.threads)
            lines = (f"{name_of(first)} {name_of(second)}\n" for first, second in chunk)
            pairing.match_list_path.write_text("".join(lines))
            # Finds the matches in the database, and is left to verify them.
            library.match_image_pairs(
                database,
                matching_options=matching,
                pairing_options=pairing,
                verification_options=verification,
                device=library.Device.cpu,
                cancellation_token=token,
            )
            if token.is_cancelled:
                return
            told(len(chunk))

    stages.run("Matching frames", len(pairs), work, token.cancel)


def same_points(first: Float32[np.ndarray, "n d"], second: Float32[np.ndarray, "m d"]) -> UInt32[np.ndarray, "k 2"]:
    """Pairs of descriptors that are each other's nearest, near, and clearly nearer than the second nearest of either.

    In a texture that repeats itself, to ask one side alone lets wrong pairs through.
    """
    if min(len(first), len(second)) < 2:
        return np.zeros((0, 2), np.uint32)
    alike = first @ second.T
    best = alike.argmax(1)
    top = alike[np.arange(len(first)), best]
    mutual = top == alike.max(0)[best]
    once = np.bincount(best[mutual], minlength=len(second))[best] == 1  # of several that are as near, none
    (row,) = np.nonzero(mutual & once)
    best, top = best[row], top[row]
    alike[row, best] = -1
    angle, of_first, of_second = (
        np.arccos(np.minimum(each / _NORM**2, 1)) for each in (top, alike.max(1)[row], alike.max(0)[best])
    )
    kept = (angle < _FARTHEST) & (angle < _RATIO * of_first) & (angle < _RATIO * of_second)
    return np.stack([row[kept], best[kept]], 1).astype(np.uint32)


def _compare(library: Any, database: Path, pairs: list[tuple[int, int]], threads: int) -> None:
    """Write the matches of pairs that have none yet."""
    workers = threads if threads > 0 else os.cpu_count()
    with closing(library.Database.open(database)) as opened, ThreadPoolExecutor(workers) as pool:
        ids = {image.name: image.image_id for image in opened.read_all_images()}
        numbers = [(ids[name_of(first)], ids[name_of(second)]) for first, second in pairs]
        numbers = [pair for pair in numbers if not opened.exists_matches(*pair)]
        described = {
            number: opened.read_descriptors(number).data.astype(np.float32)
            for number in sorted({number for pair in numbers for number in pair})
        }
        found = pool.map(lambda pair: same_points(described[pair[0]], described[pair[1]]), numbers)
        with library.DatabaseTransaction(opened):
            for pair, matches in zip(numbers, found, strict=True):
                opened.write_matches(*pair, matches)
