"""The options of which tasks a bench scores, beside the user's own data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import wraps
from typing import TYPE_CHECKING, Any

import click

from .options import Choice, dangling_option
from .output import say

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ..bench.task_sets import Chosen

SET_NAMES = ("sample", "domain", "large", "general")


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskOptions:
    """The values of the options."""

    tasks: tuple[str, ...]
    sets: tuple[str, ...]
    offline: bool
    skip_dangling: bool

    def need_domains(self, folders: Sequence[object]) -> bool:
        """Say whether the references' own domains are asked for, if none is named: they are unless other tasks are."""
        return bool(set(self.sets) - {"general"}) or not (self.sets or self.tasks or folders)

    def described_sets(self) -> str:
        """Return what of a domain is scored, for people."""
        return " and ".join({"sample": "the sample"}.get(name, f"the set {name!r}") for name in self.sets or ("sample",))

    def choose(self, folders: Sequence[Path], domains: Sequence[str], *, split: str, language: str, dry_run: bool) -> Chosen:
        """Return the tasks, and tell those that are left out; without `--set`, a domain's sample is taken.

        Raises:
            AdaptError: as `choose_tasks`.
        """
        from ..bench.task_sets import Wanted, choose_tasks

        wanted = Wanted(
            folders=tuple(folders),
            domains=tuple(domains),
            sets=self.sets or (("sample",) if domains else ()),  # type: ignore[arg-type]  # click has checked the names
            tasks=self.tasks,
            split=split,
            language=language,
            offline=self.offline,
            skip_dangling=self.skip_dangling,
        )
        chosen = choose_tasks(wanted, dry_run=dry_run, on_task=lambda name: say(f"reading {name} from the Hub"))
        if (message := chosen.describe_left_out()) and not dry_run:
            say(message)
        return chosen


def task_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options to a command, which gets them as one argument `chosen_by`."""

    @wraps(command)
    def gathered(**values: Any) -> None:
        command(chosen_by=TaskOptions(**{field.name: values.pop(field.name) for field in fields(TaskOptions)}), **values)

    offline = click.option(
        "--offline", is_flag=True, help="Of MTEB's tasks, score those that are cached, without asking the Hub, and say which are left out."
    )(dangling_option(gathered))
    sets = click.option(
        "--set",
        "sets",
        type=Choice(SET_NAMES),
        multiple=True,
        help="Which tasks of the domain: its sample, its MTEB tasks (domain), its large ones, or general ones, which show what was lost "
        "[default: sample]; may be repeated.",
    )(offline)
    return click.option(
        "--tasks",
        "tasks",
        metavar="T[,T...]",
        multiple=True,
        help='MTEB tasks by name, a benchmark such as "MTEB(Law, v1)", or a filter such as domain=legal,language=eng,type=Retrieval; '
        "may be repeated.",
    )(sets)
