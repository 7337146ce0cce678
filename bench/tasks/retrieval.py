"""Retrieval: each query ranks a corpus, and passages are judged to answer it."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace

import pytrec_eval
from datasets import Dataset
from mteb.abstasks import AbsTask, AbsTaskRetrieval
from mteb.abstasks.task_metadata import TaskMetadata
from mteb.types import PromptType

from ...data.pairs import Corpus, Pairs
from ...data.qrels import check_grade
from ...errors import DataError
from ...plurals import count
from ..mteb_private import texts_for_models
from .data import data_of
from .hub_task import HubTask
from .kind import ItemTexts, Passage, Ranking, Rankings, Shown, TaskKind, TextGroup, Texts, shorten_item
from .local import describe_local, storable
from .metric_names import RETRIEVAL_METRICS, RETRIEVAL_SHOWN, main_metric

# Items: queries

_MEASURES = {"ndcg": "ndcg_cut", "map": "map_cut", "recall": "recall", "precision": "P"}
"""mteb's families of retrieval metrics -> those of the library that it scores with; the ones that have a value of each query."""


def query_metric(task: AbsTask) -> str:
    """Return the metric of single queries: the task's main one, or nDCG@10 where that has none of a query."""
    family = task.metadata.main_score.partition("_at_")[0]
    return main_metric(RETRIEVAL_METRICS, task.metadata.main_score) if family in _MEASURES else "nDCG@10"


