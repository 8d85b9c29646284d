"""Names and links in the files of strangers: nothing is written where they lead."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from egodepth.cli import main
from egodepth.data.drive import Drive
from egodepth.data.images import write_image
from egodepth.data.readers.folder import FolderDrive
from egodepth.data.sample_index import FrameRuns
from egodepth.data.storage.prepared import open_prepared
from egodepth.weights import DepthModel
from fuzz.hostile import CARD, a_manifest, refused

NAMES = ("../../x", "..", "/etc/x", "[/red]", "~", "x" * 150)
"""Of drives, from a stranger's manifest."""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Deep within a folder of which nothing else may change, with a model, a set of drives, and a place for results."""
    place = tmp_path / "a" / "b" / "c"
    a_manifest(place / "set", *NAMES)
    DepthModel(CARD).save(place / "model")
    monkeypatch.chdir(place)
    return place


@pytest.mark.parametrize(
    "words",
    [
        ["odometry", "model", "--data", "set", "--out", "out", "--device", "cpu"],
        ["evaluate", "model", "--benchmark", "synthetic", "--data", "set", "--out", "out", "--device", "cpu"],
        ["data", "inspect", "set", "--json", "out/inspected.json"],
        ["scale", "model", "--data", "set", "--by", "depth", "--device", "cpu"],
        ["data", "prepare", "set", "--out", "out", "--size", "64", "96"],
    ],
    ids=lambda words: " ".join(words[:2]) if words[0] == "data" else words[0],
)
def test_names_of_drives_lead_to_no_file_outside_the_results(place: Path, words: list[str]) -> None:
    top = place.parents[2]
    before = set(top.rglob("*"))
    main(words)
    written = set(top.rglob("*")) - before
    assert all(path.is_relative_to(place / "out") for path in written), sorted(written)
    assert written or words[0] == "scale"


def a_store(folder: Path) -> Callable[[], list]:
    for name in ("one", "two"):
        write_image(folder / name / "0.png", np.zeros((8, 12, 3), np.uint8))
        (folder / name / "camera.json").write_text('{"fov_deg": 70}')
    drives: list[Drive] = [FolderDrive(folder / name) for name in ("one", "two")]
    return lambda: open_prepared(folder / "store", (4, 6), drives, FrameRuns([d.frames for d in drives]), False, str)


@pytest.mark.parametrize("files", ["../../x", "/elsewhere/x", "..", "a/b", ""])
def test_an_index_of_frames_cannot_name_files_outside_its_store(tmp_path: Path, files: str) -> None:
    opened = a_store(tmp_path / "deep")
    opened()
    file = tmp_path / "deep" / "store" / "index.json"
    index = json.loads(file.read_text())
    for source in index["clips"].values():
        source |= {"files": files}
    file.write_text(json.dumps(index))
    before = set(tmp_path.rglob("*"))
    assert "not a readable index" in refused(opened)
    assert set(tmp_path.rglob("*")) == before


def test_a_link_among_the_frames_of_a_store_is_replaced_and_never_written_through(tmp_path: Path) -> None:
    opened = a_store(tmp_path)
    opened()
    clip = next((tmp_path / "store").glob("*.u8"))
    precious = tmp_path / "precious"
    precious.write_bytes(bytes([7]) * clip.stat().st_size)
    clip.unlink()
    clip.symlink_to(precious)
    for files in opened():
        files.write(0, np.zeros((4, 6, 3), np.uint8))
        files.close()
    assert set(precious.read_bytes()) == {7}
    assert not clip.is_symlink()
