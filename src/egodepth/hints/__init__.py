"""Hints: depth that the geometry of a recording gives before any training.

`sweep` compares a frame with its neighbours at many depths, `loops` is the same in C, `consistency` keeps what the
neighbours' own maps confirm, `sequence` does both for all frames of a recording.
"""

from egodepth.hints.consistency import Witness, agreement
from egodepth.hints.sequence import hint_maps
from egodepth.hints.settings import SweepSettings
from egodepth.hints.sweep import Sweep, SweepSource, plane_sweep

__all__ = ["Sweep", "SweepSettings", "SweepSource", "Witness", "agreement", "hint_maps", "plane_sweep"]
