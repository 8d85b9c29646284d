"""Measure the throughput of the step, the loader, inference and evaluation: `egodepth benchmark`, from a clone."""

from pathlib import Path

CLONE = Path(__file__).parents[1]
"""The repository, in which new processes are started so that they find this package."""
