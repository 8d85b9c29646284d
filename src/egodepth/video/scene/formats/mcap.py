"""Write a scene as an MCAP file with ROS 2 messages."""

from collections.abc import Callable, Iterator
from pathlib import Path

from egodepth.video.scene.formats.mcap_file import McapFrame, write_mcap
from egodepth.video.scene.scene import Scene
from egodepth.video.scene.settings import ExportSettings
from egodepth.video.scene.trust import reliable_points

PACKAGES, EXTRA = ("mcap", "rosbags"), "ros"
"""Packages that the format needs, and the extra of egodepth that installs them."""


def write(scene: Scene, out: Path, settings: ExportSettings, advance: Callable[[int], None]) -> None:
    """Write `scene.mcap` into a folder, with depth at the network's size; raises as `write_mcap`."""
    cloud = reliable_points(scene.cloud, settings)
    write_mcap(out / "scene.mcap", scene.camera, _frames(scene, advance), cloud.xyz, cloud.rgb)


def _frames(scene: Scene, advance: Callable[[int], None]) -> Iterator[McapFrame]:
    for frame in scene.frames:
        yield McapFrame(
            seconds=frame.seconds,
            image=scene.image(frame),
            depth=scene.maps(frame).depth,
            world_from_camera=frame.world_from_camera,
        )
        advance(1)
