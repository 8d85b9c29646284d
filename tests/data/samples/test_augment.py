import math

import numpy as np
import pytest
import torch

from egodepth.config import DataConfig
from egodepth.data.batch import Batch, Hints, RigView, View
from egodepth.data.samples.augment import Draws, draw, shrunk, small_size, to_batch
from egodepth.data.samples.sampler import RawBatch
from egodepth.data.samples.unpack import unpack
from egodepth.foundation.native import compiled
from egodepth.geometry import Camera, synthesise
from egodepth.geometry.camera import viewing_rays

B, H, W = 4, 16, 24
GREY = torch.tensor([0.299, 0.587, 0.114])


def a_raw_batch(views: int = 4) -> RawBatch:
    pose = torch.eye(4).repeat(B, 1, 1)
    pose[:, :3, 3] = torch.tensor([-0.4, 0.05, 0.1])
    pose[:, :3, :3] = torch.linalg.matrix_exp(torch.tensor([[0, -0.02, 0.03], [0.02, 0, -0.01], [-0.03, 0.01, 0]]))
    return RawBatch(
        torch.randint(0, 256, (B, views, H, W, 3), dtype=torch.uint8),
        torch.tensor([[0.8, 1.2]]).repeat(B, 1),
        torch.tensor([[0.45, 0.55]]).repeat(B, 1),
        torch.tensor([[0.7, 1.1]]).repeat(B, 1),
        torch.tensor([[0.6, 0.4]]).repeat(B, 1),
        pose,
        torch.zeros(B, 0, 4, 4),
        torch.zeros(B, 0, dtype=torch.bool),
    )


def drawn(seed: int, step: int, size: int, flip: float = 0.5, jitter: float = 0.5, zoom: float = 1.0) -> Draws:
    return draw(seed, step, size, DataConfig(flip=flip, jitter=jitter, zoom=zoom))


def draws(flip: bool = False, jitter: bool = False, zoom: float = 1.0) -> Draws:
    return drawn(3, 5, B, float(flip), float(jitter), zoom)


def unit(images: torch.Tensor) -> torch.Tensor:
    return images.permute(0, 3, 1, 2).float() / 255


@pytest.mark.parametrize(("flip", "zoom"), [(False, 1.0), (True, 1.0), (False, 1.5), (True, 1.5)])
def test_hints_and_the_road_move_with_their_pixels(flip: bool, zoom: float):
    """Maps that say the ray of their pixel, in number, say it of the augmented view's nearest pixel."""
    raw = a_raw_batch(views=1)
    before = viewing_rays(Camera(raw.focal, raw.centre), (H, W))
    maps = [before[:, axis].contiguous() for axis in (0, 1)]
    hints = Hints(maps[0], maps[1], torch.zeros(B, dtype=torch.int64), maps[0] + 5, 2 * maps[0])
    batch, _ = to_batch(raw._replace(hints=hints), draws(flip, zoom=zoom), stereo=False)
    assert batch.hints is not None
    after = viewing_rays(batch.target.camera, (H, W))
    after[:, 0] *= -1 if flip else 1
    pixel = (before[..., 1, 1] - before[..., 0, 0]).abs().amax(0)
    assert ((batch.hints.inverse_depth - after[:, 0]).abs() < 0.51 * pixel[0]).all()
    assert ((batch.hints.weight - after[:, 1]).abs() < 0.51 * pixel[1]).all()
    torch.testing.assert_close(batch.hints.teacher, batch.hints.inverse_depth + 5)
    torch.testing.assert_close(batch.hints.road, 2 * batch.hints.inverse_depth)


def test_draws_depend_on_seed_and_step_alone():
    for left, right in zip(drawn(1, 2, 8), drawn(1, 2, 8), strict=True):
        np.testing.assert_array_equal(np.asarray(left), np.asarray(right))
    first, *others = (drawn(seed, step, 8).factors for seed, step in ((1, 2), (1, 3), (2, 2)))
    assert not any(torch.equal(first, other) for other in others)


def test_draws_have_the_published_chances_and_ranges():
    _, flip, jitter, factors, order, _ = drawn(0, 0, 4000, 0.5, 0.25)
    assert flip.float().mean().item() == pytest.approx(0.5, abs=0.03)
    assert jitter.float().mean().item() == pytest.approx(0.25, abs=0.03)
    for column, (low, high) in zip(factors.T, [(0.8, 1.2)] * 3 + [(-0.1, 0.1)], strict=True):
        assert low <= column.min() < low + 0.01 < high - 0.01 < column.max() <= high
    assert (np.sort(order, 1) == np.arange(4)).all()
    assert len({tuple(row) for row in order.tolist()}) == 24


