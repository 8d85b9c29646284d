"""Metres hold for the camera that they were learned from, or found on; of others a line says how far they are off."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from egodepth.cli import main
from egodepth.config import ModelConfig
from egodepth.foundation.errors import InputError
from egodepth.geometry.camera import Camera
from egodepth.weights import DepthModel, MetricScale, ModelCard, load_card, other_lens, other_shape, usual_focal

WIDE = Camera(torch.tensor([0.58, 1.92]), torch.tensor([0.5, 0.5]))
TELE = Camera(WIDE.focal * 2, WIDE.centre)
CARD = ModelCard(
    network=ModelConfig(encoder="test_resnet"), size=(64, 96), metric=True, has_pose_net=False, focal=(0.58, 1.92)
)


def test_twice_the_focal_length_makes_metres_half_as_long() -> None:
    assert (said := other_lens(CARD, TELE)) is not None
    assert "true depth is about 2 times the predicted one" in said
    assert "focal length of 1.92 image heights" in said
    assert other_lens(CARD, WIDE) is None
    assert other_lens(CARD, Camera(WIDE.focal * 1.05, WIDE.centre)) is None
    assert "about 0.5 times" in (other_lens(replace(CARD, focal=tuple(TELE.focal.tolist())), WIDE) or "")


def test_depth_up_to_scale_and_models_that_know_no_camera_have_nothing_to_say() -> None:
    assert other_lens(replace(CARD, metric=False), TELE) is None
    assert other_lens(replace(CARD, focal=()), TELE) is None
    assert other_shape(replace(CARD, focal=()), (640, 360)) is None


def test_metres_that_were_found_later_hold_for_the_camera_they_were_found_on() -> None:
    up_to_scale = replace(CARD, metric=False)
    found = up_to_scale.scaled(MetricScale(factor=30.0, by="height", focal=tuple(TELE.focal.tolist())))
    assert other_lens(found, TELE) is None
    assert "about 0.5 times" in (other_lens(found, WIDE) or "")
    assert other_lens(up_to_scale.scaled(MetricScale(factor=30.0, by="distance")), TELE) is None  # nobody knows


def test_of_several_cameras_the_middle_one_counts() -> None:
    assert usual_focal([WIDE, TELE, WIDE]) == pytest.approx((0.58, 1.92))


def test_another_shape_is_said() -> None:
    assert other_shape(CARD, (375, 1242)) is None
    assert "Images of 360x640 have another shape" in (other_shape(CARD, (640, 360)) or "")


def test_predict_says_it_of_images_beside_a_camera_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    DepthModel(CARD).save(tmp_path / "model")
    assert load_card(tmp_path / "model").focal == (0.58, 1.92)
    (tmp_path / "clip").mkdir()
    for number in range(2):
        noise = np.random.default_rng(number).integers(0, 255, (60, 200, 3)).astype(np.uint8)
        Image.fromarray(noise).save(tmp_path / "clip" / f"{number}.png")
    said = {}
    for fov in (81.5, 40):
        (tmp_path / "clip" / "camera.json").write_text(f'{{"fov_deg": {fov}}}')
        main(["predict", str(tmp_path / "model"), str(tmp_path / "clip"), "--out", str(tmp_path / "out")])
        said[fov] = capsys.readouterr().err
    assert "The model's metres hold" not in said[81.5]
    assert said[40].count("The model's metres hold for a focal length of 1.92 image heights.") == 1
    assert "about 2.4 times the predicted one" in said[40]


@pytest.mark.parametrize("focal", [(1.0,), (0.0, 1.0), (float("inf"), 1.0)])
def test_absurd_focal_lengths_are_refused(focal: tuple[float, ...]) -> None:
    with pytest.raises(InputError, match="give it in image widths and heights"):
        replace(CARD, focal=focal)
