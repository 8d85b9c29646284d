"""Fit and judge the expected error of depth (docs/confidence.md).

    python -m benchmarks.confidence sample RUN CLIP OUT.npz         # pixels of a finished `egodepth video ... --keep`
    python -m benchmarks.confidence fit MODELS.json A.npz B.npz ... # fit with the pixels of rendered drives
    python -m benchmarks.confidence judge MODELS.json C.npz ...     # a table; --picture FILE: a reliability diagram

RUN is the output folder, CLIP what was given to `egodepth video`. The truth of a rendered drive is `depth/` beside its
folder `image/`. Points of structure from motion that no training saw are a second truth, and the only one of a real
recording; a run with --model has them if its camera was found by structure from motion. Judge other drives than those
of the fit. Sample them after the `error_models.json` of the package was replaced: the adaptation to a clip is sampled.
"""

import argparse
import json
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Float64
from matplotlib import pyplot

from benchmarks.error_fit import fitted
from egodepth.data.images import read_uint16
from egodepth.foundation.files import write_text
from egodepth.foundation.reading import read_json
from egodepth.video.aligned_clip import Aligned
from egodepth.video.error_cues import DIRECTIONS, Cues
from egodepth.video.error_model import FORMAT, Adaptation, ErrorModels
from egodepth.video.finished_stages import RECORD
from egodepth.video.options import VideoOptions, clip_name
from egodepth.video.pipeline import Pipeline
from egodepth.video.point_checks import Witness
from egodepth.video.recording import Recording
from egodepth.video.reliability import LIMITS, Groups, grouped, half_kept, shares, sparsification_area

EVERY = 2
"""Every second frame is sampled."""
PIXELS = 60_000
"""Number of pixels of a drive, chosen at random."""
FARTHEST = 80.0
"""Truth beyond it is not compared, in metres, as in the benchmarks of the field."""


class Sampled(NamedTuple):
    """Pixels or points of one run."""

    kind: str
    """`pixels` of a rendered drive, or `points` of structure from motion."""
    hints: bool
    adapted: Adaptation
    """To points of the clip that are not among these."""
    errors: Float64[np.ndarray, " n"]
    cues: Cues


class _Compared(NamedTuple):
    """Pixels or points of one frame."""

    predicted: Float[np.ndarray, " n"]
    true: Float[np.ndarray, " n"]
    cues: Cues


def main() -> None:
    """Run one of the three steps."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("step", choices=("sample", "fit", "judge"))
    parser.add_argument("paths", type=Path, nargs="+")
    parser.add_argument("--picture", type=Path, help="write a reliability diagram of all judged runs")
    parser.add_argument("--about", default="", help="a sentence on the drives of a fit, for the file")
    given = parser.parse_args()
    first, *others = given.paths
    if given.step == "sample":
        _write(others[1], sampled(first, others[0]))
    elif given.step == "fit":
        samples = [sample for file in others for sample in _read(file)]
        write_text(first, json.dumps(fit(samples, given.about)) + "\n")
    else:
        diagrams = judge(ErrorModels.read(first), {file.stem: _read(file) for file in others})
        if given.picture:
            draw(diagrams, given.picture)


def sampled(run: Path, clip: Path) -> list[Sampled]:
    """Return the pixels with known depth of a finished run, and the points that it was not trained on."""
    ((recording, aligned, witness),) = _pipeline(run, clip).kept_clips()
    known, found = (aligned.hint_scales is not None, aligned.adapted), []
    if (truth := clip.parent / "depth").is_dir():
        pairs = [_dense(aligned, place, truth) for place in range(0, len(aligned.seconds), EVERY)]
        found.append(_joined("pixels", *known, pairs))
    if witness is not None:
        found.append(_joined("points", *known, list(_points(witness, recording, aligned))))
    return found


def fit(samples: list[Sampled], about: str) -> dict[str, Any]:
    """Return the content of the package's file."""
    content: dict[str, Any] = {"format": FORMAT, "about": about, "version": version("egodepth")}
    for hints, name in ((True, "with_hints"), (False, "without_hints")):
        own = [sample for sample in samples if sample.hints == hints and sample.kind == "pixels"]
        cues = {cue: np.concatenate([sample.cues[cue] for sample in own]) for cue in own[0].cues}
        content[name] = fitted(cues, np.concatenate([sample.errors for sample in own])).content()
    return content


def judge(models: ErrorModels, samples: dict[str, list[Sampled]]) -> dict[str, list[Groups]]:
    """Print how well the errors of each run are expected, and return the diagrams of each kind of sample."""
    diagrams: dict[str, list[Groups]] = {}
    for name, of_run in samples.items():
        for kind, hints, adapted, errors, cues in of_run:
            model = models.with_hints if hints else models.without_hints
            expected = model.expected_error(cues, adapted)
            areas = (sparsification_area(expected, errors), errors.mean(), half_kept(expected, errors))
            print("{} {}: area {:.4f}, error {:.3f}, of the surer half {:.3f}".format(name, kind, *areas))
            for share in shares(model, expected, errors):
                if share.found is not None:
                    said = f"{share.said:.3f} said, {share.found:.3f} found, of {share.pixels:.0%}"
                    print(f"    within {share.limit:.0%}: {said}")
            every = [grouped(model, expected, errors, limit) for limit in LIMITS]
            diagrams.setdefault(f"{kind}, {'with' if hints else 'without'} hints", []).extend(every)
    return diagrams


