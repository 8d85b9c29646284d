"""What a model makes of images of another camera than its own: it learned how large things look in that one's.

Depth from one image is told by sizes and places in it. A lens of twice the focal length shows everything twice as
large: the model takes it for half as far away, and its metres are half of the true ones.
"""

from collections.abc import Iterable
from statistics import median

from egodepth.data.cameras import horizontal_fov_deg
from egodepth.data.drive import Drive
from egodepth.data.shapes import squeezed
from egodepth.geometry.camera import Camera
from egodepth.weights.folder import ModelCard

_SAME_FOCAL = 1.07
"""Ratio up to which nothing is said: metres are no surer than that."""


def usual_focal(cameras: Iterable[Camera]) -> tuple[float, float]:
    """Median focal lengths of some cameras, in widths and in heights of their images."""
    across, down = zip(*(camera.focal.tolist() for camera in cameras), strict=True)
    return median(across), median(down)


def cameras_of(drives: Iterable[Drive]) -> list[Camera]:
    """The camera of each drive."""
    return [drive.camera for drive in drives]


def other_lens(card: ModelCard, camera: Camera) -> str | None:
    """What to say where metres of a model are asked of another camera than that which they hold for; None if nothing.

    Args:
        card: of the model; one that knows no camera, or whose depth is up to scale, has nothing to say.
        camera: of the images.
    """
    known = card.scale.focal if card.scale.by else card.focal
    if not card.metric or not known:
        return None
    ratio = camera.focal[1].item() / known[1]
    if 1 / _SAME_FOCAL < ratio < _SAME_FOCAL:
        return None
    return (
        f"The model's metres hold for a focal length of {known[1]:.2f} image heights. This camera's is "
        f"{camera.focal[1].item():.2f} (field of view {horizontal_fov_deg(camera):.0f} degrees): true depth is about "
        f"{ratio:.2g} times what follows. Find the scale anew on its frames: egodepth scale MODEL --by ..."
    )


def other_shape(card: ModelCard, size: tuple[int, int]) -> str | None:
    """What to say where images of (height, width) are of another shape than those that were learned from."""
    if not card.focal:
        return None
    # Pixels are square: the focal lengths in widths and in heights tell the shape.
    width = card.focal[1] / card.focal[0]
    if not squeezed(size, 1 / width):
        return None
    return (
        f"Images of {size[1]}x{size[0]} are of another shape than those that the model learned from, {width:.2f} wide "
        "to 1 high: expect worse depth. Crop them to that shape, or train on such images."
    )
