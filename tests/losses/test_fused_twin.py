"""The fused operation against its plain twin: the separate functions of this package."""

import os

import pytest
import torch
from torch import Tensor

from egodepth.foundation.native import compiled
from egodepth.geometry import Camera, synthesise, transform_from_axis_angle
from egodepth.losses import automask, minimum_reprojection, photometric_error
from egodepth.losses import fused_twin as module
from egodepth.losses.fused_twin import DROPPED, Sources, fused_reprojection, takes_over

S, B, H, W = 3, 2, 12, 20

pytestmark = pytest.mark.skipif(compiled("reprojection") is None, reason="no C compiler here")


def smooth(*shape: int) -> Tensor:
    """Random pictures whose pixels resemble their neighbours."""
    rough = torch.rand(*shape[:-2], shape[-2] // 4 + 2, shape[-1] // 4 + 2)
    return torch.nn.functional.interpolate(rough, shape[-2:], mode="bicubic").clamp(0, 1)


class Scene:
    """Depths, poses and views; the camera moves by about a pixel or two, and some points leave the image."""

    def __init__(self, sources: int = 2, seed: int = 0) -> None:
        torch.manual_seed(seed)
        self.depth = (2 + 8 * torch.rand(S, B, H, W)).requires_grad_()
        self.turns = [(0.02 * torch.randn(B, 3)).requires_grad_() for _ in range(sources)]
        self.shifts = [(0.4 * torch.randn(B, 3)).requires_grad_() for _ in range(sources)]
        self.cameras = [Camera(torch.rand(B, 2) + 0.7, 0.4 + 0.2 * torch.rand(B, 2)) for _ in range(sources + 1)]
        self.target = smooth(B, 3, H, W)
        self.images = [smooth(B, 3, H, W) for _ in range(sources)]
        self.present = torch.ones(B, sources, dtype=torch.bool)

    def poses(self) -> list[Tensor]:
        return [transform_from_axis_angle(r, t) for r, t in zip(self.turns, self.shifts, strict=True)]

    def fused(self, ssim_weight: float, masked: bool) -> tuple[Tensor, Tensor]:
        sources = Sources(self.images, self.cameras[1:], self.present)
        arguments = (self.target, self.cameras[0], sources, ssim_weight, masked)
        return fused_reprojection(self.depth, self.poses(), *arguments)

    def plain(self, ssim_weight: float, masked: bool) -> tuple[Tensor, Tensor]:
        present = self.present.T[:, None, :, None, None]
        errors = []
        for image, pose, camera in zip(self.images, self.poses(), self.cameras[1:], strict=True):
            several = [Camera(*(part.repeat(S, 1) for part in c)) for c in (self.cameras[0], camera)]
            warped = synthesise(image, self.depth.flatten(0, 1), pose.repeat(S, 1, 1), *several)
            errors.append(photometric_error(warped.view(S, B, 3, H, W), self.target, ssim_weight))
        best = minimum_reprojection(torch.stack(errors), present)
        if not masked:
            return best, torch.ones_like(best, dtype=torch.bool)
        still = torch.stack([photometric_error(image, self.target, ssim_weight) for image in self.images])[:, None]
        return automask(best, minimum_reprojection(still, present).expand_as(best))

    def gradients(self, error: Tensor, weight: Tensor) -> list[Tensor]:
        return list(torch.autograd.grad((error * weight).sum(), [self.depth, *self.turns, *self.shifts]))


@pytest.mark.parametrize("masked", [True, False])
@pytest.mark.parametrize("ssim_weight", [0.85, 0.0, 1.0])
@pytest.mark.parametrize("sources", [1, 3])
def test_values_and_gradients_are_those_of_the_separate_functions(
    sources: int, ssim_weight: float, masked: bool
) -> None:
    scene = Scene(sources)
    error, choice = scene.fused(ssim_weight, masked)
    expected, kept = scene.plain(ssim_weight, masked)
    torch.testing.assert_close(error, expected, rtol=1e-4, atol=2e-6)
    assert torch.equal(choice != DROPPED, kept)
    weight = torch.rand_like(error)
    for found, reference in zip(scene.gradients(error, weight), scene.gradients(expected, weight), strict=True):
        # Where a sample falls on the line between two pixels the slope has two values, and rounding chooses.
        assert (found - reference).abs().sum() < 2e-3 * reference.abs().sum()


def test_a_source_that_is_absent_counts_for_nothing() -> None:
    scene = Scene()
    scene.present[0, 1] = scene.present[1, 0] = False
    error, choice = scene.fused(0.85, True)
    expected, kept = scene.plain(0.85, True)
    torch.testing.assert_close(error, expected, rtol=1e-4, atol=2e-6)
    assert torch.equal(choice != DROPPED, kept)
    assert set(choice[:, 0].unique().tolist()) <= {0, DROPPED}
    assert set(choice[:, 1].unique().tolist()) <= {1, DROPPED}


def test_a_standing_camera_is_masked_everywhere() -> None:
    # Warped by no motion the neighbour is the target: its error is nothing, as it is unwarped, and ties are dropped.
    scene = Scene()
    scene.images = [scene.target.clone() for _ in scene.images]
    error, choice = scene.fused(0.85, True)
    assert error.abs().max() == 0
    assert (choice == DROPPED).all()


def test_the_result_does_not_depend_on_the_number_of_threads() -> None:
    scene, before = Scene(), torch.get_num_threads()
    results = []
    for threads in (1, 2, 5):
        torch.set_num_threads(threads)
        error, choice = scene.fused(0.85, True)
        results.append([error, choice, *scene.gradients(error, torch.ones_like(error))])
    torch.set_num_threads(before)
    for other in results[1:]:
        assert all(torch.equal(x, y) for x, y in zip(results[0], other, strict=True))


def test_points_behind_the_camera_give_finite_gradients() -> None:
    scene = Scene()
    with torch.no_grad():
        scene.shifts[0][:, 2] = -20
    error, _ = scene.fused(0.85, False)
    assert torch.isfinite(error).all()
    assert all(torch.isfinite(g).all() for g in scene.gradients(error, torch.ones_like(error)))


def test_a_depth_that_is_no_number_is_not_looked_up() -> None:
    scene = Scene()
    with torch.no_grad():
        scene.depth[0, 0, 3, 4] = torch.nan
        scene.depth[1, 1, 0, 0] = torch.inf
    error, _ = scene.fused(0.85, False)
    assert not torch.isfinite(error[0, 0, 2:5, 3:6]).any()  # whose windows hold that pixel
    assert torch.isfinite(error[2]).all()
    scene.gradients(error, torch.ones_like(error))


@pytest.mark.parametrize("source", [0, 1])
@pytest.mark.parametrize("masked", [True, False])
@pytest.mark.parametrize("way", ["fused", "plain"])
def test_a_pose_that_is_no_number_leaves_no_finite_error(way: str, masked: bool, source: int) -> None:
    """Whatever the other source and the auto-mask say: the step must be seen to be useless."""
    scene = Scene()
    with torch.no_grad():
        scene.shifts[source][1, 2] = torch.nan
    error, _ = getattr(scene, way)(0.85, masked)
    assert error[:, 1].isnan().all()
    assert error[:, 0].isfinite().all()
    assert not all(g.isfinite().all() for g in scene.gradients(error, torch.ones_like(error)))


def test_only_float32_on_the_processor_is_taken() -> None:
    assert takes_over(torch.ones(1))
    assert not takes_over(torch.ones(1), torch.ones(1, dtype=torch.float64))
    assert not takes_over(torch.ones(1, device="meta"))


def test_what_does_not_lie_in_one_piece_is_read_as_it_is_meant() -> None:
    scene = Scene()
    expected, choice = scene.fused(0.85, True)
    gradients = scene.gradients(expected, torch.ones_like(expected))
    scene.target, *scene.images = (strided(image) for image in (scene.target, *scene.images))
    scene.cameras = [Camera(*(strided(part) for part in camera)) for camera in scene.cameras]
    scene.present = strided(scene.present)
    scene.depth = strided(scene.depth.detach()).requires_grad_()
    scene.poses = lambda made=scene.poses: [strided(pose) for pose in made()]
    error, found = scene.fused(0.85, True)
    assert torch.equal(error, expected)
    assert torch.equal(found, choice)
    weight = strided(torch.ones_like(error))
    for one, other in zip(scene.gradients(error, weight), gradients, strict=True):
        torch.testing.assert_close(one, other)


def strided(tensor: Tensor) -> Tensor:
    """The same numbers, from back to front and with gaps between them."""
    several = torch.stack([tensor.mT, torch.zeros_like(tensor.mT)], -1)
    assert not several[..., 0].mT.is_contiguous()
    return several[..., 0].mT


@pytest.mark.parametrize("what", ["depth", "target", "images", "cameras", "poses"])
def test_double_precision_is_refused_and_not_read_as_single(what: str) -> None:
    scene = Scene()
    with torch.no_grad():
        if what == "images":
            scene.images[1] = scene.images[1].double()
        elif what == "cameras":
            scene.cameras = [Camera(*(part.double() for part in camera)) for camera in scene.cameras]
        elif what == "poses":
            scene.poses = lambda made=scene.poses: [pose.double() for pose in made()]
        else:
            setattr(scene, what, getattr(scene, what).double())
    with pytest.raises(ValueError, match=rf"{what}: torch.float64 of \[.*C reads contiguous torch.float32"):
        scene.fused(0.85, True)


def test_a_source_of_another_size_is_refused_and_not_read_beyond_its_end() -> None:
    scene = Scene()
    scene.images[1] = scene.images[1][..., :-4]
    with pytest.raises(ValueError, match=r"images: torch.float32 of \[2, 3, 12, 16\]"):
        scene.fused(0.85, True)
    scene = Scene()
    scene.depth, scene.target = scene.depth[..., :1], scene.target[..., :1]
    scene.images = [image[..., :1] for image in scene.images]
    with pytest.raises(ValueError, match="at least 2x2 pixels"):
        scene.fused(0.85, True)


def test_without_a_compiler_torch_does_it(monkeypatch: pytest.MonkeyPatch, tmp_path, caplog) -> None:
    from egodepth.foundation import native

    for name, value in (("EGODEPTH_NATIVE", "0"), ("CC", "no-such-compiler"), ("CC", "false")):
        with monkeypatch.context() as patch:
            patch.setenv(name, value)
            patch.setenv("EGODEPTH_CACHE", str(tmp_path))
            assert native.compiled.__wrapped__("reprojection") is None
    assert "fast loops of reprojection cannot be built (CC is 'no-such-compiler'" in caplog.text
    assert os.environ.get("CC") != "false"
    assert module.takes_over(torch.ones(1))


def test_a_compiler_may_have_options_and_a_library_that_was_cut_off_is_built_again(monkeypatch, tmp_path) -> None:
    from egodepth.foundation import native

    if native.compiled("reprojection") is None:
        pytest.skip("no compiler here")
    monkeypatch.setenv("CC", "cc -DNOTHING")
    monkeypatch.setenv("EGODEPTH_CACHE", str(tmp_path))
    assert native.compiled.__wrapped__("sweep") is not None
    library, size = sorted((tmp_path / "native").iterdir(), key=lambda path: path.suffix == ".size")
    cut_off = tmp_path / "elsewhere" / "native" / library.name
    cut_off.parent.mkdir(parents=True)
    cut_off.write_bytes(library.read_bytes()[:5000])
    cut_off.with_suffix(".size").write_text(size.read_text())
    monkeypatch.setenv("EGODEPTH_CACHE", str(tmp_path / "elsewhere"))
    assert native.compiled.__wrapped__("sweep") is not None
    assert cut_off.stat().st_size == library.stat().st_size


def test_what_a_compiler_says_is_passed_on(monkeypatch, tmp_path, caplog) -> None:
    from egodepth.foundation import native

    compiler = tmp_path / "broken"
    compiler.write_text("#!/bin/sh\necho 'note: thinking' >&2\necho 'x.c:1: error: no headers here' >&2\nexit 1\n")
    compiler.chmod(0o755)
    monkeypatch.setenv("CC", str(compiler))
    monkeypatch.setenv("EGODEPTH_CACHE", str(tmp_path / "cache"))
    assert native.compiled.__wrapped__("sweep") is None
    assert "x.c:1: error: no headers here" in caplog.text
