"""Iso-C: the weighted sum with a flat spectrum."""

from collections.abc import Sequence

from ...lora import Update, weighted_sum
from ...lora.algebra import decompose
from .parts import MethodSettings, Part, modules, weights
from .span import as_update, in_double, present


def merge_iso_c(parts: Sequence[Part], _settings: MethodSettings) -> Update:
    """Return the weighted sum with each nonzero singular value replaced by their mean, factored.

    The mean is over the rank of the sum (singular values above rounding), and the result has that rank: nothing is put where no parent
    has anything. The paper's updates have full rank, and its mean is over min(out, in).

    One adapter is not itself: the nonzero singular values of the result are all equal, and those of an adapter are not; diag(3, 1)
    becomes diag(2, 2). Nor is the mean of two copies the copy: the plain mean is the copy, and it is flattened like a single one.
    Source: https://arxiv.org/abs/2502.04959 (Iso-C).
    """
    u, s, vh = decompose(in_double(weighted_sum(modules(parts), weights(parts))))
    there = present(s)
    return as_update(u[:, there] * s[there].mean() if there.any() else u[:, there], vh[there])
