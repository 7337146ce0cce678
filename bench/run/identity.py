"""Who an encoder or searcher is to mteb: a name, and a hash of everything that its vectors or rankings depend on."""

import hashlib
import json
from dataclasses import dataclass

from ...encoders.protocol import Opened
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


def identify(name: str, opened: Opened) -> Identity:
    """Return the identity of an encoder or searcher: a hash of all its content."""
    return Identity(
        name="adapt/" + to_name(name, "reference"),
        revision=hashlib.sha256(json.dumps(opened.content(), sort_keys=True).encode()).hexdigest(),
        precision=opened.networks()[0].computes_in,
        max_tokens=opened.max_tokens,
    )
