import pytest

from egodepth.training.ablation.cells import Score
from egodepth.training.ablation.table import (
    COLUMNS,
    Column,
    Row,
    difference_table,
    differences,
    main_table,
    mean_of,
    to_markdown,
)
from egodepth.training.ablation.variants import VARIANTS

ABS_REL = Column("abs_rel", "all")


def score(abs_rel: float, **parts: float) -> Score:
    values = {"all": abs_rel, **parts}
    return Score(5, 0.1, {part: {"abs_rel": value, "rmse": 4.0, "a1": 0.9} for part, value in values.items()})


def row(name: str, values: list[float], **parts: list[float]) -> Row:
    scores = {i: score(value, **{part: v[i] for part, v in parts.items()}) for i, value in enumerate(values)}
    return Row(name, VARIANTS[name].label, scores)


def test_mean_and_standard_deviation_are_those_of_a_sample() -> None:
    assert mean_of([1.0, 2.0, 6.0]) == pytest.approx((3.0, 7.0**0.5))
    assert mean_of([1.0]) == (1.0, None)
    assert mean_of([0.115, 0.117]).text() == ".116 ± .001"
    assert mean_of([-0.25, -0.25]).text("+.4f") == "-.2500 ± .0000"
    assert mean_of([10.25]).text() == "10.250"


def test_differences_are_taken_seed_by_seed_on_the_pixels_that_a_part_is_for() -> None:
    full = row("full", [0.10, 0.12, 0.14], occluded=[0.2, 0.2, 0.2])
    without = row("full-minimum", [0.11, 0.11, 0.14], occluded=[0.25, 0.26, 0.27])
    on_its_pixels, on_all = differences([full, without])
    assert (on_its_pixels.pixels, on_all.pixels) == ("occluded", "all")
    assert on_its_pixels.values == pytest.approx((0.05, 0.06, 0.07))
    assert on_its_pixels.mean == pytest.approx((0.06, 0.01))
    assert on_its_pixels.verdict == "minimum reprojection helps"
    assert on_all.values == pytest.approx((0.01, -0.01, 0.0))
    assert on_all.verdict == "within the spread"


@pytest.mark.parametrize(
    ("name", "values", "verdict"),
    [
        ("baseline+automask", [0.18, 0.17, 0.18], "auto-mask helps"),
        ("baseline+automask", [0.22, 0.23, 0.22], "auto-mask hurts"),
        ("full-automask", [0.18, 0.17, 0.18], "auto-mask hurts"),
        ("full", [0.18, 0.17, 0.18], "better"),
        ("no-ssim", [0.18, 0.17, 0.18], "better"),
        ("no-ssim", [0.22, 0.23, 0.22], "worse"),
        # All seeds agree, but 2 std / sqrt(3) = .0231 is more than the mean, .02.
        ("no-ssim", [0.201, 0.219, 0.24], "within the spread"),
        ("no-ssim", [0.25], "one seed: no spread to compare with"),
    ],
)
def test_a_verdict_needs_agreement_in_sign_and_twice_the_standard_error(
    name: str, values: list[float], verdict: str
) -> None:
    against = row(VARIANTS[name].against, [0.2, 0.2, 0.2])
    assert [one.verdict for one in differences([against, row(name, values)])] == [verdict]


def test_only_seeds_that_both_rows_have_are_compared() -> None:
    full = row("full", [0.1, 0.2])
    late = Row("no-ssim", "no ssim", {1: score(0.3), 2: score(0.4)})
    (one,) = differences([full, late])
    assert one.values == pytest.approx((0.1,))
    assert differences([late]) == []


def test_a_row_that_was_not_trained_apart_is_not_compared_with_itself() -> None:
    full = row("full", [0.1, 0.2])
    again = Row("pose-posecnn", "pose network: posecnn", full.scores)
    assert differences([full, again]) == []
    assert "pose network: posecnn: equal to the recipe" in to_markdown([full, again], [])


def test_the_best_trained_row_of_a_column_is_bold_and_missing_pixels_have_no_column() -> None:
    blind = Row("constant", "constant depth", {0: score(0.01)}, trained=False)
    rows = [blind, row("baseline", [0.2, 0.2]), row("full", [0.1, 0.12])]
    heading, *lines = main_table(rows, lambda text: f"*{text}*", lambda row: row.name)
    assert heading == ["", "abs_rel all", "rmse all", "a1 all", "sigma_scale"]
    assert [line[:2] for line in lines] == [
        ["constant", ".010"],
        ["baseline", ".200 ± .000"],
        ["full", "*.110 ± .014*"],
    ]


def test_shares_within_a_factor_are_better_when_higher() -> None:
    a1 = next(column for column in COLUMNS if column.metric == "a1")
    low, high = (Score(1, 0.1, {"all": {"abs_rel": 0.1, "a1": value}}) for value in (0.8, 0.9))
    rows = [Row("baseline", "", {0: low}), Row("full", "", {0: high})]
    place = main_table(rows, str, str)[0].index(a1.heading)
    lines = main_table(rows, lambda text: f"*{text}*", lambda row: row.name)[1:]
    assert [line[place] for line in lines] == [".800", "*.900*"]


def test_every_line_of_a_markdown_table_has_as_many_cells_as_its_heading() -> None:
    rows = [row("baseline", [0.2, 0.21]), row("baseline+minimum", [0.1, 0.12], occluded=[0.3, 0.4])]
    tables = [main_table(rows, str, lambda row: row.label), difference_table(differences(rows))]
    for table in tables:
        assert {len(line) for line in table} == {len(table[0])}
    text = to_markdown(rows, ["about"])
    assert text.count("\n|---") == 2
    assert "2 seeds" in text
