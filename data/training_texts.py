"""What is kept of the texts that an adapter was trained on, to find them again in a test set: hashes and signatures, and no text.

The hashes hide no text from somebody who has it: whoever guesses a query can confirm that it was trained on.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from ..errors import AdapterError
from .dev_set import DevSet
from .hashes import hash_text
from .minhash import HASHES, NEAR, SHINGLE, Signatures, highest_similarity, sign
from .pairs import TrainingData, normalise

TRAINING_TEXTS = "training_texts.safetensors"
_FORMAT = 1
_PROBE = "Wie lange gilt der Vertrag? 合同的有效期是多久？"
_ARRAYS = {"queries": np.uint64, "signatures": np.uint8, "positives": np.uint64, "pairs": np.uint64}

Hashes = npt.NDArray[np.uint64]
"""(n,) uint64, ascending, each once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TextSketch:
    """What training saw (its train and dev queries), as hashes of normalised texts.

    Attributes:
        queries: Of each query.
        signatures: Of each query, row for row, (n, HASHES).
        positives: Of each passage that answers one.
        pairs: Of each query together with a passage that answers it.
        near_works: Whether signatures that are made here can be compared with these.
    """

    queries: Hashes
    signatures: Signatures
    positives: Hashes
    pairs: Hashes
    near_works: bool = True

    def has_queries(self, texts: Iterable[str]) -> npt.NDArray[np.bool_]:
        """Return for each text whether it was a query, (n,)."""
        return np.isin(_hash_texts(texts), self.queries)

    def has_positives(self, texts: Iterable[str]) -> npt.NDArray[np.bool_]:
        """Return for each text whether it was a passage that answers a query, (n,)."""
        return np.isin(_hash_texts(texts), self.positives)

    def has_pairs(self, pairs: Iterable[tuple[str, str]]) -> npt.NDArray[np.bool_]:
        """Return for each (query, passage) whether they were a pair, (n,)."""
        return np.isin(_hash_pairs(pairs), self.pairs)

    def nearness(self, signatures: Signatures) -> npt.NDArray[np.float64]:
        """Return of each text, by its signature, the estimated similarity to the nearest query, (n,): `NEAR` or more, else 0."""
        if not self.near_works:
            return np.zeros(len(signatures))
        similarity = highest_similarity(signatures, self.signatures)
        return np.where(similarity >= NEAR, similarity, 0.0)


def sketch_texts(data: TrainingData, chosen_by: Sequence[DevSet] = ()) -> TextSketch:
    """Make the sketch of training data: the same texts give the same sketch, whatever their order and ids.

    Args:
        data: What was trained on, and the dev split that states were chosen by.
        chosen_by: Other dev sets that they were chosen by.
    """
    splits = [(pairs.queries, pairs.positives, data.corpus) for pairs in (data.train, data.dev) if pairs is not None]
    splits += [(each.queries, each.relevant, each.passages) for each in chosen_by]
    by_hash = {
        key: text
        for queries, _, _ in splits
        for key, text in zip(_hash_texts(queries.values()), map(normalise, queries.values()), strict=True)
    }
    together = [(queries[qid], texts[pid]) for queries, relevant, texts in splits for qid, own in relevant.items() for pid in own]
    return TextSketch(
        queries=np.array(sorted(by_hash), np.uint64),
        signatures=sign([by_hash[key] for key in sorted(by_hash)]),
        positives=np.unique(_hash_texts(passage for _, passage in together)),
        pairs=np.unique(_hash_pairs(together)),
    )


def write_sketch(sketch: TextSketch, path: Path) -> None:
    """Write a sketch; the same one gives the same bytes."""
    about = {"format": _FORMAT, "hashes": HASHES, "shingle": SHINGLE, "probe": sign([_PROBE]).tobytes().hex()}
    arrays = {name: np.ascontiguousarray(getattr(sketch, name)) for name in _ARRAYS}
    path.write_bytes(save(arrays, metadata={"training_texts": json.dumps(about)}))


def read_sketch(folder: Path) -> TextSketch | None:
    """Read the sketch of an adapter's folder; None: it has none.

    Raises:
        AdapterError: it is damaged, or of a newer format.
    """
    path = folder / TRAINING_TEXTS
    if not path.exists():
        return None
    try:
        with safe_open(path, framework="numpy") as file:
            about = json.loads((file.metadata() or {}).get("training_texts", "null"))
            arrays = {name: file.get_tensor(name) for name in _ARRAYS}
    except (OSError, SafetensorError, ValueError) as e:
        raise _damage(path, str(e)) from e
    if not isinstance(about, dict) or not isinstance(about.get("format"), int):
        raise _damage(path, "it does not state its format")
    if about["format"] > _FORMAT:
        raise AdapterError(f"{path} has format {about['format']}, and this version reads {_FORMAT}; upgrade adapt-embed")
    if not _fits(arrays):
        raise _damage(path, "its arrays do not fit together")
    return TextSketch(**arrays, near_works=about.get("probe") == sign([_PROBE]).tobytes().hex())


def _fits(arrays: dict[str, npt.NDArray]) -> bool:
    flat = all(arrays[name].dtype == dtype and arrays[name].ndim == (2 if name == "signatures" else 1) for name, dtype in _ARRAYS.items())
    return flat and arrays["signatures"].shape == (len(arrays["queries"]), HASHES)


def _damage(path: Path, what: str) -> AdapterError:
    return AdapterError(f"{path} is damaged ({what}); restore it from a copy, or train again")


def _hash_texts(texts: Iterable[str]) -> Hashes:
    return np.array([hash_text(normalise(text)) for text in texts], np.uint64)


def _hash_pairs(pairs: Iterable[tuple[str, str]]) -> Hashes:
    return np.array([hash_text(f"{normalise(query)}\n{normalise(passage)}") for query, passage in pairs], np.uint64)
