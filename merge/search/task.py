"""One domain's dev data for choosing weights, and what vectors of its texts score."""

from dataclasses import dataclass

import numpy as np

from ...data.dev_set import DevSet, draw_dev_set
from ...data.pairs import Corpus, Pairs
from ...encoders.protocol import Vectors
from ...errors import DataError
from ...plurals import count

LOSS_TEMPERATURE = 0.05  # LM-Cocktail's, for the loss of embedders


@dataclass(frozen=True, slots=True)
class SearchTask:
    """A domain's name and its dev set."""

    name: str
    dev: DevSet

    def __post_init__(self) -> None:
        queries, passages = self.dev.queries, self.dev.passages
        if not queries or not passages:
            raise DataError(
                f"{self.name} holds {count(len(queries), 'dev query')} and {count(len(passages), 'passage')}; at least one of each is needed"
            )
        for qid in queries:
            if not any(pid in passages for pid in self.dev.relevant.get(qid, {})):
                raise DataError(f"{self.name}: query {qid!r} is answered by none of the passages")

    def describe(self) -> str:
        """Describe how large the set is."""
        return f"{self.name}: {count(len(self.dev.queries), 'dev query')} over {count(len(self.dev.passages), 'passage')}"

    def loss(self, queries: Vectors, passages: Vectors) -> float:
        """Return the mean contrastive loss: -log of the softmax over cosines at the best-graded positive.

        Args:
            queries: (queries, d), length 1, in the order of the set's queries.
            passages: (passages, d), length 1, in the order of the set's passages.

        Source: https://arxiv.org/abs/2311.13534, whose code holds a positive against seven drawn negatives and those of its batch; here it
        is compared with every passage of the dev set that does not answer the query.
        """
        logits = queries.astype(np.float64) @ passages.astype(np.float64).T / LOSS_TEMPERATURE  # (queries, passages)
        columns = {pid: column for column, pid in enumerate(self.dev.passages)}
        losses = []
        for row, qid in enumerate(self.dev.queries):
            graded = {columns[pid]: grade for pid, grade in self.dev.relevant[qid].items() if pid in columns}
            target = max(graded, key=lambda column: graded[column])
            values = np.delete(logits[row], [column for column in graded if column != target])
            losses.append(np.logaddexp.reduce(values) - logits[row, target])
        return float(np.mean(losses))


def draw_task(name: str, corpus: Corpus, pairs: Pairs) -> SearchTask:
    """Draw a domain's dev set, the same that training scores itself on.

    Args:
        name: The domain's name.
        corpus: Where passages are drawn from.
        pairs: The dev split; never the test split.

    Raises:
        DataError: there is no query or no passage.
    """
    return SearchTask(name, draw_dev_set(pairs, corpus))
