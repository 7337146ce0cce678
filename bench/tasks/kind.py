"""What a kind of task says of itself: the parts that every module beside this one has, in the order of `TaskKind`'s fields."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from mteb.abstasks import AbsTask

from ...choices import Role
from ...text_tables import shorten
from ..result import StatisticName
from .hub_task import HubTask
from .layouts import TableLayout

Texts = dict[Role, list[str]]
"""Texts that are encoded, by role."""


@dataclass(frozen=True, slots=True)
class TextGroup:
    """Texts of one role: how many there are, and how many characters they have on average."""

    role: Role
    count: int
    characters: float


@dataclass(frozen=True, slots=True)
class ItemTexts:
    """What training may have seen of an item.

    Attributes:
        texts: Seen when all of them were; every item of a task has the same number of them.
        pairs: Seen with their answer when one of them was trained on.
        answers: Of a query: the passages that answer it.
    """

    texts: tuple[str, ...]
    pairs: tuple[tuple[str, str], ...] = ()
    answers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Ranking:
    """What one reference made of one query: the passage that it put first, and the rank of each answer that it found (1 is the first)."""

    first: str
    ranks: dict[str, int]


Rankings = Mapping[str, Ranking | None]
"""Base and reference, in this order -> what it made of a query; None where that is not known."""


@dataclass(frozen=True, slots=True)
class Passage:
    """A passage: what it is here, its text, and whether it answers the query."""

    label: str
    text: str
    answers: bool


Shown = tuple[tuple[str, ...], tuple[Passage, ...], str]
"""The texts of an item, its passages, and what people said of it."""


_LONGEST = 600  # characters of a text that is shown


def shorten_item(text: str) -> str:
    """Return a text as it is shown of an item."""
    return shorten(text, _LONGEST)


def no_gold(_task: AbsTask) -> dict[str, float]:
    """Return nothing: the items' values are compared with nothing."""
    return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskKind:
    """One kind of task.

    Attributes:
        metrics: A metric's one spelling -> the key in mteb's scores; the first one is the main one.
        shown_metrics: The metrics of the table; empty shows all.
        item: What one item is (queries, pairs, rows); one of the words of `sizes`.
        item_metric: What `score_items` gives; empty where items have no value.
        score_items: The task and mteb's saved predictions -> item -> value: what paired statistics are computed from; empty where
            items make no score.
        statistic: How the values of the items make the score; "none" gives no interval.
        gold: The task -> item -> what its value is compared with, for statistics of pairs.
        texts: The task -> the texts that are encoded, by role.
        sizes: The task -> how large it is, in words and numbers.
        hub_texts: One of MTEB's tasks that is not loaded -> the texts that it has encoded, by mteb's statistics.
        hub_sizes: As `sizes`, by mteb's statistics.
        may_leak: The task -> item -> what training may have seen of it; None where the score is of the whole set.
        part: The data of a split and names of items -> the data with those items alone; None where they are too few to be scored.
        table: The layout of local tables of this kind; None where they have none of their own.
        from_hub: One of MTEB's tasks, loaded -> its split, in the layout in which the bench reads this kind, by its name.
        show_items: The task -> what describes one of its items for people; None where items have no value.
        addition: A class that is put before mteb's own; None: nothing is added.
        needs_vectors: Whether a Searcher, which ranks and has no vectors, cannot do it.
        of_task: This row and a task -> the row of that task, where a task's data or main score change it.
    """

    metrics: dict[str, str]
    shown_metrics: tuple[str, ...] = ()
    item: str
    item_metric: str
    score_items: Callable[[AbsTask, Any], dict[str, float]]
    statistic: StatisticName = "none"
    gold: Callable[[AbsTask], dict[str, float]] = no_gold
    texts: Callable[[AbsTask], Texts]
    sizes: Callable[[AbsTask], dict[str, int]]
    hub_texts: Callable[[HubTask], list[TextGroup]]
    hub_sizes: Callable[[HubTask], dict[str, int]]
    may_leak: Callable[[AbsTask], dict[str, ItemTexts]] | None = None
    part: Callable[[Any, Collection[str]], Any | None]
    table: TableLayout | None = None
    from_hub: Callable[[HubTask], dict]
    show_items: Callable[[AbsTask], Callable[[str, Rankings], Shown]] | None = None
    addition: type | None = None
    needs_vectors: bool = True
    of_task: Callable[["TaskKind", AbsTask], "TaskKind"] = lambda kind, _task: kind
