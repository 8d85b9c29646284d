"""Throughput of the step, the loader, inference and evaluation, measured: `egodepth benchmark`, from a clone."""

from pathlib import Path

CLONE = Path(__file__).parents[1]
"""The repository: where processes of their own are started, so that they find this package."""
