"""The guard that keeps test recordings out of trainings; `registry` has the test sets."""

from collections.abc import Iterable, Sequence

from egodepth.config import TestSet
from egodepth.data.drive import Drive
from egodepth.data.registry import RECORDING_OF, TEST_FRAMES, TEST_SETS, ListedFrame
from egodepth.foundation.errors import InputError


def without_test_drives(drives: Sequence[Drive], test_set: TestSet) -> list[Drive]:
    """Return the drives whose recordings are not in a test set."""
    return [drive for drive in drives if RECORDING_OF(drive.name) not in TEST_SETS[test_set]]


def shared_recordings(drives: Iterable[str], others: Iterable[str]) -> list[str]:
    """Return the recordings that two sets of drives have in common, given the drives' names."""
    return sorted({RECORDING_OF(name) for name in drives} & {RECORDING_OF(name) for name in others})


def refuse_test_drives(drives: Iterable[str], test_set: TestSet, lines: Sequence[ListedFrame] = ()) -> None:
    """Refuse to train on test recordings.

    Args:
        drives: the names of the drives to train on.
        test_set: the test set whose recordings are forbidden.
        lines: the list to train on, for counts in the message.

    Raises:
        InputError: a forbidden recording; names all of them, and the number of test frames in the list.
    """
    leaks = sorted({RECORDING_OF(name) for name in drives} & TEST_SETS[test_set])
    if not leaks:
        return
    count = ""
    if lines and test_set in TEST_FRAMES:
        known = TEST_FRAMES[test_set]
        test_frames = {(RECORDING_OF(line.drive_name), line.frame) for line in lines} & known
        inside = sum(RECORDING_OF(line.drive_name) in TEST_SETS[test_set] for line in lines)
        known_frames = f"{len(test_frames)} of the {len(known)} {test_set.title()} test frames"
        count = f" ({inside} of its {len(lines)} lines; among them {known_frames})"
    raise InputError(
        f"to train on: {len(leaks)} drives of the {test_set} test set{count}: {', '.join(leaks)}; leave them out, or "
        "insist with --allow-test-drives (ablate: --data.allow-test-drives)"
    )
