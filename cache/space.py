"""What a vector depends on besides its text: two encoders with the same of it give the same vectors."""

import hashlib
import json

from ..disk import file_sha256
from ..encoder import LoraEncoder, Role, uses_bf16
from ..lora import LoraFactors, factors_sha256
from ..versions import distribution_versions

_FORMAT = 2


def describe_content(encoder: LoraEncoder, role: Role) -> dict[str, object]:
    """Return base, adapter, and how texts of a role go in and come out, each by its content.

    Roles that share all of it share their vectors: an adapter for queries alone has the document vectors of its base.
    """
    spec = encoder.base.spec
    return {
        "base": spec.sha256,
        "network": file_sha256(spec.folder / "config.json"),
        "tokenizer": encoder.base.tokenizer_hash,
        "pooling": spec.pooling,
        "prompt": spec.prompt(role),
        "factors": _factors_hash(_factors_of(encoder, role)),
        "precision": precision_of(encoder),
        "device": encoder.base.device.type,
        "max_tokens": max_tokens_of(encoder, role),
    }


def vector_space(encoder: LoraEncoder, role: Role) -> str:
    """Return the name of the space that an encoder's vectors of a role lie in: a hash, of the versions that compute them as well."""
    content = describe_content(encoder, role) | {"format": _FORMAT, "software": distribution_versions("torch", "transformers")}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:32]


def precision_of(encoder: LoraEncoder) -> str:
    """Return what matrix products are computed in here: `bf16` or `fp32`."""
    return "bf16" if uses_bf16(encoder.base.device, encoder.precision) else "fp32"


def max_tokens_of(encoder: LoraEncoder, role: Role | None = None) -> int:
    """Return the length that texts of a role are truncated to; None: of any role."""
    longest = encoder.base.spec.longest(role)
    return min(encoder.max_tokens or longest, longest)


def _factors_of(encoder: LoraEncoder, role: Role) -> LoraFactors | None:
    return encoder.document_factors if role == "document" and encoder.document_factors is not None else encoder.factors


def _factors_hash(factors: LoraFactors | None) -> str | None:
    return factors_sha256(factors) if factors else None
