"""The values that flow from data to the objective: NamedTuples of tensors, so torch collates, pins and exports them."""

from typing import NamedTuple

from jaxtyping import Bool, Float, Int64
from torch import Tensor

from egodepth.geometry.camera import Camera


class View(NamedTuple):
    """Images in [0, 1] and their cameras."""

    image: Float[Tensor, "b 3 h w"]
    camera: Camera


class RigView(NamedTuple):
    """A view whose pose is known."""

    view: View
    source_from_target: Float[Tensor, "b 4 4"]
    """Metres."""


class Hints(NamedTuple):
    """What is known of the targets' depth before the training (Watson et al. 2019)."""

    inverse_depth: Float[Tensor, "b h w"]
    """0 where nothing is known."""
    weight: Float[Tensor, "b h w"]
    """How much the hint of a pixel counts; 0 where there is none."""
    unit: Int64[Tensor, " b"]
    """Number of the unit of length that a sample's hints and poses are in; 0: the network's own, -1: not known."""
    teacher: Float[Tensor, "b h w"]
    """A teacher's inverse depth, up to scale and shift; of no rows where there is no teacher."""
    road: Float[Tensor, "b h w"]
    """Inverse depth of the road: nothing can be farther. 0 where it is not judged; of no rows where there is none."""


class Batch(NamedTuple):
    """What one training step sees. Images are clean: the jittered ones travel beside it."""

    target: View
    neighbours: list[View]
    """In the order of `DataConfig.offsets`; their poses are estimated. Empty where those are given."""
    rig: list[RigView]
    """Views of known pose: neighbours of given pose first, then the stereo partner; empty for mono training."""
    present: Bool[Tensor, "b m"] | None = None
    """Which of the first m sources (neighbours, then rig) exist; None: all. The others hold the target's image."""
    hints: Hints | None = None
    """None where there are none to learn from."""


class DepthSample(NamedTuple):
    """One image with its true depth, for evaluation."""

    name: str
    """Unique in its data set, e.g. `2011_09_26_drive_0052_sync/image_02/0000000004`."""
    image: Float[Tensor, "3 h w"]
    depth: Float[Tensor, "hg wg"]
    """Metres along the axis, 0 = unknown, at its own size."""
    masks: dict[str, Bool[Tensor, "hg wg"]]
    """Named parts of the image (`moving`, `occluded`, `textureless`); empty where the data set has none."""
