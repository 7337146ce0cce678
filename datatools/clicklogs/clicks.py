"""The tool: a click log and a catalogue -> training pairs with weights and hard negatives, and what was dropped on the way."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...data.pairs import Pairs, TrainingData
from ...data.read.reading import Reading
from ...errors import DataError
from ...events import QUIET, Events, note_once
from ..report import Prepared, ToolReport, counts_of
from .catalogue import read_catalogue
from .cells import Cells, sum_cells
from .choosing import ChosenQuery, choose_pairs
from .em import maximise
from .examination import CURVES, ESTIMATORS, Examination, estimate_examination, named_curve, read_examination
from .findings import Dropped, describe, describe_robots, findings_of
from .forms import open_log
from .impressions import OpenLog
from .reading import read_rows
from .relevance import PairScores, score_pairs
from .rows import LogRows
from .settings import AUTO, ClickSettings
from .skips import count_skips
from .users import cap_users, count_users, drop_robots


def click_pairs(log: Path, catalogue: Path, settings: ClickSettings | None = None, events: Events = QUIET) -> Prepared:
    """Make training data of the click log of a search.

    Args:
        log: A table of impressions (csv, tsv, jsonl, parquet), with the columns of `LOG_FIELDS`, of which query, item and clicked are needed.
        catalogue: A table of the items.
        settings: Thresholds; None: the defaults.
        events: What is told while it runs.

    Returns:
        The whole catalogue as corpus, and a training split without dev. No user, session or time is in it.

    Raises:
        ConfigError: the template or a setting does not fit.
        DataError: a file is absent or malformed, position bias cannot be estimated, or too few users asked any query.
    """
    settings = settings or ClickSettings()
    how = Reading(settings.read)
    opened = open_log(log, settings.columns, how)
    _check_users(opened, settings)
    events.stage("reading the catalogue")
    shop = read_catalogue(catalogue, settings.template, settings.id_column, Reading(settings.read))
    note_once(events, (*shop.notes, f"the text of an item: {shop.template}"))
    events.stage("reading the log")
    rows, noticed = read_rows(opened, shop, catalogue, events)
    note_once(events, how.notes)
    events.stage("counting users")
    robots = drop_robots(rows)
    flood = cap_users(rows, settings.per_user)
    kept = count_users(rows) >= settings.min_users if settings.min_users > 1 else np.ones(len(rows.queries), dtype=bool)
    events.stage("estimating examination")
    judged = _judge(rows, settings, opened.hint)
    chosen = choose_pairs(judged.scores, kept, _skips(rows, judged.scores), settings)
    _refuse_none(chosen, kept, settings)
    data = TrainingData(corpus=shop.texts, train=_pairs(chosen, rows, kept), dev=None, source=str(log))
    dropped = Dropped(noticed, (how.bad.reasons.total(), shop.skipped), robots, flood, _dropped_share(judged.cells, kept))
    counts = counts_of(data)
    report = ToolReport(
        tool="clicks",
        read={"rows": noticed.read, "queries": len(rows.queries), "items": len(rows.items), "passages": len(shop.same)},
        written={name: counts[name] for name in ("queries", "pairs", "negatives", "passages")},
        findings=findings_of(dropped, settings),
        notes=describe_robots(robots, float(judged.cells.shown.sum()))
        + describe(
            judged.examination,
            np.unique(judged.cells.position[judged.cells.position > 0]),
            has_impressions=judged.has_impressions,
            has_positions=rows.has_positions,
            corrected=judged.corrected,
        ),
        facts=_facts(judged, settings),
    )
    return Prepared(data=data, report=report)


@dataclass(frozen=True, slots=True)
class Judged:
    """What the log tells of positions and items.

    Attributes:
        cells: The log, summed up.
        examination: As estimated or given; None: nothing is corrected.
        em: What expectation-maximisation says, beside; None where it was not asked.
        scores: How relevant each item is to each query.
        has_impressions: Whether the log knows what was shown and not clicked.
    """

    cells: Cells
    examination: Examination | None
    em: np.ndarray | None
    scores: PairScores
    has_impressions: bool

    @property
    def corrected(self) -> bool:
        """Whether clicks were weighted by position."""
        return self.examination is not None and self.examination.method != "none"


def _check_users(opened: OpenLog, settings: ClickSettings) -> None:
    if settings.min_users > 1 and "user" not in opened.fields:
        raise DataError(
            f"the click log has no column of users, so that nobody knows whether a query came from {settings.min_users} of them; name one "
            "(--columns user=COLUMN), or keep queries that one user may have typed: --min-users 1"
        )


def _judge(rows: LogRows, settings: ClickSettings, hint: str = "") -> Judged:
    cells, has_impressions = sum_cells(rows), rows.has_impressions
    try:
        examination = _examination(rows, cells, settings, has_impressions=has_impressions)
    except DataError as e:
        raise DataError(f"{e}{hint}") from e
    em = (
        maximise(cells, cells.last_position)
        if examination is not None and examination.method in ESTIMATORS and cells.last_position > 1
        else None
    )
    values = examination.values if examination is not None else np.ones(cells.last_position)
    scores = score_pairs(cells, np.maximum(values, 1 / settings.clip), settings.purchase_weight, has_impressions=has_impressions)
    return Judged(cells, examination, em, scores, has_impressions)


def _examination(rows: LogRows, cells: Cells, settings: ClickSettings, *, has_impressions: bool) -> Examination | None:
    way = settings.examination
    if way in CURVES:
        return named_curve(way, cells.last_position)
    if way != AUTO and way not in ESTIMATORS:
        return read_examination(Path(way), cells.last_position)
    if not has_impressions and way == AUTO:
        return None
    if not rows.has_positions or not has_impressions:
        what = "position of each item" if has_impressions else "items that were shown and not clicked"
        raise DataError(
            f"the log does not tell the {what}, so that position bias cannot be estimated, and is not guessed; to make pairs of the clicks as "
            "they are: --examination none"
        )
    shuffled = sum_cells(rows, randomised=True)
    if way == "randomised" and not len(shuffled.query):
        raise DataError("no row of the log is marked as randomised; name the column that says so: --columns randomised=COLUMN")
    method = way if way != AUTO else "randomised" if len(shuffled.query) else "harvest"
    return estimate_examination(shuffled if method == "randomised" else cells, method)


def _skips(rows: LogRows, scores: PairScores) -> np.ndarray | None:
    if not rows.has_impressions:  # whatever is there was clicked, and nothing passed over
        return np.zeros(len(scores.item))
    if not any(bool((chunk["list"] != 0).any()) for chunk in rows.chunks()):
        return None
    return np.asarray(count_skips(rows).of(scores.query * len(rows.items) + scores.item)[0])


def _refuse_none(chosen: list[ChosenQuery], kept: np.ndarray, settings: ClickSettings) -> None:
    if not kept.any():
        raise DataError(
            f"each of the {len(kept)} queries came from fewer than {settings.min_users} users; in a small shop, lower it: --min-users 1 keeps "
            "queries that one user may have typed"
        )
    if not chosen:
        raise DataError(f"none of {int(kept.sum())} queries has an item with {settings.min_clicks:g} clicks; lower --min-clicks")


def _pairs(chosen: list[ChosenQuery], rows: LogRows, kept: np.ndarray) -> Pairs:
    named = [(f"q{number}", each) for number, each in enumerate(chosen)]
    assert all(kept[each.query] for each in chosen)
    return Pairs(
        {qid: rows.queries[each.query] for qid, each in named},
        {qid: {rows.items[item]: 1 for item in each.positives} for qid, each in named},
        {qid: [rows.items[item] for item in each.negatives] for qid, each in named if each.negatives},
        weights={qid: {rows.items[item]: weight for item, weight in zip(each.positives, each.weights, strict=True)} for qid, each in named},
    )


def _dropped_share(cells: Cells, kept: np.ndarray) -> tuple[int, float]:
    """Return how many queries are left out, and their share of all that was shown."""
    shown = float(cells.shown.sum())
    return int((~kept).sum()), float(cells.shown[~kept[cells.query]].sum()) / max(shown, 1.0)


def _facts(judged: Judged, settings: ClickSettings) -> dict[str, object]:
    positions = judged.cells.last_position
    shown, clicked = (np.bincount(judged.cells.position, each, positions + 1)[1:] for each in (judged.cells.shown, judged.cells.clicked))

    def listed(values: np.ndarray | None) -> list[float | None]:
        if values is None:
            return [None] * positions
        padded = np.concatenate([values, np.full(max(0, positions - len(values)), np.nan)])
        return [None if np.isnan(value) else round(float(value), 4) for value in padded]

    examination = judged.examination
    columns = {
        "examination": listed(examination.values if examination else None),
        "error": listed(examination.errors if examination else None),
        "em": listed(judged.em),
    }
    table = [
        {"position": row + 1, "shown": round(float(shown[row])), "clicked": round(float(clicked[row]))}
        | {name: values[row] for name, values in columns.items()}
        for row in range(positions)
        if shown[row] > 0
    ]
    return {
        "method": examination.method if examination else None,
        "is_corrected": judged.corrected,
        "clip": settings.clip,
        "prior_looks": judged.scores.strength,
        "positions": table,
    }
