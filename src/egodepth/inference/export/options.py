"""What an export is told."""

from dataclasses import dataclass
from pathlib import Path

from tyro.conf import Positional

from egodepth.config import ExportFormat, ExportPrecision
from egodepth.inference.scoring.options import DepthBenchmark


@dataclass(frozen=True)
class ExportOptions:
    """The model, the runtime, and how the result is checked."""

    model: Positional[str]
    """A run folder, a model folder or a hub id."""
    out: Path
    """Folder to write: the model and config.json, which says what was checked."""
    format: ExportFormat = "onnx"
    """onnx and openvino: for those runtimes. torch: model.pt2 for programs without egodepth (opening one executes what
    is in it: take none from strangers), beside the weights as safetensors."""
    precision: ExportPrecision = "float32"
    """What it computes in: float32, or (openvino) bfloat16, for CPUs with units for it, or int8."""
    calibrate: Path | None = None
    """For int8: data whose training frames show which values occur."""
    calibration_frames: int = 200
    """How many of those frames, evenly spaced."""
    images: tuple[Path, ...] = ()
    """Images to compare on, besides random ones."""
    evaluate: Path | None = None
    """Data to measure the loss of accuracy on, with --benchmark."""
    benchmark: DepthBenchmark = "synthetic"
    """Which frames and pixels of it count; of those that are there, all."""
    limit: int | None = None
    """Evaluate on this many frames, evenly spaced."""
    size: tuple[int, int] | None = None
    """Height and width at which the network runs; its own if left out. Images may have any size."""
    json: Path | None = None
    """Write config.json to this file, too."""
