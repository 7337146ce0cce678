"""Searching as a job: indexes and arms are found and refused before anything is loaded; then routes, as long as the log is open."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ...abtests.experiment.live import LiveLog
from ...errors import AdaptError, ConfigError, unknown_name
from ...events import QUIET, Events
from ...files import check_output_folder
from ...index.folder import IndexFolder, open_index
from ...index.job import is_of_base
from ...plurals import count
from ...references.recorded_base import find_recorded_base
from .index import SearchIndex
from .item_texts import read_texts

if TYPE_CHECKING:
    from starlette.routing import BaseRoute

    from ...references import Search
    from ..models.catalog import Catalog
    from ..models.served import Served
    from .options import SearchOptions


@dataclass(frozen=True, slots=True)
class SearchJob:
    """What can be searched.

    Attributes:
        options: As they were asked for.
        index: What references search.
        own: Name of a reference -> the index that it made itself.
        default: What answers where a request names no model and nothing is compared.
    """

    options: SearchOptions
    index: SearchIndex
    own: Mapping[str, SearchIndex]
    default: str

    def as_dict(self) -> dict[str, Any]:
        """Return what would be searched, as JSON can hold it."""
        options, asked = self.options, self.options.comparison()
        about: dict[str, Any] = {"index": str(self.index.folder.path), "rows": self.index.folder.count, "default": self.default}
        if asked is not None:
            about |= {"compared": asked.kind, "arms": [{"name": arm.name, "share": arm.share} for arm in asked.arms]}
        return about | ({} if options.events is None else {"events": str(options.events)})

    @contextmanager
    def open(self, served: Served, events: Events = QUIET) -> Iterator[list[BaseRoute]]:
        """Open the log, begin or resume the experiment, and give the routes, as long as the body lasts.

        Raises:
            AdaptError: an arm does not fit its index, or the log cannot be used.
        """
        from .arms import Arms
        from .counters import SearchCounters
        from .event_log import EventLog
        from .events import events_route
        from .routes import Searcher, search_route

        settings, counters = self.options.log_settings(), SearchCounters(served.counters.registry)
        with ExitStack() as opened:
            live = None if settings is None else opened.enter_context(LiveLog(settings, events))
            log = None if live is None else EventLog(live, counters)
            if log is not None:
                opened.callback(log.close)
            arms = Arms(
                served=served, index=self.index, own=self.own, default=self.default, comparison=self.options.comparison(), live=live
            )
            asyncio.run(arms.begin())
            self._tell(events)
            searcher = Searcher(served, arms, counters, log)
            opened.callback(searcher.close)
            yield [search_route(searcher)] if log is None else [search_route(searcher), events_route(log)]

    def _tell(self, events: Events) -> None:
        """Say what is searched, and what of whom is kept."""
        folder, options = self.index.folder, self.options
        events.note(f"POST /search searches {folder.path}, {count(folder.count, 'row')}")
        if options.events is None:
            return
        kept = "until you delete it (--keep-days N)" if options.keep_days is None else f"for {count(options.keep_days, 'day')}"
        events.note(
            f"{options.events} keeps {kept} what is searched for, shown, clicked and bought, by pseudonyms of users: personal data; "
            f"to take a user out: adapt ab forget {options.events} USER"
        )


def where_of_index(options: SearchOptions, where: Search) -> Search:
    """Return where references are looked for: on the base of the index, where it has one and no other was named.

    Raises:
        AdaptError: the index is not there, or its base is not on this machine.
    """
    if options.index is None or where.base is not None:
        return where
    index = open_index(options.index)
    if len(index.manifest.bases) != 1:
        return where
    return replace(where, base=str(find_recorded_base(index.manifest.bases[0], str(index.path), where).folder))


def prepare_searching(options: SearchOptions, catalog: Catalog, events: Events = QUIET) -> SearchJob | None:
    """Open what is searched, and refuse references that change documents where the index has the base's; None: there is no search.

    Raises:
        AdaptError: an index is not there or damaged, a name is not served, a reference needs an index of its own, or the log cannot be written.
    """
    if options.index is None:
        return None
    if options.events is not None:
        check_output_folder(options.events)
    texts = {} if options.texts is None else read_texts(options.texts)
    index = _opened(open_index(options.index), texts)
    own = {name: _opened(open_index(path), texts) for name, path in options.own_indexes().items()}
    job = SearchJob(options, index, own, _default(index.folder, catalog))
    asked = options.comparison()
    named = [arm.reference for arm in asked.arms] if asked is not None else [job.default]
    for name in dict.fromkeys([*named, *own]):
        _refuse_side(name, own.get(name, index), catalog)
    if (split := options.comparison_asked()) is not None and split.note:
        events.note(split.note)
    return job


def _opened(folder: IndexFolder, texts: Mapping[str, tuple[str, str]]) -> SearchIndex:
    index = SearchIndex(folder, texts)
    index.open()
    return index


def _default(index: IndexFolder, catalog: Catalog) -> str:
    if catalog.given:
        return next(iter(catalog.given))
    return "base" if is_of_base(index) else index.manifest.reference


def _refuse_side(name: str, index: SearchIndex, catalog: Catalog) -> None:
    names = catalog.names()
    if name not in names:
        raise ConfigError(unknown_name("arm or reference", name, names))
    try:
        index.refuse_side(catalog.resolve(catalog.find(name)))
    except AdaptError as e:
        raise ConfigError(f"{e}; then name it: --index-of {name}=DIR") from e
