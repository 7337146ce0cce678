"""A bench before it scores: what of its tasks was seen in training is reported, and taken out where that was asked for."""

from collections.abc import Sequence

from mteb.abstasks import AbsTask

from ...events import Events
from ...references import Resolved, Search
from .find import find_leaks
from .leakage import Leakage
from .trained_on import trained_on
from .unseen import unseen_name, with_unseen


def look_for_leaks(
    tasks: Sequence[AbsTask], found: Sequence[Resolved], search: Search, *, decontaminate: bool, events: Events
) -> tuple[list[AbsTask], Leakage]:
    """Report which items of the tasks the references saw in training; with `decontaminate`, return the rest of those tasks too.

    Raises:
        AdapterError: the record of an adapter's training texts is damaged.
    """
    leakage = find_leaks(tasks, [trained_on(resolved, search) for resolved in found])
    for line in leakage.describe():
        events.note(line)
    leaking = [task.metadata.name for task in tasks if leakage.leaked(task.metadata.name)]
    if not decontaminate:
        if leaking:
            events.note("to score the rest of them too: --decontaminate")
        return list(tasks), leakage
    both = with_unseen(tasks, leakage)
    names = {task.metadata.name for task in both}
    for name in leaking:
        if unseen_name(name) not in names:
            events.note(f"{name}: so much of it was seen that too little is left to score")
    return both, leakage
