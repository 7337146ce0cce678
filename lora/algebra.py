"""The algebra of updates: exact sums, inner products, and truncation that is optimal in the Frobenius norm.

All of it works in the span of the factors while that is smaller than the matrix, and on the dense matrix otherwise.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from ..errors import ConfigError
from .factors import LoraModule

Update = LoraModule | Tensor
"""One module's change of weight: factored, or dense (out, in)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RankPolicy:
    """How many dimensions an update keeps.

    Attributes:
        rank: A number; `full` (lossless); or `auto`: the fewest that keep `energy`, never more than the cap that comes with the update.
        energy: Share of the squared Frobenius norm, above 0 and at most 1.
    """

    rank: int | Literal["auto", "full"] = "auto"
    energy: float = 0.99

    def __post_init__(self) -> None:
        if isinstance(self.rank, int) and self.rank < 1:
            raise ConfigError(f"rank is {self.rank}; expected a number above 0, auto or full")
        if not 0 < self.energy <= 1:
            raise ConfigError(f"energy is {self.energy}; expected a share above 0 and at most 1")


@dataclass(frozen=True, slots=True)
class Compressed:
    """An update as factors again, with its squared norm before (`total`) and what of it was kept (`kept`)."""

    module: LoraModule
    kept: float
    total: float

    @property
    def energy(self) -> float:
        """The share kept; 1 of an update that is zero."""
        return 1.0 if self.total == 0 else min(1.0, self.kept / self.total)


def weighted_sum(modules: Sequence[LoraModule], weights: Sequence[float]) -> LoraModule:
    """Return the sum of weight * delta W, exactly: the factors side by side, ranks adding up."""
    return LoraModule(
        torch.cat([module.a for module in modules]),  # (sum of ranks, in)
        torch.cat([module.b * (weight * module.scale) for module, weight in zip(modules, weights, strict=True)], dim=1),
        1.0,
    )


def inner_product(x: LoraModule, y: LoraModule) -> float:
    """Return <delta x, delta y>, the sum over elements of their product, without making either dense."""
    across = (x.b.double().T @ y.b.double()) * (x.a.double() @ y.a.double().T)  # (rank of x, rank of y)
    return x.scale * y.scale * float(across.sum())


def decompose(update: Update, most: int | None = None) -> tuple[Tensor, Tensor, Tensor]:
    """Return the thin singular value decomposition u (out, k), s (k,), vh (k, in), cut to the `most` largest values where that is given.

    Of factors: by QR of each and the SVD of the small core between them, k being their rank; of a dense matrix, or factors that span
    it all: by the eigenvectors of its smaller Gram matrix in float64, which is as exact as float32 can show and several times as fast.
    """
    if isinstance(update, Tensor) or update.rank >= min(update.b.shape[0], update.a.shape[1]):
        return _decompose_dense(update if isinstance(update, Tensor) else update.delta(), most)
    left, core_left = torch.linalg.qr(update.b * update.scale)  # (out, k), (k, k)
    right, core_right = torch.linalg.qr(update.a.T)  # (in, k), (k, k)
    u, s, vh = torch.linalg.svd(core_left @ core_right.T)
    return left @ u, s, vh @ right.T


def _decompose_dense(matrix: Tensor, most: int | None) -> tuple[Tensor, Tensor, Tensor]:
    if matrix.shape[0] > matrix.shape[1]:
        u, s, vh = _decompose_dense(matrix.T, most)
        return vh.T, s, u.T
    wide = matrix.double()
    squares, u = _largest_eigenpairs(wide @ wide.T, most)
    s = squares.clamp(min=0).sqrt()
    vh = u.T @ wide  # rows of length s
    floor = float(s[0]) * 1e-7 if len(s) else 0.0
    return u.float(), torch.where(s > floor, s, 0).float(), torch.where(s[:, None] > floor, vh / s[:, None].clamp(min=1e-300), 0).float()


def _largest_eigenpairs(symmetric: Tensor, most: int | None) -> tuple[Tensor, Tensor]:
    """Return the largest eigenvalues, falling, and their vectors as columns. A few of many cost a third of all (scipy's `evr`)."""
    import scipy.linalg  # half a second that encoding need not wait for

    size = len(symmetric)
    if most is None or 2 * most >= size:
        values, vectors = torch.linalg.eigh(symmetric)  # rising
    else:
        found = scipy.linalg.eigh(symmetric.numpy(), subset_by_index=[size - most, size - 1], driver="evr", check_finite=False)
        values, vectors = map(torch.from_numpy, found)
    return values.flip(0)[:most], vectors.flip(1)[:, :most]


def compress(update: Update, policy: RankPolicy, cap: int | None = None) -> Compressed:
    """Return an update as factors of the rank that the policy asks for, with the energy kept.

    A zero update, or what rounding leaves of updates that cancel, comes back as zero factors of rank 1, with energy 1.

    Args:
        update: What to compress.
        policy: How many dimensions to keep. `full` leaves factors as they are, byte for byte, unless they are longer than the matrix.
        cap: The most dimensions that `auto` keeps; None: no limit.
    """
    shape = (update.b.shape[0], update.a.shape[1]) if isinstance(update, LoraModule) else (update.shape[0], update.shape[1])
    if isinstance(update, LoraModule) and policy.rank == "full" and update.rank <= min(shape):
        energy = inner_product(update, update)
        return _zero(shape) if energy <= _rounding(update) else Compressed(update, energy, energy)
    rounding = _rounding(update)
    if isinstance(update, LoraModule) and update.rank >= min(shape):
        update = update.delta()
    total = float(update.double().square().sum()) if isinstance(update, Tensor) else inner_product(update, update)
    if total <= rounding:
        return _zero(shape)
    most = policy.rank if isinstance(policy.rank, int) else cap if policy.rank == "auto" else None
    u, s, vh = decompose(update, most)
    energies = s.double().square()
    rank = _choose_rank(energies, total, policy, cap)
    root = s[:rank].sqrt()
    return Compressed(LoraModule(root[:, None] * vh[:rank], u[:, :rank] * root, 1.0), float(energies[:rank].sum()), total)


def _rounding(update: Update) -> float:
    """Return the squared norm at which a sum of factors is what float32 leaves of updates that cancel; 0 of factors that are 0."""
    if isinstance(update, Tensor):
        return 0.0
    return (update.scale * float(torch.linalg.vector_norm(update.a)) * float(torch.linalg.vector_norm(update.b))) ** 2 * 1e-13


def _choose_rank(energies: Tensor, total: float, policy: RankPolicy, cap: int | None) -> int:
    present = int((energies > 0).sum())
    if policy.rank == "full":
        return present
    if isinstance(policy.rank, int):
        return min(policy.rank, present)
    wanted = total if policy.energy == 1 else policy.energy * total * (1 - 1e-6)  # the slack of float32
    enough = int(torch.searchsorted(energies.cumsum(0), wanted)) + 1
    return max(1, min(enough, present, cap if cap is not None else present))


def _zero(shape: tuple[int, int]) -> Compressed:
    return Compressed(LoraModule(torch.zeros(1, shape[1]), torch.zeros(shape[0], 1), 1.0), 0.0, 0.0)
