"""What stands in one sample, moved sideways, in front of another: by formula."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from egodepth.config import DataConfig, HintConfig, TrainConfig
from egodepth.data.batch import Hints
from egodepth.data.samples.augment import draw
from egodepth.data.samples.pasting import pasted
from egodepth.data.samples.sampler import RawBatch
from egodepth.foundation.errors import InputError

H, W = 40, 60
HORIZON, NEAR = 16, 0.5
CAR = (slice(18, 34), slice(8, 20))
"""Rows and columns of the second sample's car."""


def a_batch(unit: tuple[int, int] = (0, 0), focal: tuple[float, float] = (1.0, 1.0)) -> RawBatch:
    """Two samples of three frames: an empty street, grey 10, and one with a car, grey 200."""
    images = torch.full((2, 3, H, W, 3), 10, dtype=torch.uint8)
    rows = torch.arange(float(H))[:, None].expand(H, W)
    inverse_depth = torch.where(rows > HORIZON, 0.02 * (rows - HORIZON), 1e-3).repeat(2, 1, 1)
    images[1, :, *CAR], inverse_depth[1, *CAR] = 200, NEAR
    zeros = torch.zeros(2, 2)
    hints = Hints(inverse_depth, torch.ones(2, H, W), torch.tensor(unit), torch.zeros(2, 0, W), torch.zeros(2, 0, W))
    return RawBatch(
        images,
        torch.tensor(focal)[:, None].repeat(1, 2),
        zeros + 0.5,
        zeros,
        zeros,
        torch.zeros(2, 4, 4),
        torch.zeros(2, 0, 4, 4),
        torch.zeros(2, 0, dtype=torch.bool),
        hints,
    )


def hints_of(batch: RawBatch) -> Hints:
    assert batch.hints is not None
    return batch.hints


def windows(*each: tuple[float, float, float], mirrored: bool = False, low: bool = False) -> torch.Tensor:
    """Left, right and shift, the same for both samples."""
    one = [[left, right, shift, float(mirrored), float(low)] for left, right, shift in each]
    return torch.tensor([one] * 2)


def car_in(batch: RawBatch, sample: int = 0) -> tuple[list[int], list[int]]:
    """Rows and columns of the car; depth and image go together, in all frames."""
    near = hints_of(batch).inverse_depth[sample] == NEAR
    for frame in batch.images[sample]:
        assert torch.equal(frame[..., 0] == 200, near)
    return near.any(1).nonzero()[:, 0].tolist(), near.any(0).nonzero()[:, 0].tolist()


def test_what_stands_is_in_front_where_it_was_moved_to():
    assert car_in(pasted(a_batch(), windows((0, 1, 0.3)))) == ([*range(18, 34)], [*range(26, 38)])
    assert car_in(pasted(a_batch(), windows((0, 0.5, 0.3))))[1] == [*range(26, 30)]  # the window ends there


def test_it_is_the_next_sample_that_stands_in_front():
    two = a_batch()
    joined = {n: torch.cat([t, t[:1]]) for n, t in zip(two._fields[:-1], two[:-1], strict=True)}
    three = RawBatch(**joined, hints=Hints(*(torch.cat([maps, maps[:1]]) for maps in hints_of(two))))
    found = pasted(three, torch.cat([windows((0, 1, 0.3)), windows((0, 1, 0.3))[:1]]))
    assert car_in(found, 0)[1] == [*range(26, 38)]
    assert car_in(found, 2)[1] == []  # the first of the batch is empty


def test_mirrored_the_other_sample_is_turned_around_before_it_is_moved():
    assert car_in(pasted(a_batch(), windows((0, 1, 0.0), mirrored=True)))[1] == [*range(40, 52)]


def test_below_the_horizon_is_what_cars_are_and_houses_are_not():
    batch = a_batch()
    house = (slice(2, 34), slice(8, 20))
    batch.images[1, :, *house], hints_of(batch).inverse_depth[1, *house] = 200, NEAR
    assert car_in(pasted(batch, windows((0, 1, 0.3))))[0] == [*range(2, 34)]
    rows, columns = car_in(pasted(batch, windows((0, 1, 0.3), low=True)))
    assert columns == [*range(26, 38)]
    assert rows[0] in range(HORIZON - 1, HORIZON + 2)
    assert rows[-1] == 33


def test_the_window_that_covers_most_of_the_middle_is_taken():
    aside, half, whole = (0, 1, 0.0), (0, 0.5, 0.3), (0, 1, 0.3)
    for order in ((aside, half, whole), (whole, aside, half), (half, whole, aside)):
        assert car_in(pasted(a_batch(), windows(*order)))[1] == [*range(26, 38)]


