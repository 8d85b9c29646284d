"""Read frames with true depth one by one, with a progress bar."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

import torch
from jaxtyping import Float
from rich.console import Console
from rich.progress import track
from torch import Tensor

from egodepth.data.batch import DepthSample
from egodepth.data.drive import Drive, sample_name
from egodepth.evaluation.external import ExternalMaps

T = TypeVar("T")


class FrameSamples:
    """Samples of an evaluation, in order or by name."""

    def __init__(
        self,
        frames: Sequence[tuple[Drive, int]],
        doing: str,
        truth_file: Path | None = None,
        order: Sequence[str] = (),
    ) -> None:
        """Describe the samples. `truth_file` provides true depth, one map per frame of the benchmark's `order`."""
        self._by_name = {sample_name(drive, frame): (drive, frame) for drive, frame in frames}
        self._doing = doing
        self._truth = ExternalMaps(truth_file, self.names, order, "true depth maps") if truth_file else None

    @property
    def names(self) -> list[str]:
        """Names of the samples, in order."""
        return list(self._by_name)

    def __iter__(self) -> Iterator[DepthSample]:
        return self.part(slice(None))

    def part(self, part: slice) -> Iterator[DepthSample]:
        """Yield a slice of the samples."""
        return (self[name] for name in _tracked(self.names[part], self._doing))

    def __getitem__(self, name: str) -> DepthSample:
        """Read the sample of this name."""
        drive, frame = self._by_name[name]
        if self._truth is None:
            return drive.depth_sample(frame)
        return drive.sample_with(frame, self._truth[name])

    def depths(self) -> Iterator[Float[Tensor, "hg wg"]]:
        """Yield the true depths alone, in order."""
        if self._truth is None:
            return true_depths(list(self._by_name.values()))
        truth = self._truth
        return (truth[name] for name in _tracked(self.names, "Mean depth map"))


def true_depths(frames: Sequence[tuple[Drive, int]]) -> Iterator[Float[Tensor, "hg wg"]]:
    """Yield the true depths of frames."""
    return (torch.from_numpy(drive.read_depth(frame)) for drive, frame in _tracked(frames, "Mean depth map"))


def _tracked(items: Sequence[T], doing: str) -> Iterable[T]:
    return track(items, doing, console=Console(stderr=True), transient=True)
