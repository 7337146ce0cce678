"""What of the network is trained, and how it is kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, get_args

from ...choices import CacheFrozen, StoreDtype, TrainedSide
from ...errors import ConfigError
from .layers import check_layers, read_layers
from .setting import Setting, Settings, above_zero, below_one, one_of, zero_or_more
from .starts import check_start

BERT_LINEAR = ("query", "key", "value", "attention.output.dense", "intermediate.dense", "output.dense")


def read_choice(value: object) -> str:
    """Read a word, or a truth value as toml and Python have it, as `true` and `false`."""
    if not isinstance(value, str | bool):
        raise ValueError
    return str(value).lower()


def _not_empty(name: str, value: tuple[str, ...]) -> None:
    if not value:
        raise ConfigError(f"{name} is empty; name at least one module")


def _is_decay(name: str, value: float) -> None:
    if not 0 < value <= 1:
        raise ConfigError(f"{name} is {value}; it must be above 0 and at most 1")


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
            help="what is trained: `lora`, `full`, `partial`, `layerwise` or `bitfit` ([strategies.md](strategies.md))",
            when="`full` to see what there is to gain; `bitfit` for the smallest files",
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
    keep: Annotated[
        str,
        Setting(
            help="`factors` or `model`: what is kept of trained weights, the low-rank part of their difference to the base and the biases, or "
            "the whole model",
            when="`model` when the energy that factors keep is low, and there is room for a whole model",
            is_later=True,
        ),
    ] = "factors"
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
    rslora: Annotated[
        bool,
        Setting(
            help="`true`: the update is scaled by alpha / sqrt(rank) instead ([strategies.md](strategies.md))",
            when="with ranks of 64 and more, and a lower alpha: at rank 16, alpha 8 has the default's scale",
            is_later=True,
        ),
    ] = False
    init: Annotated[
        str,
        Setting(
            help="how the factors begin: `default`, `gaussian`, `orthogonal`, `pissa` (or `pissa_niter_4`) or `olora` ([strategies.md](strategies.md))",
            when="`pissa` or `olora` where steps are few; their files are twice as large",
            check=check_start,
            is_later=True,
        ),
    ] = "default"
    dora: Annotated[
        bool,
        Setting(
            help="`true`: DoRA, the lengths of the matrices' rows are trained apart from their directions; kept as plain factors "
            "([strategies.md](strategies.md))",
            when="seldom: to compare with recipes that use it",
            is_later=True,
        ),
    ] = False
    dropout: Annotated[
        float,
        Setting(
            help="on the input of each factor pair, or of trained weights after their layers as the network has it, 0 to below 1",
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
            help="which layers are trained: `last:4`, `first:2`, or numbers from 0 such as `0,3,9-11`; none: all, of `partial` the last 4, and no more than half",
            when="`last:4` or so for a smaller file and quicker steps; lower layers then stay the base's",
            check=check_layers,
            is_later=True,
            read=read_layers,
        ),
    ] = None
    layer_decay: Annotated[
        float,
        Setting(
            help="what the learning rate is multiplied by from each trained layer to the next one below, above 0 to 1",
            when="lower to hold the lower layers nearer to the base; 1 for one rate",
            check=_is_decay,
            is_later=True,
        ),
    ] = 0.9
    steps_per_layer: Annotated[
        int | None,
        Setting(
            help="after so many steps the next layer below is trained as well; 0: all from the first one on; none: all by half of the run",
            when="the number of steps in an epoch to let a layer join each epoch",
            check=zero_or_more,
            is_later=True,
        ),
    ] = None
    cache_frozen: Annotated[
        CacheFrozen,
        Setting(
            help="`auto`, `true` or `false`: whether the hidden states that enter the first trained layer are computed once and kept on disk "
            "([cache.md](cache.md))",
            when="`true` to have it refused where it cannot be; `false` to spare the disk",
            check=one_of(get_args(CacheFrozen)),
            is_later=True,
            read=read_choice,
        ),
    ] = "auto"
    head: Annotated[
        int | None,
        Setting(
            help="a linear map of the pooled vector to so many numbers, trained along with the strategy; none: vectors keep the base's width",
            when="when indexes are to be smaller than the base's vectors, and one width will do; of several widths, `loss.dims` "
            "(see Shorter vectors)",
            check=above_zero,
            is_later=True,
        ),
    ] = None
    head_bias: Annotated[
        bool,
        Setting(
            help="whether the head adds a bias",
            when="seldom: vectors are brought to length 1, and a bias moves all of them alike",
            is_later=True,
        ),
    ] = False
    head_rate: Annotated[
        float,
        Setting(
            help="the head's learning rate at its peak, whatever the strategy's is",
            when="higher when dev still rises at the end, lower when it falls below the first score; with `sgd` and `adafactor`, as much "
            "higher as `learning_rate`",
            check=above_zero,
            is_later=True,
        ),
    ] = 5e-5
    store: Annotated[
        StoreDtype,
        Setting(
            help="`fp16`, `bf16` or `fp32`, of the saved factors",
            when="`fp32` to keep the factors exactly; the file is twice as large",
            check=one_of(get_args(StoreDtype)),
        ),
    ] = "fp16"

    def check_headless(self, base: str, width: int | None) -> None:
        """Refuse to train a head over vectors that go through one already.

        Args:
            base: Whose vectors they are, for the message.
            width: Of the head that they go through; None: they go through none.

        Raises:
            ConfigError: they do, and the settings ask for one.
        """
        if self.head is not None and width is not None:
            raise ConfigError(
                f"{base} has a projection head to {width} numbers already; leave strategy.head out (its own stays as it is), or train over a "
                "base without one"
            )
