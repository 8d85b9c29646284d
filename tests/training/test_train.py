import dataclasses
import json
import math
import re
import shutil
import signal
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from safetensors.torch import load_file
from timm.models import save_for_hf

from egodepth import DepthPredictor
from egodepth.cli import main
from egodepth.config import TrainConfig
from egodepth.config.strict_json import to_json
from egodepth.data.opening import FRAMES
from egodepth.data.samples import resident
from egodepth.data.samples.sampler import epoch_order
from egodepth.foundation.errors import InputError
from egodepth.losses.fused_twin import plain_formula
from egodepth.objective import build_objective
from egodepth.training import build as build_module
from egodepth.training import devices as devices_module
from egodepth.training import validation as validation_module
from egodepth.training.devices import pick_device
from egodepth.training.train import train
from egodepth.training.watch import NORMAL, Range
from egodepth.weights import load_card
from kitti_2015_pairs import write_kitti_2015
from tiny_training import SIZE, a_config, assert_same_weights, command, final_tensors, logged, quietly, start_and_kill


@pytest.fixture
def clip(make_clip, tmp_path: Path) -> Path:
    return make_clip(tmp_path / "clip", frames=8, size=SIZE, partner=True)


@pytest.mark.parametrize(
    ("mode", "changes"),
    [
        ("M", {}),
        ("S", {"offsets": (), "stereo": True}),
        ("MS", {"stereo": True, "pose": "separate"}),
    ],
)
def test_each_mode_trains_and_leaves_a_run_that_the_predictor_loads(clip: Path, tmp_path: Path, mode, changes):
    run = tmp_path / mode
    summary, said = quietly(a_config(clip, **changes), run)
    assert (summary.run, summary.steps, summary.best) == (run, 4, None)
    assert "4/4" in said
    names = {path.name for path in run.iterdir()}
    assert {"config.json", "log.jsonl", "checkpoints", "model", "panels"} <= names
    assert [path.name for path in sorted((run / "checkpoints").iterdir())] == ["step_00000002", "step_00000004"]
    assert list(logged(run, "loss")) == [0, 1, 2, 3]
    assert all(np.isfinite(value) for value in logged(run, "loss").values())
    predictor = DepthPredictor.load(run, "cpu")
    prediction = predictor(clip / "000000.png")
    assert prediction.depth.shape == SIZE
    assert prediction.metric is (mode != "M")
    assert predictor.model.card.training_drives == ("clip",)
    assert predictor.model.card.data_sets == (FRAMES,)
    assert predictor.model.card.step == 4
    assert (predictor.model.pose_net is None) is (mode == "S")


def test_pairs_with_the_official_calibration_of_kitti_2015_train_as_others_and_can_be_looked_at(
    clip: Path, tmp_path: Path
):
    losses = []
    for fused in (True, False):
        pairs = write_kitti_2015(tmp_path / "kitti_2015", clip)
        options = {"offsets": (), "stereo": True, "steps": 2, "panels_every": 1, "flip": 0.0, "jitter": 0.0}
        with nullcontext() if fused else plain_formula():
            run = tmp_path / f"fused_{fused}"
            quietly(a_config(pairs, **options), run)
        assert len(list((run / "panels").iterdir())) == 2
        losses.append(list(logged(run, "photometric").values()))
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-3)


def test_the_loss_falls_on_a_texture_that_moves(clip: Path, tmp_path: Path):
    quietly(a_config(clip, steps=16, learning_rate=3e-4, flip=0.0, jitter=0.0), tmp_path / "run")
    loss = list(logged(tmp_path / "run", "photometric").values())
    assert np.mean(loss[-3:]) < 0.5 * np.mean(loss[:3])
    assert logged(tmp_path / "run", "kept")[15] > 0.9


def test_the_same_seed_gives_the_same_weights_whatever_is_looked_at(clip: Path, tmp_path: Path):
    quietly(a_config(clip), tmp_path / "a")
    quietly(a_config(clip, validate_every=1, panels_every=1, log_every=3, checkpoint_every=3), tmp_path / "b")
    assert_same_weights(tmp_path / "a", tmp_path / "b")


