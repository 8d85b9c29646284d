"""The training step by the plain formula, for comparison: the paper's text in plain torch.

The losses use plain autograd (`plain_formula`), the networks have torch's own convolutions in contiguous memory, and
Adam has its default settings. The values equal those of the step (a test compares them).
"""

from torch import Tensor

from egodepth.config import TrainConfig
from egodepth.data.batch import Batch
from egodepth.losses.fused_twin import plain_formula
from egodepth.networks.plain import as_commonly_written
from egodepth.objective import SelfSupervisedObjective, build_objective


class PlainTwin:
    """An objective with random weights and without our optimisations."""

    def __init__(self, config: TrainConfig) -> None:
        """Build the networks of a configuration with random weights."""
        self.objective: SelfSupervisedObjective = build_objective(config)
        as_commonly_written(self.objective)

    def loss(self, batch: Batch, seen: list[Tensor] | None = None) -> Tensor:
        """Return the loss of a batch, with the networks."""
        with plain_formula():
            return self.objective(batch, seen)["loss"]

    def loss_from(self, disparities: list[Tensor], poses: list[Tensor], batch: Batch) -> Tensor:
        """Return the loss of given disparities and poses."""
        with plain_formula():
            return self.objective.losses_from(disparities, poses, batch)["loss"]
