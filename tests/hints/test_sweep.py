"""The plane sweep on a wall whose depth is known, and the loops in C against the formula in torch."""

from dataclasses import replace

import pytest
import torch

from egodepth.foundation.native import compiled
from egodepth.hints import Sweep, SweepSettings, SweepSource, loops, plane_sweep
from egodepth.hints.sweep import sweep_in_torch
from hints.hint_scenes import CAMERA, SIZE, WALL, pose, wall, wall_sources

SETTINGS = SweepSettings(planes=24, nearest=3.0, farthest=60.0, apart=4)
PLANES = SETTINGS.inverse_depths(1.0)
FOUR = ((-0.4, -1.0), (-0.2, -0.5), (0.2, 0.5), (0.4, 1.0))
needs_compiler = pytest.mark.skipif(compiled("sweep") is None, reason="no C compiler here")


def swept(sources: list[SweepSource], settings: SweepSettings = SETTINGS) -> Sweep:
    return plane_sweep(wall(pose(0, 0)), CAMERA, sources, settings.inverse_depths(1.0), settings)


def in_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("egodepth.hints.sweep.can_use_loops", lambda target: False)


@pytest.mark.parametrize("by_torch", [True, False])
def test_a_wall_is_found_at_its_distance(by_torch: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if by_torch:
        in_torch(monkeypatch)
    found = swept(wall_sources(FOUR)).inverse_depth
    kept = found > 0
    assert kept.float().mean() > 0.9
    torch.testing.assert_close(found[kept], torch.full_like(found[kept], 1 / WALL), rtol=0.05, atol=0)
    assert (found[kept] * WALL).mean() == pytest.approx(1, abs=0.005)


@needs_compiler
@pytest.mark.parametrize("places", [FOUR, FOUR[:1], FOUR[1:], FOUR[2:]])
@pytest.mark.parametrize("window", [1, 5])
def test_the_loops_compute_what_torch_computes(places: tuple, window: int) -> None:
    settings = replace(SETTINGS, window=window, ambiguity=0.95)
    torch.manual_seed(0)
    target = (wall(pose(0, 0)) + 0.05 * torch.rand(3, *SIZE)).clamp(0, 1)
    arguments = (target, CAMERA, wall_sources(places), PLANES, settings)
    found, expected = plane_sweep(*arguments), sweep_in_torch(*arguments)
    torch.testing.assert_close(found.cost, expected.cost, rtol=1e-4, atol=5e-5)
    assert ((found.inverse_depth > 0) == (expected.inverse_depth > 0)).float().mean() > 0.99  # but for ties
    same = (found.inverse_depth - expected.inverse_depth).abs() < 1e-3 * expected.inverse_depth
    # Where the parabola is flat, and without a window it often is, it makes a large step of a rounding error.
    assert same[(found.inverse_depth > 0) & (expected.inverse_depth > 0)].float().mean() > 0.98


@needs_compiler
def test_the_bytes_do_not_depend_on_the_number_of_threads() -> None:
    before, results = torch.get_num_threads(), []
    for threads in (1, 2, 5):
        torch.set_num_threads(threads)
        results.append(swept(wall_sources(FOUR)))
    torch.set_num_threads(before)
    for other in results[1:]:
        assert torch.equal(results[0].inverse_depth, other.inverse_depth)
        assert torch.equal(results[0].cost, other.cost)


@pytest.mark.parametrize("by_torch", [True, False])
def test_what_the_later_frames_do_not_show_is_found_in_the_earlier_ones(by_torch: bool, monkeypatch) -> None:
    if by_torch:
        in_torch(monkeypatch)
    sources = wall_sources(FOUR)
    hidden = [s if s.before else s._replace(image=wall(pose(0, 0), seed=1)) for s in sources]
    found = swept(hidden).inverse_depth
    kept = found > 0
    assert kept.float().mean() > 0.8
    assert ((found * WALL - 1).abs() < 0.05)[kept].float().mean() > 0.95


@pytest.mark.parametrize("by_torch", [True, False])
def test_a_source_counts_only_where_it_sees_the_pixel(by_torch: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if by_torch:
        in_torch(monkeypatch)
    seeing, aside = wall_sources(((-0.4, -1.0), (500.0, -0.5)))
    assert torch.equal(swept([seeing, aside]).cost, swept([seeing]).cost)
    blind = swept([aside])
    assert (blind.cost == 1).all()
    assert not blind.inverse_depth.any()


def test_a_camera_that_stands_gives_no_hint() -> None:
    still = SweepSource(wall(pose(0, 0)), torch.eye(4), True)
    moved = SweepSource(wall(pose(0, 0)), pose(0.5, 0.0), False)  # it is said to move, and the picture says no
    assert not swept([still]).inverse_depth.any()
    assert not swept([moved]).inverse_depth.any()


def test_a_surface_without_texture_gives_no_hint() -> None:
    grey = torch.full((3, *SIZE), 0.5)
    sources = [s._replace(image=grey) for s in wall_sources(FOUR)]
    assert not plane_sweep(grey, CAMERA, sources, PLANES, SETTINGS).inverse_depth.any()


def test_a_wall_nearer_than_the_first_plane_gives_no_hint() -> None:
    sources = wall_sources(FOUR, distance=2.5)
    found = plane_sweep(wall(pose(0, 0), distance=2.5), CAMERA, sources, PLANES, SETTINGS).inverse_depth
    assert (found > 0).float().mean() < 0.02


@needs_compiler
def test_doubles_are_read_as_what_they_are() -> None:
    sources = [
        s._replace(image=s.image.double(), source_from_target=s.source_from_target.double()) for s in wall_sources(FOUR)
    ]
    camera = type(CAMERA)(CAMERA.focal.double(), CAMERA.centre.double())
    found = plane_sweep(wall(pose(0, 0)).double(), camera, sources, PLANES.double(), SETTINGS)
    assert torch.equal(found.inverse_depth, swept(wall_sources(FOUR)).inverse_depth)


def test_without_a_compiler_torch_does_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loops, "compiled", lambda name: None)
    found, expected = (
        swept(wall_sources(FOUR)),
        sweep_in_torch(wall(pose(0, 0)), CAMERA, wall_sources(FOUR), PLANES, SETTINGS),
    )
    assert torch.equal(found.inverse_depth, expected.inverse_depth)
