"""Match the features of two frames: nearest descriptors, then one motion for all matches (COLMAP).

Descriptors are compared here, because the library's search takes five times as long. They are integers, so their
products are exact in any order of summation.
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
"""Version of the matching. Matches of another version are computed again."""
STEPS = (1, 2, 4, 8)
"""Offsets in frames at which frames are matched: near ones, and wide baselines."""
CAMERA_STEPS = (*STEPS, 16, 32, 64)
"""Offsets for the camera search, in few frames: the widest turns determine the focal length best."""
_AT_ONCE = 120
_NORM = 512.0
"""Norm of the library's descriptors."""
_FARTHEST, _RATIO = 0.7, 0.8
"""Largest angle between descriptors in radians, and its largest ratio to the second best angle (Lowe 2004)."""


def pairs_of(frames: Sequence[int], steps: Iterable[int] = STEPS) -> set[tuple[int, int]]:
    """Return the pairs of each frame with later ones at these offsets, also across gaps in the numbers."""
    return {pair for step in steps for pair in zip(frames, frames[step:], strict=False)}


def match_frames(
    library: Any, database: Path, pairs: Iterable[tuple[int, int]], settings: SfmSettings, stages: Stages
) -> None:
    """Store verified matches of frame pairs in the database; existing ones are kept."""
    matching = library.FeatureMatchingOptions()
    matching.use_gpu = False
    matching.num_threads = settings.threads
    verification = library.TwoViewGeometryOptions()
    verification.ransac.random_seed = settings.seed
    # Half the time of the library's 100, with the same matches, because most pairs show the same scene.
    verification.ransac.min_num_trials = 30
    pairing = library.ImportedPairingOptions()
    pairing.match_list_path = database.parent / "pairs.txt"
    token = library.CancellationToken()
    pairs = sorted(pairs)

    def work(advance: Callable[[int], None]) -> None:
        for chunk in chunks(pairs, _AT_ONCE):
            _compare(library, database, chunk, settings.threads)
            lines = (f"{name_of(first)} {name_of(second)}\n" for first, second in chunk)
            pairing.match_list_path.write_text("".join(lines))
            # This reads the matches from the database, and only verifies them.
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
            advance(len(chunk))

    stages.run("Matching frames", len(pairs), work, token.cancel)


def same_points(first: Float32[np.ndarray, "n d"], second: Float32[np.ndarray, "m d"]) -> UInt32[np.ndarray, "k 2"]:
    """Return pairs of descriptors that are mutual nearest neighbours, near, and pass the ratio test on both sides.

    In a repetitive texture, a test on one side alone lets wrong pairs through.
    """
    if min(len(first), len(second)) < 2:
        return np.zeros((0, 2), np.uint32)
    alike = first @ second.T
    best = alike.argmax(1)
    top = alike[np.arange(len(first)), best]
    mutual = top == alike.max(0)[best]
    once = np.bincount(best[mutual], minlength=len(second))[best] == 1  # drop ties
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
