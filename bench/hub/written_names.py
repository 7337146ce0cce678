"""The names of MTEB's tasks and benchmarks as its source files give them, so that a wrong one is refused before mteb, and torch, are imported."""

import difflib
import re
from collections.abc import Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from ...errors import ConfigError, unknown_name

OUTER_COMMA = re.compile(r",(?![^()]*\))")
WITH_SUBSET = re.compile(r"(?P<name>.*\S)\s*\((?P<subset>[^()]+)\)")
FILTER_KEYS = ("domain", "language", "type")
"""The keys of `filters.KEYS`."""


def check_task_words(texts: Sequence[str]) -> None:
    """Refuse a task, a benchmark or a filter's key of which MTEB's source files know nothing; what passes may still be unknown.

    Args:
        texts: As in `find_hub_tasks`.

    Raises:
        ConfigError: there is one; the message offers the nearest.
    """
    for part in (piece.strip() for text in texts for piece in OUTER_COMMA.split(text)):
        key, equals, _ = part.partition("=")
        if equals and key.strip() not in FILTER_KEYS:
            raise ConfigError(unknown_name("key of a filter of tasks", key.strip(), FILTER_KEYS))
        if part and not equals:
            _check_name(part)


def unknown_task(name: str, known: Sequence[str]) -> str:
    """Return the message that MTEB has no task or benchmark of a name, and which names are near."""
    near = nearest(name, known)
    offered = f"did you mean {' or '.join(near)}?" if near else "no name is similar"
    return f"MTEB has no task or benchmark {name!r}; {offered}"


def nearest(name: str, known: Sequence[str]) -> list[str]:
    """Return up to three names that are most like one, whatever their case."""
    spelled: dict[str, str] = {}
    for each in known:
        spelled.setdefault(each.lower(), each)
    return [spelled[each] for each in difflib.get_close_matches(name.lower(), spelled, n=3)]


@cache
def written_tasks() -> frozenset[str]:
    """Return every text that MTEB's files give a task, or a part of one, as its name; none where MTEB lies elsewhere than its files say."""
    return _written("tasks", rb"""\bname\s*=\s*["']([^"'\n]+)["']""")


@cache
def written_benchmarks() -> frozenset[str]:
    """Return every text in MTEB's files of benchmarks: the names and aliases of benchmarks are among them."""
    return _written("benchmarks", rb"""["']([^"'\n]+)["']""")


def _written(folder: str, pattern: bytes) -> frozenset[str]:
    spec = find_spec("mteb")
    places = (spec and spec.submodule_search_locations) or []
    files = [file for place in places for file in sorted((Path(place) / folder).rglob("*.py"))]
    return frozenset(text.decode() for file in files for text in re.findall(pattern, file.read_bytes()))


def _check_name(name: str) -> None:
    tasks, benchmarks, split = written_tasks(), written_benchmarks(), WITH_SUBSET.fullmatch(name)
    is_written = name in tasks or name in benchmarks or (split and split["name"] in tasks)
    if tasks and benchmarks and not is_written:
        raise ConfigError(unknown_task(name, sorted(tasks | benchmarks)))
