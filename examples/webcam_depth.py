"""Show the depth of a webcam, live in the browser.

    python examples/webcam_depth.py MODEL               # the first camera
    python examples/webcam_depth.py MODEL --camera drive.mp4

MODEL is a run folder, a model folder or a hub id. The page is only for this machine. Ctrl-C ends the program.
"""

import argparse

import cv2
import numpy as np
import viser

from egodepth import DepthPredictor

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("model")
parser.add_argument("--camera", default="0", help="number of the camera, or a video file or stream")
parser.add_argument("--port", type=int, default=8080)
parser.add_argument("--frames", type=int, help="stop after so many frames")
arguments = parser.parse_args()

predictor = DepthPredictor.load(arguments.model)
camera = cv2.VideoCapture(int(arguments.camera) if arguments.camera.isdigit() else arguments.camera)
if not camera.isOpened():
    raise SystemExit(f"{arguments.camera}: no such camera or video; try --camera 1")
server = viser.ViserServer(host="127.0.0.1", port=arguments.port)
image_panel = server.gui.add_image(np.zeros((9, 16, 3), np.uint8), label="camera")
depth_panel = server.gui.add_image(np.zeros((9, 16, 3), np.uint8), label="depth: near is bright")

shown, farthest = 0, 0.0
while shown != arguments.frames:
    found, frame = camera.read()
    if not found:
        break
    image = cv2.cvtColor(frame, cv2.COLOR_BGR2RGB)
    near = predictor(image).inverse_depth.numpy()
    # A range that changes slowly keeps the colours steady.
    brightest = float(np.percentile(near, 98))
    farthest = brightest if shown == 0 else 0.9 * farthest + 0.1 * brightest
    levels = (255 * np.clip(near / farthest, 0, 1)).astype(np.uint8)
    image_panel.image = image
    depth_panel.image = cv2.cvtColor(cv2.applyColorMap(levels, cv2.COLORMAP_INFERNO), cv2.COLOR_BGR2RGB)
    shown += 1
print(f"{shown} frames")
server.stop()
