"""Choose the device and the precision of a training."""

import dataclasses

import torch

from egodepth.config import TrainConfig
from egodepth.foundation.errors import InputError
from egodepth.networks.precision import resolve_precision


def pick_device(name: str = "") -> torch.device:
    """Return the named device; without a name, the GPU if there is one. A missing device is an `InputError`."""
    if not name:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise InputError(f"device '{name}' cannot be used here ({str(error).splitlines()[0]}); try cpu") from error
    return device


def with_precision(config: TrainConfig, device: torch.device) -> TrainConfig:
    """Return the configuration with the device's precision instead of `auto`."""
    precision = resolve_precision(config.trainer.precision, device)
    return dataclasses.replace(config, trainer=dataclasses.replace(config.trainer, precision=precision))
