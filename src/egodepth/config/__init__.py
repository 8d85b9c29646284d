"""Configuration: frozen dataclasses, one file each. `strict_json` reads and writes them; `recipes` holds named ones."""

from egodepth.config.choices import MINIMUM_MOTION, ExportFormat, ExportPrecision, HintSource, Predicted, TestSet, Truth
from egodepth.config.data import DataConfig
from egodepth.config.hints import HintConfig
from egodepth.config.loss import LossConfig
from egodepth.config.model import ModelConfig
from egodepth.config.optimiser import OptimiserConfig
from egodepth.config.train import HOUSEKEEPING, TrainConfig
from egodepth.config.trainer import TrainerConfig

__all__ = [
    "HOUSEKEEPING",
    "MINIMUM_MOTION",
    "DataConfig",
    "ExportFormat",
    "ExportPrecision",
    "HintConfig",
    "HintSource",
    "LossConfig",
    "ModelConfig",
    "OptimiserConfig",
    "Predicted",
    "TestSet",
    "TrainConfig",
    "TrainerConfig",
    "Truth",
]
