"""Turn your own clip into a COLMAP model: camera, poses, points with tracks, and the images beside them.

    python examples/clip_to_colmap.py drive.mp4 drive

COLMAP opens OUT/NAME/colmap/sparse/0. OUT/NAME/depth has the depth of every frame.
"""

import argparse
from pathlib import Path

import pycolmap

from egodepth.commands.video import VideoToDepth
from egodepth.video.options import clip_name

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("clip", type=Path, help="a video, or a folder of frames")
parser.add_argument("out", type=Path, help="output folder; the same command continues a stopped one")
parser.add_argument("--steps", type=int, help="training steps; left out: as egodepth video chooses")
arguments = parser.parse_args()

VideoToDepth(clips=(arguments.clip,), out=arguments.out, steps=arguments.steps, scene=("colmap",))()

folder = arguments.out / clip_name(arguments.clip) / "colmap"
model = pycolmap.Reconstruction(folder / "sparse" / "0")
print(f"{folder}: {model.num_reg_images()} images, {model.num_points3D()} points")
print(f"mean reprojection error {model.compute_mean_reprojection_error():.2f} px")
