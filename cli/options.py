"""Options that several commands share."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from ..errors import did_you_mean
from .completion import BASE, DEVICE, KNOWN_BASE

_F = TypeVar("_F", bound=Callable[..., Any])


def common_options(function: _F) -> _F:
    """Add `--json` and `--registry`, which every command takes."""
    function = click.option(
        "--registry",
        "registry_dir",
        type=click.Path(path_type=Path),
        help="Registry folder [default: ADAPT_HOME, else the user data folder].",
    )(function)
    return click.option("--json", "json_output", is_flag=True, help="Print one JSON object on stdout.")(function)


def base_options(function: _F) -> _F:
    """Add the options that say which base, and how a folder without metadata is to be read."""
    function = click.option("--pooling", type=Choice(["cls", "mean"]), help="Pooling of a base that does not state its own.")(function)
    function = click.option("--lang", type=Choice(["en", "zh"]), help="Language: chooses default base, sample, tasks and prompt.")(function)
    function = click.option(
        "--base-as", type=KNOWN_BASE, metavar="ALIAS", help="Lend a folder this known base's pooling, instruction and length."
    )(function)
    return click.option("--base", type=BASE, metavar="REF", help="Base: an alias, a folder or a Hub id.")(function)


def machine_options(function: _F) -> _F:
    """Add `--device` and `--dtype`."""
    function = click.option("--dtype", type=Choice(["auto", "fp32", "bf16"]), help="Precision of matrix products.")(function)
    return click.option("--device", type=DEVICE, metavar="NAME", help="cuda, mps or cpu [default: the best one here].")(function)


def dangling_option(function: _F) -> _F:
    """Add `--skip-dangling`."""
    return click.option(
        "--skip-dangling",
        is_flag=True,
        help="Of BEIR folders, skip the judgements that name a query or a passage that is not there, and tell how many.",
    )(function)


class Choice(click.Choice):
    """One of several words, the nearest being offered for a typing error."""

    def get_invalid_choice_message(self, value: Any, ctx: click.Context | None) -> str:
        """Say which words there are."""
        return super().get_invalid_choice_message(value, ctx) + did_you_mean(str(value), self.choices)


class WeightsType(click.ParamType):
    """Numbers with commas between them."""

    name = "weights"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[float, ...]:
        """Read the value."""
        try:
            numbers = tuple(float(part) for part in str(value).split(","))
        except ValueError:
            message = f"{value!r} is no list of weights; expected numbers with commas between them, such as 0.7,0.3"
            raise click.BadParameter(message, ctx, param) from None
        if not all(map(math.isfinite, numbers)):
            raise click.BadParameter(f"{value!r} holds a weight that is not finite", ctx, param)
        return numbers
