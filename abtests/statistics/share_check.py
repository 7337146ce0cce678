"""Sample-ratio mismatch: whether users came to the arms in the shares that the experiment gave them; valid at every look.

Source: Lindon, Malek 2022, "Anytime-Valid Inference for Multinomial Count Data", arXiv:2011.03567: a Dirichlet mixture of multinomials over
the multinomial of the shares. Between two ramps the shares are fixed; the mixtures of such stretches multiply, since each has mean 1 given
those before it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

LEVEL = 0.001
"""A mismatch is told where its p-value is below: it casts doubt on all else, and the check is made of every experiment."""
_CONCENTRATION = 500.0
"""How near to the shares the mixture looks: its standard deviation at a share of a half is 2.2 points."""


@dataclass(frozen=True, slots=True)
class ShareCheck:
    """How many users each arm has, how many the shares gave it, and the always-valid p-value."""

    users: tuple[int, ...]
    expected: tuple[float, ...]
    p: float

    @property
    def is_off(self) -> bool:
        """Whether the shares were not kept."""
        return self.p < LEVEL


def check_shares(counts: Sequence[NDArray[np.integer]], shares: Sequence[Sequence[float]]) -> ShareCheck:
    """Hold users against shares.

    Args:
        counts: Of each stretch with fixed shares, the new users of each arm (arms,).
        shares: Of each stretch, the shares of the arms, of any sum above 0.
    """
    evidence, expected = 0.0, np.zeros(len(shares[0]))
    for users, share in zip(counts, shares, strict=True):
        wanted = np.asarray(share, float) / sum(share)
        expected += users.sum() * wanted
        evidence += _log_mixture(np.asarray(users, float), wanted)
    total = np.sum(list(counts), axis=0)
    return ShareCheck(tuple(map(int, total)), tuple(map(float, expected)), math.exp(-max(0.0, evidence)))


def _log_mixture(users: NDArray[np.float64], wanted: NDArray[np.float64]) -> float:
    """Return the logarithm of the mixture over the likelihood of the shares; infinite where an arm without a share has users."""
    if (users[wanted == 0] > 0).any():
        return math.inf
    users, prior = users[wanted > 0], wanted[wanted > 0] * _CONCENTRATION
    mixture = gammaln(prior + users).sum() - gammaln(prior).sum() + gammaln(prior.sum()) - gammaln(prior.sum() + users.sum())
    return float(mixture - (users * np.log(prior / prior.sum())).sum())
