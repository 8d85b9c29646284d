"""A rendered set on disk: its layout, and `dataset.json`, which says how it was made.

ROOT/dataset.json
ROOT/{train,val,test}/drive_0000/camera.json      see `egodepth.data.cameras`
poses.txt        a line a frame: the top 3 rows of world_from_camera (4x4)
image/000000.png
partner/000000.png   the stereo partner
depth/000000.png     16 bit, metres * 256, 0 = unknown (sky)
masks/000000.png     8 bit, a bit for each of MASK_BITS
"""

from dataclasses import asdict, dataclass
from pathlib import Path

from egodepth.config.strict_json import from_json, to_json
from egodepth.foundation.errors import InputError, require
from egodepth.foundation.files import write_text
from egodepth.foundation.reading import read_json, read_text
from egodepth.geometry import focal_of_fov

FORMAT, VERSION = "egodepth-synthetic", 2
DATASET_FILE, POSES_FILE = "dataset.json", "poses.txt"
IMAGES, PARTNER, DEPTH, MASKS = "image", "partner", "depth", "masks"
SPLITS = ("train", "val", "test")
DEPTH_STEPS = 256.0
"""Steps per metre in depth files."""
MASK_BITS = {"moving": 1, "occluded": 2, "textureless": 4}

_DRIVES_PER_SPLIT = 10_000


@dataclass(frozen=True, kw_only=True)
class Description:
    """Everything that determines a rendered set, down to the last pixel."""

    format: str = FORMAT
    version: int = VERSION
    seed: int
    frames: int
    """Number of frames in each drive."""
    size: tuple[int, int]
    """Height and width of the images."""
    partner: bool
    """Whether the stereo partner's images exist."""
    train: int
    """Number of drives in each split."""
    val: int
    test: int
    fov_deg: float = 0.0
    """Horizontal field of view of all cameras, which then have square pixels. 0: each drive draws one near KITTI's, as
    in sets without this field."""

    winding: float = 1.0
    """Factor on the curvature of the roads. Sets without this field have 1."""

    def __post_init__(self) -> None:
        counts = self.train, self.val, self.test
        require(
            all(0 <= count <= _DRIVES_PER_SPLIT for count in counts), f"0 to {_DRIVES_PER_SPLIT} drives a split exist"
        )
        require(1 <= self.frames < 10**9 and min(self.size) >= 1, "frames and size must be positive")
        require(0 <= self.fov_deg < 180, f"fov_deg {self.fov_deg:g}: an angle below 180")

    def folders(self, root: Path, split: str) -> list[Path]:
        """Return the folders of a split's drives, in order."""
        return [root / split / f"drive_{index:04d}" for index in range(getattr(self, split))]

    @property
    def focal(self) -> tuple[float, float] | None:
        """Focal lengths of all cameras in shares of the image's width and height; None if each drive draws them."""
        if not self.fov_deg:
            return None
        across = focal_of_fov(self.fov_deg)
        return across, across * self.size[1] / self.size[0]

    def street_seed(self, split: str, index: int) -> int:
        """Return the seed of a drive's street. No two drives of any split share one."""
        return (self.seed * len(SPLITS) + SPLITS.index(split)) * _DRIVES_PER_SPLIT + index


def read_description(root: Path) -> Description:
    """Read `dataset.json`.

    Raises:
        InputError: missing, damaged, of another version, or not a rendered set.
    """
    path = root / DATASET_FILE
    if not path.is_file():
        raise InputError(
            f"{path}: missing, so {root} is not a rendered set; make one: egodepth data render --out {root}"
        )
    try:
        text = read_text(path)
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: not readable; render the set again into a new folder") from error
    description = from_json(Description, text, path)
    if (description.format, description.version) != (FORMAT, VERSION):
        raise InputError(
            f"{path}: {description.format} version {description.version} where {FORMAT} version {VERSION} is needed; "
            "render the set again into a new folder"
        )
    return description


def is_rendered_set(root: Path) -> bool:
    """Whether a folder was marked by `claim`; `InputError` if this cannot be decided."""
    path = root / DATASET_FILE
    if not path.is_file():
        return False
    try:
        description = read_json(path)
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: not readable as JSON; render the set again (egodepth data render)") from error
    return isinstance(description, dict) and description.get("format") == FORMAT


def claim(root: Path, description: Description) -> None:
    """Mark `root` as this set: write `dataset.json`, or find an equal one.

    Raises:
        InputError: the folder holds something else, or a set made with other settings.
    """
    if root.exists() and not root.is_dir():
        raise InputError(f"{root}: is a file; choose a folder to render into")
    if not (root / DATASET_FILE).is_file():
        if root.is_dir() and any(root.iterdir()):
            raise InputError(f"{root}: holds something else than a rendered set; choose a new or empty folder")
        write_text(root / DATASET_FILE, to_json(description) + "\n")
        return
    existing, wanted = asdict(read_description(root)), asdict(description)
    for key, value in wanted.items():
        if existing[key] != value:
            raise InputError(
                f"{root / DATASET_FILE}: made with {key} {existing[key]}, not {value}; "
                "choose another folder, or delete this one"
            )
