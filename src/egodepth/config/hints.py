"""Options of the supervision besides the photometric loss."""

from dataclasses import dataclass
from typing import Literal

from egodepth.config.choices import HintSource
from egodepth.foundation.errors import require


@dataclass(frozen=True, kw_only=True)
class HintConfig:
    """Depth that is known before training (depth hints, Watson et al. 2019). Without sources: the paper's method."""

    sources: tuple[HintSource, ...] = ()
    """Sources of hints. `sweep`: a plane sweep over neighbouring frames of known pose. `stereo`: semi-global matching
    of the stereo pair. `sparse`: the sparse points of structure from motion. `contact`, which needs `sweep`: the place
    where a vehicle that moves along with a mounted camera touches the road. If two sources know a pixel, the later one
    is used, but `contact` has priority. Empty: no hints."""
    rule: Literal["better", "always"] = "better"
    """`better`: a hint is used only where its photometric error is lower than that of the network's depth (Watson et
    al. 2019). `always`: plain supervision."""
    weight: float = 1.0
    """Weight of the hint loss, |log depth - log hint|."""
    weight_end: float = 1.0
    """Factor on `weight` at the end of training. The factor starts at 1 and changes linearly with the step."""
    gradient_weight: float = 0.0
    """Weight of the gradient matching loss (Li and Snavely 2018), times `weight`. The loss compares log depth - log
    hint of pixels that are 1, 2, 4 and 8 apart. It makes objects sharper."""
    road_weight: float = 0.2
    """Weight of the loss for depth below the road, log depth - log depth of the road. `weight_end` multiplies it, too.
    The road is known where hints come from neighbouring frames and the camera is mounted; no depth can be beyond it.
    Plain asphalt has no other hint."""
    store: str = ""
    """Folder for maps and hints, which are computed once; `egodepth data hints` writes it beforehand. Empty: `hints`
    beside the frame store, or in the user's cache."""
    teacher: str = ""
    """A depth model that teaches the shape of depth: a hub id or folder for transformers' depth estimation (needs `pip
    install 'egodepth[teacher]'`), or a model of egodepth. Its scale and shift are not used."""
    teacher_weight: float = 0.1
    """Weight of the teacher loss, after alignment of scale and shift."""
    teacher_weight_end: float = 0.5
    """Factor on `teacher_weight` at the end of training."""

    def __post_init__(self) -> None:
        hints = (self.weight, self.weight_end, self.gradient_weight, self.road_weight)
        require(min(*hints, self.teacher_weight, self.teacher_weight_end) >= 0, "hints: weights cannot be negative")
        require(len(set(self.sources)) == len(self.sources), "hints.sources: each source once")
        if "contact" in self.sources:
            require("sweep" in self.sources, "hints.sources: contact needs sweep")
            require("stereo" not in self.sources, "hints.sources: stereo sees vehicles by itself; leave contact out")

    @property
    def enabled(self) -> bool:
        """Whether hints or a teacher supervise the network besides the images."""
        return bool(self.sources or self.teacher)

    @property
    def needs_neighbours(self) -> bool:
        """Whether some hints come from neighbouring frames and their poses."""
        return "sweep" in self.sources or "sparse" in self.sources
