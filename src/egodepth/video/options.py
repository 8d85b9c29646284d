"""What the way from a recording to its depth is told."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tyro.conf import Positional

from egodepth.config import DataConfig
from egodepth.foundation.errors import require

Way = Literal["auto", "sfm", "learned", "stated"]


@dataclass(frozen=True, kw_only=True)
class VideoOptions:
    """Clips, and what to do with them."""

    clips: Positional[tuple[Path, ...]]
    """Videos of any container, or folders of frames."""
    out: Path
    """Folder for everything."""
    camera: Path | None = None
    """Camera file: camera.json, or of OpenCV, ROS, COLMAP, KITTI, Kalibr, ORB-SLAM and others (docs/cameras.md). One
    that lies beside the frames of a folder is found by itself."""
    fov_deg: float | None = None
    """Horizontal field of view, if you know it; with --find-camera: where the search begins."""
    intrinsics: tuple[float, float, float, float] | None = None
    """fx fy cx cy in pixels of the clip's frames."""
    find_camera: Way | None = None
    """How to find the camera if it is not given. auto (default): by structure from motion; if that fails, --fov-deg, or
    learned in the training; where the clip cannot tell, 60 degrees are taken and said. stated: take --fov-deg, or 60.
    """
    model: str | None = None
    """Do not train: use this run folder, model folder or hub id. Its pose network gives the trajectory."""
    init_from: str | None = None
    """Start the training from this model's weights, and shorten it."""
    encoder: str | None = None
    """Backbone of the network: the name of any timm model, such as resnet18. Default: tf_efficientnet_lite2 (lite0
    by images alone)."""
    weights: Literal["pretrained", "random"] | None = None
    """What the backbone starts from. Left out: weights learned on ImageNet, and random ones where these are not to be
    had; pretrained: nothing else; random: without looking for any."""
    size: tuple[int, int] | None = None
    """Height and width that the network sees, multiples of 32. Left out: of the clip's shape, about 31,000 pixels on a
    processor (15,000 where images alone teach) and 123,000 on a GPU."""
    steps: int | None = None
    """Length of the training. Left out: 700, where images alone teach 2200; from given weights about half of it."""
    height_m: float | None = None
    """Height of the camera over a level road, metres: everything is in metres then, with an error bar."""
    speed_mps: float | None = None
    """Speed of the camera, if it was the same all the time, metres a second: likewise."""
    longest: int = 1280
    """Longer side of the frames that are worked on, pixels; smaller clips keep their size."""
    files: tuple[Literal["png", "npz"], ...] = ("png", "npz")
    """Of each frame; `--files` alone: none."""
    cloud: bool = True
    """Fuse the depth of all frames into a point cloud."""
    rerun: bool = False
    """Also write recording.rrd, everything on one timeline for the rerun viewer: needs `pip install 'egodepth[rerun]'`.
    """
    keep: bool = False
    """Keep OUT/work: what was known of single frames before they were brought to one scale."""
    seed: int = 0
    """Of all that is drawn by lot."""
    device: str = ""
    """`cpu`, `cuda`, ...; the GPU if there is one when left out."""
    json: Path | None = None
    """Write the figures of the report to this file, too."""

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
    """Under which its files are kept: a link counts as what it is called, `.` as the folder that it is."""
    return clip.stem if clip.is_file() else clip.absolute().name or clip.resolve().name
