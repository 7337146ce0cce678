"""What a bench scores: what was named, and what follows where nothing was; all of it decided before torch and mteb are imported."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..choices import DATA_WORDS
from ..data.domains import domain_names, load_domain
from ..errors import ConfigError
from ..events import Events
from ..files import check_there
from ..references import Resolved
from ..registry import Registry
from .hub.written_names import check_task_words
from .request import BenchRequest, SetName

_SAMPLE = "sample"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a bench scores.

    Attributes:
        folders: Local data: folders or files.
        domains: Names or toml files.
        sets: Which sets of the domains.
        tasks: MTEB's, as `find_hub_tasks` takes them.
        split: Of local data; of MTEB's tasks, where mteb evaluates on it.
        language: `en` or `zh`.
        offline: Whether the Hub is not to be asked.
        skip_dangling: See `task_from_folder`.
    """

    folders: Sequence[Path] = ()
    domains: Sequence[str] = ()
    sets: Sequence[SetName] = ()
    tasks: Sequence[str] = ()
    split: str = "test"
    language: str = "en"
    offline: bool = False
    skip_dangling: bool = False


def check_words(request: BenchRequest, registry: Registry) -> None:
    """Refuse a domain, data or tasks that are not there.

    Raises:
        ConfigError: a domain is the user's own, for which nothing ships, or MTEB has no such task.
        DomainError: a domain is not known.
        DataError: a path does not exist.
    """
    own = {entry.domain for entry in registry.entries()} - set(domain_names())
    if found := [domain for domain in request.domains if domain in own]:
        raise ConfigError(_nothing_ships(found, request.names[0]))
    for domain in request.domains:
        load_domain(domain)
    for path in (*request.data, *request.general_data):
        if str(path) not in DATA_WORDS:  # the sources say what they mean
            check_there(path, "the data")
    check_task_words(request.tasks)


def decide_scope(request: BenchRequest, found: Sequence[Resolved], language: str | None, events: Events) -> Wanted:
    """Return what is scored: the references' own domains where nothing was named, the first reference's language unless one was.

    `sample` among the data is the domain's sample, as `adapt train` reads it, unless there is a file or folder of that name.

    Raises:
        ConfigError: nothing was named, and no reference names a domain that ships.
    """
    folders = tuple(folder for folder in request.data if str(folder) != _SAMPLE or folder.exists())
    sets = request.sets if folders == request.data else tuple(dict.fromkeys((*request.sets, _SAMPLE)))
    is_asked = bool(set(sets) - {"general"}) or not (sets or request.tasks or folders or request.general_data)
    domains = request.domains or (_domains_of(found, sets, events) if is_asked else ())
    return Wanted(
        folders=folders,
        domains=domains,
        sets=sets or ((_SAMPLE,) if domains else ()),  # type: ignore[arg-type]
        tasks=request.tasks,
        split=request.split,
        language=language or language_of(found, events),
        offline=request.offline,
        skip_dangling=request.skip_dangling,
    )


def language_of(found: Sequence[Resolved], events: Events) -> str:
    """Return the language of samples and tasks, which is that of the first reference's base; report where others read another one."""
    language = found[0].base.text_language
    others = [each.reference for each in found if each.base.language not in (language, "multilingual")]
    if others:
        events.note(
            f"warning: tasks are taken in {language}, which the base of {', '.join(others)} is not made for; --lang says another language"
        )
    return language


def _domains_of(found: Sequence[Resolved], sets: Sequence[str], events: Events) -> tuple[str, ...]:
    """Return the domains that ship among those that the references were made for; report which do not."""
    domains = tuple(dict.fromkeys(resolved.entry.domain for resolved in found if resolved.entry and resolved.entry.domain))
    if not domains:
        raise ConfigError("what to score on is not said, and no reference names its domain; give --data DIR or --domain D")
    shipped, own = (tuple(each for each in domains if (each in domain_names()) == ships) for ships in (True, False))
    if not shipped:
        raise ConfigError(_nothing_ships(own, found[0].reference))
    if own:
        events.note(f"note: nothing ships to score on for {', '.join(own)}, of your own; to score on it too: --data PATH")
    named = " and ".join({_SAMPLE: "the sample"}.get(name, f"the set {name!r}") for name in sets or (_SAMPLE,))
    events.note(f"scoring on {named} of {', '.join(shipped)} (for other data: --data DIR)")
    return shipped


def _nothing_ships(own: Sequence[str], reference: str) -> str:
    """Say that domains are the user's own, and what to give."""
    are = f"{own[0]} is a domain" if len(own) == 1 else f"{', '.join(own)} are domains"
    example = f"adapt bench {reference} --data test.csv"
    return f"{are} of your own, for which no sample ships; give data to score on, such as: {example} (or --domain with the domain's .toml file)"
