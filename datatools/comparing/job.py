"""Comparing as a job: bases and data found before anything is loaded."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ...base.encoding import BaseOptions
from ...errors import RequestError
from ...events import QUIET, Events
from ...references import EncoderSettings
from ..job import ToolRequest, read_source
from .present import find_present

if TYPE_CHECKING:
    from .compare import Comparison


@dataclass(frozen=True, slots=True, kw_only=True)
class CompareRequest:
    """Which bases are compared, and on what.

    Attributes:
        references: Aliases, folders or Hub ids of bases that lie here.
        data: What is read; nothing is written.
        options: What the user states of bases that do not state it.
        encoder: Device, precision, length.
        seed: Draws queries, where there are many.

    Raises:
        RequestError: there is no base, or one is named twice.
    """

    references: tuple[str, ...]
    data: ToolRequest
    options: BaseOptions = field(default_factory=BaseOptions)
    encoder: EncoderSettings = field(default_factory=EncoderSettings)
    seed: int = 0

    def __post_init__(self) -> None:
        if not self.references:
            raise RequestError("no base is named; give one or more, such as: adapt base compare bge-small-en minilm --data DIR")
        if twice := [name for name in dict.fromkeys(self.references) if self.references.count(name) > 1]:
            raise RequestError(f"the base {twice[0]} is named twice; name each once")


def compare_on_source(request: CompareRequest, events: Events = QUIET) -> Comparison:
    """Find the bases, read the data, and score each base on them.

    Raises:
        AdaptError: a base is not here or does not load, or the data are not there or malformed.
    """
    found = find_present(request.references, request.options)
    events.stage("reading the data")
    data = read_source(request.data)
    from .compare import compare_bases

    named = list(zip(request.references, found, strict=True))
    return compare_bases(named, data, request.encoder, seed=request.seed, events=events)
