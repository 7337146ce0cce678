"""Everything that a training run can be configured by, with the defaults that were measured (docs/log/)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Protocol

from ..errors import ConfigError, RequestError
from ..metric_names import read_metric
from .averaging import AVERAGES
from .losses.table import LOSSES, compares_whole_corpus
from .optimisers import OPTIMISERS
from .schedules import SCHEDULES
from .settings.groups import flatten_settings
from .settings.joined import TrainSettings
from .settings.reading import read_value
from .settings.setting import describe_settings, one_of
from .settings.starts import find_start
from .settings.variant import check_variant
from .sides.table import AGAINST_CORPUS, SIDES, reads_corpus
from .strategies.table import KEEPS, STRATEGIES


class _Row(Protocol):
    @property
    def settings(self) -> tuple[str, ...]: ...


TABLES: dict[str, Mapping[str, _Row]] = {
    "loss": LOSSES,
    "side": SIDES,
    "strategy": STRATEGIES,
    "keep": KEEPS,
    "optimiser": OPTIMISERS,
    "schedule": SCHEDULES,
    "averaging": AVERAGES,
}
"""Setting -> the table that it chooses a row of. A row reads the settings that it names."""


@dataclass(frozen=True, kw_only=True)
class TrainConfig(TrainSettings):
    """How to train: settings whose loss, strategy, optimiser and schedule exist, and that are read by them."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.metric is not None:
            object.__setattr__(self, "metric", read_metric(self.metric))
        for choice, table in TABLES.items():
            one_of(table)(choice, getattr(self, choice))
        if self.learning_rate is None:
            object.__setattr__(self, "learning_rate", STRATEGIES[self.strategy].learning_rate)
        self._check_loss()
        self._check_head()
        self._check_kept()
        self._check_batches()
        self._check_pairs()
        check_variant(self)
        self._check_regularisers()
        self._check_stopping()
        self._check_frozen()
        self.refuse_unread(name for name, each in describe_settings(TrainConfig).items() if getattr(self, name) != each.default)

    def refuse_unread(self, given: Iterable[str]) -> None:
        """Refuse settings that the chosen loss, strategy, optimiser or schedule does not read.

        Args:
            given: Names of settings.

        Raises:
            RequestError: one of them would be without effect; the message lists those that are read.
        """
        idle, needs_corpus = _idle(self), () if reads_corpus(self) else AGAINST_CORPUS
        for name in given:
            if name in needs_corpus:
                raise RequestError(f"{name} is of the loss against the whole corpus; add --side query, or --set loss.corpus=0.5")
            if name in idle:
                choice = idle[name]
                row = getattr(self, choice)
                reads = ", ".join(TABLES[choice][row].settings) or "none of its kind"
                what = f"keep={row}" if choice == "keep" else f"the {choice} {row}"
                raise RequestError(f"{what} does not read {name}; it reads {reads}")

    def _check_loss(self) -> None:
        """Refuse a loss that lacks its guide, or has no form against stored vectors where one is needed."""
        row = LOSSES[self.loss]
        if "guide" in row.needs and self.guide is None:
            raise RequestError(f"the loss {self.loss} needs a guide; name one, such as --set loss.guide=base or --set loss.guide=base:NAME")
        if self.guide is not None and not self.guide.removeprefix("base:").strip():
            raise RequestError(f"the guide {self.guide!r} names nothing; expected a reference, base, or base:NAME such as base:bge-base-en")
        if self.side == "query" and not row.with_queries_alone:
            having = ", ".join(name for name, each in LOSSES.items() if each.with_queries_alone)
            raise RequestError(f"the loss {self.loss} has no form for queries alone, which --side query needs; losses that have: {having}")
        if self.corpus and row.against_corpus is None:
            having = ", ".join(name for name, each in LOSSES.items() if each.against_corpus)
            why = f"loss.corpus={self.corpus:g}"
            raise RequestError(f"the loss {self.loss} has no form against the whole corpus, which {why} needs; losses that have: {having}")
        if self.dims and compares_whole_corpus(self):
            raise RequestError(
                "dims has no form against the whole corpus, whose stored vectors are whole; leave out dims, or train both sides with "
                "loss.corpus=0"
            )

    def check_width(self, width: int) -> None:
        """Refuse dimensions that the vectors do not have: those of a base, of this width, or of the projection head.

        Raises:
            ConfigError: as said.
        """
        if self.head is None:
            super().check_width(width)
        elif self.dims and max(self.dims) > self.head:
            raise ConfigError(f"dims holds {max(self.dims)}, and strategy.head gives {self.head} numbers; name at most {self.head}")

    def _check_head(self) -> None:
        """Refuse a projection head where vectors are compared with the base's own, which have another width."""
        if self.head is None:
            for name in ("head_bias", "head_rate"):
                if getattr(self, name) != describe_settings(TrainConfig)[name].default:
                    raise RequestError(f"{name} is of a projection head, and there is none; add --set strategy.head=128, or leave it out")
            return
        self.check_width(self.head)
        compared = {
            "--side query": self.side == "query",
            f"loss.corpus={self.corpus:g}": bool(self.corpus),
            f"loss.anchor={self.anchor:g}": bool(self.anchor),
        }
        for what, is_on in compared.items():
            if is_on:
                raise RequestError(
                    f"strategy.head={self.head} gives vectors of another space than the base's, which {what} compares them with; leave out "
                    f"the head (shorter vectors of the base's own space: loss.dims), or {what}"
                )

    def _check_kept(self) -> None:
        """Refuse a whole model for queries alone."""
        if self.keep == "model" and self.side == "query":
            raise RequestError(
                "keep=model keeps a whole model, which embeds queries and documents alike, and --side query changes queries alone; "
                "leave out keep=model, so that factors are kept, or train both sides"
            )

    def _check_batches(self) -> None:
        """Refuse settings of batches that contradict one another."""
        if self.source_weights and not self.one_source:
            raise RequestError("source_weights divides batches of one source each; add --set batches.one_source=true")
        if self.corpus_negatives and not self.in_batch_negatives:
            raise RequestError(
                "corpus_negatives are negatives of all queries, and in_batch_negatives=false leaves given ones alone; leave one out"
            )
        if not self.negatives_per_query and self._needs_given_negatives():
            why = f"the loss {self.loss}" if self.in_batch_negatives else "in_batch_negatives=false"
            raise RequestError(f"negatives_per_query=0 leaves out the given negatives that {why} learns from; leave it out")

    def _needs_given_negatives(self) -> bool:
        """Return whether the data's own negatives are all that there is to be told from positives."""
        return not self.in_batch_negatives or "negatives" in LOSSES[self.loss].needs or self.loss == "margin_mse"

    def _check_pairs(self) -> None:
        """Refuse an optimiser that tells factors apart where there are none."""
        if OPTIMISERS[self.optimiser].needs_pairs and not STRATEGIES[self.strategy].has_pairs:
            having = ", ".join(name for name, row in STRATEGIES.items() if row.has_pairs)
            raise RequestError(
                f"the optimiser {self.optimiser} needs pairs of factors, and the strategy {self.strategy} trains none; "
                f"strategies that do: {having}; or take optimiser=adamw"
            )

    def _check_regularisers(self) -> None:
        """Refuse an L1 term, and a decay of weights, where they would not do what they are for."""
        if self.l1 and not STRATEGIES[self.strategy].has_pairs:
            raise RequestError(
                f"l1 makes factors sparse, and the strategy {self.strategy} trains none; leave it out, or take strategy=lora"
            )
        if self.l1 and self.averaging != "none":
            raise RequestError(f"an average of sparse factors is not sparse, so that l1 and averaging={self.averaging} exclude one another")
        decays = STRATEGIES[self.strategy].has_matrices and not find_start(self.init).takes_from_base
        if not decays and self.weight_decay not in (0, describe_settings(TrainConfig)["weight_decay"].default):
            what = f"init={self.init} trains a part of the base" if self.init != "default" else f"{self.strategy} trains biases alone"
            raise RequestError(f"weight_decay is {self.weight_decay:g}, and {what}, to which it does not apply; leave it out, or take l2")

    def _check_stopping(self) -> None:
        """Refuse a least gain where no run stops for want of gains."""
        if self.min_gain and self.patience is None:
            raise RequestError(
                "min_gain is of early stopping, and patience is none, so that no run stops early; give patience, or leave it out"
            )

    def _check_frozen(self) -> None:
        """Refuse to keep the states of frozen layers where there are none."""
        row = STRATEGIES[self.strategy]
        may_freeze = (
            self.layers is not None or self.init_from is not None or row.freezes_layers
        )  # what is started from has layers of its own
        if self.cache_frozen == "true" and "cache_frozen" in row.settings and not may_freeze:
            raise RequestError(
                "cache_frozen=true keeps what the layers below the first trained one give, and all are trained; add --set strategy.layers=last:4, "
                "or leave it out"
            )

    def as_dict(self) -> dict[str, object]:
        """Return the settings that are read, as JSON can hold them."""
        idle = unread_settings(self)
        return {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items() if key not in idle}

    def identity(self) -> dict[str, object]:
        """Return what names a run: as `as_dict`, without those at their default that came after runs had names."""
        described = describe_settings(TrainConfig)
        return {
            name: value
            for name, value in self.as_dict().items()
            if not (described[name].setting.is_later and getattr(self, name) == described[name].default)
        }


