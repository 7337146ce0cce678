"""How long a task will take whose texts are not here: by mteb's statistics of it, the speed being measured on like texts of a sample."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from ...choices import Role
from ...data.sample import sample_folder
from ...encoders.protocol import NetworkEncoder
from ...plurals import count, singular
from ..hub.task import HubTask
from ..run.models import Entrant
from ..tasks.texts import most_clustered
from .speed import count_tokens, minutes_for

_TRIED = 8
"""Texts of a task's mean length that the speed is measured on."""
_MOST_CHARACTERS = 20_000  # longer than any base reads


@dataclass(frozen=True, slots=True)
class TextGroup:
    """Texts of one role: how many there are, and how many characters they have on average."""

    role: Role
    count: int
    characters: float


@dataclass(frozen=True, slots=True, kw_only=True)
class EstimatedTask:
    """One task that is not in the cache, for one entrant. `sizes` is empty and the rest None where mteb has no statistics of it."""

    task: str
    reference: str
    sizes: dict[str, int]
    texts: int | None
    tokens: int | None
    minutes: float | None

    def describe(self) -> str:
        """Return it as a line of text."""
        name = f"{self.task} with {self.reference}"
        if self.minutes is None:
            return f"{name}: not in the cache, and of unknown size"
        sizes = ", ".join(count(number, singular(what)) for what, number in self.sizes.items())
        return f"{name}: {sizes}; not in the cache, roughly {self.tokens} tokens, about {self.minutes:.1f} min"


def estimate(entrant: Entrant, task: HubTask) -> EstimatedTask:
    """Estimate what one entrant takes for a task that is not loaded."""
    groups = text_groups(task)
    if not groups:
        return EstimatedTask(task=task.name, reference=entrant.name, sizes={}, texts=None, tokens=None, minutes=None)
    costs = [_cost(network, group, task.language) for network in entrant.encoder.networks() for group in groups]
    return EstimatedTask(
        task=task.name,
        reference=entrant.name,
        sizes=_sizes(task),
        texts=sum(group.count for group in groups),
        tokens=round(sum(tokens for tokens, _ in costs)),
        minutes=sum(minutes for _, minutes in costs),
    )


def text_groups(task: HubTask) -> list[TextGroup]:
    """Return the texts that a task has encoded, by mteb's statistics; empty where it has none."""
    try:
        return [group for group in GROUPS[task.task.metadata.type](task) if group.count]
    except (KeyError, TypeError):  # there are no statistics, or they lack this part
        return []


def _cost(network: NetworkEncoder, group: TextGroup, language: str) -> tuple[float, float]:
    """Return the tokens and minutes of a group of texts."""
    length = min(max(1, round(group.characters)), _MOST_CHARACTERS)
    prose = _prose(language)
    start = [row * length % max(1, len(prose) - length) for row in range(_TRIED)]
    tried = count_tokens(network, {group.role: [prose[at : at + length] for at in start]})
    share = group.count / len(tried)
    return sum(each.tokens for each in tried) * share, minutes_for(network, tried) * share


@cache
def _prose(language: str) -> str:
    """Return the passages of a sample as one text, repeated so that the longest text can be cut from it."""
    text = " ".join(sample_folder("legal", language).corpus().values())
    return text * (2 * _MOST_CHARACTERS // len(text) + 1)


def _ranking(task: HubTask) -> list[TextGroup]:
    found = task.statistics()
    return [
        TextGroup("document", found["num_documents"], found["documents_text_statistics"]["average_text_length"]),
        TextGroup("query", found["num_queries"], found["queries_text_statistics"]["average_text_length"]),
    ]


def _pairs(task: HubTask) -> list[TextGroup]:
    found = task.statistics()
    sides = (found["text1_statistics"], found["text2_statistics"])
    return [TextGroup("document", found["num_samples"], side["average_text_length"]) for side in sides]


def _classes(task: HubTask) -> list[TextGroup]:
    return [TextGroup("document", count, mean) for count, mean in (_scored_rows(task), _train_rows(task))]


def _scored_rows(task: HubTask) -> tuple[int, float]:
    found = task.statistics()
    return found["num_samples"], found["text_statistics"]["average_text_length"]


def _train_rows(task: HubTask) -> tuple[int, float]:
    """Return at most how many train rows mteb draws."""
    own = task.task
    if own.is_cross_validation:
        return 0, 0.0
    found = task.statistics(own.train_split)
    drawn = own.n_experiments * own.samples_per_label * found["label_statistics"]["unique_labels"]
    return min(found["num_samples"], drawn), found["text_statistics"]["average_text_length"]


def _clusters(task: HubTask) -> list[TextGroup]:
    count, mean = _scored_rows(task)
    return [TextGroup("document", most_clustered(task.task, count), mean)]


def _sizes(task: HubTask) -> dict[str, int]:
    found, kind = task.statistics(), task.task.metadata.type
    if "num_documents" in found:
        return {"documents": found["num_documents"], "queries": found["num_queries"]}
    return {"pairs" if kind in ("STS", "PairClassification") else "rows": found["num_samples"]}


GROUPS: dict[str, Callable[[HubTask], list[TextGroup]]] = {
    "Retrieval": _ranking,
    "Reranking": _ranking,
    "STS": _pairs,
    "PairClassification": _pairs,
    "Classification": _classes,
    "Clustering": _clusters,
}
"""Type of a task -> the texts that it has encoded."""
