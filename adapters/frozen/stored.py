"""The stored states of a run's texts, and the network's vectors from them on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from torch import Tensor

from ...base.load import Base
from ...choices import Precision
from ...encoders.batching import default_batch_tokens, length_batches
from ...encoders.forward import TokenIdsOfText, embed
from ...encoders.layer_cut import embed_states, first_trained_layer, states_before
from ...encoders.quick import quick_network
from ...errors import DataError
from .shards import Shard
from .space import text_key


@dataclass(slots=True)
class FrozenStates:
    """Token ids -> the hidden states that enter a layer below which nothing is trained.

    Padding is not stored: it takes no part in what is computed of the tokens that count.

    Attributes:
        base: In training.
        layer: That they enter, from 0.
        precision: Of the matrix products.
    """

    base: Base
    layer: int
    precision: Precision
    _shards: dict[bytes, Shard] = field(default_factory=dict, init=False)
    _held: dict[bytes, Tensor] = field(default_factory=dict, init=False)

    @property
    def are_valid(self) -> bool:
        """Whether nothing below the layer is trained at present."""
        return first_trained_layer(self.base) >= self.layer

    def add(self, shard: Shard) -> None:
        """Know the texts of a shard."""
        self._shards.update(dict.fromkeys(shard.rows, shard))

    def hold(self, texts: Mapping[bytes, TokenIdsOfText]) -> None:
        """Compute the states of texts, by what they are known by, and keep them in memory: to see how long that takes, and a step with them."""
        for part in self.compute_all(texts):
            self._held.update(part)

    def holds(self, key: bytes) -> bool:
        """Return whether a text is stored."""
        return key in self._shards

    def of(self, ids: Sequence[TokenIdsOfText]) -> list[Tensor]:
        """Return the states of each text, (tokens, d): pages of a file; those of texts that are not stored are computed here, in one batch.

        Raises:
            DataError: a file has changed since it was mapped.
        """
        keys = [text_key(each) for each in ids]
        shards = {key: self._shards[key] for key in keys if key in self._shards}
        _check_unchanged(shards.values())
        found = {key: self._held[key] for key in keys if key in self._held} | {key: shard.of(key) for key, shard in shards.items()}
        missing = [row for row, key in enumerate(keys) if key not in found]
        if missing:
            computed = self.compute([ids[row] for row in missing])
            found |= {keys[row]: each for row, each in zip(missing, computed, strict=True)}
        return [found[key].to(self.base.device) for key in keys]

    def compute_all(self, texts: Mapping[bytes, TokenIdsOfText]) -> Iterator[dict[bytes, Tensor]]:
        """Give the states of texts, (tokens, d) on the CPU, batch by batch, the longest first."""
        keys, ids = list(texts), list(texts.values())
        with quick_network(self.base, self.precision, has_gradients=True):
            for rows in length_batches([len(each) for each in ids], default_batch_tokens(self.base.device)):
                computed = self.compute([ids[row] for row in rows])
                yield {keys[row]: each.cpu() for row, each in zip(rows, computed, strict=True)}

    def compute(self, ids: Sequence[TokenIdsOfText]) -> list[Tensor]:
        """Compute the states of each text of a batch, (tokens, d), as the network stands."""
        padded = states_before(self.base, ids, self.layer, self.precision)
        return [states[: len(each)] for states, each in zip(padded, ids, strict=True)]


def embed_above(base: Base, ids: Sequence[TokenIdsOfText], precision: Precision, states: FrozenStates | None) -> Tensor:
    """Run one batch through the network, from its states on where they are stored and hold: (n, d) float32 vectors of length 1."""
    if states is None or not states.are_valid:
        return embed(base, ids, precision)
    return embed_states(base, states.of(ids), states.layer, precision)


def _check_unchanged(shards: Iterable[Shard]) -> None:
    for shard in set(shards):
        if (problem := shard.file.problem()) is not None:
            raise DataError(
                f"the stored states of the frozen layers changed while they were in use: {shard.file.path} {problem}; go on with --resume, and "
                "leave the files alone meanwhile"
            )
