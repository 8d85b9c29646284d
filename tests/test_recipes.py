import pytest

from egodepth.config import TrainConfig, from_json, to_json
from egodepth.errors import InputError
from egodepth.recipes import RECIPES, recipe


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_is_a_whole_configuration_that_says_what_it_is_for(name):
    config = recipe(name)
    assert from_json(TrainConfig, to_json(config)) == config
    summary = (RECIPES[name].__doc__ or "").splitlines()[0]
    assert summary.endswith((".", ":"))
    assert len(summary) > 20


def test_there_is_a_recipe_to_begin_with():
    config = recipe("quickstart")
    assert config.model.pretrained is False
    assert config.data.path == ()


def test_a_misspelt_recipe_gets_a_guess_and_the_list():
    with pytest.raises(InputError) as caught:
        recipe("quikstart")
    assert str(caught.value).startswith("unknown recipe 'quikstart'; did you mean 'quickstart'? there are: ")
    assert all(name in str(caught.value) for name in RECIPES)


def test_a_recipe_like_no_other_gets_the_list_alone():
    with pytest.raises(InputError, match=r"^unknown recipe 'zzz'; there are: "):
        recipe("zzz")
