"""Axes of other programs. Ours: x right, y down, z forward, for the cameras and for the world (the first camera's)."""

import numpy as np
from jaxtyping import Float64

OPENGL_FROM_OURS = np.diag([1.0, -1.0, -1.0, 1.0])
"""OpenGL's and glTF's axes: x right, y up, z backwards."""
Z_UP_FROM_OURS = np.array([[1.0, 0, 0, 0], [0, 0, 1, 0], [0, -1, 0, 0], [0, 0, 0, 1]])
"""Axes of a world that points up along z: x right, y forward, z up."""


def moved(axes: Float64[np.ndarray, "4 4"], xyz: np.ndarray) -> np.ndarray:
    """Return points (n, 3) in other axes, in the same precision."""
    return (xyz.astype(np.float64) @ axes[:3, :3].T).astype(xyz.dtype)
