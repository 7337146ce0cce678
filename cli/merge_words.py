"""What `adapt merge` refuses by its words alone, before torch is imported."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from ..plurals import count
from .options import usage_errors

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ..references import Located, Search
    from .encoder_options import EncoderOptions

SETTINGS = ("density", "spread", "outliers")
_ONLY_TO_MERGE = ("method", "weights", "energy", *SETTINGS, "with_base", "seed", "store", "name", "domain", "sources")
_SPELLED = {"sources": "--search"}


def check_options(references: Sequence[str], options: dict[str, Any], encoder: EncoderOptions) -> None:
    """Refuse options that exclude one another, do nothing, or do not fit the number of inputs.

    Raises:
        UsageError: there is one.
    """
    if not references:
        raise click.UsageError("name the adapters to merge, such as: adapt merge legal medical")
    _refuse_without_search(options, encoder)
    if options["explain"] and (idle := _given(options, _ONLY_TO_MERGE)):
        raise click.UsageError(f"--explain merges nothing, and {idle[0]} does nothing beside it; leave one of them out")
    if options["energy"] is not None and options["rank"] != "auto":
        rank = f"--rank {options['rank']}"
        raise click.UsageError(f"--energy decides the rank of --rank auto; with {rank} it does nothing: leave one of them out")
    weights = options["weights"]
    if weights is not None and len(weights) != len(references):
        raise click.UsageError(
            f"there are {len(references)} adapters to merge and {count(len(weights), 'weight')}; give one each, in their order"
        )
    _check_method(references, options)
    _check_plot(options)


def check_names(references: Sequence[str], search: Search, options: dict[str, Any]) -> list[Located]:
    """Refuse what names nothing, and return where the references lie.

    Raises:
        AdaptError: a reference or a data source is not known.
    """
    from ..files import check_there
    from ..references import locate_references

    if options["general"]:
        check_there(options["general"], "the folder of general data")
    if options["sources"]:
        from ..data.sources import check_dev_source

        for source in split_sources(options["sources"]):
            check_dev_source(source)
    return locate_references(references, search)  # last: one may have to be fetched


def split_sources(text: str) -> tuple[str, ...]:
    """Return the data sources that `--search` names, with commas between them."""
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _given(options: dict[str, Any], names: Iterable[str]) -> list[str]:
    return [_SPELLED.get(name, f"--{name.replace('_', '-')}") for name in names if options[name] is not None]


def _refuse_without_search(options: dict[str, Any], encoder: EncoderOptions) -> None:
    values = {name: options[name] for name in ("general", "tolerance", "evaluations", "curve_steps", "plot")}
    values |= {name: getattr(encoder, name) for name in ("device", "dtype", "max_tokens", "batch_tokens")}
    values["skip_dangling"] = options["skip_dangling"] or None
    if not options["sources"] and (idle := _given(values, values)):
        raise click.UsageError(f"{idle[0]} goes with --search: a merge of given weights encodes nothing")


def _check_method(references: Sequence[str], options: dict[str, Any]) -> None:
    """Refuse a method that is unknown or merges another number of inputs, and a setting whose value does not fit or that the method does not read."""
    from ..merge import METHODS, MethodSettings, find_method

    method = find_method(options["method"] or "linear")  # regmean, where it is taken unasked, reads none of them either
    with usage_errors():
        MethodSettings(**{key: options[key] for key in (*SETTINGS, "seed") if options[key] is not None})
    if method.parents not in (None, len(references)):
        raise click.UsageError(f"{options['method']} merges {method.parents} adapters, and {len(references)} were given")
    for key in SETTINGS:
        if options[key] is not None and key not in method.settings:
            name = options["method"] or "linear, which is taken where no --method is given,"
            readers = ", ".join(each for each, row in METHODS.items() if key in row.settings)
            raise click.UsageError(f"{name} does not read --{key}; the methods that do: {readers}")


def _check_plot(options: dict[str, Any]) -> None:
    from ..choices import PICTURES

    steps, plot = options["curve_steps"], options["plot"]
    if steps == 1:
        raise click.UsageError("--curve-steps is 1; expected 0 for no curve, or at least 2")
    if plot and steps == 0:
        raise click.UsageError("--plot draws the curve, and --curve-steps 0 leaves it out")
    if plot and plot.suffix.lower() not in PICTURES:
        raise click.UsageError(f"--plot {plot} ends in {plot.suffix or 'nothing'}; a picture is written as {' or '.join(PICTURES)}")
