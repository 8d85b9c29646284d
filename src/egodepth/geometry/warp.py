"""View synthesis: what the target camera would see, painted with the source's pixels."""

from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import grid_sample

from egodepth.geometry.camera import Camera, backproject, project
from egodepth.geometry.se3 import transform_points


def sample(image: Float[Tensor, "b c hs ws"], uv: Float[Tensor, "n 2 h w"]) -> Float[Tensor, "n c h w"]:
    """Bilinear samples of an image at normalised coordinates; outside, the border's colour goes on.

    n may be a multiple of b, the batch inside: several sets of coordinates of the same images. Those of one image lie
    below one another in one grid, which costs less than copies of the image.

    A coordinate that is no finite number gives a colour that is none: `grid_sample` itself would give one of the
    image's colours, and its gradient would be looked up anywhere in memory.
    """
    b, (n, _, h, w) = len(image), uv.shape
    poison = (uv - uv).detach().sum(1, keepdim=True)  # 0, or no number
    grid = 2 * uv.nan_to_num(0, 0, 0).view(n // b, b, 2, h, w).permute(1, 0, 3, 4, 2).reshape(b, -1, w, 2) - 1
    colours = grid_sample(image, grid, mode="bilinear", padding_mode="border", align_corners=False)
    return colours.view(b, -1, n // b, h, w).permute(2, 0, 1, 3, 4).reshape(n, -1, h, w) + poison


def synthesise(
    source: Float[Tensor, "b c hs ws"],
    depth: Float[Tensor, "n h w"],
    source_from_target: Float[Tensor, "n 4 4"],
    target_camera: Camera,
    source_camera: Camera,
) -> Float[Tensor, "n c h w"]:
    """The target view synthesised from a source image (Godard et al. 2019, eq. 1; Zhou et al. 2017, eq. 2).

    Args:
        source: the image to take colours from.
        depth: of the target's pixels; s maps for each source, the batch inside, go with as many poses and cameras.
        source_from_target: pose, its translation in the units of `depth`.
        target_camera: camera of the depth map, batched.
        source_camera: camera of the source image, batched.
    """
    points = transform_points(source_from_target, backproject(depth, target_camera))
    return sample(source, project(points, source_camera))
