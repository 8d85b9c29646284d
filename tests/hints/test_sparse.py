"""Sparse points as hints."""

import numpy as np

from egodepth.hints.sparse import sparse_hint
from hints.map_scenes import CAMERA, map_of, point_at

HELD_OUT = point_at(0.05, 0.05, 3)
SIZE = (10, 20)


def test_a_point_lies_on_the_pixel_that_sees_it_and_all_else_is_unknown():
    hint, weight = sparse_hint(map_of([HELD_OUT, point_at(0.51, 0.31, 4.0)]), 0, CAMERA, SIZE)
    assert hint.dtype == weight.dtype == np.float32
    assert hint[3, 10] == 0.25
    assert weight[3, 10] == 1
    assert (hint > 0).sum() == (weight > 0).sum() == 1


def test_where_two_points_fall_on_a_pixel_the_nearer_counts_with_its_own_weight():
    both = [point_at(0.51, 0.31, 8.0), point_at(0.52, 0.32, 4.0)]
    for points in (both, both[::-1]):
        errors = [0.0, *(0.0 if point[2] == 8 else 1.0 for point in points)]
        hint, weight = sparse_hint(map_of([HELD_OUT, *points], error_px=errors), 0, CAMERA, SIZE)
        assert (hint[3, 10], weight[3, 10]) == (0.25, 0.5)


def test_an_error_of_a_pixel_halves_the_weight_and_so_do_three_sightings_of_six():
    points = [HELD_OUT, *(point_at(u, 0.5, 4.0) for u in (0.11, 0.31, 0.51, 0.71))]
    clip_map = map_of(points, error_px=[0, 0, 1, 0, 1], track_length=[9, 6, 12, 3, 3])
    weight = sparse_hint(clip_map, 0, CAMERA, SIZE)[1]
    np.testing.assert_allclose(weight[5, [2, 6, 10, 14]], [1, 0.5, 0.5, 0.25])


def test_points_behind_the_camera_or_beside_the_image_are_not_seen():
    points = [HELD_OUT, [0, 0, -2], point_at(1.2, 0.5, 4.0), point_at(0.5, -0.1, 4.0)]
    assert not sparse_hint(map_of(points), 0, CAMERA, SIZE)[0].any()


def test_a_point_that_is_held_out_is_no_hint_and_neither_is_its_twin():
    """A feature of two orientations makes two points, a fraction of a pixel apart."""
    twin, neighbour = point_at(0.0505, 0.0505, 3), point_at(0.06, 0.05, 3)
    assert not sparse_hint(map_of([HELD_OUT, twin]), 0, CAMERA, SIZE)[0].any()
    assert sparse_hint(map_of([HELD_OUT, neighbour]), 0, CAMERA, SIZE)[0].any()


def test_a_frame_that_sees_nothing_has_an_empty_hint():
    hint, weight = sparse_hint(map_of([]), 0, CAMERA, SIZE)
    assert hint.shape == weight.shape == SIZE
    assert not hint.any()
    assert not weight.any()
