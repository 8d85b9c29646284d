"""Teachers: of `transformers`, tiny and of random weights, and of ours."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from egodepth.config import ModelConfig
from egodepth.foundation.errors import InputError
from egodepth.hints.teacher import load_teacher
from egodepth.inference.predictor import DepthPredictor
from egodepth.weights import DepthModel, ModelCard
from tiny_teacher import save_depth_anything

transformers = pytest.importorskip("transformers")
IMAGES = np.random.default_rng(0).integers(0, 256, (2, 40, 60, 3), np.uint8)


@pytest.fixture(scope="module")
def relative(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_depth_anything(
        tmp_path_factory.mktemp("relative"), readme="---\nlicense: apache-2.0\n---\n# A teacher\n"
    )


def by_the_library(folder: Path) -> torch.Tensor:
    """What the library's own pipeline says of the first image, at a size of its own."""
    pipeline = transformers.pipeline("depth-estimation", model=str(folder), device="cpu")
    return pipeline(Image.fromarray(IMAGES[0]))["predicted_depth"]


def test_a_model_of_the_library_gives_what_its_own_pipeline_gives(relative: Path):
    teacher = load_teacher(str(relative))
    expected = by_the_library(relative)
    found = teacher(IMAGES, (expected.shape[0], expected.shape[1]))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found[0], expected, rtol=1e-4, atol=1e-6)
    assert found[0].std() > 0


def test_maps_are_of_the_size_that_was_asked_for_and_the_images_own_otherwise(relative: Path):
    teacher = load_teacher(str(relative))
    assert teacher(IMAGES).shape == (2, 40, 60)
    assert teacher(IMAGES, (16, 24)).shape == (2, 16, 24)


def test_depth_of_a_metric_model_is_inverted(tmp_path: Path):
    folder = save_depth_anything(tmp_path, depth_estimation_type="metric", max_depth=80)
    depth = by_the_library(folder)
    found = load_teacher(str(folder))(IMAGES, (depth.shape[0], depth.shape[1]))
    np.testing.assert_allclose(found[0], 1 / depth, rtol=1e-4)


def test_a_teacher_knows_its_name_and_licence(relative: Path):
    teacher = load_teacher(str(relative))
    assert (teacher.name, teacher.licence, teacher.note) == (str(relative), "apache-2.0", "")


@pytest.mark.parametrize(
    ("readme", "licence", "said"),
    [
        ("---\ntags: [depth]\nlicense: 'cc-by-nc-4.0'\n---\n", "cc-by-nc-4.0", "has the licence cc-by-nc-4.0"),
        ("---\nlicense: other\nlicense_name: apple-amlr\n---\n", "apple-amlr", "has the licence apple-amlr"),
        ("# license: mit\n", "", "names no licence"),
        ("", "", "names no licence"),
    ],
)
def test_a_licence_that_may_not_be_commercial_is_said_in_one_line(tmp_path: Path, readme: str, licence: str, said: str):
    teacher = load_teacher(str(save_depth_anything(tmp_path, readme=readme)))
    assert teacher.licence == licence
    assert f"The teacher {tmp_path} {said}, which is not known to allow commercial use" in teacher.note
    assert "\n" not in teacher.note


def test_the_fingerprint_changes_with_the_weights_and_with_the_preparation_alone(relative: Path, tmp_path: Path):
    same, other, prepared = (save_depth_anything(tmp_path / str(seed), seed % 2) for seed in (0, 1, 2))
    settings = json.loads((prepared / "preprocessor_config.json").read_text())
    (prepared / "preprocessor_config.json").write_text(json.dumps(settings | {"image_mean": [0.5, 0.5, 0.5]}))
    known = load_teacher(str(relative)).fingerprint
    assert load_teacher(str(same)).fingerprint == known
    assert len({known, load_teacher(str(other)).fingerprint, load_teacher(str(prepared)).fingerprint}) == 3


@pytest.mark.parametrize("file", ["config.json", "preprocessor_config.json"])
def test_code_of_strangers_is_refused_before_anything_is_loaded(tmp_path: Path, monkeypatch, file: str):
    folder = save_depth_anything(tmp_path)
    content = json.loads((folder / file).read_text())
    (folder / file).write_text(json.dumps(content | {"auto_map": {"AutoModelForDepthEstimation": "evil.Evil"}}))
    (folder / "evil.py").write_text("raise SystemExit('code of a stranger was run')")
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(InputError, match=f"^{folder}: wants to run code from its own folder, which is never done"):
        load_teacher(str(folder))


def test_a_model_of_something_else_is_refused_by_its_kind(tmp_path: Path):
    config = transformers.ViTConfig(
        hidden_size=8, num_hidden_layers=1, num_attention_heads=1, intermediate_size=8, image_size=32
    )
    transformers.ViTForImageClassification(config).save_pretrained(tmp_path)
    with pytest.raises(InputError, match=f"^{tmp_path}: its kind is 'vit', no model of depth that is known here"):
        load_teacher(str(tmp_path))


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda folder: (folder / "model.safetensors").write_bytes(b"damaged"), "cannot be loaded as a model of depth"),
        (lambda folder: (folder / "preprocessor_config.json").unlink(), "cannot be loaded as a model of depth"),
        (
            lambda folder: (folder / "preprocessor_config.json").write_text("{"),
            "its preprocessor_config.json cannot be",
        ),
        (lambda folder: (folder / "config.json").write_text("[]"), "its config.json is that of no model"),
        (lambda folder: (folder / "config.json").write_text("{"), "its config.json cannot be read"),
        (lambda folder: (folder / "model.safetensors").unlink(), "neither a model folder"),
    ],
)
def test_a_damaged_folder_is_refused_in_one_line_that_names_it(
    tmp_path: Path, damage: Callable[[Path], object], said: str
):
    damage(save_depth_anything(tmp_path))
    with pytest.raises(InputError, match=f"^{tmp_path}: {said}") as caught:
        load_teacher(str(tmp_path))
    assert "\n" not in str(caught.value)


def test_without_the_library_the_line_says_how_to_have_it(relative: Path, monkeypatch):
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(InputError, match=r"pip install 'egodepth\[teacher\]'$"):
        load_teacher(str(relative))


def test_a_model_of_ours_teaches_what_it_predicts_and_needs_no_library(tmp_path: Path, monkeypatch):
    network = ModelConfig(encoder="test_resnet", pose="posecnn")
    card = ModelCard(network=network, size=(64, 96), metric=False, has_pose_net=False)
    DepthModel(card).save(tmp_path / "run" / "model")
    monkeypatch.setitem(sys.modules, "transformers", None)
    teacher = load_teacher(str(tmp_path / "run"))
    expected = DepthPredictor.load(tmp_path / "run")(IMAGES[0]).inverse_depth
    assert teacher(IMAGES, (64, 96)).shape == (2, 64, 96)
    np.testing.assert_allclose(teacher(IMAGES).mean((1, 2))[0], expected.mean(), rtol=1e-3)
    assert (teacher.licence, teacher.note) == ("", "")
