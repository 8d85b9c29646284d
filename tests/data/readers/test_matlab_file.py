from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat

from egodepth.data.readers.matlab_file import read_matrix

KINDS = ("int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float32", "float64")


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_matrices_come_back_as_scipy_saved_them(tmp_path: Path, kind: str, compressed: bool) -> None:
    wanted = np.arange(2 * 3 * 4, dtype=kind).reshape(2, 3, 4)
    small = np.ones((1, 3), np.uint8)  # three bytes: they lie within the tag
    savemat(tmp_path / "a.mat", {"x": small, "first": wanted + 1, "wanted": wanted}, do_compression=compressed)
    found = read_matrix(tmp_path / "a.mat", "wanted")
    assert found.dtype == kind
    np.testing.assert_array_equal(found, wanted)
    np.testing.assert_array_equal(read_matrix(tmp_path / "a.mat", "x"), small)
    with pytest.raises(ValueError, match="no matrix 'other'"):
        read_matrix(tmp_path / "a.mat", "other")


@pytest.mark.parametrize("other", ["text", np.array([1j, 2]), {"field": 1}, np.array(["a", 1], object)])
def test_what_holds_no_real_numbers_is_refused(tmp_path: Path, other: object) -> None:
    savemat(tmp_path / "a.mat", {"other": other})
    with pytest.raises(ValueError, match="a matrix whose elements are not real numbers"):
        read_matrix(tmp_path / "a.mat", "other")


def test_other_files_and_parts_of_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.mat"
    savemat(path, {"a": np.arange(100.0)}, do_compression=True)
    whole = path.read_bytes()
    for length, said in (
        (0, "not a file of MATLAB 5"),
        (100, "not a file of MATLAB 5"),
        (128, "no matrix 'a'"),
        (140, "truncated"),
        (len(whole) - 1, "truncated"),
    ):
        path.write_bytes(whole[:length])
        with pytest.raises(ValueError, match=said):
            read_matrix(path, "a")
    savemat(path, {"a": np.arange(100.0)}, format="4")
    with pytest.raises(ValueError, match="not a file of MATLAB 5"):
        read_matrix(path, "a")
