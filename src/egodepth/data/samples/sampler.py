"""The batches of a training as a pure function of (seed, step), independent of the number of workers."""

import copy
from collections.abc import Callable, Iterable
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Bool, Float, Int64, UInt8
from torch import Tensor
from torch.utils.data import Dataset

from egodepth.config import DataConfig
from egodepth.data.batch import Hints
from egodepth.data.drive import Drive
from egodepth.data.registry import NOMINAL_CAMERAS
from egodepth.data.sample_index import EpochOrder, SampleIndex
from egodepth.data.storage.store import FrameStore
from egodepth.foundation.errors import InputError

_ATTEMPTS = 100


class RawBatch(NamedTuple):
    """The stored frames of a step; flips and jitter are applied later, on the device."""

    images: UInt8[Tensor, "b n h w 3"] | Int64[Tensor, "b n"]
    """Target, neighbours in the order of the offsets, then the stereo partner if there is one. If the frames are on the
    device (see `resident`), their indices instead of images."""
    focal: Float[Tensor, "b 2"]
    centre: Float[Tensor, "b 2"]
    partner_focal: Float[Tensor, "b 2"]
    partner_centre: Float[Tensor, "b 2"]
    partner_from_target: Float[Tensor, "b 4 4"]
    """Pose of the stereo partner; without stereo, zeros, also in the partner's camera."""
    neighbours_from_target: Float[Tensor, "b m 4 4"]
    """Given poses of the neighbours; m = 0 if the poses are learned."""
    present: Bool[Tensor, "b m"]
    """Which neighbours exist; the target's image replaces the others. m = 0 if all must exist."""
    hints: Hints | None = None
    """Hints of the targets; None without hints."""

    def to(self, device: torch.device, non_blocking: bool = False) -> "RawBatch":
        """Return the batch on a device."""
        moved = {name: getattr(self, name).to(device, non_blocking=non_blocking) for name in self._fields[:-1]}
        hints = self.hints and Hints(*(tensor.to(device, non_blocking=non_blocking) for tensor in self.hints))
        return RawBatch(**moved, hints=hints)


@runtime_checkable
class HintReader(Protocol):
    """Reads what is known about training frames besides their images: hints of depth, and camera poses."""

    teacher: str
    """Name and licence of the teacher; empty without one."""

    def hints(self, drive: int, frame: int) -> Hints:
        """Return the hints of a frame, unbatched."""
        ...

    def source_from_target(self, drive: int, target: int, source: int) -> Float[np.ndarray, "4 4"]:
        """Return the pose of a neighbour by structure from motion, in the unit of the hints."""
        ...


class _Sample(NamedTuple):
    drive: Drive
    frame: int
    offsets: list[int]
    """Offsets of the neighbours; 0, the target itself, for a neighbour that does not exist."""
    views: list[np.ndarray]
    """The n images (or indices) of `RawBatch.images`; they may be views of the store, copied only into the batch."""
    poses: Float[np.ndarray, "m 4 4"]
    """source_from_target of the neighbours; m = 0 if poses are learned from images alone."""
    hints: Hints | None


def epoch_order(seed: int, epoch: int, samples: int) -> np.ndarray:
    """Return the order of all samples in an epoch."""
    return EpochOrder(seed, epoch, samples).at(np.arange(samples))


