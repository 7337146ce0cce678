"""What mining came to: how hard the negatives are, which candidates were passed over and why, with examples."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from ...data.pairs import TrainingData
from ..report import EXAMPLES, Effect, Finding, ToolReport, counts_of
from .candidates import Judge, Retriever, Rows, Scores
from .choose import HOLDS_QUERY, TOO_HIGH, TOO_LOW, TOO_NEAR, Chosen
from .settings import MineSettings

_SHOWN = 60
"""Characters of a text in an example."""
_QUARTILES = (0, 25, 50, 75, 100)


@dataclass(frozen=True, slots=True)
class Mined:
    """A mining: the data before and after, the candidates, each query's lowest score of a positive, (q,), and by what."""

    before: TrainingData
    after: TrainingData
    chosen: Chosen
    positives: Scores
    retrievers: Sequence[Retriever]
    judge: Judge
    settings: MineSettings


def report_mining(mined: Mined) -> ToolReport:
    """Return what is to be told of a mining."""
    chosen, settings = mined.chosen, mined.settings
    per_query = chosen.is_taken.sum(axis=1)
    findings = [
        _finding(mined, f"hard negatives by {' + '.join(each.name for each in mined.retrievers)}", "added", chosen.is_taken, "negative"),
        *(
            _finding(mined, what, "dropped", chosen.is_considered & (chosen.verdicts == verdict), "candidate")
            for verdict, what in _reasons(mined).items()
        ),
        Finding(
            what=f"with fewer than {settings.negatives} negatives",
            effect="told",
            count=int((per_query < settings.negatives).sum()),
            of="query",
        ),
        Finding(
            what=f"with none: none of the first {settings.depth} candidates was left (--range-max goes further down)",
            effect="told",
            count=int((per_query == 0).sum()),
            of="query",
        ),
    ]
    return ToolReport(
        tool="mine",
        read=counts_of(mined.before),
        written=counts_of(mined.after),
        findings=tuple(each for each in findings if each.count),
        notes=(),
        facts=hardness(mined),
    )


def hardness(mined: Mined) -> dict[str, object]:
    """Return how hard the negatives are: five numbers (least, quartiles, largest) of scores, of the gap to the positive, and of ranks."""
    taken = mined.chosen.is_taken
    negatives, owners = mined.chosen.scores[taken], np.nonzero(taken)[0]
    return {
        "by": [each.name for each in mined.retrievers],
        "judged_by": mined.judge.name,
        "score": mined.judge.scale,
        "positive_score": _five(mined.positives),
        "negative_score": _five(negatives),
        "gap_to_positive": _five(mined.positives[owners] - negatives),
        "rank": _five(mined.chosen.ranks[taken]),
    }


def _reasons(mined: Mined) -> dict[int, str]:
    settings, name, scale = mined.settings, mined.judge.name, mined.judge.scale
    margins = [] if settings.margin is None else [f"{1 - settings.margin:.0%} of the positive's {scale}"]
    margins += [] if settings.absolute_margin is None else [f"the positive's {scale} less {settings.absolute_margin:g}"]
    return {
        TOO_NEAR: f"may answer: more than {' or '.join(margins)} ({name})",
        TOO_HIGH: f"with a {scale} above {settings.max_score} ({name})",
        HOLDS_QUERY: "holds the query word for word",
        TOO_LOW: f"with a {scale} below {settings.min_score} ({name})",
    }


def _finding(mined: Mined, what: str, effect: Effect, cells: NDArray[np.bool_], of: str) -> Finding:
    return Finding(what=what, effect=effect, count=int(cells.sum()), of=of, examples=tuple(islice(_examples(mined, cells), EXAMPLES)))


def _examples(mined: Mined, cells: NDArray[np.bool_]) -> Iterator[str]:
    """Give the first such candidate of queries that are spread over the data."""
    queries, texts, pids = list(mined.before.train.queries.values()), mined.before.corpus, list(mined.before.corpus)
    owners = np.flatnonzero(cells.any(axis=1))
    for query in owners[:: max(1, len(owners) // EXAMPLES)]:
        place = int(np.flatnonzero(cells[query])[0])
        text, score = texts[pids[mined.chosen.rows[query, place]]], mined.chosen.scores[query, place]
        yield f"{_short(queries[query])} | {_short(text)} | {score:.3f} against {mined.positives[query]:.3f}, rank {mined.chosen.ranks[query, place]}"


def _short(text: str) -> str:
    plain = " ".join(text.split())
    return plain if len(plain) <= _SHOWN else f"{plain[: _SHOWN - 3]}..."


def _five(values: Scores | Rows) -> list[float]:
    return [round(float(each), 4) for each in np.percentile(values, _QUARTILES)] if len(values) else []
