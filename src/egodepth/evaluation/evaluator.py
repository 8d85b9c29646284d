"""Score predictions against true depth: the one loop of the command and of the trainer's validation."""

from collections.abc import Callable, Collection, Iterable, Mapping

from jaxtyping import Float
from torch import Tensor

from egodepth.data.batch import DepthSample
from egodepth.evaluation.alignment import (
    DATASET_MEDIAN,
    FIXED,
    HEADLINE,
    PER_IMAGE,
    Alignment,
    median,
    median_ratio,
    scaled,
)
from egodepth.evaluation.metrics import LOG10, depth_metrics, log10_error
from egodepth.evaluation.pixels import Pixels, PixelSpool, depth_at, valid_pixels
from egodepth.evaluation.protocols import Protocol
from egodepth.evaluation.report import MODEL, ImageScore, Report
from egodepth.foundation.errors import InputError
from egodepth.foundation.ranks import ALONE, Ranks

Predict = Callable[[DepthSample], Float[Tensor, "h w"]]
"""Maps a sample to its inverse depth, up to scale, of any size. A model uses the image, a baseline does not."""


def evaluate_predictions(
    predict: Predict,
    samples: Iterable[DepthSample],
    protocol: Protocol,
    *,
    baselines: Mapping[str, Predict] | None = None,
    metric_baselines: Collection[str] = (),
    factor: float | None = None,
    ranks: Ranks = ALONE,
) -> Report:
    """Score a predictor under every alignment, by image regions, beside baselines, in bounded memory.

    Args:
        predict: returns the inverse depth of one sample.
        samples: the samples, read once; with several processes, this one's part.
        protocol: the valid pixels, and the clamp.
        baselines: baselines by their name in the table; scored under the headline alignment, whole images only.
        metric_baselines: names of the baselines in metres, which are also scored without alignment.
        factor: also score with this one factor on every depth, as alignment `fixed`.
        ranks: the processes that share the samples, in order. All get the report of all samples.

    Raises:
        InputError: no sample has a valid pixel, or a prediction is not positive and finite.
    """
    alignments = PER_IMAGE | ({} if factor is None else {FIXED: scaled(factor)})
    scores: list[ImageScore] = []
    skipped: list[str] = []
    ratios: list[float] = []
    with PixelSpool() as spool:
        for sample in samples:
            if not bool(protocol.valid(sample.depth.float()).any()):
                skipped.append(sample.name)
                continue
            pixels = valid_pixels(sample, predict(sample), protocol)
            scores += _scores(MODEL, pixels, alignments, protocol)
            for name, baseline in (baselines or {}).items():
                blind = valid_pixels(sample._replace(masks={}), baseline(sample), protocol)
                judged = (HEADLINE, "none") if name in metric_baselines else (HEADLINE,)
                scores += _scores(name, blind, {alignment: PER_IMAGE[alignment] for alignment in judged}, protocol)
            ratios.append(median_ratio(pixels.prediction, pixels.truth))
            spool.append(pixels)
        scores, skipped, ratios = ranks.gathered(scores), ranks.gathered(skipped), ranks.gathered(ratios)
        if not ratios:
            raise InputError(f"none of {len(skipped)} images has true depth that protocol '{protocol.name}' counts")
        whole_set = {DATASET_MEDIAN: scaled(median(ratios))}
        scores += ranks.gathered([score for pixels in spool for score in _scores(MODEL, pixels, whole_set, protocol)])
    return Report(protocol=protocol.name, scores=tuple(scores), skipped=tuple(skipped))


def _scores(source: str, pixels: Pixels, alignments: Mapping[str, Alignment], protocol: Protocol) -> list[ImageScore]:
    """Return the scores of one image under each alignment, for each of its regions that has pixels."""
    ratio = median_ratio(pixels.prediction, pixels.truth)
    scores = []
    for alignment, align in alignments.items():
        depth = protocol.clamped(align(pixels.prediction, pixels.truth))
        for part, mask in pixels.parts.items():
            if bool(mask.any()):
                metrics = depth_metrics(depth[mask], pixels.truth[mask])
                if protocol.log10:
                    metrics[LOG10] = log10_error(depth[mask], pixels.truth[mask])
                count = int(mask.sum())
                scores.append(ImageScore(pixels.name, source, alignment, part, count, ratio, metrics))
    return scores


def aligned_depth(
    sample: DepthSample, inverse_depth: Float[Tensor, "h w"], protocol: Protocol
) -> Float[Tensor, "hg wg"]:
    """Return the whole depth map at the truth's size, median-aligned and clamped, for pictures."""
    pixels = valid_pixels(sample, inverse_depth, protocol)
    depth = depth_at(inverse_depth, (sample.depth.shape[0], sample.depth.shape[1]))
    return protocol.clamped(depth * median_ratio(pixels.prediction, pixels.truth))
