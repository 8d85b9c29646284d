"""Weights on disk: model folders, and the import of published weights."""

from egodepth.weights.folder import (
    DepthModel,
    MetricScale,
    ModelCard,
    holds_a_model_alone,
    initialise_from,
    load_card,
    load_model,
    load_strictly,
    model_folder,
    read_tensors,
    replace_folder,
    rewrite_card,
)
from egodepth.weights.monodepth2 import import_monodepth2
from egodepth.weights.other_cameras import cameras_of, other_lens, other_shape, usual_focal
from egodepth.weights.pretrained import EncoderWeights, NoWeightsError, find_encoder_weights

__all__ = [
    "DepthModel",
    "EncoderWeights",
    "MetricScale",
    "ModelCard",
    "NoWeightsError",
    "cameras_of",
    "find_encoder_weights",
    "holds_a_model_alone",
    "import_monodepth2",
    "initialise_from",
    "load_card",
    "load_model",
    "load_strictly",
    "model_folder",
    "other_lens",
    "other_shape",
    "read_tensors",
    "replace_folder",
    "rewrite_card",
    "usual_focal",
]
