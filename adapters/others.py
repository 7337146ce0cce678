"""What other encoders make of the texts of a run: the frozen base, which the anchor loss holds vectors against, and a guide."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import torch
from torch import Tensor

from ..base.load import Base
from ..choices import Role
from ..data.draw import draw
from ..encoders.protocol import Encodes
from .batches import TextBatch
from .config import TrainConfig
from .corpus.open import corpus_encoder
from .general_texts import read_general_texts
from .losses.anchor import moved
from .losses.batch import OtherVectors
from .processes.world import ALONE, World, share_rows

Texts = Mapping[Role, Sequence[str]]


@dataclass(slots=True)
class KnownVectors:
    """The vectors that an encoder makes of texts, each computed once, without gradients.

    Attributes:
        encoder: It must not run the network that is trained while that is trained: vectors are computed before.
        device: Where they are wanted.
        world: The processes that compute them together.
    """

    encoder: Encodes
    device: torch.device
    world: World = ALONE
    _rows: dict[Role, dict[str, Tensor]] = field(default_factory=lambda: {"query": {}, "document": {}}, init=False)

    def learn(self, texts: Texts) -> None:
        """Compute the vectors of the texts of each role that are not known yet."""
        for role, of_role in texts.items():
            missing = [text for text in dict.fromkeys(of_role) if text not in self._rows[role]]
            if missing:
                vectors = share_rows(self.world, missing, partial(self._encode, role=role))
                self._rows[role].update(zip(missing, vectors, strict=True))

    def _encode(self, texts: Sequence[str], role: Role) -> Tensor:
        return torch.from_numpy(self.encoder.encode(texts, role).vectors)

    def of(self, texts: Sequence[str], role: Role) -> Tensor:
        """Return the vectors of texts that are known, (n, w) float32."""
        return torch.stack([self._rows[role][text] for text in texts]).to(self.device)

    def of_batch(self, batch: TextBatch) -> OtherVectors:
        """Return the vectors of a batch's texts."""
        return OtherVectors(queries=self.of(batch.queries, "query"), passages=self.of(batch.passages, "document"))


@dataclass(slots=True, kw_only=True)
class Others:
    """The other encoders of a run.

    Attributes:
        config: How the run trains.
        anchor: The base's own vectors; None: there is no anchor loss.
        guide: A guide's; None: the loss has none.
        general: Texts that the anchor loss is of; empty: it is of the batch's own.
    """

    config: TrainConfig
    anchor: KnownVectors | None = None
    guide: KnownVectors | None = None
    general: tuple[str, ...] = ()

    @property
    def role(self) -> Role:
        """The role of general texts: one that goes through the network."""
        return "query" if self.config.side == "query" else "document"

    def learn(self, texts: Texts) -> None:
        """Compute what the steps of a run will ask for, before the network is trained.

        Args:
            texts: By role, those that batches hold.
        """
        if self.guide is not None:
            self.guide.learn(texts)
        if self.anchor is not None:
            trained: Texts = {"query": texts["query"]} if self.config.side == "query" else texts
            self.anchor.learn({self.role: self.general} if self.general else trained)

    def seconds(self, some: Texts, texts: Texts) -> float:
        """Compute the vectors of some texts, and estimate from them how long those of all texts take."""
        if self.anchor is None and self.guide is None:
            return 0.0
        started = time.monotonic()
        self.learn(some)
        is_all = self.guide is None and self.general
        return (time.monotonic() - started) * (1 if is_all else _count(texts) / max(1, _count(some)))

    def of_batch(self, batch: TextBatch) -> dict[str, OtherVectors]:
        """Return what the loss of a batch is given of them, by the names of its fields; of queries alone, the anchor loss stands beside it."""
        known = {"anchor": None if self.general or self.config.side == "query" else self.anchor, "guide": self.guide}
        return {name: vectors.of_batch(batch) for name, vectors in known.items() if vectors is not None}

    def sides(self, step: int) -> list[tuple[Role, list[str]]]:
        """Return the general texts that go through the network in a step, as a side of its own; nothing where there are none."""
        return [(self.role, draw(self.general, self.config.batch_size, _seed(self.config, step)))] if self.general else []

    def held_to_general(self, step: int, vectors: Sequence[Tensor]) -> Tensor | float:
        """Return the anchor loss of a step's general texts, of which `vectors` has what the network makes; 0 where there are none."""
        return sum(self._held(now, texts, role) for now, (role, texts) in zip(vectors, self.sides(step), strict=True))

    def held_to_batch(self, queries: Tensor, passages: Tensor, others: Mapping[str, OtherVectors]) -> Tensor | float:
        """Return the anchor loss of a batch's texts, of which `others` has what `of_batch` returned; 0 where it is of none of them."""
        if (before := others.get("anchor")) is None:
            return 0.0
        return self.config.anchor * moved(torch.cat([queries, passages]), torch.cat([before.queries, before.passages]))

    def held_queries(self, queries: Tensor, texts: Sequence[str]) -> Tensor | float:
        """Return the anchor loss of queries alone, where it is of the batch's own texts; else 0."""
        return 0.0 if self.anchor is None or self.general else self._held(queries, texts, "query")

    def _held(self, vectors: Tensor, texts: Sequence[str], role: Role) -> Tensor:
        assert self.anchor is not None  # general texts, too, are of the anchor loss
        return self.config.anchor * moved(vectors, self.anchor.of(texts, role))


def open_others(base: Base, config: TrainConfig, guide: Encodes | None, world: World = ALONE) -> Others:
    """Return the other encoders that a configuration asks for.

    Args:
        base: What is trained over, as it is.
        config: How.
        guide: What `config.guide` names; the caller opens it, since a reference is found in a registry.
        world: The processes that train together.

    Raises:
        DataError: the file of general texts cannot be read, or holds none.
    """
    if config.guide is not None and guide is None:
        raise ValueError(f"the guide {config.guide} is to be opened, and given, by the caller")
    return Others(
        config=config,
        anchor=KnownVectors(corpus_encoder(base, config), base.device, world) if config.anchor else None,
        guide=None if guide is None else KnownVectors(guide, base.device, world),
        general=read_general_texts(config),
    )


def _count(texts: Texts) -> int:
    return sum(map(len, texts.values()))


def _seed(config: TrainConfig, step: int) -> int:
    return config.seed * 1_000_003 + step
