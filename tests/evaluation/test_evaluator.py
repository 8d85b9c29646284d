import pytest
import torch
from torch import Tensor

from egodepth.data.batch import DepthSample
from egodepth.evaluation import METRICS, PROTOCOLS, aligned_depth, evaluate_predictions
from egodepth.evaluation.baselines import constant_depth
from egodepth.evaluation.pixels import PixelSpool, valid_pixels
from egodepth.foundation.errors import InputError

SIZE = (12, 20)
PERFECT = dict.fromkeys(METRICS[:4], 0.0) | dict.fromkeys(METRICS[4:], 1.0)
PROTOCOL = PROTOCOLS["synthetic"]
ROUNDING = 1e-5
"""Of float32 depths around 30 m, squared and averaged."""


def make_sample(index: int = 0, **masks: Tensor) -> DepthSample:
    """Truth between 2 and 38 m, a fifth of it unknown; the image carries the true inverse depth for cheating."""
    draw = torch.Generator().manual_seed(index)
    truth = 2 + 36 * torch.rand(SIZE, generator=draw)
    image = (1 / truth).expand(3, *SIZE)
    truth = truth * (torch.rand(SIZE, generator=draw) > 0.2)
    return DepthSample(f"drive/{index}", image, truth, masks)


def cheat(factor: float = 1.0):
    return lambda sample: sample.image[0] / factor


def test_the_truth_as_prediction_scores_zeros_and_ones_under_every_alignment():
    report = evaluate_predictions(cheat(), [make_sample(i) for i in range(3)], PROTOCOL, factor=1.0)
    for score in report.means():
        assert score.metrics == pytest.approx(PERFECT, abs=ROUNDING)
    assert {score.alignment for score in report.means()} == {
        *("none", "median", "least_squares", "least_squares_shift", "dataset_median", "fixed")
    }


def test_a_doubled_depth_scores_one_under_no_alignment_and_zero_under_the_others():
    report = evaluate_predictions(cheat(2.0), [make_sample(i) for i in range(3)], PROTOCOL, factor=0.5)
    assert report.mean("none")["abs_rel"] == pytest.approx(1.0, rel=1e-6)
    for alignment in ("median", "least_squares", "least_squares_shift", "dataset_median", "fixed"):
        assert report.mean(alignment) == pytest.approx(PERFECT, abs=ROUNDING)
    assert report.median_ratio == pytest.approx(0.5, rel=1e-6)


def test_sigma_scale_tells_what_per_image_medians_hide():
    factors = iter([1.0, 2.0, 4.0])
    samples = [make_sample(i) for i in range(3)]
    report = evaluate_predictions(lambda sample: sample.image[0] / next(factors), samples, PROTOCOL)
    assert report.mean("median")["abs_rel"] == pytest.approx(0, abs=1e-6)
    # Ratios 1, 1/2, 1/4 about their median 1/2.
    assert report.sigma_scale == pytest.approx(torch.tensor([2.0, 1.0, 0.5]).std(correction=0).item(), rel=1e-6)
    assert report.mean("dataset_median")["abs_rel"] == pytest.approx((0.5 + 0 + 1) / 3, rel=1e-6)


def test_clamping_comes_after_the_alignment():
    truth = torch.tensor([[10.0, 20.0, 30.0]])
    sample = DepthSample("far", (1 / truth / 100).expand(3, 1, 3), truth, {})
    report = evaluate_predictions(cheat(), [sample], PROTOCOL)
    assert report.mean("median")["abs_rel"] == pytest.approx(0, abs=1e-6)
    assert report.mean("none")["abs_rel"] == pytest.approx((7 + 3 + 5 / 3) / 3, rel=1e-6)


def test_parts_are_judged_under_the_whole_images_alignment():
    moving = torch.zeros(SIZE, dtype=torch.bool)
    moving[:, :4] = True
    sample = make_sample(0, moving=moving, occluded=~moving)

    def predict(sample: DepthSample) -> Tensor:
        return torch.where(moving, sample.image[0] / 1.5, sample.image[0])

    report = evaluate_predictions(predict, [sample], PROTOCOL, factor=1.0)
    assert report.mean("fixed", part="moving")["abs_rel"] == pytest.approx(0.5, rel=1e-5)
    assert report.mean("fixed", part="static")["abs_rel"] == pytest.approx(0, abs=1e-6)
    assert report.mean("median", part="moving")["abs_rel"] > 0.1
    assert report.mean("none", part="occluded") == report.mean("none", part="static")


