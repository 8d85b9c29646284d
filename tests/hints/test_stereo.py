"""Stereo matching on pairs of known depth: two walls with a random texture, the nearer before the farther."""

import numpy as np
import pytest
import torch

from egodepth.foundation.errors import InputError
from egodepth.geometry import Camera
from egodepth.hints.stereo import stereo_hint

SIZE = (96, 320)
HINT = (24, 80)
BASELINE = 0.5
FOCAL = 1.2
FAR, NEAR = 24.0, 8.0
"""Stereo disparities of 8 and 24 pixels."""
WALL = slice(130, 200)
"""Columns of the frame where the near wall is."""


def a_camera(centre: tuple[float, float] = (0.5, 0.5), zoom: float = 1.0) -> Camera:
    return Camera(zoom * torch.tensor([FOCAL, FOCAL * SIZE[1] / SIZE[0]]), torch.tensor(centre))


def beside(x: float, y: float = 0.0, z: float = 0.0) -> np.ndarray:
    pose = np.eye(4)
    pose[:3, 3] = x, y, z
    return pose


def a_texture(seed: int, width: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (SIZE[0], width, 3), np.uint8)


def a_pair(shift: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Left and right; the right image begins `shift` columns later."""
    far, near = a_texture(1, 400), a_texture(2, WALL.stop - WALL.start)
    left, right = far[:, :320].copy(), far[:, 8 + shift : 328 + shift].copy()
    left[:, WALL] = near
    right[:, WALL.start - 24 - shift : WALL.stop - 24 - shift] = near
    return left, right


def require_two_walls(hint: np.ndarray, mirrored: bool = False) -> None:
    """Both depths, and nothing in between; columns of the hint are 4 of the images."""
    hint = hint[:, ::-1] if mirrored else hint
    known = hint[hint > 0]
    assert (np.minimum(abs(known * FAR - 1), abs(known * NEAR - 1)) < 0.03).all()
    near, far = hint[2:-2, 34:49], hint[2:-2, 56:78]
    assert (near > 0).mean() > 0.9
    assert (far > 0).mean() > 0.9
    np.testing.assert_allclose(near[near > 0], 1 / NEAR, rtol=0.03)
    np.testing.assert_allclose(far[far > 0], 1 / FAR, rtol=0.03)


def test_two_walls_and_nothing_between_them():
    hint = stereo_hint(*a_pair(), a_camera(), a_camera(), beside(-BASELINE), HINT)
    assert (hint.shape, hint.dtype) == (HINT, np.float32)
    require_two_walls(hint)


def test_what_the_partner_does_not_see_is_left_out():
    """16 columns beside the near wall are hidden from the partner, and the first 8 are outside of its image."""
    hint = stereo_hint(*a_pair(), a_camera(), a_camera(), beside(-BASELINE), HINT)
    assert (hint[2:-2, 30:32] > 0).mean() < 0.1
    assert (hint[:, 0] > 0).mean() < 0.1


def test_a_plain_sky_is_left_out():
    """Wherever it is looked for it is found, so nothing says how far away it is."""
    left, right = a_pair()
    generator = np.random.default_rng(3)
    for image in (left, right):
        brighter = 240 + np.linspace(0, 10, 32)[:, None, None]
        image[:32] = brighter + generator.integers(-1, 2, image[:32].shape)
    hint = stereo_hint(left, right, a_camera(), a_camera(), beside(-BASELINE), HINT)
    assert (hint[:7] > 0).mean() < 0.03
    require_two_walls(hint[8:])


def test_a_partner_on_the_left():
    mirrored = [np.ascontiguousarray(image[:, ::-1]) for image in a_pair()]
    require_two_walls(stereo_hint(*mirrored, a_camera(), a_camera(), beside(BASELINE), HINT), mirrored=True)


@pytest.mark.parametrize("shift", [12, -16])
def test_centres_that_differ(shift: int):
    """With -16 what is far has its match on the other side: the texture begins 8 columns to the right."""
    partner = a_camera((0.5 - shift / SIZE[1], 0.5))
    left, right = a_pair(max(shift, -8))
    if shift < -8:
        right = np.roll(right, 8, 1)
    require_two_walls(stereo_hint(left, right, a_camera(), partner, beside(-BASELINE), HINT))


def test_a_partner_with_a_longer_focal_length_and_another_centre_row():
    """Its image is the frame's, enlarged by 6 / 5 about the centre and 12 pixels lower."""
    import cv2

    left, right = (cv2.GaussianBlur(image, (0, 0), 1.5) for image in a_pair())
    matrix = np.array([[1.2, 0, 0.1 - 0.1 * SIZE[1]], [0, 1.2, 0.1 - 0.1 * SIZE[0] + 12]])
    enlarged = cv2.warpAffine(right, matrix, SIZE[::-1], flags=cv2.INTER_CUBIC)
    partner = a_camera((0.5, 0.5 + 12 / SIZE[0]), zoom=1.2)
    hint = stereo_hint(left, enlarged, a_camera(), partner, beside(-BASELINE), HINT)
    middle = hint[6:16, 38:46]
    assert (middle > 0).mean() > 0.8
    np.testing.assert_allclose(middle[middle > 0], 1 / NEAR, rtol=0.03)


@pytest.mark.parametrize("pose", [beside(-0.5, 0.1), beside(-0.5, 0, 0.1), beside(0)])
def test_partners_that_are_not_side_by_side_are_refused(pose: np.ndarray):
    with pytest.raises(InputError, match="not rectified"):
        stereo_hint(*a_pair(), a_camera(), a_camera(), pose, HINT)


def test_a_partner_that_is_turned_is_refused():
    pose = beside(-0.5)
    pose[:2, :2] = [[np.cos(0.02), -np.sin(0.02)], [np.sin(0.02), np.cos(0.02)]]
    with pytest.raises(InputError, match="not rectified"):
        stereo_hint(*a_pair(), a_camera(), a_camera(), pose, HINT)


def test_a_tenth_of_real_depth_at_most_is_far_off(real_data):
    from egodepth.data.kitti.stereo2015 import open_kitti_2015

    drive = open_kitti_2015(real_data / "kitti_2015")[-1]
    frame = drive.depth_frames[1]
    assert drive.partner_camera is not None
    assert drive.partner_from_self is not None
    images = drive.read_image(frame), drive.read_image(frame, partner=True)
    hint = stereo_hint(*images, drive.camera, drive.partner_camera, drive.partner_from_self, SIZE)
    truth = drive.read_depth(frame)
    row, column = np.nonzero(truth)
    found = hint[row * SIZE[0] // truth.shape[0], column * SIZE[1] // truth.shape[1]]
    error = abs(1 / found[found > 0] / truth[row, column][found > 0] - 1)
    assert (found > 0).mean() > 0.7
    assert np.median(error) < 0.04
    assert (error > 0.1).mean() < 0.15
