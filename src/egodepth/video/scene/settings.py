"""Settings and formats of the files that other programs read. Nothing heavy is imported here: help lists them."""

from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING, Literal

from egodepth.foundation.errors import require

FORMATS: dict[str, str] = {
    "colmap": "a COLMAP model (cameras, poses, points with their tracks; binary and text) and its images",
    "nerfstudio": "transforms.json, images, depth, masks and the cloud, for splatfacto and depth-nerfacto",
    "glb": "one glTF file with the cloud or meshes, and the cameras, for Blender and browsers",
    "exr": "depth as 32-bit OpenEXR files, with the camera in the header",
    "mcap": "ROS 2 messages for Foxglove: images, depth, camera, poses, cloud",
    "rerun": "a recording for the rerun viewer",
}
"""Formats by name, with a description. `formats/NAME.py` writes each."""
if TYPE_CHECKING:
    SceneFormat = str
else:
    SceneFormat = Literal[tuple(FORMATS)]


@dataclass(frozen=True, kw_only=True)
class ExportSettings:
    """What is left out of the files, and which shape they have."""

    min_confidence: float | None = None
    """Leave out points, and pixels of masks and meshes, with less confidence, the probability that depth is within 10
    %; 0 keeps all. Left out: all points of the cloud, and pixels from 0.7 on, but never less than half of a frame."""
    max_error: float = inf
    """Leave out pixels of masks and meshes whose expected relative error is larger; inf keeps all."""
    mesh: bool = False
    """glb: write meshes of some frames, cut at the edges of depth, in place of the cloud."""

    def __post_init__(self) -> None:
        sure = self.min_confidence is None or 0 <= self.min_confidence <= 1
        require(sure, f"--min-confidence {self.min_confidence}: 0 to 1 are possible")
        require(self.max_error > 0, f"--max-error {self.max_error}: a share of the depth, above 0")

    def check(self, form: str) -> None:
        """Raise `InputError` if a setting has no effect on a format."""
        require(not self.mesh or form == "glb", f"--mesh has no effect on {form}, only on glb; leave it out")
        masks = form == "nerfstudio" or self.mesh
        require(
            masks or self.max_error == inf,
            f"--max-error has no effect on {form}: masks of nerfstudio and meshes of glb have it; leave it out",
        )
        require(
            form != "exr" or not self.min_confidence,
            "--min-confidence has no effect on exr, which has all depth; leave it out",
        )
