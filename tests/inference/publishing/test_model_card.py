"""The card: what is known is stated, what is unknown is called so, and nothing else."""

import json
import shlex
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from huggingface_hub import ModelCard as HubCard

from egodepth.cli import _parsed
from egodepth.config.recipes import RECIPES
from egodepth.config.strict_json import to_json
from egodepth.data.opening import FRAMES
from egodepth.data.registry import READERS
from egodepth.evaluation.alignment import DATASET_MEDIAN, FIXED, PER_IMAGE
from egodepth.foundation.errors import InputError
from egodepth.inference.publishing.facts import gather
from egodepth.inference.publishing.figures import ALIGNMENTS
from egodepth.inference.publishing.model_card import model_card
from egodepth.weights import MetricScale, load_card
from egodepth.weights.monodepth2 import PUBLISHED

Make = Callable[..., Path]
DRIVES = tuple(f"drive_{number:02d}" for number in range(15))


def card_of(model: Path, **given: object) -> tuple[dict[str, object], str]:
    """The metadata as the hub's own reader finds it, and the text."""
    read = HubCard(model_card(gather(model, "me/street", **given)))  # type: ignore[arg-type]
    return read.data.to_dict(), read.text


def test_the_hub_reads_the_metadata(make_model: Make):
    found, text = card_of(make_model(data_sets=("KITTI raw", "Cityscapes"), has_pose_net=True))
    assert found == {
        "license": "other",
        "license_name": "restricted-sources",
        "library_name": "egodepth",
        "pipeline_tag": "depth-estimation",
        "tags": ["monocular-depth", "metric-depth", "visual-odometry"],
        "datasets": ["cityscapes", "kitti"],
    }
    assert text.strip().startswith("# street")


def test_data_of_kitti_are_cited_with_their_licence_and_bind(make_model: Make):
    _, text = card_of(make_model(data_sets=("KITTI raw",), started_from="random weights"))
    row = "| data | KITTI raw | [cc-by-nc-sa-3.0](https://www.cvlibs.net/datasets/kitti/) | not known to be allowed |"
    assert row in text
    assert "Geiger, Lenz, Stiller, Urtasun. Vision meets Robotics" in text
    assert "not known to allow commercial use: KITTI raw (data)" in text


def test_rendered_data_from_random_weights_bind_nothing_and_no_licence_is_invented(make_model: Make):
    facts = gather(make_model(data_sets=(READERS[0].name,), started_from="random weights"), "me/street")
    assert [(source.role, source.allows) for source in facts.sources] == [("data", True)]
    assert facts.licence == "unknown"
    assert "The publisher has not stated a licence" in model_card(facts)


@pytest.mark.parametrize(
    ("fields", "source"),
    [
        ({"teacher": "owner/big (licence: cc-by-nc-4.0)"}, "owner/big (teacher)"),
        ({"started_from": PUBLISHED}, f"{PUBLISHED} (initial weights)"),
        ({"started_from": f"/home/me/x ({PUBLISHED})"}, f"x ({PUBLISHED}) (initial weights)"),
        ({"started_from": f"runs/x ({PUBLISHED})"}, f"runs/x ({PUBLISHED}) (initial weights)"),
    ],
)
def test_a_teacher_and_initial_weights_bind_too(make_model: Make, fields: dict[str, object], source: str):
    found, text = card_of(make_model(data_sets=(READERS[0].name,), **{"started_from": "random weights"} | fields))
    assert found["license_name"] == "restricted-sources"
    assert f"not known to allow commercial use: {source}." in text
    assert "/home/me" not in text


def test_the_publisher_chooses_the_licence_and_the_sources_stay_named(make_model: Make):
    facts = gather(make_model(data_sets=("KITTI raw",)), "me/street", licence="cc-by-nc-sa-4.0")
    found, text = card_of(facts.folder, licence="cc-by-nc-sa-4.0")
    assert (found["license"], "license_name" in found) == ("cc-by-nc-sa-4.0", False)
    assert "states the licence cc-by-nc-sa-4.0" in text
    assert "not known to allow commercial use: KITTI raw (data)" in text
    assert facts.remarks()[0] == "Not known to allow commercial use: KITTI raw. The card says so."


def test_the_licence_of_own_recordings_is_stated_by_the_publisher_alone(make_model: Make):
    model = make_model(data_sets=(FRAMES,), teacher="owner/unsaid (licence: unknown)")
    assert f"| data | {FRAMES} | unknown | unknown |" in card_of(model)[1]
    assert f"| data | {FRAMES} | cc-by-4.0 | allowed |" in card_of(model, data_licence="cc-by-4.0")[1]
    assert "| teacher | owner/unsaid | unknown | unknown |" in card_of(model, data_licence="cc-by-4.0")[1]
    with pytest.raises(InputError, match="--data-licence: the licences of KITTI raw are known; leave it out"):
        gather(make_model(data_sets=("KITTI raw",)), "me/street", data_licence="mit")


def test_what_is_not_recorded_is_called_so(make_model: Make):
    _, text = card_of(make_model())
    for line in (
        "- field of view and shape of its images: not recorded",
        "- Its accuracy is unknown: the card was made without an evaluation.",
        "- The recordings that it learned from are not recorded.",
        "| data | not recorded | unknown | unknown |",
        "| initial weights | not recorded | unknown | unknown |",
        "Initial weights: not recorded. Steps: not recorded.",
        "Recipe and command are not known",
        "Its metres hold for a focal length that is not recorded.",
    ):
        assert line in text


