"""Dev sets without a search: pairs whose cosines are compared with similarities or labels, and texts of classes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..choices import Role
from ..encoders.protocol import Encodes
from ..label_metrics import CLASS_METRICS, PAIR_METRICS
from ..metric_names import DevKind
from ..plurals import count
from .dev_set import encode_distinct


@dataclass(frozen=True, slots=True, kw_only=True)
class DevPairs:
    """Pairs of sentences, and what their cosines are compared with.

    Attributes:
        kind: Whether the targets are similarities on any scale, or the labels 1 (they belong together) and 0.
        first: One sentence of each pair.
        second: The other one.
        targets: Of each pair.
        metric: What is measured, by its spelling.
        first_role: How the first sentences go in: as queries where queries alone are adapted. The second ones are documents.
    """

    kind: DevKind
    first: Sequence[str]
    second: Sequence[str]
    targets: Sequence[float]
    metric: str
    first_role: Role = "document"

    def describe(self) -> str:
        """Say in a line what it is."""
        return f"{count(len(self.targets), 'sentence pair')}, {self.kind.removesuffix(' pairs')}"

    def texts(self) -> dict[Role, list[str]]:
        """Return the texts of each role."""
        if self.first_role == "query":
            return {"query": [*self.first], "document": [*self.second]}
        return {"query": [], "document": [*self.first, *self.second]}

    def score(self, encoder: Encodes) -> float:
        """Return the metric of the cosines."""
        first, second = (
            encode_distinct(encoder, [*side], role) for side, role in ((self.first, self.first_role), (self.second, "document"))
        )
        cosines = np.einsum("nd,nd->n", first, second, dtype=np.float64)
        return PAIR_METRICS[self.metric](cosines, np.asarray(self.targets, np.float64))


@dataclass(frozen=True, slots=True, kw_only=True)
class DevClasses:
    """Texts of classes: a logistic regression is fitted to the vectors of some, and predicts the others'.

    Attributes:
        train: What it is fitted to.
        train_labels: Their classes.
        dev: What is predicted.
        dev_labels: Their classes, each one of the others'.
        metric: What is measured, by its spelling.
        role: How texts go in.
    """

    train: Sequence[str]
    train_labels: Sequence[str]
    dev: Sequence[str]
    dev_labels: Sequence[str]
    metric: str
    role: Role = "document"
    kind: DevKind = "classes"

    def describe(self) -> str:
        """Say in a line what it is."""
        classes = count(len(set(self.train_labels)), "class")
        return f"{count(len(self.dev), 'text')} of {classes}, by a regression on {count(len(self.train), 'other')}"

    def texts(self) -> dict[Role, list[str]]:
        """Return the texts of each role."""
        empty: dict[Role, list[str]] = {"query": [], "document": []}
        return empty | {self.role: [*self.train, *self.dev]}

    def score(self, encoder: Encodes) -> float:
        """Return the metric of what is predicted."""
        from sklearn.linear_model import LogisticRegression

        vectors = encode_distinct(encoder, [*self.train, *self.dev], self.role).astype(np.float64)
        learned = LogisticRegression(max_iter=1000, C=10.0).fit(vectors[: len(self.train)], np.asarray(self.train_labels))
        number = {name: place for place, name in enumerate(learned.classes_)}
        given = np.array([number[label] for label in self.dev_labels], np.int64)
        return CLASS_METRICS[self.metric](learned.predict_proba(vectors[len(self.train) :]), given)