def test_while_the_poses_go_first_the_depth_network_waits(clip: Path, tmp_path: Path):
    quietly(a_config(clip, pose_first=0.5, checkpoint_every=1, keep_checkpoints=4), tmp_path / "run")
    places = sorted((tmp_path / "run" / "checkpoints").iterdir())
    first, second, _, fourth = (load_file(place / "state.safetensors") for place in places)

    def moved(part: str, since: dict[str, torch.Tensor], until: dict[str, torch.Tensor]) -> list[str]:
        weights = [name for name in since if name.startswith(f"model.{part}") and "weight" in name]
        assert weights
        return [name for name in weights if not torch.equal(since[name], until[name])]

    assert not moved("depth_net", first, second)
    assert moved("pose_net", first, second)
    assert moved("depth_net", second, fourth)
    assert logged(tmp_path / "run", "kept")[1] == 1
    assert logged(tmp_path / "run", "kept")[3] < 1


def test_another_seed_gives_other_weights(clip: Path, tmp_path: Path):
    quietly(a_config(clip, steps=1), tmp_path / "a")
    quietly(a_config(clip, steps=1, seed=1), tmp_path / "b")
    with pytest.raises(AssertionError):
        assert_same_weights(tmp_path / "a", tmp_path / "b")


def test_a_finished_run_has_nothing_left_to_do(clip: Path, tmp_path: Path):
    quietly(a_config(clip), tmp_path / "run")
    before = (tmp_path / "run" / "log.jsonl").read_text()
    summary, said = quietly(a_config(clip), tmp_path / "run")
    assert summary.steps == 4
    assert "resuming from step_00000004" in said
    assert (tmp_path / "run" / "log.jsonl").read_text() == before


@pytest.mark.parametrize(("workers", "after"), [(0, 5), (2, 7)])
def test_a_killed_run_goes_on_to_the_very_weights_of_an_unbroken_one(unbroken, tmp_path: Path, workers, after):
    clip, whole = unbroken
    run = tmp_path / "run"
    words = command(clip, run, workers)
    assert start_and_kill(words, run / "log.jsonl", after) == -signal.SIGKILL
    kept = [path.name for path in sorted((run / "checkpoints").glob("step_*"))]
    assert "step_00000003" <= kept[-1] < "step_00000012"
    main(words)
    assert_same_weights(run, whole)
    for name in ("loss", "learning_rate"):
        assert logged(run, name) == logged(whole, name)


def test_a_run_in_bfloat16_goes_on_exactly_too(clip: Path, tmp_path: Path):
    config = a_config(clip, precision="bfloat16", pose_first=0.25)
    quietly(config, tmp_path / "whole")
    quietly(config, tmp_path / "broken")
    shutil.rmtree(tmp_path / "broken" / "checkpoints" / "step_00000004")
    _, said = quietly(config, tmp_path / "broken")
    assert "resuming from step_00000002" in said
    assert_same_weights(tmp_path / "whole", tmp_path / "broken")


def test_what_auto_took_is_written_down_and_stays(clip: Path, tmp_path: Path, monkeypatch):
    for taken, other in (("float32", "bfloat16"), ("bfloat16", "float32")):
        run, config = tmp_path / taken, a_config(clip, precision="auto", steps=1)
        monkeypatch.setattr(devices_module, "resolve_precision", lambda *_, taken=taken: taken)
        quietly(config, run)
        assert json.loads((run / "config.json").read_text())["trainer"]["precision"] == taken
        monkeypatch.setattr(devices_module, "resolve_precision", lambda *_, other=other: other)
        with pytest.raises(InputError, match=f'was started with trainer.precision = "{taken}", not "{other}"'):
            quietly(config, run)


