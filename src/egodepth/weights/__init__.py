"""Weights on disk: model folders, and the import of published ones."""

from egodepth.weights.folder import (
    DepthModel,
    MetricScale,
    ModelCard,
    initialise_from,
    load_model,
    load_strictly,
    read_tensors,
    replace_folder,
    rewrite_card,
)
from egodepth.weights.monodepth2 import import_monodepth2

__all__ = [
    "DepthModel",
    "MetricScale",
    "ModelCard",
    "import_monodepth2",
    "initialise_from",
    "load_model",
    "load_strictly",
    "read_tensors",
    "replace_folder",
    "rewrite_card",
]
