"""Which texts of a task are encoded, by role, and how large it is."""

import numpy as np
from mteb.abstasks import AbsTask

from ...choices import Role
from .data import data_of, split_of

Texts = dict[Role, list[str]]


def retrieval_texts(task: AbsTask) -> Texts:
    """Return queries and passages."""
    return {"query": list(data_of(task)["queries"]["text"]), "document": list(data_of(task)["corpus"]["text"])}


def pair_texts(task: AbsTask) -> Texts:
    """Return both sides of all pairs."""
    return {"document": [*data_of(task)["sentence1"], *data_of(task)["sentence2"]]}


def classification_texts(task: AbsTask) -> Texts:
    """Return the rows that are scored and the train rows that mteb draws."""
    if task.is_cross_validation:
        return {"document": list(data_of(task)["text"])}
    train = split_of(task, task.train_split)["text"]
    return {"document": [*(train[row] for row in drawn_train_rows(task)), *data_of(task)["text"]]}


def drawn_train_rows(task: AbsTask) -> list[int]:
    """Return the train rows that mteb's experiments draw, as `AbsTaskClassification` draws them: each shuffles what the last one shuffled."""
    labels = list(split_of(task, task.train_split)["label"])
    order, drawn = list(range(len(labels))), set()
    for _ in range(task.n_experiments):
        np.random.RandomState(task.seed).shuffle(order)
        left = dict.fromkeys(labels, task.samples_per_label)
        for row in order:
            if left[labels[row]]:
                left[labels[row]] -= 1
                drawn.add(row)
    return sorted(drawn)


def clustering_texts(task: AbsTask) -> Texts:
    """Return the rows that are encoded: of a large set mteb draws some; their number is right, and which ones they are is not."""
    texts = data_of(task)["sentences"]
    if len(texts) and isinstance(texts[0], list):
        return {"document": [text for each in texts for text in each]}
    return {"document": list(texts[: most_clustered(task, len(texts))])}


def most_clustered(task: AbsTask, rows: int) -> int:
    """Return how many of a clustering's rows mteb encodes."""
    share, most = getattr(task, "max_fraction_of_documents_to_embed", None), getattr(task, "max_document_to_embed", None)
    return min(rows, int(share * rows) if share is not None else most if most is not None else rows)


def retrieval_sizes(task: AbsTask) -> dict[str, int]:
    """Count documents and queries."""
    return {"documents": len(data_of(task)["corpus"]), "queries": len(data_of(task)["queries"])}


def pair_sizes(task: AbsTask) -> dict[str, int]:
    """Count pairs."""
    return {"pairs": len(data_of(task)["sentence1"])}


def classification_sizes(task: AbsTask) -> dict[str, int]:
    """Count the rows that are scored, and the train rows."""
    train = {} if task.is_cross_validation else {"train rows": len(split_of(task, task.train_split)["text"])}
    return {"rows": len(data_of(task)["text"])} | train


def clustering_sizes(task: AbsTask) -> dict[str, int]:
    """Count rows."""
    return {"rows": len(data_of(task)["labels"])}
