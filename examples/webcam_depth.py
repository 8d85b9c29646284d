"""Show the depth of a webcam, live in the browser.

    python examples/webcam_depth.py MODEL               # the first camera
    python examples/webcam_depth.py MODEL --camera drive.mp4

MODEL is a run folder, a model folder or a hub id. The page is only for this machine, and no page of another site gets
the pictures. Ctrl-C ends the program.
"""

import argparse
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np

from egodepth import DepthPredictor
from egodepth.video.viewer.serving import address_of, on_visit, serving

HOST = "127.0.0.1"

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
panels = {}


def show(client: Any) -> Callable[[], Any]:
    """Add the two pictures to a page that was opened; return what takes them away when it is closed."""
    blank, number = np.zeros((9, 16, 3), np.uint8), client.client_id
    panels[number] = [client.gui.add_image(blank, label=label) for label in ("camera", "depth: near is bright")]
    return lambda: panels.pop(number)


with serving(HOST, arguments.port) as server:
    on_visit(server, HOST, show)
    print(address_of(HOST, server.get_port()))
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
        depth = cv2.cvtColor(cv2.applyColorMap(levels, cv2.COLORMAP_INFERNO), cv2.COLOR_BGR2RGB)
        for image_panel, depth_panel in list(panels.values()):
            image_panel.image, depth_panel.image = image, depth
        shown += 1
print(f"{shown} frames")
