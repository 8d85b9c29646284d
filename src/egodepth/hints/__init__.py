"""What may teach a depth network besides the photometric loss, before any training (Watson et al. 2019).

`sweep` and `sequence` find depth by a plane sweep over frames of known pose, `stereo` by matching stereo pairs;
`sparse` takes the points of structure from motion, `teacher` the shape of another model's depth. `store` keeps them,
`making` makes what is missing, `known` hands them to the training.
"""

from egodepth.hints.consistency import Witness, agreement
from egodepth.hints.sequence import hint_maps
from egodepth.hints.settings import SweepSettings
from egodepth.hints.sweep import Sweep, SweepSource, plane_sweep

__all__ = ["Sweep", "SweepSettings", "SweepSource", "Witness", "agreement", "hint_maps", "plane_sweep"]
