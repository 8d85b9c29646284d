"""Find metres for a model whose depth is up to scale, from the height of the camera over a level road.

    python examples/metres_by_camera_height.py MODEL CLIP 1.65 street.jpg

CLIP is a folder of frames of the moving camera, with its camera file. The scale is stored in the model.
"""

import argparse
from pathlib import Path

from egodepth import DepthPredictor
from egodepth.video.scale.finding import find_scale
from egodepth.video.scale.options import ScaleOptions

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("model", type=Path, help="a run folder or a model folder")
parser.add_argument("clip", type=Path, help="a folder of consecutive frames, with camera.json")
parser.add_argument("height_m", type=float, help="height of the camera over the road, in metres")
parser.add_argument("image", type=Path, help="an image whose depth is printed")
arguments = parser.parse_args()

model, height_m = str(arguments.model), arguments.height_m
found = find_scale(ScaleOptions(model=model, by="height", data=arguments.clip, height_m=height_m))
print("\n".join(found.lines()))

prediction = DepthPredictor.load(arguments.model)(arguments.image)
height, width = prediction.depth.shape
print(f"metric: {prediction.metric}; the middle of the image is {prediction.depth[height // 2, width // 2]:.1f} m away")
