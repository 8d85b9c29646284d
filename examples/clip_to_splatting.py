"""Turn your own clip into a data set for Gaussian splatting with nerfstudio, with depth and masks.

    python examples/clip_to_splatting.py drive.mp4 drive
    ns-train splatfacto --data drive/drive/nerfstudio
    ns-train depth-nerfacto --data drive/drive/nerfstudio nerfstudio-data --depth-unit-scale-factor F

The last lines of the output are these commands with your folder and its factor F.
"""

import argparse
import json
from pathlib import Path

from egodepth.commands.video import VideoToDepth
from egodepth.video.options import clip_name

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("clip", type=Path, help="a video, or a folder of frames")
parser.add_argument("out", type=Path, help="output folder; the same command continues a stopped one")
parser.add_argument("--steps", type=int, help="training steps; left out: as egodepth video chooses")
arguments = parser.parse_args()

VideoToDepth(clips=(arguments.clip,), out=arguments.out, steps=arguments.steps, scene=("nerfstudio",))()

folder = arguments.out / clip_name(arguments.clip) / "nerfstudio"
factor = json.loads((folder / "transforms.json").read_text())["depth_unit_scale_factor"]
print(f"ns-train splatfacto --data {folder}")
print(f"ns-train depth-nerfacto --data {folder} nerfstudio-data --depth-unit-scale-factor {factor:g}")
