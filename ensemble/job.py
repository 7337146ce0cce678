"""An ensemble as a job: a request, everything that can be wrong with it found before anything is computed, and its result."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..events import QUIET, Events, note_once
from ..names import to_name
from ..references import EncoderSettings, LoadedBases, Resolved, Search, as_member, open_lora, resolve_references
from ..registry import open_registry
from ..registry.derived_names import Inputs, name_result, shared_domain
from .recipe import Recipe, check_distinct, check_side, make_recipe
from .request import EnsembleRequest

if TYPE_CHECKING:
    from ..encoders.protocol import Opened
    from ..registry import Entry
    from .pca import Projection


@dataclass(frozen=True, slots=True, kw_only=True)
class EnsembleReport:
    """What was made.

    Attributes:
        recipe: Mode, members and weights.
        members: The members as they were found, in their order.
        projection: What shortens the vectors; None where they stay whole.
        texts: What PCA was fitted on.
        entry: The new version; None where none was registered.
        path: Its folder.
    """

    recipe: Recipe
    members: tuple[Resolved, ...]
    projection: Projection | None = None
    texts: tuple[str, ...] = ()
    entry: Entry | None = None
    path: Path | None = None

    @property
    def fitted_on(self) -> dict[str, object]:
        """What is kept of the texts that the projection was fitted on."""
        sha256 = hashlib.sha256("\n".join(self.texts).encode()).hexdigest()
        return {"texts": len(self.texts), "sha256": sha256} if self.texts else {}

    @property
    def pca(self) -> dict[str, object] | None:
        """The dimension that is left, the share of the energy that it keeps, and what it was fitted on; None without a projection."""
        return {"dim": self.recipe.dim, "energy": self.projection.energy} | self.fitted_on if self.projection else None

    def open(self, bases: LoadedBases | None = None) -> Opened:
        """Load the members, and put them together: what opens the version, and what was not registered too.

        Raises:
            AdaptError: a base does not load, or the device is not here.
        """
        from .assemble import assemble

        loaded = bases or LoadedBases()
        members = [open_lora(member, loaded) for member in self.members]
        return assemble(self.recipe, members, self.projection.matrix if self.projection else None)

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it, without the projection."""
        version = {"reference": self.entry.reference, "path": str(self.path)} if self.entry else {}
        members = [{"reference": each.reference, "sha256": each.sha256, "weight": each.weight} for each in self.recipe.members]
        return version | {
            "mode": self.recipe.mode,
            "side": self.recipe.side,
            "members": members,
            "bases": [base.label for base in self.recipe.bases],
            "dimension": self.recipe.dimension,
            "pca": self.pca,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class EnsembleJob:
    """An ensemble that can be made.

    Attributes:
        where: Where its members were found, and where it goes.
        members: Its members, in their order.
        recipe: Mode, members and weights.
        texts: What PCA is fitted on; empty without.
        name: Of the result; None where it is not to be registered.
        domain: What it is for; None where its members differ.
    """

    where: Search
    members: tuple[Resolved, ...]
    recipe: Recipe
    texts: tuple[str, ...]
    name: str | None
    domain: str | None

    def plan(self) -> EnsembleReport:
        """Return what will be made, without the projection that its texts decide."""
        return EnsembleReport(recipe=self.recipe, members=self.members, texts=self.texts)

    def run(self, events: Events = QUIET) -> EnsembleReport:
        """Fit the projection where one is asked for, and register the ensemble unless it was to stay in memory.

        Raises:
            AdaptError: a base does not load, the texts span too few dimensions, or the registry cannot be written.
        """
        report = replace(self.plan(), projection=self._fit(events) if self.texts else None)
        if self.name is None:
            return report
        from .register import register_ensemble

        registry = self.where.registry
        entry = register_ensemble(
            registry, self.recipe, self.name, domain=self.domain, projection=report.projection, fitted_on=report.fitted_on
        )
        return replace(report, entry=entry, path=registry.folder(entry))

    def _fit(self, events: Events) -> Projection:
        """Fit the projection on texts, which go in as documents, in fp32."""
        from ..encoders.reporting import encode_reporting
        from .encoders import EnsembleEncoder
        from .pca import fit_projection

        assert self.recipe.dim is not None
        events.stage("loading the bases")
        bases = LoadedBases(EncoderSettings(precision="fp32"))
        whole = EnsembleEncoder(self.recipe.mode, tuple(open_lora(member, bases) for member in self.members), self.recipe.weights)
        return fit_projection(encode_reporting(whole, self.texts, "document", events).vectors, self.recipe.dim)


def prepare_ensemble(request: EnsembleRequest, events: Events = QUIET) -> EnsembleJob:
    """Find the members, and refuse what cannot be used together; nothing is encoded, and nothing written.

    Raises:
        AdaptError: a reference is not known, the members do not fit the mode, the result needs a name, or its texts cannot be read.
    """
    where = request.where or Search(registry=open_registry())
    found = resolve_references(request.references, where)
    note_once(events, (note for resolved in found for note in resolved.notes))
    if request.name is not None:
        where.registry.check_new_name(request.name)
    members = [as_member(resolved, where.registry) for resolved in found]
    recipe = make_recipe(members, mode=request.mode, weights=request.weights, dim=request.dim)
    check_distinct(recipe)
    check_side(recipe)
    note_once(events, _note_on_sides(recipe))
    return EnsembleJob(
        where=where,
        members=tuple(found),
        recipe=recipe,
        name=_name(request, where, found, recipe) if request.register else None,
        domain=shared_domain(resolved.entry.domain if resolved.entry else None for resolved in found),
        texts=tuple(request.read_texts()),
    )


def _note_on_sides(recipe: Recipe) -> Sequence[str]:
    """Say of an ensemble with members for queries alone which others keep it from the base's index."""
    both = [member.reference for member in recipe.members if not member.leaves_documents]
    if not both or all(member.side == "both" for member in recipe.members):
        return ()
    return (
        f"{' and '.join(both)} changes documents too, so the ensemble does not search the base's own index; without it, "
        "the vectors of documents are those of the base",
    )


def _name(request: EnsembleRequest, where: Search, found: Sequence[Resolved], recipe: Recipe) -> str:
    inputs = Inputs(
        names=[_short_name(resolved) for resolved in found],
        references=[member.reference for member in recipe.members],
        bases=frozenset(base.sha256 for base in recipe.bases),
    )
    return name_result(where.registry, "ensemble", inputs, request.name, ending=recipe.mode)


def _short_name(resolved: Resolved) -> str:
    name = resolved.entry.name if resolved.entry else resolved.reference.partition("@")[0].rstrip("/").rpartition("/")[2]
    return to_name(name, "member")
