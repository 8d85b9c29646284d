import csv
import io
import json
from dataclasses import replace

import pytest

from egodepth.evaluation import METRICS, Report
from egodepth.evaluation.report import ImageScore


def score(image: str, abs_rel: float, alignment: str = "median", part: str = "all", source: str = "model", ratio=2.0):
    metrics = dict.fromkeys(METRICS, 0.5) | {"abs_rel": abs_rel}
    return ImageScore(image, source, alignment, part, 100, ratio, metrics)


@pytest.fixture
def report() -> Report:
    scores = (
        score("a", 0.3, ratio=1.0),
        score("b", 0.1, ratio=2.0),
        score("c", 0.2, ratio=3.0),
        score("a", 0.9, "none"),
        score("a", 0.4, part="moving"),
        score("a", 0.8, "none", part="moving"),
        score("a", 0.6, source="constant depth"),
    )
    return Report(protocol="synthetic", scores=scores, skipped=("d",), about={"model": "runs/x"})


def test_means_are_taken_over_images(report):
    assert report.mean()["abs_rel"] == pytest.approx(0.2)
    assert report.mean(part="moving")["abs_rel"] == pytest.approx(0.4)
    assert report.mean(source="constant depth")["abs_rel"] == pytest.approx(0.6)


def test_a_score_that_does_not_exist_is_a_key_error(report):
    with pytest.raises(KeyError, match="fixed"):
        report.mean("fixed")


def test_images_are_ranked_by_abs_rel_best_first(report):
    assert [score.image for score in report.ranked] == ["b", "c", "a"]


def test_the_table_shows_whole_images_then_parts_then_baselines(report):
    assert [line.label for line in report.table()] == ["median", "none", "moving pixels", "constant depth"]


@pytest.fixture
def with_mean_maps(report: Report) -> Report:
    """With two mean maps: the second is the stronger under the headline alignment, only the first is in metres."""
    scores = (
        score("a", 0.5, source="mean map (train)"),
        score("b", 0.1, source="mean map (train)"),
        score("a", 0.7, "none", source="mean map (train)"),
        score("a", 0.2, source="mean shape (train)"),
        score("b", 0.2, source="mean shape (train)"),
    )
    averaged = {"mean map (train)": "depth", "mean shape (train)": "inverse depth over its median"}
    return replace(report, scores=report.scores + scores, mean_maps=averaged)


def test_of_the_mean_maps_the_table_shows_the_strongest_and_names_what_it_is_the_mean_of(with_mean_maps):
    lines = [line.label for line in with_mean_maps.table()]
    assert lines == ["median", "none", "moving pixels", "constant depth", "mean map, none", "mean shape (train)"]
    text = with_mean_maps.to_markdown()
    assert "| mean map (train) |" not in text
    assert "mean shape (train): the mean of inverse depth over its median, the strongest mean map." in text


def test_the_json_holds_all_mean_maps_and_says_which_is_the_strongest(with_mean_maps, report):
    content = json.loads(with_mean_maps.to_json())
    assert content["strongest_mean_map"] == "mean shape (train)"
    assert {"mean map (train)", "mean shape (train)"} < {line["source"] for line in content["scores"]}
    assert "strongest_mean_map" not in report.summary()


def test_the_json_holds_every_mean_and_what_the_report_is_about(report):
    content = json.loads(report.to_json())
    assert content == report.summary()
    assert (content["model"], content["images"], content["skipped"]) == ("runs/x", 3, ["d"])
    assert content["sigma_scale"] == pytest.approx(report.sigma_scale)
    assert len(content["scores"]) == 5
    whole = next(s for s in content["scores"] if (s["alignment"], s["part"], s["source"]) == ("median", "all", "model"))
    assert {name: whole[name] for name in METRICS} == report.mean()


def test_the_csv_returns_every_single_score(report):
    rows = list(csv.DictReader(io.StringIO(report.to_csv())))
    assert len(rows) == len(report.scores)
    for row, score in zip(rows, report.scores, strict=True):
        assert (row["image"], row["alignment"], row["part"], int(row["pixels"])) == (
            *(score.image, score.alignment, score.part, score.pixels),
        )
        assert {name: float(row[name]) for name in METRICS} == score.metrics


def test_the_markdown_table_has_a_line_for_each_score_and_the_spread(report):
    text = report.to_markdown()
    assert "| median | 0.200 | 0.500 |" in text
    assert f"sigma_scale {report.sigma_scale:.3f}" in text
    assert len({line.count("|") for line in text.splitlines() if line.startswith("|")}) == 1


def test_three_files_are_written_and_nothing_else(report, tmp_path):
    paths = report.write(tmp_path / "new" / "report")
    assert sorted(path.name for path in paths) == ["metrics.json", "per_image.csv", "table.md"]
    assert sorted((tmp_path / "new" / "report").iterdir()) == sorted(paths)
