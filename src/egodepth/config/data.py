"""Options of the training data: sources of the frames, and contents of a sample."""

from dataclasses import dataclass
from typing import Literal

from egodepth.config.choices import TestSet
from egodepth.foundation.errors import require


@dataclass(frozen=True, kw_only=True)
class DataConfig:
    """Sources of the frames, and contents of a sample."""

    path: tuple[str, ...] = ()
    """Folders to train on: KITTI, Cityscapes, a rendered set, a folder of frames with a camera file, or a folder with a
    manifest (docs/manifest.md)."""
    drives: tuple[str, ...] = ("*",)
    """Glob patterns of the drives to train on."""
    split_file: str = ""
    """A published list of frames to train on (`DATE/DRIVE FRAME l|r` a line). Empty: all frames that have neighbours.
    """
    test_set: TestSet = "eigen"
    """KITTI recordings of this test set are left out of training. Asking for one by name is an error."""
    allow_test_drives: bool = False
    """Train on recordings of the test set nevertheless."""
    val_path: tuple[str, ...] = ()
    """Folders to validate on. Empty: the validation split of `path`."""
    val_drives: tuple[str, ...] = ("*",)
    """Glob patterns of the drives to validate on."""
    val_frames: int = 48
    """Number of validation frames, evenly spaced over all frames that have true depth."""
    size: tuple[int, int] = (192, 640)
    """Height and width of the network's input: multiples of 32, at least 64."""
    store: str = ""
    """Folder for decoded frames. The first epoch writes it, or `egodepth data prepare` beforehand; every later run at
    this size reads it. Empty: in memory, up to 6 GiB."""
    on_device: bool = False
    """Copy all training frames to the training device once, at the start, if they fit into half of its free memory.
    Steps then wait for no loader. Starts quickly with a prepared `store`. The result does not depend on it."""
    offsets: tuple[int, ...] = (-1, 1)
    """Offsets of the neighbours from the target frame, in frames. Empty: pure stereo."""
    stereo: bool = False
    """Use the stereo partner as a source of known pose."""
    lone_pairs: bool = False
    """With stereo, also train on frames without their neighbours. They are compared with their partner alone."""
    poses: Literal["learned", "given", "sfm"] = "learned"
    """Origin of the neighbours' poses. `learned`: the pose network. `given`: the data set (a rendered set has poses);
    depth is then in metres. `sfm`: structure from motion, before training begins; the pose network learns from these
    poses, because other recordings need it."""
    camera: Literal["true", "kitti_average", "learned"] = "true"
    """Intrinsics. `true`: those of the data set. `kitti_average`: the one average camera that the paper uses for all of
    KITTI. `learned`: the focal length is learned with depth and poses, starting from the data set's; for video of a
    camera that turns, accurate to some percent. Start with a focal length that is too long, not too short: too short a
    start may diverge."""
    nominal_baseline_m: float = 0.0
    """Assume this baseline in metres for every stereo partner. 0: the data set's own baseline."""
    min_motion: float = 0.0
    """Leave out frames whose image moves by less than this share of its width to the previous or the next frame. 0.0004
    finds a standing camera; 0 keeps all. Ignored with `split_file`: published lists have left out such frames."""
    zoom: float = 1.0
    """Largest zoom into a random part of the frames. It is the same part for all frames of a sample, and the cameras
    follow. 1: no zoom, as published. With few training frames, 1.3 generalises better."""
    flip: float = 0.5
    """Probability of a horizontal flip."""
    jitter: float = 0.5
    """Probability of a colour jitter."""
    jitter_strength: float = 1.0
    """Factor on the colour jitter: brightness, contrast and saturation change by up to a fifth, times this. 1: as
    published. With few training frames, 2 generalises better to other roads."""

    small_first: float = 0.0
    """Share of the steps, at the start, that use smaller frames of about two thirds of the size. Such a step takes half
    of the time."""
    paste: float = 0.0
    """Probability that objects of another sample of the batch are pasted in front of a sample, moved sideways. The
    hints tell which pixels are objects, and the process takes them from its own part of the batch. In few training
    frames, cars stand only where they park; pasted, they appear everywhere, at a depth that fits."""

    def __post_init__(self) -> None:
        # With 32, the coarsest stride would have one pixel, which reflection padding cannot extend.
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
            "data.camera 'learned' is for video without stereo and with learned poses, because known poses come with "
            "a known camera: give --data.camera true",
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
        """Whether the pose of some source is known in metres, so that depth is in metres."""
        return self.stereo or self.poses == "given"

    @property
    def learned_poses(self) -> bool:
        """Whether a network learns the neighbours' poses: from images alone, or from known poses."""
        return bool(self.offsets) and self.poses != "given"
