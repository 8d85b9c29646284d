"""Configuration: frozen dataclasses, one a part, validated; `config_json` writes and reads them."""

from dataclasses import dataclass, field
from typing import Literal

from egodepth.errors import require

TestSet = Literal["eigen", "odometry", "none"]
Truth = Literal["lidar", "lidar-z", "improved"]
"""True depth of KITTI's raw drives: scans as published, along the camera's axis, or the improved maps."""
ExportFormat = Literal["onnx", "openvino", "torch"]
ExportPrecision = Literal["float32", "bfloat16", "int8"]
Predicted = Literal["disparity", "depth"]
"""What maps hold that were predicted elsewhere."""
MINIMUM_MOTION = 0.0004
"""Share of the image's width, per frame: half a pixel of KITTI's 1242.

Measured at 10 frames a second (at 30, motion is a third): a standing camera stays below 0.00025, be half of the image
full of traffic; slow traffic has 0.0014, a usual drive 0.002 to 0.007, creeping at a metre a second about 0.0005.
"""


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


@dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """The networks (Godard et al. 2019, section 3 and supplement)."""

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


@dataclass(frozen=True, kw_only=True)
class LossConfig:
    """The parts of the method; each can be set apart (Godard et al. 2019, Table 2)."""

    reprojection: Literal["minimum", "average"] = "minimum"
    """How a pixel's errors over the sources combine (eq. 4)."""
    automask: bool = True
    """Drop pixels that warping does not explain better than not warping (eq. 5)."""
    multiscale: Literal["full", "native"] = "full"
    """Compare every scale at full resolution, or each at its own size."""
    predictive_mask: bool = False
    """Zhou et al. 2017's learned mask, one channel a source; goes without automask."""
    depth_scaling: Literal["none", "median"] = "none"
    """Divide each frame's depth by its own median before it warps (adaptive depth-range scaling; mono only)."""
    ssim_weight: float = 0.85
    """Share of SSIM in the photometric error (eq. 2); 0 leaves L1 alone."""
    photometric: float = 1.0
    """Weight of the photometric loss. With 0 the network learns from hints alone; a step is faster without warping."""
    photometric_from: float = 0.0
    """Share of all steps after which the photometric loss begins. Hints search the whole range of depths and find the
    neighbourhood; the photometric loss refines what is near enough."""
    pose: float = 1.0
    """Weight of the pose network's error against known poses (`data.poses` sfm)."""
    smoothness: float = 1e-3
    """Weight of the edge-aware smoothness (eq. 3), halved at each coarser scale."""
    mask_weight: float = 0.2
    """Weight of the predictive mask's cross-entropy against 1."""

    def __post_init__(self) -> None:
        require(0 <= self.ssim_weight <= 1, "loss.ssim_weight is a share, 0 to 1")
        weights = (self.smoothness, self.mask_weight, self.photometric, self.pose)
        require(min(weights) >= 0, "loss: weights cannot be negative")
        require(0 <= self.photometric_from < 1, "loss.photometric_from is a share of all steps")
        require(not (self.predictive_mask and self.automask), "loss: predictive_mask goes with --loss.no-automask")


HintSource = Literal["sweep", "stereo", "sparse", "contact"]


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


