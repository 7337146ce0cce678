"""What a shell offers for a word that is being typed: references, domains, bases, methods, settings, files. It never fails and loads no network."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import Any, Literal

import click
from click.shell_completion import BashComplete, CompletionItem, add_completion_class

from ..choices import DEVICES
from ..names import normalise

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
            known = [word for word in dict.fromkeys(self.offer(ctx)) if word.startswith(normalise(typed))]
        except Exception:  # a damaged registry, a folder that cannot be read: a shell has no use for the reason
            known = []
        return paths + [CompletionItem(before + comma + word, help=self.explain(word)) for word in known]


def references(ctx: click.Context) -> Iterable[str]:
    """Yield the base, and what names a version in the registry."""
    yield "base"
    yield from versions(ctx)


def versions(ctx: click.Context) -> Iterable[str]:
    """Yield each name, and its versions and aliases behind it."""
    for name, numbers, aliases in _registered(ctx):
        yield name
        yield from (f"{name}@{each}" for each in (*aliases, *numbers))


def aliases(ctx: click.Context) -> Iterable[str]:
    """Yield the aliases that are in use."""
    for _, _, of_name in _registered(ctx):
        yield from of_name


def names(ctx: click.Context) -> Iterable[str]:
    """Return the names that have versions."""
    return (name for name, _, _ in _registered(ctx))


def domains(ctx: click.Context) -> Iterable[str]:
    """Yield the domains that ship, and those of the versions in the registry."""
    from ..data.domains import domain_names

    yield from domain_names()
    yield from (entry.domain for entry in _registry(ctx).entries() if entry.domain)


def bases(_ctx: click.Context) -> Iterable[str]:
    """Return the aliases of the known bases."""
    from ..base.known import KNOWN_BASES

    return KNOWN_BASES


def methods(_ctx: click.Context) -> Iterable[str]:
    """Return the methods of merging."""
    from ..merge import METHODS

    return METHODS


def settings(_ctx: click.Context) -> Iterable[str]:
    """Yield the settings of training by both their names, each with the sign that its value stands behind."""
    from ..adapters.settings.groups import dotted_names

    names = dotted_names()
    return (f"{name}=" for name in (*names.values(), *names))


def sources(_ctx: click.Context) -> Iterable[str]:
    """Return the words that stand for training data."""
    from ..choices import DATA_WORDS

    return DATA_WORDS


def devices(_ctx: click.Context) -> Iterable[str]:
    """Return the kinds of devices."""
    return DEVICES


def runs(ctx: click.Context) -> Iterable[str]:
    """Yield the ids of the interrupted training runs."""
    from ..registry.runs import list_runs

    return (run.id for run in list_runs(_registry(ctx).home))


def _explain_setting(word: str) -> str:
    from ..adapters.settings.groups import GROUPS, dotted_names
    from ..adapters.settings.setting import describe_settings

    name = word.removesuffix("=")
    name = dotted_names().get(name, name)
    return next(found[name].setting.help for found in map(describe_settings, GROUPS.values()) if name in found)


def _read_domain(text: str) -> str:
    from ..data.domains import read_domain_name

    return read_domain_name(text)


REFERENCE = Offered(references, paths="dir")
VERSION = Offered(versions, read=normalise)
ALIAS = Offered(aliases, read=normalise)
NAME = Offered(names, read=normalise)
BASE = Offered(bases, paths="dir")
KNOWN_BASE = Offered(bases)
DOMAIN = Offered(domains, read=_read_domain)
DOMAIN_OR_FILE = Offered(domains, paths="file")
METHOD = Offered(methods)
SETTING = Offered(settings, explain=_explain_setting)
SOURCE = Offered(sources, paths="file")
DEV_SOURCES = Offered(domains, paths="file", with_commas=True)
RUN = Offered(runs)


def _registry(ctx: click.Context) -> Any:
    from ..registry import open_registry

    return open_registry(ctx.params.get("registry_dir"))


def _registered(ctx: click.Context) -> list[tuple[str, list[int], list[str]]]:
    """Return each name with its versions and its aliases."""
    registry = _registry(ctx)
    numbers: dict[str, list[int]] = {}
    for entry in registry.entries():
        numbers.setdefault(entry.name, []).append(entry.version)
    return [(name, of_name, sorted(registry.aliases(name))) for name, of_name in numbers.items()]


class WholeWordBash(BashComplete):
    """Completion for bash, whose words end at blanks alone: by itself it takes `legal@1`, `epochs=2` and `hf:a/b` for several words."""

    source_template = BashComplete.source_template.replace(
        'env COMP_WORDS="${COMP_WORDS[*]}" COMP_CWORD=$COMP_CWORD',
        'env COMP_LINE="${COMP_LINE:0:$COMP_POINT}" COMP_WORDBREAKS="$COMP_WORDBREAKS" COMP_WORDS="${COMP_WORDS[*]}" COMP_CWORD=$COMP_CWORD',
    )

    def get_completion_args(self) -> tuple[list[str], str]:
        """Return the words before the one that is being typed, and that one."""
        from click.shell_completion import split_arg_string

        line = os.environ.get("COMP_LINE")
        if line is None:
            return super().get_completion_args()
        words = split_arg_string(line)
        incomplete = "" if line[-1:].isspace() or len(words) < 2 else words.pop()
        breaks = [incomplete.rfind(each) for each in os.environ.get("COMP_WORDBREAKS", "") if each in "@=:"]
        self._kept = max([-1, *breaks]) + 1
        return words[1:], incomplete

    def format_completion(self, item: CompletionItem) -> str:
        """Leave out what stands before bash's own word, which stays on the line."""
        value = item.value if item.type != "plain" else item.value[getattr(self, "_kept", 0) :]
        return super().format_completion(CompletionItem(value, item.type))


add_completion_class(WholeWordBash)
