"""Everything a training run can be told, with the defaults that were measured (docs/LOG.md)."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from typing import Literal, get_args

from ..choices import MAX_TOKENS, LossName, Precision, StoreDtype
from ..errors import ConfigError, unknown_name

Schedule = Literal["cosine", "linear"]
BERT_LINEAR = ("query", "key", "value", "attention.output.dense", "intermediate.dense", "output.dense")


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainConfig:
    """How to train. Source of the defaults: the BGE recipe, changed where measurements on dev said so (docs/LOG.md).

    Attributes:
        epochs: Passes over the training queries.
        batch_size: Queries in a batch; their positives are one another's negatives.
        positives_per_query: At most so many positives of a query in one batch, drawn anew each epoch.
        negatives_per_query: At most so many of a query's given hard negatives in one batch.
        corpus_negatives: At most so many passages that no pair names are drawn from the corpus for each batch, as negatives of all its queries;
            no more than show each of them once an epoch. Source: https://doi.org/10.1145/3366424.3386195.
        frequency_correction: How much of log(how many training queries name a passage) is taken off its logits, 0 (nothing) to 1 (all of it).
            In-batch negatives push a passage away each time that some query names it. Source: https://doi.org/10.1145/3298689.3346996.
        learning_rate: Peak of the schedule.
        schedule: Fall after the warm-up, to zero.
        warmup_share: Share of the steps that the learning rate rises over, 0 to 1.
        weight_decay: Of AdamW, on the factors.
        clip_norm: Longest gradient, in the Euclidean norm.
        loss: A name in `adapters.losses.LOSSES`.
        temperature: Divides the cosines.
        rank: Inner dimension of the factors.
        alpha: The update's scale is alpha / rank.
        dropout: On the input of each factor pair, 0 to 1.
        targets: Ends of the names of the linear modules that get factors.
        max_tokens: Longest text in training, in tokens (never more than the base's maximum).
        eval_steps: Steps between two looks at the dev split; None: once an epoch.
        patience: Looks without a gain before the run stops; None: never early.
        precision: Of matrix products while training.
        store: Number format of the saved factors.
        seed: Of everything drawn.
    """

    epochs: int = 3
    batch_size: int = 32
    positives_per_query: int = 4
    negatives_per_query: int = 7
    corpus_negatives: int = 0
    frequency_correction: float = 0.0
    learning_rate: float = 5e-4
    schedule: Schedule = "cosine"
    warmup_share: float = 0.1
    weight_decay: float = 0.01
    clip_norm: float = 1.0
    loss: str = "infonce"
    temperature: float = 0.02
    rank: int = 16
    alpha: int = 32
    dropout: float = 0.0
    targets: tuple[str, ...] = BERT_LINEAR
    max_tokens: int = MAX_TOKENS
    eval_steps: int | None = None
    patience: int | None = 3
    precision: Precision = "auto"
    store: StoreDtype = "fp16"
    seed: int = 0

    def __post_init__(self) -> None:
        for name in (
            "epochs",
            "batch_size",
            "positives_per_query",
            "rank",
            "alpha",
            "eval_steps",
            "patience",
            "learning_rate",
            "temperature",
            "clip_norm",
        ):
            value = getattr(self, name)
            if value is not None and not 0 < value < math.inf:
                raise ConfigError(f"{name} is {value}; it must be above 0 and finite")
        if self.batch_size < 2:
            raise ConfigError("batch_size is 1; with no second query in the batch there is nothing to tell apart: at least 2")
        if self.max_tokens < 8:
            raise ConfigError(f"max_tokens is {self.max_tokens}; at least 8 are needed")
        for name in ("negatives_per_query", "corpus_negatives", "weight_decay"):
            if not 0 <= getattr(self, name) < math.inf:
                raise ConfigError(f"{name} is {getattr(self, name)}; it must be 0 or more and finite")
        if not 0 <= self.seed < 2**32:
            raise ConfigError(f"seed is {self.seed}; it must be at least 0 and below 2**32")
        for name in ("warmup_share", "dropout"):
            if not 0 <= getattr(self, name) < 1:
                raise ConfigError(f"{name} is {getattr(self, name)}; it must be at least 0 and below 1")
        if not 0 <= self.frequency_correction <= 1:
            raise ConfigError(f"frequency_correction is {self.frequency_correction}; it must be at least 0 and at most 1")
        if not self.targets:
            raise ConfigError("targets is empty; name at least one module")
        for name, choices in (("schedule", Schedule), ("loss", LossName), ("precision", Precision), ("store", StoreDtype)):
            if getattr(self, name) not in get_args(choices):
                raise ConfigError(unknown_name(name, getattr(self, name), get_args(choices)))

    def as_dict(self) -> dict[str, object]:
        """Return the fields as JSON can hold them."""
        return {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()}


def config_from(values: dict[str, object]) -> TrainConfig:
    """Make a configuration from named values, texts being read as the field's type.

    Raises:
        ConfigError: a name is unknown, or a value is none of its type.
    """
    known = {field.name: field for field in fields(TrainConfig)}
    for name in values:
        if name not in known:
            raise ConfigError(unknown_name("setting", name, tuple(known)))
    return TrainConfig(**{name: _read(name, value, str(known[name].type)) for name, value in values.items()})  # type: ignore[arg-type]


def _read(name: str, value: object, kind: str) -> object:
    if "None" in kind and (value is None or str(value).lower() == "none"):
        return None
    read, expected = next(reader for start, reader in _READERS.items() if kind.startswith(start))
    try:
        return read(value)
    except (ValueError, OverflowError):
        raise ConfigError(f"{name} is {value!r}; expected {expected}") from None


def _whole_number(value: object) -> int:
    number = float(str(value))
    if number != int(number):
        raise ValueError
    return int(number)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError
    return value


def _names(value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    if not isinstance(value, list | tuple):
        raise ValueError
    return tuple(_text(part) for part in value)


_READERS: dict[str, tuple[Callable[[object], object], str]] = {
    "int": (_whole_number, "a whole number"),
    "float": (lambda value: float(str(value)), "a number"),
    "tuple": (_names, "names, with commas between them"),
    "": (_text, "a text"),
}
"""Start of a field's type -> what reads a value of it, and what to say it expects."""
