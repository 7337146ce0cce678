"""What a bench will take: texts and tokens counted, the speed measured on a few of the texts."""

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import get_args

from mteb.abstasks import AbsTask

from ..encoder import LoraEncoder, Role, length_batches, tokenize
from ..ensemble.members import Ensemble
from .entrants import Entrant, check_tasks
from .kinds import kind_of

_TRIED = 32
"""Texts that the speed is measured on, drawn evenly from the short to the long."""


@dataclass(frozen=True, slots=True)
class Counted:
    """A text with its length in tokens, and whether it is cut to that."""

    tokens: int
    is_cut: bool
    role: Role
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedTask:
    """One task for one entrant: its texts, the tokens that the network reads, and how many texts would be cut.

    Every member of an ensemble reads all texts, and a text counts as cut where one member cuts it.
    """

    task: str
    reference: str
    texts: int
    tokens: int
    truncated: int
    minutes: float


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchPlan:
    """All cells of a bench."""

    cells: tuple[PlannedTask, ...]

    @property
    def minutes(self) -> float:
        """The time in all."""
        return sum(cell.minutes for cell in self.cells)

    def as_dict(self) -> dict:
        """Return the plan as JSON can hold it."""
        return {
            "dry_run": True,
            "cells": [asdict(cell) for cell in self.cells],
            "texts": sum(cell.texts for cell in self.cells),
            "tokens": sum(cell.tokens for cell in self.cells),
            "minutes": self.minutes,
        }

    def describe(self) -> str:
        """Return the plan as a few lines of text."""
        lines = [
            f"{cell.task} with {cell.reference}: {cell.texts} texts, {cell.tokens} tokens, {cell.truncated} texts truncated, "
            f"about {cell.minutes:.1f} min"
            for cell in self.cells
        ]
        return "\n".join([*lines, f"in all: about {self.minutes:.1f} min"])


def plan(entrants: Sequence[Entrant], tasks: Sequence[AbsTask]) -> BenchPlan:
    """Count what each entrant would encode for each task, and measure how fast it does; no score is computed.

    Raises:
        AdaptError: a task is of a kind that the bench does not know or that an entrant cannot do, or an adapter does not fit its base.
    """
    check_tasks(entrants, tasks)
    return BenchPlan(cells=tuple(_plan(entrant, task) for entrant in entrants for task in tasks))


def _plan(entrant: Entrant, task: AbsTask) -> PlannedTask:
    members = entrant.encoder.members if isinstance(entrant.encoder, Ensemble) else (entrant.encoder,)
    texts = kind_of(task).texts(task)
    counts = [_count(member, texts) for member in members]
    return PlannedTask(
        task=task.metadata.name,
        reference=entrant.name,
        texts=len(counts[0]),
        tokens=sum(each.tokens for own in counts for each in own),
        truncated=sum(any(each.is_cut for each in same_text) for same_text in zip(*counts, strict=True)),
        minutes=sum(_padded(member, own) / _padded_tokens_per_s(member, own) / 60 for member, own in zip(members, counts, strict=True)),
    )


def _count(encoder: LoraEncoder, texts: dict[Role, list[str]]) -> list[Counted]:
    counts: list[Counted] = []
    for role, own in texts.items():
        tokens = tokenize(encoder.base, own, role, encoder.max_tokens)
        counts += [Counted(len(ids), is_cut, role, text) for ids, is_cut, text in zip(tokens.ids, tokens.is_cut, own, strict=True)]
    return counts


def _padded_tokens_per_s(encoder: LoraEncoder, counts: list[Counted]) -> float:
    ordered = sorted(counts, key=lambda each: each.tokens)
    tried = ordered[:: max(1, len(ordered) // _TRIED)]
    _encode(encoder, tried)  # the first run also pays for the weights laid over, and for every new shape
    started = time.monotonic()
    _encode(encoder, tried)
    return _padded(encoder, tried) / (time.monotonic() - started)


def _padded(encoder: LoraEncoder, counts: list[Counted]) -> int:
    """Count the tokens that the network is given, padding included: few texts of many lengths are mostly padding."""
    total = 0
    for role in get_args(Role):
        lengths = [each.tokens for each in counts if each.role == role]
        total += sum(len(rows) * lengths[rows[0]] for rows in length_batches(lengths, encoder.batch_budget))
    return total


def _encode(encoder: LoraEncoder, counts: list[Counted]) -> None:
    for role in get_args(Role):
        if texts := [each.text for each in counts if each.role == role]:
            encoder.encode(texts, role)
