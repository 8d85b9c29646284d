"""Options of an export."""

from dataclasses import dataclass
from pathlib import Path

from tyro.conf import Positional

from egodepth.config import ExportFormat, ExportPrecision
from egodepth.inference.scoring.options import DepthBenchmark


@dataclass(frozen=True)
class ExportOptions:
    """The model, the runtime, and the checks of the result."""

    model: Positional[str]
    """A run folder, a model folder or a hub id."""
    out: Path
    """Output folder for the model and config.json, which records the checks."""
    format: ExportFormat = "onnx"
    """Format of the export. onnx and openvino: for these runtimes. torch: model.pt2 for programs without egodepth, and
    the weights as safetensors. Loading a .pt2 file executes its content, so load only your own."""
    precision: ExportPrecision = "float32"
    """Number type of the computation: float32, or (openvino) bfloat16, for CPUs with units for it, or int8."""
    calibrate: Path | None = None
    """Data for int8 calibration: its training frames show the range of values."""
    calibration_frames: int = 200
    """Number of calibration frames, evenly spaced."""
    images: tuple[Path, ...] = ()
    """Images for the comparison, besides random ones."""
    evaluate: Path | None = None
    """Data to measure the loss of accuracy on, with --benchmark."""
    benchmark: DepthBenchmark = "synthetic"
    """Which frames and pixels of --evaluate count. All existing frames of the benchmark are used."""
    limit: int | None = None
    """Evaluate on this many frames, evenly spaced."""
    size: tuple[int, int] | None = None
    """Height and width at which the network runs. Left out: the size of its training. Images may have any size."""
    json: Path | None = None
    """Also write config.json to this file."""
