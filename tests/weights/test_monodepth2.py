import os
import pickle
import shutil
from pathlib import Path

import pytest
import torch

from egodepth import DepthPredictor
from egodepth.cli import main
from egodepth.config import DataConfig, ModelConfig, TrainConfig, TrainerConfig
from egodepth.foundation.errors import InputError
from egodepth.training.train import train
from egodepth.weights import import_monodepth2, load_model
from published_network import disparities, pose_numbers, write_folder


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("weights") / "published"
    write_folder(folder)
    return folder


@pytest.mark.parametrize("name", ["resnet18", "resnet50"])
def test_imported_weights_give_the_disparities_of_a_plain_network(tmp_path: Path, name: str) -> None:
    write_folder(tmp_path / "published", name)
    image = torch.rand(2, 3, 64, 96)
    model = import_monodepth2(tmp_path / "published")
    with torch.no_grad():
        for found, expected in zip(model(image), disparities(tmp_path / "published", name, image), strict=True):
            torch.testing.assert_close(found[:, None], expected, atol=1e-5, rtol=0)
            assert expected.std() > 1e-3
    assert model.card.size == (64, 96)
    assert model.card.network.encoder == name


@pytest.mark.parametrize(
    ("name", "pose"),
    [("resnet18", "separate"), ("resnet50", "separate"), ("resnet18", "shared"), ("resnet18", "posecnn")],
)
def test_imported_pose_networks_give_the_numbers_of_a_plain_one(tmp_path: Path, name: str, pose: str) -> None:
    write_folder(tmp_path / "published", name, pose)
    earlier, later = torch.rand(2, 2, 3, 64, 96)
    model = import_monodepth2(tmp_path / "published")
    assert model.card.network.pose == pose
    assert model.pose_net is not None
    with torch.no_grad():
        views = [model.depth_net.encoder(frame)[-1] if pose == "shared" else frame for frame in (earlier, later)]
        found = torch.cat(model.pose_net(*views), 1)
        expected = pose_numbers(tmp_path / "published", name, pose, earlier, later)
    torch.testing.assert_close(found, expected, atol=1e-7, rtol=1e-5)
    assert expected.abs().min() > 1e-6


def test_stereo_models_speak_of_metres_by_the_published_factor(tmp_path: Path) -> None:
    write_folder(tmp_path / "mono", pose="")
    write_folder(tmp_path / "stereo", pose="", use_stereo=True)
    torch.save(torch.load(tmp_path / "mono" / "depth.pth"), tmp_path / "stereo" / "depth.pth")
    state = torch.load(tmp_path / "mono" / "encoder.pth")
    torch.save(state | {"use_stereo": True}, tmp_path / "stereo" / "encoder.pth")
    image = torch.rand(1, 3, 64, 96)
    mono, stereo = (DepthPredictor(import_monodepth2(tmp_path / name))(image) for name in ("mono", "stereo"))
    torch.testing.assert_close(stereo.depth, 5.4 * mono.depth)
    assert (mono.metric, stereo.metric) == (False, True)


@pytest.mark.parametrize("pose", ["posecnn", "separate"])
def test_the_command_writes_a_model_that_loads_and_that_training_starts_from(
    tmp_path: Path, make_clip, capsys: pytest.CaptureFixture[str], pose: str
) -> None:
    write_folder(tmp_path / "published", pose=pose)
    main(["import-monodepth2", str(tmp_path / "published"), str(tmp_path / "model")])
    assert f"resnet18, 96x64, depth up to scale, {pose} pose network" in capsys.readouterr().out
    loaded, direct = load_model(tmp_path / "model"), import_monodepth2(tmp_path / "published")
    assert loaded.card == direct.card
    clip = make_clip(tmp_path / "clip", frames=4, size=(64, 96))
    config = TrainConfig(
        data=DataConfig(path=(str(clip),), size=(64, 96)),
        model=ModelConfig(pose=pose),
        trainer=TrainerConfig(steps=1, batch_size=1, device="cpu"),
        init_from=str(tmp_path / "model"),
    )
    train(config, tmp_path / "run")
    trained = load_model(tmp_path / "run")
    # One step of Adam moves every weight by the learning rate at most.
    for net in ("depth_net", "pose_net"):
        before, after = (dict(getattr(model, net).named_parameters()) for model in (direct, trained))
        assert all((after[name] - before[name]).abs().max() < 2e-4 for name in before)


