import json
import os
import signal
import threading
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from benchmarks.video import measure_video
from egodepth.commands.predict import Predict
from egodepth.config import ModelConfig
from egodepth.data.images import read_uint16
from egodepth.data.media.video_writer import video_writer, yuv_planes
from egodepth.data.video import Video
from egodepth.foundation.errors import InputError
from egodepth.inference import predict_video as module
from egodepth.inference.common_scales import CommonScales
from egodepth.inference.predict_video import joined, layout
from egodepth.inference.predictor import DepthPredictor
from egodepth.weights import DepthModel, ModelCard

pytest.importorskip("av")

TIMES = [0, 512, 1024, 2100, 2612, 6000, 7000]
TICK = Fraction(1, 12800)


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> str:
    torch.manual_seed(0)
    network = ModelConfig(encoder="mobilenetv3_small_050")
    folder = tmp_path_factory.mktemp("predict_video") / "model"
    DepthModel(ModelCard(size=(64, 96), metric=False, has_pose_net=False, network=network)).save(folder)
    return str(folder)


@pytest.fixture
def clip(tmp_path) -> Path:
    """Seven frames of a texture, at odd times."""
    coarse = np.random.default_rng(3).integers(0, 256, (8, 20, 3), np.uint8)
    texture = np.asarray(Image.fromarray(coarse).resize((160, 64), Image.Resampling.BICUBIC))
    path = tmp_path / "clip.mp4"
    with video_writer(path, (64, 112), TICK, Fraction(25)) as writer:
        for number, pts in enumerate(TIMES):
            writer.write(yuv_planes(texture[:, 4 * number : 4 * number + 112], (64, 112)), pts)
    return path


def test_a_video_becomes_a_video_of_the_same_length_and_times(model, clip, tmp_path, capsys):
    out = tmp_path / "out"
    Predict(model=model, inputs=(clip,), out=out, device="cpu")()
    assert {path.name for path in out.iterdir()} == {"clip_depth.mp4", "predictions.json"}
    shown = Video.open(out / "clip_depth.mp4")
    frames = list(shown.frames())
    assert shown.size == (64, 224)  # narrower than 16:9, so side by side
    assert [frame.pts * shown.time_base for frame in frames] == [pts * TICK for pts in TIMES]
    for frame, given in zip(frames, Video.open(clip).frames(), strict=True):
        left = frame.image[:, :112].astype(int)
        assert np.abs(left - given.image).mean() < 6
    assert "1 video of 7 frames, up to scale" in capsys.readouterr().out
    summary = json.loads((out / "predictions.json").read_text())
    record = summary["videos"][0]
    assert (record["name"], record["output"], record["frames"]) == ("clip", "clip_depth.mp4", 7)
    assert (record["height"], record["width"], record["metric"]) == (64, 112, False)
    assert "images" not in summary


@pytest.mark.parametrize("batch", [1, 4])
def test_the_files_of_frames_hold_what_the_predictor_says_of_them(model, clip, tmp_path, batch):
    out = tmp_path / "out"
    Predict(model=model, inputs=(clip,), out=out, device="cpu", frames=("png", "npz"), batch=batch)()
    record = json.loads((out / "predictions.json").read_text())["videos"][0]
    np.testing.assert_allclose(record["times"], [float(pts * TICK) for pts in TIMES])
    predictor = DepthPredictor.load(model, "cpu")
    for number, frame in enumerate(Video.open(clip).frames()):
        expected = predictor(frame.image)
        with np.load(out / f"clip_{number:06d}.npz") as arrays:
            np.testing.assert_allclose(arrays["depth"], expected.depth.numpy(), rtol=1e-4)
            np.testing.assert_allclose(arrays["inverse_depth"], expected.inverse_depth.numpy(), rtol=1e-4)
            depth = arrays["depth"]
        scale = record["depth_png"]["scale"]
        stored = read_uint16(out / f"clip_{number:06d}_depth.png")
        np.testing.assert_allclose(stored / scale, depth, atol=0.51 / scale)


def test_the_colours_of_the_video_are_those_of_its_scale(model, clip, tmp_path):
    out = tmp_path / "out"
    Predict(model=model, inputs=(clip,), out=out, device="cpu", frames=("npz",))()
    colour = json.loads((out / "predictions.json").read_text())["videos"][0]["colour"]
    scales = CommonScales(1.0, colour["dark"], colour["bright"])
    for number, frame in enumerate(Video.open(out / "clip_depth.mp4").frames()):
        with np.load(out / f"clip_{number:06d}.npz") as arrays:
            expected = scales.colours(arrays["inverse_depth"]).astype(int)
        # H.264 keeps half the resolution of colour; a wrong scale would be off by far more.
        assert np.abs(frame.image[:, 112:] - expected).mean() < 12


