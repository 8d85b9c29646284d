"""Rows of the ablation without training: predictions that ignore the image."""

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path

import torch
from jaxtyping import Float
from rich.console import Console
from rich.progress import track
from torch import Tensor

from egodepth.data.drive import Drive
from egodepth.data.opening import depth_frames
from egodepth.evaluation.baselines import MEAN_MAP_FRAMES, MEAN_MAPS, mean_maps
from egodepth.evaluation.benchmarks import PROTOCOLS
from egodepth.evaluation.pixels import WHOLE
from egodepth.foundation.files import write_text
from egodepth.training.ablation.cells import Examination, read_score, score
from egodepth.training.ablation.table import Row

_UNTRAINED = {"mean_map": "mean map", "constant": "constant depth"}


def untrained_rows(out: Path, drives: Sequence[Drive], examination: Examination) -> list[Row]:
    """Return the rows of predictions that ignore the image, scored once.

    Only the strongest mean map gets a row; its score names it. There is none if training frames have no depth.
    """
    rows = []
    for name, label in _UNTRAINED.items():
        file = out / "scores" / f"{name}.json"
        if not file.exists():
            blind = _mean_maps(drives, examination) if name == "mean_map" else {"": torch.ones(1, 1)}
            if not blind:
                continue
            results = [
                dataclasses.replace(score(lambda sample, given=given: given, examination), averaged=averaged)
                for averaged, given in blind.items()
            ]
            result = min(results, key=lambda found: found.parts[WHOLE]["abs_rel"])
            write_text(file, json.dumps(dataclasses.asdict(result), indent=2) + "\n")
        found = read_score(file)
        # a score in an older folder does not name its kind of mean map
        rows.append(Row(name, f"{label} of {found.averaged}" if found.averaged else label, {0: found}, trained=False))
    return rows


def _mean_maps(drives: Sequence[Drive], examination: Examination) -> dict[str, Float[Tensor, "h w"]]:
    """Return the mean maps of the training set, as inverse depth, by the averaged quantity.

    Empty if training frames have no depth.
    """
    frames = depth_frames(list(drives), MEAN_MAP_FRAMES)
    if not frames:
        return {}
    shown = track(frames, "Mean maps", console=Console(stderr=True), transient=True)
    depths = (torch.from_numpy(drive.read_depth(frame)) for drive, frame in shown)
    found = mean_maps(depths, PROTOCOLS[examination.benchmark])
    return {MEAN_MAPS[name]: mean.inverse_depth() for name, mean in found.items()}
