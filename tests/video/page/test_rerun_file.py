import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from egodepth.foundation.errors import InputError
from egodepth.video.page import Plot, RecordedFrame, Series, write_recording
from page_sample import grey, sample_content


def recorded_frames(count: int = 3) -> Iterator[RecordedFrame]:
    for number in range(count):
        pose = np.eye(4)
        pose[:3, 3] = 0, 0, number
        yield RecordedFrame(
            seconds=number / 2,
            image=grey(50 * number),
            depth=np.full((20, 32), 5 + number, np.float32),
            focal=np.array([1.0, 1.6]),
            centre=np.array([0.5, 0.25]),
            world_from_camera=pose,
        )


def columns_of(path: Path) -> dict[tuple[str, str], list]:
    """What a recording holds: rows by entity and column."""
    rerun = pytest.importorskip("rerun")
    found: dict[tuple[str, str], list] = {}
    for chunk in rerun.chunk.RrdReader(path).stream().to_chunks():
        batch = chunk.to_record_batch()
        for name in batch.schema.names:
            found.setdefault((chunk.entity_path, name), []).extend(batch.column(name).to_pylist())
    return found


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], list]:
    pytest.importorskip("rerun")
    path = tmp_path_factory.mktemp("recording") / "video.rrd"
    gap = Series(name="scale", seconds=np.array([0.0, 1, 2]), values=np.array([1, np.nan, 3]))
    write_recording(path, sample_content(plots=(Plot(name="a/b", axis="", series=(gap,)),)), recorded_frames())
    return columns_of(path)


def test_frames_lie_on_a_timeline_of_seconds_and_no_other(recorded):
    times = [time.total_seconds() for time in recorded["/world/camera", "time"]]
    assert sorted(set(times)) == [0, 0.5, 1]
    assert not [column for column in recorded if column[1].startswith("log_")]


def test_every_frame_has_its_picture_and_its_depth(recorded):
    assert len(recorded["/world/camera/image", "EncodedImage:blob"]) == 3
    buffers = recorded["/world/camera/depth", "DepthImage:buffer"]
    first = [np.frombuffer(bytes(buffer[0]), np.float32)[0] for buffer in buffers]
    assert first == [5, 6, 7]


def test_the_camera_moves_and_has_its_focal_length_in_pixels(recorded):
    moved = [row[0] for row in recorded["/world/camera", "Transform3D:translation"]]
    assert moved == [[0, 0, 0], [0, 0, 1], [0, 0, 2]]
    matrix = np.reshape(recorded["/world/camera", "Pinhole:image_from_camera"][0][0], (3, 3)).T
    np.testing.assert_allclose(matrix, [[32, 0, 16], [0, 32, 5], [0, 0, 1]], rtol=1e-6)


def test_the_whole_cloud_and_every_piece_of_the_path_are_in_it(recorded):
    content = sample_content()
    np.testing.assert_array_equal(recorded["/world/cloud", "Points3D:positions"][0], content.cloud_xyz)
    assert recorded["/world/path", "LineStrips3D:labels"][0] == ["to the cut", "from the cut"]
    assert [len(strip) for strip in recorded["/world/path", "LineStrips3D:strips"][0]] == [4, 4]


def test_lines_over_time_leave_out_what_is_not_known(recorded):
    (entity,) = {entity for entity, _ in recorded if entity.startswith("/plots")}
    assert [row[0] for row in recorded[entity, "Scalars:scalars"]] == [1, 3]
    assert [time.total_seconds() for time in recorded[entity, "time"]] == [0, 2]


def test_frames_that_cannot_be_made_leave_the_recording_that_was_there(tmp_path):
    pytest.importorskip("rerun")
    path = tmp_path / "video.rrd"
    path.write_bytes(b"before")

    def broken() -> Iterator[RecordedFrame]:
        yield next(recorded_frames())
        raise InputError("frame 1 is damaged")

    with pytest.raises(InputError, match="damaged"):
        write_recording(path, sample_content(), broken())
    assert path.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [path]


def test_without_rerun_an_error_says_how_to_install_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "rerun", None)
    with pytest.raises(InputError, match=r"pip install 'egodepth\[rerun\]'"):
        write_recording(tmp_path / "video.rrd", sample_content(), recorded_frames())
    assert not list(tmp_path.iterdir())
