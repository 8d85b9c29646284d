"""The networks."""

from dataclasses import dataclass, field
from typing import Literal

from egodepth.foundation.errors import require


@dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """The networks (Godard et al. 2019, section 3 and supplement)."""

    network: str = "unet"
    """Depth network: `unet` as published, `dpt` for encoders that are vision transformers, or one that you add
    (docs/extending.md)."""
    encoder: str = "resnet18"
    """Any timm backbone with features at strides 2 to 32."""
    pretrained: bool = False
    """Start the encoders from the weights that timm knows for them, learned on ImageNet: from a package (extra `clip`
    has those of tf_efficientnet_lite0 and lite2), the model hub or its cache, or an encoder `local-dir:FOLDER`."""
    without_weights: Literal["stop", "random"] = "stop"
    """What to do where pretrained weights are not to be had: stop, or say so and start from random ones."""
    normalisation: Literal["backbone", "monodepth2"] = field(default="backbone", metadata={"absent": "monodepth2"})
    """What the encoders of new weights take for mean and standard deviation of the colours: those that the backbone was
    trained with, or .45 and .225 as published. Weights to start from, and a run that goes on, keep their own."""
    pose: Literal["separate", "shared", "posecnn"] = "separate"
    """Pose network: own encoder on the stacked pair, the depth encoder's features, or Zhou's small network."""
    min_depth: float = 0.1
    max_depth: float = 100.0
    initial_disparity: float = 0.5
    """What the untrained network predicts, in (0, 1). 0.5 as published starts at twice the nearest possible depth; 0.1
    at ten times, with room for what is near, as stereo in metres needs; video alone needs depth_scaling with it."""

    def __post_init__(self) -> None:
        require(0 < self.min_depth < self.max_depth, "model: needs 0 < min_depth < max_depth")
        require(0 < self.initial_disparity < 1, "model.initial_disparity must lie between 0 and 1")
