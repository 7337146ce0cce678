"""Dev metrics as values, over pytrec-eval, which mteb uses too (equal to mteb's by a test); and how scores spread over seeds."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_BLOCK = 256


@dataclass(frozen=True, slots=True)
class _Family:
    """What a metric is made of: pytrec-eval's measures (at the cutoff, but for the reciprocal rank, which has none), and their values and the cutoff -> its own."""

    measures: tuple[str, ...]
    value: Callable[[list[float], int], float] = lambda found, _: found[0]


_FAMILIES = {
    "nDCG": _Family(("ndcg_cut",)),
    "R": _Family(("recall",)),
    "P": _Family(("P",)),
    "F1": _Family(("P", "recall"), lambda found, _: 2 * found[0] * found[1] / sum(found) if sum(found) else 0.0),
    "RR": _Family(("recip_rank",), lambda found, cutoff: found[0] if found[0] * cutoff > 1 - 1e-9 else 0.0),
    "AP": _Family(("map_cut",)),
    "Success": _Family(("success",)),
}
"""Name of a metric -> what it is made of."""
_WITHOUT_CUTOFF = "recip_rank"


@dataclass(frozen=True, slots=True, repr=False)
class Metric:
    """A metric of retrieval at a cut-off. Its text (`nDCG@10`) is its one spelling: in records, tables and messages."""

    name: str
    cutoff: int

    def __repr__(self) -> str:
        return f"{self.name}@{self.cutoff}"

    def by_query(
        self,
        query_vectors: NDArray[np.float32],
        passage_vectors: NDArray[np.float32],
        query_ids: list[str],
        passage_ids: list[str],
        relevant: dict[str, dict[str, int]],
    ) -> dict[str, float]:
        """Return each query's score, by cosine over all passages.

        Args:
            query_vectors: (queries, d), length 1.
            passage_vectors: (passages, d), length 1.
            query_ids: The rows' names.
            passage_ids: The rows' names.
            relevant: Query id -> passage id -> grade.
        """
        import pytrec_eval

        depth = min(max(100, self.cutoff), len(passage_ids))
        run: dict[str, dict[str, float]] = {}
        for start in range(0, len(query_ids), _BLOCK):
            cosines = query_vectors[start : start + _BLOCK] @ passage_vectors.T  # (block, passages)
            best = np.argpartition(-cosines, depth - 1, axis=1)[:, :depth]
            for row, columns in enumerate(best):
                run[query_ids[start + row]] = {passage_ids[column]: float(cosines[row, column]) for column in columns}
        family = _FAMILIES[self.name]
        asked = {measure if measure == _WITHOUT_CUTOFF else f"{measure}.{self.cutoff}" for measure in family.measures}
        evaluator = pytrec_eval.RelevanceEvaluator({qid: relevant[qid] for qid in query_ids}, asked)
        keys = [measure if measure == _WITHOUT_CUTOFF else f"{measure}_{self.cutoff}" for measure in family.measures]
        return {qid: family.value([found[key] for key in keys], self.cutoff) for qid, found in evaluator.evaluate(run).items()}


NDCG_10 = Metric("nDCG", 10)


def retrieval_metric(spelled: str) -> Metric:
    """Return the metric of a spelling such as `nDCG@10` (`metric_names.read_metric`)."""
    name, _, cutoff = spelled.partition("@")
    return Metric(name, int(cutoff))


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """How scores of runs that differ in their seed scatter. `deviation` is the sample's standard deviation."""

    mean: float
    deviation: float
    least: float
    greatest: float


def spread_of(scores: Sequence[float]) -> Spread:
    """Return mean and spread of two scores or more."""
    deviation = float(np.std(scores, ddof=1))
    return Spread(mean=float(np.mean(scores)), deviation=deviation, least=min(scores), greatest=max(scores))