def test_camera_range_and_recordings_are_those_of_the_model(make_model: Make):
    _, text = card_of(make_model(focal=(0.5, 1.5), training_drives=DRIVES, step=70, metric=False))
    for line in (
        "- horizontal field of view of 90 degrees (focal length of 0.50 image widths)",
        "- images 3.00 times as wide as high",
        "It learned from 15 recordings: `drive_00`, ",
        "`drive_11` and 3 more.",
        "- It predicts depths from 0.1 to 100 in its own unit, and no others.",
        "- Its unit of depth is unknown.",
        "Steps: 70.",
        "prediction.depth  # up to a factor",
    ):
        assert line in text
    assert "metres hold" not in text


def test_a_scale_that_was_found_states_its_error(make_model: Make):
    scale = MetricScale(
        factor=2.0, spread=0.03, scatter=0.11, by="height", on="/home/me/clip", samples=40, when="2026-01-02"
    )
    card = load_card(make_model(metric=False)).scaled(scale)
    _, text = card_of(make_model(**{name: getattr(card, name) for name in ("network", "metric", "scale")}))
    assert (
        "- Its depth was learned up to scale. Metres come from one factor, found by height on clip (40 samples) on "
        "2026-01-02. The 95 % interval of the factor is +-3.0%. Single images scatter by 11.0%." in text
    )
    assert "depths from 0.2 to 200 m" in text


def test_the_figures_of_a_report_come_with_protocol_command_and_baseline(scored: tuple[Path, Path]):
    model, report = scored
    _, text = card_of(model, reports=[report])
    content = json.loads(report.read_text())
    assert "### Protocol `synthetic`: 2 images" in text
    assert "Predictions are clamped to 0.001 to 80 m. The network runs at 64x64, averaged with the mirrored" in text
    none = next(score for score in content["scores"] if score["alignment"] == "none" and score["source"] == "model")
    assert f"| none | {none['abs_rel']:.3f} | {none['sq_rel']:.3f} |" in text
    assert f"| the same depth for every image ({content['strongest_mean_map']}), median |" in text
    assert "accuracy is unknown" not in text
    command = next(line for line in text.splitlines() if line.startswith("egodepth evaluate"))
    parsed = _parsed(shlex.split(command)[1:])
    names = ("model", "benchmark", "limit", "size", "post_process", "split", "drives")
    found = [getattr(parsed, name) for name in names]
    assert found == [("me/street",), "synthetic", 2, (64, 64), True, "test", ("*",)]


def test_a_report_about_another_folder_is_asked_about(make_model: Make, scored: tuple[Path, Path]):
    model, report = scored
    asked = f"A report is about {model}. Is it this model?"
    assert asked in gather(make_model(), "me/street", [report]).remarks()
    assert asked not in gather(model, "me/street", [report]).remarks()


def test_every_alignment_is_explained():
    assert ALIGNMENTS.keys() == {*PER_IMAGE, DATASET_MEDIAN, FIXED}


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"scores": []}', '{"scores": [{"source": "model"}]}', "[" * 9999])
def test_a_report_of_something_else_is_one_line(make_model: Make, tmp_path: Path, content: str):
    (tmp_path / "report.json").write_text(content)
    with pytest.raises(InputError, match=r"report\.json: not a report about a model; give the metrics\.json or"):
        gather(make_model(), "me/street", [tmp_path / "report.json"])


def test_a_missing_report_and_one_of_another_unit_are_one_line(make_model: Make, scored: tuple[Path, Path]):
    with pytest.raises(InputError, match=r"none\.json: cannot be read \(No such file"):
        gather(make_model(), "me/street", [Path("none.json")])
    with pytest.raises(InputError, match="scored depth in metres, and this model predicts depth up to scale; evaluate"):
        gather(make_model(metric=False), "me/street", [scored[1]])


def test_a_run_knows_how_it_was_trained_and_where_older_cards_lack_it_on_what(make_model: Make, make_clip: Make):
    model = make_model(teacher="owner/big (licence: mit)")
    recipe = RECIPES["street-clip"]
    data = replace(recipe.data, paste=0.0, path=(str(make_clip(model.parent / "clip")),))
    hints = replace(recipe.hints, teacher="owner/big")
    (model.parent / "config.json").write_text(to_json(replace(recipe, data=data, hints=hints)))
    _, text = card_of(model.parent)
    assert "\negodepth train street-clip --data DATA --data.paste 0.0 --hints.teacher owner/big\n" in text
    assert (
        "It learned from neighbouring frames at -2, +2 (poses: sfm), hints of depth by geometry (sweep, sparse, "
        "contact), a teacher. Batches of 8, seed 0." in text
    )
    assert f"| data | {FRAMES} | unknown | unknown |" in text


def test_a_damaged_configuration_of_the_run_is_one_line(make_model: Make):
    model = make_model()
    (model.parent / "config.json").write_text('{"trainer": {"steps": "many"}}')
    with pytest.raises(InputError, match=r"own/config\.json: not a valid TrainConfig: trainer\.steps is 'many'"):
        gather(model, "me/street")
