"""Constants of footage for commands and the library. This module imports nothing."""

FOOTAGE_FILE = "footage.json"
"""File in a folder of extracted frames: their sources and their times."""
MOTION = 0.01
"""Median displacement between two kept frames, as a share of the width. KITTI's drives have 0.015 to 0.03 per frame,
its slow traffic 0.005, a motorway at 25 frames a second 0.0025."""
