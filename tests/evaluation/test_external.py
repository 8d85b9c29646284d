import io
import json
import os
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from egodepth.data.batch import DepthSample
from egodepth.evaluation.benchmarks import PROTOCOLS
from egodepth.evaluation.external import ExternalMaps, inverse_depth_from, is_upside_down
from egodepth.foundation.errors import InputError

NAMES = ["drive/2", "drive/0", "drive/1"]
MAPS = [np.random.default_rng(i).uniform(1, 60, (4, 5 + i)).astype(np.float32) for i in range(3)]


def ragged() -> np.ndarray:
    array = np.empty(3, object)
    array[:] = MAPS
    return array


def write_folder_of_arrays(path: Path) -> None:
    path.mkdir()
    for position, values in enumerate(MAPS):
        np.save(path / f"{position:04d}.npy", values)


WRITERS = {
    "ragged.npz": lambda path: np.savez_compressed(path, data=ragged()),
    "arrays": write_folder_of_arrays,
}


@pytest.mark.parametrize("name", WRITERS)
def test_maps_of_different_sizes_come_in_the_order_of_the_names(tmp_path: Path, name: str) -> None:
    WRITERS[name](tmp_path / name)
    maps = ExternalMaps(tmp_path / name, NAMES, NAMES, "predictions")
    for position in (2, 0, 1):
        np.testing.assert_array_equal(maps[NAMES[position]].numpy(), MAPS[position])


@pytest.mark.parametrize("name", ["one.npy", "one.npz"])
def test_maps_of_one_size_come_from_one_array(tmp_path: Path, name: str) -> None:
    whole = np.stack([values[:, :5] for values in MAPS])[:, None]  # with the channel that networks leave there
    if name.endswith("npy"):
        np.save(tmp_path / name, whole)
    else:
        np.savez_compressed(tmp_path / name, data=whole)
    np.testing.assert_array_equal(ExternalMaps(tmp_path / name, NAMES, NAMES, "predictions")["drive/0"], whole[1, 0])


def test_sixteen_bit_pictures_hold_256ths(tmp_path: Path) -> None:
    for position, values in enumerate(MAPS):
        Image.fromarray(np.rint(values * 256).astype(np.uint16)).save(tmp_path / f"{position}.png")
    found = ExternalMaps(tmp_path, NAMES, NAMES, "predictions")["drive/1"].numpy()
    np.testing.assert_allclose(found, MAPS[2], atol=0.5 / 256)


def test_depth_is_inverted_and_disparity_is_not(tmp_path: Path) -> None:
    np.save(tmp_path / "d.npy", MAPS[0][None])
    maps = ExternalMaps(tmp_path / "d.npy", ["a"], ["a"], "predictions")
    assert torch.equal(inverse_depth_from(maps, "disparity", "a"), torch.from_numpy(MAPS[0]))
    assert torch.equal(inverse_depth_from(maps, "depth", "a"), 1 / torch.from_numpy(MAPS[0]))


def test_another_number_of_maps_than_of_images_is_refused(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "gt.npz", data=ragged())
    with pytest.raises(InputError, match=r"gt\.npz: 3 true depth maps for 2 images"):
        ExternalMaps(tmp_path / "gt.npz", NAMES[:2], NAMES[:2], "true depth maps")


class Bomb:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def test_code_in_an_archive_is_never_run(tmp_path: Path) -> None:
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "|O", "fortran_order": False, "shape": (3,)})
    with zipfile.ZipFile(tmp_path / "gt.npz", "w") as archive:
        archive.writestr("data.npy", header.getvalue() + pickle.dumps(Bomb(tmp_path / "owned")))
    with pytest.raises(InputError, match="which is not an array"):
        ExternalMaps(tmp_path / "gt.npz", NAMES, NAMES, "true depth maps")
    np.save(tmp_path / "objects.npy", np.array([Bomb(tmp_path / "owned")] * 3), allow_pickle=True)
    with pytest.raises(InputError, match=r"objects\.npy: cannot be read"):
        ExternalMaps(tmp_path / "objects.npy", NAMES, NAMES, "predictions")
    assert not (tmp_path / "owned").exists()


@pytest.mark.parametrize("content", [b"", b"no array", b"PK\x03\x04 cut short"])
@pytest.mark.parametrize("name", ["p.npy", "p.npz"])
def test_what_is_no_array_is_refused_in_one_line(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=f"{name}: cannot be read") as caught:
        ExternalMaps(tmp_path / name, NAMES, NAMES, "predictions")
    assert "\n" not in str(caught.value)


