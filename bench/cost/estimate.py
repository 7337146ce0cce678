"""How long a task will take whose texts are not here: by mteb's statistics of it, the speed being measured on like texts of a sample."""

from dataclasses import dataclass
from functools import cache

from ...data.sample import sample_folder
from ...encoders.protocol import NetworkEncoder
from ...plurals import count, singular
from ..run.models import Model
from ..tasks.hub_task import HubTask
from ..tasks.kind import TextGroup
from ..tasks.table import TASK_KINDS
from .speed import count_tokens, minutes_for

_TRIED = 8
"""Texts of a task's mean length that the speed is measured on."""
_MOST_CHARACTERS = 20_000  # longer than any base reads


@dataclass(frozen=True, slots=True, kw_only=True)
class EstimatedTask:
    """One task that is not in the cache, for one model. `sizes` is empty and the rest None where mteb has no statistics of it."""

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


def estimate(model: Model, task: HubTask) -> EstimatedTask:
    """Estimate what one model takes for a task that is not loaded."""
    groups = text_groups(task)
    if not groups:
        return EstimatedTask(task=task.name, reference=model.name, sizes={}, texts=None, tokens=None, minutes=None)
    costs = [_cost(network, group, task.language) for network in model.encoder.networks() for group in groups]
    return EstimatedTask(
        task=task.name,
        reference=model.name,
        sizes=TASK_KINDS[task.task.metadata.type].hub_sizes(task),
        texts=sum(group.count for group in groups),
        tokens=round(sum(tokens for tokens, _ in costs)),
        minutes=sum(minutes for _, minutes in costs),
    )


def text_groups(task: HubTask) -> list[TextGroup]:
    """Return the texts that a task has encoded, by mteb's statistics; empty where it has none."""
    try:
        return [group for group in TASK_KINDS[task.task.metadata.type].hub_texts(task) if group.count]
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
