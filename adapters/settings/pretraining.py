"""What training on text without pairs reads beside the settings of training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from ...errors import ConfigError
from .setting import Setting, Settings, above_zero, below_one


def _inner_share(name: str, value: float) -> None:
    if not 0 < value < 1:
        raise ConfigError(f"{name} is {value}; it must be above 0 and below 1")


def _two_or_more(name: str, value: int) -> None:
    if value < 2:
        raise ConfigError(f"{name} is {value}; at least 2 are needed: one to train on and one to hold out")


@dataclass(frozen=True, kw_only=True)
class PretrainingSettings(Settings):
    """What is learned from text without pairs, and what is held out of it; an objective reads the settings that its row in `OBJECTIVES` names."""

    objective: Annotated[
        str,
        Setting(
            help="`mlm`, words that were masked are found; or `tsdae`, a text is found from its vector; `--objective` sets it",
            when="`tsdae` to train the vector itself, which takes longer",
        ),
    ] = "mlm"
    mask_share: Annotated[
        float,
        Setting(help="share of the words that are masked, above 0 and below 1", when="up to 0.3 for long texts", check=_inner_share),
    ] = 0.15
    term_share: Annotated[
        float,
        Setting(
            help="share of the terms of `--glossary` that are masked, above 0 and below 1",
            when="at `mask_share` to treat terms as other words",
            check=_inner_share,
        ),
    ] = 0.4
    deletion_share: Annotated[
        float,
        Setting(
            help="share of the words that are deleted from the text whose vector is taken, above 0 and below 1",
            when="seldom",
            check=_inner_share,
        ),
    ] = 0.6
    texts: Annotated[
        int | None,
        Setting(
            help="at most so many different texts are drawn of the corpus, by the seed; none: all of them",
            when="higher for a large corpus and much time; lower for a quick trial",
            check=_two_or_more,
        ),
    ] = 100_000
    held_out: Annotated[
        float,
        Setting(
            help="share of the texts that the loss is measured on and that are not trained on, at most 500 of them and 256 pieces; the same ones for every seed",
            when="more for a small corpus",
            check=_inner_share,
        ),
    ] = 0.05
    steps: Annotated[
        int | None,
        Setting(help="at most so many steps; none: as `epochs` says", when="to bound the time of a large corpus", check=above_zero),
    ] = None
    token_head_share: Annotated[
        float,
        Setting(
            help="share of the steps in which the new head alone is trained, 0 to below 1",
            when="more for few steps: a head that knows nothing drives the factors anywhere",
            check=below_one,
        ),
    ] = 0.2
    token_head_rate: Annotated[
        float,
        Setting(help="how many times the learning rate the new head has", when="lower when the loss jumps", check=above_zero),
    ] = 10.0
