"""How sure a difference is: intervals by the paired bootstrap, tests by the paired permutation, Holm's correction over many.

All of it works on rows of numbers (a query's nDCG@10, a pair's cosine) and knows nothing of tasks and models.

Sources: the percentile interval is Efron & Tibshirani, An Introduction to the Bootstrap (1993), ch. 13. It is taken rather than BCa because
the difference of paired means is nearly symmetric, and because the same draws then serve a difference, a mean over tasks and a share of
a gain. Smucker, Allan & Carterette (CIKM 2007, doi:10.1145/1321440.1321528; SIGIR 2009, doi:10.1145/1571941.1572050) compare tests for
retrieval: the bootstrap's p-values are too small with few queries, the permutation test's are not, so that p is the permutation test's. Boytsov et
al. (CIKM 2013, doi:10.1145/2505515.2507801) hold Holm's correction of it against others.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

from ..result import StatisticName

Numbers = npt.NDArray[np.float64]
Levels = npt.NDArray[np.intp]
"""Values as whole numbers from 0 up in the same order, ties being equal: ranks are then counted, never sorted."""
Statistic = Callable[[npt.NDArray, npt.NDArray], Numbers]
"""Values (k, n) and what they are compared with (k or 1, n) -> the score of each row, (k,); nan where it is not defined."""

RESAMPLES = 10_000
LEVEL = 0.95
_CELLS = 1 << 20  # of one block of draws; what is in the processor's cache is worked through fastest
_MOST_UNDEFINED = 0.05
_EQUAL = 1e-12  # sums of the same numbers in another order differ by less


def mean(values: npt.NDArray, _gold: npt.NDArray) -> Numbers:
    """Return the mean of each row."""
    means: Numbers = values.mean(axis=1)
    return means


def spearman(values: npt.NDArray, gold: npt.NDArray) -> Numbers:
    """Return the rank correlation of each row, ties sharing their mean rank.

    Args:
        values: Levels, (k, n).
        gold: Levels, (k, n), or (1, n) for all rows.
    """
    own, theirs = (ranks - ranks.mean(axis=1, keepdims=True) for ranks in (_ranks(values), _ranks(gold)))
    norms = np.sqrt((own * own).sum(axis=1) * (theirs * theirs).sum(axis=1))
    with np.errstate(invalid="ignore", divide="ignore"):
        correlations: Numbers = (own * theirs).sum(axis=1) / norms
    return correlations


def average_precision(values: npt.NDArray, gold: npt.NDArray) -> Numbers:
    """Return the average precision of each row, as scikit-learn defines it: ties are one threshold.

    Args:
        values: Levels, (k, n), the greatest ranking first.
        gold: Labels, 0 or 1, (k, n), or (1, n) for all rows.
    """
    labels = np.broadcast_to(gold, values.shape)
    every = np.cumsum(_histogram(values)[:, ::-1], axis=1)
    hits = _histogram(values, labels)[:, ::-1]
    found = np.cumsum(hits, axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        precision = np.where(hits > 0, found / every, 0.0)
        scores: Numbers = (hits * precision).sum(axis=1) / found[:, -1]
    return scores


STATISTICS: Mapping[StatisticName, Statistic] = {"mean": mean, "Spearman": spearman, "AP": average_precision}
"""What makes a score of items; the ones but `mean` take levels."""


def score_of(statistic: StatisticName, values: Numbers, gold: Numbers) -> float:
    """Return the score of items, (n,), as they are."""
    return float(STATISTICS[statistic](*_prepared(statistic, values[None], gold))[0])


def resampled_scores(statistic: StatisticName, values: Numbers, gold: Numbers, *, seed: int, resamples: int = RESAMPLES) -> Numbers:
    """Score bootstrap samples of the items. The same samples are drawn for each seed and number of items, so that results are paired.

    Args:
        statistic: How items make a score.
        values: Of the items, (n,).
        gold: What they are compared with, (n,); of any content for the mean.
        seed: Of the draws.
        resamples: How many samples.

    Returns:
        (resamples,), nan where a sample has no score (all values of a rank correlation the same, no positive).
    """
    (own,), (theirs,) = _prepared(statistic, values[None], gold)
    score = STATISTICS[statistic]
    return np.concatenate([score(own[draws], theirs[draws]) for draws in _draws(len(values), seed, resamples)])


def interval(distribution: Numbers) -> tuple[float, float] | None:
    """Return the ends of the percentile interval at `LEVEL`; None where over 5 % of the samples have no score."""
    defined = distribution[~np.isnan(distribution)]
    if len(defined) < (1 - _MOST_UNDEFINED) * len(distribution):
        return None
    low, high = np.quantile(defined, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def permutation_p(statistic: StatisticName, own: Numbers, base: Numbers, gold: Numbers, *, seed: int, resamples: int = RESAMPLES) -> float:
    """Return the two-sided p-value of "both are equally good", by swapping the two values of random items.

    Under that hypothesis the values are exchangeable. Rank statistics swap ranks: the cosines of two models have scales of their own.

    Args:
        statistic: How items make a score.
        own: Values of the items, (n,).
        base: The base's, (n,).
        gold: What they are compared with, (n,); of any content for the mean.
        seed: Of the swaps.
        resamples: How many swaps; the least p is 1 / (resamples + 1).
    """
    (mine, theirs), held = _prepared(statistic, np.stack([own, base]), gold)
    score = STATISTICS[statistic]
    observed = abs(score(mine[None], held) - score(theirs[None], held))[0]
    extreme = 0
    for swap in _swaps(len(own), seed, resamples):
        difference = score(np.where(swap, theirs, mine), held) - score(np.where(swap, mine, theirs), held)
        extreme += int((~(np.abs(difference) < observed - _EQUAL)).sum())  # a swap without a score counts against significance
    return (extreme + 1) / (resamples + 1)


def holm(p_values: Sequence[float]) -> list[float]:
    """Correct p-values for their number, so that all that are below 0.05 are right together with 95 % confidence.

    Source: Holm, A simple sequentially rejective multiple test procedure, Scandinavian Journal of Statistics 6 (1979).
    """
    corrected, greatest = [0.0] * len(p_values), 0.0
    for rank, row in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        greatest = max(greatest, min(1.0, (len(p_values) - rank) * p_values[row]))
        corrected[row] = greatest
    return corrected


def _prepared(statistic: StatisticName, values: Numbers, gold: Numbers) -> tuple[npt.NDArray, npt.NDArray]:
    """Return values (r, n) and gold (1, n) as the statistic takes them."""
    if statistic == "mean":
        return values, gold[None]
    return _levels(rankdata(values, axis=1)), gold[None] if statistic == "AP" else _levels(gold[None])


def _levels(values: Numbers) -> Levels:
    """Number the different values from the least up, over all rows together."""
    levels: Levels = np.unique(values, return_inverse=True)[1].reshape(values.shape)
    return levels


def _histogram(levels: Levels, weights: npt.NDArray | None = None) -> Numbers:
    """Sum the weights (None: ones) of each level in each row, (k, levels)."""
    count = int(levels.max()) + 1
    places = (levels + count * np.arange(len(levels))[:, None]).ravel()
    flat = np.bincount(places, None if weights is None else weights.ravel(), minlength=count * len(levels))
    return flat.reshape(len(levels), count).astype(np.float64, copy=False)


def _ranks(levels: Levels) -> Numbers:
    """Return each value's rank within its row, from 1, ties sharing their mean rank."""
    counts = _histogram(levels)
    ranks: Numbers = np.take_along_axis(np.cumsum(counts, axis=1) - (counts - 1) / 2, levels, axis=1)
    return ranks


def _draws(items: int, seed: int, resamples: int) -> Iterator[Levels]:
    """Yield rows of items drawn with replacement, in blocks."""
    rng = np.random.default_rng([seed, 0])
    for rows in _blocks(items, resamples):
        yield rng.integers(items, size=(rows, items))


def _swaps(items: int, seed: int, resamples: int) -> Iterator[npt.NDArray[np.bool_]]:
    """Yield rows that say of each item whether it is swapped, in blocks."""
    rng = np.random.default_rng([seed, 1])
    for rows in _blocks(items, resamples):
        yield rng.integers(2, size=(rows, items), dtype=np.bool_)


def _blocks(items: int, resamples: int) -> Iterator[int]:
    rows = max(1, _CELLS // items)
    for start in range(0, resamples, rows):
        yield min(rows, resamples - start)