def test_a_stronger_jitter_widens_all_but_the_hue():
    plain, strong = (draw(0, 0, 4000, DataConfig(jitter_strength=strength)).factors for strength in (1.0, 2.0))
    torch.testing.assert_close(strong[:, :3] - 1, 2 * (plain[:, :3] - 1))
    assert torch.equal(strong[:, 3], plain[:, 3])


def test_a_chance_of_0_never_and_of_1_always_happens():
    assert not draws().flip.any()
    assert not draws().jitter.any()
    assert draws(flip=True).flip.all()
    assert draws(jitter=True).jitter.all()


def test_without_draws_the_batch_is_what_is_stored():
    raw = a_raw_batch()
    batch, seen = to_batch(raw, draws(), stereo=True)
    views = [batch.target, *batch.neighbours, batch.rig[0].view]
    assert [len(part) for part in (batch.neighbours, batch.rig, seen)] == [2, 1, 3]
    for position, view in enumerate(views):
        assert torch.equal(view.image, unit(raw.images[:, position]))
    for view, image in zip(views, seen, strict=False):
        assert torch.equal(image, view.image)
    assert torch.equal(batch.target.camera.centre, raw.centre)
    assert torch.equal(batch.rig[0].view.camera.focal, raw.partner_focal)
    assert torch.equal(batch.rig[0].source_from_target, raw.partner_from_target)


def test_zooms_reach_from_the_whole_frame_to_the_largest_and_stay_inside():
    part = drawn(0, 0, 4000, zoom=1.5).part
    assert 1 / 1.5 <= part[:, 2].min() < 0.67 < 0.999 < part[:, 2].max() <= 1
    assert (part[:, :2] >= 0).all()
    assert (part[:, :2] + part[:, 2:] <= 1 + 1e-6).all()
    assert (part[:, :2].amax(0) > 0.3).all()


@pytest.mark.parametrize("flip", [False, True])
def test_a_zoom_shows_every_ray_what_it_saw_before(flip):
    """Images that say which ray they see, of the target and of the partner, say the truth after zoom and flip."""
    raw = a_raw_batch(views=2)
    cameras = Camera(raw.focal, raw.centre), Camera(raw.partner_focal, raw.partner_centre)
    rays = torch.stack([viewing_rays(camera, (H, W)) for camera in cameras], 1) / 4 + 0.5
    raw = raw._replace(images=(rays * 255).permute(0, 1, 3, 4, 2))  # floats here, free of rounding to bytes
    batch, _ = to_batch(raw, draws(flip, zoom=1.5), stereo=True)
    for view, before in zip((batch.target, batch.rig[0].view), cameras, strict=True):
        assert not torch.equal(view.camera.focal, before.focal)
        found = (view.image - 0.5) * 4
        expected = viewing_rays(view.camera, (H, W))
        found[:, 0] *= -1 if flip else 1
        torch.testing.assert_close(found, expected, atol=2e-5, rtol=0)


def test_mono_batches_have_no_rig():
    batch, seen = to_batch(a_raw_batch(views=3), draws(flip=True), stereo=False)
    assert batch.rig == []
    assert len(batch.neighbours) == 2
    assert len(seen) == 3


def test_a_flip_mirrors_image_camera_and_rig():
    raw = a_raw_batch()
    batch, _ = to_batch(raw, draws(flip=True), stereo=True)
    assert torch.equal(batch.target.image, unit(raw.images[:, 0]).flip(-1))
    assert torch.equal(batch.rig[0].view.image, unit(raw.images[:, 3]).flip(-1))
    torch.testing.assert_close(batch.target.camera.centre, torch.tensor([[0.55, 0.55]]).repeat(B, 1))
    torch.testing.assert_close(batch.rig[0].view.camera.centre, torch.tensor([[0.4, 0.4]]).repeat(B, 1))
    assert torch.equal(batch.target.camera.focal, raw.focal)
    torch.testing.assert_close(batch.rig[0].source_from_target[0, :3, 3], torch.tensor([0.4, 0.05, 0.1]))


def test_neighbours_of_given_pose_join_the_rig_and_flip_with_it():
    raw = a_raw_batch()
    raw = raw._replace(neighbours_from_target=torch.stack([raw.partner_from_target, torch.eye(4).repeat(B, 1, 1)], 1))
    batch, seen = to_batch(raw, draws(flip=True), stereo=True)
    assert [len(part) for part in (batch.neighbours, batch.rig, seen)] == [0, 3, 1]
    for position, rig in enumerate(batch.rig, 1):
        assert torch.equal(rig.view.image, unit(raw.images[:, position]).flip(-1))
    assert torch.equal(batch.rig[0].source_from_target, batch.rig[2].source_from_target)
    assert torch.equal(batch.rig[0].view.camera.centre, batch.target.camera.centre)
    assert torch.equal(batch.rig[1].source_from_target, torch.eye(4).repeat(B, 1, 1))


