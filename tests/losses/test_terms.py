"""Loss terms on steps made by hand."""

import torch

from egodepth.config import DataConfig, HintConfig, LossConfig, TrainConfig
from egodepth.data.batch import Batch, Hints, View
from egodepth.geometry import Camera
from egodepth.losses import terms
from egodepth.losses.terms import Step

SIZE = (8, 12)
CONFIG = TrainConfig(data=DataConfig(size=(64, 96)), hints=HintConfig(sources=("sweep",), gradient_weight=1.0))


def a_step(**changes: object) -> Step:
    """Two scales of depth 5 against a plain image, with hints of depth 10 in the left half."""
    camera = Camera(torch.ones(1, 2), torch.full((1, 2), 0.5))
    inverse = torch.zeros(1, *SIZE)
    inverse[..., : SIZE[1] // 2] = 0.1
    nothing = torch.zeros(1, 0, SIZE[1])
    hints = Hints(inverse, (inverse > 0).float(), torch.zeros(1, dtype=torch.int64), nothing, nothing)
    batch = Batch(View(torch.full((1, 3, *SIZE), 0.5), camera), [], [], None, hints)
    step = Step(
        batch=batch,
        disparities=[torch.full((1, *SIZE), 0.3), torch.full((1, SIZE[0] // 2, SIZE[1] // 2), 0.3)],
        poses=[],
        known_poses=[],
        masks=[],
        config=CONFIG,
        depth=torch.full((2, 1, *SIZE), 5.0),
        errors=[],
        better=None,
    )
    return step._replace(**changes)


def test_the_photometric_loss_is_the_mean_over_pixels_and_scales(assert_close) -> None:
    errors = torch.stack([torch.full((1, *SIZE), 0.2), torch.full((1, *SIZE), 0.4)])
    assert_close(terms.photometric(a_step(errors=[errors])), 0.3)
    assert_close(terms.photometric(a_step(errors=[errors[:1], errors[1:]])), 0.3)
    assert terms.photometric(a_step()) is None


def test_a_flat_disparity_is_smooth_and_a_step_in_it_is_not() -> None:
    assert terms.smoothness(a_step()) == 0
    disparities = a_step().disparities
    disparities[0][..., 6:] = 0.6
    assert terms.smoothness(a_step(disparities=disparities)) > 0


def test_hints_count_by_the_logarithm_of_depth_where_there_are_any(assert_close) -> None:
    assert_close(terms.hint(a_step()), torch.log(torch.tensor(2.0)).item())
    better = torch.zeros(1, *SIZE, dtype=torch.bool)
    better[:, : SIZE[0] // 2] = True  # of all pixels, a quarter has a hint that counts
    assert_close(terms.hint(a_step(better=better)), torch.log(torch.tensor(2.0)).item() / 4)
    assert_close(terms.hint_gradient(a_step()), 0.0)


def test_terms_that_a_step_has_nothing_for_say_so() -> None:
    step = a_step()
    assert (terms.mask_entropy(step), terms.road(step), terms.teacher(step), terms.pose(step)) == (None,) * 4
    without = step._replace(batch=step.batch._replace(hints=None))
    assert (terms.hint(without), terms.hint_gradient(without)) == (None, None)


def test_predictive_masks_are_drawn_to_one(assert_close) -> None:
    config = TrainConfig(data=DataConfig(size=(64, 96)), loss=LossConfig(predictive_mask=True, automask=False))
    masks = [torch.full((1, 2, *SIZE), 0.5)]
    assert_close(terms.mask_entropy(a_step(masks=masks, config=config)), torch.log(torch.tensor(2.0)).item())
    assert terms.mask_entropy(a_step(masks=[torch.ones(1, 2, *SIZE)])) == 0


def test_a_known_pose_that_is_met_costs_nothing_and_a_shift_its_share_of_the_depth(assert_close) -> None:
    pose = torch.eye(4)[None]
    shifted = pose.clone()
    shifted[0, 0, 3] = 1.0
    assert terms.pose(a_step(poses=[pose], known_poses=[pose])) == 0
    assert_close(terms.pose(a_step(poses=[shifted], known_poses=[pose])), 1 / 5)
