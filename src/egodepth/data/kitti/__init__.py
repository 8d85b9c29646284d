"""KITTI: raw recordings with LiDAR, improved depth maps, and the stereo benchmark of 2015."""

from egodepth.data.kitti.raw import KittiDrive, improved_depth_map, open_kitti_raw
from egodepth.data.kitti.stereo2015 import Kitti2015Drive, open_kitti_2015
from egodepth.data.kitti.velodyne import velodyne_depth_map

__all__ = [
    "Kitti2015Drive",
    "KittiDrive",
    "improved_depth_map",
    "open_kitti_2015",
    "open_kitti_raw",
    "velodyne_depth_map",
]
