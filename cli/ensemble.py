"""`adapt ensemble`: several members, each with its own weights, used together."""

from __future__ import annotations

import hashlib
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..ensemble.modes import MODES
from ..names import to_name
from . import life
from .command import Command
from .completion import NAME, REFERENCE
from .encode import encode_with_bar, read_lines
from .options import Choice, WeightsType, WholeNumber, base_options, common_options, usage_errors
from .output import emit, say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..base.known import Language, Pooling
    from ..ensemble import Recipe
    from ..ensemble.pca import Projection
    from ..references import Resolved
    from ..registry import Entry, Registry


@click.command(name="ensemble", cls=Command, epilog="\n\n".join(f"{name}: {mode.use}." for name, mode in MODES.items()))
@click.argument("references", metavar="REF REF...", type=REFERENCE, nargs=-1, required=True)
@click.option("--mode", type=Choice(list(MODES)), default="concat", show_default=True, help="How members are put together; see below.")
@click.option("--weights", type=WeightsType(), metavar="W,W", help="One weight each, in the order of the members [default: equal ones].")
@click.option("--pca", "texts_file", metavar="TEXTFILE", type=click.Path(path_type=Path), help="Fit the reduction to --dim on these lines.")
@click.option("--dim", type=WholeNumber(min=1), metavar="D", help="Shorten the vectors of the mode concat to D dimensions, by PCA.")
@click.option("--name", type=NAME, metavar="N", help="Name in the registry [default: the members' names and the mode].")
@base_options
@common_options
def command(
    references: tuple[str, ...],
    mode: str,
    weights: tuple[float, ...] | None,
    texts_file: Path | None,
    dim: int | None,
    name: str | None,
    base: str | None,
    base_as: str | None,
    lang: Language | None,
    pooling: Pooling | None,
    json_output: bool,
    registry_dir: Path | None,
) -> None:
    """Register an ensemble: a recipe that keeps no weights of its own and needs its members.

    REF is NAME, NAME@VERSION, NAME@ALIAS, a folder, hf:OWNER/REPO, or base; the members may lie on different bases.
    """
    if (texts_file is None) != (dim is None):
        raise click.UsageError("--pca TEXTFILE and --dim D go together: PCA is fitted on the texts, to that dimension")
    if dim is not None and mode != "concat":
        raise click.UsageError(f"--dim shortens the vectors of --mode concat; with --mode {mode}, leave --pca and --dim out")
    from ..base.resolve import BaseOptions
    from ..ensemble.recipe import check_distinct, make_recipe, share_weights

    with usage_errors():
        share_weights(mode, weights, len(references))
    from ..references import Search, as_member, resolve_references
    from ..registry import open_registry

    registry = open_registry(registry_dir)
    options = BaseOptions(lend_from=base_as, pooling=pooling, language=lang)
    found = resolve_references(references, Search(registry=registry, base=base, options=options))
    for note in dict.fromkeys(note for resolved in found for note in resolved.notes):
        say(note)
    if name is not None:
        registry.check_new_name(name)
    recipe = make_recipe([as_member(each, registry) for each in found], mode=mode, weights=weights, dim=dim)
    check_distinct(recipe)
    chosen = name or _derive_name(registry, found, recipe)
    registry.check_new_name(chosen)
    texts = read_lines(texts_file) if texts_file else None
    projection = _fit(found, recipe, texts) if texts else None
    from ..ensemble.folder import register_ensemble

    entry = register_ensemble(registry, recipe, chosen, domain=_shared_domain(found), projection=projection, fitted_on=_describe(texts))
    _report(registry, entry, recipe, json_output)


def _derive_name(registry: Registry, found: Sequence[Resolved], recipe: Recipe) -> str:
    from ..registry.derived_names import Inputs, derive_name

    inputs = Inputs(
        names=[_short_name(resolved) for resolved in found],
        references=[member.reference for member in recipe.members],
        bases=frozenset(base.sha256 for base in recipe.bases),
    )
    return derive_name(registry, "ensemble", inputs, ending=recipe.mode)


def _short_name(resolved: Resolved) -> str:
    name = resolved.entry.name if resolved.entry else resolved.reference.partition("@")[0].rstrip("/").rpartition("/")[2]
    return to_name(name, "member")


def _shared_domain(found: Sequence[Resolved]) -> str | None:
    domains = {resolved.entry.domain if resolved.entry else None for resolved in found}
    return domains.pop() if len(domains) == 1 else None


def _fit(found: Sequence[Resolved], recipe: Recipe, texts: list[str]) -> Projection:
    """Fit the projection on texts, which go in as documents, in fp32."""
    from ..ensemble.encoders import EnsembleEncoder
    from ..ensemble.pca import fit_projection
    from ..references import EncoderSettings, LoadedBases, open_lora

    assert recipe.dim is not None
    life.doing("loading the bases")
    bases = LoadedBases(EncoderSettings(precision="fp32"))
    whole = EnsembleEncoder(recipe.mode, tuple(open_lora(resolved, bases) for resolved in found), recipe.weights)
    return fit_projection(encode_with_bar(whole, texts, "document").vectors, recipe.dim)


def _describe(texts: list[str] | None) -> dict[str, object]:
    """Return what is kept of the texts that a projection was fitted on."""
    return {"texts": len(texts), "sha256": hashlib.sha256("\n".join(texts).encode()).hexdigest()} if texts else {}


def _report(registry: Registry, entry: Entry, recipe: Recipe, json_output: bool) -> None:
    pca, folder = entry.config.get("pca"), str(registry.folder(entry))
    bases = [base.label for base in recipe.bases]
    result = {
        "reference": entry.reference,
        "path": folder,
        "mode": recipe.mode,
        "members": [asdict(parent) for parent in entry.parents],
        "bases": bases,
        "dimension": recipe.dimension,
        "pca": pca,
    }
    shares = ", ".join(f"{member.weight:.4g} {member.reference}" for member in recipe.members)
    vectors = f"of {recipe.dimension} dimensions" if recipe.dimension else "none: it ranks passages, which adapt bench scores"
    kept = f", which keep {pca['energy']:.4f} of the energy" if pca else ""
    lines = [
        entry.reference,
        f"mode         {recipe.mode}",
        f"members      {shares}",
        f"on           {' + '.join(bases)}",
        f"vectors      {vectors}{kept}",
        f"recipe       {folder}",
    ]
    emit(result, "\n".join(lines), json_output)
