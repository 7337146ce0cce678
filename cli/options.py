"""Options that several commands share."""

import math
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import click

from ..choices import DEVICES
from ..errors import ConfigError, did_you_mean
from .completion import BASE, KNOWN_BASE, Offered, devices

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


class DeviceType(Offered):
    """A device as torch names it. Whether it is here is seen later: only torch knows."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Read the value."""
        if re.fullmatch(rf"auto|({'|'.join(DEVICES)})(:[0-9]{{1,3}})?", str(value)):
            return str(value)
        near = did_you_mean(str(value).partition(":")[0], DEVICES)
        raise click.BadParameter(f"{value!r} is not a device; expected cpu, cuda, cuda:N (such as cuda:1) or mps.{near}", ctx, param)


@contextmanager
def usage_errors() -> Iterator[None]:
    """Make a value that does not fit a usage error, where the words alone show it.

    Raises:
        UsageError: in place of a ConfigError.
    """
    try:
        yield
    except ConfigError as e:
        raise click.UsageError(str(e), click.get_current_context(silent=True)) from None


def machine_options(function: _F) -> _F:
    """Add `--device` and `--dtype`."""
    function = click.option("--dtype", type=Choice(["auto", "fp32", "bf16"]), help="Precision of matrix products.")(function)
    return click.option(
        "--device", type=DeviceType(devices), metavar="NAME", help="cuda, cuda:N, mps or cpu [default: the best one here]."
    )(function)


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


class _IsFinite(click.ParamType):
    """A number that is neither infinite nor NaN, which click lets pass every bound."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Read the value."""
        number = float(super().convert(value, param, ctx))
        if not math.isfinite(number):
            raise click.BadParameter(f"{value!r} is not a finite number", ctx, param)
        return number


class Finite(_IsFinite, click.types.FloatParamType):
    """A number."""


class FiniteRange(_IsFinite, click.FloatRange):
    """A number within bounds."""

    name = "number"


class WholeNumber(click.IntRange):
    """A whole number within bounds."""

    name = "whole number"


class OutputFile(click.Path):
    """A file that is written; `-` is the standard output."""

    def __init__(self) -> None:
        super().__init__(path_type=Path, allow_dash=True)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """Read the value."""
        path = Path(os.fsdecode(super().convert(value, param, ctx)))
        return Path("/dev/stdout") if str(value) == "-" else path


class OutputFolder(click.Path):
    """A folder that is made."""

    def __init__(self) -> None:
        super().__init__(path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """Read the value."""
        if str(value) == "-":
            raise click.BadParameter("a folder does not go to the standard output; for a folder of the name -, say ./-", ctx, param)
        return Path(os.fsdecode(super().convert(value, param, ctx)))


class WeightsType(click.ParamType):
    """Numbers with commas between them."""

    name = "weights"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[float, ...]:
        """Read the value."""
        try:
            numbers = tuple(float(part) for part in str(value).split(","))
        except ValueError:
            message = f"{value!r} is not a list of weights; expected numbers with commas between them, such as 0.7,0.3"
            raise click.BadParameter(message, ctx, param) from None
        if not all(map(math.isfinite, numbers)):
            raise click.BadParameter(f"{value!r} holds a weight that is not finite", ctx, param)
        return numbers
