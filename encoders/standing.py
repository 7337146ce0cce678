"""A network that stays ready between calls, for a server: what `quick_network` prepares is prepared once, and rows of any adapter and role mix.

`LoraEncoder` and `MixedEncoder` prepare the network for each call and take it back: for one short query in bfloat16 on a CPU, that is more
work than the query itself.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import nn

from ..base.load import Network
from ..choices import Role
from .batching import length_batches, split_by_length
from .blocks import Block, arrange
from .forward import embed, too_little_memory
from .lora import LoraEncoder
from .protocol import Vectors
from .quick import quick_network
from .row_by_row import Change, ReadyFactors, Span, row_by_row

MERGE_AFTER = 16
"""Calls in a row whose texts all go through one adapter, after which it is merged into the weights; merging costs about as much as it saves
in ten calls."""

CALL_TOKENS = 64
"""What a pass through the network costs on a CPU beside its tokens, in tokens: of bge-small 90 in bfloat16 and 35 in fp32, one thread each."""

Way = tuple[str, str | None, str]
"""What rows that go through the network together share: the pooling, the hash of the projection head, and the precision."""


@dataclass(frozen=True, slots=True)
class Row:
    """One text for a network: its token ids, which adapter reads it, and in which role."""

    member: LoraEncoder
    role: Role
    ids: Sequence[int]

    @property
    def key(self) -> str | None:
        """The hash of the factors that it goes through; None: the base alone."""
        return self.member.sha256[self.role]


@dataclass(slots=True)
class StandingNetwork:
    """A network that is used by one thread alone, until `close`.

    Attributes:
        network: Which one.
    """

    network: Network
    _stack: ExitStack | None = None
    _way: Way | None = None
    _alone: str | None = None
    _times: int = 0
    _ready: ReadyFactors = field(default_factory=ReadyFactors)
    _modules: dict[str, nn.Module] = field(default_factory=dict)

    def embed(self, rows: Sequence[Row]) -> Vectors:
        """Return the vectors of rows of one way, (n, d) float32 of length 1, in their order.

        Raises:
            AdapterError: an adapter does not fit the network.
            ConfigError: the device has too little memory for one text.
        """
        first = rows[0].member
        self._prepare(first, self._choose_merged(rows))
        vectors = np.empty((len(rows), first.dimension), np.float32)
        with torch.inference_mode():
            lengths = [len(row.ids) for row in rows]
            for batch in length_batches(lengths, first.batch_budget):
                for part in split_by_length(batch, lengths, CALL_TOKENS) if first.base.device.type == "cpu" else [batch]:
                    vectors[part] = self._embed([rows[row] for row in part])
        return vectors

    def keep(self, keys: Collection[str]) -> None:
        """Keep of what was made ready that of the factors with these hashes alone."""
        self._ready.keep(keys)

    def close(self) -> None:
        """Give the network its own weights again; the next call prepares it anew."""
        self._release()
        self.network.merge_weights(None, {})
        self._alone, self._times = None, 0

    def _release(self) -> None:
        if self._stack is not None:
            self._stack.close()
        self._stack = self._way = None

    def _choose_merged(self, rows: Sequence[Row]) -> Row | None:
        """Return a row of the adapter that is to be merged into the weights; None: none is."""
        keys = {row.key for row in rows}
        alone = rows[0].key if len(keys) == 1 else None
        self._times = self._times + 1 if alone is not None and alone == self._alone else 1
        self._alone = alone
        is_worth_it = alone is not None and (self.network.merged == alone or self._times > MERGE_AFTER)
        return rows[0] if is_worth_it else None

    def _prepare(self, member: LoraEncoder, merged: Row | None) -> None:
        """Merge what is to be merged, and let the network compute as fast as it can in this way, until another is asked for."""
        way, key = way_of(member), None if merged is None else merged.key
        if self._stack is not None and (way, key) == (self._way, self.network.merged):
            return
        self._release()
        if merged is None:
            self.network.merge_weights(None, {})
        else:
            merged.member.merge_weights(merged.role)
        self._stack, self._way = ExitStack(), way
        with torch.inference_mode():
            self._stack.enter_context(quick_network(member.base, member.precision))

    def _embed(self, rows: Sequence[Row]) -> Vectors:
        """Embed a batch, the rows of one adapter together; where the GPU's memory runs out, in halves."""
        member = rows[0].member
        blocks = arrange([None if row.key == self.network.merged else row.key for row in rows])
        order = [row for block in blocks for of_adapter in block.rows for row in of_adapter]
        vectors = np.empty((len(rows), member.dimension), np.float32)
        try:
            with self._row_by_row([rows[row] for row in order], blocks):
                vectors[order] = embed(member.base, [rows[row].ids for row in order], member.precision).cpu().numpy()
            return vectors
        except torch.OutOfMemoryError:
            if len(rows) == 1:
                raise too_little_memory(member.base.device, len(rows[0].ids)) from None
        half = len(rows) // 2
        return np.concatenate([self._embed(rows[:half]), self._embed(rows[half:])])

    def _row_by_row(self, rows: Sequence[Row], blocks: Sequence[Block]) -> AbstractContextManager[None]:
        """Let the modules add to each row what its adapter's factors make of it, where they are not merged."""
        spans: dict[str, list[Span]] = {}
        start = 0
        for block in blocks:
            each = len(block.rows[0])
            if block.keys[0] is not None:
                firsts = [rows[start + each * number] for number in range(len(block.rows))]
                self._span(start, each, [self._ready.of(row.member, row.role) for row in firsts], spans)
            start += each * len(block.rows)
        self._modules = self._modules or dict(self.network.model.named_modules())
        return row_by_row(self._modules, len(rows), spans)

    def _span(self, start: int, each: int, changes: Sequence[dict[str, Change]], spans: dict[str, list[Span]]) -> None:
        """Add to the spans of each module those of a block: one for adapters that change it alike, and one for each of the others."""
        for name in dict.fromkeys(name for own in changes for name in own):
            having = [(number, own[name]) for number, own in enumerate(changes) if name in own]
            if len(having) == len(changes) and len({change.shape for _, change in having}) == 1:
                spans.setdefault(name, []).append(Span(slice(start, start + each * len(changes)), tuple(change for _, change in having)))
                continue
            for number, change in having:
                first = start + each * number
                spans.setdefault(name, []).append(Span(slice(first, first + each), (change,)))


def way_of(member: LoraEncoder) -> Way:
    """Return what a member's rows share with those that may go through the network beside them."""
    base = member.base
    return base.encoding.pooling, None if base.head is None else base.head.sha256(), member.computes_in
