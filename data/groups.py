"""Items that share something, directly or through others: the groups that a split must not cut in two."""

import hashlib
from collections.abc import Iterable, Mapping

from .pairs import Corpus, Pairs, normalise


def join_by(keys: Mapping[str, Iterable[str]]) -> list[list[str]]:
    """Join items that share a key, directly or through others, by union-find.

    Args:
        keys: Item -> its keys; one without any stays alone.

    Returns:
        The groups in the order of their first items, each in the order of `keys`.
    """
    parent: dict[str, str] = {}

    def root(key: str) -> str:
        parent.setdefault(key, key)
        while parent[key] != key:
            parent[key] = parent[parent[key]]
            key = parent[key]
        return key

    for item, its in keys.items():
        for key in its:
            parent[root(f"key:{key}")] = root(f"item:{item}")
    groups: dict[str, list[str]] = {}
    for item in keys:
        groups.setdefault(root(f"item:{item}"), []).append(item)
    return list(groups.values())


def query_key(pairs: Pairs, qid: str) -> str:
    """Return what queries of the same text share, folded in case and white space."""
    return f"q:{text_key(pairs.queries[qid])}"


def positive_keys(pairs: Pairs, corpus: Corpus, qid: str) -> list[str]:
    """Return what queries share that have a positive of the same text, folded in case and white space."""
    return [f"p:{text_key(corpus[pid])}" for pid in pairs.positives[qid]]


def text_key(text: str) -> str:
    """Return 128 bits of a text, folded in case and white space: what is kept of long passages in place of them."""
    return hashlib.blake2b(normalise(text).encode("utf-8", "replace"), digest_size=16).hexdigest()
