"""Who an encoder or searcher is to mteb: a name, and a hash of everything that its vectors or rankings depend on."""

import hashlib
import json
import re
from dataclasses import dataclass

from ..encoder import LoraEncoder, uses_bf16
from ..ensemble.encoders import EnsembleEncoder
from ..ensemble.members import Ensemble
from ..ensemble.searchers import RRF_K
from ..lora import LoraFactors, factors_sha256


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """`name` is for people (`adapt/legal-3`); `revision` differs wherever vectors may differ, so that no stored score crosses over.

    `precision` and `max_tokens` are those that the vectors are computed with.
    """

    name: str
    revision: str
    precision: str
    max_tokens: int


def identify(name: str, encoder: LoraEncoder | Ensemble) -> Identity:
    """Return the identity of an encoder or searcher: a hash of all its content."""
    members = encoder.members if isinstance(encoder, Ensemble) else (encoder,)
    content = _content_of_ensemble(encoder) if isinstance(encoder, Ensemble) else _content(encoder)
    return Identity(
        name="adapt/" + (re.sub(r"[^\w.-]+", "-", name).strip("-.") or "reference"),
        revision=hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest(),
        precision=_precision(members[0]),
        max_tokens=min(_max_tokens(member) for member in members),
    )


def _content(encoder: LoraEncoder) -> dict[str, object]:
    """Return the base's and factors' content, how texts go in, and in what precision."""
    spec = encoder.base.spec
    return {
        "base": spec.sha256,
        "pooling": spec.pooling,
        "prompts": [spec.query_prompt, spec.document_prompt],
        "factors": _hash(encoder.factors),
        "document_factors": _hash(encoder.factors if encoder.document_factors is None else encoder.document_factors),
        "precision": _precision(encoder),
        "max_tokens": _max_tokens(encoder),
    }


def _content_of_ensemble(ensemble: Ensemble) -> dict[str, object]:
    projection = ensemble.projection if isinstance(ensemble, EnsembleEncoder) else None
    return {
        "mode": ensemble.mode,
        "members": [_content(member) for member in ensemble.members],
        "weights": list(ensemble.weights),
        "rrf_k": RRF_K,
        "projection": None if projection is None else [list(projection.shape), hashlib.sha256(projection.tobytes()).hexdigest()],
    }


def _precision(encoder: LoraEncoder) -> str:
    return "bf16" if uses_bf16(encoder.base.device, encoder.precision) else "fp32"


def _max_tokens(encoder: LoraEncoder) -> int:
    return encoder.max_tokens or encoder.base.spec.max_tokens


def _hash(factors: LoraFactors | None) -> str | None:
    return factors_sha256(factors) if factors else None
