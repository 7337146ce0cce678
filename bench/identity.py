"""Who an encoder is to mteb: a name, and a hash of everything that its vectors depend on."""

import hashlib
import json
import re
from dataclasses import dataclass

from ..encoder import LoraEncoder, uses_bf16
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


def identify(name: str, encoder: LoraEncoder) -> Identity:
    """Return the identity of an encoder: its base's and factors' content, how texts go in, and in what precision."""
    spec = encoder.base.spec
    content: dict[str, object] = {
        "base": spec.sha256,
        "pooling": spec.pooling,
        "prompts": [spec.query_prompt, spec.document_prompt],
        "factors": _hash(encoder.factors),
        "document_factors": _hash(encoder.factors if encoder.document_factors is None else encoder.document_factors),
        "precision": "bf16" if uses_bf16(encoder.base.device, encoder.precision) else "fp32",
        "max_tokens": encoder.max_tokens or spec.max_tokens,
    }
    return Identity(
        name="adapt/" + (re.sub(r"[^\w.-]+", "-", name).strip("-.") or "reference"),
        revision=hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest(),
        precision=str(content["precision"]),
        max_tokens=encoder.max_tokens or spec.max_tokens,
    )


def _hash(factors: LoraFactors | None) -> str | None:
    return factors_sha256(factors) if factors else None
