"""The names of the metrics that a run is scored by on dev: one spelling each, and what each kind of dev set has. Importing it loads nothing heavy.

Source: ir-measures (https://ir-measur.es), whose names those of retrieval are.
"""

from __future__ import annotations

import re
from typing import Literal

from .errors import ConfigError, did_you_mean

DevKind = Literal["retrieval", "scored pairs", "labelled pairs", "classes"]
RETRIEVAL = ("nDCG", "R", "P", "F1", "RR", "AP", "Success")
"""Metrics at a cutoff: nDCG, recall, precision, the harmonic mean of the two, reciprocal rank, average precision, and whether there is a hit."""
DEFAULTS: dict[DevKind, str] = {"retrieval": "nDCG@10", "scored pairs": "Spearman", "labelled pairs": "AP", "classes": "Accuracy"}
"""Kind of a dev set -> what it is scored by where its kind does not have the metric that was asked for."""
OF_VALUES: dict[DevKind, tuple[str, ...]] = {
    "scored pairs": ("Spearman",),
    "labelled pairs": ("AP", "Accuracy", "F1", "AUC"),
    "classes": ("Accuracy", "F1", "AP", "AUC"),
}
"""Kind of a dev set -> its metrics, which have no cutoff."""
SYNONYMS = {"map": "AP", "mrr": "RR", "recall": "R", "precision": "P", "acc": "Accuracy", "rocauc": "AUC", "hit_rate": "Success"}
_AT_CUTOFF = {"accuracy": "Success", "acc": "Success"}
_SPELLED = re.compile(r"([^@]+)(?:@([1-9][0-9]{0,5}))?")


def read_metric(text: str) -> str:
    """Return the spelling of a metric, whatever its case and by its other names (`MRR@10`, `recall@100`, `accuracy@1`).

    Raises:
        ConfigError: there is none of that name; the message lists those that exist.
    """
    found = _SPELLED.fullmatch(text.strip())
    if found is not None:
        name, cutoff = found[1].strip().lower(), found[2]
        known = RETRIEVAL if cutoff else sorted({each for names in OF_VALUES.values() for each in names})
        spelled = (_AT_CUTOFF.get(name) if cutoff else None) or SYNONYMS.get(name) or name
        for each in known:
            if each.lower() == spelled.lower():
                return f"{each}@{cutoff}" if cutoff else each
    names = (*(f"{each}@10" for each in RETRIEVAL), *dict.fromkeys(each for of in OF_VALUES.values() for each in of))
    raise ConfigError(f"unknown metric {text!r}.{did_you_mean(text, names)} Known, those of retrieval with any cutoff: {', '.join(names)}")


def is_of_kind(metric: str, kind: DevKind) -> bool:
    """Return whether a kind of dev set has a metric, by its spelling."""
    return "@" in metric if kind == "retrieval" else metric in OF_VALUES[kind]


def metric_of(kind: DevKind, asked: str | None) -> str:
    """Return what a dev set is scored by: what was asked for where its kind has it, else the kind's default."""
    return asked if asked is not None and is_of_kind(asked, kind) else DEFAULTS[kind]


def describe_metrics(kind: DevKind) -> str:
    """List the metrics of a kind."""
    return ", ".join(f"{each}@10" for each in RETRIEVAL) if kind == "retrieval" else ", ".join(OF_VALUES[kind])