def warped(batch: Batch, depth: torch.Tensor) -> torch.Tensor:
    view, pose = batch.rig[0]
    return synthesise(view.image, depth, pose, batch.target.camera, view.camera)


def test_warping_the_mirrored_batch_is_the_mirrored_warp():
    raw, depth = a_raw_batch(), 2 + 5 * torch.rand(B, H, W)
    plain, _ = to_batch(raw, draws(), stereo=True)
    mirrored, _ = to_batch(raw, draws(flip=True), stereo=True)
    torch.testing.assert_close(warped(mirrored, depth.flip(-1)), warped(plain, depth).flip(-1), atol=1e-4, rtol=0)
    assert (warped(plain, depth) - plain.target.image).abs().mean() > 0.1


def test_samples_of_one_batch_flip_apart():
    mixed = draws()._replace(flip=torch.tensor([True, False, True, False]))
    raw = a_raw_batch()
    batch, _ = to_batch(raw, mixed, stereo=True)
    for sample, flipped in enumerate(mixed.flip.tolist()):
        image = unit(raw.images[:, 0])[sample]
        assert torch.equal(batch.target.image[sample], image.flip(-1) if flipped else image)
        assert batch.rig[0].source_from_target[sample, 0, 3].item() == pytest.approx(0.4 if flipped else -0.4)


def changed(images: torch.Tensor, target: torch.Tensor, given: Draws, sample: int) -> torch.Tensor:
    """The four colour changes one after the other by hand, `n 3 h w`; `target` goes along for the mean grey."""
    brightness, contrast, saturation, hue = given.factors[sample].double().tolist()
    stack = torch.cat([target[None], images]).double()
    for change in given.order[sample]:
        grey = (GREY.double()[:, None, None] * stack).sum(1, keepdim=True)
        if change == 0:
            stack = brightness * stack
        elif change == 1:
            stack = contrast * stack + (1 - contrast) * grey[0].mean()
        elif change == 2:
            stack = saturation * stack + (1 - saturation) * grey
        else:
            axis = torch.full((3,), 1 / math.sqrt(3), dtype=torch.float64)
            x, y, z = (2 * math.pi * hue * axis).tolist()
            turn = torch.linalg.matrix_exp(torch.tensor([[0, -z, y], [z, 0, -x], [-y, x, 0]], dtype=torch.float64))
            stack = torch.einsum("ij,njhw->nihw", turn, stack)
    return stack[1:].clamp(0, 1).float()


def test_the_one_colour_map_is_the_four_changes_one_after_the_other():
    given = draws(jitter=True)
    assert len({tuple(row) for row in given.order.tolist()}) > 1
    batch, seen = to_batch(a_raw_batch(views=3), given, stereo=False)
    clean = [batch.target.image, *(view.image for view in batch.neighbours)]
    for sample in range(B):
        expected = changed(torch.stack([image[sample] for image in clean]), clean[0][sample], given, sample)
        torch.testing.assert_close(torch.stack([image[sample] for image in seen]), expected, atol=1e-5, rtol=0)


def test_all_frames_of_a_sample_get_the_same_colours():
    raw = a_raw_batch(views=3)
    raw = raw._replace(images=raw.images[:, :1].expand(-1, 3, -1, -1, -1))
    _, seen = to_batch(raw, draws(jitter=True), stereo=False)
    assert torch.equal(seen[0], seen[1])
    assert torch.equal(seen[0], seen[2])


def test_the_jitter_leaves_the_clean_images_and_the_unjittered_samples_alone():
    raw = a_raw_batch(views=3)
    mixed = draws(jitter=True)._replace(jitter=torch.tensor([True, False, True, False]))
    batch, seen = to_batch(raw, mixed, stereo=False)
    assert torch.equal(batch.target.image, unit(raw.images[:, 0]))
    for sample, jittered in enumerate(mixed.jitter.tolist()):
        assert torch.equal(seen[0][sample], batch.target.image[sample]) is not jittered
    assert all((image >= 0).all() and (image <= 1).all() for image in seen)


def test_grey_stays_grey_under_hue_and_saturation():
    given = draws(jitter=True)
    given = given._replace(factors=torch.tensor([[1.0, 1.0, 0.8, 0.1]]).repeat(B, 1))
    raw = a_raw_batch(views=3)
    raw = raw._replace(images=torch.randint(0, 256, (B, 3, H, W, 1), dtype=torch.uint8).expand(-1, -1, -1, -1, 3))
    batch, seen = to_batch(raw, given, stereo=False)
    torch.testing.assert_close(seen[0], batch.target.image)


needs_compiler = pytest.mark.skipif(compiled("augment") is None, reason="no C compiler here")


