"""Camera files beside the frames of a drive, in the common formats, and the check that every camera passes.

Our own format, `camera.json`, is a JSON object with `fx`, `fy`, `cx`, `cy` in pixels (OpenCV: the centre of the first
pixel is 0) and the `width` and `height` of the images that they belong to (default: those of the frames); or with
`fov_deg` alone, the horizontal field of view of a camera with square pixels and a central axis. With pixel values, an
optional `distortion` lists the coefficients of OpenCV's model, k1 k2 p1 p2 [k3 [k4 k5 k6]], or with
`"distortion_model": "fisheye"` k1 k2 k3 k4. An optional `partner` describes the other camera of a rectified stereo
pair: its own pixel values (default: the same) and `baseline_m`, its distance to the right of this camera in metres
(negative: to the left).

Other supported formats: KITTI's `calib.txt` and `calib_cam_to_cam.txt` (for rectified images), COLMAP's `cameras.txt`,
a `cam.txt` with the nine numbers of a 3x3 matrix in pixels, and the YAML files of OpenCV and ROS.
"""

from egodepth.data.cameras.any_file import CameraRig, find_camera_file, read_camera, read_lens_rig, read_rig
from egodepth.data.cameras.json_file import CAMERA_FILE, HOW_TO_WRITE, write_camera
from egodepth.data.cameras.plausibility import (
    ASPECT_TOLERANCE,
    FOCAL_WIDTHS,
    check_aspect,
    check_camera,
    horizontal_fov_deg,
    translation,
)

__all__ = [
    "ASPECT_TOLERANCE",
    "CAMERA_FILE",
    "FOCAL_WIDTHS",
    "HOW_TO_WRITE",
    "CameraRig",
    "check_aspect",
    "check_camera",
    "find_camera_file",
    "horizontal_fov_deg",
    "read_camera",
    "read_lens_rig",
    "read_rig",
    "translation",
    "write_camera",
]
