"""Options of `egodepth video`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tyro.conf import Positional

from egodepth.config import DataConfig
from egodepth.foundation.errors import require
from egodepth.video.scene.settings import SceneFormat

Way = Literal["auto", "sfm", "learned", "stated"]


@dataclass(frozen=True, kw_only=True)
class VideoOptions:
    """The clips, and how to process them."""

    clips: Positional[tuple[Path, ...]]
    """Videos of any format, or folders of frames."""
    out: Path
    """Output folder."""
    camera: Path | None = None
    """Camera file: camera.json, or one of OpenCV, ROS, COLMAP, KITTI, Kalibr, ORB-SLAM and others (docs/cameras.md). A
    camera file beside the frames of a folder is found by itself."""
    fov_deg: float | None = None
    """Horizontal field of view in degrees, if you know it. With --find-camera, the search starts with it."""
    intrinsics: tuple[float, float, float, float] | None = None
    """fx fy cx cy in pixels of the clip's frames."""
    find_camera: Way | None = None
    """How to find the camera if it is not given. auto (default): by structure from motion; if that fails, --fov-deg, or
    learned in training; if the clip has no information on it, 60 degrees, with a message. sfm: by structure from
    motion. learned: in training. stated: use --fov-deg, or 60."""
    model: str | None = None
    """Do not train: use this run folder, model folder or hub id. Its pose network gives the trajectory."""
    init_from: str | None = None
    """Start training from this model's weights, which makes it shorter."""
    encoder: str | None = None
    """Backbone of the network: the name of any timm model, such as resnet18. Left out: tf_efficientnet_lite2 (lite0 if
    images alone teach)."""
    weights: Literal["pretrained", "random"] | None = None
    """Initial weights of the backbone. pretrained: ImageNet weights. random: random weights. Left out: ImageNet
    weights, or random ones if these are not available."""
    size: tuple[int, int] | None = None
    """Height and width of the network's input, multiples of 32. Left out: the clip's shape, with about 31,000 pixels on
    a processor (15,000 if images alone teach) and 123,000 on a GPU."""
    steps: int | None = None
    """Number of training steps. Left out: 470, or 2200 if images alone teach; about half of it from given weights."""
    height_m: float | None = None
    """Height of the camera over a level road, in metres. All results are then in metres, with an error bar."""
    speed_mps: float | None = None
    """Speed of the camera in m/s, if it was constant. All results are then in metres, with an error bar."""
    longest: int = 1280
    """Longer side of the processed frames in pixels. Smaller clips keep their size."""
    files: tuple[Literal["png", "npz"], ...] = ("png", "npz")
    """Files to write for each frame; `--files` alone: none."""
    steady: bool = True
    """Filter depth over time along the camera's motion, which reduces flicker. Edges and moving objects are left."""
    cloud: bool = True
    """Fuse the depth of all frames into a point cloud."""
    rerun: bool = False
    """Also write recording.rrd, all results on one timeline for the rerun viewer. Needs `pip install
    'egodepth[rerun]'`."""
    scene: tuple[SceneFormat, ...] = ()
    """Also write these formats for other programs into OUT/NAME/FORMAT, as `egodepth scene` does."""
    keep: bool = False
    """Keep OUT/work: the data of single frames before they were brought to one scale."""
    seed: int = 0
    """Random seed."""
    device: str = ""
    """`cpu`, `cuda`, ... Left out: the GPU if there is one."""
    json: Path | None = None
    """Also write the figures of the report to this JSON file."""

    def __post_init__(self) -> None:
        require(len(self.clips) > 0, "video: name a video or a folder of frames")
        named: dict[str, Path] = {}
        for clip in self.clips:
            if other := named.setdefault(clip_name(clip), clip):
                require(other is clip, f"{clip}: same name as {other}; rename one of them")
        given = [self.camera is not None, self.intrinsics is not None]
        given.append(self.fov_deg is not None and self.find_camera is None)
        require(sum(given) <= 1, "video: give one of --camera, --fov-deg and --intrinsics")
        require(
            not (any(given) and self.find_camera),
            "video: --find-camera is for a camera that is not given; leave it out",
        )
        require(self.fov_deg is None or 12 <= self.fov_deg <= 135, f"--fov-deg {self.fov_deg}: 12 to 135 are possible")
        require(self.steps is None or self.steps > 0, f"--steps {self.steps}: at least 1")
        DataConfig(size=self.size or (64, 64))  # says what is wrong with a size
        require(self.longest >= 64, f"--longest {self.longest}: frames that small show nothing; 640 or more is usual")
        require(
            not self.scene or (self.cloud and "npz" in self.files),
            "--scene needs the cloud and the NPZ files; leave --no-cloud out, and --files without npz",
        )
        require(not (self.height_m and self.speed_mps), "video: give one of --height-m and --speed-mps")
        for name, value in (("--height-m", self.height_m), ("--speed-mps", self.speed_mps)):
            require(value is None or 0 < value < 1000, f"{name} {value}: metres, above 0")
        require(
            not (self.init_from and (self.encoder or self.weights)),
            "--init-from: the model's own backbone and weights are taken; leave --encoder and --weights out",
        )
        networks = self.init_from or self.encoder or self.weights
        trains = networks or self.size or self.steps or self.find_camera == "learned"
        require(not (self.model and trains), "--model: nothing is trained; leave training options out")
        require(
            not (self.model and (self.height_m or self.speed_mps)),
            "--model: bring it to metres first: egodepth scale MODEL --by height ...",
        )


def clip_name(clip: Path) -> str:
    """Return the name of a clip's output folder: a link has its own name, and `.` the name of the folder."""
    return clip.stem if clip.is_file() else clip.absolute().name or clip.resolve().name