def score_items(task: AbsTask, predictions: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    """Return each query's metric, by the library and from the rankings that mteb scores."""
    family, _, cutoff = RETRIEVAL_METRICS[query_metric(task)].partition("_at_")
    if task.ignore_identical_ids:
        predictions = {qid: {pid: score for pid, score in ranked.items() if pid != qid} for qid, ranked in predictions.items()}
    evaluator = pytrec_eval.RelevanceEvaluator(data_of(task)["relevant_docs"], {f"{_MEASURES[family]}.{cutoff}"})
    return {qid: measures[f"{_MEASURES[family]}_{cutoff}"] for qid, measures in evaluator.evaluate(predictions).items()}


# Texts and sizes


def texts(task: AbsTask) -> Texts:
    """Return queries and passages."""
    return {"query": list(data_of(task)["queries"]["text"]), "document": list(data_of(task)["corpus"]["text"])}


def sizes(task: AbsTask) -> dict[str, int]:
    """Count documents and queries."""
    return {"documents": len(data_of(task)["corpus"]), "queries": len(data_of(task)["queries"])}


def hub_texts(hub_task: HubTask) -> list[TextGroup]:
    """Return queries and passages, by mteb's statistics."""
    found = hub_task.statistics()
    return [
        TextGroup("document", found["num_documents"], found["documents_text_statistics"]["average_text_length"]),
        TextGroup("query", found["num_queries"], found["queries_text_statistics"]["average_text_length"]),
    ]


def hub_sizes(hub_task: HubTask) -> dict[str, int]:
    """Count documents and queries, by mteb's statistics."""
    found = hub_task.statistics()
    return {"documents": found["num_documents"], "queries": found["num_queries"]}


# What may leak: queries. That a passage was trained on is how retrieval is trained.


def may_leak(task: AbsTask) -> dict[str, ItemTexts]:
    """Return queries with their answers."""
    data = data_of(task)
    passages = dict(zip(data["corpus"]["id"], data["corpus"]["text"], strict=True))
    judged, items = data["relevant_docs"], dict[str, ItemTexts]()
    for qid, text in zip(data["queries"]["id"], data["queries"]["text"], strict=True):
        answers = tuple(passages[pid] for pid, grade in judged.get(qid, {}).items() if grade > 0 and pid in passages)
        items[qid] = ItemTexts((text,), tuple((text, answer) for answer in answers), answers)
    return items


def part(data: dict, items: Collection[str]) -> dict | None:
    """Return the data of a split with some of its queries and the whole corpus; None where fewer than two are left."""
    wanted = set(items)
    rows = [row for row, qid in enumerate(data["queries"]["id"]) if qid in wanted]
    judged = {qid: passages for qid, passages in data["relevant_docs"].items() if qid in wanted}
    return {**data, "queries": data["queries"].select(rows), "relevant_docs": judged} if len(rows) > 1 else None


# From local data


class LocalRetrieval(AbsTaskRetrieval):  # type: ignore[misc]  # mteb is not followed by the type checker
    """A corpus, queries and judgements; with `candidates` (query id -> ids of passages) each query ranks these alone."""

    def __init__(self, metadata: TaskMetadata, corpus: Corpus, pairs: Pairs, candidates: dict[str, list[str]] | None = None) -> None:
        self.metadata = metadata
        super().__init__()
        self.corpus_texts, self.pairs, self.candidates = corpus, pairs, candidates
        self.load_data()

    def load_data(self, *args: object, **kwargs: object) -> None:  # noqa: ARG002 (mteb's signature)
        """Arrange the texts as mteb expects them; titles are joined to them already."""
        self.dataset = {
            "default": {
                self.metadata.eval_splits[0]: {
                    "corpus": _table(self.corpus_texts),
                    "queries": _table(self.pairs.queries),
                    "relevant_docs": {qid: dict(passages) for qid, passages in self.pairs.positives.items()},
                    "top_ranked": self.candidates,
                }
            }
        }
        self.data_loaded = True


def retrieval_task(name: str, corpus: Corpus, pairs: Pairs, *, language: str = "en", split: str = "test") -> AbsTask:
    """Make a retrieval task of a corpus and the queries of one split.

    Raises:
        DataError: there is no query or no passage, or a query's positive is not in the corpus.
    """
    rows = content_rows(f"{name} ({split})", corpus, pairs)
    return LocalRetrieval(describe_local(name, "Retrieval", "ndcg_at_10", rows, language=language, split=split), corpus, pairs)


def content_rows(where: str, corpus: Corpus, pairs: Pairs) -> list[tuple[object, ...]]:
    """Return all texts and judgements as rows to be hashed.

    Raises:
        DataError: as `retrieval_task`.
    """
    if not corpus or not pairs.queries:
        raise DataError(f"{where} holds {count(len(corpus), 'passage')} and {count(len(pairs), 'query')}; at least one of each is needed")
    for qid, passages in pairs.positives.items():
        if missing := [pid for pid in passages if pid not in corpus]:
            raise DataError(f"{where}: query {qid!r} names passage {missing[0]!r}, which is not in the corpus")
    lines = [("passage", *item) for item in corpus.items()] + [("query", *item) for item in pairs.queries.items()]
    return [*lines, *(("judged", qid, pid, grade) for qid, passages in pairs.positives.items() for pid, grade in passages.items())]


def _table(rows: dict[str, str]) -> Dataset:
    return Dataset.from_dict({"id": list(rows), "text": storable(rows.values())})


# From MTEB's data


def from_hub(hub_task: HubTask) -> dict:
    """Return corpus, queries and judgements, the texts as mteb gives them to a model."""
    task = hub_task.task
    task.convert_v1_dataset_format_to_v2(num_proc=None)
    parts = dict(hub_task.splits()[hub_task.split])
    for name, prompt_type in (("corpus", PromptType.document), ("queries", PromptType.query)):
        rows = parts[name]
        parts[name] = Dataset.from_dict({"id": list(rows["id"]), "text": texts_for_models(rows, task.metadata, prompt_type)})
    for qid, graded in parts["relevant_docs"].items():
        for pid, grade in graded.items():
            check_grade(f"{hub_task.name}: query {qid!r} with passage {pid!r}", grade, grade)
    return {hub_task.split: parts | {"top_ranked": parts.get("top_ranked")}}


# What the report shows of a query: two of its answers, and what came first

_ANSWERS = 2
_NOT_FOUND = 10**9


def show_items(task: AbsTask) -> Callable[[str, Rankings], Shown]:
    """Return what describes a query: its text, the answers that were ranked best, and what else came first."""
    data = data_of(task)
    queries = dict(zip(data["queries"]["id"], data["queries"]["text"], strict=True))
    passages = dict(zip(data["corpus"]["id"], data["corpus"]["text"], strict=True))

    def describe(item: str, rankings: Rankings) -> Shown:
        known = {name: ranking for name, ranking in rankings.items() if ranking}
        answers = [pid for pid, grade in data["relevant_docs"].get(item, {}).items() if grade > 0 and pid in passages]
        answers.sort(key=lambda pid: min((ranking.ranks.get(pid, _NOT_FOUND) for ranking in known.values()), default=_NOT_FOUND))
        shown = [Passage(_label(pid, known), shorten_item(passages[pid]), True) for pid in answers[:_ANSWERS]]
        firsts = {name: ranking.first for name, ranking in known.items() if ranking.first not in answers[:_ANSWERS]}
        for pid in dict.fromkeys(firsts.values()):
            by = " and ".join(name for name, first in firsts.items() if first == pid)
            shown.append(Passage(f"first with {by}", shorten_item(passages[pid]), pid in answers))
        more = f"{len(answers)} answers" if len(answers) > _ANSWERS else ""
        return (shorten_item(queries[item]),), tuple(shown), more

    return describe


def _label(pid: str, known: Mapping[str, Ranking]) -> str:
    ranks = [
        f"rank {ranking.ranks[pid]:,} with {name}" if pid in ranking.ranks else f"not found with {name}" for name, ranking in known.items()
    ]
    return "answer" + (f": {', '.join(ranks)}" if ranks else "")


def of_task(kind: TaskKind, task: AbsTask) -> TaskKind:
    """Return the row with the metric of single queries that goes with the task's main score."""
    return replace(kind, item_metric=query_metric(task))


KIND = TaskKind(
    metrics=RETRIEVAL_METRICS,
    shown_metrics=RETRIEVAL_SHOWN,
    item="queries",
    item_metric="nDCG@10",
    score_items=score_items,
    statistic="mean",
    texts=texts,
    sizes=sizes,
    hub_texts=hub_texts,
    hub_sizes=hub_sizes,
    may_leak=may_leak,
    part=part,
    from_hub=from_hub,
    show_items=show_items,
    needs_vectors=False,
    of_task=of_task,
)
