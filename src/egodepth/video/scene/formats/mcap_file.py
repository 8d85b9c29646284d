"""Write frames, depth, cameras and a cloud as ROS 2 messages to an MCAP file, which Foxglove opens.

Axes follow REP 103: `map` has x forward, y left and z up as seen from the world's axes; so has `camera_link`.
`camera_optical_frame` has x right, y down and z forward. Depth follows REP 118: metres, NaN where it is unknown.
"""

import io
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Float32, Float64, UInt8
from PIL import Image

from egodepth.data.bags.definitions import message_types, require_packages
from egodepth.foundation.files import replacing
from egodepth.foundation.trajectory_files import quaternion
from egodepth.geometry import Camera

MAP, BODY, OPTICAL = "map", "camera_link", "camera_optical_frame"
"""Frames of the messages: the world, the camera with x forward, and the camera with z forward."""
BODY_FROM_OPTICAL = np.array([[0.0, 0.0, 1.0], [-1.0, 0.0, 0.0], [0.0, -1.0, 0.0]])
"""From x right, y down, z forward to x forward, y left, z up. `map` and the world differ by it, too."""
_CHUNK_BYTES = 4 << 20
_ONCE = ("/tf_static", "/cloud", "/camera/trajectory")
"""Topics with a single message, at the start."""
_FOREVER = "\n    sec: 9223372036\n    nsec: 854775807"
_LATCHED = f"""\
- history: 1
  depth: 1
  reliability: 1
  durability: 1
  deadline:{_FOREVER}
  lifespan:{_FOREVER}
  liveliness: 1
  liveliness_lease_duration:{_FOREVER}
  avoid_ros_namespace_conventions: false"""
"""Quality of service by which `ros2 bag play` gives a message to listeners that come later, too.

Keep the last message, reliable, transient local, automatic liveliness. All versions of rosbag2 understand the numbers
(rmw/types.h); versions before Jazzy do not understand names.
"""
_FLOAT32 = 7
"""sensor_msgs/PointField.FLOAT32."""


@dataclass(frozen=True, kw_only=True)
class McapFrame:
    """A frame with its depth and its pose."""

    seconds: float
    image: UInt8[np.ndarray, "h w 3"]
    depth: Float32[np.ndarray, "hd wd"]
    """z along the axis, 0 where unknown; of any size."""
    world_from_camera: Float64[np.ndarray, "4 4"]
    """Both with x right, y down, z forward."""


def write_mcap(
    path: Path,
    camera: Camera,
    frames: Iterable[McapFrame],
    cloud_xyz: Float[np.ndarray, "n 3"],
    cloud_rgb: UInt8[np.ndarray, "n 3"],
    start_ns: int = 10**9,
) -> None:
    """Write an MCAP file, frame by frame.

    Args:
        path: the file; it appears complete or not at all.
        camera: the pinhole camera of images and depth.
        frames: the frames in their order; each is written before the next one is asked for.
        cloud_xyz: points in the axes of the world; none: no topic.
        cloud_rgb: their colours.
        start_ns: time of second 0, in nanoseconds since 1970. ROS takes 0 for an unknown time.

    Raises:
        InputError: rosbags or mcap is missing, or the file cannot be written.
    """
    require_packages()
    from mcap.writer import Writer

    with replacing(path) as beside, beside.open("wb") as file:
        writer = Writer(file, chunk_size=_CHUNK_BYTES)
        writer.start(profile="ros2", library="egodepth")
        topics = _Topics(writer)
        turned = topics.transform(start_ns, BODY, OPTICAL, _rigid(BODY_FROM_OPTICAL))
        topics.write("/tf_static", start_ns, topics.new("tf2_msgs/msg/TFMessage", transforms=[turned]))
        if len(cloud_xyz):
            topics.write("/cloud", start_ns, topics.cloud(start_ns, cloud_xyz @ BODY_FROM_OPTICAL.T, cloud_rgb))
        poses = [_write_frame(topics, camera, frame, start_ns) for frame in frames]
        # At the start, so that viewers show it from there on. Messages need not be in the order of their times.
        path_message = topics.new("nav_msgs/msg/Path", header=topics.header(start_ns, MAP), poses=poses)
        topics.write("/camera/trajectory", start_ns, path_message)
        writer.finish()


def _write_frame(topics: "_Topics", camera: Camera, frame: McapFrame, start_ns: int) -> Any:
    """Write the messages of a frame, and return its pose."""
    time_ns = start_ns + round(frame.seconds * 1e9)
    map_from_body = _rigid(BODY_FROM_OPTICAL) @ frame.world_from_camera @ _rigid(BODY_FROM_OPTICAL.T)
    moved = topics.transform(time_ns, MAP, BODY, map_from_body)
    pose = topics.pose(time_ns, map_from_body)
    topics.write("/tf", time_ns, topics.new("tf2_msgs/msg/TFMessage", transforms=[moved]))
    topics.write("/camera/pose", time_ns, pose)
    topics.write("/camera/image/compressed", time_ns, topics.jpeg(time_ns, frame.image))
    topics.write("/camera/camera_info", time_ns, topics.camera_info(time_ns, camera, frame.image.shape[:2]))
    topics.write("/camera/depth/image", time_ns, topics.depth(time_ns, frame.depth))
    topics.write("/camera/depth/camera_info", time_ns, topics.camera_info(time_ns, camera, frame.depth.shape[:2]))
    return pose


