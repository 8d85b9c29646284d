import dataclasses
from dataclasses import replace

import pytest

from egodepth.config import DataConfig, HintConfig, LossConfig, ModelConfig, OptimiserConfig, TrainConfig
from egodepth.config.strict_json import flattened
from egodepth.foundation.errors import InputError
from egodepth.training.ablation.variants import ENCODERS, FULL, VARIANTS, chosen_variants, trained_as, variant_config

RECIPE = TrainConfig(model=ModelConfig(pose="separate"))
STEREO = TrainConfig(data=DataConfig(offsets=(), stereo=True))
SFM = TrainConfig(data=DataConfig(poses="sfm"))
TAUGHT = TrainConfig(
    data=DataConfig(poses="sfm"),
    model=ModelConfig(pretrained=True, without_weights="random"),
    loss=LossConfig(photometric_from=0.7),
    hints=HintConfig(sources=("sweep",), rule="always"),
)
LEARNED_CAMERA = TrainConfig(data=DataConfig(camera="learned"), hints=HintConfig(sources=("sweep",)))


def changes(name: str, against: str, config: TrainConfig = RECIPE) -> dict[str, object]:
    """The fields in which a variant differs from another."""
    one, other = (flattened(dataclasses.asdict(variant_config(n, config))) for n in (name, against))
    return {field: value for field, value in one.items() if value != other[field]}


EXPECTED = {
    "baseline": {"loss.reprojection": "average", "loss.automask": False, "loss.multiscale": "native"},
    "baseline+minimum": {"loss.automask": False, "loss.multiscale": "native"},
    "baseline+automask": {"loss.reprojection": "average", "loss.multiscale": "native"},
    "baseline+full-res": {"loss.reprojection": "average", "loss.automask": False},
    "baseline+depth-scaling": {
        "loss.reprojection": "average",
        "loss.automask": False,
        "loss.multiscale": "native",
        "loss.depth_scaling": "median",
    },
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
    "random-encoder": {},
    "pretrained-encoder": {"model.pretrained": True},
    "photometric-only": {},
    "hints-only": {"loss.photometric": 0.0, "hints.sources": ("sweep", "sparse", "contact"), "hints.rule": "always"},
    "hints-better": {"hints.sources": ("sweep", "sparse", "contact")},
    "hints-always": {"hints.sources": ("sweep", "sparse", "contact"), "hints.rule": "always"},
    "poses-learned": {},
    "poses-sfm": {"data.poses": "sfm"},
}
OF_KNOWLEDGE = {
    "random-encoder": {"model.pretrained": False},
    "pretrained-encoder": {},
    "photometric-only": {"loss.photometric_from": 0.0, "hints.sources": ()},
    "hints-only": {"loss.photometric": 0.0, "loss.photometric_from": 0.0},
    "hints-better": {"hints.rule": "better"},
    "hints-always": {},
    "poses-learned": {"data.poses": "learned", "loss.depth_scaling": "median"},
    "poses-sfm": {},
}
"""Of a recipe that has all of it."""


@pytest.mark.parametrize("name", VARIANTS)
def test_a_variant_differs_from_full_in_exactly_the_fields_it_is_named_after(name: str) -> None:
    assert changes(name, FULL) == EXPECTED[name]


@pytest.mark.parametrize("name", OF_KNOWLEDGE)
def test_of_a_recipe_with_hints_each_row_leaves_out_what_it_is_named_after(name: str) -> None:
    assert changes(name, FULL, TAUGHT) == OF_KNOWLEDGE[name]
    assert (trained_as(name, TAUGHT) == FULL) == (not OF_KNOWLEDGE[name])


def test_rows_of_hints_and_poses_are_those_of_recipes_that_have_either() -> None:
    rows = {"photometric-only", "hints-only", "hints-better", "hints-always", "poses-learned", "poses-sfm"}
    sparse = replace(RECIPE, hints=HintConfig(sources=("sparse",)), loss=LossConfig(depth_scaling="median"))
    for config in (TAUGHT, SFM, sparse):
        assert rows <= set(chosen_variants((), config))
    assert not rows & set(chosen_variants((), RECIPE))
    # Hints of its own, where it has them; scaled by the median alone where no pose is known.
    assert changes("hints-only", FULL, sparse) == {"loss.photometric": 0.0, "hints.rule": "always"}
    assert changes("poses-sfm", FULL, sparse) == {"data.poses": "sfm", "loss.depth_scaling": "none"}
    assert trained_as("poses-learned", sparse) == FULL
    assert trained_as("photometric-only", SFM) == FULL


def test_with_stereo_learned_poses_leave_the_scale_to_the_baseline() -> None:
    config = replace(SFM, data=replace(SFM.data, stereo=True))
    assert changes("poses-learned", FULL, config) == {"data.poses": "learned"}