@dataclass(frozen=True, kw_only=True)
class OptimiserConfig:
    """Adam and the learning rate as a function of the step alone."""

    learning_rate: float = 1e-4
    schedule: Literal["step", "cosine"] = "step"
    """`step`: a tenth after `drop_at` of all steps, as published; `cosine`: warm up, then down to zero. A depth network
    that waits for the poses (`pose_first`) runs the whole schedule in the steps that are left."""
    drop_at: float = 0.75
    """Where `step` drops, as a share of all steps."""
    warmup: float = 0.05
    """Where `cosine` peaks, as a share of all steps."""
    pose_first: float = 0.0
    """Share of all steps in which the pose network learns alone and without the auto-mask; for random weights. The
    auto-mask rewards any warp at first, right or wrong (the better of two views is better than one), and Adam makes
    full steps of the depth network's first, meaningless gradients: poses and depth may settle there (LOG.md)."""
    weight_decay: float = 0.0
    encoder_rate: float = 1.0
    """Learning rate of the depth encoder, times that of its decoder. Below 1, few frames leave more of what pretrained
    weights (or those of `init_from`) know about other images. 0: they stay as they are, batch-norm statistics included,
    and a step takes a third less time; an encoder of random weights learns like the rest."""
    focal_rate: float = 10.0
    """Learning rate of a learned focal length's logarithm (`data.camera`), times that of the depth network; with 1 it
    hardly moves in a short training."""

    def __post_init__(self) -> None:
        require(self.focal_rate > 0, "optimiser.focal_rate must be positive")
        require(self.encoder_rate >= 0, "optimiser.encoder_rate cannot be negative")
        require(self.learning_rate > 0, "optimiser.learning_rate must be positive")
        require(self.weight_decay >= 0, "optimiser.weight_decay cannot be negative")
        require(
            0 <= self.drop_at <= 1 and 0 <= self.warmup < 1 and 0 <= self.pose_first < 1,
            "optimiser: drop_at, warmup and pose_first are shares of all steps",
        )


@dataclass(frozen=True, kw_only=True)
class TrainerConfig:
    """Length, seed and housekeeping of a run."""

    steps: int = 1000
    batch_size: int = 12
    seed: int = 0
    workers: int = 0
    """Processes that load data; 0 loads in the main process. The result does not depend on it."""
    worker_patience: int = 300
    """Seconds that a batch may take before the process that loads it counts as hanging, and others begin anew; 0: for
    ever."""
    device: str = ""
    """`cpu`, `cuda`, ...; empty picks the GPU if there is one."""
    precision: Literal["float32", "bfloat16", "auto"] = "float32"
    """Of the networks' convolutions; geometry and losses are always float32. bfloat16 is faster where the processor has
    matrix units for it (GPUs, Intel AMX), slower elsewhere; auto takes it there, and the run folder says what it took.
    """
    compile: Literal["none", "losses", "all"] = "none"
    """Let torch.compile translate the warp and the losses, or these and the networks, for this machine: to the same
    values but for rounding, after up to some minutes in the first step (once a machine: translations are kept). For
    long runs on GPUs; on a processor `none` is faster, whose losses are loops in C that a translation leaves out. A run
    keeps to one setting."""
    shared_statistics: bool = True
    """Of several processes (torchrun): normalise by the statistics of the whole batch, so that the run is the same
    whatever their number. Else each goes by its own part, which is faster where the network between them is slow."""
    clean_statistics: int = 0
    """Measure the batch statistics of every model that is kept anew, on this many training frames without jitter; 0
    keeps those of the training, as published. After a strong jitter they are those of other images."""
    log_every: int = 10
    validate_every: int = 250
    checkpoint_every: int = 250
    keep_checkpoints: int = 2
    panels_every: int = 250

    def __post_init__(self) -> None:
        positive = (
            "steps",
            "batch_size",
            "log_every",
            "validate_every",
            "checkpoint_every",
            "keep_checkpoints",
            "panels_every",
        )
        for name in positive:
            require(getattr(self, name) > 0, f"trainer.{name} must be at least 1")
        for name in ("workers", "worker_patience", "seed", "clean_statistics"):
            require(getattr(self, name) >= 0, f"trainer.{name} cannot be negative")


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
"""Fields that the weights of a run that has begun do not depend on: they may change when it goes on."""


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
    """A model folder or run whose weights training starts from."""

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
            "data.paste needs hints, which say what stands where, and no teacher, whose depth has another unit in each "
            "frame: leave it at 0",
        )
        require(
            hints.enabled or self.loss.photometric > 0,
            "loss.photometric 0 without hints: there is nothing to learn from; give --hints.sources",
        )
        require(
            self.loss.depth_scaling == "none" or data.poses == "learned",
            "loss.depth_scaling 'median' is for learned poses, known ones fix the scale: --loss.depth-scaling none",
        )
        require(
            self.loss.depth_scaling == "none" or not self.data.metric,
            "loss.depth_scaling 'median' is for mono training, a known pose already fixes the scale: give "
            "--loss.depth-scaling none",
        )