def test_images_beside_a_video_are_what_they_are_without_it(model, clip, tmp_path):
    photo = tmp_path / "photo.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 70, 3), dtype=np.uint8)).save(photo)
    Predict(model=model, inputs=(photo,), out=tmp_path / "alone", device="cpu")()
    Predict(model=model, inputs=(clip, photo), out=tmp_path / "both", device="cpu")()
    for path in (tmp_path / "alone").iterdir():
        if path.suffix == ".png":
            assert path.read_bytes() == (tmp_path / "both" / path.name).read_bytes()
    alone, both = (json.loads((tmp_path / name / "predictions.json").read_text()) for name in ("alone", "both"))
    del both["videos"], both["files"]["clip_depth.mp4"]
    assert alone == both


def test_a_video_and_an_image_of_one_name_are_an_input_error(clip, tmp_path):
    Image.fromarray(np.zeros((40, 70, 3), np.uint8)).save(tmp_path / "clip.png")
    with pytest.raises(InputError, match="same name"):
        Predict(model="no-such-model", inputs=(clip, tmp_path / "clip.png"), out=tmp_path / "out")()


def test_unusable_input_is_told_before_the_model_is_loaded(clip, tmp_path):
    clip.write_bytes(clip.read_bytes()[:200])
    with pytest.raises(InputError, match=r"clip\.mp4"):
        Predict(model="no-such-model", inputs=(clip,), out=tmp_path / "out")()
    with pytest.raises(InputError, match="--batch 0"):
        Predict(model="no-such-model", inputs=(clip,), out=tmp_path / "out", batch=0)()


def test_an_error_on_the_way_leaves_nothing(model, clip, tmp_path, monkeypatch):
    def fail(*_: object) -> None:
        raise InputError("no room")

    monkeypatch.setattr(module, "_write_files", fail)
    with pytest.raises(InputError, match="no room"):
        Predict(model=model, inputs=(clip,), out=tmp_path / "out", device="cpu", frames=("npz",))()
    assert [path.name for path in tmp_path.iterdir()] == ["clip.mp4"]


def test_ctrl_c_leaves_nothing_and_no_thread(model, clip, tmp_path, monkeypatch):
    inner = module.coarse_inverse_depth
    calls: list[int] = []

    def interrupted(predictor, images):
        calls.append(len(images))
        if len(calls) == 3:
            os.kill(os.getpid(), signal.SIGINT)
        return inner(predictor, images)

    monkeypatch.setattr(module, "coarse_inverse_depth", interrupted)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job inherits a deaf one
    try:
        with pytest.raises(KeyboardInterrupt):
            Predict(model=model, inputs=(clip,), out=tmp_path / "out", device="cpu", batch=1)()
    finally:
        signal.signal(signal.SIGINT, before)
    assert [path.name for path in tmp_path.iterdir()] == ["clip.mp4"]
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("egodepth-")]


@pytest.mark.parametrize(
    ("size", "panel", "output"),
    [
        ((375, 1242), (374, 1242), (748, 1242)),
        ((720, 1280), (720, 1280), (1440, 1280)),
        ((1280, 720), (1280, 720), (1280, 1440)),
        ((481, 641), (480, 640), (480, 1280)),
        ((2160, 3840), (1080, 1920), (2160, 1920)),
        ((1, 3), (2, 2), (4, 2)),
    ],
)
def test_panels_fit_players(size, panel, output):
    assert layout(size) == (panel, output)


def test_panels_are_joined_plane_by_plane():
    size = (4, 8)
    white, black = (yuv_planes(np.full((4, 8, 3), value, np.uint8), size) for value in (255, 0))
    below, beside = joined(white, black, size, (8, 8)), joined(white, black, size, (4, 16))
    assert (below.shape, beside.shape) == ((12, 8), (6, 16))
    assert (below[:4] == 235).all()
    assert (below[4:8] == 16).all()
    assert (beside[:4, :8] == 235).all()
    assert (beside[:4, 8:] == 16).all()


def test_odd_sizes_lose_a_row_and_keep_their_pixels(model, tmp_path):
    image = np.random.default_rng(0).integers(0, 256, (9, 9, 3), np.uint8)
    np.testing.assert_array_equal(module._cropped(image, (8, 8)), image[:8, :8])
    assert module._cropped(image, (4, 4)) is image


def test_the_benchmark_measures_in_turns():
    speed = measure_video((64, 96), 5, 1, 2, (64, 96), "cpu", "mobilenetv3_small_050")
    network, whole = speed.figures
    assert speed.ratios[0].value == pytest.approx(whole.median / network.median)
    assert "5 frames of 96x64, mobilenetv3_small_050 at 96x64, batch 2, " in speed.conditions
