"""Absolute paths of this machine, taken out of an entry's JSON and put under one key, so that leaving that key out leaves none.

In their stead stand names: a base's fingerprint, `./NAME` of a parent's folder, the name of a data source.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

PLACES = "places"
_JOINT = " + "  # between the sources of one run
_WEIGHT = re.compile(r"=[0-9.e+-]+$")  # behind a source that has one


def take_out(entry: dict[str, Any]) -> dict[str, Any]:
    """Return an entry's JSON with its absolute paths under `places`, each by the name that stands in its stead.

    Of notes and of the sources of a search the names alone are kept: nothing is found again by them.
    """
    parents, data = entry.get("parents", []), entry.get("data", {})
    search = entry.get("config", {}).get("search", {})
    sources = [*data.get("source", "").split(_JOINT), *search.get("sources", [])]
    names = _short_names(filter(_is_path, sources), taken=[each for each in sources if not _is_path(each)])
    folders = {path: f"./{name}" for path, name in _short_names(filter(_is_path, (each["reference"] for each in parents))).items()}
    bases = {base["sha256"]: base["path"] for base in entry["bases"] if base.get("path")}
    own = {names[path]: path for path in data.get("source", "").split(_JOINT) if path in names}
    plain = entry | {
        "bases": [{key: value for key, value in base.items() if key != "path"} for base in entry["bases"]],
        "parents": [each | {"reference": folders.get(each["reference"], each["reference"])} for each in parents],
        "data": _renamed(data, names),
        PLACES: bases | {name: path for path, name in folders.items()} | own,
    }
    if search.get("sources"):
        sources = [names.get(each, each) for each in search["sources"]]
        plain["config"] = entry["config"] | {"search": search | {"sources": sources}}
    return plain


def put_back(records: dict[str, Any], places: dict[str, str]) -> dict[str, Any]:
    """Return an entry's records with the paths where they are used; what stands for one that is not known stays a name."""
    bases = tuple(replace(base, path=places.get(base.sha256, base.path)) for base in records["bases"])
    parents = tuple(replace(each, reference=places.get(each.reference, each.reference)) for each in records.get("parents", ()))
    data = records.get("data")
    if data is not None:
        data = replace(data, source=_each_source(data.source, lambda name: places.get(name, name)))
    return records | {"bases": bases, "parents": parents, "data": data}


def _renamed(data: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    if "source" not in data:
        return data
    notes = list(data.get("notes", []))
    for path in sorted(names, key=len, reverse=True):  # a folder after what lies in it
        notes = [note.replace(path, names[path]) for note in notes]
        if (weighed := _WEIGHT.search(path)) is not None:
            bare, name = path[: weighed.start()], names[path].removesuffix(weighed[0])
            notes = [note.replace(bare, name) for note in notes]
    return data | {"source": _each_source(data["source"], lambda path: names.get(path, path))} | ({"notes": notes} if notes else {})


def _each_source(text: str, rename: Callable[[str], str]) -> str:
    return _JOINT.join(rename(each) for each in text.split(_JOINT))


def _is_path(text: str) -> bool:
    return Path(text).is_absolute()


def _short_names(paths: Iterable[str], taken: Iterable[str] = ()) -> dict[str, str]:
    """Return the end of each path that neither another one has nor is taken: the folder's own name where that suffices."""
    distinct = list(dict.fromkeys(paths))
    tails = {path: ["/".join(Path(path).parts[-count:]) for count in range(1, len(Path(path).parts))] for path in distinct}
    names: dict[str, str] = {}
    for path in distinct:
        others = {tail for other in distinct if other != path for tail in tails[other]}.union(taken)
        names[path] = next((tail for tail in tails[path] if tail not in others), Path(path).as_posix().lstrip("/"))
    return names
