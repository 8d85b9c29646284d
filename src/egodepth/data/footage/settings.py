"""What commands and the library both say of footage; nothing is imported for it."""

FOOTAGE_FILE = "footage.json"
"""In a folder of extracted frames: where they come from, and when each is shown."""
MOTION = 0.01
"""Median displacement from one kept frame to the next, share of the width: KITTI's drives have 0.015 to 0.03 a frame,
its slow traffic 0.005, a motorway at 25 frames a second 0.0025."""
