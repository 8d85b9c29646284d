"""`egodepth scene RECORDING --format FORMAT --out DIR`: the result of `egodepth video` as files for other programs."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import tyro
from rich.console import Console
from tyro.conf import Positional

from egodepth.video.scene.settings import ExportSettings, SceneFormat


@dataclass(frozen=True, kw_only=True)
class ExportScene:
    """Write what `egodepth video` made of a clip in a format that other programs open.

    colmap: a model for COLMAP (binary in sparse/0, text in text/) with one camera, the poses, the points of structure
    from motion with their tracks, and the images. nerfstudio: transforms.json with images, 16-bit depth, masks and the
    cloud. glb: the coloured cloud (or --mesh) with the cameras, for Blender and browsers. exr: depth as 32-bit floats
    with the camera in the header. mcap: ROS 2 messages for Foxglove. rerun: for the rerun viewer. docs/formats.md has
    the axes, units and pixels of each.
    """

    recording: Positional[Path]
    """The folder that `egodepth video` wrote for a clip: OUT/NAME, or OUT for one clip."""
    format: SceneFormat
    """Format of the files."""
    out: Path
    """Output folder, new or empty."""
    row: int | None = None
    """Which row of frames without a break, from 1. Left out: the longest."""
    settings: Annotated[ExportSettings, tyro.conf.arg(name="")] = field(default_factory=ExportSettings)

    def __call__(self) -> None:
        """Read, write and print."""
        from egodepth.video.scene.exporting import export_scene
        from egodepth.video.scene.scene import Scene

        scene = Scene.open(self.recording, self.row)
        export_scene(scene, self.format, self.out, self.settings)
        said = f"{self.out}: {self.format}, {len(scene.frames)} frames, {scene.unit}"
        Console().print(said, soft_wrap=True, highlight=False, markup=False)