def test_an_image_without_the_part_does_not_count_for_it():
    nothing = torch.zeros(SIZE, dtype=torch.bool)
    something = nothing.clone()
    something[3:6] = True
    samples = [make_sample(0, moving=nothing), make_sample(1, moving=something)]
    images = {score.part: score.images for score in evaluate_predictions(cheat(), samples, PROTOCOL).means()}
    assert images == {"all": 2, "moving": 1, "static": 2}


def test_an_image_without_valid_pixels_is_skipped_and_named():
    empty = make_sample(1)._replace(depth=torch.zeros(SIZE))
    report = evaluate_predictions(cheat(), [make_sample(0), empty], PROTOCOL)
    assert report.skipped == ("drive/1",)
    assert len(report.ranked) == 1
    assert "1 skipped" in report.footnote()


def test_nothing_to_compare_with_is_an_input_error():
    with pytest.raises(InputError, match="none of 1 images"):
        evaluate_predictions(cheat(), [make_sample()._replace(depth=torch.zeros(SIZE))], PROTOCOL)


def test_a_prediction_that_is_not_a_number_is_an_input_error_that_names_the_image():
    with pytest.raises(InputError, match="drive/0"):
        evaluate_predictions(lambda sample: sample.image[0] * torch.nan, [make_sample()], PROTOCOL)


def test_baselines_stand_in_the_same_report_under_the_median():
    report = evaluate_predictions(cheat(), [make_sample()], PROTOCOL, baselines={"constant depth": constant_depth})
    truth = make_sample().depth
    known = truth[truth > 0].double()
    expected = ((known.quantile(0.5) - known).abs() / known).mean().item()
    assert report.mean(source="constant depth")["abs_rel"] == pytest.approx(expected, rel=1e-6)


def test_a_smaller_prediction_is_brought_to_the_truths_size():
    sample = DepthSample("d/0", torch.rand(3, 6, 10), torch.full(SIZE, 7.0), {})
    report = evaluate_predictions(lambda sample: torch.full((6, 10), 1 / 7), [sample], PROTOCOL)
    assert report.mean("none") == pytest.approx(PERFECT, abs=ROUNDING)


def test_the_spool_returns_the_same_pixels_from_memory_and_from_disk():
    for memory in (2**20, 16):
        with PixelSpool(memory) as spool:
            stored = [valid_pixels(make_sample(i), make_sample(i).image[0], PROTOCOL) for i in range(3)]
            for pixels in stored:
                spool.append(pixels)
            for _ in range(2):
                for pixels, again in zip(stored, spool, strict=True):
                    assert pixels.name == again.name
                    assert torch.equal(pixels.prediction, again.prediction)
                    assert torch.equal(pixels.parts["all"], again.parts["all"])


def test_the_depth_map_for_pictures_has_the_truths_median_and_size():
    sample = make_sample()
    depth = aligned_depth(sample, sample.image[0] / 5, PROTOCOL)
    torch.testing.assert_close(depth, 1 / sample.image[0])


@pytest.mark.parametrize("protocol", ["synthetic", "make3d"])
def test_a_disparity_of_zero_is_as_far_as_the_protocol_reaches(protocol: str):
    truth = torch.tensor([[10.0, 20.0, 30.0, 40.0, 60.0]])
    sky = (1 / truth).where(truth < 60, torch.tensor(0.0))
    sample = DepthSample("sky", sky.expand(3, 1, 5), truth, {})
    report = evaluate_predictions(cheat(), [sample], PROTOCOLS[protocol])
    far = 80.0 if protocol == "synthetic" else 70.0
    for alignment in ("none", "median", "least_squares"):
        assert report.mean(alignment)["abs_rel"] == pytest.approx((far / 60 - 1) / 5, rel=1e-5), alignment
    assert report.mean("least_squares_shift")["abs_rel"] < 1


@pytest.mark.parametrize("value", [-0.1, torch.nan])
def test_a_disparity_that_is_negative_or_no_number_is_an_error(value: float):
    sample = make_sample()
    sample = sample._replace(image=sample.image.clone())
    sample.image[:, 3, 4] = value
    with pytest.raises(InputError, match="not everywhere positive"):
        evaluate_predictions(cheat(), [sample], PROTOCOL)


def test_a_prediction_that_is_the_sky_in_half_of_the_image_is_an_error():
    sample = make_sample()
    with pytest.raises(InputError, match="infinite in half"):
        evaluate_predictions(lambda s: s.image[0] * (torch.arange(12)[:, None] > 6), [sample], PROTOCOL)
