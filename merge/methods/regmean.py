"""RegMean: the update whose outputs are nearest to the parents' own, each on its own inputs."""

from collections.abc import Sequence

import torch
from torch import Tensor

from ...errors import ConfigError
from ...lora import Update, weighted_sum
from .parts import MethodSettings, Part, modules, weights
from .span import as_update

_OFF_DIAGONAL = 0.9
_RIDGE = 1e-6


def merge_regmean(parts: Sequence[Part], _settings: MethodSettings) -> Update:
    """Return (sum of w * delta W @ G) @ M^-1, where M is the mean of the G by weight, factored.

    With weights that add up to 1 it minimises the sum over parents i of w * |(W - W_i) x|^2 over i's inputs x; the base's own weights drop out
    of it. Twice the weights give twice the update. As in the paper, elements off the diagonal of G are shrunk, by 0.9. G is a mean over
    tokens, the paper's a sum: here a parent counts by its weight and not by how much text it saw.

    To each G, and not to M alone, a ridge of 1e-6 of M's mean diagonal is added, so that one adapter is itself whatever its G, and
    inputs that no parent ever has get the plain weighted sum. A parent that leaves the module alone and carries no G is taken to see what the
    others see.
    Source: https://arxiv.org/abs/2212.09849

    Raises:
        ConfigError: a weight is negative, or a parent with an update carries no Gram matrix, or one of another size, or one that is damaged.
    """
    _check(parts)
    seeing = [part for part in parts if part.gram is not None and part.weight > 0]
    if not seeing:
        return weighted_sum(modules(parts), weights(parts))
    into, total = parts[0].module.a.shape[1], sum(weights(seeing))
    mean = torch.zeros(into, into, dtype=torch.float64)
    for part in seeing:  # one at a time: Gram matrices may be larger than all factors together
        mean.add_(_gram(part), alpha=part.weight / total)
    diagonal = mean.diagonal().clone()
    ridge = float(diagonal.mean().clamp(min=1e-30)) * _RIDGE
    mean.mul_(_OFF_DIAGONAL).diagonal().copy_(diagonal + ridge)
    seen = torch.cat([_seen(part, ridge) for part in seeing])  # (sum of ranks, in)
    triangle, failed = torch.linalg.cholesky_ex(mean)
    if failed:
        raise ConfigError(f"the Gram matrices of {', '.join(part.key for part in seeing)} are damaged: their mean is not positive definite")
    return as_update(weighted_sum(modules(seeing), weights(seeing)).b, torch.cholesky_solve(seen.T, triangle).T)


def _check(parts: Sequence[Part]) -> None:
    if min(weights(parts)) < 0:
        raise ConfigError(f"regmean takes weights of 0 and above, and one is {min(weights(parts))}; linear takes negative ones")
    for number, part in enumerate(parts, start=1):
        into = part.module.a.shape[1]
        if part.gram is None and part.module.rank:
            raise ConfigError(
                f"adapter {number} ({part.key}) carries no Gram matrix of this module's inputs; train it with --gram-rank, or merge with linear"
            )
        if part.gram is not None and part.gram.shape != (into, into):
            raise ConfigError(f"adapter {number} ({part.key}) carries a Gram matrix {tuple(part.gram.shape)}; expected ({into}, {into})")


def _gram(part: Part) -> Tensor:
    assert part.gram is not None
    return part.gram


def _seen(part: Part, ridge: float) -> Tensor:
    """Return A @ G of a parent, G shrunk off its diagonal and with its ridge: (rank, in), float64."""
    a, gram = part.module.a.double(), _gram(part).double()
    return _OFF_DIAGONAL * (a @ gram) + a * ((1 - _OFF_DIAGONAL) * gram.diagonal() + ridge)
