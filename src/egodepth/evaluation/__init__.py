"""Evaluation of depth: metrics, alignments, protocols, baselines and reports."""

from egodepth.evaluation.evaluator import aligned_depth, evaluate_predictions
from egodepth.evaluation.metrics import METRICS, depth_metrics
from egodepth.evaluation.protocols import PROTOCOLS, Protocol
from egodepth.evaluation.report import Report

__all__ = ["METRICS", "PROTOCOLS", "Protocol", "Report", "aligned_depth", "depth_metrics", "evaluate_predictions"]
