"""`adapt ensemble`: several members, each with its own weights, used together."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..ensemble.modes import DEFAULT_MODE, MODES
from .command import Command
from .completion import NAME, REFERENCE
from .events import shown
from .options import WEIGHTS, Choice, WholeNumber, common_options
from .options.encoder import BaseChoice, base_choice
from .output import emit
from .text_input import read_lines

if TYPE_CHECKING:
    from ..ensemble.job import EnsembleReport


@click.command(name="ensemble", cls=Command, epilog="\n\n".join(f"{name}: {mode.use}." for name, mode in MODES.items()))
@click.argument("references", metavar="REF REF...", type=REFERENCE, nargs=-1, required=True)
@click.option("--mode", type=Choice(list(MODES)), default=DEFAULT_MODE, show_default=True, help="How members are put together; see below.")
@click.option("--weights", type=WEIGHTS, metavar="W,W", help="One weight each, in the order of the members [default: equal ones].")
@click.option("--pca", "texts_file", metavar="TEXTFILE", type=click.Path(path_type=Path), help="Fit the reduction to --dim on these lines.")
@click.option("--dim", type=WholeNumber(min=1), metavar="D", help="Shorten the vectors of the mode concat to D dimensions, by PCA.")
@click.option("--name", type=NAME, metavar="N", help="Name in the registry [default: the members' names and the mode].")
@base_choice
@common_options
def command(
    references: tuple[str, ...],
    mode: str,
    weights: tuple[float, ...] | None,
    texts_file: Path | None,
    dim: int | None,
    name: str | None,
    base: BaseChoice,
    json_output: bool,
    registry_dir: Path | None,
) -> None:
    """Register an ensemble: a recipe that keeps no weights of its own and needs its members.

    REF is NAME, NAME@VERSION, NAME@ALIAS, a folder, hf:OWNER/REPO, or base; the members may lie on different bases.
    """
    from ..ensemble.job import prepare_ensemble
    from ..ensemble.request import EnsembleRequest

    texts = partial(read_lines, texts_file) if texts_file else None
    where = base.search(registry_dir)
    request = EnsembleRequest(references=references, where=where, mode=mode, weights=weights, dim=dim, texts=texts, name=name)
    with shown() as events:
        report = prepare_ensemble(request, events).run(events)
    emit(report.as_dict(), _text(report), json_output)


def _text(report: EnsembleReport) -> str:
    recipe = report.recipe
    shares = ", ".join(f"{member.weight:.4g} {member.reference}" for member in recipe.members)
    vectors = f"of {recipe.dimension} dimensions" if recipe.dimension else "none: it ranks passages, which adapt bench scores"
    kept = f", which keep {report.projection.energy:.4f} of the energy" if report.projection else ""
    lines = [
        str(report.as_dict()["reference"]),
        f"mode         {recipe.mode}",
        f"members      {shares}",
        f"on           {' + '.join(base.label for base in recipe.bases)}",
        f"vectors      {vectors}{kept}",
        *(["documents    have the vectors of the base: the ensemble is for queries alone"] if recipe.side == "query" else []),
        f"recipe       {report.path}",
    ]
    return "\n".join(lines)
