import numpy as np
import pytest

from egodepth.data.media.frame_numbers import FrameNumbers


def numbers(seed: int) -> list[int]:
    """Ascending, with some gaps or many; some of them from 0 on, some below; perhaps none."""
    generator = np.random.default_rng(seed)
    count, share = generator.integers(0, 40), generator.uniform(0.2, 1)
    return (np.flatnonzero(generator.random(count) < share) + generator.integers(-5, 5)).tolist()


@pytest.mark.parametrize("seed", range(30))
def test_numbers_serve_as_their_list_does(seed: int) -> None:
    plain = numbers(seed)
    kept = FrameNumbers.of(plain)
    assert list(kept) == plain
    assert (len(kept), bool(kept)) == (len(plain), bool(plain))
    assert [kept[i] for i in range(-len(plain), len(plain))] == plain + plain
    assert all(type(number) is int for number in [*kept, *kept[:1], *kept[-1:]])
    assert [kept.find(n) for n in range(-8, 50)] == [plain.index(n) if n in plain else None for n in range(-8, 50)]
    assert [n for n in range(-8, 50) if n in kept] == plain
    assert (kept[1:7], kept[::-2]) == (plain[1:7], plain[::-2])
    assert [first + k for first, length in kept.runs() for k in range(length)] == plain
    assert [plain[places][0] for places in kept.slices()] == [first for first, _ in kept.runs()]
    assert [number for places in kept.slices() for number in plain[places]] == plain
    assert FrameNumbers.of(np.array(plain, np.int64)) == kept == plain
    for place in (len(plain), -len(plain) - 1):
        with pytest.raises(IndexError):
            kept[place]


@pytest.mark.parametrize("seed", range(30))
def test_what_two_share_and_what_has_neighbours_is_found_by_their_runs(seed: int) -> None:
    one, other = numbers(seed), numbers(seed + 1000)
    kept, offsets = FrameNumbers.of(one), np.random.default_rng(seed).integers(-3, 4, seed % 4).tolist()
    shared, inner = kept.shared_with(other), kept.with_neighbours(offsets)
    assert shared == [n for n in one if n in other]
    assert inner == [n for n in one if all(n + offset in one for offset in offsets)]
    for found in (shared, inner):
        assert found.runs() == FrameNumbers.of(list(found)).runs()  # none of them touches the next


def test_numbers_are_told_apart_and_shown_by_their_runs() -> None:
    kept = FrameNumbers.of([3, 4, 5, 9])
    assert repr(kept) == "FrameNumbers(3 to 5, 9 to 9)"
    assert kept not in ([3, 4, 5], [3, 4, 5, 8], "3459", 4)
    assert "3" not in kept
    assert 4.5 not in kept
    assert FrameNumbers.of(kept) is kept