def test_from_hints_alone_no_pose_network_learns_first() -> None:
    config = replace(RECIPE, hints=HintConfig(sources=("sweep",)), optimiser=OptimiserConfig(pose_first=0.1))
    assert variant_config("hints-only", config).optimiser.pose_first == 0


def test_a_recipe_without_a_photometric_loss_gets_one_where_the_row_has_one() -> None:
    config = replace(TAUGHT, loss=LossConfig(photometric=0.0), hints=replace(TAUGHT.hints, teacher="x"))
    assert changes("photometric-only", FULL, config) == {
        "loss.photometric": 1.0,
        "hints.sources": (),
        "hints.teacher": "",
    }
    assert changes("hints-better", FULL, config) == {"loss.photometric": 1.0, "hints.rule": "better"}


@pytest.mark.parametrize(
    ("name", "config", "reason"),
    [
        ("hints-only", RECIPE, "the recipe has neither hints.sources nor data.poses sfm"),
        ("poses-sfm", RECIPE, "the recipe has neither hints.sources nor data.poses sfm"),
        ("poses-sfm", replace(STEREO, hints=HintConfig(sources=("stereo",))), "there are no neighbours"),
        ("poses-sfm", LEARNED_CAMERA, "data.camera learned is for learned poses"),
        ("random-encoder", replace(RECIPE, init_from="runs/x"), "all weights come from --init-from"),
        ("depth-scaling", SFM, "known poses .* fix the scale"),
        ("full-minimum", STEREO, "there is one source alone"),
    ],
)
def test_a_named_row_that_means_nothing_says_why(name: str, config: TrainConfig, reason: str) -> None:
    with pytest.raises(InputError, match=f"variant '{name}' does not apply here: {reason}.*; leave it out"):
        chosen_variants((name,), config)


def test_encoders_are_compared_where_they_are_named() -> None:
    assert not set(ENCODERS) & set(chosen_variants((), TAUGHT))
    assert chosen_variants(("pretrained-encoder", "random-encoder"), TAUGHT) == list(ENCODERS)


def test_the_rows_of_a_part_differ_from_the_row_they_are_compared_with_in_that_part_alone() -> None:
    for name, variant in VARIANTS.items():
        if variant.part:
            assert len(changes(name, variant.against)) == 1, name


def test_full_has_the_three_parts_even_where_the_recipe_lacks_one() -> None:
    bare = replace(RECIPE, loss=LossConfig(reprojection="average", automask=False, predictive_mask=True))
    assert variant_config(FULL, bare) == RECIPE


def test_the_baseline_of_a_recipe_that_scales_by_the_median_does_not() -> None:
    scaled = replace(RECIPE, loss=LossConfig(depth_scaling="median"))
    assert changes("baseline", FULL, scaled) == EXPECTED["baseline"] | {"loss.depth_scaling": "none"}
    assert changes("baseline+depth-scaling", FULL, scaled) == EXPECTED["baseline"]
    assert changes("baseline+minimum", "baseline", scaled) == {"loss.reprojection": "minimum"}


@pytest.mark.parametrize("pose", ["separate", "shared", "posecnn"])
def test_the_recipes_own_pose_network_and_scaling_are_full_over_again(pose: str) -> None:
    config = replace(RECIPE, model=ModelConfig(pose=pose))
    same = {name for name in chosen_variants((), config) if trained_as(name, config) == FULL}
    assert same == {FULL, f"pose-{pose}", "no-depth-scaling"}


def test_without_estimated_poses_only_what_means_something_is_trained() -> None:
    names = chosen_variants((), STEREO)
    assert names == [
        *("baseline", "baseline+automask", "baseline+full-res"),
        *("full", "full-automask", "full-full-res", "zhou-mask", "no-ssim"),
    ]
    with pytest.raises(InputError, match="'pose-shared' does not apply here"):
        chosen_variants(("pose-shared",), STEREO)


def test_variants_are_taken_in_the_order_of_the_table_and_misspelt_ones_are_named() -> None:
    assert chosen_variants(("full", "baseline"), RECIPE) == ["baseline", "full"]
    with pytest.raises(InputError, match="unknown variant 'basline'; did you mean 'baseline'"):
        chosen_variants(("basline",), RECIPE)


def test_with_given_poses_there_is_no_pose_network_and_no_scaling_to_compare():
    config = TrainConfig(data=DataConfig(poses="given"))
    names = chosen_variants((), config)
    assert not {"pose-shared", "pose-posecnn", "depth-scaling", "no-depth-scaling", "baseline+depth-scaling"} & set(
        names
    )
    assert {"baseline", "full", "full-minimum"} <= set(names)
    for name in names:
        assert trained_as(name, config) in names
