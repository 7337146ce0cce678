"""Signatures that identify texts which are nearly the same, without keeping the texts: MinHash over shingles of characters.

Source: Broder, "On the resemblance and containment of documents" (1997); of each hash value the lowest 8 bits alone are kept, as in Li and
König, "b-Bit Minwise Hashing", https://arxiv.org/abs/0910.3349 (with 8 bits, two values agree by chance once in 256).
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from .pairs import normalise

SHINGLE = 3
"""Characters in one shingle: short enough for a Chinese question of ten characters."""
NEAR = 0.8
"""Texts whose estimated Jaccard similarity is this or more count as nearly the same."""
HASHES = 64
_BAND = 4  # of 64 values in 16 bands of 4, two texts of similarity 0.8 share one with probability 0.9998, and of 0.3 with 0.12
_CHUNK = 512  # texts that are compared at once: texts of one template share bands by the thousand
_SEED = 1
_SCHEME = "affine32"  # by name: the library's default has changed once

Signatures = npt.NDArray[np.uint8]
"""(n, HASHES) uint8, a row for each text."""


def shingles(text: str) -> set[str]:
    """Return a text's shingles: runs of `SHINGLE` letters, digits and single spaces, whatever the case and the punctuation."""
    kept = folded(text)
    return {kept[start : start + SHINGLE] for start in range(max(1, len(kept) - SHINGLE + 1))}


def folded(text: str) -> str:
    """Return a text's letters and digits in lower case, with single spaces for all else; a text of neither as it is."""
    return normalise("".join(char if char.isalnum() else " " for char in text)) or normalise(text)


def sign(texts: Sequence[str]) -> Signatures:
    """Return the signatures of texts, (n, HASHES) uint8: the same text has the same on every machine."""
    from datasketch import MinHash  # takes a second to import, and is needed where signatures are made alone

    encoded = ([shingle.encode("utf-8", "replace") for shingle in shingles(text)] for text in texts)
    drawn = MinHash.generator(encoded, num_perm=HASHES, seed=_SEED, scheme=_SCHEME)
    rows = [minhash.hashvalues.astype(np.uint8) for minhash in drawn]  # modulo 256
    return np.stack(rows) if rows else np.empty((0, HASHES), np.uint8)


def highest_similarity(signatures: Signatures, others: Signatures) -> npt.NDArray[np.float64]:
    """Return for each signature the estimated Jaccard similarity to the nearest of the others, (n,); 0 where none is like it.

    Only those that share a band are compared, so that what is far below `NEAR` may come out as 0.
    """
    best, different = np.zeros(len(signatures)), np.unique(others, axis=0)
    own_bands, bands = _bands(signatures), _bands(different)
    for band in range(HASHES // _BAND):
        order = np.argsort(bands[:, band], kind="stable")
        ordered = bands[order, band]
        for start in range(0, len(signatures), _CHUNK):
            own, at = _equal(own_bands[start : start + _CHUNK, band], ordered)
            alike = (signatures[start + own] == different[order[at]]).mean(axis=1)
            np.maximum.at(best, start + own, alike)
    return best


def _bands(signatures: Signatures) -> npt.NDArray[np.uint32]:
    """Return each band as one number, (n, HASHES / _BAND): 4 values of 8 bits are one of 32."""
    return np.ascontiguousarray(signatures).view(np.uint32)


def _equal(own: npt.NDArray[np.uint32], ordered: npt.NDArray[np.uint32]) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Return the rows (i, j) of all pairs with own[i] == ordered[j]; `ordered` ascends."""
    first, last = np.searchsorted(ordered, own, "left"), np.searchsorted(ordered, own, "right")
    counts = last - first
    within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    return np.repeat(np.arange(len(own)), counts), np.repeat(first, counts) + within
