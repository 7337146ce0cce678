"""Encoders and searchers that compute no vector twice: the ones that are on disk are read, the others are computed and kept."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from ..encoder import LoraEncoder, Role, Vectors, _Shares, encode_each, tokenize
from ..ensemble.encoders import EnsembleEncoder
from ..ensemble.searchers import EnsembleSearcher
from .space import max_tokens_of, vector_space
from .vectors import VectorStore

_KEPT_BATCHES = 32
"""What is encoded between two writes, in batches: a few seconds, which is all that a kill costs."""
_CHARACTERS_PER_TOKEN = 4  # an upper end: Chinese has one, and its writes are further apart


@dataclass(slots=True)
class CachedEncoder(LoraEncoder):
    """A LoraEncoder over a store of vectors. Copies with other factors (`dataclasses.replace`) share the store and no vector."""

    store: VectorStore = field(kw_only=True)

    def encode(self, texts: Sequence[str], role: Role = "document") -> Vectors:
        """Return (n, d) float32 vectors of length 1, in the order of `texts`.

        Raises:
            DataError: a text is None or no string; its row is named.
        """
        vectors, is_cut = recall(self, self.store, texts, role, self.on_batch)
        self.truncated += int(is_cut.sum())
        return vectors


@dataclass(slots=True)
class CachedEnsembleEncoder(EnsembleEncoder):
    """An EnsembleEncoder over a store of its members' vectors, which are those that a member has by itself."""

    store: VectorStore = field(kw_only=True)

    def encode_each(self, texts: Sequence[str], role: Role) -> list[Vectors]:
        """Return the (n, d) vectors of each member; raises as `Ensemble.encode_each`."""
        return _recall_each(self, self.store, texts, role)


@dataclass(slots=True)
class CachedEnsembleSearcher(EnsembleSearcher):
    """An EnsembleSearcher over a store of its members' vectors."""

    store: VectorStore = field(kw_only=True)

    def encode_each(self, texts: Sequence[str], role: Role) -> list[Vectors]:
        """Return the (n, d) vectors of each member; raises as `Ensemble.encode_each`."""
        return _recall_each(self, self.store, texts, role)


Opened = LoraEncoder | EnsembleEncoder | EnsembleSearcher
CACHED: dict[type, type] = {
    LoraEncoder: CachedEncoder,
    EnsembleEncoder: CachedEnsembleEncoder,
    EnsembleSearcher: CachedEnsembleSearcher,
}
"""Class -> the same over a store."""


def over_store(encoder: Opened, store: VectorStore) -> Opened:
    """Return an encoder or searcher as it is, but over a store; one of another class, whose content nobody knows, comes back unchanged."""
    if type(encoder) not in CACHED:
        return encoder
    cached: Opened = CACHED[type(encoder)](**{own.name: getattr(encoder, own.name) for own in fields(encoder)}, store=store)
    return cached


def recall(
    encoder: LoraEncoder, store: VectorStore, texts: Sequence[str], role: Role, on_batch: Callable[[int], None] | None = None
) -> tuple[Vectors, NDArray[np.bool_]]:
    """Return the vectors of texts, (n, d), and which were truncated, (n,): from the store, else computed and kept, each distinct one once.

    Args:
        encoder: What computes them.
        store: Where they are kept.
        texts: Of which.
        role: Of all of them.
        on_batch: Told how many texts are done since it was last told: first all that cost nothing.

    Raises:
        DataError: a text is None or no string; its row is named.
    """
    if isinstance(texts, str) or role not in get_args(Role) or not all(isinstance(text, str) for text in texts):
        encode_each([encoder], texts, role)
        raise AssertionError("the encoder took what is no list of texts")
    row_of = {text: row for row, text in enumerate(dict.fromkeys(texts))}
    distinct, space, dimension = list(row_of), vector_space(encoder, role), encoder.base.spec.dimension
    found = store.find(space, distinct, dimension)
    vectors, is_cut = np.empty((len(distinct), dimension), np.float32), np.zeros(len(distinct), np.bool_)
    vectors[found.rows], is_cut[found.rows] = found.vectors, found.is_cut
    missing = sorted(set(range(len(distinct))) - set(found.rows.tolist()))
    if on_batch and len(texts) > len(missing):
        on_batch(len(texts) - len(missing))
    for rows in _portions(encoder, distinct, missing):
        chosen = [distinct[row] for row in rows]
        each = encode_each([encoder], chosen, role, on_batch)
        vectors[rows], is_cut[rows] = each.vectors[0], _find_cut(encoder, chosen, role, each.truncated)
        store.add(space, chosen, vectors[rows], is_cut[rows])
    wanted = [row_of[text] for text in texts]
    return vectors[wanted], is_cut[wanted]


def _recall_each(ensemble: EnsembleEncoder | EnsembleSearcher, store: VectorStore, texts: Sequence[str], role: Role) -> list[Vectors]:
    tell = _Shares(len(ensemble.members), ensemble.on_batch)
    each = [recall(member, store, texts, role, tell) for member in ensemble.members]
    ensemble.truncated += int(np.any([is_cut for _, is_cut in each], axis=0).sum())
    return [vectors for vectors, _ in each]


def _portions(encoder: LoraEncoder, texts: Sequence[str], rows: Sequence[int]) -> list[list[int]]:
    """Cut rows, longest text first, into portions of some batches: texts of like length, so that no more padding is computed."""
    longest = max_tokens_of(encoder) * _CHARACTERS_PER_TOKEN
    budget = encoder.batch_budget * _CHARACTERS_PER_TOKEN * _KEPT_BATCHES
    portions: list[list[int]] = []
    left = 0
    for row in sorted(rows, key=lambda row: (-len(texts[row]), row)):
        size = min(len(texts[row]), longest) + 1
        if not portions or size > left:
            portions.append([])
            left = budget
        portions[-1].append(row)
        left -= size
    return portions


def _find_cut(encoder: LoraEncoder, texts: Sequence[str], role: Role, truncated: int) -> NDArray[np.bool_]:
    """Say which texts were truncated, (n,): mostly none was, and nothing is tokenised again."""
    if not truncated:
        return np.zeros(len(texts), np.bool_)
    return np.array(tokenize(encoder.base, texts, role, encoder.max_tokens).is_cut, np.bool_)
