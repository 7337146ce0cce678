"""Options that several commands share, each a decorator."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from ..completion import BASE, KNOWN_BASE
from ..offers import devices
from .types import Choice, DeviceType

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
        "--base-as", type=KNOWN_BASE, metavar="ALIAS", help="Read a folder with this known base's pooling, instruction and length."
    )(function)
    return click.option("--base", type=BASE, metavar="REF", help="Base: an alias, a folder or a Hub id.")(function)


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
