"""KnOTS: TIES on the parents' parts in one basis of output directions."""

from collections.abc import Sequence

import torch

from ...lora import Update
from .consensus import sign_consensus
from .parts import MethodSettings, Part, weights
from .span import as_update, left_basis
from .sparsify import keep_largest


def merge_knots_ties(parts: Sequence[Part], settings: MethodSettings) -> Update:
    """Return U @ TIES over parents of (U^T delta W), factored, where U S [V1 ... Vn] is the SVD of [delta W1 ... delta Wn] side by side.

    A parent's part U^T delta W = S Vi is (k, in), k at most the sum of ranks: what is trimmed and elected are coordinates along shared directions and
    not elements of the matrix. U has the left singular vectors of [B1 T1^T ... Bn Tn^T], where Ti is the triangle of the QR of Ai^T, so
    that nothing of size (out, n * in) is made.
    Source: https://arxiv.org/abs/2410.19735 (KnOTS-TIES). There the largest of the whole model are kept; here, of each module.
    """
    own = [(part.module.b.double() * part.module.scale, part.module.a.double()) for part in parts]
    basis = left_basis(torch.cat([b @ torch.linalg.qr(a.T)[1].T for b, a in own], dim=1))  # (out, k)
    kept = (keep_largest(((basis.T @ b) @ a).float(), settings.density) for b, a in own)  # (k, in), one at a time
    return as_update(basis, sign_consensus(kept, torch.tensor(weights(parts))))
