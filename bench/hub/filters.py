"""Filters over MTEB's tasks: `domain=legal,language=eng,type=Retrieval`; all conditions must hold."""

from collections.abc import Callable, Collection
from typing import get_args

from mteb.abstasks import AbsTask
from mteb.abstasks.task_metadata import TaskDomain
from mteb.get_tasks import TASK_LIST

from ...errors import ConfigError, unknown_name
from ..tasks.table import TASK_KINDS

LANGUAGES: dict[str, tuple[str, ...]] = {"en": ("eng",), "zh": ("zho", "cmn")}
"""The package's languages -> the codes that mteb files them under."""


def language_codes(language: str) -> tuple[str, ...]:
    """Return mteb's codes of a language, which is `en`, `zh` or a code of ISO 639-3."""
    return LANGUAGES.get(language.lower(), (language.lower(),))


def filtered_tasks(conditions: Collection[tuple[str, str]]) -> list[type[AbsTask]]:
    """Return mteb's tasks that meet all conditions; superseded, private and beta ones are left out.

    Raises:
        ConfigError: a key or a value is unknown, or no task meets them.
    """
    tests = [_test(key, value) for key, value in conditions]
    found = [task for task in TASK_LIST if _is_current(task) and all(test(task) for test in tests)]
    if not found:
        raise ConfigError(f"no task of MTEB's meets {','.join('='.join(condition) for condition in conditions)}")
    return found


def subsets_in(cls: type[AbsTask], codes: Collection[str]) -> list[str]:
    """Return a task's subsets in a language: those in it alone, else those that have it on one side."""
    by_subset = {name: {code.split("-")[0] for code in langs} for name, langs in cls.metadata.hf_subsets_to_langscripts.items()}
    alone = [name for name, langs in by_subset.items() if langs <= set(codes)]
    return alone or [name for name, langs in by_subset.items() if langs & set(codes)]


def _is_current(task: type[AbsTask]) -> bool:
    metadata = task.metadata
    return metadata.superseded_by is None and metadata.is_public and not metadata.is_beta and list(metadata.modalities) == ["text"]


def _test(key: str, value: str) -> Callable[[type[AbsTask]], bool]:
    if key not in KEYS:
        raise ConfigError(unknown_name("key of a filter of tasks", key, tuple(KEYS)))
    return KEYS[key](value)


def _of_domain(value: str) -> Callable[[type[AbsTask]], bool]:
    domain = _spelled("domain of MTEB's", value, dict.fromkeys(get_args(TaskDomain)))
    return lambda task: domain in (task.metadata.domains or ())


def _of_type(value: str) -> Callable[[type[AbsTask]], bool]:
    kind = _spelled("kind of task", value, TASK_KINDS)
    return lambda task: task.metadata.type == kind


def _of_language(value: str) -> Callable[[type[AbsTask]], bool]:
    codes = set(language_codes(value))
    known = sorted({code for task in TASK_LIST for code in task.metadata.languages})
    if not codes & set(known):
        raise ConfigError(f"MTEB has no tasks in the language {value!r}; languages are en, zh or codes of ISO 639-3 such as eng, deu, cmn")
    return lambda task: bool(codes & set(task.metadata.languages))


KEYS: dict[str, Callable[[str], Callable[[type[AbsTask]], bool]]] = {"domain": _of_domain, "language": _of_language, "type": _of_type}
"""Key of a condition -> the value -> does a task meet it?"""


def _spelled(what: str, value: str, known: Collection[str]) -> str:
    """Return a name as mteb spells it, whatever the case in which it came."""
    found = next((name for name in known if name.lower() == value.strip().lower()), None)
    if found is None:
        raise ConfigError(unknown_name(what, value, tuple(known)))
    return found
