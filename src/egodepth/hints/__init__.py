"""Hints: supervision of depth besides the photometric loss, computed before training (Watson et al. 2019).

`sweep` and `sequence` find depth by a plane sweep over frames of known pose, `stereo` by matching stereo pairs.
`sparse` uses the points of structure from motion, `teacher` the shape of another model's depth. `store` keeps hints on
disk, `making` computes missing ones, `known` passes them to training.
"""

from egodepth.hints.consistency import Witness, agreement
from egodepth.hints.sequence import hint_maps
from egodepth.hints.settings import SweepSettings
from egodepth.hints.sweep import Sweep, SweepSource, plane_sweep

__all__ = ["Sweep", "SweepSettings", "SweepSource", "Witness", "agreement", "hint_maps", "plane_sweep"]
