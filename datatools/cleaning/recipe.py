"""Cleaning as a whole: texts first, then the rows that they stand in."""

from __future__ import annotations

from dataclasses import replace

from ...data.pairs import TrainingData
from ...events import QUIET, Events
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
    """
    settings, ledger = settings or CleanSettings(), ledger or Ledger()
    events.stage("cleaning texts")
    tidy = clean_texts(data, settings, events, ledger)
    rows = RowPass(settings, events, ledger)
    cleaned = replace(tidy, train=rows.clean(tidy))
    report = ToolReport(
        tool="clean",
        read=counts_of(data),
        written=counts_of(cleaned),
        findings=tuple(ledger.findings()),
        notes=tuple(rows.notes),
        facts=rows.facts,
    )
    return Prepared(data=cleaned, report=report)
