import shutil
import struct
from pathlib import Path

import lz4.frame
import numpy as np
import pytest
import zstandard

from bag_files import Entry, camera_info, jpegs, pictures, serialised, write_bag
from egodepth.data.bags import unpacking
from egodepth.data.bags.bag import CAMERA_INFO, IMAGES, Bag, is_bag
from egodepth.data.bags.unpacking import unpacked
from egodepth.foundation.errors import InputError
from footage_scenes import street

KINDS = ("bag", "bag-bz2", "bag-lz4", "db3", "db3-zstd", "mcap", "mcap-ros1", "mcap-plain", "mcap-bare")
SCENE = street(np.arange(4) * 3.0)


def entries() -> list[Entry]:
    return [*pictures(SCENE), *jpegs(SCENE[:3], "/rear/image/compressed"), *camera_info()]


@pytest.mark.parametrize("kind", KINDS)
def test_topics_and_messages_are_those_that_were_written(kind: str, tmp_path: Path) -> None:
    path = write_bag(tmp_path / "drive", entries(), kind)
    assert is_bag(path)
    bag = Bag(path)
    assert bag.named(*IMAGES) == ["/front/image_raw", "/rear/image/compressed"]
    assert bag.named(CAMERA_INFO) == ["/front/camera_info"]
    count = "" if kind == "mcap-bare" else ", 3"
    assert bag.listing(["/rear/image/compressed"]) == f"/rear/image/compressed (sensor_msgs/CompressedImage{count})"
    found = list(bag.messages("/front/image_raw"))
    assert [time for time, _ in found] == [entry.logged_ns for entry in pictures(SCENE)]
    for (_, content), image in zip(found, SCENE, strict=True):
        message = bag.decoded("/front/image_raw", content)
        assert (message.data.reshape(image.shape) == image).all()
        assert message.header.frame_id == "camera"


def test_the_files_of_a_split_bag_are_read_one_after_the_other(tmp_path: Path) -> None:
    first, second = (
        write_bag(tmp_path / str(part), pictures(SCENE)[2 * part : 2 * part + 2], "mcap") for part in (0, 1)
    )
    shutil.move(second / "1.mcap", first / "1.mcap")
    shutil.move(first / "0.mcap", first / "0_.mcap")
    bag = Bag(first)
    assert bag.topics["/front/image_raw"].messages == 4
    assert [time for time, _ in bag.messages("/front/image_raw")] == [entry.logged_ns for entry in pictures(SCENE)]


def test_a_folder_of_frames_beside_a_bag_is_no_bag(tmp_path: Path) -> None:
    folder = write_bag(tmp_path / "bag", entries(), "db3")
    assert is_bag(folder / "bag.db3")
    (folder / "metadata.yaml").unlink()
    assert not is_bag(folder)
    assert not is_bag(tmp_path)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.97])
def test_a_bag_that_is_cut_short_is_one_line(kind: str, share: float, tmp_path: Path) -> None:
    path = write_bag(tmp_path / "drive", entries(), kind)
    file = next(path.glob(f"*.{kind[:4].rstrip('-')}")) if path.is_dir() else path
    whole = file.read_bytes()
    file.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(InputError, match="damaged, cut short, or no bag") as caught:
        list(Bag(path).messages("/front/image_raw"))
    assert str(file) in str(caught.value)
    assert str(caught.value).isprintable()


def test_packed_data_beyond_the_limit_is_refused_before_it_takes_the_memory(monkeypatch) -> None:
    import bz2

    monkeypatch.setattr(unpacking, "MOST_UNPACKED", 5000)
    for compress in (bz2.compress, lz4.frame.compress, zstandard.compress):
        assert unpacked(compress(bytes(5000))) == bytes(5000)
        with pytest.raises(ValueError, match="more than"):
            unpacked(compress(bytes(50_000_000)))
    with pytest.raises(ValueError, match="more than"):
        unpacked(bytes(5001))


@pytest.mark.parametrize("kind", ["bag", "bag-bz2", "bag-lz4", "db3-zstd", "mcap", "mcap-ros1"])
def test_a_bag_with_more_than_the_limit_in_one_piece_is_refused(kind: str, tmp_path: Path, monkeypatch) -> None:
    path = write_bag(tmp_path / "drive", [*pictures(np.zeros((2, 108, 192, 3), np.uint8))], kind)
    bag = Bag(path)
    for module in ("unpacking", "storage"):
        monkeypatch.setattr(f"egodepth.data.bags.{module}.MOST_UNPACKED", 50_000)
    with pytest.raises(InputError, match=r"more than|exceeds limit"):
        list(bag.messages("/front/image_raw"))


