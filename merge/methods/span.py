"""The span of factors: what the spectral methods work in, in place of the matrix."""

import torch
from torch import Tensor

from ...lora import LoraModule

ROUNDING = 1e-6
"""Share of the largest singular value below which a direction is the rounding of float32 factors, and no part of an update."""


def left_basis(matrix: Tensor) -> Tensor:
    """Return the left singular vectors of a matrix (d, k), those of singular value 0 left out: (d, rank), float64, largest first.

    A tall matrix goes by way of its QR, so that the cost grows with d and not with its square; vectors of singular values too close for
    float64 squares to distinguish may be mixed, and stay orthonormal.
    """
    d, k = matrix.shape
    q, r = torch.linalg.qr(matrix.double()) if d > k else (torch.eye(d, dtype=torch.float64), matrix.double())
    squares, vectors = torch.linalg.eigh(r @ r.T)  # rising
    basis: Tensor = q @ vectors.flip(1)[:, present(squares.clamp(min=0).sqrt().flip(0))]
    return basis


def present(s: Tensor) -> Tensor:
    """Return which singular values (k,), largest first, are more than rounding: (k,), bool."""
    return s > (s[0] * ROUNDING if len(s) else 0)


def in_double(module: LoraModule) -> LoraModule:
    """Return an update in float64, so that what is rank deficient decomposes into zeros and not into noise."""
    return LoraModule(module.a.double(), module.b.double(), module.scale)


def as_update(b: Tensor, a: Tensor) -> LoraModule:
    """Return b (out, k) @ a (k, in) as an update, rounded to float32: the last step of a method."""
    return LoraModule(a.float(), b.float(), 1.0)
