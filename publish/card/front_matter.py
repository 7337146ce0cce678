"""What the Hub reads of a card: the YAML before its text.

Sources: https://huggingface.co/docs/hub/model-cards and https://github.com/huggingface/hub-docs/blob/main/modelcard.md

The library is `sentence-transformers`: its snippet on the Hub, `SentenceTransformer("OWNER/NAME")`, is the one line that loads such a folder
whole, with pooling, normalisation and prompts. The snippet of `peft` knows no task of type FEATURE_EXTRACTION and would say that it is invalid.
An ensemble, which adapt alone opens, is of the library `adapt`, for which the Hub shows no snippet.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ...shown_text import one_line
from .benched import TaskScore
from .facts import Card, is_hub_id
from .mteb_tasks import MtebData

if TYPE_CHECKING:
    from huggingface_hub import EvalResult, ModelCardData

PIPELINE = "sentence-similarity"
_RELATIONS = {"merge": "merge", "model": "finetune"}
"""Kind -> its relation to what it was made from; the others are adapters."""
_TAGS = ("adapt", "feature-extraction", PIPELINE)
_KIND_TAGS = {
    "adapter": ("sentence-transformers", "peft", "lora"),
    "merge": ("sentence-transformers", "peft", "lora", "merge"),
    "ensemble": ("ensemble",),
    "model": ("sentence-transformers",),
}
_TASK_TYPES = {
    "Retrieval": ("information-retrieval", "Information Retrieval"),
    "InstructionRetrieval": ("information-retrieval", "Information Retrieval"),
    "Reranking": ("reranking", "Reranking"),
    "STS": ("semantic-similarity", "Semantic Similarity"),
    "PairClassification": ("binary-classification", "Binary Classification"),
    "Classification": ("text-classification", "Text Classification"),
    "Clustering": ("clustering", "Clustering"),
}
"""Kind of task in MTEB -> type and name in a model index, as sentence-transformers' own cards spell them."""


def front_matter(card: Card) -> ModelCardData:
    """Return the metadata of a card."""
    from huggingface_hub import ModelCardData

    entry = card.entry
    relation = _RELATIONS.get(entry.kind, "adapter")
    models = list(_models(card))
    results = list(_results(card))
    return ModelCardData(
        language=_one_or_list(card.languages),
        license=card.licence,
        library_name="adapt" if entry.kind == "ensemble" else "sentence-transformers",
        pipeline_tag=PIPELINE,
        base_model=_one_or_list(models),
        base_model_relation=relation if models else None,
        tags=[*_TAGS, *_KIND_TAGS.get(entry.kind, ()), *_own_tags(card), *(f"base_model:{relation}:{model}" for model in models)],
        datasets=list(_data_sets(card)) or None,
        metrics=list(dict.fromkeys(result.metric_type for result in results)) or None,
        model_name=entry.name if results else None,
        eval_results=results or None,
    )


def _one_or_list(values: tuple[str, ...] | list[str]) -> str | list[str] | None:
    return (values[0] if len(values) == 1 else list(values)) if values else None


def _models(card: Card) -> Iterator[str]:
    """Yield the Hub ids of the bases, and of a merge's parents."""
    found = [base.id for base in card.bases]
    if card.entry.kind == "merge":
        found += [parent.id for parent in card.parents]
    yield from dict.fromkeys(each for each in found if each)


def _own_tags(card: Card) -> Iterator[str]:
    if card.entry.domain and re.fullmatch(r"[\w.-]+", card.entry.domain):
        yield card.entry.domain
    if card.entry.side != "both":
        yield f"{card.entry.side}-side"


def _data_sets(card: Card) -> Iterator[str]:
    """Yield the Hub ids of the data sets that were trained on, each once."""
    named = (each.source.partition(":")[2].partition("@")[0] for each in card.data if each.source.startswith(("hub:", "hf:")))
    yield from dict.fromkeys(each for each in named if is_hub_id(each))


def _results(card: Card) -> Iterator[EvalResult]:
    from huggingface_hub import EvalResult

    if card.dev is not None and card.dev.after is not None:
        yield EvalResult(
            task_type="information-retrieval",
            task_name="Information Retrieval",
            dataset_type="unknown",
            dataset_name="the dev split of its training data",
            dataset_split="dev",
            metric_type=_metric_id(card.dev.metric),
            metric_name=one_line(card.dev.metric),
            metric_value=round(card.dev.after, 5),
        )
    if card.bench is not None:
        yield from (_result(score, card.mteb_data.get(score.task)) for score in card.bench.scores)


def _result(score: TaskScore, data: MtebData | None) -> EvalResult:
    from huggingface_hub import EvalResult

    kind, name = _TASK_TYPES.get(score.type, (_metric_id(score.type), one_line(score.type)))
    return EvalResult(
        task_type=kind,
        task_name=name,
        dataset_type=data.id if data else "unknown",
        dataset_name=f"MTEB {score.task}" if data else one_line(score.task),
        dataset_config=data.subset if data else None,
        dataset_split=one_line(score.split),
        dataset_revision=data.revision if data else None,
        metric_type=data.main_score if data and data.metric == score.metric else _metric_id(score.metric),
        metric_name=one_line(score.metric),
        metric_value=round(score.after, 5),
    )


def _metric_id(metric: str) -> str:
    """Return a metric as mteb and the Hub spell it: `nDCG@10` as `ndcg_at_10`."""
    from ...bench.tasks.metric_names import RETRIEVAL_METRICS

    return RETRIEVAL_METRICS.get(metric) or re.sub(r"\W+", "_", metric.lower()).strip("_")
