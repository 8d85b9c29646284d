import numpy as np
import torch

from egodepth.geometry.camera import Camera
from egodepth.geometry.warp import synthesise
from egodepth.synthetic import RenderedFrame, Street, render_frame
from egodepth.synthetic.street import BASELINE


def camera(street: Street) -> Camera:
    return Camera(torch.from_numpy(street.focal).float()[None], torch.from_numpy(street.centre).float()[None])


def as_tensor(image: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(image).permute(2, 0, 1)[None].float() / 255


def error_of(
    street: Street, target: RenderedFrame, source: np.ndarray, pose: np.ndarray, depth: np.ndarray
) -> np.ndarray:
    """Mean absolute difference of the target and the source seen from it, h x w."""
    known = torch.from_numpy(np.where(depth > 0, depth, 1e4)).float()[None]
    cameras = camera(street), camera(street)
    warped = synthesise(as_tensor(source), known, torch.from_numpy(pose).float()[None], *cameras)
    return (warped - as_tensor(target.image)).abs().mean(1)[0].numpy()


def source_from_target(target: RenderedFrame, source: RenderedFrame) -> np.ndarray:
    return np.linalg.inv(source.world_from_camera) @ target.world_from_camera


def test_true_depth_and_pose_explain_the_neighbours_and_errors_grow_away_from_them(
    street: Street, trio: list[RenderedFrame]
) -> None:
    before, target, after = trio
    seen = ~target.masks["moving"] & ~target.masks["occluded"] & (target.depth > 0)
    for source in (before, after):
        pose = source_from_target(target, source)
        error = error_of(street, target, source.image, pose, target.depth)[seen]
        # Half of the pixels to less than a grey level; what is left is edges, whose pixels mix two surfaces.
        assert np.median(error) < 1.0 / 255
        assert error.mean() < 0.03
        for wrong in (0.8, 1.25):
            assert error_of(street, target, source.image, pose, target.depth * wrong)[seen].mean() > 1.3 * error.mean()
        half_way = pose.copy()
        half_way[:3, 3] /= 2
        assert error_of(street, target, source.image, half_way, target.depth)[seen].mean() > 1.3 * error.mean()


def test_the_stereo_partner_is_a_baseline_to_the_right(street: Street, trio: list[RenderedFrame]) -> None:
    target = trio[1]
    assert target.partner is not None
    pose = np.eye(4)
    pose[0, 3] = -BASELINE
    shift = street.focal[0] * 320 * BASELINE / np.where(target.depth > 0, target.depth, np.inf)
    inside = np.arange(320)[None] + 0.5 - shift > 0
    assert np.median(error_of(street, target, target.partner, pose, target.depth)[inside]) < 1.0 / 255
    pose[0, 3] = BASELINE
    assert np.median(error_of(street, target, target.partner, pose, target.depth)[inside]) > 3.0 / 255


def test_the_car_ahead_hardly_moves_in_the_image(street: Street) -> None:
    frame, size = 5, (96, 320)
    eyes = [street.eye(frame + step, size) for step in (0, 1)]
    places = []
    for step, eye in enumerate(eyes):
        corners = street.traffic.leader.model.placed(street.car_poses(frame + step)[0]).corners.reshape(-1, 3)
        in_camera = (corners - eye.position) @ eye.rotation
        places.append((in_camera[:, :2] / in_camera[:, 2:] * eye.focal + eye.centre) * (size[1], size[0]))
    assert np.linalg.norm(places[1] - places[0], axis=1).max() < 0.6
    assert np.linalg.norm(eyes[1].position - eyes[0].position) > 0.4


def test_noise_is_mild_and_can_be_left_out(street: Street) -> None:
    frame = street.still_frames[2]
    clean, again = (render_frame(street, frame + step, (32, 96), noise=False) for step in (0, 1))
    still = ~clean.masks["moving"] & ~again.masks["moving"]
    # Pixels on the edges of moving cars count as what is at their centre, and change a little.
    assert (clean.image == again.image)[still].mean() > 0.99
    noisy = render_frame(street, frame, (32, 96))
    residual = noisy.image.astype(float) - np.clip(clean.image * street.exposure(frame), 0, 255)
    assert 0.5 < residual.std() < 3


def test_a_frame_alone_is_the_frame_of_the_drive(street: Street, trio: list[RenderedFrame]) -> None:
    index = next(i for i in range(street.frames) if np.array_equal(street.camera_pose(i), trio[1].world_from_camera))
    alone = render_frame(street, index, partner=True, noise=False)
    np.testing.assert_array_equal(alone.image, trio[1].image)
    np.testing.assert_array_equal(alone.masks["occluded"], trio[1].masks["occluded"])
