"""Predictions and truth in the files of others, depth maps, and MATLAB's matrices."""

import io
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from egodepth.data.readers.make3d import _read_grid as read_laser
from egodepth.evaluation.external import ExternalMaps
from egodepth.video.arrays import read_arrays
from egodepth.video.cloud.inputs import DepthMaps
from fuzz.camera_parsers import one_file
from fuzz.harness import Parser

_NAMES = ("a", "b", "c")
_MAPS = np.random.default_rng(0).random((3, 4, 6), np.float32) + 1


def stored(save: Callable[..., Any], *arguments: Any, **named: Any) -> bytes:
    """What `save` writes into a file."""
    stream = io.BytesIO()
    save(stream, *arguments, **named)
    return stream.getvalue()


def objects() -> np.ndarray:
    """Maps of different sizes, as KITTI's published truth is kept."""
    found = np.empty(3, object)
    found[:] = [_MAPS[0], _MAPS[1, :3], _MAPS[2, :, :5]]
    return found


def _external(name: str, contents: Sequence[bytes], title: str) -> Parser:
    def read(folder: Path) -> None:
        maps = ExternalMaps(folder / name, _NAMES, _NAMES, "predictions")
        for image in _NAMES:
            found = maps[image]
            assert found.ndim == 2
            assert found.numel() <= 80_000_000

    return Parser(title, one_file(name, contents), read)


def _prepare_folder(folder: Path) -> Mapping[str, Sequence[bytes]]:
    (folder / "maps").mkdir()
    for name, array in zip(_NAMES, _MAPS, strict=True):
        np.save(folder / "maps" / f"{name}.npy", array)
    return {"maps/b.npy": [(folder / "maps" / "b.npy").read_bytes(), stored(np.save, _MAPS[0].astype(float))]}


def _read_folder(folder: Path) -> None:
    maps = ExternalMaps(folder / "maps", _NAMES, _NAMES, "predictions")
    assert maps["b"].ndim == 2


_DEPTH = (
    stored(np.savez, depth=_MAPS[0], inverse_depth=1 / _MAPS[0]),
    stored(np.savez_compressed, depth=_MAPS[0], confidence=_MAPS[0] / 2),
)


def _read_depth(folder: Path) -> None:
    depth, confidence, error = DepthMaps.open(folder, Path("clip.mp4")).read(0)
    assert depth.shape == confidence.shape == error.shape
    assert depth.size <= 80_000_000


def _read_arrays(folder: Path) -> None:
    assert all(array.dtype.kind != "O" for array in read_arrays(folder / "arrays.npz").values())


def _laser() -> bytes:
    from scipy.io import savemat

    return stored(savemat, {"Position3DGrid": np.ones((55, 305, 4))}, do_compression=True)


def _read_laser(folder: Path) -> None:
    depth = read_laser(folder / "depth.mat")
    assert depth.ndim == 2, depth.shape


PARSERS = (
    _external("maps.npz", [stored(np.savez, _MAPS), stored(np.savez_compressed, _MAPS)], "predictions .npz"),
    _external(
        "maps.npz", [stored(np.savez, objects()), stored(np.savez_compressed, objects())], "predictions .npz of objects"
    ),
    _external("maps.npy", [stored(np.save, _MAPS), stored(np.save, _MAPS.astype(np.uint16))], "predictions .npy"),
    Parser("predictions folder", _prepare_folder, _read_folder),
    Parser("depth map .npz", one_file("clip_000000.npz", _DEPTH), _read_depth),
    Parser("stage arrays .npz", one_file("arrays.npz", _DEPTH), _read_arrays),
    Parser("MATLAB laser file", one_file("depth.mat", [_laser()]), _read_laser),
)
