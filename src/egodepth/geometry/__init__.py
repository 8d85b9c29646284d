"""Cameras, rigid motions and view synthesis, without images' meaning, losses or networks."""

from egodepth.geometry.camera import Camera, backproject, focal_of_fov, image_grid, project, viewing_rays
from egodepth.geometry.se3 import (
    mirrored_transform,
    rotation_from_axis_angle,
    transform_from_axis_angle,
    transform_from_twist,
    transform_points,
    twist_of,
)
from egodepth.geometry.warp import sample, synthesise

__all__ = [
    "Camera",
    "backproject",
    "focal_of_fov",
    "image_grid",
    "mirrored_transform",
    "project",
    "rotation_from_axis_angle",
    "sample",
    "synthesise",
    "transform_from_axis_angle",
    "transform_from_twist",
    "transform_points",
    "twist_of",
    "viewing_rays",
]
