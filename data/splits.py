"""A dev split for a source that has none: whole groups of queries that share no text and no positive."""

import numpy as np

from ..plurals import count
from .groups import join_by, positive_keys, query_key
from .pairs import Corpus, Pairs

DEV_SHARE = 0.1
MIN_DEV, MAX_DEV = 20, 500
MIN_PAIRS_TO_SPLIT = 100


def split_dev(pairs: Pairs, corpus: Corpus, seed: int) -> tuple[Pairs, Pairs | None, str]:
    """Hold out 10 % of the queries (20 to 500) as a dev split, in whole groups that share a query text or a positive's text.

    Returns:
        Train, dev (None under 100 pairs or 40 queries, or where one group holds nearly all), and a sentence that says what was done.
    """
    if pairs.pair_count < MIN_PAIRS_TO_SPLIT:
        return pairs, None, _none_held(f"under {MIN_PAIRS_TO_SPLIT} pairs ({pairs.pair_count})")
    wanted = int(np.clip(round(DEV_SHARE * len(pairs)), MIN_DEV, MAX_DEV))
    if 2 * wanted > len(pairs):
        return pairs, None, _none_held(f"too few queries ({len(pairs)}) to hold out {wanted}")
    groups = _groups(pairs, corpus)
    dev: list[str] = []
    for row in np.random.default_rng(seed).permutation(len(groups)):
        if len(dev) + len(groups[row]) <= wanted:
            dev += groups[row]
    if len(dev) < MIN_DEV:
        return pairs, None, _none_held("queries that share too many passages to be separated")
    held = set(dev)
    train = pairs.select(qid for qid in pairs.queries if qid not in held)
    note = f"the source has no dev split: {len(dev)} of {count(len(pairs), 'query')} are held out (seed {seed})"
    return (
        train,
        pairs.select(qid for qid in pairs.queries if qid in held),
        f"{note}, none of which shares a text or a positive with the rest",
    )


def _none_held(why: str) -> str:
    return f"the source has no dev split and {why}: nothing is held out, and there is no early stopping"


def _groups(pairs: Pairs, corpus: Corpus) -> list[list[str]]:
    """Join queries that share a text, or a positive of the same text."""
    return join_by({qid: [query_key(pairs, qid), *positive_keys(pairs, corpus, qid)] for qid in pairs.queries})
