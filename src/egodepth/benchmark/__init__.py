"""Measured throughput: what this machine does with the step, the loader, inference and evaluation."""

from egodepth.benchmark.command import Benchmark

__all__ = ["Benchmark"]
