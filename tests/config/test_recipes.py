import pytest

from egodepth.config import TrainConfig
from egodepth.config.recipes import ABOUT, RECIPES, recipe
from egodepth.config.strict_json import from_json, to_json
from egodepth.foundation.errors import InputError


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_is_a_whole_configuration_that_says_what_it_is_for(name):
    config = recipe(name)
    assert from_json(TrainConfig, to_json(config)) == config
    assert len(ABOUT[name]) > 20


def test_there_is_a_recipe_to_begin_with():
    config = recipe("quickstart")
    assert config.model.without_weights == "random"
    assert config.data.path == ()


@pytest.mark.parametrize("name", ["quickstart", "street-stereo"])
def test_stereo_pairs_are_taught_by_matching_alone_in_metres(name):
    config = recipe(name)
    assert (config.data.stereo, config.data.offsets, config.hints.sources) == (True, (), ("stereo",))
    assert (config.data.poses, config.loss.photometric, config.hints.rule) == ("learned", 0, "always")
    assert (config.model.min_depth, config.model.max_depth) == (1, 100)


def test_a_misspelt_recipe_gets_a_guess_and_the_list():
    with pytest.raises(InputError) as caught:
        recipe("quikstart")
    assert str(caught.value).startswith("unknown recipe 'quikstart'; did you mean 'quickstart'? there are: ")
    assert all(name in str(caught.value) for name in RECIPES)


def test_a_recipe_like_no_other_gets_the_list_alone():
    with pytest.raises(InputError, match=r"^unknown recipe 'zzz'; there are: "):
        recipe("zzz")


def test_the_papers_rows_are_there_at_both_sizes_from_both_kinds_of_weights_and_as_published():
    for mode in ("m", "s", "ms"):
        low, high, scratch, paper = (recipe(f"kitti-{mode}{end}") for end in ("", "-1024", "-scratch", "-paper"))
        assert [c.data.size for c in (low, high, scratch, paper)] == [(192, 640), (320, 1024), (192, 640), (192, 640)]
        assert [c.model.pretrained for c in (low, high, scratch, paper)] == [True, False, False, True]
        assert {c.data.stereo for c in (low, high, scratch, paper)} == {mode != "m"}
        assert bool(low.data.offsets) == (mode != "s")
        assert (low.trainer.steps, high.trainer.steps, scratch.trainer.steps) == (66350, 49762, 99525)
        assert (high.optimiser.learning_rate, high.init_from) == (1e-5, f"runs/kitti-{mode}")
        assert (low.data.camera, paper.data.camera) == ("true", "kitti_average")
        assert paper.data.nominal_baseline_m == (0.54 if mode != "m" else 0)
        assert (low.model.min_depth, low.model.max_depth) == ((0.1, 100) if mode == "m" else (0.54, 540))
    assert recipe("kitti-m-1024-paper").init_from == "runs/kitti-m-paper"
    assert recipe("kitti-m-resnet50").model.encoder == "resnet50"
    assert recipe("kitti-odometry").data.test_set == "odometry"