def test_a_run_folder_of_another_configuration_is_refused_by_the_field(clip: Path, tmp_path: Path):
    run = tmp_path / "run"
    quietly(a_config(clip), run)
    for changes, field in (
        ({"learning_rate": 0.5}, "optimiser.learning_rate = 0.001, not 0.5"),
        ({"steps": 8}, "trainer.steps = 4, not 8"),
        ({"flip": 0.0}, "data.flip = 0.5, not 0.0"),
    ):
        with pytest.raises(InputError) as caught:
            quietly(a_config(clip, **changes), run)
        assert str(caught.value) == f"{run}: was started with {field}; use the same value, or another --run"


def test_housekeeping_may_change_when_a_run_goes_on(clip: Path, tmp_path: Path):
    quietly(a_config(clip), tmp_path / "run")
    _, said = quietly(a_config(clip, workers=1, log_every=5, keep_checkpoints=1), tmp_path / "run")
    assert "resuming from step_00000004" in said


def test_frames_of_another_shape_are_not_squeezed_in_silence(make_clip, tmp_path: Path):
    clip = make_clip(tmp_path / "portrait", frames=8, size=(128, 64))
    _, said = quietly(a_config(clip), tmp_path / "run")
    assert (
        "portrait: resizing from 64x128 to 64x64 changes the aspect ratio; --data.size 128 64 (height, width)" in said
    )
    fitting = a_config(make_clip(tmp_path / "square", frames=8, size=(80, 64)))
    assert "aspect ratio" not in quietly(fitting, tmp_path / "other")[1]


def test_the_model_keeps_the_camera_that_it_learned_from(clip: Path, tmp_path: Path):
    quietly(a_config(clip), tmp_path / "run")
    focal = 0.5 / math.tan(math.radians(35))
    assert load_card(tmp_path / "run").focal == pytest.approx((focal, focal * SIZE[1] / SIZE[0]))


def test_a_folder_that_is_no_run_is_left_alone(clip: Path, tmp_path: Path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "thesis.txt").write_text("precious")
    with pytest.raises(InputError, match="not empty and not a run of egodepth; choose another --run"):
        quietly(a_config(clip), tmp_path / "run")
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["thesis.txt"]
    (tmp_path / "run" / "checkpoints").mkdir()
    (tmp_path / "run" / "checkpoints" / "step_1000.pt").write_text("as many programs call theirs")
    with pytest.raises(InputError, match="not empty and not a run of egodepth; choose another --run"):
        quietly(a_config(clip), tmp_path / "run")


