"""`adapt bench`: references side by side with their base."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from .bars import text_bar
from .encoder_options import EncoderOptions, encoder_options
from .files import check_writable, write_file
from .options import common_options
from .output import emit, say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..bench.entrants import Entrant
    from ..bench.result import BenchResult
    from ..references import Resolved


@click.command(name="bench")
@click.argument("references", metavar="REF...", nargs=-1, required=True)
@click.option(
    "--data",
    "folders",
    metavar="DIR",
    multiple=True,
    type=click.Path(path_type=Path),
    help="A BEIR folder, or one of sentence pairs; may be repeated.",
)
@click.option(
    "--domain",
    "domains",
    metavar="D",
    multiple=True,
    help="Score on this domain's sample [without --data: the references' own domains]; may be repeated.",
)
@click.option("--split", default="test", show_default=True, help="The split to score on.")
@click.option(
    "--per-query",
    metavar="OUT.json",
    type=click.Path(path_type=Path),
    help="Also write the result with each query's nDCG@10 (each pair's cosine).",
)
@click.option("--dry-run", is_flag=True, help="Count texts and tokens and measure the speed, and score nothing.")
@encoder_options
@common_options
def command(
    references: tuple[str, ...],
    folders: tuple[Path, ...],
    domains: tuple[str, ...],
    split: str,
    per_query: Path | None,
    dry_run: bool,
    encoder: EncoderOptions,
    json_output: bool,
    registry_dir: Path | None,
) -> None:
    """Score references side by side with their base, through MTEB.

    REF is base, NAME, NAME@VERSION, NAME@ALIAS, a folder, or hf:OWNER/REPO. Computed in fp32 unless --dtype says otherwise.
    """
    if per_query:
        check_writable(per_query)
    from ..references import LoadedBases, resolve_references

    found = resolve_references(references, encoder.search(registry_dir))
    for note in dict.fromkeys(note for resolved in found for note in resolved.notes):
        say(note)
    from ..bench.entrants import enter
    from ..bench.plan import plan
    from ..bench.sources import make_tasks
    from ..bench.table import table_text

    language = encoder.lang or ("zh" if found[0].base.language == "zh" else "en")
    tasks = make_tasks(folders, domains or (() if folders else _domains_of(found)), split=split, language=language)
    entrants = enter(found, LoadedBases(encoder.settings("fp32")))
    if dry_run:
        planned = plan(entrants, tasks)
        emit(planned.as_dict(), planned.describe(), json_output)
        return
    result = _bench(entrants, tasks)
    if per_query:
        write_file(per_query, _json(result))
        say(f"wrote {per_query}")
    emit(result.as_dict(), table_text(result), json_output)


def _domains_of(found: Sequence[Resolved]) -> tuple[str, ...]:
    """Return the domains that the references were made for."""
    from ..errors import ConfigError

    domains = tuple(dict.fromkeys(resolved.entry.domain for resolved in found if resolved.entry and resolved.entry.domain))
    if not domains:
        raise ConfigError("what to score on is not said, and no reference names its domain; give --data DIR or --domain D")
    say(f"scoring on the sample of {', '.join(domains)} (for other data: --data DIR)")
    return domains


def _bench(entrants: list[Entrant], tasks: list) -> BenchResult:
    from ..bench.run import BenchProgress, bench

    with text_bar() as tell:

        def on_progress(at: BenchProgress) -> None:
            assert tell is not None
            tell(f"{at.task} with {at.reference}", at.done, at.total)

        return bench(entrants, tasks, on_progress if tell else None)


def _json(result: BenchResult) -> bytes:
    import json

    return (json.dumps(result.as_dict(items=True), indent=1, ensure_ascii=False) + "\n").encode()
