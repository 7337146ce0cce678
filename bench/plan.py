"""What a bench will take: texts and tokens counted, the speed measured on a few of the texts."""

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import get_args

from mteb.abstasks import AbsTask

from ..encoder import CPU_BATCH_TOKENS, GPU_BATCH_TOKENS, LoraEncoder, Role, length_batches, tokenize
from .entrants import Entrant
from .kinds import kind_of

Counted = tuple[int, Role, str]
"""Tokens, role, text."""

_TRIED = 32
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
            f"{cell.task} with {cell.reference}: {cell.texts} texts, {cell.tokens} tokens, {cell.truncated} texts truncated, "
            f"about {cell.minutes:.1f} min"
            for cell in self.cells
        ]
        return "\n".join([*lines, f"in all: about {self.minutes:.1f} min"])


def plan(entrants: Sequence[Entrant], tasks: Sequence[AbsTask]) -> BenchPlan:
    """Count what each entrant would encode for each task, and measure how fast it does; no score is computed.

    Raises:
        AdaptError: a task is of a kind that the bench does not know, or an adapter does not fit its base.
    """
    return BenchPlan(cells=tuple(_plan(entrant, task) for entrant in entrants for task in tasks))


def _plan(entrant: Entrant, task: AbsTask) -> PlannedTask:
    counts: list[Counted] = []
    truncated = 0
    for role, texts in kind_of(task).texts(task).items():
        tokens = tokenize(entrant.encoder.base, texts, role, entrant.encoder.max_tokens)
        counts += [(len(ids), role, text) for ids, text in zip(tokens.ids, texts, strict=True)]
        truncated += tokens.truncated
    return PlannedTask(
        task=task.metadata.name,
        reference=entrant.name,
        texts=len(counts),
        tokens=sum(count for count, _, _ in counts),
        truncated=truncated,
        minutes=_padded(entrant.encoder, counts) / _padded_tokens_per_s(entrant.encoder, counts) / 60,
    )


def _padded_tokens_per_s(encoder: LoraEncoder, counts: list[Counted]) -> float:
    ordered = sorted(counts, key=lambda each: each[0])
    tried = ordered[:: max(1, len(ordered) // _TRIED)]
    _encode(encoder, tried)  # the first run also pays for the weights laid over, and for every new shape
    started = time.monotonic()
    _encode(encoder, tried)
    return _padded(encoder, tried) / (time.monotonic() - started)


def _padded(encoder: LoraEncoder, counts: list[Counted]) -> int:
    """Count the tokens that the network is given, padding included: few texts of many lengths are mostly padding."""
    budget = encoder.batch_tokens or (CPU_BATCH_TOKENS if encoder.base.device.type == "cpu" else GPU_BATCH_TOKENS)
    total = 0
    for role in get_args(Role):
        lengths = [count for count, its_role, _ in counts if its_role == role]
        total += sum(len(rows) * lengths[rows[0]] for rows in length_batches(lengths, budget))
    return total


def _encode(encoder: LoraEncoder, counts: list[Counted]) -> None:
    for role in get_args(Role):
        if texts := [text for _, its_role, text in counts if its_role == role]:
            encoder.encode(texts, role)
