"""The options of a card, which `adapt card` and `adapt push` share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import click

from ...choices import CardLanguage
from .gather import gathered
from .types import Choice

if TYPE_CHECKING:
    from ...publish.card import CardOptions


def _card(**values: Any) -> Callable[..., CardOptions]:
    from functools import partial

    from ...publish.card.options import CardOptions, check_licence_id

    if values["licence"] is not None:
        check_licence_id(values["licence"])
    return partial(CardOptions, **values)


card_options = gathered(
    "make_card",
    _card,
    click.option(
        "--license",
        "licence",
        metavar="ID",
        help="The licence that the version itself is under, as the Hub writes it, such as apache-2.0 [default: none is stated].",
    ),
    click.option(
        "--bench",
        "bench",
        metavar="FILE",
        type=click.Path(path_type=Path),
        help="Take the scores from this JSON of adapt bench (--json or --per-query) [default: the score on dev alone].",
    ),
    click.option(
        "--card-lang", "language", type=Choice(get_args(CardLanguage)), default="en", show_default=True, help="Language of the card's text."
    ),
    click.option(
        "--card-template",
        "template",
        metavar="FILE",
        type=click.Path(path_type=Path),
        help="Write the card's text from this jinja2 template (docs/hub.md has what it is given).",
    ),
)
"""Add what a card says; the command gets a function `make_card` that takes the rest of a `CardOptions`."""
