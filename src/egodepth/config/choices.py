"""Names that several rooms choose from."""

from typing import Literal

TestSet = Literal["eigen", "odometry", "none"]

Truth = Literal["lidar", "lidar-z", "improved"]
"""True depth of KITTI's raw drives: scans as published, along the camera's axis, or the improved maps."""

ExportFormat = Literal["onnx", "openvino", "torch"]

ExportPrecision = Literal["float32", "bfloat16", "int8"]

Predicted = Literal["disparity", "depth"]
"""What maps hold that were predicted elsewhere."""

HintSource = Literal["sweep", "stereo", "sparse", "contact"]

MINIMUM_MOTION = 0.0004
"""Share of the image's width, per frame: half a pixel of KITTI's 1242.

Measured at 10 frames a second (at 30, motion is a third): a standing camera stays below 0.00025, be half of the image
full of traffic; slow traffic has 0.0014, a usual drive 0.002 to 0.007, creeping at a metre a second about 0.0005.
"""
