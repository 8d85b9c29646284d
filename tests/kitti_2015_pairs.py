"""Stereo pairs as KITTI 2015 has them, with the official calibration beside them."""

from pathlib import Path

import numpy as np

from egodepth.data.images import image_size, write_image


def write_kitti_2015(root: Path, clip: Path) -> Path:
    """The frames of a clip with `partner` (`make_clip`) as scenes of their own; depth is the same everywhere."""
    training = root / "training"
    for folder in ("image_2", "image_3", "calib_cam_to_cam"):
        (training / folder).mkdir(parents=True, exist_ok=True)
    for scene, left in enumerate(sorted(clip.glob("*.png"))):
        name, (height, width) = f"{scene:06d}_10.png", image_size(left)
        (training / "image_2" / name).write_bytes(left.read_bytes())
        (training / "image_3" / name).write_bytes((clip / "partner" / left.name).read_bytes())
        write_image(training / "disp_occ_0" / name, np.full((height, width), 3 * 256, np.uint16))
        focal, rest = 0.7 * width, f"0 {0.7 * width} {height / 2 - 0.3} 0 0 0 1 0"
        (training / "calib_cam_to_cam" / f"{scene:06d}.txt").write_text(
            f"P_rect_02: {focal} 0 {width / 2 - 0.7} 0 {rest}\n"
            f"P_rect_03: {focal} 0 {width / 2 - 0.7} {-0.5 * focal} {rest}\n"
        )
    return root
