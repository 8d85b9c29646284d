"""The types that flow from data to the objective: NamedTuples of tensors, so torch collates, pins and exports them."""

from typing import NamedTuple

from jaxtyping import Bool, Float, Int64
from torch import Tensor

from egodepth.geometry.camera import Camera


class View(NamedTuple):
    """Images in [0, 1] and their cameras."""

    image: Float[Tensor, "b 3 h w"]
    camera: Camera


class RigView(NamedTuple):
    """A view of known pose."""

    view: View
    source_from_target: Float[Tensor, "b 4 4"]
    """Pose in metres."""


class Hints(NamedTuple):
    """Depth of the targets that is known before training (Watson et al. 2019)."""

    inverse_depth: Float[Tensor, "b h w"]
    """Zero where the depth is unknown."""
    weight: Float[Tensor, "b h w"]
    """Weight of the hint of each pixel; 0 where there is no hint."""
    unit: Int64[Tensor, " b"]
    """Number of the unit of length of a sample's hints and poses. 0: the network's own unit, -1: unknown."""
    teacher: Float[Tensor, "b h w"]
    """Inverse depth of a teacher, up to scale and shift; zero rows without a teacher."""
    road: Float[Tensor, "b h w"]
    """Inverse depth of the road, the farthest possible depth. 0 where the road is unknown; zero rows without a road."""


class Batch(NamedTuple):
    """The input of one training step. Images are clean; the jittered ones are passed beside the batch."""

    target: View
    neighbours: list[View]
    """In the order of `DataConfig.offsets`. Their poses are estimated. Empty if their poses are given."""
    rig: list[RigView]
    """Views of known pose: first neighbours of given pose, then the stereo partner. Empty for monocular training."""
    present: Bool[Tensor, "b m"] | None = None
    """Which of the first m sources (neighbours, then rig) exist; None: all. Missing sources hold the target's image."""
    hints: Hints | None = None
    """None without hints."""


class DepthSample(NamedTuple):
    """One image with its true depth, for evaluation."""

    name: str
    """Unique name within the data set, e.g. `2011_09_26_drive_0052_sync/image_02/0000000004`."""
    image: Float[Tensor, "3 h w"]
    depth: Float[Tensor, "hg wg"]
    """Metres along the axis, 0 = unknown, at the size of the ground truth."""
    masks: dict[str, Bool[Tensor, "hg wg"]]
    """Named image regions (`moving`, `occluded`, `textureless`); empty if the data set has none."""