def test_a_map_with_several_numbers_a_pixel_is_refused_by_the_image(tmp_path: Path) -> None:
    np.save(tmp_path / "rgb.npy", np.ones((3, 4, 5, 3)))
    with pytest.raises(InputError, match="the map of drive/0 is float64"):
        ExternalMaps(tmp_path / "rgb.npy", NAMES, NAMES, "predictions")["drive/0"]


def test_arrays_of_a_folder_come_in_natural_order(tmp_path: Path) -> None:
    for number in (10, 2, 1):
        np.save(tmp_path / f"{number}.npy", np.full((2, 2), float(number)))
    maps = ExternalMaps(tmp_path, NAMES, NAMES, "predictions")
    assert [float(maps[name][0, 0]) for name in NAMES] == [1, 2, 10]


def test_a_damaged_array_of_a_folder_and_a_single_number_are_refused(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "0.npy").write_bytes(b"damaged")
    with pytest.raises(InputError, match="the map of a cannot be read"):
        ExternalMaps(tmp_path / "folder", ["a"], ["a"], "predictions")["a"]
    np.savez(tmp_path / "one.npz", data=np.array(3.0))
    with pytest.raises(InputError, match=r"one\.npz: cannot be read"):
        ExternalMaps(tmp_path / "one.npz", ["a"], ["a"], "predictions")


@pytest.mark.parametrize("kind", ["depth", "disparity"])
def test_the_folders_of_predict_and_video_are_read_as_they_are(tmp_path: Path, kind: str) -> None:
    predicted, video = tmp_path / "predicted", tmp_path / "ride"
    (video / "depth").mkdir(parents=True)
    predicted.mkdir()
    for position, values in enumerate(MAPS):
        both = {"depth": values, "inverse_depth": 1 / values}
        np.savez(predicted / f"{10 - position}.npz", **both)
        np.savez(video / "depth" / f"{position:06d}.npz", **both, confidence=values)
        Image.fromarray(values.astype(np.uint16)).save(predicted / f"{10 - position}_depth.png")
        Image.fromarray(values.astype(np.uint16)).save(video / "depth" / f"{position:06d}.png")
    images = [{"name": str(10 - position)} for position in range(3)]  # in the order in which they were given
    (predicted / "predictions.json").write_text(json.dumps({"images": images}))
    for folder in (predicted, video, video / "depth"):
        maps = ExternalMaps(folder, NAMES, NAMES, "predictions", kind)
        for position, name in enumerate(NAMES):
            np.testing.assert_allclose(inverse_depth_from(maps, kind, name), 1 / MAPS[position], rtol=1e-6)


def test_archives_hold_an_array_an_image_or_several_by_name(tmp_path: Path) -> None:
    np.savez(tmp_path / "each.npz", *MAPS)
    np.savez(tmp_path / "named.npz", names=np.arange(3), depth=np.stack([values[:, :5] for values in MAPS]))
    for position, name in enumerate(NAMES):
        each, named = (
            ExternalMaps(tmp_path / f"{file}.npz", NAMES, NAMES, "predictions") for file in ("each", "named")
        )
        np.testing.assert_array_equal(each[name], MAPS[position])
        np.testing.assert_array_equal(named[name], MAPS[position][:, :5])


def test_an_archive_of_unnamed_arrays_says_what_it_has(tmp_path: Path) -> None:
    np.savez(tmp_path / "0.npz", left=MAPS[0], right=MAPS[1])
    with pytest.raises(InputError, match="it has left, right; one array is needed, or one called depth"):
        ExternalMaps(tmp_path, ["a"], ["a"], "predictions")["a"]


@pytest.mark.parametrize(("power", "upside_down"), [(-1, False), (1, True), (0, False)])
def test_depth_in_place_of_disparity_is_noticed(power: int, upside_down: bool) -> None:
    samples = {
        str(seed): DepthSample(str(seed), torch.zeros(3, 8, 9), 2 + 30 * torch.rand(8, 9), {}) for seed in range(20)
    }
    found = is_upside_down(
        list(samples), samples.__getitem__, lambda sample: sample.depth**power, PROTOCOLS["synthetic"]
    )
    assert found is upside_down
