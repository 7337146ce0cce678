"""What local data is called: after its folder, and never so that its score could be taken for MTEB's."""

import re
from functools import cache
from pathlib import Path

from mteb.get_tasks import TASK_LIST

_KINDS = ("retrieval", "reranking", "classification", "clustering", "pairclassification", "pc", "")


def local_name(place: Path, language: str = "en") -> str:
    """Return the name of a folder or file, with `(local)` behind it where MTEB has a task of (nearly) that name."""
    name = place.resolve().stem if place.is_file() else place.resolve().name
    if "stsb" in name.lower():  # the pairs of MTEB's STSBenchmark (its English ones), though not its file
        return f"STSBenchmark{'' if language == 'en' else f'-{language}'} (local)"
    return f"{name} (local)" if any(_plain(part) in _taken() for part in (name, name.partition("-")[2])) else name


@cache
def _taken() -> frozenset[str]:
    names = {_plain(task.metadata.name) for task in TASK_LIST}
    return frozenset(name.removesuffix(kind) for name in names for kind in _KINDS) - {""}


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())
