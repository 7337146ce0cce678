"""Notes on a task's data, beside its scores: what was skipped, not used, or judged twice, and what is ranked."""

from collections.abc import Iterable

from mteb.abstasks import AbsTask


def with_notes(task: AbsTask, notes: Iterable[str]) -> AbsTask:
    """Return a task that carries notes; what is left of it without what was seen in training carries them as well."""
    task.data_notes = tuple(notes)
    return task


def notes_of(task: AbsTask) -> tuple[str, ...]:
    """Return the notes of a task; one of MTEB's has none."""
    notes: tuple[str, ...] = getattr(task, "data_notes", ())
    return notes
