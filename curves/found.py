"""What the user names -> the curves of its runs: of versions by their history, of others by the file that is written while they go on."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import AdapterError, RegistryError, UnknownReferenceError
from ..references import Located, Search, locate_reference
from ..registry.curve_file import CurvePoint, read_curve
from ..registry.runs import InterruptedRun, curve_of, facts_of, find_run, list_runs, read_run_facts

HISTORY = "history.json"
_BESIDE_SETTINGS = ("device", "libraries", "seeds", "dev", "sweep", "energy")
"""What the configuration of an entry records beside settings."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundCurve:
    """The curve of one run.

    Attributes:
        name: A version's reference, or the run's id with the name that its adapter will have.
        state: Where it is: `finished`, `interrupted`, `under way`.
        points: Of its steps, in their order.
        settings: By name, as JSON holds them; empty where they are not known.
        about: What else is known: base, data, domain.
    """

    name: str
    state: str
    points: Sequence[CurvePoint]
    settings: Mapping[str, Any] = field(default_factory=dict)
    about: Mapping[str, str] = field(default_factory=dict)


def find_curves(words: Sequence[str], search: Search) -> list[FoundCurve]:
    """Return the curves of runs and versions; without words, of all runs that are under way or were interrupted.

    Args:
        words: Ids of runs or their beginnings, or references.
        search: Where they are looked for.

    Raises:
        UnknownReferenceError: there is nothing of that name.
        AdapterError: a version has no curve.
    """
    home = search.registry.home
    runs = list_runs(home)
    if not words:
        found = [curve for run in runs for curve in _of_run(run)]
        if not found:
            raise RegistryError(
                "no run is under way or was interrupted; name versions, whose curves are kept: adapt runs --html OUT.html legal@1"
            )
        return found
    return [curve for word in dict.fromkeys(words) for curve in _find(word, home, runs, search)]


def _find(word: str, home: Path, runs: Sequence[InterruptedRun], search: Search) -> Iterator[FoundCurve]:
    names = {entry.name for entry in search.registry.entries()}
    if any(run.id == word or (run.id.startswith(word) and word not in names) for run in runs):
        found = list(_of_run(find_run(home, word)))
        if not found:
            raise AdapterError(f"the run {word} has no curve: none of its steps is done")
        yield from found
        return
    try:
        yield _of_version(locate_reference(word, search))
    except UnknownReferenceError as e:
        raise UnknownReferenceError(f"{e}. Runs: {', '.join(run.id for run in runs) or 'none'}") from None


def _of_run(run: InterruptedRun) -> Iterator[FoundCurve]:
    """Give the curve of a run; of a sweep, those of its trials that have not ended."""
    folders = [run.path] if run.trials is None else sorted(each for each in run.path.glob("*") if each.is_dir() and each.name.isdecimal())
    for folder in folders:
        points = read_curve(curve_of(folder))
        if not points:
            continue
        facts = read_run_facts(facts_of(folder))
        settings = facts.get("config")
        name = f"{run.name or ''} {run.id[:8]}".strip() if run.trials is None else f"{run.name or ''} {run.id}, trial {folder.name}".strip()
        yield FoundCurve(
            name=name,
            state="under way" if run.is_running else "interrupted",
            points=points,
            settings=settings if isinstance(settings, dict) else {},
            about={key: value for key, value in (("domain", run.domain), ("base", run.base), ("data", run.data)) if value},
        )


def _of_version(located: Located) -> FoundCurve:
    """Return the curve of a version.

    Raises:
        AdapterError: it was not trained here, or its history is damaged.
    """
    folder, entry = located.folder, located.entry
    path = None if folder is None else folder / HISTORY
    if path is None or not path.is_file():
        raise AdapterError(f"{located.reference} has no curve: it is not the version of a training run")
    try:
        points = list(_points(json.loads(path.read_text(encoding="utf-8")), located))
    except (OSError, ValueError, LookupError, TypeError) as e:
        raise AdapterError(f"{path} is damaged ({type(e).__name__}: {e}); adapt verify says what else is") from e
    config = entry.config if entry else {}
    about = {"domain": entry.domain, "base": entry.base_labels, "data": entry.data.source if entry.data else None} if entry else {}
    return FoundCurve(
        name=located.reference,
        state="finished",
        points=points,
        settings={name: value for name, value in config.items() if name not in _BESIDE_SETTINGS},
        about={key: value for key, value in about.items() if value},
    )


def _points(history: Mapping[str, Any], located: Located) -> Iterator[CurvePoint]:
    """Give the steps of a history, whose rates are there since they are kept."""
    losses, rates, looks = history["losses"], history.get("rates", []), {each["step"]: each for each in history["looks"]}
    metric = located.entry.dev.metric if located.entry and located.entry.dev else None
    for step in range(len(losses) + 1):
        scores = {name: score for name, score in looks.get(step, {}).items() if name != "step"}
        main = metric if metric in scores else next(iter(scores), None)
        if step or scores:
            yield CurvePoint(
                step=step,
                steps=len(losses),
                loss=losses[step - 1] if step else None,
                rate=rates[step - 1] if step and len(rates) >= step else None,
                dev=None if main is None else scores.pop(main),
                metric=main,
                beside=scores,
            )
