"""What supervises depth besides the photometric loss."""

from dataclasses import dataclass
from typing import Literal

from egodepth.config.choices import HintSource
from egodepth.foundation.errors import require


@dataclass(frozen=True, kw_only=True)
class HintConfig:
    """What is known of the frames' depth before any training (Watson et al. 2019). Off: the method of the paper."""

    sources: tuple[HintSource, ...] = ()
    """Where hints come from: a plane sweep over neighbouring frames of known pose (`sweep`), semi-global matching
    between the stereo pair (`stereo`), the sparse points of structure from motion (`sparse`), and, beside `sweep`, the
    place where a vehicle that moves along with a mounted camera touches the road (`contact`). Where two know a pixel,
    the later one counts, and `contact` before all. Empty: no hints."""
    rule: Literal["better", "always"] = "better"
    """`better`: a hint counts only where it explains the pixel better than the network does, by the photometric error
    (Watson et al. 2019); `always`: plain supervision."""
    weight: float = 1.0
    """Weight of the hints' error, |log depth - log hint|."""
    weight_end: float = 1.0
    """What that weight is multiplied by at the end of the training; in between it changes evenly with the step."""
    gradient_weight: float = 0.0
    """Weight of the gradient matching loss (Li and Snavely 2018), times `weight`. The loss compares log depth - log
    hint of pixels that are 1, 2, 4 and 8 apart. Objects become clearer with it."""
    road_weight: float = 0.2
    """Weight of the loss for depth that lies under the road, log depth - log depth of the road; `weight_end` multiplies
    it, too. Where hints come from neighbouring frames and the camera is mounted, they show a road, and nothing can be
    farther. Plain asphalt has no other hint."""
    store: str = ""
    """Folder for maps and hints, which are made once; made beforehand by `egodepth data hints`. Empty: `hints` beside
    the frame store, or in the user's cache."""
    teacher: str = ""
    """A depth model whose shape of depth is learned, too: a hub id or folder for transformers' depth estimation (needs
    `pip install 'egodepth[teacher]'`), or a model of ours. Its scale and shift are not taken."""
    teacher_weight: float = 0.1
    """Weight of the teacher's error, after scale and shift."""
    teacher_weight_end: float = 0.5
    """What that weight is multiplied by at the end of the training."""

    def __post_init__(self) -> None:
        hints = (self.weight, self.weight_end, self.gradient_weight, self.road_weight)
        require(min(*hints, self.teacher_weight, self.teacher_weight_end) >= 0, "hints: weights cannot be negative")
        require(len(set(self.sources)) == len(self.sources), "hints.sources: each source once")
        if "contact" in self.sources:
            require("sweep" in self.sources, "hints.sources: contact needs sweep")
            require("stereo" not in self.sources, "hints.sources: stereo sees vehicles by itself; leave contact out")

    @property
    def enabled(self) -> bool:
        """Whether anything but images teaches the network."""
        return bool(self.sources or self.teacher)

    @property
    def needs_neighbours(self) -> bool:
        """Whether some hints come from neighbouring frames and their poses."""
        return "sweep" in self.sources or "sparse" in self.sources