def test_a_changed_byte_of_an_mcap_file_is_noticed(tmp_path: Path) -> None:
    path = write_bag(tmp_path / "drive", entries(), "mcap-ros1")
    data = bytearray(path.read_bytes())
    data[2000] ^= 255
    path.write_bytes(data)
    with pytest.raises(InputError, match="damaged"):
        list(Bag(path).messages("/front/image_raw"))


@pytest.mark.parametrize("kind", ["bag", "db3", "mcap"])
def test_a_damaged_message_does_not_stop_the_others(kind: str, tmp_path: Path) -> None:
    entry = pictures(SCENE)[0]
    wrong = struct.pack("<4I", 256, 1, 1, 1) + struct.pack("<I", 1 << 31) + b"camera"
    path = write_bag(tmp_path / "drive", [entry._replace(fields=wrong), *pictures(SCENE)[1:]], kind)
    bag = Bag(path)
    contents = [content for _, content in bag.messages(entry.topic)]
    with pytest.raises(InputError, match="a message of /front/image_raw is damaged"):
        bag.decoded(entry.topic, contents[0])
    assert bag.decoded(entry.topic, contents[1]).width == 192


def test_messages_that_are_not_of_ros_are_refused_by_their_encoding(tmp_path: Path) -> None:
    from mcap.writer import Writer

    with (tmp_path / "a.mcap").open("wb") as file:
        writer = Writer(file)
        writer.start()
        schema = writer.register_schema("sensor_msgs/Image", "protobuf", b"")
        channel = writer.register_channel("/image", "protobuf", schema)
        writer.add_message(channel, 1, b"\x08\x01", 1)
        writer.finish()
    bag = Bag(tmp_path / "a.mcap")
    with pytest.raises(InputError, match="/image is encoded as 'protobuf'"):
        bag.decoded("/image", b"\x08\x01")


def test_topics_with_control_characters_are_refused(tmp_path: Path) -> None:
    path = write_bag(tmp_path / "drive", pictures(SCENE, "/a\x1b[31m"), "mcap-ros1")
    with pytest.raises(InputError, match="without a readable name"):
        Bag(path)


def test_files_that_are_compressed_as_a_whole_are_to_be_unpacked_first(tmp_path: Path) -> None:
    path = write_bag(tmp_path / "drive", entries(), "db3")
    (path / "drive.db3").rename(path / "drive.db3.zstd")
    assert is_bag(path)
    with pytest.raises(InputError, match="zstd -d"):
        Bag(path)


def test_a_folder_with_the_files_of_two_storages_is_refused_in_one_line(tmp_path: Path) -> None:
    path = write_bag(tmp_path / "drive", entries(), "db3")
    converted = write_bag(tmp_path / "converted" / "drive", entries(), "mcap")
    shutil.copy(converted / "drive.mcap", path)
    with pytest.raises(InputError, match=r"\.db3 and \.mcap files, .*; move one kind away, or .*drive\.(db3|mcap)$"):
        Bag(path)
    assert Bag(path / "drive.db3").topics["/front/image_raw"].messages == len(SCENE)


@pytest.mark.parametrize("magic", [b"BZh", lz4.frame.compress(b"")[:4], zstandard.compress(b"")[:4]])
def test_messages_of_ros1_that_start_like_compressed_data_are_as_they_were_written(
    magic: bytes, tmp_path: Path
) -> None:
    entry = pictures(SCENE)[0]
    content = magic.ljust(4, b"9") + serialised("ros1", entry)[4:]  # the header's sequence number
    path = write_bag(tmp_path / "drive", [entry._replace(fields=content)], "bag")
    ((_, found),) = Bag(path).messages(entry.topic)
    assert found == content
    assert Bag(path).decoded(entry.topic, found).header.seq == int.from_bytes(content[:4], "little")


def test_without_the_packages_the_line_names_the_extra(tmp_path: Path, monkeypatch) -> None:
    path = write_bag(tmp_path / "drive", entries(), "bag")
    monkeypatch.setitem(__import__("sys").modules, "rosbags.rosbag2", None)
    with pytest.raises(InputError, match=r"pip install 'egodepth\[ros\]'"):
        Bag(path)
