"""Sets of tasks by domain, and everything that a bench was asked to score, put together (docs/data.md)."""

from collections.abc import Callable
from dataclasses import dataclass, field

from mteb.abstasks import AbsTask

from ..data.domains import Domain, domain_names, load_domain
from ..errors import ConfigError, HubError
from .hub.loading import Loaded, load_hub_tasks
from .hub.names import find_hub_tasks
from .request import SetName
from .scope import Wanted
from .sources import make_tasks
from .tasks.hub_task import HubTask

SAMPLE = "sample"
"""Among a domain's tasks: the sample that ships with the package."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """Tasks for a bench.

    Attributes:
        tasks: Loaded.
        left_out: Name -> why it is not among them.
        pending: Of those that are left out, MTEB's that can be fetched from the Hub: listed by a dry run.
    """

    tasks: tuple[AbsTask, ...]
    left_out: dict[str, str] = field(default_factory=dict)
    pending: tuple[HubTask, ...] = ()

    def describe_left_out(self) -> str | None:
        """Return the one message that names the tasks that are run and those that are not; None where none is left out."""
        if not self.left_out:
            return None
        by_reason: dict[str, list[str]] = {}
        for name, reason in self.left_out.items():
            by_reason.setdefault(reason, []).append(name)
        not_run = "; ".join(f"{', '.join(names)} ({reason})" for reason, names in by_reason.items())
        return f"run: {', '.join(task.metadata.name for task in self.tasks) or 'none'}; not run: {not_run}"


def choose_tasks(wanted: Wanted, *, dry_run: bool = False, on_task: Callable[[str], None] | None = None) -> Chosen:
    """Make and load the tasks that were asked for; names are checked before anything is loaded.

    Args:
        wanted: See there.
        dry_run: Load what is local or cached, and leave the rest on the Hub.
        on_task: Called with the name of each task that is read from the Hub, before it is.

    Raises:
        ConfigError: a name is unknown, or nothing was asked for.
        HubError: no task is available.
        AdaptError: local data or a domain's file is malformed.
    """
    of_sets = _tasks_of_sets(wanted)
    names = [*wanted.tasks, *(name for _, name in of_sets if name != SAMPLE)]
    found = find_hub_tasks(names, language=wanted.language, split=wanted.split)
    samples = [domain for domain, name in of_sets if name == SAMPLE]
    local = make_tasks(wanted.folders, samples, split=wanted.split, language=wanted.language, skip_dangling=wanted.skip_dangling)
    loaded = load_hub_tasks(tuple(found.tasks.values()), offline=wanted.offline or dry_run, on_task=on_task)
    left_out = loaded.left_out | found.left_out
    chosen = Chosen(tasks=(*local, *loaded.tasks), left_out=left_out, pending=_pending(found.tasks, loaded))
    if left_out and not chosen.tasks and not (dry_run and chosen.pending):
        raise HubError(f"no task can be scored; {chosen.describe_left_out()}")
    return chosen


def _pending(found: dict[str, HubTask], loaded: Loaded) -> tuple[HubTask, ...]:
    return tuple(task for name, task in found.items() if name in loaded.left_out)


def _tasks_of_sets(wanted: Wanted) -> list[tuple[str, str]]:
    """Return (domain, task) of all sets of all domains; the general ones are those of every domain that ships, where none is named."""
    general = wanted.domains or domain_names()
    tasks = [
        (domain, name)
        for each in wanted.sets
        for domain in (general if each == "general" else wanted.domains)
        for name in _set(load_domain(domain), each, wanted)
    ]
    if wanted.sets and not tasks:
        known = "; ".join(f"{name}: {', '.join(_sets_of(load_domain(name), wanted)) or 'none'}" for name in wanted.domains)
        raise ConfigError(f"there are no tasks in the set {', '.join(wanted.sets)} in {wanted.language}; sets there are: {known or 'none'}")
    return list(dict.fromkeys(tasks))


def _set(domain: Domain, name: SetName, wanted: Wanted) -> tuple[str, ...]:
    return SETS[name](domain).get(wanted.language, ())


def _sets_of(domain: Domain, wanted: Wanted) -> list[str]:
    return [name for name in SETS if _set(domain, name, wanted)]


SETS: dict[SetName, Callable[[Domain], dict[str, tuple[str, ...]]]] = {
    "sample": lambda domain: dict.fromkeys(("en", "zh"), (SAMPLE,)) if domain.sample else {},
    "domain": lambda domain: domain.tasks,
    "large": lambda domain: domain.large_tasks,
    "general": lambda domain: domain.general_tasks,
}
"""Name of a set -> a domain's tasks in it, by language."""
