"""Are these vectors those of these texts, by this encoder? A sample is embedded and compared, and what fits instead is found and named."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, get_args

import torch

from ...base.known import Pooling
from ...data.draw import draw
from ...errors import AdaptError, DataError
from ...events import QUIET, Events
from ...plurals import count
from ..encoding import describe_difference, differing
from ..search import best_rows
from .open import NamedVectors

if TYPE_CHECKING:
    from ...encoders.lora import LoraEncoder

SAMPLE = 32
"""Texts that are embedded and compared."""
_SAME = 0.99
"""The cosine above which two vectors are of one text and one encoder: bfloat16 leaves .9999, other libraries and lengths .999."""
_MOST_DIFFER = 0.1  # of a sample: single texts may have been cut or cleaned otherwise


@dataclass(frozen=True, slots=True)
class Fit:
    """How a sample of texts fits its vectors: how many were compared, and the median of their cosines."""

    compared: int
    cosine: float


def check_fit(given: NamedVectors, texts: Mapping[str, str], encoder: LoraEncoder, *, seed: int = 0, events: Events = QUIET) -> Fit:
    """Refuse vectors that are not those of the texts by the encoder.

    Args:
        given: The vectors.
        texts: Id -> text, of all the corpus or of a part.
        encoder: What the vectors are said to be of, as documents.
        seed: Draws the sample.
        events: Told what is done.

    Raises:
        DataError: no id is in both, or the vectors are of another encoder, another order, or other texts; the message says of which where one fits.
    """
    row_of = {each: row for row, each in enumerate(given.ids)}
    common = [each for each in texts if each in row_of]
    if not common:
        raise DataError(
            f"none of the {count(len(texts), 'id')} of the corpus (the first: {next(iter(texts), '')!r}) is in {given.path} (the first: {given.ids[0]!r})"
        )
    if encoder.dimension != given.vectors.dimension:
        raise DataError(
            f"{given.path} has vectors of {given.vectors.dimension} dimensions, and {encoder.base.spec.name} makes {encoder.dimension}; they are of another base"
        )
    events.stage("comparing a sample of texts with their vectors")
    sample = draw(common, SAMPLE, seed)
    case = _Case(given, [texts[each] for each in sample], torch.tensor([row_of[each] for each in sample]))
    cosines = case.cosines(encoder)
    if _agree(cosines):
        return Fit(len(sample), float(cosines.median()))
    raise DataError(f"{given.path} does not hold the vectors of this corpus by {encoder.base.spec.name}: {_reason(case, encoder, cosines)}")


@dataclass(frozen=True, slots=True)
class _Case:
    given: NamedVectors
    texts: list[str]
    rows: torch.Tensor

    def embed(self, encoder: LoraEncoder) -> torch.Tensor:
        return torch.from_numpy(encoder.encode(self.texts, "document").vectors)

    def cosines(self, encoder: LoraEncoder) -> torch.Tensor:
        """Return the cosine of each text's vector with the one that is stored for it, (n,)."""
        return (self.embed(encoder) * self.given.vectors.rows(self.rows)).sum(dim=1)

    def fits(self, encoder: LoraEncoder) -> bool:
        return _agree(self.cosines(encoder))


def _agree(cosines: torch.Tensor) -> bool:
    return float((cosines < _SAME).float().mean()) <= _MOST_DIFFER


def _reason(case: _Case, encoder: LoraEncoder, cosines: torch.Tensor) -> str:
    manifest = case.given.manifest
    if manifest is not None and (keys := differing(manifest.encoder, encoder.content("document"))):
        return f"its own index.json names another encoder: {describe_difference(keys[0], manifest.encoder, encoder.content('document'))}"
    if (order := _other_order(case, encoder)) is not None:
        return order
    for what, other in _alternatives(encoder):
        if case.fits(other):
            return f"they fit with {what}; use that, or embed the corpus again"
    return (
        f"of {count(len(cosines), 'text')} that were embedded, the median cosine with its stored vector is {float(cosines.median()):.3f}; "
        "another base, other texts or another adapter made them: embed the corpus again, with adapt index build"
    )


def _other_order(case: _Case, encoder: LoraEncoder) -> str | None:
    """Return where the vectors stand that should stand in the rows of the sample; None: nowhere."""
    found = best_rows(case.embed(encoder), case.given.vectors, 1)
    here = found.scores[:, 0] >= _SAME
    if float(here.float().mean()) < 1 - _MOST_DIFFER:
        return None
    moved = next(row for row in range(len(case.texts)) if bool(here[row]) and int(found.rows[row, 0]) != int(case.rows[row]))
    wanted, there = int(case.rows[moved]), int(found.rows[moved, 0])
    shifts = {int(found.rows[row, 0]) - int(case.rows[row]) for row in range(len(case.texts)) if bool(here[row])}
    by = f", all of them moved by {shifts.pop()}" if len(shifts) == 1 else ""
    return f"the rows are in another order than the ids: the vector of {case.given.ids[wanted]!r}, row {wanted}, stands in row {there}{by}"


def _alternatives(encoder: LoraEncoder) -> Iterator[tuple[str, LoraEncoder]]:
    """Yield what else may have made the vectors, what costs least first: pooling and instruction, then other bases that are here."""
    yield from _ways(encoder, "")
    yield from _without_adapter(encoder)
    yield from _other_bases(encoder)


def _ways(encoder: LoraEncoder, of: str) -> Iterator[tuple[str, LoraEncoder]]:
    base = encoder.base
    prompts = dict.fromkeys([base.encoding.document_prompt, base.encoding.query_prompt, ""])
    for pooling in (base.encoding.pooling, *(each for each in get_args(Pooling) if each != base.encoding.pooling)):
        for prompt in prompts:
            if (pooling, prompt) == (base.encoding.pooling, base.encoding.document_prompt):
                continue
            way = replace(base.encoding, pooling=pooling, document_prompt=prompt)
            said = [f"the pooling {pooling}"] if pooling != base.encoding.pooling else []
            if prompt != base.encoding.document_prompt:
                said.append(f"the instruction {prompt!r} before each text" if prompt else "no instruction before the texts")
            yield of + " and ".join(said), replace(encoder, base=replace(base, encoding=way))


def _without_adapter(encoder: LoraEncoder) -> Iterator[tuple[str, LoraEncoder]]:
    if encoder.sha256["document"] is not None:
        yield "the base without the adapter", replace(encoder, factors=None, document_factors=None)


def _other_bases(encoder: LoraEncoder) -> Iterator[tuple[str, LoraEncoder]]:
    """Yield the known bases that are on this machine and have the same width."""
    from ...base.at_hand import list_bases
    from ...base.resolve import resolve_base
    from ...encoders.lora import LoraEncoder
    from ...references import LoadedBases

    bases = LoadedBases()
    for each in list_bases():
        if each.known.dimension != encoder.dimension or each.folder is None:
            continue
        try:
            found = resolve_base(str(each.folder))
            if found.spec.sha256 == encoder.base.spec.sha256:
                continue
            other = LoraEncoder(bases.load(found.spec, found.encoding), precision=encoder.precision)
        except AdaptError:  # what cannot be loaded did not make them here
            continue
        yield f"the base {found.spec.name}", other
        yield from _ways(other, f"the base {found.spec.name}, ")
