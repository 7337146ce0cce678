"""Cleaning as a whole: texts first, then the rows that they stand in."""

from __future__ import annotations

from dataclasses import replace

from ...data.pairs import TrainingData
from ...errors import DataError
from ...events import QUIET, Events
from ...plurals import count
from ..report import Prepared, ToolReport, counts_of
from .ledger import Ledger
from .row_pass import RowPass
from .settings import CleanSettings
from .text_pass import clean_texts


def clean(data: TrainingData, settings: CleanSettings | None = None, events: Events = QUIET, ledger: Ledger | None = None) -> Prepared:
    """Clean the texts of training data, and drop the training rows that would teach something wrong.

    Ids stay, and so do all passages of the corpus. Texts of the dev split are cleaned likewise; its rows are never dropped, and what
    would be is told. Numbers with their units, article numbers and negations stay as they are in every text: a change that would
    alter one is not made, and counted.

    Args:
        data: Any training data; they are not changed.
        settings: What to do; None: the defaults.
        events: What is told of stages and progress.
        ledger: Where findings are counted; None: one of its own.

    Raises:
        BaseError: the base whose tokens are to be counted was named and is not there.
        DataError: no training pair is left.
    """
    settings, ledger = settings or CleanSettings(), ledger or Ledger()
    events.stage("cleaning texts")
    tidy = clean_texts(data, settings, events, ledger)
    rows = RowPass(settings, events, ledger)
    cleaned = replace(tidy, train=rows.clean(tidy))
    if len(data.train) and not len(cleaned.train):
        raise DataError(_nothing_left(data, ledger))
    report = ToolReport(
        tool="clean",
        read=counts_of(data),
        written=counts_of(cleaned),
        findings=tuple(ledger.findings()),
        notes=tuple(rows.notes),
        facts=rows.facts,
    )
    return Prepared(data=cleaned, report=report)


def _nothing_left(data: TrainingData, ledger: Ledger) -> str:
    dropped = {rule: number for (rule, effect, _), number in ledger.counts.items() if effect == "dropped"}
    most = max(dropped, key=lambda rule: dropped[rule])
    return (
        f"no training pair of {data.source} is left: {count(data.train.pair_count, 'pair')} dropped, most of them by the rule {most}; "
        f"look at the data, or keep such pairs with --tell {most}"
    )
