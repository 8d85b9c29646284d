"""The configuration of a run."""

from dataclasses import dataclass, field

from egodepth.config.data import DataConfig
from egodepth.config.hints import HintConfig
from egodepth.config.loss import LossConfig
from egodepth.config.model import ModelConfig
from egodepth.config.optimiser import OptimiserConfig
from egodepth.config.trainer import TrainerConfig
from egodepth.foundation.errors import require

HOUSEKEEPING = (
    "data.store",
    "data.on_device",
    "hints.store",
    "model.without_weights",
    "trainer.workers",
    "trainer.worker_patience",
    "trainer.device",
    "trainer.log_every",
    "trainer.validate_every",
    "trainer.checkpoint_every",
    "trainer.keep_checkpoints",
    "trainer.panels_every",
)
"""Fields that do not change the weights of a run. They may change when the run is continued."""


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """Everything that determines a run."""

    data: DataConfig = field(default_factory=DataConfig)
    model: ModelConfig = field(default_factory=ModelConfig)
    loss: LossConfig = field(default_factory=LossConfig)
    hints: HintConfig = field(default_factory=HintConfig)
    optimiser: OptimiserConfig = field(default_factory=OptimiserConfig)
    trainer: TrainerConfig = field(default_factory=TrainerConfig)
    init_from: str = ""
    """Model folder or run with the initial weights."""

    def __post_init__(self) -> None:
        require(
            self.optimiser.pose_first == 0 or self.data.learned_poses,
            "optimiser.pose_first: there are no poses to learn; leave it at 0",
        )
        data, hints = self.data, self.hints
        require(
            "stereo" not in hints.sources or data.stereo,
            "hints.sources 'stereo' needs the stereo partner: give --data.stereo, or leave it out",
        )
        require(
            not hints.needs_neighbours or bool(data.offsets),
            "hints.sources 'sweep' and 'sparse' need neighbours: give --data.offsets, or 'stereo'",
        )
        require(
            not data.paste or (bool(hints.sources) and not hints.teacher),
            "data.paste needs hints, which tell where objects are, and no teacher, whose depth has a different unit "
            "in each frame: leave it at 0",
        )
        require(
            hints.enabled or self.loss.photometric > 0,
            "loss.photometric 0 without hints: there is nothing to learn from; give --hints.sources",
        )
        require(
            self.loss.depth_scaling == "none" or data.poses == "learned",
            "loss.depth_scaling 'median' is for learned poses, because known poses fix the scale: "
            "--loss.depth-scaling none",
        )
        require(
            self.loss.depth_scaling == "none" or not self.data.metric,
            "loss.depth_scaling 'median' is for mono training, because a known pose already fixes the scale: give "
            "--loss.depth-scaling none",
        )
