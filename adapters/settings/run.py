"""What is drawn and how it is computed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, get_args

from ...choices import Precision
from ...errors import ConfigError
from .setting import Setting, Settings, one_of


def _is_seed(name: str, value: int) -> None:
    if not 0 <= value < 2**32:
        raise ConfigError(f"{name} is {value}; it must be at least 0 and below 2**32")


@dataclass(frozen=True, kw_only=True)
class RunSettings(Settings):
    """What is drawn and how it is computed."""

    precision: Annotated[
        Precision,
        Setting(
            help="`auto`, `fp32` or `bf16`, of matrix products; `--dtype` sets it",
            when="`fp32` to compare machines, or when the loss is not a number",
            check=one_of(get_args(Precision)),
        ),
    ] = "auto"
    seed: Annotated[
        int, Setting(help="of everything that is drawn; `--seed` sets it", when="to see how far results scatter", check=_is_seed)
    ] = 0
