"""Where networks compute in bfloat16."""

from typing import Any, Literal

import torch
from torch import Tensor, nn

Precision = Literal["float32", "bfloat16"]


def resolve_precision(precision: Literal["float32", "bfloat16", "auto"], device: torch.device) -> Precision:
    """The precision on a device: `auto` is bfloat16 where it has matrix units for it, float32 elsewhere."""
    if precision != "auto":
        return precision
    return "bfloat16" if _has_matrix_units(device) else "float32"


def _has_matrix_units(device: torch.device) -> bool:
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)  # tensor cores from Ampere on
    # Intel's AMX. Older versions of torch do not tell, and float32 is never wrong.
    capabilities: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()
    return device.type == "cpu" and bool(capabilities.get("amx_bf16"))


def in_full_precision(module: nn.Module, x: Tensor) -> Tensor:
    """A module in the precision of its own weights, inside autocast, too: for the last layers, whose output counts."""
    with torch.autocast(x.device.type, enabled=False):
        return module(x.to(next(module.parameters()).dtype))
