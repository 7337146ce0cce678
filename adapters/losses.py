"""Contrastive losses over one batch: similarities and masks -> a scalar. One table of names."""

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor

from ..choices import LossName
from ..errors import ConfigError, unknown_name


@dataclass(frozen=True, slots=True)
class BatchScores:
    """One batch as a loss sees it.

    `cosines`: (queries, passages) float32. `positive`: bool, the pairs to pull together.
    `ignored`: bool, the pairs that are no negatives (other positives of the query, and duplicates of them).
    `log_frequency`: (passages,) float32, the logarithm of how often each passage is drawn, which is taken off its logits; or one zero for all.
    """

    cosines: Tensor
    positive: Tensor
    ignored: Tensor
    log_frequency: Tensor = field(default_factory=lambda: torch.zeros(()))


def info_nce(scores: BatchScores, temperature: float) -> Tensor:
    """Average over queries and their positives of -log softmax of the positive among itself and the negatives.

    Source: https://arxiv.org/abs/1807.03748; unlike there, each of several positives of a query is held against the negatives alone,
    never against its fellow positives. The frequencies: https://doi.org/10.1145/3298689.3346996.
    """
    logits = scores.cosines / temperature - scores.log_frequency  # (queries, passages)
    negatives = logits.masked_fill(scores.positive | scores.ignored, -torch.inf)
    rest = torch.logsumexp(negatives, dim=1, keepdim=True)  # (queries, 1); -inf where a query has no negative
    losses = torch.nn.functional.softplus(rest - logits)  # = -log(e^l / (e^l + e^rest))
    weights = scores.positive / scores.positive.sum(1, keepdim=True).clamp_min(1)
    return (losses * weights).sum(1).mean()


def symmetric_info_nce(scores: BatchScores, temperature: float) -> Tensor:
    """Average `info_nce` from queries to passages and from passages to queries.

    Source: https://arxiv.org/abs/2103.00020, for one positive each; passages that are no query's positive have no row of the second part,
    where the queries, which are all drawn equally often, are the columns.
    """
    wanted = scores.positive.any(0)
    back = BatchScores(scores.cosines.T[wanted], scores.positive.T[wanted], scores.ignored.T[wanted])
    return (info_nce(scores, temperature) + info_nce(back, temperature)) / 2


Loss = Callable[[BatchScores, float], Tensor]
LOSSES: dict[LossName, Loss] = {"infonce": info_nce, "symmetric_infonce": symmetric_info_nce}


def find_loss(name: str) -> Loss:
    """Return the loss called `name`.

    Raises:
        ConfigError: none is; the message lists those that exist.
    """
    try:
        return LOSSES[name]  # type: ignore[index]
    except KeyError:
        raise ConfigError(unknown_name("loss", name, tuple(LOSSES))) from None
