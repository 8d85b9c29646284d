"""Sets of names that several rooms choose from."""

from typing import Literal

TestSet = Literal["eigen", "odometry", "none"]

Truth = Literal["lidar", "lidar-z", "improved"]
"""Ground truth of KITTI's raw drives: LiDAR as published, LiDAR along the camera's axis (z), or the improved maps."""

ExportFormat = Literal["onnx", "openvino", "torch"]

ExportPrecision = Literal["float32", "bfloat16", "int8"]

Predicted = Literal["disparity", "depth"]
"""Quantity in the predicted maps of other programs."""

HintSource = Literal["sweep", "stereo", "sparse", "contact"]

MINIMUM_MOTION = 0.0004
"""Least image motion per frame, as a share of the width: half a pixel of KITTI's 1242.

Measured at 10 frames a second (at 30, motion is a third). A standing camera stays below 0.00025, even if half of the
image is full of traffic. Slow traffic has 0.0014, a usual drive 0.002 to 0.007, creeping at a metre a second 0.0005.
"""
