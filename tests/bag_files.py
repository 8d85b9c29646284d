"""Small bags of every kind, written by rosbags and mcap."""

from collections.abc import Iterable
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from mcap.writer import Writer as McapWriter
from PIL import Image
from rosbags.rosbag1 import Writer as Writer1
from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin
from rosbags.rosbag2 import Writer as Writer2
from rosbags.typesys import Stores, get_types_from_msg, get_typestore

from footage_scenes import RATE

START_NS = 1_700_000_000_000_000_000
K = [150.0, 0.0, 95.5, 0.0, 152.0, 53.5, 0.0, 0.0, 1.0]
D = [-0.11, 0.02, 0.001, -0.002, 0.0]
TYPES = {"ros1": get_typestore(Stores.ROS1_NOETIC), "ros2": get_typestore(Stores.ROS2_HUMBLE)}
for _types in TYPES.values():
    _text = "builtin_interfaces/Time timestamp\nstring frame_id\nuint8[] data\nstring format\n"
    _types.register(get_types_from_msg(_text, "foxglove_msgs/msg/CompressedImage"))


class Entry(NamedTuple):
    """A message to write: its fields without the header, or bytes as they are."""

    topic: str
    type: str
    """Without `/msg`."""
    fields: dict[str, Any] | bytes
    logged_ns: int
    stamp_ns: int


def message(ros: str, entry: Entry) -> Any:
    """The message of rosbags."""
    assert isinstance(entry.fields, dict)
    types = TYPES[ros].types
    time = types["builtin_interfaces/msg/Time"](*divmod(entry.stamp_ns, 10**9))
    fields = dict(entry.fields)
    kind = types[entry.type.replace("/", "/msg/")]
    if entry.type.startswith("foxglove"):
        return kind(timestamp=time, frame_id="camera", **fields)
    first = {"seq": 0} if ros == "ros1" else {}
    header = types["std_msgs/msg/Header"](**first, stamp=time, frame_id="camera")
    if "roi" in fields:
        fields["roi"] = types["sensor_msgs/msg/RegionOfInterest"](**fields["roi"])
        if ros == "ros1":
            fields = {name.upper() if len(name) == 1 else name: value for name, value in fields.items()}
    return kind(header=header, **fields)


def serialised(ros: str, entry: Entry) -> bytes:
    if isinstance(entry.fields, bytes):
        return entry.fields
    types, kind = TYPES[ros], entry.type.replace("/", "/msg/")
    found = message(ros, entry)
    return bytes(types.serialize_ros1(found, kind) if ros == "ros1" else types.serialize_cdr(found, kind))


def pictures(images: Iterable[np.ndarray], topic: str = "/front/image_raw", encoding: str = "rgb8") -> list[Entry]:
    """Uncompressed images at `RATE`, recorded 5 ms after their time stamps."""
    return [
        Entry(topic, "sensor_msgs/Image", uncompressed(image, encoding), at + 5_000_000, at)
        for at, image in zip(times(), images, strict=False)
    ]


def jpegs(images: Iterable[np.ndarray], topic: str = "/front/image_raw/compressed", kind: str = "jpeg") -> list[Entry]:
    return [
        Entry(topic, "sensor_msgs/CompressedImage", {"format": kind, "data": encoded(image, kind)}, at + 5_000_000, at)
        for at, image in zip(times(), images, strict=False)
    ]