def draw(diagrams: dict[str, list[Groups]], path: Path) -> None:
    """Write a picture with one panel for each kind of sample."""
    figure, panels = pyplot.subplots(1, len(diagrams), figsize=(4 * len(diagrams), 4), squeeze=False, sharey=True)
    for panel, (kind, every) in zip(panels[0], diagrams.items(), strict=True):
        panel.plot([0, 1], [0, 1], color="grey", linewidth=1)
        for limit in LIMITS:
            own = [groups for groups in every if groups.limit == limit]
            said, found = ([share for groups in own for share in getattr(groups, side)] for side in ("said", "found"))
            panel.plot(said, found, "o", markersize=3, label=f"within {limit:.0%}")
        panel.set(title=kind, xlabel="stated share", xlim=(0, 1), ylim=(0, 1))
    panels[0, 0].set_ylabel("found share")
    panels[0, 0].legend(loc="upper left")
    figure.tight_layout()
    figure.savefig(path, dpi=90)


def _pipeline(run: Path, clip: Path) -> Pipeline:
    """Return the command that made a folder."""
    options: dict[str, Any] = {}
    for name, value in read_json(run / RECORD, finite=False)["options"].items():
        if name.startswith("--"):
            key = name.removeprefix("--").replace("-", "_")
            options[key] = tuple(value) if isinstance(value, list) else value
    options["camera"] = options["camera"] and Path(options["camera"])
    return Pipeline(VideoOptions(clips=(clip,), out=run, keep=True, **options), {clip_name(clip): clip})


def _dense(aligned: Aligned, place: int, truth: Path) -> _Compared:
    """Return the depth of a frame, the truth at the centres of its pixels, and the cues."""
    predicted, cues = 1 / aligned.frame(place).inverse_depth, aligned.cues.of(place)
    true = read_uint16(truth / f"{place:06d}.png") / 256
    sizes = zip(predicted.shape, true.shape, strict=True)
    at = [((np.arange(size) + 0.5) / size * full).astype(int) for size, full in sizes]
    true = true[np.ix_(*at)]
    known = (true > 0) & (true < FARTHEST)
    return _Compared(predicted[known], true[known], {name: cue[known] for name, cue in cues.items()})


def _points(witness: Witness, recording: Recording, aligned: Aligned) -> Iterator[_Compared]:
    """Yield the points of the map's largest part in each frame, as `_dense` its pixels."""
    clip_map = witness.clip_map
    seconds = {n: t for row in recording.rows for n, t in zip(row.numbers, row.seconds.tolist(), strict=True)}
    for position, frame in enumerate(clip_map.frames.tolist()):
        if frame not in seconds or not clip_map.registered[position] or clip_map.part[position]:
            continue
        number, uv, depth = clip_map.image_points(position, aligned.camera)
        chosen = ((uv > 0) & (uv < 1)).all(1) & witness.judges(number)
        place = aligned.place_of(seconds[frame])
        predicted, cues = 1 / aligned.frame(place).inverse_depth, aligned.cues.of(place)
        x, y = (uv[chosen] * predicted.shape[::-1]).astype(int).T
        yield _Compared(predicted[y, x], depth[chosen], {name: cue[y, x] for name, cue in cues.items()})


def _joined(kind: str, hints: bool, adapted: Adaptation, frames: list[_Compared]) -> Sampled:
    """Return the samples of a run: errors after one scale, which is the median's."""
    predicted, true = (np.concatenate([getattr(frame, side) for frame in frames]) for side in ("predicted", "true"))
    errors = np.abs(predicted * np.median(true / predicted) / true - 1)
    cues = {name: np.concatenate([frame.cues[name] for frame in frames]) for name in frames[0].cues}
    some = np.random.default_rng(0).permutation(len(errors))[:PIXELS]
    cues = {name: cue[some] for name, cue in cues.items()}
    return Sampled(kind, hints, adapted, errors[some].astype(np.float64), cues)


def _write(path: Path, samples: list[Sampled]) -> None:
    arrays: dict[str, Any] = {}
    for sample in samples:
        arrays |= {f"{sample.kind}/{name}": getattr(sample, name) for name in ("hints", "adapted", "errors")}
        arrays |= {f"{sample.kind}/cues/{name}": cue for name, cue in sample.cues.items()}
    np.savez(path, **arrays)


def _read(path: Path) -> list[Sampled]:
    arrays = dict(np.load(path))
    found = []
    for kind in ("pixels", "points"):
        if f"{kind}/errors" in arrays:
            cues = {name: arrays[key] for name in DIRECTIONS if (key := f"{kind}/cues/{name}") in arrays}
            known = bool(arrays[f"{kind}/hints"]), Adaptation(*arrays[f"{kind}/adapted"].tolist())
            found.append(Sampled(kind, *known, arrays[f"{kind}/errors"], cues))
    return found


if __name__ == "__main__":
    main()
