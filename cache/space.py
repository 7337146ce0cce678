"""The name of what a vector depends on besides its text: two networks with one name give the same vectors."""

import hashlib
import json

from ..choices import Role
from ..encoders.protocol import NetworkEncoder
from ..versions import distribution_versions

_FORMAT = 2


def vector_space(network: NetworkEncoder, role: Role) -> str:
    """Return the name of the space that a network's vectors of a role lie in: a hash, of the versions that compute them as well."""
    content = network.content(role) | {"format": _FORMAT, "software": distribution_versions("torch", "transformers")}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:32]