def times() -> Iterable[int]:
    return (START_NS + number * 10**9 // RATE for number in range(10**6))


def uncompressed(image: np.ndarray, encoding: str = "rgb8", padding: int = 0) -> dict[str, Any]:
    rows = np.ascontiguousarray(image).view(np.uint8).reshape(len(image), -1)
    rows = np.pad(rows, ((0, 0), (0, padding)), constant_values=7)
    height, width = image.shape[:2]
    fields = {"height": height, "width": width, "encoding": encoding, "is_bigendian": 0, "step": rows.shape[1]}
    return fields | {"data": rows.reshape(-1)}


def encoded(image: np.ndarray, kind: str = "jpeg") -> np.ndarray:
    stream = BytesIO()
    Image.fromarray(image).save(stream, kind, **({"quality": 95, "subsampling": 0} if kind == "jpeg" else {}))
    return np.frombuffer(stream.getvalue(), np.uint8)


def camera_info(topic: str = "/front/camera_info", size: tuple[int, int] = (108, 192), **changed: Any) -> list[Entry]:
    fields: dict[str, Any] = {"height": size[0], "width": size[1], "distortion_model": "plumb_bob", "k": K, "d": D}
    fields |= {"r": np.eye(3).reshape(-1), "p": np.eye(3, 4).reshape(-1), "binning_x": 0, "binning_y": 0}
    fields |= changed
    for name in "dkrp":
        fields[name] = np.asarray(fields[name], np.float64)
    nothing = {"x_offset": 0, "y_offset": 0, "height": 0, "width": 0, "do_rectify": False}
    fields["roi"] = nothing | changed.get("roi", {})
    return [Entry(topic, "sensor_msgs/CameraInfo", fields, START_NS, START_NS)]


def write_bag(path: Path, entries: list[Entry], kind: str = "mcap") -> Path:
    """Write a bag, and return its path.

    Its kind is bag, bag-bz2, bag-lz4, db3, db3-zstd, mcap, mcap-ros1, mcap-plain (no chunks) or mcap-bare (no counts).
    """
    entries = sorted(entries, key=lambda entry: entry.logged_ns)
    if kind.startswith("bag"):
        return _write_ros1(path.with_suffix(".bag"), entries, kind)
    if kind.startswith("mcap-"):
        return _write_mcap(path.with_suffix(".mcap"), entries, "ros1" if kind == "mcap-ros1" else "ros2", kind)
    return _write_ros2(path, entries, kind)


def _write_ros1(path: Path, entries: list[Entry], kind: str) -> Path:
    writer = Writer1(path)
    if kind != "bag":
        writer.set_compression(Writer1.CompressionFormat[kind.removeprefix("bag-").upper()])
    with writer:
        known: dict[str, Any] = {}
        for entry in entries:
            if entry.topic not in known:
                known[entry.topic] = writer.add_connection(
                    entry.topic, entry.type.replace("/", "/msg/"), typestore=TYPES["ros1"]
                )
            writer.write(known[entry.topic], entry.logged_ns, serialised("ros1", entry))
    return path


def _write_ros2(path: Path, entries: list[Entry], kind: str) -> Path:
    plugin = StoragePlugin.MCAP if kind == "mcap" else StoragePlugin.SQLITE3
    writer = Writer2(path, version=8, storage_plugin=plugin)
    if kind == "db3-zstd":
        writer.set_compression(CompressionMode.MESSAGE, CompressionFormat.ZSTD)
    with writer:
        known: dict[str, Any] = {}
        for entry in entries:
            if entry.topic not in known:
                known[entry.topic] = writer.add_connection(
                    entry.topic, entry.type.replace("/", "/msg/"), typestore=TYPES["ros2"]
                )
            writer.write(known[entry.topic], entry.logged_ns, serialised("ros2", entry))
    return path


def _write_mcap(path: Path, entries: list[Entry], ros: str, kind: str) -> Path:
    with path.open("wb") as file:
        bare = kind == "mcap-bare"
        writer = McapWriter(file, chunk_size=30_000, use_chunking=kind != "mcap-plain", use_statistics=not bare)
        writer.start(profile=ros)
        known: dict[str, int] = {}
        for entry in entries:
            if entry.topic not in known:
                name = entry.type if ros == "ros1" else entry.type.replace("/", "/msg/")
                schema = writer.register_schema(name, f"{ros}msg", b"")
                known[entry.topic] = writer.register_channel(entry.topic, "ros1" if ros == "ros1" else "cdr", schema)
            writer.add_message(known[entry.topic], entry.logged_ns, serialised(ros, entry), entry.logged_ns)
        writer.finish()
    return path
