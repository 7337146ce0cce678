"""A finished pretraining into the registry: an adapter like any other, whose record says what it learned from."""

from __future__ import annotations

from pathlib import Path

from ...base.load import Base
from ...base.sentence_files import write_json, write_sentence_files
from ...data.pairs import Pairs, TrainingData, hash_lines
from ...data.read.quoting import recorded_note
from ...data.training_texts import TRAINING_TEXTS, sketch_texts, write_sketch
from ...lora import largest_rank
from ...registry import DataRecord, Entry, Registry, ScoreRecord, base_record
from ..register import recorded_config
from ..strategies.table import open_strategy
from .config import PretrainConfig
from .request import PretrainRequest
from .run import PretrainResult
from .sources import ReadCorpus
from .table import OBJECTIVES

HELD_OUT = "held out"
"""What the score of texts that are held out is called in a version's record."""


_NO_PAIRS = Pairs(queries={}, positives={})
_NOTHING_ASKED = TrainingData(corpus={}, train=_NO_PAIRS, dev=None, source="")
"""What pretraining has seen of queries: so a bench knows that it saw none."""


def register_pretrained(
    registry: Registry, name: str, domain: str, base: Base, corpus: ReadCorpus, request: PretrainRequest, result: PretrainResult
) -> Entry:
    """Write the folder of an adapter and enter it into the registry as a new version of `name`.

    Raises:
        RegistryError: the registry cannot be written.
    """
    config = request.config
    draft = Entry(
        kind="adapter",
        name=name,
        domain=domain,
        bases=(base_record(base.spec),),
        pooling=base.encoding.pooling,
        prompts=base.encoding.prompts,
        method=config.strategy,
        rank=largest_rank(result.run.factors),
        targets=config.targets,
        config=recorded_config(config.as_dict(), base) | ({"glossary": request.glossary.name} if request.glossary else {}),
        seed=config.seed,
        data=_describe(corpus),
        scores=held_out_scores(config, result),
    )
    return registry.add(draft, lambda folder: _write(folder, base, request, result))


def held_out_scores(config: PretrainConfig, result: PretrainResult) -> dict[str, ScoreRecord]:
    """Return the held-out loss before and after as what an entry keeps of scores."""
    return {HELD_OUT: ScoreRecord(metric=OBJECTIVES[config.objective].metric, before=result.before, after=result.after)}


def _write(folder: Path, base: Base, request: PretrainRequest, result: PretrainResult) -> None:
    write_sentence_files(base, folder)
    open_strategy(request.config).write(result.run.trained, folder, base)
    write_sketch(sketch_texts(_NOTHING_ASKED), folder / TRAINING_TEXTS)
    metric = OBJECTIVES[request.config.objective].metric
    looks = [{"step": each.step, metric: each.score} for each in result.run.evaluations]
    write_json(folder / "history.json", {"losses": result.run.losses, "looks": looks})


def _describe(corpus: ReadCorpus) -> DataRecord:
    texts = corpus.texts
    return DataRecord(
        source=corpus.source,
        fingerprint=hash_lines([*texts.train, *texts.held_out]),
        language=corpus.language,
        counts={"texts": len(texts.train), "held_out": len(texts.held_out)},
        notes=tuple(map(recorded_note, corpus.notes)),
        licence=corpus.licence,
    )
