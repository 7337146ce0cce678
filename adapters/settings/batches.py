"""Which texts stand in which batch, and how often."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from ...choices import MAX_TOKENS
from ...errors import ConfigError
from .setting import Setting, Settings, above_zero, each_above_zero, zero_or_more


def _two_or_more(name: str, value: int) -> None:
    above_zero(name, value)
    if value < 2:
        raise ConfigError(f"{name} is {value}; with no second query in the batch there is nothing to tell apart: at least 2")


def _long_enough(name: str, value: int) -> None:
    if value < 8:
        raise ConfigError(f"{name} is {value}; at least 8 are needed")


@dataclass(frozen=True, kw_only=True)
class BatchSettings(Settings):
    """Which texts stand in which batch, and how often."""

    epochs: Annotated[
        int,
        Setting(
            help="passes over the training queries",
            when="more for little data, as long as dev still rises; 1 to 2 for many thousand pairs",
            check=above_zero,
        ),
    ] = 3
    batch_size: Annotated[
        int,
        Setting(
            help="queries in a batch; their positives are one another's negatives",
            when="larger for more negatives, which costs time where memory is short (see Memory) and did not gain on dev where it was "
            "measured ([log](log/2026-11.md)); smaller when data are few. At least 2, better 8 or more",
            check=_two_or_more,
        ),
    ] = 32
    positives_per_query: Annotated[
        int,
        Setting(
            help="at most so many positives of a query in one batch, drawn anew each epoch",
            when="1 to make batches smaller when queries have many positives",
            check=above_zero,
        ),
    ] = 4
    negatives_per_query: Annotated[
        int,
        Setting(
            help="at most so many of a query's given hard negatives in one batch",
            when="lower to save time; 0 to leave them out when they are often right answers",
            check=zero_or_more,
        ),
    ] = 7
    max_tokens: Annotated[
        int,
        Setting(
            help="longest text in training and dev, in tokens; never more than the base's maximum",
            when="raise it when passages are cut (a warning says so), lower it to save time",
            check=_long_enough,
        ),
    ] = MAX_TOKENS
    one_source: Annotated[
        bool,
        Setting(
            help="`true`: where the data are of several sources, each batch is of one of them",
            when="when passages of one source are too easy as negatives of another's queries, or the sources differ in kind",
            is_later=True,
        ),
    ] = False
    source_weights: Annotated[
        tuple[float, ...],
        Setting(
            help="with `one_source`, the shares of the batches that are of each source, in the order of `--data`, on any scale; empty: by the "
            "sources' sizes",
            when="to see more of a small source: `1,1` draws as many batches of each of two",
            check=each_above_zero,
            is_later=True,
        ),
    ] = ()
