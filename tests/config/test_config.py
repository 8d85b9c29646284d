import dataclasses
import json
from pathlib import Path

import pytest

from egodepth.config import DataConfig, HintConfig, LossConfig, ModelConfig, OptimiserConfig, TrainConfig, TrainerConfig
from egodepth.config.strict_json import from_json, to_json
from egodepth.foundation.errors import InputError


def a_config() -> TrainConfig:
    return TrainConfig(
        data=DataConfig(path=("runs/a", "runs/b"), size=(96, 320), offsets=(-2, 1), stereo=True, flip=0.25),
        model=ModelConfig(encoder="resnet50", pretrained=True, pose="shared", max_depth=80.0),
        loss=LossConfig(reprojection="average", automask=False, predictive_mask=True, ssim_weight=0.0),
        optimiser=OptimiserConfig(learning_rate=3e-4, schedule="cosine"),
        trainer=TrainerConfig(steps=7, seed=3),
        init_from="runs/before",
    )


def edited(**changes: object) -> str:
    """The JSON of a configuration with values replaced, by dotted key with a double underscore for the dot."""
    tree = json.loads(to_json(TrainConfig()))
    for key, value in changes.items():
        *parts, last = key.split("__")
        branch = tree
        for part in parts:
            branch = branch[part]
        branch[last] = value
    return json.dumps(tree)


@pytest.mark.parametrize("config", [TrainConfig(), a_config()])
def test_a_configuration_comes_back_equal_from_json(config):
    assert from_json(TrainConfig, to_json(config)) == config


def test_fields_left_out_take_their_defaults():
    assert from_json(TrainConfig, '{"trainer": {"steps": 5}}') == TrainConfig(trainer=TrainerConfig(steps=5))


def test_a_whole_number_is_read_as_a_float_where_one_belongs():
    limit = from_json(TrainConfig, edited(model__max_depth=80)).model.max_depth
    assert limit == 80.0
    assert isinstance(limit, float)


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({"speed": 1}, "'speed'"),
        ({"loss__smothness": 0.1}, "'loss.smothness'"),
        ({"trainer__steps": "many"}, "trainer.steps is 'many', not of type int"),
        ({"trainer__steps": 1.5}, "trainer.steps is 1.5, not of type int"),
        ({"trainer__steps": True}, "trainer.steps is True, not of type int"),
        ({"model__min_depth": True}, "model.min_depth is True, not of type float"),
        ({"model__encoder": None}, "model.encoder is None, not of type str"),
        ({"data__stereo": 1}, "data.stereo is 1, not of type bool"),
        ({"data__path": "runs/a"}, "data.path must be a list"),
        ({"data__size": [192]}, "data.size must have 2 entries"),
        ({"data__size": [192, "640"]}, "data.size[1] is '640', not of type int"),
        ({"data__offsets": [-1, 0.5]}, "data.offsets[1] is 0.5, not of type int"),
        ({"loss__reprojection": "median"}, "loss.reprojection is 'median'; choose from 'minimum', 'average'"),
        ({"loss": 3}, "loss must be an object"),
    ],
)
def test_a_wrong_field_is_named_with_its_file_in_one_line(changes, names):
    with pytest.raises(InputError) as caught:
        from_json(TrainConfig, edited(**changes), Path("runs/x/config.json"))
    message = str(caught.value)
    assert message.startswith("runs/x/config.json: not a valid TrainConfig: ")
    assert names in message
    assert "\n" not in message


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "nonsense"])
def test_what_is_no_json_object_is_refused(text):
    with pytest.raises(InputError, match=r"c\.json: not a valid TrainConfig"):
        from_json(TrainConfig, text, "c.json")


@pytest.mark.parametrize(
    ("part", "values", "message"),
    [
        (DataConfig, {"size": (190, 640)}, "multiples of 32"),
        (DataConfig, {"size": (0, 640)}, "multiples of 32"),
        (DataConfig, {"offsets": (-1, 0, 1)}, "0 is the target itself"),
        (DataConfig, {"offsets": ()}, "nothing to learn from"),
        (DataConfig, {"flip": 1.5}, "probabilities"),
        (DataConfig, {"zoom": 0.9}, "zoom"),
        (DataConfig, {"jitter_strength": -1.0}, "jitter_strength"),
        (DataConfig, {"nominal_baseline_m": -0.5}, "nominal_baseline_m"),
        (DataConfig, {"jitter": -0.1}, "probabilities"),
        (ModelConfig, {"min_depth": 0.0}, "min_depth"),
        (ModelConfig, {"min_depth": 100.0}, "min_depth"),
        (LossConfig, {"ssim_weight": 1.1}, "ssim_weight"),
        (HintConfig, {"road_weight": -1.0}, "weights"),
        (HintConfig, {"sources": ("sparse", "contact")}, "contact needs sweep"),
        (HintConfig, {"sources": ("sweep", "stereo", "contact")}, "leave contact out"),
        (LossConfig, {"smoothness": -1.0}, "negative"),
        (LossConfig, {"mask_weight": -1.0}, "negative"),
        (LossConfig, {"predictive_mask": True}, "automask"),
        (OptimiserConfig, {"learning_rate": 0.0}, "learning_rate"),
        (OptimiserConfig, {"drop_at": 2.0}, "drop_at"),
        (OptimiserConfig, {"warmup": 1.0}, "warmup"),
        (OptimiserConfig, {"pose_first": 1.0}, "pose_first"),
        (TrainerConfig, {"steps": 0}, "trainer.steps"),
        (TrainerConfig, {"batch_size": 0}, "trainer.batch_size"),
        (TrainerConfig, {"keep_checkpoints": 0}, "trainer.keep_checkpoints"),
        (TrainerConfig, {"workers": -1}, "workers"),
    ],
)
def test_a_value_that_cannot_be_is_refused_with_its_reason(part, values, message):
    with pytest.raises(InputError, match=message):
        part(**values)


def test_a_value_that_cannot_be_is_refused_from_json_too():
    with pytest.raises(InputError, match=r"config\.json: .*multiples of 32"):
        from_json(TrainConfig, edited(data__size=[100, 100]), "config.json")


def test_median_scaling_and_a_stereo_baseline_exclude_each_other():
    with pytest.raises(InputError, match="already fixes the scale"):
        TrainConfig(data=DataConfig(stereo=True), loss=LossConfig(depth_scaling="median"))


def test_pure_stereo_has_no_poses_to_learn_first():
    for data in (DataConfig(offsets=(), stereo=True), DataConfig(poses="given")):
        with pytest.raises(InputError, match="pose_first"):
            TrainConfig(data=data, optimiser=OptimiserConfig(pose_first=0.1))


def test_given_poses_need_neighbours_and_make_depth_metric():
    with pytest.raises(InputError, match="give data"):
        DataConfig(offsets=(), stereo=True, poses="given")
    assert [DataConfig(poses=kind).metric for kind in ("learned", "given")] == [False, True]
    assert [DataConfig(poses=kind).learned_poses for kind in ("learned", "given")] == [True, False]


def test_pure_stereo_needs_no_neighbours():
    assert DataConfig(offsets=(), stereo=True).offsets == ()


def test_a_configuration_cannot_be_changed_in_place():
    with pytest.raises(dataclasses.FrozenInstanceError):
        TrainConfig().trainer.steps = 3  # type: ignore[misc]
