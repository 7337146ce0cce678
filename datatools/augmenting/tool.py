"""The tool: training data and settings -> the same data with new training queries, and the report."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ...data.pairs import TrainingData, normalise
from ...errors import ConfigError
from ...events import QUIET, Events
from ..report import Finding, Prepared, ToolReport, counts_of, examples_of
from .extend import extend
from .guard import Guard
from .settings import AugmentSettings
from .table import METHODS
from .types import Context, Losses, Made
from .unseen import NOTHING, Unseen

_SHOWN, _BEFORE = 50, 20  # characters of an example
THERE = "training, dev or test has this query already"


def augment(data: TrainingData, settings: AugmentSettings, events: Events = QUIET, *, unseen: Unseen = NOTHING) -> Prepared:
    """Add new training queries that the methods make of queries and passages. Dev is as it was.

    Args:
        data: What they are made of.
        settings: By which methods, and how many.
        events: Told what is done.
        unseen: The test split beside the data: its queries are not made, and `passages="all"` leaves its passages out.

    Raises:
        ConfigError: a method lacks what it needs.
        AdaptError: an endpoint or a model fails for good.
    """
    check_needs(settings)
    taken = {normalise(text) for pairs in (data.train, data.dev) if pairs is not None for text in pairs.queries.values()} | unseen.queries
    made: dict[str, list[Made]] = {}
    findings: list[Finding] = []
    for name in settings.methods:
        events.stage(f"augmenting: {name}")
        context = Context(data=data, settings=settings, guard=Guard(settings.glossary), losses=Losses(), events=events, unseen=unseen)
        made[name] = list(_new(METHODS[name].write(context), taken, context))[: settings.rows]
        findings += _findings(name, made[name], context.losses)
    extended = extend(data, [each for rows in made.values() for each in rows], settings.weight)
    facts: dict[str, object] = {"settings": settings.as_dict(), "rows": _places(made, len(data.train))}
    if "llm" in settings.methods and settings.writer is not None:
        endpoint = settings.writer.chat.endpoint
        facts["llm"] = {"host": endpoint.host, "model": endpoint.model}
    report = ToolReport(
        tool="augment",
        read=counts_of(data),
        written=counts_of(extended),
        findings=tuple(findings),
        notes=tuple(_notes(data, settings)),
        facts=facts,
    )
    return Prepared(data=extended, report=report)


def check_needs(settings: AugmentSettings) -> None:
    """Refuse settings that lack what one of their methods needs.

    Raises:
        ConfigError: they do; the message says what to give.
    """
    for name in settings.methods:
        if lacking := METHODS[name].lacks(settings):
            raise ConfigError(f"the method {name} needs {lacking}")


def _new(made: Iterable[Made], taken: set[str], context: Context) -> Iterator[Made]:
    """Give the new queries that no training or dev query, and none before them, equals."""
    for each in made:
        text = normalise(each.query)
        if text in taken:
            context.losses.lose(THERE, each.query)
            continue
        taken.add(text)
        yield each


def _findings(name: str, made: list[Made], losses: Losses) -> Iterator[Finding]:
    added = examples_of(map(_shown, made))
    yield Finding(what=f"{name}: queries {METHODS[name].what}", effect="added", count=len(made), of="query", examples=added)
    for why, number in losses.counts.items():
        examples = examples_of(losses.examples[why])
        yield Finding(what=f"{name}: left out: {why}", effect="told", count=number, of="row", examples=examples)


def _shown(made: Made) -> str:
    """Return what a query was made of and what it is, of a reworded one from shortly before they differ."""
    if made.like is None:
        return f"{made.origin[:_SHOWN]} -> {made.query}"
    letters = zip(made.origin, made.query, strict=False)
    differ = next((at for at, (old, new) in enumerate(letters) if old != new), min(len(made.origin), len(made.query)))
    start = max(0, differ - _BEFORE)
    dots = "…" if start else ""
    return " -> ".join(f"{dots}{text[start : start + _SHOWN]}" for text in (made.origin, made.query))


def _places(made: dict[str, list[Made]], before: int) -> dict[str, dict[str, int]]:
    """Return where the new queries of each method stand among the training queries, counted from 1."""
    places, last = {}, before
    for name, rows in made.items():
        if rows:
            places[name] = {"first": last + 1, "last": last + len(rows)}
            last += len(rows)
    return places


def _notes(data: TrainingData, settings: AugmentSettings) -> Iterator[str]:
    yield from settings.glossary.notes
    if data.dev is None:
        yield "the data have no dev split: make one first (adapt data split), so that it holds no reworded queries"
    if "llm" in settings.methods and settings.encoder is None:
        yield "the queries of the language model are not filtered by the round trip"
