"""Hints on disk: one 16-bit map per frame and kind, each with its checksum; and the map of the recording.

A store has one folder per drive. File names contain a digest of the origin (frames, camera, poses, settings), so hints
of other poses are never found. A half-written map fails its checksum and is computed again.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32

from egodepth.data.drive import Drive
from egodepth.data.media.frame_numbers import FrameNumbers
from egodepth.data.storage.clip_files import ClipFiles
from egodepth.data.storage.prepared import content_hashes, readable_name
from egodepth.foundation.errors import InputError
from egodepth.foundation.files import write_text

LOWEST, HIGHEST = 1e-5, 1e3
"""Range of the stored inverse depths, in steps of .03 %."""
_CODES = 65534


class HintMaps:
    """Inverse depth and weight of every frame of a drive, for one kind of hint."""

    def __init__(self, stem: Path, frames: int, size: tuple[int, int], made_from: dict[str, Any]) -> None:
        """Open the maps, or create them.

        Args:
            stem: the files' name without suffix.
            frames: number of frames, with a map or without.
            size: (height, width) of the maps.
            made_from: everything that determines the content, as JSON; written beside the maps for users.

        Raises:
            InputError: the folder cannot be written.
        """
        self.name = stem.name
        self._clip = ClipFiles(stem, (frames, *size, 3))
        self._frames = frames
        try:
            if self._clip.damaged():
                stem.parent.mkdir(parents=True, exist_ok=True)
                self._clip.create()
                write_text(stem.with_name(f"{stem.name}.json"), json.dumps(made_from, indent=2) + "\n")
        except OSError as error:
            raise InputError(
                f"{stem.parent}: cannot be written ({error.strerror}); choose another --hints.store"
            ) from error

    def missing(self) -> int:
        """Return the first position without an intact map; the number of frames if none is missing."""
        for position in range(self._frames):
            if self._clip.read(position) is None:
                return position
        return self._frames

    def write(
        self, position: int, inverse_depth: Float32[np.ndarray, "h w"], weight: Float32[np.ndarray, "h w"] | None = None
    ) -> None:
        """Store the map of a frame, by default with a weight of 1. Raises `InputError` on a full disk."""
        known = inverse_depth > 0
        code = np.zeros(inverse_depth.shape, np.uint16)
        code[known] = encoded(inverse_depth[known])
        share = np.full(code.shape, 255, np.uint8) if weight is None else np.round(weight * 255).astype(np.uint8)
        image = np.stack([code & 255, code >> 8, np.where(known, share, 0)], -1).astype(np.uint8)
        try:
            self._clip.write(position, image)
        except OSError as error:
            raise InputError(
                f"hints cannot be written ({error.strerror}); free some space, then start again"
            ) from error

    def read(self, position: int) -> tuple[Float32[np.ndarray, "h w"], Float32[np.ndarray, "h w"]]:
        """Return inverse depth (0: unknown) and weight of a frame."""
        image = self._clip.view(position)
        code = image[..., 0] | image[..., 1].astype(np.uint16) << 8
        return np.where(code > 0, decoded(code), np.float32(0)), image[..., 2] / np.float32(255)


def encoded(inverse_depth: Float32[np.ndarray, " n"]) -> np.ndarray:
    """Return 16-bit codes of positive inverse depths, evenly spaced in their logarithm; 0 means unknown."""
    share = np.log(np.clip(inverse_depth, LOWEST, HIGHEST) / LOWEST) / np.log(HIGHEST / LOWEST)
    return np.round(share * _CODES).astype(np.uint16) + np.uint16(1)


def decoded(code: np.ndarray) -> Float32[np.ndarray, "*shape"]:
    """Return the inverse depths of codes from `encoded`."""
    share = (code.astype(np.float32) - 1) / _CODES
    return (LOWEST * np.exp(share * np.float32(np.log(HIGHEST / LOWEST)))).astype(np.float32)


def drive_folder(store: Path, drive: Drive) -> Path:
    """Return the folder of a drive's hints, from its name, its frames, its camera and some of its images."""
    runs, camera = FrameNumbers.of(drive.frames).runs(), [part.numpy() for part in drive.camera]
    return (
        store / f"{readable_name(drive.name)}-{digest_of(drive.name, drive.size, runs, *camera, content_hashes(drive))}"
    )


def digest_of(*parts: Any) -> str:
    """Return a short digest of everything that hints were made from."""
    digest = hashlib.blake2b(digest_size=6)
    for part in parts:
        digest.update(np.ascontiguousarray(part).tobytes() if isinstance(part, np.ndarray) else repr(part).encode())
    return digest.hexdigest()
