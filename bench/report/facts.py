"""What made a bench's numbers: of every reference its hashes, seed, base and training data; the versions of the libraries."""

import platform
from collections.abc import Sequence

from ...references import Resolved
from ...registry import Entry, ParentRecord
from ...versions import library_versions
from ..leaks.unseen import unseen_name
from ..result import BenchResult
from ..run.models import Model

_LIBRARIES = ("mteb", "torch", "transformers", "tokenizers", "datasets", "numpy", "scipy", "scikit-learn", "pytrec-eval-terrier")
Facts = tuple[tuple[str, str], ...]
"""A fact: (what, value)."""


def software_facts() -> Facts:
    """Return what the scores were computed with."""
    (own, *libraries) = library_versions(*_LIBRARIES).items()
    return (own, ("Python", platform.python_version()), ("platform", platform.platform()), *libraries)


def reference_facts(models: Sequence[Model], found: Sequence[Resolved]) -> list[tuple[str, Facts]]:
    """Return of each model how it came about and how it was computed."""
    by_name = {resolved.reference: resolved for resolved in found}
    return [(model.name, _of_model(model, by_name.get(model.name))) for model in models]


def _of_model(model: Model, resolved: Resolved | None) -> Facts:
    own = model.identity
    computed = (
        ("what", model.description),
        ("compared with", model.base or "nothing: it is a base"),
        ("computed in", own.precision),
        ("longest text", f"{own.max_tokens} tokens"),
        ("hash of all that its vectors depend on", own.revision),
    )
    bases = tuple((f"base {base.name}", f"sha256 {base.sha256}") for base in resolved.bases) if resolved else ()
    entry = _of_entry(resolved.entry) if resolved and resolved.entry else ()
    return (*computed, *bases, *entry)


def _of_entry(entry: Entry) -> Facts:
    facts = {
        "method": entry.method,
        "seed": None if entry.seed is None else str(entry.seed),
        "made": entry.created,
        "trained on": entry.data.source if entry.data else None,
        "training data": f"sha256 {entry.data.fingerprint}" if entry.data and entry.data.fingerprint else None,
        "made from": ", ".join(_parent(parent) for parent in entry.parents) or None,
    }
    files = tuple((name, f"sha256 {file.sha256}") for name, file in entry.files.items() if name.endswith(".safetensors"))
    return tuple((what, str(value)) for what, value in facts.items() if value) + files


def _parent(parent: ParentRecord) -> str:
    return parent.reference if parent.weight is None else f"{parent.weight:.4g} {parent.reference}"


def task_rows(result: BenchResult) -> list[tuple[str, ...]]:
    """Return of each task what it is, for a table under `TASK_HEADINGS`."""
    rests = {unseen_name(task.name) for task in result.tasks}
    return [
        (
            task.name,
            task.type,
            task.split,
            f"{task.items:,} {task.item}",
            "nothing: a part" if task.name in rests else task.domain or task.role,
            task.main_metric,
            task.revision,
        )
        for task in result.tasks
    ]


TASK_HEADINGS = ("task", "type", "split", "items", "counts toward", "main metric", "hash of its data")
