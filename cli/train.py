"""`adapt train`: data and a base -> a new version in the registry."""

from __future__ import annotations

import tomllib
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..plurals import count
from . import life
from .command import Command
from .completion import DOMAIN_OR_FILE, NAME, SETTING, SOURCE
from .options import Choice, WholeNumber, base_options, common_options, dangling_option, machine_options
from .output import emit, say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..adapters import Checkpoint, TrainConfig, TrainPlan, TrainResult
    from ..adapters.after.gram_plan import GramPlan
    from ..adapters.after.grams import MeasuredGrams
    from ..adapters.seeds import SeedMember
    from ..base.load import Base
    from ..data.retrieval import TrainingData
    from ..data.sources import TrainingSource
    from ..lora.grams import GramRank
    from ..registry import Entry, Registry


_NOTHING = "nothing to resume: no interrupted run of this command with these data is there; starting afresh"


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One run, with everything found that it needs. `run` names its configuration, base and data, `source` gives the data of other seeds; `gram_rank` is None where no Gram matrices are asked for."""

    config: TrainConfig
    domain: str
    name: str
    registry: Registry
    source: TrainingSource
    data: TrainingData
    base: Base
    run: str
    checkpoint: Checkpoint
    gram_rank: GramRank | None


@click.command(cls=Command)
@click.option(
    "--domain",
    required=True,
    type=DOMAIN_OR_FILE,
    metavar="NAME",
    help="medical, legal, ecommerce, or the path of a domain file of your own (.toml).",
)
@click.option(
    "--data",
    "source",
    type=SOURCE,
    metavar="SRC",
    help="sample, hub, a BEIR folder, FlagEmbedding lines, or a table [default: the domain's Hub sets, else its sample].",
)
@dangling_option
@click.option("--train-queries", type=WholeNumber(min=1), metavar="N", help="Draw this many training queries (seeded) [default: all].")
@click.option("--name", type=NAME, metavar="N", help="Name in the registry [default: the domain's].")
@click.option("--config", "config_file", type=click.Path(path_type=Path), metavar="FILE", help="Settings from a toml file.")
@click.option(
    "--set", "settings", type=SETTING, multiple=True, metavar="KEY=VALUE", help="One setting (see docs/training.md); wins over --config."
)
@click.option("--seed", type=WholeNumber(min=0), metavar="N", help="Of everything drawn [default: 0].")
@click.option(
    "--seeds",
    type=WholeNumber(min=1),
    default=1,
    metavar="N",
    help="Train N versions, with the seed, the next one and so on, and tell the mean and spread of their dev scores.",
)
@click.option(
    "--gram-rank",
    type=WholeNumber(min=1),
    metavar="N",
    help="Keep the Gram matrices of what the adapted modules read, as diagonal plus rank N, such as 64: for merging with regmean.",
)
@click.option("--gram", type=Choice(["full"]), help="Keep them exactly; the file is much larger.")
@click.option("--resume", is_flag=True, help="Go on with the same run where it was interrupted.")
@click.option("--dry-run", is_flag=True, help="Tell the plan, the time and the bytes, and do nothing.")
@machine_options
@base_options
@common_options
def command(**options: Any) -> None:
    """Train a domain adapter on a frozen base and register it."""
    _tell_repeated(options["settings"])
    first = _config(options).seed
    seeds = range(first, first + options["seeds"])
    _config(options | {"seed": seeds[-1]})  # refused here, not when its turn comes
    job = _prepare(options)
    if options["dry_run"]:
        _tell_plan(job, seeds, _former_runs(job, seeds), options)
    elif len(seeds) == 1:
        entry, result = _train(job, options["resume"])
        _report(job.registry, entry, result, options["json_output"])
    else:
        _train_seeds(job, seeds, options)


def _train(job: Job, resume: bool, seeds: SeedMember | None = None) -> tuple[Entry, TrainResult]:
    _announce(job)
    from ..adapters.register import register_adapter  # before the first step: what fails to import must not fail after the last

    result, grams = _run(job, resume)
    entry = register_adapter(job.registry, job.name, job.domain, job.base, job.data, job.config, result, grams=grams, seeds=seeds)
    job.checkpoint.discard()
    return entry, result


def _train_seeds(job: Job, seeds: range, options: dict[str, Any]) -> None:
    """Train the versions of a group one after another; with `--resume`, those that are not finished."""
    from ..adapters.seeds import open_group
    from ..registry.runs import RUNS
    from .train_seeds import report_seeds

    registry, name = job.registry, job.name
    group = open_group(registry.home / RUNS, name, job.run, len(seeds), resume=options["resume"])
    if options["resume"] and not group.was_interrupted:
        say(_NOTHING)
    entries = []
    for seed in seeds:
        job = job if seed == seeds[0] else _with_seed(job, seed)
        entry = group.find_finished(registry, name, job.run)
        say(f"seed {seed}" + (f": finished before, as {entry.reference}" if entry else ""))
        resume = group.was_interrupted and job.checkpoint.path.exists()
        entries.append(entry or _train(job, resume, group.member(job.run))[0])
    group.close()
    report_seeds(registry, group, entries, options["json_output"])


def _prepare(options: dict[str, Any]) -> Job:
    """Resolve everything that can fail before the first step."""
    if options["gram"] is not None and options["gram_rank"] is not None:
        raise click.UsageError("--gram full and --gram-rank exclude one another; give one of them")
    config = _config(options)
    from ..base.resolve import BaseOptions, resolve_base
    from ..choices import DATA_WORDS
    from ..data.domains import name_domain
    from ..data.sources import TrainingSource, check_source
    from ..registry import open_registry

    source = options["source"]
    domain, note = name_domain(options["domain"], has_data=source not in (None, *DATA_WORDS))
    name = options["name"] or domain.name
    registry = open_registry(options["registry_dir"])
    registry.check_new_name(name)
    check_source(source)
    if note:
        say(f"domain: {note}")
    said = BaseOptions(lend_from=options["base_as"], pooling=options["pooling"], language=options["lang"])
    found = resolve_base(options["base"], options=said)
    spec = found.spec
    language = options["lang"] or (spec.language if spec.language != "multilingual" else "en")
    life.doing("reading the data")
    data_source = TrainingSource(source, domain, language, options["train_queries"], options["skip_dangling"])
    data = data_source.load(config.seed)
    life.doing("loading the base")
    from ..base.load import load_base
    from ..encoders.forward import choose_device

    base = load_base(found, device=choose_device(options["device"]))
    run, checkpoint = _name_run(config, base, data, registry, name, domain.name)
    return Job(
        config=config,
        domain=domain.name,
        name=name,
        registry=registry,
        source=data_source,
        data=data,
        base=base,
        run=run,
        checkpoint=checkpoint,
        gram_rank=options["gram"] or options["gram_rank"],
    )


def _with_seed(job: Job, seed: int) -> Job:
    """Return the job of another seed: base and data are those in memory, apart from what the seed draws."""
    config, data = replace(job.config, seed=seed), job.source.load(seed)
    run, checkpoint = _name_run(config, job.base, data, job.registry, job.name, job.domain)
    return replace(job, config=config, data=data, run=run, checkpoint=checkpoint)


def _name_run(config: TrainConfig, base: Base, data: TrainingData, registry: Registry, name: str, domain: str) -> tuple[str, Checkpoint]:
    from ..adapters import Checkpoint, run_id
    from ..registry.runs import RUNS

    run = run_id(config, base, data)
    about = {"name": name, "domain": domain, "base": base.spec.name, "data": data.source}
    return run, Checkpoint(registry.home / RUNS / run, about=about)


def _config(options: dict[str, Any]) -> TrainConfig:
    from ..adapters.config import config_from
    from ..adapters.settings.groups import flatten_settings
    from ..errors import ConfigError, RequestError
    from ..files import near_files

    values: dict[str, object] = {}
    if options["config_file"] is not None:
        try:
            read = tomllib.loads(options["config_file"].read_text(encoding="utf-8"))
        except FileNotFoundError:
            file = options["config_file"]
            raise ConfigError(f"{file} does not exist.{near_files(file)}") from None
        except (OSError, ValueError) as e:
            raise ConfigError(f"{options['config_file']} cannot be read as toml: {e}") from e
        values |= flatten_settings(read)
    for setting in options["settings"]:
        key, equals, value = setting.partition("=")
        if not equals:
            raise click.UsageError(f"--set {setting!r}: expected KEY=VALUE, such as --set epochs=2")
        values |= flatten_settings({key.strip(): value.strip()})
    if options["seed"] is not None:
        values["seed"] = options["seed"]
    if options["dtype"] is not None:
        values["precision"] = options["dtype"]
    try:
        return config_from(values)
    except RequestError as e:
        raise click.UsageError(str(e)) from e


def _tell_repeated(settings: Sequence[str]) -> None:
    """Say which settings `--set` gives again: the last value of a key counts, as it does over a file's."""
    from ..adapters.settings.groups import dotted_names

    plain = dotted_names()
    keys = [plain.get(key, key) for key in (setting.partition("=")[0].strip() for setting in settings)]
    for key in sorted({key for key in keys if keys.count(key) > 1}):
        say(f"note: --set {key} is given {keys.count(key)} times; the last value counts")


