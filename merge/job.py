"""Merging as a job: a request, everything that can be wrong with it found before anything is computed, the merge, and its result.

Torch is imported when the adapters are opened, after what does not exist has been refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ..choices import Side, StoreDtype
from ..data.sources import check_dev_source
from ..events import QUIET, Events, note_once
from ..files import check_there
from ..references import LoadedBases, Search, locate_references
from ..registry import open_registry
from ..registry.derived_names import Inputs, name_result, shared_domain
from .methods import DEFAULT_METHOD
from .report import MergeReport, note_shortcomings
from .request import MergeRequest

if TYPE_CHECKING:
    from ..encoders.lora import LoraEncoder
    from .explain import Explanation
    from .merge import Grams, MergeConfig
    from .parents import Parent
    from .search.job import SearchJob


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeJob:
    """A merge that can begin.

    Attributes:
        where: Where the adapters were found, and where the result goes.
        parents: The adapters, held to one base.
        config: How; of a search, its start.
        grams: Of each parent, for a method that needs them.
        store: Number format of the file.
        name: Of the result; None where it is not to be registered.
        domain: What the result is for.
        search: The search for weights; None where they are given.
    """

    where: Search
    parents: tuple[Parent, ...]
    config: MergeConfig
    grams: Sequence[Grams] | None
    store: StoreDtype
    name: str | None
    domain: str | None
    search: SearchJob | None

    @property
    def side(self) -> Side:
        """Which texts the result changes: those that its parents change."""
        return self.parents[0].side

    def plan(self, events: Events = QUIET) -> MergeReport:
        """Merge, and register nothing: what `run` would give, with its rank, energy and size.

        Raises:
            AdaptError: the method does not take these weights or adapters.
        """
        from .merge import merge_factors

        config, found = self.search.run(events) if self.search else (self.config, None)

        def tell(done: int, total: int) -> None:
            events.progress(f"merging ({config.method})", done, total, "modules")

        _note_models(self.parents, events)
        result = merge_factors([parent.factors for parent in self.parents], config, self.grams, tell)
        report = MergeReport(
            parents=tuple(parent.reference for parent in self.parents),
            weights=config.resolved_weights(len(self.parents)),
            config=config,
            result=result,
            store=self.store,
            side=self.side,
            search=found,
        )
        note_shortcomings(report, events)
        return report

    def open(self, report: MergeReport, bases: LoadedBases | None = None) -> LoraEncoder:
        """Load the base, and lay the factors of a report over it, which need not have been registered; they are those before storing.

        Texts are read as the version's folder says: as by the first adapter that brings a folder for sentence-transformers, else the first.

        Raises:
            AdaptError: the base does not load, or the device is not here.
        """
        from ..encoders.lora import document_factors_of
        from .parents import open_base

        adapters = [(parent, parent.folder) for parent in self.parents if parent.folder is not None]
        first = next((parent for parent, folder in adapters if (folder / "modules.json").is_file()), adapters[0][0])
        base = open_base(first, self.where, bases or LoadedBases())
        return replace(base, factors=report.factors, document_factors=document_factors_of(self.side))

    def run(self, events: Events = QUIET) -> MergeReport:
        """Merge, and register the result unless it was to stay in memory.

        Raises:
            AdaptError: as `plan`, or the registry cannot be written.
        """
        report = self.plan(events)
        if self.name is None:
            return report
        from .register import MergeRecord, register_merge

        search = report.search.as_dict() if report.search else None
        record = MergeRecord(name=self.name, domain=self.domain, store=self.store, search=search)
        entry = register_merge(self.where.registry, self.parents, report.config, report.result, record)
        return replace(report, entry=entry, path=self.where.registry.folder(entry))


def _note_models(parents: Sequence[Parent], events: Events) -> None:
    """Say what of a whole model's difference to its base no merge can hold."""
    from .model_difference import ModelDifference

    for parent in parents:
        if isinstance(parent.factors, ModelDifference) and (left_out := parent.factors.left_out()):
            events.note(
                f"{parent.reference} is a whole model: {left_out:.1%} of the energy of its difference to the base lies in embeddings and weights "
                "of LayerNorms, which a merge cannot hold, and is left out"
            )


def prepare_merge(request: MergeRequest, events: Events = QUIET) -> MergeJob:
    """Find everything that a merge needs, and refuse what cannot be merged; nothing is computed, and nothing written.

    Raises:
        AdaptError: a reference, a data source or the method is not known, the adapters do not fit one another, or the result needs a name.
    """
    where, parents = _open(request, events)
    from .parents import grams_for

    config = _config(request, parents, events)
    name, domain = _name(request, where, parents) if request.register else None, _domain(request, parents)
    grams = grams_for(config.method, parents)
    search = None
    if request.search.sources is not None:
        from .search.job import prepare_search

        search = prepare_search(request.search, parents, config, grams, where, events)
    return MergeJob(
        where=where,
        parents=tuple(parents),
        config=config,
        grams=grams,
        store=request.store or ("fp32" if request.rank == "full" else "fp16"),
        name=name,
        domain=domain,
        search=search,
    )


def explain_merge(request: MergeRequest, events: Events = QUIET) -> Explanation:
    """Say how compatible the adapters of a request are; nothing is merged.

    Raises:
        AdaptError: as `prepare_merge`, or there are fewer than two.
    """
    _, parents = _open(request, events)
    from .explain import explain

    return explain([parent.factors for parent in parents], [parent.reference for parent in parents])


def _open(request: MergeRequest, events: Events) -> tuple[Search, list[Parent]]:
    """Find the adapters; what does not exist is refused before torch is imported."""
    where = request.where or Search(registry=open_registry())
    if request.search.general:
        check_there(request.search.general, "the folder of general data")
    for source in request.search.sources or ():
        check_dev_source(source)
    located = locate_references(request.references, where)  # last: one may have to be fetched
    from .parents import open_parents

    parents = open_parents(request.references, where, located)
    note_once(events, (note for parent in parents for note in parent.notes))
    return where, parents


def _config(request: MergeRequest, parents: Sequence[Parent], events: Events) -> MergeConfig:
    from ..lora import RankPolicy
    from .merge import MergeConfig
    from .parents import default_method

    method = request.method or default_method(parents, request.weights)
    if method != DEFAULT_METHOD and not request.method:
        events.note(f"method: {method}, for every input carries Gram matrices (the plain mean: --method {DEFAULT_METHOD})")
    energy: Mapping[str, float] = {} if request.energy is None else {"energy": request.energy}
    return MergeConfig(
        method=method,
        weights=request.weights,
        with_base=1.0 if request.with_base is None else request.with_base,
        ranks=RankPolicy(rank=request.rank, **energy),
        settings=request.method_settings(),
    )


def _name(request: MergeRequest, where: Search, parents: Sequence[Parent]) -> str:
    inputs = Inputs(
        names=[parent.name for parent in parents],
        references=[parent.reference for parent in parents],
        bases=frozenset(parent.base.sha256 for parent in parents),
    )
    return name_result(where.registry, "merge", inputs, request.name)


def _domain(request: MergeRequest, parents: Sequence[Parent]) -> str | None:
    return request.domain or shared_domain(parent.domain for parent in parents if parent.folder is not None)
