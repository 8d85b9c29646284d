"""Predictions and true depth in other programs' files: .npy, .npz and folders, one map per image in benchmark order."""

import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from egodepth.config import Predicted
from egodepth.data.batch import DepthSample
from egodepth.data.images import MAX_PIXELS, read_uint16
from egodepth.data.media.frame_numbers import spread_places
from egodepth.data.media.frames import list_images, natural_key
from egodepth.evaluation.pickled_arrays import read_pickled_arrays
from egodepth.evaluation.pixels import valid_pixels
from egodepth.evaluation.protocols import Protocol
from egodepth.foundation.errors import InputError
from egodepth.foundation.reading import read_json, read_npz

_KEYS: dict[Predicted, tuple[str, ...]] = {
    "depth": ("depth", "pred_depth"),
    "disparity": ("inverse_depth", "disparity", "disp", "pred_disp"),
}
"""Names of arrays; the first are those of `predict` and `video`."""
_PREDICTIONS, _VIDEO_DEPTH = "predictions.json", "depth"
"""File that `predict` writes to its folder, and folder of a clip's maps from `video`."""
_LOOKED_AT, _UPSIDE_DOWN = 8, -0.2
"""Number of images to check; and the correlation with true inverse depth below which near and far are swapped."""
_PNG_STEPS = 256.0
"""Steps per metre (or per unit of disparity) in 16-bit PNGs, KITTI's convention."""
_MOST_BYTES = 8 << 30
"""Largest unpacked array of an archive: three times KITTI's 697 images in doubles. Larger ones can be .npy files."""


class ExternalMaps:
    """Maps by image, read on request."""

    def __init__(
        self, path: Path, names: Sequence[str], order: Sequence[str], what: str, kind: Predicted = "depth"
    ) -> None:
        """Open a file or folder.

        Args:
            path: `.npy` or `.npz` with one array per image; a folder of `.npy`, of `.npz`, or of 16-bit PNGs (value /
                256); or an output folder of `predict` or `video`.
            names: the names of the requested images.
            order: the names of all images of the benchmark. There may be maps for all of them, or for `names` alone.
            what: a description of the maps, for messages.
            kind: the quantity to read from archives that hold both.

        Raises:
            InputError: nothing readable, or another number of maps than of images.
        """
        self._path = path
        self._maps = _opened(path, _KEYS[kind])
        if len(self._maps) not in (len(names), len(order)):
            whole = f", or for all {len(order)} of the benchmark" if len(order) != len(names) else ""
            raise InputError(
                f"{path}: {len(self._maps)} {what} for {len(names)} images; there must be one for each{whole}, in the "
                "order of the benchmark"
            )
        stored = names if len(self._maps) == len(names) else order
        self._position = {name: position for position, name in enumerate(stored)}

    def __getitem__(self, name: str) -> Float[Tensor, "h w"]:
        """Return the map of an image, float32."""
        found = self._maps[self._position[name]]
        try:
            array = np.asarray(found() if callable(found) else found)
        except Exception as error:  # damaged headers raise almost anything
            raise InputError(f"{self._path}: the map of {name} cannot be read ({error}); write it again") from error
        array = array.squeeze() if array.ndim > 2 else array
        if array.ndim != 2 or array.dtype.kind not in "fiu":
            raise InputError(f"{self._path}: the map of {name} is {array.dtype} {array.shape}, not one number a pixel")
        if array.size > MAX_PIXELS:
            raise InputError(f"{self._path}: the map of {name} has over {MAX_PIXELS // 10**6} megapixels; shrink it")
        with np.errstate(over="ignore", invalid="ignore"):
            return torch.from_numpy(array.astype(np.float32))


def inverse_depth_from(maps: ExternalMaps, kind: Predicted, name: str) -> Float[Tensor, "h w"]:
    """Return the inverse depth of an external prediction; a disparity is inverse depth up to scale."""
    found = maps[name]
    return found if kind == "disparity" else 1 / found


