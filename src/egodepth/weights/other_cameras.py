"""Warn if a model sees images of a camera that differs from its training camera.

A network infers depth from sizes and positions in the image. A lens with twice the focal length shows everything twice
as large: the model predicts half of the distance, and its metres are half of the true ones.
"""

from collections.abc import Iterable
from statistics import median

from egodepth.data.cameras import horizontal_fov_deg
from egodepth.data.drive import Drive
from egodepth.data.shapes import squeezed
from egodepth.geometry.camera import Camera
from egodepth.weights.folder import ModelCard

_SAME_FOCAL = 1.07
"""Ratio of focal lengths up to which no warning is given: metres are not more certain than that."""


def usual_focal(cameras: Iterable[Camera]) -> tuple[float, float]:
    """Return the median focal lengths of cameras, in widths and in heights of their images."""
    across, down = zip(*(camera.focal.tolist() for camera in cameras), strict=True)
    return median(across), median(down)


def cameras_of(drives: Iterable[Drive]) -> list[Camera]:
    """Return the camera of each drive."""
    return [drive.camera for drive in drives]


def other_lens(card: ModelCard, camera: Camera) -> str | None:
    """Return a warning if a metric model is used with another camera than the one that its metres hold for; else None.

    Args:
        card: the model's card. Without a known camera, or with depth up to scale, there is no warning.
        camera: the camera of the images.
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
        f"{ratio:.2g} times the predicted one. Find a new scale on its frames: egodepth scale MODEL --by ..."
    )


def other_shape(card: ModelCard, size: tuple[int, int]) -> str | None:
    """Return a warning if images of (height, width) have another aspect ratio than the training images; else None."""
    if not card.focal:
        return None
    # Pixels are square, so the focal lengths in widths and in heights give the aspect ratio.
    width = card.focal[1] / card.focal[0]
    if not squeezed(size, 1 / width):
        return None
    return (
        f"Images of {size[1]}x{size[0]} have another shape than the training images of the model, {width:.2f} wide "
        "to 1 high: expect worse depth. Crop them to that shape, or train on such images."
    )
