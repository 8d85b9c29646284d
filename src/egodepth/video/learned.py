"""Check whether a model has learned anything about a recording, by measures that an untrained model fails.

An untrained network agrees with itself on the mirrored image, and neighbouring frames of a street look alike. But it
does not explain the changes between them, its depth hardly varies within a frame, and held-out points of structure from
motion contradict its depth.
"""

from dataclasses import dataclass

import numpy as np

from egodepth.data.media.frame_numbers import spread_places
from egodepth.video.aligned_clip import Aligned
from egodepth.video.error_cues import explained_share
from egodepth.video.point_checks import SparseCheck

_FRAMES = 48
"""Number of evenly spaced frames for the check."""
_LITTLE, _FLAT, _BLIND = 0.1, 0.05, 0.8
"""Nothing was learned if the explained share or the spread of log depth is below the first two, or the error is above
this share of the image-blind answer's."""


@dataclass(frozen=True)
class Learned:
    """Measures that need no points."""

    explained: float | None
    """Share of the change between neighbouring frames that depth and motion explain, median over places and frames;
    None if nothing changes, or no neighbour is known."""
    spread: float
    """Standard deviation of log depth within a frame, median over frames."""

    @classmethod
    def of(cls, aligned: Aligned) -> "Learned":
        """Measure some frames with the network's depth alone."""
        frames = [aligned.network_frame(place) for place in spread_places(len(aligned.rows), _FRAMES)]
        shares = [share[np.isfinite(share)] for share in map(explained_share, frames)]
        medians = [float(np.median(share)) for share in shares if len(share)]
        return cls(
            explained=float(np.median(medians)) if medians else None,
            spread=float(np.median([np.log(maps.inverse_depth).std() for maps in frames])),
        )

    def warnings(self, sparse: SparseCheck | None) -> list[str]:
        """Return the signs that nothing was learned."""
        found = []
        if self.explained is not None and self.explained < _LITTLE:
            found.append(
                f"Depth and motion explain only {max(self.explained, 0):.0%} of the change between frames: nothing "
                "reliable was learned. Train for longer, or record with more motion to the side."
            )
        if self.spread < _FLAT:
            found.append(f"Depth hardly differs within a frame (by {self.spread:.1%}): nothing was learned.")
        if sparse is not None and sparse.held_out and sparse.abs_rel_network > _BLIND * sparse.abs_rel_blind:
            found.append(
                f"Points that no training saw lie {sparse.abs_rel_network:.0%} from the network's depth, and "
                f"{sparse.abs_rel_blind:.0%} from an answer that looks at no image: little was learned."
            )
        return found
