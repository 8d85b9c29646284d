import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from egodepth import cli
from egodepth.cli import main
from egodepth.config import ModelConfig
from egodepth.foundation.errors import Stopped
from egodepth.weights import DepthModel, ModelCard

Refused = Callable[..., str]
TINY = (
    *("--data.size", "64", "64", "--model.encoder", "test_resnet", "--model.no-pretrained", "--model.pose", "posecnn"),
    *("--trainer.steps", "1"),
)
TINY += ("--trainer.batch-size", "1", "--trainer.device", "cpu")
VERBS = (("train", "quickstart"), ("evaluate",), ("predict",), ("data", "render"), ("data", "inspect"))


@pytest.fixture
def refused(capsys: pytest.CaptureFixture[str]) -> Refused:
    """Run a command that must fail with exit code 2 and one line on standard error; returns the line."""

    def run(*words: object) -> str:
        with pytest.raises(SystemExit) as stop:
            main([str(word) for word in words])
        assert stop.value.code == 2
        error = capsys.readouterr().err
        assert error.startswith("egodepth: ")
        assert error.count("\n") == 1
        assert "Traceback" not in error
        return error.removeprefix("egodepth: ").rstrip("\n")

    return run


@pytest.fixture
def clip(make_clip, tmp_path: Path) -> Path:
    return make_clip(tmp_path / "clip", frames=5, size=(64, 64))


@pytest.fixture
def model(tmp_path: Path) -> Path:
    network = ModelConfig(encoder="test_resnet", pose="posecnn")
    DepthModel(ModelCard(network=network, size=(64, 64), metric=False, has_pose_net=False)).save(tmp_path / "model")
    return tmp_path / "model"


def test_without_words_or_with_help_the_verbs_are_listed(capsys):
    for words in ([], ["--help"], ["-h"]):
        main(words)
        printed = capsys.readouterr().out
        for verb in ("train RECIPE", "evaluate MODEL", "predict MODEL", "ablate", "data render", "data inspect"):
            assert verb in printed


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_explains_itself(capsys, verb):
    with pytest.raises(SystemExit) as stop:
        main([*verb, "--help"])
    assert stop.value.code == 0
    printed = capsys.readouterr().out
    assert f"egodepth {' '.join(verb)}" in printed
    assert len(printed.splitlines()) > 8


def test_train_help_lists_the_recipes_and_the_options_with_their_defaults(capsys):
    main(["train", "--help"])
    assert "quickstart" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        main(["train", "quickstart", "--help"])
    printed = capsys.readouterr().out
    for option in ("--run", "--data", "--data.size", "--loss.automask", "--trainer.steps", "--optimiser.learning-rate"):
        assert option in printed
    assert "Share of SSIM in the photometric error" in printed


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["trian"], "unknown command 'trian'; did you mean 'train'? there are: train, evaluate"),
        (["data", "rendr"], "unknown command 'data rendr'; did you mean 'data render'? there are: "),
        (["data"], "'data' lacks what to do; there are: data render, "),
        (["--verbose"], "unknown command '--verbose'"),
        (["train"], "train: name a recipe first"),
        (["train", "--run", "x"], "train: name a recipe first"),
        (["train", "quikstart"], "unknown recipe 'quikstart'; did you mean 'quickstart'?"),
        (["train", "quickstart", "--trainer.stepps", "3"], "--trainer.stepps"),
        (["train", "quickstart", "--trainer.steps", "many"], "--trainer.steps"),
        (["train", "quickstart", "--trainer.steps", "0"], "trainer.steps must be at least 1"),
        (["train", "quickstart", "--trainer.seed", "-1"], "trainer.seed cannot be negative"),
        (["train", "quickstart", "--optimiser.weight-decay", "-1"], "optimiser.weight_decay cannot be negative"),
        (["train", "quickstart", "--data.size", "100", "100"], "use multiples of 32, 64 and more"),
        (["train", "quickstart", "--data.size", "32", "64"], "use multiples of 32, 64 and more"),
        (["train", "quickstart", "--loss.reprojection", "median"], "--loss.reprojection"),
        (["train", "quickstart", "--loss.predictive-mask"], "--loss.no-automask"),
        (["train", "quickstart"], "no data to train on; give --data"),
        (["train", "quickstart", "--trainer.stepps", "3"], "did you mean '--trainer.steps'?"),
        (["train", "quickstart", "--data.no-stero"], "did you mean '--data.no-stereo'?"),
        (["train", "quickstart", "--data.size", "100"], "--data.size expects INT INT"),
        (["evaluate"], "missing: --benchmark, --data (see egodepth evaluate --help)"),
        (["benchmark", "stpe"], "WHAT is 'stpe'; did you mean 'step'? choose from step, loader"),
        (["predict", "m", "i", "--out", "x", "--size", "3"], "--size expects INT INT (see"),
        (["data", "render", "here"], "unexpected argument 'here'; missing: --out"),
        (["evaluate", "m", "--benchmark", "make4d", "--data", "d"], "--benchmark"),
        (["predict", "--out", "x"], "see egodepth predict --help"),
    ],
)
def test_what_cannot_be_understood_is_one_line(refused, tmp_path: Path, monkeypatch, words, complaint):
    monkeypatch.chdir(tmp_path)
    assert complaint in refused(*words)
    assert list(tmp_path.iterdir()) == []


