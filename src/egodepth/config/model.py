"""Options of the networks."""

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
    """Name of any timm backbone with features at strides 2 to 32."""
    pretrained: bool = False
    """Start the encoders from timm's ImageNet weights: from a package (extra `clip` contains those of
    tf_efficientnet_lite0 and lite2), the model hub or its cache, or an encoder `local-dir:FOLDER`."""
    without_weights: Literal["stop", "random"] = "stop"
    """If pretrained weights are not available: stop, or print a warning and start from random weights."""
    normalisation: Literal["backbone", "monodepth2"] = field(default="backbone", metadata={"absent": "monodepth2"})
    """Mean and standard deviation by which new encoders normalise the colours: those of the backbone's pretraining, or
    .45 and .225 as published. Loaded weights and continued runs keep their own."""
    pose: Literal["separate", "shared", "posecnn"] = "separate"
    """Pose network: `separate` has an encoder of its own for the stacked pair, `shared` uses the features of the depth
    encoder, `posecnn` is Zhou's small network."""
    min_depth: float = 0.1
    max_depth: float = 100.0
    initial_disparity: float = 0.5
    """Disparity that the untrained network predicts, in (0, 1). 0.5 as published starts at twice the least depth. 0.1
    starts at ten times the least depth, which suits stereo in metres; without stereo, use depth_scaling with it."""

    def __post_init__(self) -> None:
        require(0 < self.min_depth < self.max_depth, "model: needs 0 < min_depth < max_depth")
        require(0 < self.initial_disparity < 1, "model.initial_disparity must lie between 0 and 1")