def _former_runs(job: Job, seeds: range) -> list[dict[str, Any]]:
    """Return what is there already of the runs of a command: versions that are finished, and states that were kept."""
    from ..adapters.seeds import find_group
    from ..registry.runs import RUNS, describe_run

    group = find_group(job.registry.home / RUNS, job.name, job.run, len(seeds)) if len(seeds) > 1 else None
    found = []
    for seed in seeds:
        each = job if seed == seeds[0] else _with_seed(job, seed)
        entry = group.find_finished(job.registry, job.name, each.run) if group else None
        if entry:
            found.append({"seed": seed, "finished": entry.reference, "progress": f"finished, as {entry.reference}"})
        elif each.checkpoint.path.exists() and (group or len(seeds) == 1):
            run = describe_run(each.checkpoint.folder)
            found.append({"seed": seed, "run": run.id, "step": run.step, "steps": run.steps, "progress": run.describe_progress()})
    return found


def _resume_lines(former: list[dict[str, Any]], seeds: range, resume: bool) -> list[str]:
    """Say what --resume goes on with, or would."""
    if not former:
        return [f"resume    {_NOTHING}"] if resume else []
    runs = "; ".join((f"seed {each['seed']}: " if len(seeds) > 1 else "") + each["progress"] for each in former)
    then = "goes on with" if resume else "starts anew, and would with --resume go on with"
    return [f"resume    {then} the interrupted run, {runs}"]


