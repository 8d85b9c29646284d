"""Panels: one image with target, warped source, disparity and auto-mask, to watch the training."""

import matplotlib
import numpy as np
import torch
from jaxtyping import UInt8

from egodepth.objective import Diagnosis

_SHOWN = 4


def draw_panels(diagnosis: Diagnosis) -> UInt8[np.ndarray, "h w 3"]:
    """Return one row per sample: target, first source warped to it, disparity (near is bright), kept pixels."""
    shown = min(_SHOWN, len(diagnosis.target))
    disparity = diagnosis.disparity[:shown].cpu()
    low = disparity.flatten(1).amin(1)[:, None, None]
    high = torch.quantile(disparity.flatten(1).float(), 0.98, dim=1)[:, None, None]
    unit = ((disparity - low) / (high - low).clamp(min=1e-6)).clamp(0, 1)
    coloured = matplotlib.colormaps["magma"](unit.numpy())[..., :3]
    kept = diagnosis.kept[:shown].cpu().numpy()[..., None].repeat(3, -1)
    columns = [_pixels(diagnosis.target[:shown]), _pixels(diagnosis.warped[:shown]), coloured, kept]
    rows = [np.concatenate([column[i] for column in columns], 1) for i in range(shown)]
    return (np.concatenate(rows) * 255).round().astype(np.uint8)


def _pixels(images: torch.Tensor) -> np.ndarray:
    return images.cpu().permute(0, 2, 3, 1).clamp(0, 1).numpy()
