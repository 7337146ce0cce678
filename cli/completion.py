"""What a shell offers for a word that is being typed: references, domains, bases, methods, settings, files. It never fails and loads no network."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Literal

import click
from click.shell_completion import CompletionItem

from ..names import normalise
from ..shown_text import one_line
from .offers import aliases, bases, domains, explain_setting, methods, names, own_versions, references, runs, settings, sources, versions

Offer = Callable[[click.Context], Iterable[str]]


class Offered(click.ParamType):
    """A word, for which a shell is offered what is known; any other is taken too.

    Args:
        offer: The context so far -> the words that are known.
        paths: What paths may be given as well.
        read: What a word that was typed becomes.
        with_commas: Whether several words may stand with commas between them.
        explain: A word -> what a shell shows beside it, where it can.
    """

    name = "text"

    def __init__(
        self,
        offer: Offer,
        *,
        paths: Literal["file", "dir"] | None = None,
        read: Callable[[str], str] = str,
        with_commas: bool = False,
        explain: Callable[[str], str | None] = lambda _: None,
    ) -> None:
        self.offer, self.paths, self.read, self.with_commas, self.explain = offer, paths, read, with_commas, explain

    def convert(self, value: Any, _param: click.Parameter | None, _ctx: click.Context | None) -> str:
        """Read the word."""
        return self.read(str(value))

    def shell_complete(self, ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Offer what begins as the word that is being typed does, and paths."""
        before, comma, typed = incomplete.rpartition(",") if self.with_commas else ("", "", incomplete)
        paths = [CompletionItem(incomplete, type=self.paths)] if self.paths else []
        try:
            known = [word for word in dict.fromkeys(self.offer(ctx)) if word.startswith(normalise(typed)) and word == one_line(word)]
        except Exception:  # a damaged registry, a folder that cannot be read: a shell has no use for the reason
            known = []
        return paths + [CompletionItem(before + comma + word, help=self.explain(word)) for word in known]


def _read_domain(text: str) -> str:
    from ..data.domains import read_domain_name

    return read_domain_name(text)


REFERENCE = Offered(references, paths="dir")
VERSION = Offered(versions, read=normalise)
OWN_VERSION = Offered(own_versions, read=normalise)
ALIAS = Offered(aliases, read=normalise)
NAME = Offered(names, read=normalise)
BASE = Offered(bases, paths="dir")
KNOWN_BASE = Offered(bases)
DOMAIN = Offered(domains, read=_read_domain)
DOMAIN_OR_FILE = Offered(domains, paths="file")
METHOD = Offered(methods)
SETTING = Offered(settings, explain=explain_setting)
SOURCE = Offered(sources, paths="file")
DEV_SOURCES = Offered(domains, paths="file", with_commas=True)
RUN = Offered(runs)
