"""`adapt bench` before it scores: what of the test sets was seen in training is told, and taken out where that was asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .output import say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mteb.abstasks import AbsTask

    from ..bench.leaks.leakage import Leakage
    from ..references import Resolved, Search


def look_for_leaks(
    tasks: list[AbsTask], found: Sequence[Resolved], search: Search, *, decontaminate: bool
) -> tuple[list[AbsTask], Leakage]:
    """Tell which items of the tasks the references saw in training; with `decontaminate`, score the rest of those tasks too.

    Raises:
        AdapterError: the record of an adapter's training texts is damaged.
    """
    from ..bench.leaks.find import find_leaks
    from ..bench.leaks.trained_on import trained_on
    from ..bench.leaks.unseen import unseen_name, with_unseen

    leakage = find_leaks(tasks, [trained_on(resolved, search) for resolved in found])
    for line in leakage.describe():
        say(line)
    leaking = [task.metadata.name for task in tasks if leakage.leaked(task.metadata.name)]
    if not decontaminate:
        if leaking:
            say("to score the rest of them too: --decontaminate")
        return tasks, leakage
    both = with_unseen(tasks, leakage)
    names = {task.metadata.name for task in both}
    for name in leaking:
        if unseen_name(name) not in names:
            say(f"{name}: so much of it was seen that too little is left to score")
    return both, leakage
