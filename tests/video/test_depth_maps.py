from pathlib import Path

import numpy as np
import pytest
import torch

from egodepth.foundation.errors import InputError
from egodepth.geometry import Camera, transform_from_axis_angle
from egodepth.video.depth_maps import FrameMaps, depth_change, maps_path, photometric_residual, unwarped_error

CAMERA = Camera(torch.tensor([1.0, 2.0]), torch.tensor([0.5, 0.5]))
SIZE = (32, 64)


def shifted(x: float, z: float = 0.0) -> torch.Tensor:
    """source_from_target of a camera that is moved."""
    return transform_from_axis_angle(torch.zeros(1, 3), torch.tensor([[-x, 0.0, -z]]))[0]


def waves(offset: float) -> torch.Tensor:
    """A wall of stripes, so many pixels further to the left."""
    x = torch.arange(SIZE[1]) + 0.5 + offset
    stripes = 0.5 + 0.4 * torch.sin(x * 2 * torch.pi / 16)
    return stripes.expand(3, SIZE[0], -1).contiguous()


def test_where_depth_and_motion_are_right_nothing_is_left():
    # A wall 4 away, and a camera moved by as much as makes 4 of 64 pixels.
    inverse_depth = torch.full(SIZE, 1 / 4)
    residual = photometric_residual(waves(0.0), inverse_depth, [(waves(4.0), shifted(0.25))], CAMERA)
    assert residual[:, 6:].max() < 1e-3


def test_a_wrong_depth_leaves_a_residual_and_the_better_neighbour_counts():
    wrong = torch.full(SIZE, 1 / 8)
    one = photometric_residual(waves(0.0), wrong, [(waves(4.0), shifted(0.25))], CAMERA)
    both = photometric_residual(waves(0.0), wrong, [(waves(4.0), shifted(0.25)), (waves(0.0), shifted(0.0))], CAMERA)
    assert one[:, 8:].mean() > 0.05
    assert both.max() < 1e-3


def test_what_no_neighbour_sees_is_not_a_number():
    residual = photometric_residual(waves(0.0), torch.full(SIZE, 1 / 4), [(waves(4.0), shifted(0.25))], CAMERA)
    assert residual[:, :4].isnan().all()
    assert not residual[:, 5:].isnan().any()
    assert photometric_residual(waves(0.0), torch.full(SIZE, 1 / 4), [], CAMERA).isnan().all()


def test_a_wall_that_is_approached_is_nearer_in_the_next_frame():
    here, there = torch.full(SIZE, 1 / 4), torch.full(SIZE, 1 / 3)
    change = depth_change(here, there, shifted(0.0, z=1.0), CAMERA)
    assert change[~change.isnan()].abs().max() < 1e-6
    assert change.isnan().any()  # the margin of this frame, which the next one no longer sees


def test_a_next_frame_in_another_scale_shows_by_its_factor():
    change = depth_change(torch.full(SIZE, 1 / 4), torch.full(SIZE, 1 / 6), shifted(0.0, z=1.0), CAMERA)
    np.testing.assert_allclose(change[~change.isnan()], np.log(2.0), atol=1e-6)


def made(disagreement: float = 0.0, residual: float = 0.0, unwarped: float = 0.1) -> FrameMaps:
    full = np.full(SIZE, 1.0, np.float32)
    return FrameMaps(
        1.5,
        2,
        full / 3,
        *((value * full).astype(np.float16) for value in (disagreement, residual, unwarped)),
        np.array([0.5, np.nan], np.float16),
    )


def test_without_neighbours_there_is_no_unwarped_error():
    assert np.isnan(unwarped_error(waves(0.0), []).numpy()).all()


def test_what_has_to_be_beaten_is_the_better_of_the_neighbours_as_they_are():
    near, far = waves(1.0), waves(4.0)
    both = unwarped_error(waves(0.0), [far, near])
    np.testing.assert_array_equal(both, unwarped_error(waves(0.0), [near]))
    assert both.mean() < unwarped_error(waves(0.0), [far]).mean()


def test_maps_are_read_back_and_damage_is_told(tmp_path: Path):
    path = maps_path(tmp_path, 7)
    made(0.1, 0.2).write(path)
    for found, written in zip(FrameMaps.read(path), made(0.1, 0.2), strict=True):
        np.testing.assert_array_equal(found, written)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(InputError, match="damaged"):
        FrameMaps.read(path)