def _tell_plan(job: Job, seeds: range, former: list[dict[str, Any]], options: dict[str, Any]) -> None:
    from ..adapters import plan_training

    spec = job.base.spec
    plan: TrainPlan = plan_training(job.base, job.data, job.config, timed=True)
    grams = _plan_grams(job)
    seconds = (plan.seconds or 0) + (_estimate_grams(job) if grams else 0)
    result = asdict(plan) | {
        "seconds": seconds,
        "grams": asdict(grams) if grams else None,
        "base": spec.name,
        "base_fallback": spec.fallback_reason,
        "source": job.data.source,
        "config": job.config.as_dict(),
        "notes": list(job.data.notes),
        "seeds": list(seeds),
        "resume": options["resume"],
        "interrupted": former,
    }
    lines = [
        f"base      {spec.name} on {job.base.device.type}",
        *([f"          (the embedded one), because {spec.fallback_reason}"] if spec.fallback_reason else []),
        f"data      {job.data.source}: {count(plan.queries, 'query')}, {count(plan.pairs, 'pair')}, {count(plan.passages, 'passage')}",
        *(f"          {note}" for note in job.data.notes),
        f"          {plan.dev}",
        f"steps     {plan.steps}, about {seconds / 60:.1f} minutes",
        f"adapter   {plan.parameters:,} numbers, about {plan.file_bytes / 1e6:.1f} MB",
        *([f"grams     {grams.describe()}"] if grams else []),
        *([f"seeds     {seeds[0]} to {seeds[-1]}: {len(seeds)} times these steps, minutes and bytes"] if len(seeds) > 1 else []),
        *_resume_lines(former, seeds, options["resume"]),
        *(f"warning   {warning}" for warning in plan.warnings),
    ]
    emit(result, "\n".join(lines), options["json_output"])


