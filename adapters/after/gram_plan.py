"""What measuring Gram matrices will take, before training: their number, their bytes, the time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import get_args

from ...base.load import Base
from ...choices import Role
from ...data.pairs import TrainingData
from ...lora.gram_file import grams_bytes
from ...lora.grams import GramRank, blank_gram
from ...plurals import count
from ...timing import estimate_seconds
from ..config import TrainConfig
from ..strategies.table import open_strategy
from .grams import GramTexts, collect_grams, draw_texts, read_texts
from .layer_inputs import watch_inputs


@dataclass(frozen=True, slots=True, kw_only=True)
class GramPlan:
    """What will be measured: the matrices of so many modules, the inputs that differ among them, and the bytes of the file."""

    rank: GramRank
    modules: int
    inputs: int
    queries: int
    passages: int
    file_bytes: int

    def describe(self) -> str:
        """Say it in a line."""
        form = "exact" if self.rank == "full" else f"diagonal and rank {self.rank}"
        return (
            f"{self.inputs} Gram {'matrix' if self.inputs == 1 else 'matrices'} ({form}) for {count(self.modules, 'module')}, measured after training on {count(self.queries, 'query')} "
            f"and {count(self.passages, 'passage')}: about {self.file_bytes / 1e6:.2f} MB"
        )


def plan_grams(base: Base, data: TrainingData, config: TrainConfig, rank: GramRank) -> GramPlan:
    """Say what will be measured and how large it will be. One short text goes through the network, to see which modules share an input.

    Args:
        base: The base.
        data: What will be trained on.
        config: How.
        rank: How the matrices will be kept.
    """
    names, widths = open_strategy(config).plan(base).modules, dict[str, int]()
    with watch_inputs(base, names, lambda name, rows: widths.update({name: rows.shape[1]})) as first:
        read_texts(base, GramTexts(queries=[""], passages=[]), config, None)
    blank = {name: blank_gram(width, rank) for name, width in widths.items()}
    texts = draw_texts(data, config.seed, config.side)
    return GramPlan(
        rank=rank,
        modules=len(first),
        inputs=len(blank),
        queries=len(texts.queries),
        passages=len(texts.passages),
        file_bytes=grams_bytes({name: blank[owner] for name, owner in first.items()}),
    )


def estimate_gram_seconds(base: Base, data: TrainingData, config: TrainConfig) -> float:
    """Estimate how long measuring will take."""
    texts, names = draw_texts(data, config.seed, config.side), open_strategy(config).plan(base).modules
    asked: list[tuple[Role, str]] = [*(("query", text) for text in texts.queries), *(("document", text) for text in texts.passages)]

    def measure(some: Sequence[tuple[Role, str]]) -> None:
        queries, passages = ([text for role, text in some if role == wanted] for wanted in get_args(Role))
        collect_grams(base, names, GramTexts(queries=queries, passages=passages), config)

    return estimate_seconds(measure, asked, sample=32)
