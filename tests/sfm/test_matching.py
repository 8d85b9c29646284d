import numpy as np

from egodepth.sfm.matching import CAMERA_STEPS, pairs_of, same_points


def descriptors(*angles: float) -> np.ndarray:
    """Whole numbers of length 512 or so, that differ by angles."""
    return (512 * np.stack([np.cos(angles), np.sin(angles)], 1)).round().astype(np.float32)


def test_neighbours_are_counted_in_places_and_so_reach_over_gaps():
    frames = [0, 1, 2, 3, 100, 101, 102, 103, 104, 105]
    assert (3, 100) in pairs_of(frames)
    assert (0, 100) in pairs_of(frames)
    assert (0, 104) in pairs_of(frames)
    assert len(pairs_of(frames)) == 9 + 8 + 6 + 2
    assert pairs_of([5]) == set()


def test_where_the_camera_is_looked_for_farther_frames_are_matched_too():
    far = pairs_of(range(80), CAMERA_STEPS) - pairs_of(range(80))
    assert {second - first for first, second in far} == {16, 32, 64}
    assert len(far) == 64 + 48 + 16


def test_descriptors_are_the_same_point_if_each_is_the_others_nearest():
    first, second = descriptors(0.0, 0.5, 1.0), descriptors(1.02, 0.01, 0.52)
    assert same_points(first, second).tolist() == [[0, 1], [1, 2], [2, 0]]
    assert same_points(first[:2], second[::-1]).tolist() == [[0, 1], [1, 0]]
    # 0.40 has 0.5 for its nearest, which has 0.51.
    assert same_points(descriptors(0.40, 0.51), descriptors(0.5, 1.4)).tolist() == [[1, 0]]


def test_what_is_far_or_has_two_that_are_as_near_is_left_out():
    assert same_points(descriptors(0.0, 3.0), descriptors(0.75, 1.5)).tolist() == []
    assert same_points(descriptors(0.0, 3.0), descriptors(0.08, 0.1)).tolist() == []
    assert same_points(descriptors(0.0, 3.0), descriptors(0.05, 0.1)).tolist() == [[0, 0]]


def test_of_two_that_are_as_near_none_is_taken_on_either_side():
    assert same_points(descriptors(0.3, 0.3), descriptors(0.3, 1.2)).tolist() == []
    assert same_points(descriptors(0.3, 1.2), descriptors(0.3, 0.3)).tolist() == []
    # 0.30 is nearest to 0.31, which has another that is nearly as near.
    assert same_points(descriptors(0.30, 0.322), descriptors(0.31, 1.2)).tolist() == []
    assert same_points(descriptors(0.30, 0.330), descriptors(0.31, 1.2)).tolist() == [[0, 0]]


def test_frames_without_features_match_nothing():
    none = np.zeros((0, 128), np.float32)
    some = np.full((2, 128), 40, np.float32)
    assert same_points(none, some).shape == (0, 2)
    assert same_points(some, none).shape == (0, 2)