def test_a_wall_across_the_road_is_taken_only_if_nothing_else_is_to_be_had():
    batch = a_batch()
    wall = (slice(18, 34), slice(4, 46))
    batch.images[1, :, *wall], hints_of(batch).inverse_depth[1, *wall] = 200, NEAR
    ground = hints_of(batch).inverse_depth[1, :, 50:]
    hints_of(batch).inverse_depth[1, :, 46:] = ground[:, :1]  # a quarter of each row is the ground
    assert car_in(pasted(batch, windows((0, 1, 0.1), (0, 0.4, 0.1))))[1] == [*range(10, 24)]
    assert car_in(pasted(batch, windows((0, 1, 0.1))))[1] == []


def test_what_is_farther_stays_behind():
    batch = a_batch()
    lorry = (slice(18, 36), slice(30, 60))
    batch.images[0, :, *lorry], hints_of(batch).inverse_depth[0, *lorry] = 100, 0.8
    assert car_in(pasted(batch, windows((0, 1, 0.3))))[1] == [*range(26, 30)]


def test_small_holes_without_a_hint_belong_to_the_car_and_teach_nothing():
    batch = a_batch()
    window_pane = (slice(22, 24), slice(12, 14))
    hints_of(batch).inverse_depth[1, *window_pane] = hints_of(batch).weight[1, *window_pane] = 0
    found = pasted(batch, windows((0, 1, 0.3)))
    there = (slice(22, 24), slice(30, 32))
    assert (found.images[0, :, *there] == 200).all()
    assert hints_of(found).inverse_depth[0, *there].abs().max() == hints_of(found).weight[0, *there].max() == 0


@pytest.mark.parametrize("share", [0.0, 0.02])
def test_without_hints_or_with_sparse_ones_alone_nothing_is_known_to_stand(share: float):
    batch = a_batch()
    sparse = torch.rand(2, H, W, generator=torch.Generator().manual_seed(0)) < share
    hints = hints_of(batch)
    batch = batch._replace(
        hints=hints._replace(inverse_depth=hints.inverse_depth * sparse, weight=hints.weight * sparse)
    )
    found = pasted(batch, windows((0, 1, 0.3)))
    assert torch.equal(found.images, batch.images)


def test_specks_and_what_lies_on_the_ground_are_left_where_they_are():
    batch = a_batch()
    hints_of(batch).inverse_depth[1] = hints_of(batch).inverse_depth[0]
    hints_of(batch).inverse_depth[1, 25, 10:40:6] = NEAR
    found = pasted(batch, windows((0, 1, 0.3)))
    assert torch.equal(found.images, batch.images)
    assert torch.equal(hints_of(found).inverse_depth, hints_of(batch).inverse_depth)


@pytest.mark.parametrize("batch", [a_batch(unit=(0, 1)), a_batch(focal=(1.0, 1.2))])
def test_other_units_and_other_cameras_are_left_apart(batch: RawBatch):
    assert car_in(pasted(batch, windows((0, 1, 0.3))))[1] == []


def test_the_next_sample_of_the_same_unit_is_the_one_that_is_taken_from():
    batch = a_batch(unit=(1, 1))
    hints = hints_of(batch)
    order = torch.tensor([0, 0, 1])  # an empty street, one of another unit, the one with the car
    three = batch._replace(
        images=batch.images[order],
        focal=batch.focal[order],
        hints=Hints(*(field[order] for field in hints))._replace(unit=torch.tensor([1, 0, 1])),
    )
    found = pasted(three, windows((0, 1, 0.3))[order])
    assert car_in(found, 0) == car_in(pasted(batch, windows((0, 1, 0.3))), 0)
    assert car_in(found, 1) == ([], [])


def test_windows_come_as_often_as_asked_for_and_lie_in_the_image():
    config = DataConfig(paste=0.5)
    drawn = torch.cat([draw(3, step, 8, config).paste for step in range(100)])
    left, right, shift, mirrored, low = drawn.numpy().transpose(2, 0, 1)
    some = right > left
    assert (some.all(1) | ~some.any(1)).all()
    assert 0.4 < some.mean() < 0.6
    assert 0.4 < mirrored.mean() < 0.6
    assert 0.5 < low.mean() < 0.7
    assert left.min() >= 0
    assert right.max() <= 1 + 1e-6
    assert -0.7 <= shift.min() < -0.6
    assert 0.6 < shift.max() <= 0.7
    assert draw(3, 0, 8, replace(config, paste=0.0)).paste[..., :2].diff().abs().max() == 0


def test_the_other_draws_are_what_they_were_without():
    with_, without = (draw(3, 7, 8, DataConfig(paste=share)) for share in (0.5, 0.0))
    for one, other in zip(with_[:5], without[:5], strict=True):
        np.testing.assert_array_equal(one, other)


def test_without_hints_there_is_nothing_to_paste_by():
    batch = a_batch()._replace(hints=None)
    assert pasted(batch, windows((0, 1, 0.3))) is batch
    with pytest.raises(InputError, match="paste needs hints"):
        TrainConfig(data=DataConfig(paste=0.5))
    with pytest.raises(InputError, match="no teacher"):
        TrainConfig(data=DataConfig(paste=0.5), hints=HintConfig(sources=("sweep",), teacher="m"))
