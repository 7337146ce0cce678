"""What of the network is trained, and how it is kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, get_args

from ...choices import StoreDtype, TrainedSide
from ...errors import ConfigError
from .layers import check_layers, read_layers
from .setting import Setting, Settings, above_zero, below_one, one_of

BERT_LINEAR = ("query", "key", "value", "attention.output.dense", "intermediate.dense", "output.dense")


def _not_empty(name: str, value: tuple[str, ...]) -> None:
    if not value:
        raise ConfigError(f"{name} is empty; name at least one module")


@dataclass(frozen=True, kw_only=True)
class StrategySettings(Settings):
    """What of the network is trained, and how it is kept."""

    side: Annotated[
        TrainedSide,
        Setting(
            help="`both` or `query`: which texts go through the adapter; `--side` sets it",
            when="`query` when the documents are embedded already and stay as they are: they keep the base's vectors "
            "([query-side.md](query-side.md))",
            check=one_of(get_args(TrainedSide)),
            is_later=True,
        ),
    ] = "both"
    strategy: Annotated[
        str,
        Setting(
            help="what is trained: `lora`, a pair of low-rank factors beside each of some linear modules",
            when="it is the only one yet",
            is_later=True,
        ),
    ] = "lora"
    init_from: Annotated[
        str | None,
        Setting(
            help="the adapter whose factors training starts from, on the same base; `rank`, `alpha`, `targets` and `layers` are its own. "
            "`--init-from` sets it; none: fresh factors",
            when="after `adapt pretrain` ([pretraining.md](pretraining.md)), or to train a version on with more data",
            is_later=True,
        ),
    ] = None
    rank: Annotated[
        int,
        Setting(
            help="inner dimension of the factors; the file grows with it",
            when="lower for a smaller file or very few pairs; higher for much data",
            check=above_zero,
        ),
    ] = 16
    alpha: Annotated[
        int,
        Setting(help="the update is scaled by alpha / rank", when="keep it at twice the rank when you change that", check=above_zero),
    ] = 32
    dropout: Annotated[
        float,
        Setting(
            help="on the input of each factor pair, 0 to below 1",
            when="0.05 to 0.1 for few pairs and many epochs; it slows training, and did not gain on dev where it was measured "
            "([log](log/2026-11.md))",
            check=below_one,
        ),
    ] = 0.0
    targets: Annotated[
        tuple[str, ...],
        Setting(
            help="ends of the names of the linear modules that get factors",
            when="for another kind of network; or fewer for a smaller file",
            check=_not_empty,
        ),
    ] = BERT_LINEAR
    layers: Annotated[
        str | None,
        Setting(
            help="which layers are trained: `last:4`, `first:2`, or numbers from 0 such as `0,3,9-11`; none: all",
            when="`last:4` or so for a smaller file and quicker steps; lower layers then stay the base's",
            check=check_layers,
            is_later=True,
            read=read_layers,
        ),
    ] = None
    store: Annotated[
        StoreDtype,
        Setting(
            help="`fp16`, `bf16` or `fp32`, of the saved factors",
            when="`fp32` to keep the factors exactly; the file is twice as large",
            check=one_of(get_args(StoreDtype)),
        ),
    ] = "fp16"