def unread_settings(settings: TrainSettings) -> frozenset[str]:
    """Return the names of the settings that the chosen loss, side, strategy, optimiser, schedule and average do not read."""
    return frozenset((*_idle(settings), *(() if reads_corpus(settings) else AGAINST_CORPUS)))


def _idle(settings: TrainSettings) -> dict[str, str]:
    """Return the settings that only other rows of a table read, each with the setting that chose the row."""
    idle = idle_settings(settings, TABLES)
    if reads_corpus(settings) and not compares_whole_corpus(settings):  # batches are made as they are for both sides
        idle = {name: choice for name, choice in idle.items() if choice != "side"}
    return idle


def idle_settings(settings: TrainSettings, tables: Mapping[str, Mapping[str, _Row]]) -> dict[str, str]:
    """Return the settings that only other rows of a table read than the chosen one, each with the setting that chose the row."""
    idle: dict[str, str] = {}
    for choice, table in tables.items():
        of_all = {name for row in table.values() for name in row.settings}
        idle |= dict.fromkeys(of_all.difference(table[getattr(settings, choice)].settings), choice)
    return idle


def config_from(values: Mapping[str, object]) -> TrainConfig:
    """Make a configuration from named values, texts being read as the setting's type.

    Args:
        values: By a setting's name, with its group (`loss.temperature`) or without (`temperature`), or in a table of its group.

    Raises:
        ConfigError: a name is unknown or given twice, or a value does not fit.
        RequestError: the chosen loss, strategy, optimiser or schedule does not read one of them.
    """
    known = describe_settings(TrainConfig)
    read: dict[str, Any] = {name: read_value(known[name], value) for name, value in flatten_settings(values).items()}
    config = TrainConfig(**read)
    config.refuse_unread(read)
    return config
