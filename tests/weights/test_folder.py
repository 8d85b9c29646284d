import errno
import json
import threading
from pathlib import Path

import huggingface_hub
import pytest
import torch
from huggingface_hub.errors import LocalEntryNotFoundError
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from egodepth.config import ModelConfig
from egodepth.foundation.errors import InputError
from egodepth.networks import DepthNet, build_pose_net
from egodepth.weights import DepthModel, ModelCard, initialise_from, load_model
from egodepth.weights import folder as weights
from egodepth.weights import hub as model_hub

SMALL = ModelConfig(encoder="test_resnet", pose="posecnn")
LIMITS = (SMALL.min_depth, SMALL.max_depth)


def a_card(has_pose_net: bool = True, **network: object) -> ModelCard:
    network = SMALL if not network else ModelConfig(**{"encoder": "test_resnet", "pose": "posecnn"} | network)
    return ModelCard(
        network=network, size=(64, 96), metric=True, has_pose_net=has_pose_net, training_drives=("a", "b"), step=7
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    DepthModel(a_card()).save(tmp_path / "model")
    return tmp_path / "model"


def refusal(source: str | Path) -> str:
    with pytest.raises(InputError) as caught:
        load_model(source)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("card", [a_card(), a_card(has_pose_net=False), a_card(pose="separate"), a_card(pose="shared")])
def test_a_model_comes_back_as_it_was_saved(tmp_path: Path, card):
    model = DepthModel(card)
    model.save(tmp_path / "model")
    loaded = load_model(tmp_path / "model")
    assert loaded.card == card
    assert not loaded.training
    assert loaded.state_dict().keys() == model.state_dict().keys()
    assert all(torch.equal(loaded.state_dict()[name], value) for name, value in model.state_dict().items())
    image = torch.rand(1, 3, 64, 96)
    with torch.no_grad():
        assert torch.equal(loaded(image)[0], model.eval()(image)[0])


def test_a_model_folder_holds_a_card_and_weights_and_nothing_else(folder: Path):
    assert sorted(path.name for path in folder.iterdir()) == ["config.json", "model.safetensors"]
    assert json.loads((folder / "config.json").read_text())["format"] == "egodepth-model-2"
    assert list(folder.parent.iterdir()) == [folder]


def test_weights_in_another_memory_layout_are_saved_all_the_same(tmp_path: Path):
    model = DepthModel(a_card()).to(memory_format=torch.channels_last)
    model.save(tmp_path / "model")
    loaded = load_model(tmp_path / "model").state_dict()
    assert all(torch.equal(loaded[name], value) for name, value in model.state_dict().items())


def test_saving_again_replaces_the_model_that_was_there(folder: Path):
    (folder / "stray").write_text("")
    model = DepthModel(a_card())
    model.save(folder)
    assert sorted(path.name for path in folder.iterdir()) == ["config.json", "model.safetensors"]
    assert list(folder.parent.iterdir()) == [folder]
    first = next(iter(model.state_dict()))
    assert torch.equal(load_file(folder / "model.safetensors")[first], model.state_dict()[first])


@pytest.mark.parametrize(
    "error", [OSError(errno.ENOSPC, "No space left on device"), SafetensorError("I/O error: No space left on device")]
)
def test_a_full_disk_leaves_the_old_model_and_nothing_half_written(folder: Path, monkeypatch, error):
    before = (folder / "model.safetensors").read_bytes()

    def half(tensors: object, path: Path) -> None:
        path.write_bytes(b"half")
        raise error

    monkeypatch.setattr(weights, "save_file", half)
    with pytest.raises(InputError, match=r"model: cannot write the model \(.*No space left"):
        DepthModel(a_card()).save(folder)
    assert list(folder.parent.iterdir()) == [folder]
    assert (folder / "model.safetensors").read_bytes() == before


def test_a_run_folder_stands_for_its_model(folder: Path):
    (folder.parent / "config.json").write_text("{}")
    assert load_model(folder.parent).card == a_card()


def test_a_run_without_a_model_says_that_it_needs_more_training(tmp_path: Path):
    (tmp_path / "run" / "checkpoints").mkdir(parents=True)
    message = refusal(tmp_path / "run")
    assert message.startswith(f"{tmp_path / 'run'}: neither a model folder")
    assert message.endswith("the run has no model yet: train it further")


@pytest.mark.parametrize("missing", ["config.json", "model.safetensors"])
def test_a_missing_file_is_named(folder: Path, missing):
    (folder / missing).unlink()
    assert missing in refusal(folder)


def test_a_missing_folder_is_no_hub_id_where_its_parent_exists(tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "models").mkdir()
    for source in ("models/fist", "nowhere", "./a/b", str(tmp_path / "none"), "a/b/c"):
        assert refusal(source) == f"{source}: no such folder; check the path"


def test_a_run_that_is_missing_is_never_asked_of_the_hub_even_where_there_are_no_runs(tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert refusal("runs/synthetic-ms").startswith("runs/synthetic-ms: no such folder; train it first (")


@pytest.mark.parametrize(
    "error", [LocalEntryNotFoundError("cannot reach the hub\ncheck the connection"), OSError(), OSError("timed out")]
)
def test_an_unreachable_hub_is_one_line_that_names_the_model(tmp_path: Path, monkeypatch, error):
    def unreachable(*arguments: object, **options: object) -> None:
        raise error

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(huggingface_hub, "snapshot_download", unreachable)
    message = refusal("owner/model")
    assert message.startswith("owner/model: no such folder, and not to be had from the model hub (")
    assert message.endswith("give a local folder")


def test_a_hub_id_is_downloaded_without_anything_else_of_its_folder(folder: Path, tmp_path: Path, monkeypatch):
    asked = []

    def download(hub_id: str, allow_patterns: list[str], local_files_only: bool, revision: str | None) -> str:
        asked.append((hub_id, allow_patterns, local_files_only, revision))
        return str(folder)

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(huggingface_hub, "get_hf_file_metadata", lambda url, timeout: None)
    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    assert load_model("owner/model").card == a_card()
    assert load_model("owner/model", revision="v1").card == a_card()
    files = ["config.json", "model.safetensors"]
    assert asked == [("owner/model", files, False, None), ("owner/model", files, False, "v1")]


def test_of_a_hub_that_does_not_answer_the_cache_is_taken(folder: Path, tmp_path: Path, monkeypatch):
    patience = threading.Event()

    def download(hub_id: str, allow_patterns: list[str], local_files_only: bool, revision: str | None) -> str:
        assert local_files_only
        return str(folder)

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(model_hub, "TIMEOUT_S", 0.1)
    monkeypatch.setattr(huggingface_hub, "get_hf_file_metadata", lambda url, timeout: patience.wait(60))
    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    assert load_model("owner/model").card == a_card()
    patience.set()


def test_an_ill_formed_hub_id_is_refused_without_asking(tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert refusal("own er/mo del").startswith("own er/mo del: no such folder")


def edit(folder: Path, **changes: object) -> None:
    card = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(card | changes))


def test_another_format_is_refused_by_its_name_whatever_its_fields(folder: Path):
    edit(folder, format="egodepth-model-9", novelty=1)
    message = refusal(folder)
    assert message.startswith(f"{folder / 'config.json'}: model format 'egodepth-model-9', this version reads")


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"architectures": ["Bert"]}'])
def test_a_card_of_something_else_is_refused(folder: Path, text):
    (folder / "config.json").write_text(text)
    assert refusal(folder).startswith(f"{folder / 'config.json'}: not the card of an egodepth model")


@pytest.mark.parametrize(
    ("change", "names"), [({"size": [64]}, "size"), ({"stepp": 3}, "'stepp'"), ({"metric": 1}, "metric")]
)
def test_a_wrong_field_of_the_card_is_named(folder: Path, change, names):
    edit(folder, **change)
    message = refusal(folder)
    assert message.startswith(f"{folder / 'config.json'}: not a valid ModelCard: ")
    assert names in message


def test_weights_of_another_shape_or_name_are_refused(folder: Path):
    file = folder / "model.safetensors"
    tensors = {name: value.clone() for name, value in load_file(file).items()}
    head = "depth_net.decoder.heads.0.weight"
    for changed in (
        tensors | {head: torch.ones(2, 16, 3, 3)},
        tensors | {"more": torch.ones(1)},
        {"few": torch.ones(1)},
    ):
        save_file(changed, file)
        message = refusal(folder)
        assert message.startswith(f"{file}: its weights do not fit its configuration (")
        assert len(message) < 400


def test_a_network_the_weights_are_not_of_is_refused(folder: Path):
    edit(folder, network={"encoder": "test_efficientnet", "pose": "posecnn"})
    assert "do not fit its configuration" in refusal(folder)


def test_a_pickle_that_poses_as_safetensors_is_never_opened(folder: Path):
    class Trap:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return (Path.touch, (folder.parent / "sprung",))

    file = folder / "model.safetensors"
    torch.save({"weight": Trap()}, file)
    assert refusal(folder).startswith(f"{file}: not readable as safetensors (")
    assert not (folder.parent / "sprung").exists()


def test_truncated_weights_are_refused(folder: Path):
    file = folder / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-10])
    assert refusal(folder).startswith(f"{file}: not readable as safetensors (")


