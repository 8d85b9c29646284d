"""What is nearer in one sample, moved sideways, in front of another: by formula."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from egodepth.config import DataConfig, HintConfig, TrainConfig
from egodepth.data.augment import draw
from egodepth.data.pasting import pasted
from egodepth.data.sampler import RawBatch
from egodepth.data.types import Hints
from egodepth.errors import InputError

H, W = 4, 20
FAR, NEAR = 0.1, 0.5


def a_batch(scale_known: tuple[bool, bool] = (True, True), focal: tuple[float, float] = (1.0, 1.0)) -> RawBatch:
    """Two samples of three frames: an empty street, grey 10, and one with a car, grey 200, in columns 4 to 7."""
    images = torch.full((2, 3, H, W, 3), 10, dtype=torch.uint8)
    inverse_depth = torch.full((2, H, W), FAR)
    images[1, :, :, 4:8], inverse_depth[1, :, 4:8] = 200, NEAR
    zeros = torch.zeros(2, 2)
    hints = Hints(inverse_depth, torch.ones(2, H, W), torch.tensor(scale_known), torch.zeros(2, 0, W))
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


def window(left: float, right: float, shift: float, mirrored: bool = False) -> torch.Tensor:
    """The same for both samples."""
    return torch.tensor([[left, right, shift, float(mirrored)]] * 2)


def columns_of_the_car(batch: RawBatch, sample: int = 0) -> list[int]:
    assert batch.hints is not None
    near = batch.hints.inverse_depth[sample, 0] == NEAR
    for frame in batch.images[sample]:
        assert torch.equal(frame[0, :, 0] == 200, near)  # depth and image go together, in all frames
    return near.nonzero()[:, 0].tolist()


def test_what_is_nearer_stands_in_front_where_it_was_moved_to():
    assert columns_of_the_car(pasted(a_batch(), window(0, 1, 0.5))) == [14, 15, 16, 17]
    assert columns_of_the_car(pasted(a_batch(), window(0, 1, -0.1))) == [2, 3, 4, 5]
    assert columns_of_the_car(pasted(a_batch(), window(0, 0.8, 0.5))) == [14, 15]  # the window ends there


def test_mirrored_the_other_sample_is_turned_around_before_it_is_moved():
    assert columns_of_the_car(pasted(a_batch(), window(0, 1, 0.0, mirrored=True))) == [12, 13, 14, 15]


def test_what_is_farther_stays_behind_and_without_a_hint_nothing_is_known():
    assert columns_of_the_car(pasted(a_batch(), window(0, 1, 0.0)), sample=1) == [4, 5, 6, 7]
    batch = a_batch()
    assert batch.hints is not None
    batch.hints.inverse_depth[0, :, 5] = 0
    found = pasted(batch, window(0, 1, 0.0))
    assert found.hints is not None
    assert (found.images[0, 0, 0, :, 0] == 200).nonzero()[:, 0].tolist() == [4, 6, 7]
    assert found.hints.inverse_depth[0, 0, 5] == 0


@pytest.mark.parametrize("batch", [a_batch(scale_known=(True, False)), a_batch(focal=(1.0, 1.2))])
def test_other_units_and_other_cameras_are_left_apart(batch: RawBatch):
    assert columns_of_the_car(pasted(batch, window(0, 1, 0.5))) == []


def test_windows_have_columns_of_the_moved_sample_and_come_as_often_as_asked_for():
    config = DataConfig(paste=0.5)
    drawn = torch.cat([draw(3, step, 8, config).paste for step in range(100)])
    left, right, shift, mirrored = drawn.numpy().T
    some = right > left
    assert 0.4 < some.mean() < 0.6
    assert 0.4 < mirrored.mean() < 0.6
    first, last = np.maximum(shift, 0), 1 + np.minimum(shift, 0)
    assert (left[some] >= first[some] - 1e-6).all()
    assert (right[some] <= last[some] + 1e-6).all()
    assert draw(3, 0, 8, replace(config, paste=0.0)).paste[:, :2].diff().abs().max() == 0


def test_the_other_draws_are_what_they_were_without():
    with_, without = (draw(3, 7, 8, DataConfig(paste=share)) for share in (0.5, 0.0))
    for one, other in zip(with_[:5], without[:5], strict=True):
        np.testing.assert_array_equal(one, other)


def test_without_hints_there_is_nothing_to_paste_by():
    batch = a_batch()._replace(hints=None)
    assert pasted(batch, window(0, 1, 0.5)) is batch
    with pytest.raises(InputError, match="paste needs hints"):
        TrainConfig(data=DataConfig(paste=0.5))
    with pytest.raises(InputError, match="no teacher"):
        TrainConfig(data=DataConfig(paste=0.5), hints=HintConfig(sources=("sweep",), teacher="m"))
