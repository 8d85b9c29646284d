"""Measured throughput: what this machine does with the step, the loader, inference and evaluation."""
