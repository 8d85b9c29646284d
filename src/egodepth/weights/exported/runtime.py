"""Run exported models on the CPU, from any number of threads."""

import threading
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, UInt8

from egodepth.config import ExportFormat, ExportPrecision
from egodepth.foundation.errors import InputError
from egodepth.weights import DepthModel, ModelCard, load_strictly, read_tensors
from egodepth.weights.exported.card import read_card
from egodepth.weights.exported.packages import optional_package
from egodepth.weights.exported.signals import own_signal_stack

MODEL_FILES: dict[ExportFormat, str] = {"onnx": "model.onnx", "openvino": "model.xml", "torch": "model.safetensors"}
"""File to open in a folder."""

Run = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]
_SHAPES_KEPT = 4
"""Number of image shapes whose compiled OpenVINO models are kept. One takes about as much memory as the weights."""


class ExportedModel:
    """An opened exported model: 8-bit images in, depth and inverse depth out. Several threads may call it."""

    def __init__(self, card: ModelCard, run: Run) -> None:
        """Wrap the function that runs the model."""
        self.card = card
        self._run = run

    def __call__(
        self, images: UInt8[np.ndarray, "b h w 3"]
    ) -> tuple[Float[np.ndarray, "b h w"], Float[np.ndarray, "b h w"]]:
        """Return depth and inverse depth of RGB images, at their own size."""
        depth, inverse_depth = self._run(np.ascontiguousarray(images))
        return depth, inverse_depth


def load_exported(folder: Path) -> DepthModel | ExportedModel:
    """Open an export folder. An export for torch is an ordinary model, read from its safetensors.

    Raises:
        InputError: it is damaged or of another format, or the package that runs it is not installed.
    """
    card = read_card(folder)
    file = folder / MODEL_FILES[card.kind]
    if card.kind == "torch":
        model = DepthModel(card.model)
        load_strictly(model, read_tensors(file), file)
        return model.eval()
    return ExportedModel(card.model, open_file(file, card.kind, card.precision))


def open_file(file: Path, kind: ExportFormat, precision: ExportPrecision) -> Run:
    """Return the function that runs a model file, with torch's number of threads.

    Raises:
        InputError: its package is missing or cannot read the file.
    """
    package = optional_package("onnxruntime" if kind == "onnx" else "openvino")
    try:
        with own_signal_stack():
            return _onnx(package, file) if kind == "onnx" else _OpenVino(package, file, precision)
    # Each runtime has its own exceptions, some derived directly from Exception.
    except Exception as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise InputError(f"{file}: {package.__name__} cannot read it ({reason}); export the model again") from error


def _onnx(package: Any, file: Path) -> Run:
    options = package.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    session = package.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])

    def run(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        depth, inverse_depth = session.run(["depth", "inverse_depth"], {"images": images})
        return depth, inverse_depth

    return run


class _OpenVino:
    """A model compiled for each image shape (0.3 s), which is a fifth faster than one for all shapes.

    The resize matrices also become constants, computed in float32 whatever the precision of the rest. A bfloat16 model
    runs in float32 on a CPU without units for bfloat16.
    """

    def __init__(self, package: Any, file: Path, precision: ExportPrecision) -> None:
        self._core: Any = package.Core()
        self._file = file
        has_bfloat16 = "BF16" in self._core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
        self._options = {
            # By default, OpenVINO computes float32 models in bfloat16 on a CPU with units for it.
            "INFERENCE_PRECISION_HINT": "bf16" if precision == "bfloat16" and has_bfloat16 else "f32",
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_NUM_THREADS": torch.get_num_threads(),
        }
        self._core.read_model(file)  # finds a damaged file now
        self._lock = threading.Lock()
        self._compiled = lru_cache(_SHAPES_KEPT)(self._compile)
        self._own = threading.local()

    def __call__(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        # A request belongs to one thread; compiled models may be shared.
        if not hasattr(self._own, "request"):
            self._own.request = lru_cache(_SHAPES_KEPT)(self._request)
        with own_signal_stack():
            results = self._own.request(images.shape).infer({"images": images}, share_inputs=True)
        return results["depth"], results["inverse_depth"]

    def _request(self, shape: tuple[int, ...]) -> Any:
        with self._lock:
            return self._compiled(shape).create_infer_request()

    def _compile(self, shape: tuple[int, ...]) -> Any:
        model = self._core.read_model(self._file)
        model.reshape(shape)
        return self._core.compile_model(model, "CPU", self._options)
