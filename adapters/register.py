"""A finished run into the registry: the folder that peft and sentence-transformers load unchanged, and the record of how it was made."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..base.load import Base, with_head
from ..base.sentence_files import write_json, write_sentence_files
from ..data.pairs import TrainingData
from ..data.read.quoting import recorded_note
from ..data.training_texts import TRAINING_TEXTS, sketch_texts, write_sketch
from ..lora import largest_rank
from ..lora.gram_file import GRAMS, write_grams
from ..registry import DataRecord, Entry, ParentRecord, Registry, ScoreRecord, base_record
from ..registry.router_folder import write_routes
from ..versions import library_versions
from .after.grams import MeasuredGrams
from .config import TrainConfig
from .seeds import SeedMember
from .strategies.table import STRATEGIES, open_strategy
from .strategies.trained import ModelWeights
from .train import TrainResult

LIBRARIES = ("torch", "transformers", "peft", "safetensors", "tokenizers")


def register_adapter(
    registry: Registry,
    name: str,
    domain: str,
    base: Base,
    data: TrainingData,
    config: TrainConfig,
    result: TrainResult,
    *,
    grams: MeasuredGrams | None = None,
    seeds: SeedMember | None = None,
    parents: tuple[ParentRecord, ...] = (),
) -> Entry:
    """Write an adapter's folder and enter it into the registry as a new version of `name`.

    Args:
        registry: Where to.
        name: Of the adapter.
        domain: That it was trained for.
        base: What was trained on.
        data: What it was trained with.
        config: How.
        result: What came of it.
        grams: What was measured afterwards; None: nothing.
        seeds: The group that the run belongs to; None: none.
        parents: What its factors started from.

    Raises:
        RegistryError: the registry cannot be written.
    """
    draft = draft_entry(name, domain, base, data, config, result, grams=grams, seeds=seeds, parents=parents)
    return registry.add(draft, lambda folder: write_adapter(folder, base, data, config, result, grams))


def draft_entry(
    name: str,
    domain: str,
    base: Base,
    data: TrainingData,
    config: TrainConfig,
    result: TrainResult,
    *,
    grams: MeasuredGrams | None = None,
    seeds: SeedMember | None = None,
    parents: tuple[ParentRecord, ...] = (),
) -> Entry:
    """Return what the registry records of a run; see `register_adapter`."""
    return Entry(
        kind="model" if isinstance(result.trained, ModelWeights) else "adapter",
        side=config.side,
        name=name,
        domain=domain,
        bases=(base_record(base.spec),),
        pooling=base.encoding.pooling,
        prompts=base.encoding.prompts,
        method=config.strategy,
        parents=parents,
        **_size(config, result),
        config=recorded_config(config.as_dict(), base)
        | ({"seeds": seeds.as_dict()} if seeds else {})
        | ({"dev": result.watch.labels} if result.watch and result.watch.labels else {})
        | ({"energy": result.energy.as_dict()} if result.energy else {}),
        seed=config.seed,
        data=describe_data(data, grams),
        scores=describe_scores(result),
    )


def recorded_config(settings: dict[str, object], base: Base) -> dict[str, object]:
    """Return the settings of a run with what else decides about its last digits: the device, and the libraries."""
    return settings | {"device": base.device.type, "libraries": library_versions(*LIBRARIES)}


def _size(config: TrainConfig, result: TrainResult) -> dict[str, Any]:
    """Return rank and targets of what the folder holds, as far as it has them."""
    kept = open_strategy(config).as_read(result.trained)
    if isinstance(kept, ModelWeights):
        return {}
    return {"rank": largest_rank(kept)} | ({"targets": config.targets} if STRATEGIES[config.strategy].has_pairs else {})


def write_adapter(
    folder: Path,
    base: Base,
    data: TrainingData,
    config: TrainConfig,
    result: TrainResult,
    grams: MeasuredGrams | None = None,
) -> None:
    """Write everything of an adapter but the registry's own record: of the data, what finds a text of it again, and no text."""
    whole = with_head(base, result.head)
    write_sentence_files(whole, folder)
    open_strategy(config).write(result.trained, folder, whole)
    if config.side == "query":
        write_routes(folder)
    looks = [{"step": each.step, str(result.metric): each.score, **each.beside} for each in result.evaluations]
    history = {"losses": result.losses, "rates": result.rates, "looks": looks}  # by the name that earlier versions' files have
    write_json(folder / "history.json", history)
    write_sketch(sketch_texts(data, result.watch.searches if result.watch else ()), folder / TRAINING_TEXTS)
    if grams:
        write_grams(grams.stored, folder / GRAMS)


def describe_data(data: TrainingData, grams: MeasuredGrams | None = None) -> DataRecord:
    """Return what a registry entry keeps of the data."""
    counts = {
        "train_queries": len(data.train),
        "train_pairs": data.train.pair_count,
        "passages": len(data.corpus),
        "dev_queries": len(data.dev) if data.dev else 0,
    }
    return DataRecord(
        source=data.source,
        fingerprint=data.fingerprint(),
        language=data.language,
        counts=counts,
        notes=tuple(map(recorded_note, data.notes)),
        grams=grams.as_dict() if grams else None,
        licence=data.licence,
        drawn=data.drawn,
    )


def describe_scores(result: TrainResult) -> dict[str, ScoreRecord]:
    """Return what a registry entry keeps of the scores: on the main dev set, on others by their names, and of general ability.

    Empty without a dev set.
    """
    if not result.evaluations:
        return {}
    first, best = result.evaluations[0].beside, result.best.beside if result.best else {}
    beside = {name: ScoreRecord(metric=name.split()[-1], before=score, after=best.get(name)) for name, score in first.items()}
    return {"dev": ScoreRecord(metric=str(result.metric), before=result.before, after=result.after)} | beside
