"""View synthesis: what the target camera would see, painted with the source's pixels."""

from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import grid_sample

from egodepth.geometry.camera import Camera, backproject, project
from egodepth.geometry.se3 import transform_points


def sample(image: Float[Tensor, "b c hs ws"], uv: Float[Tensor, "b 2 h w"]) -> Float[Tensor, "b c h w"]:
    """Bilinear samples of an image at normalised coordinates; outside, the border's colour goes on."""
    grid = 2 * uv.permute(0, 2, 3, 1) - 1
    return grid_sample(image, grid, mode="bilinear", padding_mode="border", align_corners=False)


def synthesise(
    source: Float[Tensor, "b c hs ws"],
    depth: Float[Tensor, "b h w"],
    source_from_target: Float[Tensor, "b 4 4"],
    target_camera: Camera,
    source_camera: Camera,
) -> Float[Tensor, "b c h w"]:
    """The target view synthesised from a source image (Godard et al. 2019, eq. 1; Zhou et al. 2017, eq. 2).

    Args:
        source: the image to take colours from.
        depth: of the target's pixels.
        source_from_target: pose, its translation in the units of `depth`.
        target_camera: camera of the depth map, batched.
        source_camera: camera of the source image, batched.
    """
    points = transform_points(source_from_target, backproject(depth, target_camera))
    return sample(source, project(points, source_camera))