@pytest.mark.parametrize("changes", [{"encoder": "resnet81"}, {"val_path": ("/nowhere",)}])
def test_what_cannot_start_does_not_take_the_run_folder(clip: Path, tmp_path: Path, changes):
    with pytest.raises(InputError):
        quietly(a_config(clip, **changes), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_training_starts_from_a_models_weights_and_only_at_its_start(clip: Path, tmp_path: Path):
    quietly(a_config(clip), tmp_path / "first")
    config = a_config(clip, init_from=str(tmp_path / "first"), steps=2, learning_rate=1e-12, flip=0.0, jitter=0.0)
    quietly(config, tmp_path / "second")
    first, second = final_tensors(tmp_path / "first"), final_tensors(tmp_path / "second")
    weights = [name for name in first if name.startswith("model.") and name.endswith("weight")]
    assert len(weights) > 20
    for name in weights:
        torch.testing.assert_close(second[name], first[name], atol=1e-6, rtol=0)
    (tmp_path / "first").rename(tmp_path / "gone")
    quietly(config, tmp_path / "second")


def test_a_model_from_a_local_checkpoint_needs_it_no_more(clip: Path, tmp_path: Path):
    save_for_hf(timm.create_model("test_resnet", pretrained=False), str(tmp_path / "weights"))
    encoder = f"local-dir:{tmp_path / 'weights'}"
    quietly(a_config(clip, encoder=encoder, pretrained=True, steps=1), tmp_path / "run")
    shutil.rmtree(tmp_path / "weights")
    assert DepthPredictor.load(tmp_path / "run", "cpu").model.card.network.encoder == "test_resnet"


def test_a_loss_that_is_not_finite_stops_the_run_and_keeps_the_last_checkpoint(clip: Path, tmp_path: Path, monkeypatch):
    monkeypatch.setattr(
        build_module, "rates_of_groups", lambda step, config: (float("nan") if step == 2 else 1e-4,) * 2
    )
    with pytest.raises(
        InputError,
        match=r"the loss is nan at step 3, and weights are not finite; those of the last checkpoint are good",
    ):
        quietly(a_config(clip), tmp_path / "run")
    assert [path.name for path in (tmp_path / "run" / "checkpoints").iterdir()] == ["step_00000002"]
    assert all(value.isfinite().all() for value in final_tensors(tmp_path / "run").values())
    monkeypatch.undo()
    _, said = quietly(a_config(clip), tmp_path / "run")
    assert "resuming from step_00000002" in said


def test_a_collapse_is_said_in_one_line(clip: Path, tmp_path: Path, monkeypatch):
    monkeypatch.setitem(NORMAL, "kept", Range(1.1, 2.0, "it has collapsed"))
    _, said = quietly(a_config(clip, steps=2, panels_every=2), tmp_path / "run")
    assert len(re.findall(r"^step 2: warning: kept is .*it has collapsed$", said, re.MULTILINE)) == 1
    assert logged(tmp_path / "run", "watch/kept").keys() == {1}


def test_one_bad_frame_of_many_is_said_once_counted_and_skipped(make_clip, tmp_path: Path):
    clip = make_clip(tmp_path / "long", frames=102, size=SIZE)
    first = 1 + epoch_order(0, 0, 100)[0]
    (clip / f"{first:06d}.png").write_bytes(b"damaged")
    _, said = quietly(a_config(clip, steps=3), tmp_path / "run")
    assert said.count("skipped") == 1
    assert f"skipped: long, frame {first} cannot be read" in said
    assert list(logged(tmp_path / "run", "bad_frames").values()) == [1.0]


@pytest.mark.parametrize(
    ("changes", "workers", "batch_size"),
    [
        ({}, 0, 8),  # more than an epoch
        ({"stereo": True, "pose": "separate"}, 2, 4),
        ({"stereo": True, "lone_pairs": True, "offsets": (-2, 2)}, 2, 4),
    ],
)
def test_frames_on_the_device_give_the_very_weights(make_clip, tmp_path: Path, changes, workers, batch_size):
    clip = make_clip(tmp_path / "long", frames=101, size=SIZE, partner=True)
    (clip / "000050.png").write_bytes(b"damaged")
    plain = a_config(clip, **changes, steps=13, batch_size=batch_size, clean_statistics=40)
    quietly(plain, tmp_path / "plain")
    on_device = dataclasses.replace(plain, data=dataclasses.replace(plain.data, on_device=True))
    on_device = dataclasses.replace(on_device, trainer=dataclasses.replace(plain.trainer, workers=workers))
    _, said = quietly(on_device, tmp_path / "on_device")
    assert said.count("skipped: long, frame 50 cannot be read") == 1
    assert_same_weights(tmp_path / "plain", tmp_path / "on_device")
    assert logged(tmp_path / "plain", "loss") == logged(tmp_path / "on_device", "loss")
    kept = [load_file(tmp_path / name / "model" / "model.safetensors") for name in ("plain", "on_device")]
    assert all(torch.equal(kept[0][name], kept[1][name]) for name in kept[0])


def test_a_run_may_move_its_frames_to_the_device_when_it_goes_on(clip: Path, tmp_path: Path, monkeypatch):
    quietly(a_config(clip), tmp_path / "whole")
    for before, after in ((False, True), (True, False)):
        run = tmp_path / f"{before}"
        quietly(a_config(clip, on_device=before), run)
        shutil.rmtree(run / "checkpoints" / "step_00000004")
        _, said = quietly(a_config(clip, on_device=after), run)
        assert "resuming from step_00000002" in said
        assert_same_weights(tmp_path / "whole", run)
    monkeypatch.setattr(resident, "free_memory", lambda device: 0)
    quietly(a_config(clip, on_device=True), tmp_path / "whole")  # nothing is left to do, nothing is copied


def test_the_help_tells_of_frames_on_the_device(capsys):
    with pytest.raises(SystemExit):
        main(["train", "street-clip-photometric", "--help"])
    assert "--data.on-device" in capsys.readouterr().out


def test_frames_that_do_not_fit_on_the_device_are_one_line(clip: Path, tmp_path: Path, monkeypatch, capsys):
    monkeypatch.setattr(resident, "free_memory", lambda device: 10_000)
    run = tmp_path / "run"
    with pytest.raises(SystemExit) as stop:
        main([*command(clip, run), "--data.on-device"])
    assert stop.value.code == 2
    said = capsys.readouterr().err
    assert re.fullmatch(
        r".*the 8 training frames need 0\.0 GB, .*'cpu' \(0\.0 GB\) is for frames.*--data.on-device out\n", said
    )
    assert not run.exists()


def test_more_than_one_bad_frame_in_a_hundred_is_an_error(clip: Path, tmp_path: Path):
    first = 1 + epoch_order(0, 0, 6)[0]
    (clip / f"{first:06d}.png").write_bytes(b"damaged")
    with pytest.raises(
        InputError, match=rf"1 of 8 training frames cannot be read .*frame {first}\); this is more than 1%"
    ):
        quietly(a_config(clip), tmp_path / "run")


def test_validation_keeps_the_best_model(clip: Path, tmp_path: Path, monkeypatch):
    scores = iter([0.3, 0.2, 0.25, 0.4])

    class Report:
        def __init__(self) -> None:
            self.score = next(scores)

        def mean(self, alignment: str) -> dict[str, float]:
            return {"abs_rel": self.score, "rmse": 1.0, "a1": 0.5}

    monkeypatch.setattr(validation_module, "depth_frames", lambda drives, limit: [(drives[0], 0)])
    monkeypatch.setattr(validation_module, "evaluate_predictions", lambda *_: Report())
    summary, said = quietly(a_config(clip, validate_every=1), tmp_path / "run")
    assert summary.best == 0.2
    assert DepthPredictor.load(tmp_path / "run", "cpu").model.card.step == 2
    assert [line.split()[1] for line in said.splitlines() if line.endswith("best")] == ["1:", "2:"]
    assert list(logged(tmp_path / "run", "val/abs_rel").values()) == [0.3, 0.2, 0.25, 0.4]


def test_the_run_folder_holds_its_configuration(clip: Path, tmp_path: Path):
    config = a_config(clip, steps=1)
    quietly(config, tmp_path / "run")
    assert (tmp_path / "run" / "config.json").read_text() == to_json(config) + "\n"


@pytest.mark.parametrize("name", ["gpu", "cuda:99", "tpu9"])
def test_a_device_that_is_not_there_is_one_line(name):
    with pytest.raises(InputError, match=rf"^device '{name}' cannot be used here \(.*\); try cpu$"):
        pick_device(name)


def test_training_needs_data(tmp_path: Path):
    config = TrainConfig()
    with pytest.raises(InputError, match="no data to train on; give --data"):
        train(config, tmp_path / "run")


def test_the_encoder_learns_at_its_own_rate(clip: Path, tmp_path: Path):
    runs = {}
    for rate in (1.0, 1e-9):
        config = a_config(clip, encoder_rate=rate)
        quietly(config, tmp_path / f"{rate}")
        runs[rate] = final_tensors(tmp_path / f"{rate}")
    torch.manual_seed(config.trainer.seed)
    before = build_objective(config).state_dict()

    def moved(rate: float, part: str) -> float:
        names = [name for name, value in before.items() if part in name and name.endswith("weight")]
        return max(float((runs[rate][f"model.{name}"] - before[name]).abs().max()) for name in names)

    assert moved(1e-9, "depth_net.encoder") < 1e-6 < moved(1.0, "depth_net.encoder")
    assert moved(1e-9, "depth_net.decoder") > 1e-4
