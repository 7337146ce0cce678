"""The texts of single items, for people: a query with its answers and what came first, a pair of sentences, a row."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from mteb.abstasks import AbsTask

from ..tasks.data import data_of
from .findings import Ranking

_LONGEST = 600  # characters of one text
_ANSWERS = 2  # that are shown of one query

Rankings = Mapping[str, Ranking | None]
"""Base and reference, in this order -> what it made of a query; None where that is not known."""


@dataclass(frozen=True, slots=True)
class Passage:
    """A passage: what it is here, its text, and whether it answers the query."""

    label: str
    text: str
    answers: bool


Described = tuple[tuple[str, ...], tuple[Passage, ...], str]
"""The texts of an item, its passages, and what people said of it."""


def _of_queries(task: AbsTask) -> Callable[[str, Rankings], Described]:
    data = data_of(task)
    queries = dict(zip(data["queries"]["id"], data["queries"]["text"], strict=True))
    passages = dict(zip(data["corpus"]["id"], data["corpus"]["text"], strict=True))

    def describe(item: str, rankings: Rankings) -> Described:
        answers = [pid for pid, grade in data["relevant_docs"].get(item, {}).items() if grade > 0 and pid in passages]
        answers.sort(key=lambda pid: min((ranking.ranks.get(pid, _NOWHERE) for ranking in rankings.values() if ranking), default=_NOWHERE))
        shown = [Passage(_rank_label(pid, rankings), _shorten(passages[pid]), True) for pid in answers[:_ANSWERS]]
        firsts = {name: ranking.first for name, ranking in rankings.items() if ranking and ranking.first not in answers[:_ANSWERS]}
        for pid in dict.fromkeys(firsts.values()):
            by = " and ".join(name for name, first in firsts.items() if first == pid)
            shown.append(Passage(f"first with {by}", _shorten(passages[pid]), pid in answers))
        more = f"{len(answers)} answers" if len(answers) > _ANSWERS else ""
        return (_shorten(queries[item]),), tuple(shown), more

    return describe


_NOWHERE = 10**9


def _rank_label(pid: str, rankings: Rankings) -> str:
    ranks = [f"{_ordinal(ranking.ranks.get(pid))} with {name}" for name, ranking in rankings.items() if ranking]
    return "answer" + (f": {', '.join(ranks)}" if ranks else "")


def _ordinal(rank: int | None) -> str:
    return "not found" if rank is None else f"rank {rank:,}"


def _of_similarities(task: AbsTask) -> Callable[[str, Rankings], Described]:
    return _of_pairs(task, "score", lambda value: f"people said {value:g}")


def _of_labelled_pairs(task: AbsTask) -> Callable[[str, Rankings], Described]:
    return _of_pairs(task, "labels", lambda value: "belong together" if value else "do not belong together")


def _of_pairs(task: AbsTask, column: str, say: Callable[[float], str]) -> Callable[[str, Rankings], Described]:
    data = data_of(task)
    first, second, gold = data["sentence1"], data["sentence2"], data[column]

    def describe(item: str, _rankings: Rankings) -> Described:
        row = int(item) - 1
        return (_shorten(first[row]), _shorten(second[row])), (), say(gold[row])

    return describe


def _of_rows(task: AbsTask) -> Callable[[str, Rankings], Described]:
    texts, labels = data_of(task)["text"], data_of(task)["label"]
    return lambda item, _rankings: ((_shorten(texts[int(item) - 1]),), (), f"label {labels[int(item) - 1]}")


def _shorten(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


ITEM_TEXTS: dict[str, Callable[[AbsTask], Callable[[str, Rankings], Described]]] = {
    "Retrieval": _of_queries,
    "Reranking": _of_queries,
    "STS": _of_similarities,
    "PairClassification": _of_labelled_pairs,
    "Classification": _of_rows,
}
"""Type of a task -> the task -> what describes one of its items."""