def test_training_starts_from_a_models_weights(folder: Path):
    model = load_model(folder)
    depth_net, pose_net = DepthNet("test_resnet"), build_pose_net("posecnn", "test_resnet", False, 96)
    initialise_from(str(folder), depth_net, pose_net, LIMITS)
    assert all(torch.equal(v, model.depth_net.state_dict()[name]) for name, v in depth_net.state_dict().items())
    assert all(torch.equal(v, model.pose_net.state_dict()[name]) for name, v in pose_net.state_dict().items())


def test_a_pose_network_of_another_kind_keeps_its_own_weights(folder: Path):
    pose_net = build_pose_net("shared", "test_resnet", False, 96)
    before = {name: value.clone() for name, value in pose_net.state_dict().items()}
    initialise_from(str(folder), DepthNet("test_resnet"), pose_net, LIMITS)
    assert all(torch.equal(value, before[name]) for name, value in pose_net.state_dict().items())


def test_training_cannot_start_from_another_backbone(folder: Path):
    with pytest.raises(InputError, match=rf"^{folder}: its weights do not fit"):
        initialise_from(str(folder), DepthNet("test_efficientnet"), None, LIMITS)


def test_training_cannot_start_from_disparities_that_mean_other_depths(folder: Path):
    with pytest.raises(
        InputError, match=r"knows depths of 0\.1 to 100, not 1 to 100; train with --model\.min-depth 0\.1"
    ):
        initialise_from(str(folder), DepthNet("test_resnet"), None, (1.0, 100.0))


