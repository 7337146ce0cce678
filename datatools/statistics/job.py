"""Statistics as a job: a source and a base are found and read, measured, and the balanced data written."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from ...base.spec import ResolvedBase
from ...choices import MAX_TOKENS
from ...data.pairs import TrainingData
from ...data.test_split import read_test_split
from ...errors import ConfigError, RequestError
from ...events import QUIET, Events, note_once
from ...plurals import count
from ...references import EncoderSettings, LoadedBases, Resolved, Search, check_length, open_lora, resolve_reference
from ..job import ToolRequest, note_test, read_source, read_test, write_data, write_report
from ..report import Finding, ToolReport, counts_of
from .balance import MOST, balance, balance_weights
from .measure import DataStats, stats
from .settings import StatsSettings
from .tokens import open_tokens

if TYPE_CHECKING:
    from .coverage import Coverage


@dataclass(frozen=True, slots=True, kw_only=True)
class StatsRequest:
    """What is measured, and with which base.

    Attributes:
        data: What is read; its `out` is where the balanced data go, None: nowhere.
        where: Where the base is looked for.
        encoder: Device, precision, and the length at which texts are cut; None: as training does by default.
        settings: What is measured.

    Raises:
        RequestError: balanced data are asked for without vectors.
    """

    data: ToolRequest
    where: Search
    encoder: EncoderSettings = field(default_factory=EncoderSettings)
    settings: StatsSettings = field(default_factory=StatsSettings)

    def __post_init__(self) -> None:
        if self.data.out is not None and not self.settings.vectors:
            raise RequestError("--balance weighs clusters of vectors, and --no-vectors computes none; leave one of them out")


def measure_source(request: StatsRequest, events: Events = QUIET) -> DataStats:
    """Read data, measure them, and write them balanced where that was asked for.

    Raises:
        AdaptError: the data or the base are not there or malformed, or the result cannot be written.
    """
    found = resolve_reference("base", request.where)
    check_length(found, request.encoder.max_tokens)
    events.stage("reading the data")
    data = read_source(request.data)
    note_once(events, found.notes)
    measured = _measure(data, request, found, events)
    if request.data.out is not None and measured.coverage is not None:
        _write_balanced(request, data, measured.coverage, events)
    return measured


def _measure(data: TrainingData, request: StatsRequest, found: Resolved, events: Events) -> DataStats:
    longest = request.encoder.max_tokens or min(MAX_TOKENS, found.encoding.longest())
    events.stage("loading the base")
    tokens = open_tokens(ResolvedBase(found.base, found.encoding), longest)
    encoder = open_lora(found, LoadedBases(replace(request.encoder, max_tokens=longest))) if request.settings.vectors else None
    test = read_test_split(request.data.source)
    return stats(data, request.settings, tokens, base=found.base.name, encoder=encoder, test=test, events=events)


def _write_balanced(request: StatsRequest, data: TrainingData, coverage: Coverage, events: Events) -> None:
    """Write the data with weights that let the clusters of queries count alike, and the report beside them."""
    out = request.data.out
    assert out is not None
    if len(coverage.query_ids) < len(data.train):
        raise ConfigError(
            f"--balance weighs {count(len(data.train), 'train query')}, and {len(coverage.query_ids)} were drawn to be embedded; "
            "raise --most-queries to all of them"
        )
    balanced = balance(data, list(coverage.query_ids), coverage.labels)
    weights = balance_weights(coverage.labels)
    clusters = int(coverage.labels.max()) + 1
    note = (
        f"the pairs weigh {weights.min():.2f} to {weights.max():.2f} (bounded at 1/{MOST:g} and {MOST:g}), so that {count(clusters, 'cluster')} "
        f"of queries count as nearly alike as that allows (seed {request.settings.seed})"
    )
    events.stage(f"writing {out}")
    test = read_test(request.data)
    notes = (note, *write_data(out, balanced, *(test or ())), *note_test(request.data, test))
    finding = Finding(what="got a weight by the size of its cluster", effect="changed", count=len(data.train), of="query")
    counts = counts_of(data)
    write_report(out, ToolReport(tool="stats", read=counts, written=counts_of(balanced), findings=(finding,), notes=notes))
    note_once(events, notes)
