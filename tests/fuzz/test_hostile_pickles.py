"""Pickles that would run something: in every place from which weights, arrays and cards are read."""

import io
import json
import os
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from egodepth.data.cameras import read_camera
from egodepth.data.readers.manifest import open_manifest
from egodepth.evaluation.external import ExternalMaps
from egodepth.training.checkpoint import load_checkpoint
from egodepth.video.arrays import read_arrays
from egodepth.video.cloud.inputs import DepthMaps
from egodepth.weights import DepthModel, import_monodepth2, load_model
from egodepth.weights.exported.runtime import load_exported
from fuzz.hostile import CARD, a_manifest, refused
from fuzz.weight_parsers import PARSERS as WEIGHT_PARSERS


class Payload:
    """Unpickled, makes a folder."""

    def __init__(self, place: Path) -> None:
        self._place = str(place)

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[str]]:
        return os.mkdir, (self._place,)


def of_objects(payload: Payload) -> np.ndarray:
    array = np.empty(1, object)
    array[0] = payload
    return array


def a_map(folder: Path, name: str, payload: Payload) -> Callable[[], object]:
    """Predictions in one file, of which one holds the payload."""
    (np.save if name.endswith(".npy") else np.savez)(folder / name, of_objects(payload))  # type: ignore[operator]
    return lambda: ExternalMaps(folder / name, ["a"], ["a"], "predictions")["a"]


def maps_in_a_folder(folder: Path, payload: Payload) -> Callable[[], object]:
    np.save(folder / "a.npy", of_objects(payload))
    return lambda: ExternalMaps(folder, ["a"], ["a"], "predictions")["a"]


def truth_of_a_manifest(folder: Path, payload: Payload) -> Callable[[], object]:
    a_manifest(folder, "drive")
    np.save(folder / "0.npy", of_objects(payload))
    return lambda: open_manifest(folder)[0].read_depth(0)


def a_depth_map(folder: Path, payload: Payload) -> Callable[[], object]:
    np.savez(folder / "clip_000000.npz", depth=of_objects(payload))
    return lambda: DepthMaps.open(folder, Path("clip.mp4")).read(0)


def arrays_of_a_stage(folder: Path, payload: Payload) -> Callable[[], object]:
    np.savez(folder / "arrays.npz", depth=of_objects(payload))
    return lambda: read_arrays(folder / "arrays.npz")


def published_weights(folder: Path, payload: Payload, **options: Any) -> Callable[[], object]:
    torch.save({"height": 192, "width": 640, "x": payload}, folder / "encoder.pth", **options)
    (folder / "depth.pth").write_bytes((folder / "encoder.pth").read_bytes())
    return lambda: import_monodepth2(folder)


def a_bare_pickle_as_weights(folder: Path, payload: Payload) -> Callable[[], object]:
    (folder / "encoder.pth").write_bytes(pickle.dumps(payload))
    return lambda: import_monodepth2(folder)


def a_pickle_as_a_model(folder: Path, payload: Payload) -> Callable[[], object]:
    DepthModel(CARD).save(folder / "model")
    torch.save({"x": payload}, folder / "model" / "model.safetensors")
    torch.save({"x": payload}, folder / "model" / "pytorch_model.bin")
    return lambda: load_model(folder / "model")


def a_pickle_as_a_checkpoint(folder: Path, payload: Payload) -> Callable[[], object]:
    next(parser for parser in WEIGHT_PARSERS if parser.name == "checkpoint").prepare(folder)
    torch.save({"x": payload}, folder / "place" / "state.safetensors")
    module = torch.nn.Conv2d(3, 4, 3)
    return lambda: load_checkpoint(folder / "place", module, torch.optim.Adam(module.parameters()))


def objects_in_yaml(folder: Path, payload: Payload) -> Callable[[], object]:
    text = f"camera_matrix: !!python/object/apply:os.mkdir [{payload.__reduce__()[1][0]}]\n"
    (folder / "camera.yaml").write_text(text)
    return lambda: read_camera(folder / "camera.yaml", (375, 1242))


