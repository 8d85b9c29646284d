"""Hints on disk are what was written, or are found to be missing."""

import numpy as np
import pytest

from egodepth.data.readers.folder import FolderDrive
from egodepth.foundation.errors import InputError
from egodepth.hints.store import HIGHEST, LOWEST, HintMaps, decoded, digest_of, drive_folder, encoded

SIZE = (4, 6)


def some_depth(seed: int) -> np.ndarray:
    inverse_depth = np.random.default_rng(seed).uniform(0.01, 2, SIZE).astype(np.float32)
    inverse_depth[0] = 0
    return inverse_depth


def test_16_bits_keep_inverse_depth_to_a_few_ten_thousandths():
    inverse_depth = np.geomspace(LOWEST, HIGHEST, 1000).astype(np.float32)
    np.testing.assert_allclose(decoded(encoded(inverse_depth)), inverse_depth, rtol=3e-4)


def test_what_is_out_of_range_is_cut_off():
    low, high = decoded(encoded(np.array([LOWEST / 10, HIGHEST * 10], np.float32)))
    assert low == pytest.approx(LOWEST, rel=1e-3)
    assert high == pytest.approx(HIGHEST, rel=1e-3)


def test_a_map_comes_back_with_its_holes_and_weights(tmp_path):
    maps = HintMaps(tmp_path / "d" / "sweep", 2, SIZE, {"kind": "sweep"})
    weight = np.full(SIZE, 0.5, np.float32)
    maps.write(1, some_depth(0), weight)
    inverse_depth, trust = HintMaps(tmp_path / "d" / "sweep", 2, SIZE, {}).read(1)
    np.testing.assert_allclose(inverse_depth, some_depth(0), rtol=3e-4)
    np.testing.assert_allclose(trust, np.where(some_depth(0) > 0, 0.5, 0), atol=1 / 255)


def test_making_goes_on_at_the_first_map_that_is_not_whole(tmp_path):
    stem = tmp_path / "sweep"
    maps = HintMaps(stem, 3, SIZE, {})
    assert maps.missing() == 0
    for position in range(3):
        maps.write(position, some_depth(position))
    assert HintMaps(stem, 3, SIZE, {}).missing() == 3
    with stem.with_name("sweep.u8").open("r+b") as file:
        file.seek(1 * SIZE[0] * SIZE[1] * 3 + 20)
        file.write(b"\x55\x55")
    assert HintMaps(stem, 3, SIZE, {}).missing() == 1


def test_a_file_that_was_cut_off_is_begun_anew(tmp_path):
    stem = tmp_path / "sweep"
    maps = HintMaps(stem, 2, SIZE, {})
    maps.write(0, some_depth(0))
    file = stem.with_name("sweep.u8")
    file.write_bytes(file.read_bytes()[:-5])
    assert HintMaps(stem, 2, SIZE, {}).missing() == 0


def test_a_store_that_cannot_be_written_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"--hints\.store"):
        HintMaps(tmp_path / "file" / "sweep", 2, SIZE, {})


def test_other_poses_and_other_images_have_other_names(tmp_path, make_clip):
    assert digest_of(np.eye(4)) == digest_of(np.eye(4)) != digest_of(2 * np.eye(4))
    first, second = FolderDrive(make_clip(tmp_path / "a" / "clip")), FolderDrive(make_clip(tmp_path / "b" / "clip"))
    assert drive_folder(tmp_path, first) == drive_folder(tmp_path, second)
    image = tmp_path / "b" / "clip" / "000000.png"
    image.write_bytes((tmp_path / "b" / "clip" / "000003.png").read_bytes())
    assert drive_folder(tmp_path, first) != drive_folder(tmp_path, FolderDrive(tmp_path / "b" / "clip"))