@needs_compiler
@pytest.mark.parametrize(("flip", "jitter"), [(0.0, 0.0), (1.0, 0.0), (0.5, 0.5), (0.5, 1.0)])
@pytest.mark.parametrize("width", [24, 129])
def test_one_pass_in_c_is_what_torch_does(flip, jitter, width, monkeypatch):
    """Clean images to the bit; the jittered ones to the rounding of their three products."""
    raw = a_raw_batch()
    raw = raw._replace(images=torch.randint(0, 256, (B, 4, H, width, 3), dtype=torch.uint8))
    given = drawn(3, 5, B, flip, jitter)
    ours, seen = to_batch(raw, given, stereo=True)
    monkeypatch.setattr("egodepth.data.samples.augment.can_unpack", lambda images: False)
    expected, seen_expected = to_batch(raw, given, stereo=True)
    for view, other in zip((ours.target, *ours.neighbours), (expected.target, *expected.neighbours), strict=True):
        assert torch.equal(view.image, other.image)
    assert torch.equal(ours.rig[0].view.image, expected.rig[0].view.image)
    assert len(seen) == len(seen_expected) == 3
    for image, other in zip(seen, seen_expected, strict=True):
        torch.testing.assert_close(image, other, atol=1e-6, rtol=0)


@needs_compiler
def test_every_byte_becomes_what_dividing_it_makes_of_it():
    levels = torch.arange(256, dtype=torch.uint8).reshape(1, 1, 16, 16, 1).expand(-1, -1, -1, -1, 3)
    clean, seen = unpack(levels, torch.zeros(1, dtype=torch.bool), None, 1)
    assert torch.equal(clean[0, 0, 1].flatten(), torch.arange(256).float() / 255)
    assert seen.data_ptr() == clean.data_ptr()


@needs_compiler
def test_unpacking_does_not_depend_on_the_threads():
    raw, given, threads = a_raw_batch(), draws(jitter=True), torch.get_num_threads()
    images = []
    for count in (1, 3):
        torch.set_num_threads(count)
        images.append(torch.stack(to_batch(raw, given, stereo=True)[1]))
    torch.set_num_threads(threads)
    assert torch.equal(*images)


@needs_compiler
def test_colour_maps_in_double_precision_are_refused_and_not_read_as_single():
    images, flip, maps = a_raw_batch().images, torch.zeros(B, dtype=torch.bool), torch.eye(3, 6).repeat(B, 1, 1)
    with pytest.raises(
        ValueError, match=r"colour maps: torch.float64 of \[4, 3, 6\].*C reads contiguous torch.float32"
    ):
        unpack(images, flip, maps.double(), 1)


@needs_compiler
def test_images_are_in_single_precision_whatever_the_default_is():
    images, flip, maps = a_raw_batch().images, torch.zeros(B, dtype=torch.bool), torch.eye(3, 6).repeat(B, 1, 1)
    expected = unpack(images, flip, maps, 2)
    torch.set_default_dtype(torch.float64)
    try:
        found = unpack(images, flip, maps, 2)
    finally:
        torch.set_default_dtype(torch.float32)
    assert all(torch.equal(one, other) for one, other in zip(found, expected, strict=True))


@pytest.mark.parametrize(
    ("size", "small"), [((96, 320), (64, 224)), ((192, 640), (128, 416)), ((64, 96), (64, 64)), ((64, 64), (64, 64))]
)
def test_small_frames_have_two_thirds_of_the_size_in_multiples_of_32(size, small):
    assert small_size(size) == small


def test_a_small_batch_shows_the_same_with_the_same_cameras_and_the_nearest_hints():
    ramp = torch.linspace(0, 1, 320).expand(2, 3, 96, 320)
    maps = (1 + torch.arange(320.0)).expand(2, 96, 320)
    hints = Hints(maps, maps / 320, torch.ones(2, dtype=torch.bool), torch.zeros(2, 0, 320), 2 * maps)
    camera = Camera(torch.tensor([[0.8, 1.2]] * 2), torch.tensor([[0.5, 0.5]] * 2))
    view = View(ramp, camera)
    batch, seen = shrunk(Batch(view, [view], [RigView(view, torch.eye(4).repeat(2, 1, 1))], None, hints), [ramp, ramp])
    middles = (torch.arange(224) + 0.5) / 224
    for image in (batch.target.image, batch.neighbours[0].image, batch.rig[0].view.image, *seen):
        assert image.shape == (2, 3, 64, 224)
        np.testing.assert_allclose(image[0, 0, 3, 2:-2], (middles * 320 - 0.5)[2:-2] / 319, atol=1e-3)
    assert batch.target.camera is camera
    assert batch.hints is not None
    np.testing.assert_array_equal(batch.hints.inverse_depth[0, 5], 1 + (middles * 320).floor())
    assert batch.hints.weight.shape == (2, 64, 224)
    assert batch.hints.teacher.shape == (2, 0, 320)
    np.testing.assert_array_equal(batch.hints.road, 2 * batch.hints.inverse_depth)
