"""The name of what a vector depends on besides its text: two networks with one name give the same vectors."""

import hashlib
import json
from functools import cache
from importlib.metadata import version

from ..choices import Role
from ..encoders.protocol import NetworkEncoder

_FORMAT = 2


def vector_space(network: NetworkEncoder, role: Role) -> str:
    """Return the name of the space that a network's vectors of a role lie in: a hash, of the versions that compute them as well."""
    content = network.content(role) | {"format": _FORMAT, "software": software_versions("torch", "transformers")}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:32]


@cache
def software_versions(*distributions: str) -> dict[str, str]:
    """Return the versions that are installed."""
    return {name: version(name) for name in distributions}
