"""`adapt bench`: references side by side with their base."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..files import write_file
from . import life
from .bars import text_bar
from .bench_leakage import look_for_leaks
from .completion import DOMAIN_OR_FILE, REFERENCE
from .judgement_options import JudgementOptions, judgement_options, leave_if_failed
from .options import OutputFile, common_options
from .options.cache import CacheOptions, cache_options, describe_interruption, describe_use
from .options.encoder import EncoderOptions, encoder_options
from .output import emit, emit_after, reserve_outputs, say
from .report_options import Remembering, ReportOptions, report_options
from .task_options import TaskOptions, task_options

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..bench.result import BenchResult
    from ..bench.run.cells import Caches
    from ..bench.run.models import Model
    from ..bench.run.scoring import OnCell
    from ..references import Resolved
    from ..registry import Registry


@click.command(name="bench", cls=Remembering)
@click.argument("references", metavar="REF...", type=REFERENCE, nargs=-1, required=True)
@click.option(
    "--data",
    "folders",
    metavar="PATH",
    multiple=True,
    type=click.Path(path_type=Path),
    help="A BEIR folder, what training takes (a table with anchor and positive, FlagEmbedding lines, sample), or tables of labelled texts "
    "or sentence pairs (docs/data.md has the layouts); may be repeated.",
)
@click.option(
    "--domain",
    "domains",
    type=DOMAIN_OR_FILE,
    metavar="D",
    multiple=True,
    help="Score on this domain's sample, or what --set says [without --data and --tasks: the references' own domains]; may be repeated.",
)
@click.option("--split", default="test", show_default=True, help="The split to score on.")
@click.option(
    "--per-query",
    metavar="OUT.json",
    type=OutputFile(),
    help="Also write the result with each query's nDCG@10 (each pair's cosine).",
)
@click.option("--decontaminate", is_flag=True, help="Score each task also without the items that any REF saw in training.")
@click.option("--dry-run", is_flag=True, help="Count texts and tokens and measure the speed, and score nothing.")
@task_options
@judgement_options
@report_options
@cache_options
@encoder_options
@common_options
def command(
    references: tuple[str, ...],
    folders: tuple[Path, ...],
    domains: tuple[str, ...],
    split: str,
    per_query: Path | None,
    decontaminate: bool,
    dry_run: bool,
    chosen_by: TaskOptions,
    judgement: JudgementOptions,
    report: ReportOptions,
    cache: CacheOptions,
    encoder: EncoderOptions,
    json_output: bool,
    registry_dir: Path | None,
) -> None:
    """Score references side by side with their base, through MTEB.

    REF is base, NAME, NAME@VERSION, NAME@ALIAS, a folder, or hf:OWNER/REPO. Computed in fp32 unless --dtype says otherwise.
    """
    reserve_outputs({"--per-query": per_query, "--html": report.html}, json_output)
    report.check()
    from ..references import LoadedBases, check_length, resolve_references

    search = encoder.search(registry_dir)
    _refuse_own(domains, search.registry, references[0])
    _check_words(domains, (*folders, *judgement.general), chosen_by.tasks)
    found = resolve_references(references, search)
    for note in dict.fromkeys(note for resolved in found for note in resolved.notes):
        say(note)
    for resolved in found:
        check_length(resolved, encoder.max_tokens)
    folders, chosen_by = _take_sample(folders, chosen_by)
    if not domains and chosen_by.need_domains((*folders, *judgement.general)):
        domains = _domains_of(found, chosen_by)
    life.doing("importing libraries")
    from ..bench.cost.plan import plan
    from ..bench.report.terminal import table_text
    from ..bench.run.models import open_models
    from ..bench.sources import make_tasks
    from ..bench.tasks.notes import notes_of

    language = encoder.lang or _language_of(found)
    life.doing("reading the data")
    chosen = chosen_by.choose(folders, domains, split=split, language=language, dry_run=dry_run)
    general = make_tasks(judgement.general, (), split=split, language=language, skip_dangling=chosen_by.skip_dangling)
    tasks, leakage = look_for_leaks([*chosen.tasks, *general], found, search, decontaminate=decontaminate)
    background = judgement.background(found, domains, general)
    if not (dry_run and chosen.pending):  # a dry run fetches nothing, and knows less of the tasks that are not here
        judgement.check(tasks, background)
    life.doing("loading the bases")
    models = open_models(found, LoadedBases(encoder.settings("fp32")))
    if dry_run:
        for task in tasks:  # a result has them itself
            for note in notes_of(task):
                say(f"{task.metadata.name}: {note}")
        planned = plan(models, tasks, cache.open(), chosen.pending)
        emit(planned.as_dict(), planned.describe(), json_output)
        return
    reports = report.begin(found)
    result = judgement.judge(_bench(models, tasks, cache.open(), reports.on_cell), tasks, background)
    leaks = {"leakage": leakage.as_dict(), "left_out": chosen.left_out}

    def write() -> None:
        if per_query:
            write_file(per_query, _json(result.as_dict(items=True) | leaks))
            say(f"wrote {per_query}")
        reports.write(result, tasks, models, leakage)

    emit_after(write, result.as_dict() | leaks, table_text(result), json_output)
    leave_if_failed(result)


def _refuse_own(domains: Sequence[str], registry: Registry, reference: str) -> None:
    """Refuse a domain that is the user's own: versions are for it, and nothing ships.

    Raises:
        ConfigError: there is one.
    """
    from ..data.domains import domain_names
    from ..errors import ConfigError

    own = {entry.domain for entry in registry.entries()} - set(domain_names())
    if found := [domain for domain in domains if domain in own]:
        raise ConfigError(_nothing_ships(found, reference))


def _check_words(domains: Sequence[str], data: Sequence[Path], tasks: Sequence[str]) -> None:
    """Refuse a domain, data or tasks that are not there, before anything heavy is imported.

    Raises:
        DomainError: a domain is not known.
        DataError: a path does not exist.
        ConfigError: MTEB has no such task.
    """
    from ..bench.hub.written_names import check_task_words
    from ..choices import DATA_WORDS
    from ..data.domains import load_domain
    from ..files import check_there

    for domain in domains:
        load_domain(domain)
    for path in data:
        if str(path) not in DATA_WORDS:  # the sources say what they mean
            check_there(path, "the data")
    check_task_words(tasks)


def _language_of(found: Sequence[Resolved]) -> str:
    """Return the language of samples and tasks, which is that of the first reference's base; say so where others read another one."""
    language = found[0].base.text_language
    others = [each.reference for each in found if each.base.language not in (language, "multilingual")]
    if others:
        say(f"warning: tasks are taken in {language}, which the base of {', '.join(others)} is not made for; --lang says another language")
    return language


