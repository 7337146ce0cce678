"""The guide of a run: what its configuration names, found before the data are read and opened after."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from typing import TYPE_CHECKING

from ...errors import AdapterError
from ...references import EncoderSettings, LoadedBases, Resolved, Search, check_has_vectors, open_encoder, resolve_reference

if TYPE_CHECKING:
    from ...encoders.protocol import Encoder
    from .request import TrainRequest

_BASE = "base:"


def find_guide(request: TrainRequest, where: Search) -> Resolved | None:
    """Find what a configuration names as guide; None where it names none.

    `base` is the base that is trained over, `base:NAME` another one; else it is a reference, on the base that is trained over or its own.

    Raises:
        AdaptError: it is not there, or has no vectors.
    """
    name = request.config.guide
    if name is None:
        return None
    if name.startswith(_BASE):
        found = resolve_reference("base", Search(registry=where.registry, base=name.removeprefix(_BASE)))
    else:
        found = _find_reference(name, where)
    check_has_vectors(found)
    return found


def _find_reference(name: str, where: Search) -> Resolved:
    try:
        return resolve_reference(name, where)
    except AdapterError:
        if where.base is None or name == "base":
            raise
        return resolve_reference(name, replace(where, base=None))  # made on another base than the one that is trained over


def open_guide(found: Resolved, request: TrainRequest) -> Encoder:
    """Open a guide: a network of its own, since the one that is trained changes.

    Raises:
        AdaptError: it is damaged, or its base does not load.
    """
    return open_encoder(found, LoadedBases(EncoderSettings(device=request.device, precision=request.config.precision)))


def guide_content(guide: Encoder) -> str:
    """Return a hash of all that a guide's vectors depend on."""
    return hashlib.sha256(json.dumps(guide.content(), sort_keys=True).encode()).hexdigest()
