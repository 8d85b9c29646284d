import torch

from egodepth.hints import SweepSettings, Witness, agreement
from hints.hint_scenes import CAMERA, SIZE, WALL, pose

SETTINGS = SweepSettings()


def witness(x: float, z: float, inverse_depth: float) -> Witness:
    """A camera at (x, z) whose map says the same everywhere."""
    return Witness(torch.full(SIZE, inverse_depth), torch.linalg.inv(pose(x, z)))


def test_a_wall_that_two_others_see_at_its_place_is_confirmed() -> None:
    own = torch.full(SIZE, 1 / WALL)
    others = [witness(0, -1, 1 / (WALL + 1)), witness(0, -2, 1 / (WALL + 2))]
    assert agreement(own, others, CAMERA, SETTINGS).all()
    assert not agreement(own, others[:1], CAMERA, SETTINGS).any()


def test_agreement_reaches_as_far_as_the_settings_say() -> None:
    own = torch.full(SIZE, 1 / WALL)
    for share, expected in ((1.08, True), (1.12, False), (0.92, True), (0.88, False)):
        others = [witness(0, -z, share / (WALL + z)) for z in (1.0, 2.0)]
        assert bool(agreement(own, others, CAMERA, SETTINGS).all()) == expected
        assert bool(agreement(own, others, CAMERA, SETTINGS).any()) == expected


def test_a_pixel_without_depth_is_confirmed_by_none_and_confirms_none() -> None:
    others = [witness(0, -1, 1 / (WALL + 1)), witness(0, -2, 1 / (WALL + 2))]
    own = torch.full(SIZE, 1 / WALL)
    own[3, 4] = 0
    assert agreement(own, others, CAMERA, SETTINGS).sum() == own.numel() - 1
    blind = [other._replace(inverse_depth=torch.zeros(SIZE)) for other in others]
    assert not agreement(own, blind, CAMERA, SETTINGS).any()


def test_what_another_frame_does_not_see_it_does_not_confirm() -> None:
    own = torch.full(SIZE, 1 / WALL)
    aside = WALL / 0.6 / 2  # half of the image's width, at the wall
    found = agreement(own, [witness(aside, 0, 1 / WALL)] * 2, CAMERA, SETTINGS)
    assert found[:, 33:].all()
    assert not found[:, :31].any()
    assert not agreement(own, [witness(0, WALL + 1, 1 / WALL)] * 2, CAMERA, SETTINGS).any()  # it lies behind them
