"""Examination by expectation-maximisation of the position-based model: told beside other estimates, for comparison.

Source: Wang, Golbandi, Bendersky, Metzler, Najork, "Position Bias Estimation for Unbiased Learning to Rank in Personal Search", WSDM 2018
(https://doi.org/10.1145/3159652.3159732). We keep a relevance for each query and item in a table, where the paper regresses it on features. It
gives an answer whatever the log is, also where nothing was ever at two positions; so it is chosen by name alone.
"""

from __future__ import annotations

import numpy as np

from .cells import Cells

_ROUNDS, _TOLERANCE, _EDGE = 100, 1e-4, 1e-6


def maximise(cells: Cells, positions: int) -> np.ndarray:
    """Return the examination of each position beside the first that was shown, (k,); NaN of those that were not."""
    pair, place = cells.pair(), cells.position - 1
    missed = np.maximum(cells.shown - cells.clicked, 0)
    of_pair = np.bincount(pair, cells.shown)
    examination, relevance = np.full(positions, 0.5), np.full(len(of_pair), 0.5)
    for _ in range(_ROUNDS):
        seen, wanted = examination[place], relevance[pair]
        unclicked = missed / (1 - seen * wanted)
        examined = np.bincount(place, cells.clicked + unclicked * seen * (1 - wanted), positions)
        relevant = np.bincount(pair, cells.clicked + unclicked * wanted * (1 - seen))
        before = examination
        examination = np.clip(examined / np.maximum(np.bincount(place, cells.shown, positions), _EDGE), _EDGE, 1 - _EDGE)
        relevance = np.clip(relevant / of_pair, _EDGE, 1 - _EDGE)
        if np.abs(np.log(examination / before)).max(initial=0) < _TOLERANCE:
            break
    there = np.bincount(place, cells.shown, positions) > 0
    return np.where(there, examination / examination[np.argmax(there)], np.nan)
