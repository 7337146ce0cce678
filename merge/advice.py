"""What the figures of an explanation suggest: thresholds, and the sentence that follows from each."""

from collections.abc import Iterator, Sequence

from .figures import Figures, PairExplanation

# Updates for different tasks mostly have cosines of 0 to 0.1 (https://arxiv.org/abs/2212.04089): below that they leave each other alone.
NEARLY_ORTHOGONAL = 0.1
# From here on more than a quarter (0.5 squared) of one update's energy lies along the other: added in full, it is counted twice.
ALIGNED = 0.5
# One adapter, scaled: rounding to half precision moves the cosine by far less.
COPIES = 0.999
# Independent updates of rank 16 stand within 0.02 of 0.5, module by module (a test measures it); from here on the large elements oppose.
CONFLICTING = 0.6
# At equal weights the shorter one then has under a fifth of the sum's squared norm, where the two are orthogonal: 1 / (1 + 2 * 2).
UNEVEN = 2.0
# Half of the angles' squared cosines, and this many times what chance gives: they use the same directions, to different ends.
SHARED_SPACE, TIMES_CHANCE = 0.5, 3.0

FOR_CONFLICTS = "ties"
FOR_SHARED_SPACE = "core_ties"


def suggest(pairs: Sequence[PairExplanation]) -> tuple[str, ...]:
    """Return plain sentences, those of each pair in turn: how they relate, then what stands out."""
    return tuple(f"{pair.first} and {pair.second}: {sentence}" for pair in pairs for sentence in _of_pair(pair))


def _of_pair(pair: PairExplanation) -> Iterator[str]:
    if pair.whole.cosine is None:
        idle = [name for name, norm in zip((pair.first, pair.second), pair.whole.norms, strict=True) if norm == 0]
        yield f"{' and '.join(idle)} changes nothing, so only the other's weight counts."
        return
    yield _relation(round(pair.whole.cosine, 3) + 0.0)  # adding 0 turns -0.0 into 0.0
    yield from _conflicts(pair.whole)
    yield from _shared_space(pair.whole)
    yield from _lengths(pair)
    yield from _coverage(pair)


def _relation(cosine: float) -> str:
    if cosine >= COPIES:
        return f"they are the same update up to its length (cosine {cosine:.3f}): there is nothing to combine, weights only scale it."
    if cosine >= ALIGNED:
        return f"they point the same way (cosine {cosine:.2f}): keep the sum of the weights near 1, or what they share is counted twice."
    if cosine <= -NEARLY_ORTHOGONAL:
        return (
            f"they pull against each other (cosine {cosine:.2f}): a linear sum cancels what they disagree on; "
            f"try {FOR_CONFLICTS}, or search for the weights."
        )
    if cosine < NEARLY_ORTHOGONAL:
        return f"they are nearly orthogonal (cosine {cosine:.2f}): linear keeps most of both; begin with weights near equal."
    return f"they overlap in part (cosine {cosine:.2f}): linear is a fair start; search for the weights to decide."


def _conflicts(whole: Figures) -> Iterator[str]:
    if whole.top_sign_conflicts is not None and whole.top_sign_conflicts >= CONFLICTING:
        yield (
            f"where both are large, {whole.top_sign_conflicts:.0%} of the elements have opposite signs (independent updates: 50 %): "
            f"{FOR_CONFLICTS} keeps one sign an element."
        )


def _shared_space(whole: Figures) -> Iterator[str]:
    if whole.cosine is None or abs(whole.cosine) >= ALIGNED:
        return  # the relation has stated it
    for side, overlap, chance in (
        ("write into", whole.column_overlap, whole.column_chance),
        ("read from", whole.row_overlap, whole.row_chance),
    ):
        if overlap is not None and chance is not None and overlap >= max(SHARED_SPACE, TIMES_CHANCE * chance):
            yield (
                f"they {side} the same directions (overlap {overlap:.2f}, by chance {chance:.2f}) though their cosine is low: "
                f"{FOR_SHARED_SPACE} merges within the space that they share."
            )


def _lengths(pair: PairExplanation) -> Iterator[str]:
    first, second = pair.whole.norms
    if max(first, second) >= UNEVEN * min(first, second):
        longer, shorter = (pair.first, pair.second) if first > second else (pair.second, pair.first)
        yield (
            f"the update of {longer} is {max(first, second) / min(first, second):.1f} times as long as that of {shorter} and outweighs it "
            f"at equal weights; {second / (first + second):.2f} and {first / (first + second):.2f} would even them out."
        )


def _coverage(pair: PairExplanation) -> Iterator[str]:
    for name, only, other in ((pair.first, pair.only_first, pair.second), (pair.second, pair.only_second, pair.first)):
        if only:
            modules = "1 module" if len(only) == 1 else f"{len(only)} modules"
            yield f"{name} changes {modules} that {other} leaves alone; there its weight alone decides."