class TrainBatches(Dataset[RawBatch | InputError]):
    """The batches of a training set as a function of the step.

    Epochs follow one another without a gap, and a batch may contain samples of two epochs. A sample with an unreadable
    frame is replaced by the next one in the data set, always the same one.
    """

    def __init__(
        self,
        store: FrameStore,
        samples: Iterable[tuple[int, int]],
        config: DataConfig,
        batch_size: int,
        seed: int,
        steps: int,
        part: slice = slice(None),
        known: HintReader | None = None,
        read: Callable[[int, int, bool], np.ndarray] | None = None,
    ) -> None:
        """Store the settings.

        Args:
            store: reads the frames.
            samples: (drive, frame) of every usable target; a `SampleIndex` is not copied.
            config: `offsets`, `stereo` and `poses` determine the parts of a sample.
            batch_size: samples per step.
            seed: seed of the order.
            steps: number of steps of the run.
            part: which samples of a step to load, if several processes share them.
            known: hints of the frames, and their poses by structure from motion.
            read: returns the index on the device of a (drive, frame, partner); None: the batch contains images.
        """
        self.store, self.samples, self.config = store, SampleIndex.of(samples), config
        self.batch_size, self.seed, self.steps, self.part = batch_size, seed, steps, part
        self.known = known
        self._read: Callable[[int, int, bool], np.ndarray] = read or store.read
        self._order: tuple[int, EpochOrder | None] = (-1, None)

    def with_part(self, part: slice) -> "TrainBatches":
        """Return the same batches, but with another part of their samples."""
        other = copy.copy(self)
        other.part = part
        return other

    def __len__(self) -> int:
        return self.steps

    def indices(self, step: int) -> list[int]:
        """Return the samples of a step, over all processes."""
        epochs, places = np.divmod(step * self.batch_size + np.arange(self.batch_size), len(self.samples))
        return [
            int(index)
            for epoch in range(int(epochs[0]), int(epochs[-1]) + 1)
            for index in self._epoch(epoch).at(places[epochs == epoch])
        ]

    def _epoch(self, epoch: int) -> EpochOrder:
        number, order = self._order
        if order is None or number != epoch:
            order = EpochOrder(self.seed, epoch, len(self.samples))
            self._order = epoch, order
        return order

    def __getitem__(self, step: int) -> RawBatch | InputError:
        """Return the batch of a step, or its error as a value (an exception would lose its type in a worker)."""
        try:
            return _collate([self._readable(index) for index in self.indices(step)[self.part]], self.config)
        except InputError as error:
            return error

    def _readable(self, index: int) -> _Sample:
        """Return a sample, or the next one that can be read."""
        reason = InputError("no samples")
        for attempt in range(min(_ATTEMPTS, len(self.samples))):
            drive, frame = self.samples[(index + attempt) % len(self.samples)]
            try:
                # Only with `lone_pairs` are there samples whose neighbours are missing.
                offsets = [o if self.store.has(drive, frame + o) else 0 for o in self.config.offsets]
                views = [self._read(drive, frame + offset, False) for offset in (0, *offsets)]
                if self.config.stereo:
                    views.append(self._read(drive, frame, True))
                poses = self._poses(drive, frame, offsets)
                hints = self.known.hints(drive, frame) if self.known else None
                return _Sample(self.store.drives[drive], frame, offsets, views, poses, hints)
            except InputError as error:
                reason = error
        raise InputError(f"too many unreadable frames in a row; repair or remove them; the last: {reason}")

    def _poses(self, drive: int, frame: int, offsets: list[int]) -> Float[np.ndarray, "m 4 4"]:
        """Return the poses of a sample's neighbours if they are known, else an empty array."""
        poses: list[np.ndarray] = []
        if self.config.poses == "given":
            read = self.store.drives[drive].read_pose
            poses = [np.linalg.solve(read(frame + offset), read(frame)) for offset in offsets]
        if self.config.poses == "sfm" and self.known is not None:
            poses = [self.known.source_from_target(drive, frame, frame + offset) for offset in offsets]
        return np.array(poses, np.float32).reshape(-1, 4, 4)


def _collate(samples: list[_Sample], config: DataConfig) -> RawBatch:
    drives = [sample.drive for sample in samples]
    zeros = torch.zeros(len(drives), 2)
    partner = (zeros, zeros, torch.zeros(len(drives), 4, 4))
    cameras = [drive.camera for drive in drives]
    if config.camera in NOMINAL_CAMERAS:
        cameras = [NOMINAL_CAMERAS[config.camera](config.size)] * len(drives)
    if config.stereo:
        others = [drive.partner_camera or drive.camera for drive in drives] if config.camera == "true" else cameras
        poses = torch.from_numpy(np.stack([_partner_pose(drive, config.nominal_baseline_m) for drive in drives]))
        partner = (torch.stack([c.focal for c in others]), torch.stack([c.centre for c in others]), poses)
    return RawBatch(
        _stacked([sample.views for sample in samples]),
        torch.stack([camera.focal for camera in cameras]),
        torch.stack([camera.centre for camera in cameras]),
        *partner,
        torch.from_numpy(np.stack([sample.poses for sample in samples])),
        torch.tensor([[offset != 0 for offset in sample.offsets if config.lone_pairs] for sample in samples]).bool(),
        _batched([sample.hints for sample in samples if sample.hints is not None]),
    )


def _batched(hints: list[Hints]) -> Hints | None:
    """Return the hints of all samples as one batch; None without hints."""
    return Hints(*(torch.stack(part) for part in zip(*hints, strict=True))) if hints else None


def _stacked(views: list[list[np.ndarray]]) -> Tensor:
    """Return the views of all samples as one tensor."""
    flat = np.stack([view for sample in views for view in sample])
    return torch.from_numpy(flat.reshape(len(views), -1, *flat.shape[1:]))


def _partner_pose(drive: Drive, nominal_baseline_m: float) -> Float[np.ndarray, "4 4"]:
    if drive.partner_from_self is None:
        raise InputError(f"{drive.name}: no stereo partner; train without stereo")
    pose = drive.partner_from_self.copy()
    if nominal_baseline_m:
        pose[:3, 3] *= nominal_baseline_m / np.linalg.norm(pose[:3, 3])
    return pose
