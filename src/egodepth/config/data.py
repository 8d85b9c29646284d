"""Where the frames come from, and what a sample is made of."""

from dataclasses import dataclass
from typing import Literal

from egodepth.config.choices import TestSet
from egodepth.foundation.errors import require


@dataclass(frozen=True, kw_only=True)
class DataConfig:
    """Where the frames come from and what a sample is made of."""

    path: tuple[str, ...] = ()
    """Folders to train on: KITTI, Cityscapes, a rendered set, a folder of frames with a camera file, or one with a
    manifest (docs/manifest.md)."""
    drives: tuple[str, ...] = ("*",)
    """Glob patterns of the drives to train on."""
    split_file: str = ""
    """A published list of frames to train on (`DATE/DRIVE FRAME l|r` a line); empty: all that have their neighbours."""
    test_set: TestSet = "eigen"
    """KITTI recordings that must not be trained on: left out, and an error where they are asked for by name."""
    allow_test_drives: bool = False
    """Train on recordings of the test set all the same."""
    val_path: tuple[str, ...] = ()
    """Folders to validate on; empty: the validation split of `path`."""
    val_drives: tuple[str, ...] = ("*",)
    """Glob patterns of the drives to validate on."""
    val_frames: int = 48
    """Validation looks at this many frames, evenly spaced over all that have true depth."""
    size: tuple[int, int] = (192, 640)
    """Height and width that the network sees; multiples of 32, 64 and more."""
    store: str = ""
    """Folder for the decoded frames, made by the first epoch or beforehand by `egodepth data prepare`, and found by
    every later run at this size; empty: in memory, up to 6 GiB."""
    on_device: bool = False
    """Copy all training frames to the training device once, at the start, if half of its free memory holds them: steps
    find them there and wait for no loader. Quick with a prepared `store`. The result does not depend on it."""
    offsets: tuple[int, ...] = (-1, 1)
    """Neighbours of the target frame; empty for pure stereo."""
    stereo: bool = False
    """Use the stereo partner as a source of known pose."""
    lone_pairs: bool = False
    """With stereo, train on frames without their neighbours, too: they are compared with their partner alone."""
    poses: Literal["learned", "given", "sfm"] = "learned"
    """Where the neighbours' poses come from: the pose network; the data set, which must have them (a rendered set
    does), so that depth is in metres; or structure from motion (`sfm`), before the training begins. Of the last, the
    pose network learns, too, as other recordings need it."""
    camera: Literal["true", "kitti_average", "learned"] = "true"
    """Intrinsics: the data set's own; the one average camera that the paper takes for all of KITTI; or the data set's
    own as a first guess, whose focal length is learned with depth and poses: for video of a camera that turns, and
    to some percent. Guess rather too long than too short a focal length: from the latter it may run away."""
    nominal_baseline_m: float = 0.0
    """Take every stereo partner to be this far away; 0 takes the data set's own baseline."""
    min_motion: float = 0.0
    """Leave out frames whose image moves less than this share of its width to or from the next: 0.0004 finds a standing
    camera; 0 keeps all, as does a list, which has left them out itself."""
    zoom: float = 1.0
    """Largest zoom into a random part of the frames, the same part for all frames of a sample; the cameras follow. 1
    leaves them whole, as published; few training frames generalise better with 1.3."""
    flip: float = 0.5
    """Probability of a horizontal flip."""
    jitter: float = 0.5
    """Probability of a colour jitter."""
    jitter_strength: float = 1.0
    """Brightness, contrast and saturation change by up to a fifth, times this. 1 as published; what few training frames
    taught is found again on other roads with 2."""

    small_first: float = 0.0
    """Share of the steps that use smaller frames, of about two thirds of the size. They come first. Such a step takes
    half of the time."""
    paste: float = 0.0
    """Probability that what stands in another sample of the batch (of the same process), by its hints, is moved
    sideways and pasted in front of a sample. In few training frames cars stand only where they are parked; pasted, they
    stand everywhere, at the depth that fits."""

    def __post_init__(self) -> None:
        # 32 would leave one pixel at the coarsest stride, which reflection padding cannot extend.
        require(
            all(s >= 64 and s % 32 == 0 for s in self.size), f"data.size {self.size}: use multiples of 32, 64 and more"
        )
        require(0 not in self.offsets, "data.offsets: 0 is the target itself; use neighbours such as -1 1")
        require(bool(self.offsets) or self.stereo, "data: neither offsets nor stereo: there is nothing to learn from")
        require(
            bool(self.offsets) or self.poses == "learned",
            f"data.poses '{self.poses}' without neighbours; give data.offsets",
        )
        require(
            self.stereo or not (self.lone_pairs or self.nominal_baseline_m),
            "data.lone_pairs and data.nominal_baseline_m are for training with data.stereo",
        )
        require(
            self.camera != "learned" or (self.poses == "learned" and bool(self.offsets) and not self.stereo),
            "data.camera 'learned' is for video alone with learned poses, known ones come with a known camera: give "
            "--data.camera true",
        )
        require(0 <= self.jitter_strength <= 4, "data.jitter_strength is a factor, 0 to 4")
        require(self.nominal_baseline_m >= 0, "data.nominal_baseline_m cannot be negative")
        require(0 <= self.min_motion < 0.1, "data.min_motion is a share of the image's width: 0, or about 0.0004")
        require(1 <= self.zoom <= 4, "data.zoom is a factor, 1 to 4")
        require(0 <= self.small_first < 1, "data.small_first is a share of all steps, below 1")
        chances = (self.flip, self.jitter, self.paste)
        require(all(0 <= c <= 1 for c in chances), "data.flip, data.jitter and data.paste are probabilities, 0 to 1")

    @property
    def metric(self) -> bool:
        """Whether some source's pose is known in metres, so that depth is, too."""
        return self.stereo or self.poses == "given"

    @property
    def learned_poses(self) -> bool:
        """Whether there are neighbours whose poses a network learns: from images alone, or from known poses."""
        return bool(self.offsets) and self.poses != "given"