def as_older(folder: Path) -> None:
    """Make of a model folder what it was before encoders kept their statistics."""
    file, card = folder / "model.safetensors", json.loads((folder / "config.json").read_text())
    tensors = {name: value.clone() for name, value in load_file(file).items()}
    save_file({n: v for n, v in tensors.items() if not n.endswith(("encoder.mean", "encoder.spread"))}, file)
    for name in ("normalisation", "without_weights"):
        del card["network"][name]
    del card["started_from"]
    (folder / "config.json").write_text(json.dumps(card))


@pytest.mark.parametrize("pose", ["separate", "posecnn"])
def test_an_older_folder_predicts_to_the_bit_as_it_did_and_its_card_says_why(tmp_path: Path, pose):
    DepthModel(a_card(pose=pose)).save(tmp_path / "model")
    as_older(tmp_path / "model")
    model = load_model(tmp_path / "model")
    assert model.card.network.normalisation == "monodepth2"
    image, net = torch.rand(1, 3, 64, 96), model.depth_net
    with torch.no_grad():
        features = net.encoder.backbone((image - 0.45) / 0.225)
        assert torch.equal(model(image)[0], net.disparities(features)[0])
    model.save(tmp_path / "again")
    again = load_model(tmp_path / "again")
    assert again.card == model.card
    with torch.no_grad():
        assert torch.equal(again(image)[0], model(image)[0])


def test_a_training_from_an_older_model_keeps_its_statistics(folder: Path):
    as_older(folder)
    depth_net = DepthNet("test_resnet")
    assert depth_net.encoder.normalisation == "backbone"
    initialise_from(str(folder), depth_net, None, LIMITS)
    assert depth_net.encoder.normalisation == "monodepth2"
