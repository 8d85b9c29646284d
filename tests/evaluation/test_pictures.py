import numpy as np
import pytest
import torch

from egodepth.data.images import read_rgb
from egodepth.evaluation import METRICS, PROTOCOLS, Report
from egodepth.evaluation.pictures import SheetRow, notable_images, write_picture_sheet
from egodepth.evaluation.report import ImageScore
from egodepth.foundation.errors import InputError

PROTOCOL = PROTOCOLS["synthetic"]


def make_report(*errors: float) -> Report:
    metrics = [dict.fromkeys(METRICS, error) for error in errors]
    scores = [ImageScore(f"image {m['abs_rel']}", "model", "median", "all", 9, 1.0, m) for m in metrics]
    return Report(protocol="synthetic", scores=tuple(scores))


def make_row(title: str) -> SheetRow:
    truth = torch.linspace(3, 60, 40).expand(30, 40)[:, :].flip(0).clone()
    sparse = truth * (torch.rand(30, 40) > 0.7)
    return SheetRow(title, torch.rand(3, 30, 40), truth * 1.2, sparse)


def test_best_median_and_worst_are_named_with_their_error():
    titles = notable_images(make_report(0.3, 0.1, 0.5, 0.2, 0.4))
    assert titles == {
        "image 0.1": "best: image 0.1   abs_rel 0.100",
        "image 0.3": "median: image 0.3   abs_rel 0.300",
        "image 0.5": "worst: image 0.5   abs_rel 0.500",
    }


def test_a_single_image_is_shown_once():
    assert list(notable_images(make_report(0.1))) == ["image 0.1"]


def test_the_sheet_is_a_picture_with_something_on_it(tmp_path):
    path = tmp_path / "sheet.png"
    write_picture_sheet(path, [make_row("best: a"), make_row("worst: b")], PROTOCOL)
    pixels = read_rgb(path)
    assert pixels.shape[1] == 1600
    assert len(np.unique(pixels @ np.array([1, 256, 65536]))) > 1000
    # Two rows of the same height, both drawn.
    ink = (pixels < 250).any(-1).mean(1)
    half = len(ink) // 2
    assert ink[:half].max() > 0.5
    assert ink[half:].max() > 0.5
    assert list(tmp_path.iterdir()) == [path]


def test_a_sheet_that_cannot_be_written_is_an_input_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        write_picture_sheet(tmp_path / "file" / "sheet.png", [make_row("a")], PROTOCOL)
