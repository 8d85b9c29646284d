from collections.abc import Iterable
from itertools import pairwise

import numpy as np

from egodepth.data.footage.measures import Fate, Measures
from egodepth.data.footage.select import GAP, STILL_AFTER, Kept, Selector
from egodepth.data.footage.settings import MOTION
from egodepth.data.footage.summary import FootageSummary, verdict
from footage_scenes import RATE, SIZE, noisy, pan, pictures, street


def selected(images: Iterable[np.ndarray | None], motion: float = MOTION) -> tuple[list[Kept], Measures]:
    selector, kept = Selector(SIZE, motion), []
    for picture in pictures(images):
        kept += selector.take(picture)
    return kept, selector.finish()


def origins(kept: list[Kept]) -> list[int]:
    return [one.picture.number for one in kept]


def numbers(kept: list[Kept]) -> list[int]:
    return [one.number for one in kept]


def drive(frames: int, pixels: float = 3.0, start: float = 0.0, seed: int = 0) -> list[np.ndarray]:
    return street(start + np.arange(frames) * pixels, seed)


def test_fast_footage_is_kept_whole_and_numbered_in_a_row() -> None:
    kept, measures = selected(drive(10))
    assert origins(kept) == numbers(kept) == list(range(10))
    assert measures.runs() == []
    assert [len(column) for column in (measures.motion, measures.spacing, measures.parallax)] == [9, 9, 9]


def test_slow_footage_is_thinned_until_neighbours_have_moved() -> None:
    kept, measures = selected(drive(40, 0.5))
    apart = np.diff(origins(kept))
    assert set(apart) <= {3, 4, 5}
    assert numbers(kept) == list(range(len(kept)))
    assert min(measures.spacing) >= MOTION
    assert max(measures.spacing) < 1.5 * MOTION
    assert {why for _, _, why in measures.runs()} == {"near"}


def test_the_spacing_can_be_chosen() -> None:
    wide, _ = selected(drive(30), motion=0.04)
    assert set(np.diff(origins(wide))) <= {2, 3, 4}


def test_pictures_that_are_there_twice_leave_no_gap() -> None:
    kept, measures = selected([image for image in drive(8) for _ in range(2)])
    assert origins(kept) == list(range(0, 16, 2))
    assert numbers(kept) == list(range(8))
    assert measures.count(Fate.DUPLICATE) == 8


def test_a_cut_leaves_a_gap_wider_than_any_offset() -> None:
    kept, measures = selected(drive(6) + drive(6, seed=5))
    assert measures.breaks == [(6, "cut")]
    assert origins(kept) == list(range(12))
    assert numbers(kept) == [*range(6), *range(6 + GAP, 12 + GAP)]
    assert measures.rows() == 2


def test_a_standstill_is_left_out_and_leaves_a_gap() -> None:
    still = noisy(street([15.0] * 2 * RATE), 1.0)
    kept, measures = selected([*drive(6), *still, *drive(6, start=15)])
    (number, why), *others = measures.breaks
    assert (why, others) == ("static", [])
    assert number / RATE < 6 / RATE + STILL_AFTER + 0.1
    stops = [i for i, (a, b) in enumerate(pairwise(numbers(kept))) if b != a + 1]
    assert stops == [5]
    assert set(origins(kept)) - set(range(6)) <= set(range(6 + len(still), 12 + len(still)))
    assert measures.count(Fate.STATIC) > 1.5 * RATE


def test_a_standing_camera_keeps_nothing_however_noisy_and_whatever_passes() -> None:
    bands = zip(pan([0] * 60), pan(np.arange(60) * 4.0, seed=6), strict=True)
    passed = [np.concatenate([a[:60], b[60:]]) for a, b in bands]
    for images in (pan([0] * 60), noisy(pan([0] * 60)), noisy(passed)):
        kept, measures = selected(images)
        assert kept == []
        assert "stands still" in verdict(FootageSummary.of(measures))[0]


def test_a_camera_that_only_turns_is_told() -> None:
    _, measures = selected(pan(np.arange(40) * 4.0))
    summary = FootageSummary.of(measures)
    assert summary.turned_only > 0.9
    assert "turns but does not move" in verdict(summary)[0]
    _, measures = selected(drive(40))
    assert FootageSummary.of(measures).turned_only < 0.1


def test_runs_too_short_to_train_on_are_left_out_and_take_no_numbers() -> None:
    kept, measures = selected([*drive(5), *drive(2, seed=5), *drive(5, seed=6)])
    assert origins(kept) == [*range(5), *range(7, 12)]
    assert numbers(kept) == [*range(5), *range(5 + GAP, 10 + GAP)]
    assert measures.runs() == [(5, 6, "short")]
    assert [place for place, _ in measures.breaks] == [5, 7]


def test_what_cannot_be_used_breaks_the_row() -> None:
    images: list[np.ndarray | None] = [*drive(20)]
    images[5], images[10], images[15] = None, np.full((*SIZE, 3), 30, np.uint8), np.zeros((50, 60, 3), np.uint8)
    kept, measures = selected(images)
    assert [why for _, why in measures.breaks] == ["unreadable", "blank", "size"]
    assert [(a, why) for a, _, why in measures.runs()] == [(5, "unreadable"), (10, "blank"), (15, "size")]
    assert measures.rows() == 4
    assert len(kept) == 17


def test_missing_numbers_are_a_gap() -> None:
    selector, kept = Selector(SIZE), []
    for picture in pictures(drive(12)):
        if picture.number != 6:
            kept += selector.take(picture)
    assert selector.finish().breaks == [(7, "gap")]
    assert numbers(kept) == [*range(6), *range(6 + GAP, 11 + GAP)]


def test_nothing_and_one_picture_are_no_recording() -> None:
    for count in (0, 1, 2):
        kept, measures = selected(drive(count))
        assert kept == []
        assert "nothing to compare" in verdict(FootageSummary.of(measures))[0]


def test_blur_and_leaps_of_the_exposure_are_counted() -> None:
    images = drive(40)
    for i in range(0, 40, 4):
        images[i] = (images[i] * 0.6).astype(np.uint8)
    for i in range(1, 40, 10):
        blocks = images[i].reshape(27, 4, 48, 4, 3).mean((1, 3), keepdims=True)
        images[i] = np.broadcast_to(blocks, (27, 4, 48, 4, 3)).reshape(*SIZE, 3).astype(np.uint8)
    _, measures = selected(images)
    summary = FootageSummary.of(measures)
    assert summary.exposure_jumps >= 18
    assert any("lock the camera's exposure" in sentence for sentence in verdict(summary))
