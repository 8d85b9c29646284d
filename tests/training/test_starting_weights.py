import json
import shutil
from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import load_file, save_file

from egodepth.config import ModelConfig, TrainConfig
from egodepth.config.strict_json import from_json
from egodepth.foundation.errors import InputError
from egodepth.objective import build_objective
from egodepth.training import checkpoint
from egodepth.training import starting_weights as start_module
from egodepth.training.starting_weights import RANDOM, find_start
from egodepth.weights import EncoderWeights, NoWeightsError, load_card, load_model
from tiny_training import SIZE, a_config, assert_same_weights, final_tensors, quietly


@pytest.fixture
def clip(make_clip, tmp_path: Path) -> Path:
    return make_clip(tmp_path / "clip", frames=6, size=SIZE)


def missing(encoder: str) -> None:
    raise NoWeightsError(f"no weights of {encoder}; connect")


def found(encoder: str) -> EncoderWeights:
    return EncoderWeights("ImageNet, a test", timm.create_model(encoder).state_dict())


def test_weights_that_are_not_to_be_had_stop_or_are_one_line(monkeypatch):
    monkeypatch.setattr(start_module, "find_encoder_weights", missing)
    said: list[str] = []
    with pytest.raises(InputError, match="no weights of resnet18"):
        find_start(TrainConfig(model=ModelConfig(pretrained=True)), said.append)
    assert said == []
    start = find_start(TrainConfig(model=ModelConfig(pretrained=True, without_weights="random")), said.append)
    assert (start.said, start.encoders) == (RANDOM, False)
    assert said == ["no weights of resnet18; connect", "starts from: random weights"]


def test_nobody_is_asked_without_pretrained_weights(monkeypatch):
    monkeypatch.setattr(start_module, "find_encoder_weights", None)
    said: list[str] = []
    assert find_start(TrainConfig(), said.append).said == RANDOM
    assert said == ["starts from: random weights"]


def test_damaged_weights_are_an_error_even_where_random_ones_would_do(monkeypatch):
    def damaged(encoder: str) -> None:
        raise InputError("damaged")

    monkeypatch.setattr(start_module, "find_encoder_weights", damaged)
    with pytest.raises(InputError, match="damaged"):
        find_start(TrainConfig(model=ModelConfig(pretrained=True, without_weights="random")), lambda line: None)


def test_a_run_remembers_what_it_started_from_and_never_looks_again(clip: Path, tmp_path: Path, monkeypatch):
    config = a_config(clip, pretrained=True, without_weights="random", checkpoint_every=2)
    monkeypatch.setattr(start_module, "find_encoder_weights", found)
    _, said = quietly(config, tmp_path / "whole")
    assert "starts from: ImageNet, a test" in said
    shutil.rmtree(tmp_path / "whole" / "checkpoints" / "step_00000004")
    shutil.rmtree(tmp_path / "whole" / "model")
    monkeypatch.setattr(start_module, "find_encoder_weights", None)
    _, said = quietly(config, tmp_path / "whole")
    assert "starts from" not in said
    card = load_card(tmp_path / "whole")
    assert card.started_from == "ImageNet, a test"
    assert (card.network.pretrained, card.network.without_weights) == (False, "stop")


def test_the_first_weights_are_those_that_were_found(clip: Path, tmp_path: Path, monkeypatch):
    given = timm.create_model("test_resnet").state_dict()
    monkeypatch.setattr(start_module, "find_encoder_weights", lambda name: EncoderWeights("a test", given))
    quietly(a_config(clip, pretrained=True, steps=1, learning_rate=1e-12, pose="separate"), tmp_path / "run")
    kept = final_tensors(tmp_path / "run")
    for net, share in (("depth_net", 1), ("pose_net", 2)):
        first = kept[f"model.{net}.encoder.backbone.conv1.0.weight"]
        torch.testing.assert_close(first * share, given["conv1.0.weight"].repeat(1, share, 1, 1), atol=1e-6, rtol=0)


