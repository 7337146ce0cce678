"""What a bench will take: texts and tokens counted, the speed measured on a few of the texts."""

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from mteb.abstasks import AbsTask

from ..encoder import LoraEncoder, Role, tokenize
from .entrants import Entrant
from .kinds import kind_of

_TRIED = 48
"""Texts that the speed is measured on, drawn evenly from the short to the long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedTask:
    """One task for one entrant: its texts and tokens, and how many texts would be cut."""

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
            f"{cell.task} with {cell.reference}: {cell.texts} texts, {cell.tokens} tokens, {cell.truncated} texts truncated, about {cell.minutes:.1f} min" for cell in self.cells
        ]
        return "\n".join([*lines, f"in all: about {self.minutes:.1f} min"])


def plan(entrants: Sequence[Entrant], tasks: Sequence[AbsTask]) -> BenchPlan:
    """Count what each entrant would encode for each task, and measure how fast it does; no score is computed.

    Raises:
        AdaptError: a task is of a kind that the bench does not know, or an adapter does not fit its base.
    """
    return BenchPlan(cells=tuple(_plan(entrant, task) for entrant in entrants for task in tasks))


def _plan(entrant: Entrant, task: AbsTask) -> PlannedTask:
    by_role, counts, truncated = kind_of(task).texts(task), [], 0
    for role, texts in by_role.items():
        tokens = tokenize(entrant.encoder.base, texts, role, entrant.encoder.max_tokens)
        counts += [(len(ids), role, text) for ids, text in zip(tokens.ids, texts, strict=True)]
        truncated += tokens.truncated
    total = sum(count for count, _, _ in counts)
    return PlannedTask(
        task=task.metadata.name,
        reference=entrant.name,
        texts=len(counts),
        tokens=total,
        truncated=truncated,
        minutes=total / _tokens_per_s(entrant.encoder, counts) / 60,
    )


def _tokens_per_s(encoder: LoraEncoder, counts: list[tuple[int, Role, str]]) -> float:
    ordered = sorted(counts, key=lambda each: each[0])
    tried = ordered[:: max(1, len(ordered) // _TRIED)]
    encoder.encode([text for _, _, text in tried[:4]], "document")  # the first run also pays for laying the weights over
    started = time.monotonic()
    for role in ("query", "document"):
        if texts := [text for _, its_role, text in tried if its_role == role]:
            encoder.encode(texts, role)
    return sum(count for count, _, _ in tried) / (time.monotonic() - started)