def test_a_training_ends_with_the_place_of_its_model_and_a_summary(clip: Path, tmp_path: Path, capsys):
    run, summary = tmp_path / "run", tmp_path / "summary.json"
    main(["train", "street-clip-photometric", "--data", str(clip), "--run", str(run), "--json", str(summary), *TINY])
    assert f"model: {run / 'model'}" in capsys.readouterr().out
    assert json.loads(summary.read_text()).keys() == {"run", "steps", "seconds", "best"}
    assert (run / "model" / "model.safetensors").is_file()


def damage_frame(clip: Path) -> None:
    for path in clip.glob("*.png"):
        path.write_bytes(path.read_bytes()[:300])


def resize_frame(clip: Path) -> None:
    Image.fromarray(np.zeros((64, 72, 3), np.uint8)).save(clip / "000002.png")


def drop_frames(clip: Path) -> None:
    for number in (1, 3):
        (clip / f"{number:06d}.png").unlink()


def drop_all_frames(clip: Path) -> None:
    for path in clip.glob("*.png"):
        path.unlink()


def blur_camera(clip: Path) -> None:
    camera = {"width": 64, "height": 64, "fx": 9000, "fy": 9000, "cx": 32, "cy": 32}
    (clip / "camera.json").write_text(json.dumps(camera))


def shift_camera(clip: Path) -> None:
    camera = {"width": 64, "height": 64, "fx": 60, "fy": 60, "cx": 320, "cy": 32}
    (clip / "camera.json").write_text(json.dumps(camera))


@pytest.mark.parametrize(
    ("harm", "complaint"),
    [
        (damage_frame, ".png: not a readable image, or truncated; copy it again or delete it"),
        (resize_frame, "000002.png: 72x64 where the other frames are 64x64; resize it"),
        (drop_frames, "clip: a missing neighbour frame: no frame has its neighbours -1 and +1"),
        (drop_all_frames, "clip: no frames found (it has camera.json); give a folder of frames with camera.json"),
        (blur_camera, "camera.json: fx is 9000 px, 141 widths of a 64x64 image"),
        (shift_camera, "camera.json: cx is 320 px, outside a 64x64 image"),
        (lambda clip: (clip / "camera.json").unlink(), "camera.json: no camera file; write"),
        (lambda clip: (clip / "camera.json").write_text("{"), "camera.json: not a readable JSON file"),
    ],
)
def test_bad_training_data_is_named_and_nothing_half_written_is_left(
    refused, clip: Path, tmp_path: Path, harm, complaint
):
    harm(clip)
    run = tmp_path / "run"
    assert complaint in refused(
        "train", "street-clip-photometric", "--data", clip, "--run", run, *TINY, "--data.offsets", -1, 1
    )
    assert not (run / "model").exists()
    assert not (run / "checkpoints").exists()


