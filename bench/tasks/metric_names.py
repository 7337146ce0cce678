"""The names of metrics: one spelling for tables, JSON, `--metric` and `--require`.

Source: ir-measures (https://ir-measur.es), whose names these are, over what mteb computes (which follows trec_eval).
"""

import difflib
from collections.abc import Iterable, Mapping, Sequence

from ...errors import ConfigError
from ...metric_names import SYNONYMS

_CUTOFFS = (1, 3, 5, 10, 20, 100, 1000)
_FAMILIES = {"nDCG": "ndcg", "AP": "map", "RR": "mrr", "R": "recall", "P": "precision", "Success": "hit_rate"}
RETRIEVAL_METRICS: dict[str, str] = {"nDCG@10": "ndcg_at_10"} | {
    f"{name}@{cutoff}": f"{key}_at_{cutoff}" for name, key in _FAMILIES.items() for cutoff in _CUTOFFS
}
"""Name -> mteb's key, the main one first: nDCG, average precision, reciprocal rank, recall, precision, and whether there is a hit, each @k."""
RETRIEVAL_SHOWN = ("nDCG@10", "R@100", "RR@10")
"""What a table shows of retrieval unless something else is asked for."""


def find_metric(name: str, known: Iterable[str]) -> str | None:
    """Return the spelling of a metric among the known ones, whatever its case and by its other names (MRR@10, MAP@10, recall@100), or None."""
    family, at, cutoff = name.strip().partition("@")
    spellings = {each.lower(): each for each in known}
    return spellings.get(name.strip().lower()) or spellings.get((SYNONYMS.get(family.lower(), family) + at + cutoff).lower())


def read_metric(name: str, known: Sequence[str]) -> str:
    """Return the spelling of a metric.

    Raises:
        ConfigError: there is none of that name; the message gives the nearest.
    """
    found = find_metric(name, known)
    if found is None:
        raise ConfigError(unknown_metric("metric", name, known))
    return found


def unknown_metric(kind: str, name: str, known: Sequence[str], others: Sequence[str] = ()) -> str:
    """Return the message that a name is unknown: the nearest first, then all, metrics that differ only in the cutoff together.

    Args:
        kind: What was to be named.
        name: What came.
        known: Metrics.
        others: Other names that would have been known too, described first.
    """
    names = [*others, *known]
    near = difflib.get_close_matches(name, names, n=3)
    cutoffs: dict[str, list[str]] = {each: [] for each in others}
    for metric in known:
        family, _, cutoff = metric.partition("@")
        cutoffs.setdefault(family, []).extend([cutoff] if cutoff else [])
    described = [family + (f"@{'|'.join(sorted(of, key=int))}" if of else "") for family, of in cutoffs.items()]
    return f"unknown {kind} {name!r}." + (f" Did you mean {' or '.join(near)}?" if near else "") + f" Known: {', '.join(described)}"


def main_metric(metrics: Mapping[str, str], main_score: str) -> str:
    """Return the name of mteb's main score; the first one where it has no name here.

    Args:
        metrics: Name -> mteb's key.
        main_score: mteb's key of a task's main score.
    """
    return next((name for name, key in metrics.items() if key == main_score), next(iter(metrics)))


def shown_metrics(main: str, usual: Sequence[str], asked: Sequence[str]) -> tuple[str, ...]:
    """Return the metrics to be shown, the main one first: the ones asked for, else the usual ones."""
    return tuple(dict.fromkeys((main, *(asked or usual))))
