"""How many threads each of several processes computes with."""

from __future__ import annotations

import os

THREADS = "OMP_NUM_THREADS"


def threads_each(processes: int) -> int:
    """Return how many of the cores that this process may use each of several gets: 1 or more."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, cores // processes)
