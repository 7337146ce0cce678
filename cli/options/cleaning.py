"""The options of `adapt data clean`."""

from __future__ import annotations

import click

from ...datatools.cleaning.settings import CleanSettings
from ...datatools.cleaning.table import RULES
from ..completion import BASE, KNOWN_BASE
from .gather import gathered
from .types import Choice, FiniteRange, WholeNumber


class _OwnOption(click.Option):
    """An option that stands among the command's own in the help, and not where other commands have one of its name."""

    heading = "Options"


RULE = Choice(list(RULES))
DROPPING = Choice([name for name, rule in RULES.items() if rule.can_drop])

clean_options = gathered(
    "settings",
    CleanSettings,
    click.option("--off", type=RULE, metavar="RULE", multiple=True, help="Do without this rule; may be given more than once."),
    click.option("--tell", type=RULE, metavar="RULE", multiple=True, help="Tell what this rule finds, and change and drop nothing for it."),
    click.option("--drop", type=DROPPING, metavar="RULE", multiple=True, help="Drop what this rule of rows finds, such as language."),
    click.option("--script", type=Choice(["simplified", "traditional"]), help="Write Chinese in this script [default: as it is]."),
    click.option(
        "--language",
        "languages",
        metavar="CODE",
        multiple=True,
        help="A language that the set is in, such as en or zh [default: those of a tenth of the rows or more].",
    ),
    click.option("--min-query-tokens", type=WholeNumber(min=1), default=1, show_default=True, metavar="N", help="Fewer are too short."),
    click.option("--min-passage-tokens", type=WholeNumber(min=1), default=2, show_default=True, metavar="N", help="Fewer are too short."),
    click.option(
        "--max-tokens", cls=_OwnOption, type=WholeNumber(min=1), metavar="N", help="More are too long [default: what the base reads]."
    ),
    click.option("--base", type=BASE, metavar="REF", help="Whose tokens are counted [default: the default base of the texts' language]."),
    click.option("--base-as", type=KNOWN_BASE, metavar="ALIAS", help="Read that folder with this known base's instruction and length."),
    click.option(
        "--near",
        type=FiniteRange(0, 1, min_open=True),
        default=0.8,
        show_default=True,
        metavar="S",
        help="Similarity from which two texts are nearly the same.",
    ),
    click.option(
        "--boilerplate",
        type=WholeNumber(min=2),
        default=10,
        show_default=True,
        metavar="N",
        help="A line that so many passages have is boilerplate, and at least 2 of 1,000.",
    ),
)
"""Add what is cleaned and how; the command gets a `CleanSettings` as its argument `settings`."""
