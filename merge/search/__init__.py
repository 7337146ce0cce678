"""Weights from data: what a merge is measured on, the search over weights, and the curve of a merge."""

from ...registry.search_file import Curve, Point
from .candidates import Candidates
from .curve import count_curve_points, trace_curve
from .plan import plan_measurements
from .probe import Probe, encoders_over
from .task import SearchTask, draw_task
from .weights import SearchResult, SearchSettings, search_weights

__all__ = [
    "Candidates",
    "Curve",
    "Point",
    "Probe",
    "SearchResult",
    "SearchSettings",
    "SearchTask",
    "count_curve_points",
    "draw_task",
    "encoders_over",
    "plan_measurements",
    "search_weights",
    "trace_curve",
]
