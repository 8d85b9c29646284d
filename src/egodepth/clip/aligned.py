"""A recording after the first look: all its frames in one scale, and the camera's way through them."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float64, Int64

from egodepth.clip.alignment import MEMORY_SECONDS, Flicker, aligned_factors, flicker, typical_changes
from egodepth.clip.maps import FrameMaps, maps_path
from egodepth.clip.recording import Recording
from egodepth.clip.track import RowTrack
from egodepth.common_scales import CommonScales, sampled

_SCALE_FRAMES = 200
"""Colours and PNGs get a scale that suits this many frames, evenly spread."""


@dataclass(frozen=True)
class Aligned:
    """What the frames of a recording have in common."""

    maps: Path
    """Folder of the frames' maps."""
    seconds: Float64[np.ndarray, " n"]
    rows: Int64[np.ndarray, " n"]
    """The row that each frame belongs to, -1 for none."""
    factors: Float64[np.ndarray, " n"]
    """What the depth of each frame is multiplied by for all to be in one scale."""
    flicker: Flicker
    tracks: list[RowTrack]
    """Of each row."""

    @classmethod
    def of(cls, recording: Recording, maps: Path, count: int, tracks: list[RowTrack]) -> "Aligned":
        """Align the `count` frames whose maps lie in a folder."""
        seconds, rows, changes = np.zeros(count), np.zeros(count, np.int64), []
        for place in range(count):
            frame = FrameMaps.read(maps_path(maps, place))
            seconds[place], rows[place] = frame.seconds, frame.row
            changes.append(frame.change)
        memory = max(1.0, MEMORY_SECONDS * recording.footage.rate)
        factors = aligned_factors(typical_changes(changes), memory)
        return cls(maps, seconds, rows, factors, flicker(changes, factors), tracks)

    def frame(self, place: int) -> FrameMaps:
        """The maps of a frame, its depth in the common scale."""
        maps = FrameMaps.read(maps_path(self.maps, place))
        return maps._replace(inverse_depth=maps.inverse_depth / np.float32(self.factors[place]))

    def scales(self, metric: bool) -> CommonScales:
        """Of the colours and the PNGs of all frames."""
        places = spread_places(len(self.seconds), _SCALE_FRAMES)
        return CommonScales.of(np.concatenate([sampled(self.frame(place).inverse_depth) for place in places]), metric)

    def place_of(self, seconds: float) -> int:
        """The frame that is shown at a time."""
        after = int(np.searchsorted(self.seconds, seconds))
        beside = [place for place in (after - 1, after) if 0 <= place < len(self.seconds)]
        return min(beside, key=lambda place: abs(self.seconds[place] - seconds))

    def row_poses(self, row: int) -> Float64[np.ndarray, "k 4 4"]:
        """World from camera of the extracted frames of a row, in the common scale of the depth."""
        track = self.tracks[row]
        return track.poses(self.factors[[self.place_of(seconds) for seconds in track.seconds]])

    def trajectory(self, row: int) -> tuple[Float64[np.ndarray, " f"], Float64[np.ndarray, "f 4 4"]]:
        """Times and world from camera of all frames of a row."""
        track, poses = self.tracks[row], self.row_poses(row)
        seconds = self.seconds[self.rows == row]
        return seconds, np.stack([track.at(time, poses) for time in seconds.tolist()])


def spread_places(count: int, most: int) -> list[int]:
    """Up to `most` of `count` places, evenly spread, the first and the last among them."""
    return np.unique(np.linspace(0, count - 1, min(most, count)).round().astype(int)).tolist()
