"""Find the largest batch that fits into the memory, by trial: a calculation would be less reliable."""

import gc
from collections.abc import Callable

import torch

from egodepth.config import TrainConfig
from egodepth.data.samples.augment import draw, to_batch
from egodepth.data.samples.sampler import TrainBatches
from egodepth.foundation.errors import InputError
from egodepth.objective import SelfSupervisedObjective
from egodepth.training.optimiser import build_optimiser

_CPU_WORDS = ("can't allocate memory", "not enough memory", "bad_alloc", "Unable to allocate")


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an exception reports that the memory of the device or the process is exhausted."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(word in str(error) for word in _CPU_WORDS)


def fitting_batch(
    build: Callable[[], SelfSupervisedObjective], dataset: TrainBatches, config: TrainConfig, device: torch.device
) -> int:
    """Return the largest batch size, up to the configured one, whose step fits into the free memory; 0 if none fits.

    Args:
        build: builds networks for a trial, on the device.
        dataset: provides the samples of a step.
        config: configuration of the training.
        device: device of the training.
    """

    def trial(size: int) -> None:
        raw = dataset.with_part(slice(0, size))[0]
        if isinstance(raw, InputError):
            raise raw
        objective = build()
        optimiser = build_optimiser(objective, config.optimiser)
        raw = raw.to(device)
        batch, seen = to_batch(
            raw, draw(config.trainer.seed, 0, size, config.data), config.data.stereo, config.data.poses == "sfm"
        )
        objective(batch, seen)["loss"].backward()
        optimiser.step()

    return largest_fitting(trial, config.trainer.batch_size)


def largest_fitting(trial: Callable[[int], None], most: int) -> int:
    """Return the largest batch size, up to `most`, for which a trial succeeds; 0 if none does.

    Args:
        trial: runs a whole step with this batch size; raises if memory runs out.
        most: largest batch size, which is tried first.
    """
    fits, too_many = 0, most + 1
    size = most
    while fits + 1 < too_many:
        if _succeeds(trial, size):
            fits = size
        else:
            too_many = size
        size = (fits + too_many) // 2
    return fits


def _succeeds(trial: Callable[[int], None], size: int) -> bool:
    try:
        trial(size)
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        return False
    finally:
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
    return True
