"""Options of an evaluation."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from tyro.conf import Positional

from egodepth.config import Predicted, Truth
from egodepth.evaluation.benchmarks import BENCHMARKS

OTHER_TASKS = {
    "odometry": {"data", "model", "split", "drives", "out", "json", "device"},
    "kitti_benchmark_server": {"data", "model", "out", "factor", "size", "post_process", "device"},
}
"""Tasks of `evaluate` that do not score depth, with their options."""
if TYPE_CHECKING:
    DepthBenchmark = BenchmarkName = str
else:  # the command line offers what the table has
    DepthBenchmark = Literal[tuple(BENCHMARKS)]
    BenchmarkName = Literal[(*BENCHMARKS, *OTHER_TASKS)]


@dataclass(frozen=True)
class EvaluateOptions:
    """What to score, and on which frames."""

    benchmark: BenchmarkName
    """Which frames and pixels count. `odometry` scores trajectories (see egodepth odometry). `kitti_benchmark_server`
    writes the folder to upload (--out)."""
    data: Path
    """KITTI (raw, 2015 stereo, odometry), Cityscapes, Make3D, a rendered set, or a folder with manifest.csv."""
    model: Positional[tuple[str, ...]] = ()
    """A run folder, a model folder or a hub id; two with --paired."""
    predictions: Path | None = None
    """Score these instead of a model: .npy, .npz or a folder, with one map per image in the benchmark's order."""
    predicted: Predicted = "disparity"
    """Quantity in --predictions: disparity (inverse depth up to scale), or depth."""
    paired: bool = False
    """Compare two models on the same images, with a confidence interval of the difference."""
    split: Literal["train", "val", "test"] = "test"
    """Which split of a rendered set or of Cityscapes."""
    drives: tuple[str, ...] = ("*",)
    """Glob patterns of the drives to evaluate on."""
    all_frames: bool = False
    """Use every frame with true depth, instead of the benchmark's published frames."""
    partial: bool = False
    """Allow missing frames of the benchmark."""
    limit: int | None = None
    """Evaluate on this many frames, evenly spaced."""
    truth: Truth | None = None
    """True depth of KITTI raw: lidar as published, lidar-z along the camera's axis, or improved. Left out: the
    benchmark's."""
    improved: Path | None = None
    """Folder of KITTI's improved depth maps, with train and val."""
    truth_file: Path | None = None
    """True depth from this file (gt_depths.npz), with one map per image in the benchmark's order."""
    out: Path | None = None
    """Output folder for the report. Left out: `report` under the run or beside the model."""
    json: Path | None = None
    """Also write the metrics to this JSON file."""
    mean_map: Path | None = None
    """Data whose true depth gives the mean-map baselines; the table shows the strongest. Left out: the training split,
    or else all other test frames."""
    factor: float | None = None
    """Also score depth multiplied by this factor. For the server: metres per unit of the model's depth."""
    size: tuple[int, int] | None = None
    """Height and width at which the network runs. Left out: the size of its training."""
    post_process: bool = False
    """Average with the mirrored image's prediction."""
    device: str | None = None
    """`cpu`, `cuda`, ... Left out: the GPU if there is one."""
