"""What an evaluation is told."""

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
"""What `evaluate` does besides scoring depth, with the options that mean something there."""
if TYPE_CHECKING:
    DepthBenchmark = BenchmarkName = str
else:  # the command line offers what the table has
    DepthBenchmark = Literal[tuple(BENCHMARKS)]
    BenchmarkName = Literal[(*BENCHMARKS, *OTHER_TASKS)]


@dataclass(frozen=True)
class EvaluateOptions:
    """What to score, and on which frames."""

    benchmark: BenchmarkName
    """Which frames and pixels count; `odometry` scores trajectories (see egodepth odometry),
    `kitti_benchmark_server` writes the folder to upload (--out)."""
    data: Path
    """KITTI (raw, 2015 stereo, odometry), Cityscapes, Make3D, a rendered set, or one with manifest.csv."""
    model: Positional[tuple[str, ...]] = ()
    """A run folder, a model folder or a hub id; two with --paired."""
    predictions: Path | None = None
    """Score these instead of a model: .npy, .npz or a folder, a map an image in the benchmark's order."""
    predicted: Predicted = "disparity"
    """What --predictions hold: disparity (inverse depth up to scale), or depth."""
    paired: bool = False
    """Compare two models on the same images, with an interval of the difference."""
    split: Literal["train", "val", "test"] = "test"
    """Which drives of a rendered set or of Cityscapes."""
    drives: tuple[str, ...] = ("*",)
    """Glob patterns of the drives to evaluate on."""
    all_frames: bool = False
    """Take every frame with true depth, whatever frames the benchmark is published for."""
    partial: bool = False
    """Go without those of the benchmark's frames that are not there."""
    limit: int | None = None
    """Evaluate on this many frames, evenly spaced."""
    truth: Truth | None = None
    """True depth of KITTI raw: lidar as published, lidar-z along the camera's axis, improved; default: the benchmark's.
    """
    improved: Path | None = None
    """Folder of KITTI's improved depth maps, which holds train and val."""
    truth_file: Path | None = None
    """True depth from this file instead (gt_depths.npz), a map an image in the benchmark's order."""
    out: Path | None = None
    """Folder for the report; `report` under the run or beside the model if left out."""
    json: Path | None = None
    """Write the metrics to this file, too."""
    mean_map: Path | None = None
    """Data whose true depth makes the mean maps, of which the table shows the strongest; default: the training split,
    else all other test frames."""
    factor: float | None = None
    """Also score depth multiplied by this factor; for the server, metres in a unit of the model's depth."""
    size: tuple[int, int] | None = None
    """Height and width at which the network runs; its own if left out."""
    post_process: bool = False
    """Average with the mirrored image's prediction."""
    device: str | None = None
    """`cpu`, `cuda`, ...; the GPU if there is one when left out."""
