"""View synthesis: render the target view with the source's colours."""

from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import grid_sample

from egodepth.geometry.camera import Camera, backproject, project
from egodepth.geometry.se3 import transform_points


def sample(image: Float[Tensor, "b c hs ws"], uv: Float[Tensor, "n 2 h w"]) -> Float[Tensor, "n c h w"]:
    """Return bilinear samples of an image at normalised coordinates; outside, the border colour continues.

    n may be a multiple of b, with the batch inside, for several sets of coordinates of the same images. The sets of one
    image share one grid, which costs less than copies of the image.

    A coordinate that is not finite gives a colour that is not a number. `grid_sample` itself would return some colour
    of the image, and its gradient would access arbitrary memory.
    """
    b, (n, _, h, w) = len(image), uv.shape
    poison = (uv - uv).detach().sum(1, keepdim=True)  # 0, or not a number
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
    """Return the target view synthesised from a source image (Godard et al. 2019, eq. 1; Zhou et al. 2017, eq. 2).

    Args:
        source: the image that provides the colours.
        depth: depth of the target's pixels; s maps per source, with the batch inside, need as many poses and cameras.
        source_from_target: pose, its translation in the units of `depth`.
        target_camera: camera of the depth map, batched.
        source_camera: camera of the source image, batched.

    Example:
        >>> import torch
        >>> camera = Camera(focal=torch.tensor([[1.0, 2.0]]), centre=torch.tensor([[0.5, 0.5]]))
        >>> source, depth, pose = torch.rand(1, 3, 4, 8), torch.ones(1, 4, 8), torch.eye(4)[None]
        >>> torch.allclose(synthesise(source, depth, pose, camera, camera), source, atol=1e-5)  # no motion
        True
    """
    points = transform_points(source_from_target, backproject(depth, target_camera))
    return sample(source, project(points, source_camera))
