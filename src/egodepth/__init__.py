"""Self-supervised depth and ego-motion from any moving camera."""

from egodepth.geometry import Camera
from egodepth.predictor import DepthPredictor, Prediction

__all__ = ["Camera", "DepthPredictor", "Prediction"]
