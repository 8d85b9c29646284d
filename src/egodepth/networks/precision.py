"""Choose between bfloat16 and float32 for the networks."""

from typing import Any, Literal

import torch
from torch import Tensor, nn

Precision = Literal["float32", "bfloat16"]


def resolve_precision(precision: Literal["float32", "bfloat16", "auto"], device: torch.device) -> Precision:
    """Return the precision on a device: `auto` is bfloat16 if the device has matrix units for it, else float32."""
    if precision != "auto":
        return precision
    return "bfloat16" if _has_matrix_units(device) else "float32"


def _has_matrix_units(device: torch.device) -> bool:
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)  # tensor cores from Ampere on
    # Intel's AMX. Older versions of torch do not report it; float32 is always correct.
    capabilities: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()
    return device.type == "cpu" and bool(capabilities.get("amx_bf16"))


def in_full_precision(module: nn.Module, x: Tensor) -> Tensor:
    """Run a module in the precision of its weights, also inside autocast. It is for the output layers."""
    with torch.autocast(x.device.type, enabled=False):
        return module(x.to(next(module.parameters()).dtype))
