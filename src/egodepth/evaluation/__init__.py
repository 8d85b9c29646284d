"""Evaluation of depth: metrics, alignments, protocols, baselines and reports."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # at run time they are imported when they are asked for: the command line needs the names alone
    from egodepth.evaluation.benchmarks import BENCHMARKS, PROTOCOLS
    from egodepth.evaluation.evaluator import aligned_depth, evaluate_predictions
    from egodepth.evaluation.metrics import METRICS, depth_metrics
    from egodepth.evaluation.protocols import Protocol
    from egodepth.evaluation.report import Report

__all__ = [
    "BENCHMARKS",
    "METRICS",
    "PROTOCOLS",
    "Protocol",
    "Report",
    "aligned_depth",
    "depth_metrics",
    "evaluate_predictions",
]
_MODULES = {
    "BENCHMARKS": "benchmarks",
    "METRICS": "metrics",
    "PROTOCOLS": "benchmarks",
    "Protocol": "protocols",
    "Report": "report",
    "aligned_depth": "evaluator",
    "depth_metrics": "metrics",
    "evaluate_predictions": "evaluator",
}


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
