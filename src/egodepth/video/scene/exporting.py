"""Write a scene for other programs: one table of formats."""

from collections.abc import Callable
from pathlib import Path
from typing import Literal, get_args

from egodepth.foundation.errors import require
from egodepth.foundation.files import staged
from egodepth.foundation.progress import advancing_bar
from egodepth.video.scene.formats.colmap import write_colmap
from egodepth.video.scene.formats.exr import write_exr
from egodepth.video.scene.formats.glb import write_glb
from egodepth.video.scene.formats.nerfstudio import write_nerfstudio
from egodepth.video.scene.formats.rerun import write_rerun
from egodepth.video.scene.scene import Scene
from egodepth.video.scene.trust import Trust

Write = Callable[[Scene, Path, Trust, Callable[[int], None]], None]

FORMATS: dict[str, Write] = {
    "colmap": write_colmap,
    "nerfstudio": write_nerfstudio,
    "glb": write_glb,
    "exr": write_exr,
    "rerun": write_rerun,
}
"""The function that writes a scene in each format into an empty folder, by the name of the format."""


def export_scene(scene: Scene, form: str, out: Path, trust: Trust) -> None:
    """Write a scene in one of `FORMATS`, completely or not at all.

    Args:
        scene: the scene.
        form: the name of the format.
        out: a new or empty folder.
        trust: which points and pixels are reliable.

    Raises:
        InputError: the folder holds something, files of the scene are gone, or a package is missing.
    """
    empty = not out.exists() or (out.is_dir() and not any(out.iterdir()))
    require(empty, f"{out}: holds something already; choose another --out")
    with advancing_bar(f"{scene.name}: {form}", len(scene.frames)) as advance, staged(out) as folder:
        FORMATS[form](scene, folder, trust, advance)
