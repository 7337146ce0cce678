"""What a bench will take: texts and tokens counted, the speed measured on a few of the texts."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

from mteb.abstasks import AbsTask

from ...cache.space import vector_space
from ...cache.vectors import VectorStore
from ...encoders.protocol import NetworkEncoder
from ...plurals import count, singular
from ..run.cells import Caches
from ..run.models import Model, check_tasks, share_documents
from ..tasks.hub_task import HubTask
from ..tasks.table import kind_of
from .estimate import EstimatedTask, estimate
from .speed import Counted, count_tokens, minutes_for


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedTask:
    """One task for one model: its texts, the tokens that the network reads of them, and how many texts would be cut.

    Every member of an ensemble reads all texts, and a text counts as cut where one member cuts it. `cached` counts the texts whose vectors
    are all kept, and `scored` says that the scores are: `minutes` is the time for the rest. `sizes` says how large the task is.
    """

    task: str
    reference: str
    texts: int
    tokens: int
    truncated: int
    cached: int = 0
    scored: bool = False
    minutes: float
    sizes: dict[str, int] = field(default_factory=dict)

    def describe(self) -> str:
        """Return it as a line of text."""
        kept = "scored before" if self.scored else f"vectors of {self.cached} texts are kept" if self.cached else ""
        sizes = ", ".join(count(number, singular(what)) for what, number in self.sizes.items())
        return (
            f"{self.task} with {self.reference}: {count(self.texts, 'text')}, {count(self.tokens, 'token')} ({sizes}), {count(self.truncated, 'text')} truncated, "
            + (f"{kept}, " if kept else "")
            + f"about {self.minutes:.1f} min"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchPlan:
    """Every task for every model. `pending` are those whose texts are still on the Hub: they are estimated, and listed separately."""

    planned: tuple[PlannedTask, ...]
    pending: tuple[EstimatedTask, ...] = ()

    @property
    def minutes(self) -> float:
        """The time in all, without what is to be read from the Hub."""
        return sum(each.minutes for each in self.planned)

    @property
    def pending_minutes(self) -> float:
        """The time in all for what is to be read from the Hub, where its size is known."""
        return sum(each.minutes or 0.0 for each in self.pending)

    def as_dict(self) -> dict:
        """Return the plan as JSON can hold it."""
        return {
            "dry_run": True,
            "cells": [asdict(each) for each in self.planned],
            "texts": sum(each.texts for each in self.planned),
            "tokens": sum(each.tokens for each in self.planned),
            "cached": sum(each.cached for each in self.planned),
            "minutes": self.minutes,
            "pending": [asdict(each) for each in self.pending],
            "pending_minutes": self.pending_minutes,
        }

    def describe(self) -> str:
        """Return the plan as a few lines of text."""
        lines = [*(each.describe() for each in self.planned), *(each.describe() for each in self.pending)]
        lines.append(f"in all: about {self.minutes:.1f} min")
        if self.pending:
            lines.append(f"and about {self.pending_minutes:.1f} min for what is not in the cache, and the time to fetch it")
        return "\n".join(lines)


def plan(models: Sequence[Model], tasks: Sequence[AbsTask], caches: Caches | None = None, pending: Sequence[HubTask] = ()) -> BenchPlan:
    """Count what each model would encode for each task, and measure how fast it does; no score is computed.

    Args:
        models: The rows.
        tasks: The columns.
        caches: What the bench would find there takes no time; None: nothing.
        pending: Tasks whose texts are not here: estimated by mteb's own statistics.

    Raises:
        AdaptError: a task is of a kind that the bench does not know or that a model cannot do, or an adapter does not fit its base.
    """
    check_tasks(models, [*tasks, *(each.task for each in pending)])
    before: Computed | None = {} if (caches and caches.vectors) or share_documents(models) else None
    planned = tuple(_plan(model, task, caches or Caches(), before) for model in models for task in tasks)
    return BenchPlan(planned=planned, pending=tuple(estimate(model, task) for model in models for task in pending))


Computed = dict[str, set[str]]
"""Vector space -> the texts whose vectors an earlier row of the bench computes and keeps."""


def _plan(model: Model, task: AbsTask, caches: Caches, before: Computed | None) -> PlannedTask:
    networks = model.encoder.networks()
    texts = kind_of(task).texts(task)
    counts = [count_tokens(network, texts) for network in networks]
    is_kept = [_find_kept(network, own, caches.vectors) for network, own in zip(networks, counts, strict=True)]
    left = [[each for each, kept in zip(own, flags, strict=True) if not kept] for own, flags in zip(counts, is_kept, strict=True)]
    scored = caches.cells is not None and caches.cells.holds(model.identity, task)
    if before is not None and not scored:
        left = [_not_before(network, own, before) for network, own in zip(networks, left, strict=True)]
    return PlannedTask(
        task=task.metadata.name,
        reference=model.name,
        texts=len(counts[0]),
        tokens=sum(each.tokens for own in counts for each in own),
        truncated=sum(any(each.is_cut for each in same_text) for same_text in zip(*counts, strict=True)),
        cached=sum(map(all, zip(*is_kept, strict=True))),
        scored=scored,
        minutes=0.0 if scored else sum(minutes_for(network, own) for network, own in zip(networks, left, strict=True)),
        sizes=kind_of(task).sizes(task),
    )


def _not_before(network: NetworkEncoder, counts: list[Counted], before: Computed) -> list[Counted]:
    """Return the texts that no earlier row computes, and count them as computed from here on."""
    spaces = {role: vector_space(network, role) for role in {each.role for each in counts}}
    new = [each for each in counts if each.text not in before.setdefault(spaces[each.role], set())]
    for each in new:
        before[spaces[each.role]].add(each.text)
    return new


def _find_kept(network: NetworkEncoder, counts: list[Counted], store: VectorStore | None) -> list[bool]:
    """Return for each text whether its vector is kept."""
    if store is None:
        return [False] * len(counts)
    kept: list[bool] = []
    for role in dict.fromkeys(each.role for each in counts):  # the texts come role by role
        kept += store.holds(vector_space(network, role), [each.text for each in counts if each.role == role]).tolist()
    return kept
