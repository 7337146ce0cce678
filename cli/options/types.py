"""What the values of options are: numbers within bounds, words, files, devices."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from ...choices import DEVICES
from ...errors import ConfigError, did_you_mean
from ..completion import Offered


class DeviceType(Offered):
    """A device as torch names it. Whether it is here is seen later: only torch knows."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Read the value."""
        if re.fullmatch(rf"auto|({'|'.join(DEVICES)})(:[0-9]{{1,3}})?", str(value)):
            return str(value)
        near = did_you_mean(str(value).partition(":")[0], DEVICES)
        raise click.BadParameter(f"{value!r} is not a device; expected cpu, cuda, cuda:N (such as cuda:1) or mps.{near}", ctx, param)


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


class Read(click.ParamType):
    """A word that a function of the package reads, such as a size or the name of a metric.

    Args:
        name: What the word is.
        read: Text -> value; a ConfigError of its is a usage error.
    """

    def __init__(self, name: str, read: Callable[[str], Any]) -> None:
        self.name, self.read = name, read

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Read the word; what is a value already stays."""
        try:
            return self.read(value) if isinstance(value, str) else value
        except ConfigError as e:
            raise click.BadParameter(str(e), ctx, param) from None


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


def _read_weights(text: str) -> tuple[float, ...]:
    try:
        numbers = tuple(float(part) for part in text.split(","))
    except ValueError:
        raise ConfigError(f"{text!r} is not a list of weights; expected numbers with commas between them, such as 0.7,0.3") from None
    if not all(map(math.isfinite, numbers)):
        raise ConfigError(f"{text!r} holds a weight that is not finite")
    return numbers


def _read_rank(text: str) -> int | str:
    if text in ("auto", "full"):
        return text
    if text.isdecimal() and int(text) > 0:
        return int(text)
    raise ConfigError(f"{text!r} is not a rank; expected auto, full or a whole number above 0")


WEIGHTS = Read("weights", _read_weights)
"""Numbers with commas between them."""
RANK = Read("rank", _read_rank)
"""`auto`, `full` or a whole number above 0."""