def test_a_missing_folder_is_named_by_every_verb(refused, model: Path, tmp_path: Path):
    nowhere = tmp_path / "nowhere"
    assert refused("train", "street-clip-photometric", "--data", nowhere).startswith(
        f"{nowhere}: does not exist; give a folder"
    )
    assert refused("data", "inspect", nowhere).startswith(f"{nowhere}: does not exist")
    assert str(nowhere) in refused("evaluate", model, "--benchmark", "synthetic", "--data", nowhere)
    assert refused("predict", model, nowhere, "--out", tmp_path / "out").startswith(f"{nowhere}: no such image file")
    assert refused("predict", nowhere, tmp_path, "--out", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_stereo_run_needs_partners(refused, clip: Path, tmp_path: Path):
    words = ("--data", clip, "--run", tmp_path / "run", *TINY)
    assert "clip: no frame has a stereo partner" in refused("train", "synthetic-ms", *words)
    # A recipe for video alone says what else has to change.
    assert refused("train", "street-clip-photometric", *words, "--data.stereo").endswith(
        "give --loss.depth-scaling none"
    )


@pytest.mark.parametrize("place", ["file", "file/below"])
def test_a_run_folder_that_cannot_be_written_is_named(refused, clip: Path, tmp_path: Path, place):
    (tmp_path / "file").write_text("not a folder")
    run = tmp_path / place
    message = refused("train", "street-clip-photometric", "--data", clip, "--run", run, *TINY)
    assert message.startswith(f"{run}")
    assert (tmp_path / "file").read_text() == "not a folder"


def test_predictions_that_cannot_be_written_are_named(refused, model: Path, clip: Path, tmp_path: Path):
    (tmp_path / "file").write_text("")
    out = tmp_path / "file" / "out"
    assert refused("predict", model, clip, "--out", out).startswith(f"{out}: cannot be written")


def test_a_truncated_image_to_predict_leaves_nothing_behind(refused, model: Path, clip: Path, tmp_path: Path):
    damage_frame(clip)
    message = refused("predict", model, clip, "--out", tmp_path / "out", "--device", "cpu")
    assert message.startswith(f"{clip / '000000.png'}: not a readable image")
    assert not (tmp_path / "out").exists()


def test_data_without_truth_cannot_be_evaluated_on(refused, model: Path, clip: Path):
    message = refused("evaluate", model, "--benchmark", "synthetic", "--data", clip)
    assert message.startswith(f"{clip}: no frame has true depth")


def test_the_command_from_a_shell_is_the_same(tmp_path: Path):
    done = subprocess.run(
        [sys.executable, "-m", "egodepth", "train", "quikstart"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("egodepth: unknown recipe 'quikstart'; did you mean 'quickstart'?")
    assert done.stderr.count("\n") == 1


def test_an_interrupted_command_says_how_to_go_on(monkeypatch, capsys):
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("egodepth.cli._parsed", interrupt)
    with pytest.raises(SystemExit) as stop:
        main(["train", "quickstart"])
    assert stop.value.code == 130
    assert "run the same command again to continue from what is finished" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("verb", "name", "status"),
    [("train", "SIGTERM", 0), ("train", "SIGINT", 130), ("video", "SIGTERM", 143), ("ablate", "SIGUSR1", 138)],
)
def test_only_a_training_that_was_asked_to_stop_is_done(monkeypatch, capsys, verb: str, name: str, status: int):
    def stop(words: object, program: object) -> None:
        raise Stopped("stopped", signal.Signals[name])

    monkeypatch.setitem(cli._VERBS, (verb,), stop)
    with pytest.raises(SystemExit) as ended:
        main([verb])
    assert (ended.value.code, capsys.readouterr().err) == (status, "stopped\n")
