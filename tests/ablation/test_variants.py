import dataclasses
from dataclasses import replace

import pytest

from egodepth.ablation.variants import FULL, VARIANTS, chosen_variants, trained_as, variant_config
from egodepth.config import DataConfig, LossConfig, ModelConfig, TrainConfig
from egodepth.errors import InputError

RECIPE = TrainConfig(model=ModelConfig(pose="separate"))
STEREO = TrainConfig(data=DataConfig(offsets=(), stereo=True))


def changes(name: str, against: str, config: TrainConfig = RECIPE) -> dict[str, object]:
    """The fields in which a variant differs from another."""
    one, other = (dataclasses.asdict(variant_config(n, config)) for n in (name, against))
    assert {key: value for key, value in one.items() if key not in ("loss", "model")} == {
        key: value for key, value in other.items() if key not in ("loss", "model")
    }
    return {
        f"{part}.{key}": value
        for part in ("loss", "model")
        for key, value in one[part].items()
        if value != other[part][key]
    }


EXPECTED = {
    "baseline": {"loss.reprojection": "average", "loss.automask": False, "loss.multiscale": "native"},
    "baseline+minimum": {"loss.automask": False, "loss.multiscale": "native"},
    "baseline+automask": {"loss.reprojection": "average", "loss.multiscale": "native"},
    "baseline+full-res": {"loss.reprojection": "average", "loss.automask": False},
    "full": {},
    "full-minimum": {"loss.reprojection": "average"},
    "full-automask": {"loss.automask": False},
    "full-full-res": {"loss.multiscale": "native"},
    "zhou-mask": {"loss.automask": False, "loss.predictive_mask": True},
    "no-ssim": {"loss.ssim_weight": 0.0},
    "pose-posecnn": {"model.pose": "posecnn"},
    "pose-shared": {"model.pose": "shared"},
    "pose-separate": {},
    "no-depth-scaling": {},
    "depth-scaling": {"loss.depth_scaling": "median"},
}


@pytest.mark.parametrize("name", VARIANTS)
def test_a_variant_differs_from_full_in_exactly_the_fields_it_is_named_after(name: str) -> None:
    assert changes(name, FULL) == EXPECTED[name]


def test_the_rows_of_a_part_differ_from_the_row_they_are_compared_with_in_that_part_alone() -> None:
    for name, variant in VARIANTS.items():
        if variant.part:
            assert len(changes(name, variant.against)) == 1, name


def test_full_has_the_three_parts_even_where_the_recipe_lacks_one() -> None:
    bare = replace(RECIPE, loss=LossConfig(reprojection="average", automask=False, predictive_mask=True))
    assert variant_config(FULL, bare) == RECIPE


@pytest.mark.parametrize("pose", ["separate", "shared", "posecnn"])
def test_the_recipes_own_pose_network_and_scaling_are_full_over_again(pose: str) -> None:
    config = replace(RECIPE, model=ModelConfig(pose=pose))
    same = {name for name in VARIANTS if trained_as(name, config) == FULL}
    assert same == {FULL, f"pose-{pose}", "no-depth-scaling"}


def test_without_estimated_poses_only_what_means_something_is_trained() -> None:
    names = chosen_variants((), STEREO)
    assert names == [
        *("baseline", "baseline+automask", "baseline+full-res"),
        *("full", "full-automask", "full-full-res", "zhou-mask", "no-ssim"),
    ]
    with pytest.raises(InputError, match="'pose-shared' means nothing"):
        chosen_variants(("pose-shared",), STEREO)


def test_variants_are_taken_in_the_order_of_the_table_and_misspelt_ones_are_named() -> None:
    assert chosen_variants(("full", "baseline"), RECIPE) == ["baseline", "full"]
    with pytest.raises(InputError, match="unknown variant 'basline'; did you mean 'baseline'"):
        chosen_variants(("basline",), RECIPE)


def test_with_given_poses_there_is_no_pose_network_and_no_scaling_to_compare():
    config = TrainConfig(data=DataConfig(poses="given"))
    names = chosen_variants((), config)
    assert not {"pose-shared", "pose-posecnn", "depth-scaling", "no-depth-scaling"} & set(names)
    assert {"baseline", "full", "full-minimum"} <= set(names)
    for name in names:
        assert trained_as(name, config) in names
