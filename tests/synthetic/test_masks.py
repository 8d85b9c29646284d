import numpy as np

from egodepth.synthetic import RenderedFrame, Street, render_frame
from egodepth.synthetic.raycast import GROUND, SKY, cast
from egodepth.synthetic.scene import TEXTURELESS


def test_moving_pixels_are_those_of_the_cars_that_move(street: Street, trio: list[RenderedFrame]) -> None:
    frame = next(i for i in range(street.frames) if np.array_equal(street.camera_pose(i), trio[1].world_from_camera))
    scene = street.scene(frame)
    face = cast(scene, street.eye(frame, (96, 320))).face[0]
    np.testing.assert_array_equal(trio[1].masks["moving"], (face > GROUND) & (scene.body[face] > 0))
    assert trio[1].masks["moving"].mean() > 0.002


def test_a_queue_that_stands_does_not_move(street: Street) -> None:
    frame = street.still_frames[2]
    scene = street.scene(frame)
    face = cast(scene, street.eye(frame, (48, 160))).face[0]
    leader = (face > GROUND) & (scene.body[face] == 1)
    assert leader.any()
    assert not render_frame(street, frame, (48, 160)).masks["moving"][leader].any()


def test_texture_less_pixels_have_a_material_of_one_colour_and_are_not_sky(street: Street) -> None:
    scene = street.scene(4)
    face = cast(scene, street.eye(4, (48, 160))).face[0]
    mask = render_frame(street, 4, (48, 160)).masks["textureless"]
    assert mask.any()
    assert not mask[face == SKY].any()
    np.testing.assert_array_equal(mask[face != SKY], np.isin(scene.material[face[face != SKY]], TEXTURELESS))


def test_occluded_pixels_are_seen_in_exactly_one_neighbour(street: Street, trio: list[RenderedFrame]) -> None:
    """Every fourth static pixel is looked up in both neighbours' depth by an independent, slow projection."""
    before, target, after = trio
    right, wrong = 0, 0
    for row in range(2, 96, 4):
        for column in range(2, 320, 4):
            depth = float(target.depth[row, column])
            if depth == 0 or target.masks["moving"][row, column]:
                continue
            sights = [_sight(street, target, other, row, column, depth) for other in (before, after)]
            if None in sights:
                continue  # on an edge there: neither surely visible nor surely hidden
            right += (sights[0] != sights[1]) == target.masks["occluded"][row, column]
            wrong += (sights[0] != sights[1]) != target.masks["occluded"][row, column]
    assert right > 800
    assert wrong <= 0.002 * right
    assert 0.02 < target.masks["occluded"].mean() < 0.6


def test_nothing_is_occluded_while_everything_stands_still(street: Street) -> None:
    for frame in street.still_frames[:4]:
        result = render_frame(street, frame, (48, 160))
        if not result.masks["moving"].any():
            assert not result.masks["occluded"].any()


def _sight(
    street: Street, target: RenderedFrame, other: RenderedFrame, row: int, column: int, depth: float
) -> bool | None:
    """Whether a pixel's point is visible in another frame; None where its surroundings there are not of one depth."""
    uv = np.array([(column + 0.5) / 320, (row + 0.5) / 96])
    point = np.append((uv - street.centre) / street.focal, 1) * depth
    x, y, z = (np.linalg.inv(other.world_from_camera) @ target.world_from_camera @ np.append(point, 1))[:3]
    if z < 0.1:
        return False
    u, v = np.array([x, y]) / z * street.focal + street.centre
    j, i = u * 320 - 0.5, v * 96 - 0.5
    if not (-0.5 <= j <= 319.5 and -0.5 <= i <= 95.5):
        return False
    around = other.depth[max(int(i) - 1, 0) : int(i) + 3, max(int(j) - 1, 0) : int(j) + 3]
    around = np.where(around == 0, 1e4, around)
    if around.max() > 1.15 * around.min():
        return None
    return bool(z < around.max() * 1.05 + 0.1)