def _take_sample(folders: tuple[Path, ...], chosen_by: TaskOptions) -> tuple[tuple[Path, ...], TaskOptions]:
    """Read `--data sample` as `adapt train` does: the domain's sample, unless there is a file or folder of that name."""
    left = tuple(folder for folder in folders if str(folder) != "sample" or folder.exists())
    return left, replace(chosen_by, sets=tuple(dict.fromkeys((*chosen_by.sets, "sample")))) if left != folders else chosen_by


def _domains_of(found: Sequence[Resolved], chosen_by: TaskOptions) -> tuple[str, ...]:
    """Return the domains that ship among those that the references were made for; say which do not.

    Raises:
        ConfigError: there is none.
    """
    from ..data.domains import domain_names
    from ..errors import ConfigError

    domains = tuple(dict.fromkeys(resolved.entry.domain for resolved in found if resolved.entry and resolved.entry.domain))
    if not domains:
        raise ConfigError("what to score on is not said, and no reference names its domain; give --data DIR or --domain D")
    shipped, own = (tuple(each for each in domains if (each in domain_names()) == ships) for ships in (True, False))
    if not shipped:
        raise ConfigError(_nothing_ships(own, found[0].reference))
    if own:
        say(f"note: nothing ships to score on for {', '.join(own)}, of your own; to score on it too: --data PATH")
    say(f"scoring on {chosen_by.described_sets()} of {', '.join(shipped)} (for other data: --data DIR)")
    return shipped


def _nothing_ships(own: Sequence[str], reference: str) -> str:
    """Say that domains are the user's own, and what to give."""
    are = f"{own[0]} is a domain" if len(own) == 1 else f"{', '.join(own)} are domains"
    example = f"adapt bench {reference} --data test.csv"
    return f"{are} of your own, for which no sample ships; give data to score on, such as: {example} (or --domain with the domain's .toml file)"


def _bench(models: list[Model], tasks: list, caches: Caches, on_cell: OnCell | None) -> BenchResult:
    from ..bench.run.scoring import BenchProgress, bench

    try:
        with text_bar() as tell:

            def on_progress(at: BenchProgress) -> None:
                tell(f"{at.task} with {at.reference}", at.done, at.total)

            result = bench(models, tasks, on_progress, caches, on_cell)
    except KeyboardInterrupt:
        for line in describe_interruption(caches, len(models) * len(tasks)):
            say(line)
        raise
    for line in describe_use(caches):
        say(line)
    return result


def _json(values: dict) -> bytes:
    import json

    return (json.dumps(values, indent=1, ensure_ascii=False) + "\n").encode()
