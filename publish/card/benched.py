"""What the JSON of `adapt bench` says of one version: its scores beside the base's, the means, and what of the tasks it saw in training."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...errors import ConfigError
from ...json_text import parse_json

_MAKE = "write it with: adapt bench REF --json > FILE"


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskScore:
    """One task: the main score of the version and of its base.

    Attributes:
        task: Its name.
        type: As MTEB calls the kind of task.
        split: What was scored on.
        role: `domain`, or `general`: what was lost elsewhere.
        items: How many queries, pairs or rows were scored.
        item: What they are.
        metric: Of the score.
        before: The base's.
        after: The version's.
        low: Lower end of the 95 % interval of the difference; None where there is none.
        high: Upper end.
        significant: Whether the difference is.
        others: Further metrics of the version.
    """

    task: str
    type: str
    split: str
    role: str
    items: int
    item: str
    metric: str
    before: float
    after: float
    low: float | None
    high: float | None
    significant: bool
    others: Mapping[str, float]

    @property
    def difference(self) -> float:
        """What was gained."""
        return self.after - self.before


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenTask:
    """What was seen of one task in training: how many of its items, of how many; of which ancestors no texts are recorded."""

    task: str
    items: int
    item: str
    seen: int
    answers: int
    unknown: tuple[str, ...]
    was_compared: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """The named columns, as `bench.result.Summary` has them; `kept` is parent -> share of its gain, None where that says nothing."""

    domain: float | None
    gain: float | None
    general: float | None
    general_change: float | None
    kept: Mapping[str, float | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Benched:
    """What a bench found of one version."""

    base: str
    precision: str
    max_tokens: int
    mteb_version: str
    scores: tuple[TaskScore, ...]
    means: Means
    seen: tuple[SeenTask, ...]


def read_bench(path: Path, reference: str) -> Benched:
    """Read what `adapt bench --json` or `--per-query` wrote.

    Args:
        path: The file.
        reference: The version, by its full name.

    Raises:
        ConfigError: it cannot be read, is nothing that the bench wrote, or holds no score of the version.
    """
    try:
        content = parse_json(path.read_text(encoding="utf-8"))
    except OSError as e:
        raise ConfigError(f"--bench {path} cannot be read: {e.strerror or e}") from e
    except ValueError as e:
        raise ConfigError(f"--bench {path} is not JSON ({e}); {_MAKE}") from e
    try:
        return _benched(content, reference, path)
    except (KeyError, TypeError, AttributeError, ValueError, StopIteration) as e:
        raise ConfigError(f"--bench {path} is not what adapt bench writes ({type(e).__name__}: {e}); {_MAKE}") from e


def _benched(content: Mapping[str, Any], reference: str, path: Path) -> Benched:
    found = {str(each["name"]): each for each in content["references"]}
    if found.get(reference, {}).get("base") is None:
        scored = ", ".join(name for name, each in found.items() if each["base"] is not None) or "none"
        raise ConfigError(f"--bench {path} holds no score of {reference}; it holds: {scored}. To score it: adapt bench {reference} --json")
    own = found[reference]
    base = str(own["base"])
    metrics = {(str(each["task"]), str(each["reference"])): each for each in content["scores"]}
    scores = tuple(_score(task, metrics[task["name"], reference], metrics[task["name"], base]) for task in content["tasks"])
    return Benched(
        base=base,
        precision=str(own["precision"]),
        max_tokens=int(own["max_tokens"]),
        mteb_version=str(content["mteb_version"]),
        scores=scores,
        means=_means(next(each for each in content["summary"] if each["reference"] == reference)),
        seen=tuple(_seen(content.get("leakage", {}), reference)),
    )


def _score(task: Mapping[str, Any], own: Mapping[str, Any], base: Mapping[str, Any]) -> TaskScore:
    metric = str(task["main_metric"])
    interval = own["interval"] or {}
    fits = interval.get("metric") == metric  # else it is the interval of another metric's difference
    return TaskScore(
        task=str(task["name"]),
        type=str(task["type"]),
        split=str(task["split"]),
        role=str(task["role"]),
        items=int(task["items"]),
        item=str(task["item"]),
        metric=metric,
        before=float(base["metrics"][metric]),
        after=float(own["metrics"][metric]),
        low=_number(interval.get("low")) if fits else None,
        high=_number(interval.get("high")) if fits else None,
        significant=fits and interval.get("significant") is True,
        others={str(name): float(own["metrics"][name]) for name in task["shown"] if name != metric and name in own["metrics"]},
    )


def _means(summary: Mapping[str, Any]) -> Means:
    return Means(
        domain=_number(summary["domain_mean"]),
        gain=_number(summary["gain"]),
        general=_number(summary["general_mean"]),
        general_change=_number(summary["general_change"]),
        kept={str(each["parent"]): _number(each["share"]) for each in summary["gain_kept"]},
    )


def _seen(leakage: Mapping[str, Any], reference: str) -> Iterator[SeenTask]:
    for cell in leakage.get("cells", ()):
        if cell["reference"] == reference:
            yield SeenTask(
                task=str(cell["task"]),
                items=int(cell["items"]),
                item=str(cell["item"]),
                seen=len(cell["leaks"]),
                answers=int(cell["answers_seen"]),
                unknown=tuple(map(str, cell["unknown"])),
                was_compared=bool(cell["trained"]),
            )


_number: Callable[[Any], float | None] = lambda value: None if value is None else float(value)  # noqa: E731