class _Topics:
    """Makes messages and writes them. A topic is registered with its first message."""

    def __init__(self, writer: Any) -> None:
        self._writer, self._types = writer, message_types()
        self._channels: dict[str, int] = {}

    def new(self, kind: str, **fields: Any) -> Any:
        """Return a message of a type."""
        return self._types.types[kind](**fields)

    def write(self, topic: str, time_ns: int, message: Any) -> None:
        kind = message.__msgtype__
        if topic not in self._channels:
            definition, _ = self._types.generate_msgdef(kind, ros_version=2)
            schema = self._writer.register_schema(kind, "ros2msg", definition.encode())
            metadata = {"offered_qos_profiles": _LATCHED} if topic in _ONCE else {}
            self._channels[topic] = self._writer.register_channel(topic, "cdr", schema, metadata)
        data = bytes(self._types.serialize_cdr(message, kind))
        self._writer.add_message(self._channels[topic], time_ns, data, time_ns)

    def header(self, time_ns: int, frame: str) -> Any:
        seconds, nanoseconds = divmod(time_ns, 10**9)
        stamp = self.new("builtin_interfaces/msg/Time", sec=seconds, nanosec=nanoseconds)
        return self.new("std_msgs/msg/Header", stamp=stamp, frame_id=frame)

    def transform(self, time_ns: int, parent: str, child: str, parent_from_child: Float64[np.ndarray, "4 4"]) -> Any:
        position, rotation = self._parts(parent_from_child)
        translation = self.new("geometry_msgs/msg/Vector3", **position)
        transform = self.new("geometry_msgs/msg/Transform", translation=translation, rotation=rotation)
        return self.new(
            "geometry_msgs/msg/TransformStamped",
            header=self.header(time_ns, parent),
            child_frame_id=child,
            transform=transform,
        )

    def pose(self, time_ns: int, map_from_body: Float64[np.ndarray, "4 4"]) -> Any:
        position, orientation = self._parts(map_from_body)
        point = self.new("geometry_msgs/msg/Point", **position)
        pose = self.new("geometry_msgs/msg/Pose", position=point, orientation=orientation)
        return self.new("geometry_msgs/msg/PoseStamped", header=self.header(time_ns, MAP), pose=pose)

    def _parts(self, rigid: Float64[np.ndarray, "4 4"]) -> tuple[dict[str, float], Any]:
        turn = dict(zip("xyzw", quaternion(rigid[:3, :3]).tolist(), strict=True))
        rotation = self.new("geometry_msgs/msg/Quaternion", **turn)
        return dict(zip("xyz", rigid[:3, 3].tolist(), strict=True)), rotation

    def jpeg(self, time_ns: int, image: UInt8[np.ndarray, "h w 3"]) -> Any:
        stream = io.BytesIO()
        Image.fromarray(image).save(stream, "JPEG", quality=92, subsampling=0)  # as `write_image` does
        data = np.frombuffer(stream.getvalue(), np.uint8)
        header = self.header(time_ns, OPTICAL)
        return self.new("sensor_msgs/msg/CompressedImage", header=header, format="jpeg", data=data)

    def depth(self, time_ns: int, depth: Float32[np.ndarray, "h w"]) -> Any:
        height, width = depth.shape
        values = np.where(depth > 0, depth, np.float32(np.nan)).astype("<f4")
        return self.new(
            "sensor_msgs/msg/Image",
            header=self.header(time_ns, OPTICAL),
            height=height,
            width=width,
            encoding="32FC1",
            is_bigendian=0,
            step=4 * width,
            data=values.view(np.uint8).reshape(-1),
        )

    def camera_info(self, time_ns: int, camera: Camera, size: tuple[int, ...]) -> Any:
        height, width = size
        exact = Camera(camera.focal.double(), camera.centre.double())
        matrix = exact.to_pixels((height, width)).numpy()  # as in ROS, the centre of the first pixel is 0
        whole = {"x_offset": 0, "y_offset": 0, "height": 0, "width": 0, "do_rectify": False}
        return self.new(
            "sensor_msgs/msg/CameraInfo",
            header=self.header(time_ns, OPTICAL),
            height=height,
            width=width,
            distortion_model="plumb_bob",
            d=np.zeros(5),
            k=matrix.reshape(-1),
            r=np.eye(3).reshape(-1),
            p=np.pad(matrix, ((0, 0), (0, 1))).reshape(-1),
            binning_x=0,
            binning_y=0,
            roi=self.new("sensor_msgs/msg/RegionOfInterest", **whole),
        )

    def cloud(self, time_ns: int, xyz: Float[np.ndarray, "n 3"], rgb: UInt8[np.ndarray, "n 3"]) -> Any:
        """Return a cloud with the colours packed as 0x00RRGGBB into a float, as PCL and Foxglove read them."""
        rows = np.zeros((len(xyz), 4), "<f4")
        rows[:, :3] = xyz
        rows.view(np.uint8)[:, 12:15] = rgb[:, ::-1]
        fields = [
            self.new("sensor_msgs/msg/PointField", name=name, offset=4 * place, datatype=_FLOAT32, count=1)
            for place, name in enumerate(("x", "y", "z", "rgb"))
        ]
        return self.new(
            "sensor_msgs/msg/PointCloud2",
            header=self.header(time_ns, MAP),
            height=1,
            width=len(rows),
            fields=fields,
            is_bigendian=False,
            point_step=16,
            row_step=16 * len(rows),
            data=rows.view(np.uint8).reshape(-1),
            is_dense=True,
        )


def _rigid(rotation: Float64[np.ndarray, "3 3"]) -> Float64[np.ndarray, "4 4"]:
    pose = np.eye(4)
    pose[:3, :3] = rotation
    return pose
