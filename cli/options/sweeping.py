"""The options of `adapt sweep`: what is tried, how often, and when it is enough."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .gather import gathered
from .reading import read_options
from .shared import machine_options
from .training import read_given, run_options
from .types import Read, WholeNumber

if TYPE_CHECKING:
    from ...references import Search
    from ...sweeps import SweepRequest
    from ...sweeps.rule import Rule


def _rule(text: str) -> Rule:
    from ...sweeps.rule import read_rule

    return read_rule(text)


def _request(
    *,
    config_file: Path | None,
    settings: Sequence[str],
    side: str | None,
    init_from: str | None,
    seed: int | None,
    dtype: str | None,
    candidates: int | None,
    space_file: Path | None,
    trials: int,
    processes: int,
    until: Rule | None,
    resume: bool,
    data: Sequence[str],
    columns: Sequence[str],
    encoding: str | None,
    sheet: str | None,
    skip_bad: bool,
    **values: Any,
) -> Callable[[Search], SweepRequest]:
    from ...data.source_words import name_sources
    from ...sweeps.ask import ask_sweep

    said = {"seed": seed, "precision": dtype, "side": side, "candidates": candidates, "init_from": init_from}
    how = read_options(columns=columns, encoding=encoding, sheet=sheet, skip_bad=skip_bad)
    return partial(
        ask_sweep,
        read_given(config_file, settings, said),
        space_file,
        trials=trials,
        processes=processes,
        until=until,
        resume=resume,
        data=name_sources(data),
        read=how,
        **values,
    )


sweep_options = gathered(
    "make_request",
    _request,
    *run_options,
    click.option("--trials", type=WholeNumber(min=1), default=20, show_default=True, metavar="N", help="How many settings are tried."),
    click.option(
        "--space",
        "space_file",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="What is tried: settings with ranges or choices, as YAML, toml or JSON [default: side, strategy, loss, learning rate, temperature "
        "and rank, but for those that are set].",
    ),
    click.option(
        "--until",
        type=Read("rule", _rule),
        metavar="RULE",
        help='Stop once a trial reaches a score on dev, such as "nDCG@10>=0.7" or "nDCG@10 >= base + 0.1".',
    ),
    click.option(
        "--processes",
        type=WholeNumber(min=1),
        default=1,
        show_default=True,
        metavar="N",
        help="Run so many trials at a time, each in a process.",
    ),
    click.option("--resume", is_flag=True, help="Go on with the same sweep where it was interrupted, or with more trials."),
    machine_options,
)
"""Add what is swept; the command gets a function `make_request` that takes where references are looked for."""
