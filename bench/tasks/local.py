"""What every local task is described by: mteb's metadata, with the hash of the content as revision."""

import json
from collections.abc import Iterable, Sequence

from mteb.abstasks.task_metadata import TaskMetadata, TaskType

from ...data.pairs import hash_lines

_LANGUAGE_CODES = {"en": "eng-Latn", "zh": "zho-Hans"}


def describe_local(
    name: str, kind: TaskType, main_score: str, rows: Iterable[Sequence[object]], *, language: str, split: str
) -> TaskMetadata:
    """Return the metadata of local data; `rows` hold everything that a score depends on."""
    return TaskMetadata(
        name=name,
        description=f"Local data, split {split}.",
        dataset={"path": "local", "revision": hash_lines(json.dumps(row) for row in rows)},
        type=kind,
        category="t2t",
        eval_splits=[split],
        eval_langs=[_LANGUAGE_CODES.get(language, "eng-Latn")],
        main_score=main_score,
    )


def numbered_rows(kind: str, *columns: Sequence[object]) -> list[tuple[object, ...]]:
    """Return the rows of a table for `describe_local`, numbered, so that their order counts."""
    return [(kind, *row) for row in zip(range(len(columns[0])), *columns, strict=True)]


def storable(texts: Iterable[str]) -> list[str]:
    """Replace lone surrogates as the encoder does; arrow stores none."""
    return [text.encode("utf-8", "replace").decode("utf-8") for text in texts]
