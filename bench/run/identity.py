"""Who an encoder or searcher is to mteb: a name, and a hash of everything that its vectors or rankings depend on."""

import hashlib
import json
from dataclasses import dataclass
from typing import get_args

from ...cache.space import describe_content, max_tokens_of, precision_of
from ...encoder import LoraEncoder, Role
from ...ensemble.encoders import EnsembleEncoder
from ...ensemble.members import Ensemble
from ...ensemble.searchers import RRF_K
from ...names import to_name


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
        name="adapt/" + to_name(name, "reference"),
        revision=hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest(),
        precision=precision_of(members[0]),
        max_tokens=min(max_tokens_of(member) for member in members),
    )


def _content(encoder: LoraEncoder) -> dict[str, object]:
    return {role: describe_content(encoder, role) for role in get_args(Role)}


def _content_of_ensemble(ensemble: Ensemble) -> dict[str, object]:
    projection = ensemble.projection if isinstance(ensemble, EnsembleEncoder) else None
    return {
        "mode": ensemble.mode,
        "members": [_content(member) for member in ensemble.members],
        "weights": list(ensemble.weights),
        "rrf_k": RRF_K,
        "projection": None if projection is None else [list(projection.shape), hashlib.sha256(projection.tobytes()).hexdigest()],
    }