@pytest.mark.parametrize("pose", ["posecnn", "shared"])
def test_pretrained_weights_that_are_to_stay_do_with_their_statistics(clip: Path, tmp_path: Path, monkeypatch, pose):
    given = timm.create_model("test_resnet").state_dict()
    for name, value in given.items():
        if name.endswith(("running_mean", "running_var")):
            value.uniform_(0.5, 1.5)
    monkeypatch.setattr(start_module, "find_encoder_weights", lambda name: EncoderWeights("a test", given))
    config = a_config(clip, pretrained=True, encoder_rate=0.0, clean_statistics=4, pose=pose)
    quietly(config, tmp_path / "run")
    kept, of_model = final_tensors(tmp_path / "run"), load_model(tmp_path / "run").depth_net.state_dict()
    backbone = {name for name in of_model if "backbone" in name}
    assert any(name.endswith("running_var") for name in backbone)
    for name in backbone:
        first = given[name.removeprefix("encoder.backbone.")]
        assert torch.equal(of_model[name], first), name
        assert torch.equal(kept[f"model.depth_net.{name}"], first), name
    torch.manual_seed(config.trainer.seed)
    before = build_objective(config, given).state_dict()
    heads = [name for name in before if "depth_net.decoder" in name and name.endswith("weight")]
    assert max(float((before[name] - kept[f"model.{name}"]).abs().max()) for name in heads) > 1e-4


def test_an_encoder_of_random_weights_learns_and_goes_on_learning(clip: Path, tmp_path: Path):
    config = a_config(clip, encoder_rate=0.0, checkpoint_every=2)
    _, said = quietly(config, tmp_path / "run")
    assert "the encoder also learns, because its weights are random" in said
    assert json.loads((tmp_path / "run" / "config.json").read_text())["optimiser"]["encoder_rate"] == 1
    whole = final_tensors(tmp_path / "run")
    shutil.rmtree(tmp_path / "run" / "checkpoints" / "step_00000004")
    _, said = quietly(config, tmp_path / "run")
    assert "the encoder learns" not in said
    again = final_tensors(tmp_path / "run")
    assert [name for name in whole if not torch.equal(whole[name], again[name])] == []
    quietly(a_config(clip, checkpoint_every=2), tmp_path / "plain")
    assert_same_weights(tmp_path / "run", tmp_path / "plain")


def test_an_encoder_that_was_asked_to_learn_does_not_go_on_as_one_that_stays(clip: Path, tmp_path: Path, monkeypatch):
    monkeypatch.setattr(start_module, "find_encoder_weights", found)
    quietly(a_config(clip, pretrained=True), tmp_path / "run")
    with pytest.raises(InputError, match=r"was started with optimiser.encoder_rate = 1.0, not 0.0"):
        quietly(a_config(clip, pretrained=True, encoder_rate=0.0), tmp_path / "run")


def test_a_training_from_a_model_says_what_that_one_began_with(clip: Path, tmp_path: Path):
    quietly(a_config(clip, steps=1), tmp_path / "first")
    _, said = quietly(a_config(clip, init_from=str(tmp_path / "first"), steps=1), tmp_path / "second")
    assert f"starts from: {tmp_path / 'first'} (random weights)" in said
    assert load_card(tmp_path / "second").started_from == f"{tmp_path / 'first'} (random weights)"


def test_a_run_from_before_statistics_were_kept_goes_on_with_the_old_ones(clip: Path, tmp_path: Path):
    config = a_config(clip, pose="separate", normalisation="monodepth2")
    quietly(config, tmp_path / "whole")
    run = tmp_path / "older"
    shutil.copytree(tmp_path / "whole", run)
    make_older(run, 2)
    quietly(a_config(clip, pose="separate"), run)  # as a recipe has it today
    assert_same_weights(run, tmp_path / "whole")
    assert json.loads((run / "config.json").read_text())["model"]["normalisation"] == "monodepth2"
    assert load_card(run).network.normalisation == "monodepth2"


def make_older(run: Path, step: int) -> None:
    """Of a finished run, one that was stopped after `step` when nothing of encoders' statistics was known."""
    for place in sorted((run / "checkpoints").iterdir()):
        if not place.name.endswith(f"{step:08d}"):
            shutil.rmtree(place)
            continue
        file, header = place / "state.safetensors", json.loads((place / "checkpoint.json").read_text())
        tensors = {name: value.clone() for name, value in load_file(file).items()}
        old = {n: v for n, v in tensors.items() if not n.endswith(("encoder.mean", "encoder.spread"))}
        assert len(old) == len(tensors) - 4
        save_file(old, file)
        del header["started_from"]
        forget(header["config"])
        header["state_sha256"] = checkpoint._digest(file)
        header["header_sha256"] = checkpoint._header_digest(header)
        (place / "checkpoint.json").write_text(json.dumps(header))
    config = json.loads((run / "config.json").read_text())
    forget(config)
    (run / "config.json").write_text(json.dumps(config))


def forget(config: dict) -> None:
    for name in ("normalisation", "without_weights"):
        del config["model"][name]


def test_a_configuration_that_does_not_say_is_from_before():
    assert from_json(ModelConfig, "{}").normalisation == "monodepth2"
    assert ModelConfig().normalisation == "backbone"
