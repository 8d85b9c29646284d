import itertools

import numpy as np
import pytest
from PIL import Image, ImageFilter

from egodepth.data.footage.cuts import Duplicates, exposure_change, is_cut, sharpness
from egodepth.data.footage.motion import block_flow
from egodepth.data.samples.static_frames import small_grey
from footage_scenes import noisy, pan, street


def same(images: list[np.ndarray]) -> list[bool]:
    """Of each picture after the first, whether it is the one before once more."""
    greys, found = [small_grey(image) for image in images], Duplicates()
    return [found.same(a, b) for a, b in itertools.pairwise(greys)]


def test_pictures_that_are_there_twice_are_found_though_encoded_anew() -> None:
    images = [image for image in street(np.arange(8) * 2.0) for _ in range(2)]
    assert same(images) == [True, False] * 7 + [True]
    assert same(noisy(images, 0.5))[2:] == ([True, False] * 7 + [True])[2:]


def test_the_noise_of_a_standing_camera_is_no_duplicate() -> None:
    assert not any(same(noisy(pan([5.0] * 8))))


def test_slow_motion_is_no_duplicate() -> None:
    assert not any(same(street(np.arange(8) * 0.3)))


def test_exposure_is_told_in_doublings() -> None:
    grey = small_grey(pan([0])[0]) / 2
    assert exposure_change(grey, grey * 2) == pytest.approx(1, abs=0.03)
    assert exposure_change(grey, grey * 0.5) == pytest.approx(-1, abs=0.05)


def test_another_scene_is_a_cut_and_the_same_in_other_light_is_none() -> None:
    first, second, other = *street([0, 6]), *street([0], seed=4)
    greys = [small_grey(image) for image in (first, second, (second * 0.5).astype(np.uint8), other)]
    assert [is_cut(block_flow(greys[0], grey)) for grey in greys] == [False, False, False, True]


def test_blur_lowers_the_sharpness() -> None:
    sharp = street([0])[0]
    blurred = np.asarray(Image.fromarray(sharp).filter(ImageFilter.GaussianBlur(3)))
    assert sharpness(small_grey(blurred)) < 0.2 * sharpness(small_grey(sharp))
    assert sharpness(small_grey(sharp)[:2]) == 0