def is_upside_down(
    names: Sequence[str],
    read: Callable[[str], DepthSample],
    predict: Callable[[DepthSample], Float[Tensor, "h w"]],
    protocol: Protocol,
) -> bool:
    """Whether predicted and true inverse depth are negatively correlated in the typical one of a few images.

    Args:
        names: the names of the images.
        read: returns the sample of a name.
        predict: returns the inverse depth of a sample.
        protocol: defines the valid pixels.
    """
    correlations = []
    for place in spread_places(len(names), _LOOKED_AT):
        sample = read(names[place])
        if bool(protocol.valid(sample.depth.float()).any()):
            pixels = valid_pixels(sample, predict(sample), protocol)
            both = torch.stack([1 / pixels.prediction, 1 / pixels.truth])
            correlations.append(torch.corrcoef(both)[0, 1].item())
    return bool(correlations) and float(np.median(np.nan_to_num(correlations))) < _UPSIDE_DOWN


def _opened(path: Path, keys: Sequence[str]) -> Sequence[np.ndarray | Callable[[], np.ndarray]]:
    try:
        if path.is_dir():
            return _folder(path, keys)
        if path.suffix == ".npz":
            return _npz(path, keys)
        # Memory-mapped: the predictions of a whole test set are gigabytes.
        return list(np.lib.format.open_memmap(path, mode="r"))
    except InputError:
        raise
    except Exception as error:  # damaged headers, archives and pickles raise almost anything
        reason = str(error).split("\n")[0]
        raise InputError(f"{path}: cannot be read ({reason}); give .npy, .npz or a folder of .npy or .png") from error


def _folder(folder: Path, keys: Sequence[str]) -> list[Callable[[], np.ndarray]]:
    if (folder / _PREDICTIONS).is_file():
        files = [folder / f"{image['name']}.npz" for image in read_json(folder / _PREDICTIONS)["images"]]
        return [lambda path=path: _array_of(path, keys) for path in files]
    if (folder / _VIDEO_DEPTH).is_dir():
        folder = folder / _VIDEO_DEPTH

    def sorted_files(pattern: str) -> list[Path]:
        return sorted(folder.glob(pattern), key=lambda path: natural_key(path.stem))

    if arrays := sorted_files("*.npy"):
        return [lambda path=path: np.lib.format.open_memmap(path, mode="r") for path in arrays]
    if archives := sorted_files("*.npz"):
        return [lambda path=path: _array_of(path, keys) for path in archives]
    return [lambda path=path: read_uint16(path) / _PNG_STEPS for path in list_images(folder)]


def _array_of(path: Path, keys: Sequence[str]) -> np.ndarray:
    """Return the only array of an archive, or the one with one of the names."""
    arrays = read_npz(path)
    named = next((arrays[key] for key in keys if key in arrays), None)
    if named is None and len(arrays) != 1:
        raise ValueError(f"it has {', '.join(arrays)}; one array is needed, or one called {' or '.join(keys)}")
    return next(iter(arrays.values())) if named is None else named


def _npz(path: Path, keys: Sequence[str]) -> list[np.ndarray]:
    """Return the array of an archive, by name if there are several, or all arrays, one per image.

    Maps of different sizes are stored as an array of objects.
    """
    with zipfile.ZipFile(path) as archive:
        members = {member.filename.removesuffix(".npy"): member for member in archive.infolist()}
        key = next((key for key in keys if key in members), None)
        if key is None and len(members) > 1:
            arrays = read_npz(path, most=_MOST_BYTES)
            return [arrays[name] for name in sorted(arrays, key=natural_key)]
        first = members[key] if key else archive.infolist()[0]
        if first.file_size > _MOST_BYTES:
            raise ValueError(f"over {_MOST_BYTES >> 30} GB unpacked")
        name = first.filename.removesuffix(".npy")
        with archive.open(first) as stream:
            version = np.lib.format.read_magic(stream)
            header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
            _, _, dtype = header(stream)
            if not dtype.hasobject:
                return list(read_npz(path, (name,), _MOST_BYTES)[name])
            return read_pickled_arrays(stream.read())