def _announce(job: Job) -> None:
    from ..adapters.evaluation import make_dev_set
    from ..adapters.plan import check_data, describe_dev

    spec, data = job.base.spec, job.data
    if spec.fallback_reason:
        say(f"base: {spec.name} (the embedded one), because {spec.fallback_reason}")
    else:
        say(f"base: {spec.name} ({spec.found_in})")
    say(
        f"data: {data.source}: {count(len(data.train), 'query')}, {count(data.train.pair_count, 'pair')}, {count(len(data.corpus), 'passage')}"
    )
    for note in data.notes:
        say(f"note: {note}")
    for warning in check_data(job.base, data, job.config):
        say(f"warning: {warning}")
    say(describe_dev(make_dev_set(data), data))
    if grams := _plan_grams(job):
        say(f"grams: {grams.describe()}")


def _plan_grams(job: Job) -> GramPlan | None:
    from ..adapters.after.gram_plan import plan_grams

    return None if job.gram_rank is None else plan_grams(job.base, job.data, job.config, job.gram_rank)


def _estimate_grams(job: Job) -> float:
    from ..adapters.after.gram_plan import estimate_gram_seconds

    return estimate_gram_seconds(job.base, job.data, job.config)


def _run(job: Job, resume: bool) -> tuple[TrainResult, MeasuredGrams | None]:
    from ..adapters import train_adapter
    from ..adapters.after.grams import GramRequest, measure_grams
    from .bars import text_bar
    from .training_bar import training_bar

    _tell_start(job, resume)
    life.doing("training")
    try:
        with training_bar() as on_step, text_bar() as tell:
            on_texts = partial(tell, "measuring Gram matrices")
            result = train_adapter(job.base, job.data, job.config, checkpoint=job.checkpoint, resume=resume, on_step=on_step)
            if job.gram_rank is None:
                return result, None
            request = GramRequest(rank=job.gram_rank, on_texts=on_texts)
            return result, measure_grams(job.base, result.factors, job.data, job.config, request)
    except KeyboardInterrupt:
        if job.checkpoint.path.exists():
            say(f"interrupted {_former(job)}; the state is saved. Go on with the same command and --resume")
        raise


def _tell_start(job: Job, resume: bool) -> None:
    """Say what becomes of a run that was interrupted, where one is there."""
    if resume and not job.checkpoint.path.exists():
        say(_NOTHING)
    elif resume:
        say(f"resuming the interrupted run {_former(job)}")
    elif job.checkpoint.path.exists():
        say(
            f"note: an interrupted run of this command is there, {_former(job)}. This run starts anew, and replaces its state after "
            f"{job.checkpoint.every_s:g} s; to go on with it instead, stop now (Ctrl-C) and add --resume. To remove it: adapt runs rm {job.run}"
        )


def _former(job: Job) -> str:
    """Say how far the run came whose state is kept."""
    from ..registry.runs import describe_run

    return describe_run(job.checkpoint.folder).describe_progress()


def _report(registry: Registry, entry: Entry, result: TrainResult, json_output: bool) -> None:
    from ..metrics import NDCG_10

    weights = entry.files["adapter_model.safetensors"].size
    folder = registry.folder(entry)
    if result.before is None or result.after is None:
        score = f"dev {NDCG_10}  none (no dev split)"
    else:
        score = f"dev {result.metric}  {result.before:.4f} -> {result.after:.4f} ({result.after - result.before:+.4f})"
        if result.after <= result.before:
            say("warning: no gain on dev. Try a lower learning_rate, more pairs, or a larger batch_size; see docs/training.md")
    early = f", stopped early after {count(result.steps, 'step')}" if result.stopped_early else ""
    text = f"{entry.reference}\n{score}{early}\nadapter      {folder}\nsize         {weights / 1e6:.2f} MB"
    grams = entry.data.grams if entry.data else None
    emit(
        {
            "reference": entry.reference,
            "path": str(folder),
            "bytes": weights,
            "dev": asdict(entry.dev) if entry.dev else None,
            "steps": result.steps,
            "losses": result.losses,
            "grams": grams,
        },
        text + (_describe_grams(grams) if grams else ""),
        json_output,
    )


def _describe_grams(grams: dict[str, Any]) -> str:
    error = grams["error"]
    return (
        f"\ngrams        {grams['bytes'] / 1e6:.2f} MB, {grams['tokens']} tokens, relative error mean {error['mean']:.4f}, "
        f"worst {error['worst']:.4f} ({error['worst_module']})"
    )
