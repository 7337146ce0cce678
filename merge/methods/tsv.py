"""TSV: the parents' singular vectors, made orthogonal to one another."""

from collections.abc import Sequence

import torch
from torch import Tensor

from ...lora import Update
from ...lora.algebra import decompose
from .parts import MethodSettings, Part
from .span import as_update, in_double, present


def merge_tsv(parts: Sequence[Part], _settings: MethodSettings) -> Update:
    """Return the sum over parents of U' @ (weight * S) @ V'^T, where U' and V' are orthonormal across parents, factored.

    U' is the polar factor of the parents' left singular vectors side by side (out, sum of ranks): of all orthonormal sets the nearest. V'
    likewise. The paper keeps min(out, in) / n vectors of each of n parents, so that they fit; here all are kept while the ranks fit, and each
    parent's share of them otherwise. Parents of weight 0 are left out. Vectors that coincide cannot be orthonormal: there the polar factor
    is the partial isometry. In every case the spectral norm is at most the largest weight * singular value.

    One adapter is itself: orthonormal vectors are their own polar factor. The mean of two copies is not the copy but half of it: the
    polar factor of [U U] is [U U] / sqrt(2), of [V V] alike, so that each copy gives half of weight * itself. (n copies of weight 1 are
    the copy.) Updates of orthogonal rows and columns are summed plainly.
    Source: https://arxiv.org/abs/2412.00081 (TSV-Merge).
    """
    out, into = parts[0].module.b.shape[0], parts[0].module.a.shape[1]
    pieces = [_piece(part) for part in parts if part.weight != 0]
    share = min(1.0, min(out, into) / max(1, sum(len(s) for _, s, _ in pieces)))
    pieces = [(u[:, :k], s[:k], vh[:k]) for u, s, vh in pieces for k in [max(1, int(share * len(s)))]]
    left = _polar(torch.cat([torch.zeros(out, 0), *(u for u, _, _ in pieces)], dim=1))  # (out, k)
    right = _polar(torch.cat([torch.zeros(0, into), *(vh for _, _, vh in pieces)]).T)  # (in, k)
    return as_update(left * torch.cat([torch.zeros(0), *(s for _, s, _ in pieces)]), right.T)


def _piece(part: Part) -> tuple[Tensor, Tensor, Tensor]:
    """Return u (out, k), weight * s (k,), vh (k, in) of a parent's update, k its rank."""
    u, s, vh = decompose(in_double(part.module))
    there = present(s)
    return u[:, there], part.weight * s[there], vh[there]


def _polar(columns: Tensor) -> Tensor:
    """Return columns @ (columns^T @ columns)^-1/2 of unit columns (d, k), over what of their span is more than rounding."""
    columns = columns.double()
    squares, vectors = torch.linalg.eigh(columns.T @ columns)  # (k,), ascending; (k, k)
    there = present(squares.clamp(min=0).sqrt().flip(0)).flip(0)
    nearest: Tensor = columns @ (vectors[:, there] * squares[there].rsqrt()) @ vectors[:, there].T
    return nearest
