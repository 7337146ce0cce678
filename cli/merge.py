"""`adapt merge`: adapters on one base -> one adapter that holds them all."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .command import Command
from .completion import DEV_SOURCES, DOMAIN, METHOD, NAME, REFERENCE
from .encoder_options import EncoderOptions, encoder_options
from .merge_words import SETTINGS, check_names, check_options
from .options import Choice, Finite, FiniteRange, OutputFile, WeightsType, WholeNumber, common_options, dangling_option
from .output import emit, emit_after, reserve_outputs, say

if TYPE_CHECKING:
    from ..lora import StoreDtype
    from ..merge import MergeConfig, MergeResult
    from ..merge.parents import Parent
    from ..registry import Registry
    from .merge_search import FoundWeights


class RankType(click.ParamType):
    """`auto`, `full` or a whole number above 0."""

    name = "rank"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int | str:
        """Read the value."""
        if value in ("auto", "full"):
            return str(value)
        if str(value).isdecimal() and int(value) > 0:
            return int(value)
        raise click.BadParameter(f"{value!r} is not a rank; expected auto, full or a whole number above 0", ctx, param)


@click.command(name="merge", cls=Command)
@click.argument("references", metavar="REF...", type=REFERENCE, nargs=-1)
@click.option(
    "--method",
    type=METHOD,
    metavar="M",
    help="How (list them: adapt merge --methods) [default: linear; regmean where all carry Gram matrices].",
)
@click.option("--weights", type=WeightsType(), metavar="W,W", help="One weight each, negative ones too [default: 1/n each].")
@click.option("--rank", type=RankType(), default="auto", show_default=True, metavar="R", help="auto, full (lossless), or a number.")
@click.option(
    "--energy", type=FiniteRange(0, 1, min_open=True), metavar="E", help="Share of the squared norm that --rank auto keeps [default: 0.99]."
)
@click.option("--density", type=float, metavar="D", help="Share of elements that a sparsifying method keeps [default: 0.5].")
@click.option("--spread", type=float, metavar="S", help="della: how far dropping depends on magnitude [default: 0.1].")
@click.option("--outliers", type=float, metavar="O", help="breadcrumbs: share of the largest elements to drop [default: 0.01].")
@click.option("--with-base", type=Finite(), metavar="A", help="Merge back with the base: scale the result by A [default: 1].")
@click.option("--seed", type=WholeNumber(0, 2**32 - 1), metavar="N", help="Of what a method draws at random [default: 0].")
@click.option("--store", type=Choice(["fp16", "bf16", "fp32"]), help="Number format of the file [default: fp16; fp32 with --rank full].")
@click.option(
    "--name",
    type=NAME,
    metavar="N",
    help="Name in the registry [default: the inputs' names, joined; to be given for a single input].",
)
@click.option("--domain", type=DOMAIN, metavar="D", help="What it is for [default: the parents' domain, where they share one].")
@click.option(
    "--search",
    "sources",
    type=DEV_SOURCES,
    metavar="SRC[,SRC...]",
    help="Choose the weights (and the density) on these dev data: BEIR folders, tables, lines, or domains, whose samples are meant.",
)
@dangling_option
@click.option(
    "--general",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="With --search: sentence pairs whose Spearman correlation must not fall [default: closeness to the base].",
)
@click.option(
    "--tolerance", type=FiniteRange(min=0), metavar="T", help="With --search: how far the general score may fall [default: 0.003]."
)
@click.option("--evaluations", type=WholeNumber(min=1), metavar="N", help="With --search: at most so many merges are tried [default: 24].")
@click.option(
    "--curve-steps",
    type=WholeNumber(min=0),
    metavar="N",
    help="With --search: points on each line of the curve, 0 for none [default: 11; 5 of 3 and more].",
)
@click.option("--plot", type=OutputFile(), metavar="OUT", help="With --search: draw the curve, .svg or .png.")
@click.option("--explain", is_flag=True, help="Say how compatible the adapters are, and merge nothing.")
@click.option("--methods", is_flag=True, help="List the methods, with when to use each, and merge nothing.")
@click.option("--dry-run", is_flag=True, help="Tell rank, energy and size, and write nothing.")
@encoder_options
@common_options
def command(references: tuple[str, ...], encoder: EncoderOptions, json_output: bool, registry_dir: Path | None, **options: Any) -> None:
    """Merge adapters on one base into one, in weight space.

    REF is NAME, NAME@VERSION, NAME@ALIAS, a folder, hf:OWNER/REPO, or base (no change).
    """
    if options["methods"]:
        _list_methods(json_output)
        return
    check_options(references, options, encoder)
    reserve_outputs({"--plot": options["plot"]}, json_output)
    search = encoder.search(registry_dir)
    located = check_names(references, search, options)
    from ..merge.parents import open_parents

    parents = open_parents(references, search, located)
    for note in dict.fromkeys(note for parent in parents for note in parent.notes):
        say(note)
    if options["explain"]:
        _explain(parents, json_output)
        return
    config, found = _config(options, parents), None
    name = _name(search.registry, parents, options["name"])
    if options["sources"]:
        from .merge_search import choose_weights

        config, found = choose_weights(references, parents, config, search, encoder, options)
    _merge(search.registry, parents, config, found, options | {"name": name}, json_output)


def _list_methods(json_output: bool) -> None:
    from ..merge import METHODS
    from .render import render_table

    rows: list[tuple[str, ...]] = [(name, method.use, ", ".join(method.settings) or "-", method.source) for name, method in METHODS.items()]
    result = {"methods": [dict(zip(("name", "use", "settings", "source"), row, strict=True)) for row in rows]}
    emit(result, render_table(("method", "when to use it", "settings", "source"), rows, prose=["when to use it"]), json_output)


def _explain(parents: list[Parent], json_output: bool) -> None:
    from ..merge.explain import explain
    from ..merge.tables import explanation_table
    from .render import render, render_line

    explained = explain([parent.factors for parent in parents], [parent.reference for parent in parents])
    table = explanation_table(explained)
    lines = [render(table), "", *(render_line(f"- {suggestion}") for suggestion in explained.suggestions)]
    emit(explained.as_dict(), "\n".join(lines), json_output)


def _config(options: dict[str, Any], parents: list[Parent]) -> MergeConfig:
    """Resolve the options, which `check_options` has read."""
    from ..lora import RankPolicy
    from ..merge import MergeConfig, MethodSettings
    from ..merge.parents import default_method

    name = options["method"] or default_method(parents, options["weights"])
    if name == "regmean" and not options["method"]:
        say("method: regmean, for every input carries Gram matrices (the plain mean: --method linear)")
    given = {key: options[key] for key in (*SETTINGS, "seed") if options[key] is not None}
    ranks = RankPolicy(rank=options["rank"], **({} if options["energy"] is None else {"energy": options["energy"]}))
    with_base = {} if options["with_base"] is None else {"with_base": options["with_base"]}
    return MergeConfig(method=name, weights=options["weights"], ranks=ranks, settings=MethodSettings(**given), **with_base)


def _name(registry: Registry, parents: list[Parent], given: str | None) -> str:
    """Return the name of the result, before anything is computed.

    Raises:
        AdaptError: it cannot be registered under the given name, or none is given and the parents suggest none of its own.
    """
    from ..registry.derived_names import Inputs, derive_name

    inputs = Inputs(
        names=[parent.name for parent in parents],
        references=[parent.reference for parent in parents],
        bases=frozenset(parent.base.sha256 for parent in parents),
    )
    name = given or derive_name(registry, "merge", inputs)
    registry.check_new_name(name)
    return name


def _merge(
    registry: Registry, parents: list[Parent], config: MergeConfig, found: FoundWeights | None, options: dict[str, Any], json_output: bool
) -> None:
    from ..lora import stored_bytes
    from ..merge.folder import MergeRecord, register_merge
    from .render import format_size

    store: StoreDtype = options["store"] or ("fp32" if config.ranks.rank == "full" else "fp16")
    record = MergeRecord(
        name=options["name"],
        domain=_domain(options, parents),
        store=store,
        search=found.as_dict() if found else None,
    )
    result = _run(parents, config)
    _warn(result, [parent.reference for parent in parents])
    say(f"the file will have {format_size(stored_bytes(result.factors, store))}")
    facts, text = _facts(parents, config, result), _text(parents, config, result)
    if found:
        facts, text = facts | {"search": found.as_dict()}, f"{found.text()}\n{text}"
    draw = partial(_draw, found, options)
    if options["dry_run"]:
        emit_after(draw, facts, f"{text}\nnothing is written", json_output)
        return
    entry = register_merge(registry, parents, config, result, record)
    folder, size = registry.folder(entry), entry.files["adapter_model.safetensors"].size
    facts = {"reference": entry.reference, "path": str(folder), "bytes": size} | facts
    emit_after(draw, facts, f"{entry.reference}\n{text}\nadapter      {folder}\nsize         {size / 1e6:.2f} MB", json_output)


def _draw(found: FoundWeights | None, options: dict[str, Any]) -> None:
    if found is not None and found.curve is not None and options["plot"]:
        from ..merge.search.plot import plot_curve

        plot_curve(found.curve, options["plot"])
        say(f"wrote {options['plot']}")


def _domain(options: dict[str, Any], parents: list[Parent]) -> str | None:
    domains = {parent.domain for parent in parents if parent.folder is not None}
    shared = domains.pop() if len(domains) == 1 else None
    return options["domain"] or shared


def _run(parents: list[Parent], config: MergeConfig) -> MergeResult:
    from ..merge import merge_factors
    from ..merge.parents import grams_for
    from .bars import text_bar

    grams = grams_for(config.method, parents)
    with text_bar("modules") as tell:
        return merge_factors([parent.factors for parent in parents], config, grams, partial(tell, f"merging ({config.method})"))


def _warn(result: MergeResult, references: list[str]) -> None:
    from ..merge import LOW_ENERGY

    for row, sha256 in enumerate(result.parent_sha256):
        if (first := result.parent_sha256.index(sha256)) < row:
            say(f"warning: {references[first]} and {references[row]} hold the same factors, which count double")
    if result.energy < LOW_ENERGY:
        say(
            f"warning: rank {result.rank} keeps {result.energy:.1%} of the merged update's energy; --rank full keeps all of it, "
            "a larger --rank or --energy more"
        )


def _facts(parents: list[Parent], config: MergeConfig, result: MergeResult) -> dict[str, object]:
    weights = config.resolved_weights(len(parents))
    return {
        "parents": [{"reference": parent.reference, "weight": weight} for parent, weight in zip(parents, weights, strict=True)],
        "config": config.as_dict(),
        "rank": result.rank,
        "energy": result.energy,
    }


def _text(parents: list[Parent], config: MergeConfig, result: MergeResult) -> str:
    weights = config.resolved_weights(len(parents))
    shares = ", ".join(f"{weight:.4g} {parent.reference}" for parent, weight in zip(parents, weights, strict=True))
    scaled = "" if config.with_base == 1 else f", scaled by {config.with_base:g}"
    rank = f"rank         {result.rank}, energy kept {result.energy:.4f}"
    return "\n".join([f"method       {config.method}{scaled}", f"weights      {shares}", rank])