@pytest.mark.parametrize(
    "prepare",
    [
        lambda folder, payload: a_map(folder, "maps.npz", payload),
        lambda folder, payload: a_map(folder, "maps.npy", payload),
        maps_in_a_folder,
        truth_of_a_manifest,
        a_depth_map,
        arrays_of_a_stage,
        published_weights,
        lambda folder, payload: published_weights(folder, payload, _use_new_zipfile_serialization=False),
        a_bare_pickle_as_weights,
        a_pickle_as_a_model,
        a_pickle_as_a_checkpoint,
        objects_in_yaml,
    ],
)
def test_what_a_pickle_wants_to_run_is_never_run(tmp_path: Path, prepare) -> None:
    payload = Payload(tmp_path / "ran")
    pickle.loads(pickle.dumps(payload))
    assert (tmp_path / "ran").is_dir()  # it would work
    (tmp_path / "ran").rmdir()
    (tmp_path / "files").mkdir()
    refused(prepare(tmp_path / "files", payload))
    assert not (tmp_path / "ran").exists()


def test_a_torch_program_in_an_export_is_not_opened(tmp_path: Path) -> None:
    export = next(parser for parser in WEIGHT_PARSERS if parser.name == "export card")
    export.prepare(tmp_path)
    card = json.loads((tmp_path / "config.json").read_text()) | {"kind": "torch", "files": []}
    (tmp_path / "config.json").write_text(json.dumps(card))
    torch.save({"x": Payload(tmp_path / "ran")}, tmp_path / "model.pt2")
    torch.save({"x": Payload(tmp_path / "ran")}, tmp_path / "model.safetensors")
    refused(lambda: load_exported(tmp_path))
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("encoder", ["local-dir:../../x", "hf-hub:someone/model", "hf_hub:someone/model", "../../x"])
def test_a_card_cannot_have_networks_built_from_elsewhere(tmp_path: Path, encoder: str) -> None:
    DepthModel(CARD).save(tmp_path)
    card = json.loads((tmp_path / "config.json").read_text())
    card["network"]["encoder"] = encoder
    (tmp_path / "config.json").write_text(json.dumps(card))
    assert "is not the name of one" in refused(lambda: load_model(tmp_path))


@pytest.mark.parametrize("flags", [0x3F, 0xFF, 1 << 40, -1])
def test_numpy_is_not_handed_the_flags_of_a_pickle(tmp_path: Path, flags: int) -> None:
    """Numpy takes them as they are, and follows bytes as if they were pointers to objects."""
    array = np.empty(1, object)
    array[0] = np.full((4, 6), 2.5, np.float32)
    pickled = pickle.dumps(array, protocol=4)  # as numpy does
    old = b"J\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00t"
    assert pickled.count(old) == 1
    place = pickled.index(old)
    new = old[:10] + pickle.dumps(flags, protocol=2)[2:-1] + b"t"
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, {"descr": "|O", "fortran_order": False, "shape": (1,)})
    with zipfile.ZipFile(tmp_path / "maps.npz", "w") as archive:
        archive.writestr("arr_0.npy", stream.getvalue() + pickled[:place] + new + pickled[place + len(old) :])
    found = ExternalMaps(tmp_path / "maps.npz", ["a"], ["a"], "predictions")["a"]
    assert torch.equal(found, torch.full((4, 6), 2.5))


@pytest.mark.parametrize("flags", [0, 1])
def test_bytes_of_a_pickle_are_no_pointers(tmp_path: Path, flags: int) -> None:
    """An array of objects that says it holds none: numpy's own functions follow its bytes, and end the process."""
    dtype = b"cnumpy\ndtype\nU\x02O8K\x00K\x01\x87R(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK%ctb" % flags
    made = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R"
    pickled = b"\x80\x02" + made + b"(K\x01K\x01\x85" + dtype + b"\x89U\x08AAAAAAAAtb."
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, {"descr": "|O", "fortran_order": False, "shape": (1,)})
    with zipfile.ZipFile(tmp_path / "maps.npz", "w") as archive:
        archive.writestr("arr_0.npy", stream.getvalue() + pickled)
    refused(lambda: ExternalMaps(tmp_path / "maps.npz", ["a"], ["a"], "predictions")["a"])
