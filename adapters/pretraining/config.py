"""Everything that training on text without pairs can be configured by."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Annotated, Any

from ...errors import RequestError
from ..config import TABLES, idle_settings
from ..settings.batches import BatchSettings
from ..settings.groups import PRETRAINING_GROUPS, flatten_settings
from ..settings.joined import TrainSettings
from ..settings.loss import LossSettings
from ..settings.pretraining import PretrainingSettings
from ..settings.reading import read_value
from ..settings.setting import Setting, above_zero, describe_settings, one_of
from ..settings.variant import check_variant
from ..strategies.table import STRATEGIES
from .table import OBJECTIVES

_READ_TABLES = {name: TABLES[name] for name in ("strategy", "optimiser", "schedule", "averaging")} | {"objective": OBJECTIVES}
_READ_BATCHES = {"epochs", "batch_size", "max_tokens"}
UNREAD = (
    describe_settings(LossSettings).keys()
    | (describe_settings(BatchSettings).keys() - _READ_BATCHES)
    | {"side", "init_from", "cache_frozen", "head", "head_bias", "head_rate", "l1", "metric", "main_dev", "max_general_loss"}
)
"""Settings that are of pairs, of their dev scores, of states that stay the same, or of factors alone where a head is trained along."""


@dataclass(frozen=True, kw_only=True)
class PretrainConfig(PretrainingSettings, TrainSettings):
    """How to train on text without pairs: the settings of training that have to do with it, some with other defaults, and its own."""

    epochs: Annotated[
        int, Setting(help="passes over the texts", when="1 for a large corpus; more as long as the held-out loss falls", check=above_zero)
    ] = 3
    batch_size: Annotated[
        int, Setting(help="pieces of text in a batch", when="smaller when data are few; larger when the loss jumps", check=above_zero)
    ] = 32
    max_tokens: Annotated[
        int,
        Setting(
            help="longest piece of text, in tokens; longer texts are cut into several pieces, of which all are trained on",
            when="at the length of the passages, where there is time: attention over more tokens costs more",
            check=describe_settings(BatchSettings)["max_tokens"].setting.check,
        ),
    ] = 128
    eval_steps: Annotated[
        int | None,
        Setting(help="steps between two measurements of the held-out loss; none: ten in the run", when="seldom", check=above_zero),
    ] = None

    def __post_init__(self) -> None:
        super().__post_init__()
        for choice, table in _READ_TABLES.items():
            one_of(table)(choice, getattr(self, choice))
        if self.learning_rate is None:
            object.__setattr__(self, "learning_rate", STRATEGIES[self.strategy].learning_rate)
        if not STRATEGIES[self.strategy].has_pairs:
            having = ", ".join(name for name, row in STRATEGIES.items() if row.has_pairs)
            raise RequestError(
                f"the strategy {self.strategy} trains no pairs of factors, which adapt train could start from; take {having}"
            )
        check_variant(self)
        if self.min_gain and self.patience is None:
            raise RequestError("min_gain is of early stopping, and patience is none; give patience, or leave it out")
        self.refuse_unread(name for name, each in describe_settings(PretrainConfig).items() if getattr(self, name) != each.default)

    def refuse_unread(self, given: Iterable[str]) -> None:
        """Refuse settings that are of pairs, or that the chosen objective, strategy, optimiser or schedule does not read.

        Raises:
            RequestError: one of them would be without effect.
        """
        idle = idle_settings(self, _READ_TABLES)
        for name in given:
            if name in UNREAD:
                raise RequestError(f"pretraining does not read {name}, which is of training on pairs; leave it out")
            if name in idle:
                row = getattr(self, idle[name])
                reads = ", ".join(_READ_TABLES[idle[name]][row].settings) or "none of its kind"
                raise RequestError(f"the {idle[name]} {row} does not read {name}; it reads {reads}")

    def as_dict(self) -> dict[str, object]:
        """Return the settings that are read, as JSON can hold them."""
        left_out = idle_settings(self, _READ_TABLES).keys() | UNREAD
        return {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items() if key not in left_out}


def pretrain_config_from(values: Mapping[str, object]) -> PretrainConfig:
    """Make a configuration from named values; arguments and errors are those of `config_from`."""
    known = describe_settings(PretrainConfig)
    flat = flatten_settings(values, PRETRAINING_GROUPS, UNREAD)
    read: dict[str, Any] = {name: read_value(known[name], value) for name, value in flat.items()}
    config = PretrainConfig(**read)
    config.refuse_unread(read)
    return config
