"""Self-supervised depth and ego-motion from any moving camera."""

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # at run time they are imported when they are asked for: torch takes seconds
    from egodepth.geometry import Camera
    from egodepth.inference.depth_pipeline import pipeline
    from egodepth.inference.predictor import DepthPredictor, Prediction

from egodepth.foundation import errors

sys.modules[f"{__name__}.errors"] = errors  # `from egodepth.errors import InputError` is for programs outside

__all__ = ["Camera", "DepthPredictor", "Prediction", "pipeline"]
_MODULES = {
    "Camera": "egodepth.geometry",
    "DepthPredictor": "egodepth.inference.predictor",
    "Prediction": "egodepth.inference.predictor",
    "pipeline": "egodepth.inference.depth_pipeline",
}


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return getattr(import_module(_MODULES[name]), name)
    raise AttributeError(f"module 'egodepth' has no attribute '{name}'")