def _without(file: str, name: str):
    def spoil(folder: Path) -> None:
        state = torch.load(folder / file)
        del state[name]
        torch.save(state, folder / file)

    return spoil


def _cut(folder: Path) -> None:
    data = (folder / "depth.pth").read_bytes()
    (folder / "depth.pth").write_bytes(data[: len(data) // 2])


def _odd_shape(folder: Path) -> None:
    state = torch.load(folder / "depth.pth")
    state["decoder.3.conv.conv.weight"] = torch.zeros(3, 3)
    torch.save(state, folder / "depth.pth")


def _other_pose_encoder(folder: Path) -> None:
    state = torch.load(folder / "pose_encoder.pth")
    torch.save({k: v for k, v in state.items() if "layer3.1" not in k}, folder / "pose_encoder.pth")


SPOILT = {
    "no encoder": (lambda folder: (folder / "encoder.pth").unlink(), r"encoder\.pth: missing"),
    "no size": (_without("encoder.pth", "height"), r"encoder\.pth: does not say its height"),
    "a layer is missing": (_without("depth.pth", "decoder.4.conv.conv.bias"), r"depth\.pth: missing 'decoder\.4"),
    "cut short": (_cut, r"depth\.pth: not a torch state dict"),
    "odd shape": (_odd_shape, r"depth\.pth: its weights do not fit"),
    "another pose encoder": (_other_pose_encoder, r"pose_encoder\.pth: not the ResNet"),
    "no state dict": (lambda folder: torch.save([1], folder / "pose.pth"), r"pose\.pth: not a torch state dict"),
}


@pytest.mark.parametrize("how", SPOILT)
def test_spoilt_folders_are_refused_by_the_file(published: Path, tmp_path: Path, how: str) -> None:
    spoil, message = SPOILT[how]
    shutil.copytree(published, tmp_path / "published")
    spoil(tmp_path / "published")
    with pytest.raises(InputError, match=message) as caught:
        import_monodepth2(tmp_path / "published")
    assert "\n" not in str(caught.value)


class _Bomb:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def test_code_in_a_weights_file_is_never_run(published: Path, tmp_path: Path) -> None:
    shutil.copytree(published, tmp_path / "published")
    (tmp_path / "published" / "depth.pth").write_bytes(pickle.dumps(_Bomb(tmp_path / "owned")))
    with pytest.raises(InputError, match="safe to read"):
        import_monodepth2(tmp_path / "published")
    torch.save(_Bomb(tmp_path / "owned"), tmp_path / "published" / "depth.pth")
    with pytest.raises(InputError, match="safe to read"):
        import_monodepth2(tmp_path / "published")
    assert not (tmp_path / "owned").exists()


def test_what_is_no_model_folder_is_not_written_over(published: Path, tmp_path: Path, capsys) -> None:
    (tmp_path / "precious").mkdir()
    with pytest.raises(SystemExit) as stop:
        main(["import-monodepth2", str(published), str(tmp_path / "precious")])
    assert (stop.value.code, capsys.readouterr().err.count("\n")) == (2, 1)
    assert list((tmp_path / "precious").iterdir()) == []
    for name in ("config.json", "model.safetensors"):  # as every model of the hub
        (tmp_path / "precious" / name).write_text('{"architectures": ["BertModel"]}')
    with pytest.raises(SystemExit):
        main(["import-monodepth2", str(published), str(tmp_path / "precious")])
    assert "not a folder with one model of egodepth only" in capsys.readouterr().err
    assert "BertModel" in (tmp_path / "precious" / "config.json").read_text()
    main(["import-monodepth2", str(published), str(tmp_path / "model")])
    (tmp_path / "model" / "notes.txt").write_text("the user's")
    with pytest.raises(SystemExit):
        main(["import-monodepth2", str(published), str(tmp_path / "model")])
    (tmp_path / "model" / "notes.txt").unlink()
    main(["import-monodepth2", str(published), str(tmp_path / "model")])
