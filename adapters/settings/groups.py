"""The groups of settings, and the two names that each setting has: `temperature`, and `loss.temperature` with its group."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from ...errors import ConfigError, unknown_name
from .batches import BatchSettings
from .evaluation import EvaluationSettings
from .loss import LossSettings
from .optimiser import OptimiserSettings
from .pretraining import PretrainingSettings
from .regularisation import RegularisationSettings
from .run import RunSettings
from .schedule import ScheduleSettings
from .setting import Settings, describe_settings
from .strategy import StrategySettings

Groups = Mapping[str, type[Settings]]
"""Name -> a group of settings."""

GROUPS: Groups = {
    "batches": BatchSettings,
    "loss": LossSettings,
    "strategy": StrategySettings,
    "optimiser": OptimiserSettings,
    "schedule": ScheduleSettings,
    "regularisation": RegularisationSettings,
    "evaluation": EvaluationSettings,
    "run": RunSettings,
}


PRETRAINING_GROUPS: Groups = {"pretraining": PretrainingSettings} | {name: group for name, group in GROUPS.items() if name != "loss"}
"""Those of training on text without pairs."""


def dotted_names(groups: Groups = GROUPS) -> dict[str, str]:
    """Return each setting's name with its group -> without. What a group is named after is its `name`: `loss.name` is `loss`."""
    return {
        f"{group}.{'name' if name == group else name}": name for group, settings in groups.items() for name in describe_settings(settings)
    }


def flatten_settings(values: Mapping[str, object], groups: Groups = GROUPS, unread: Collection[str] = ()) -> dict[str, object]:
    """Return values by the settings' names without groups.

    Args:
        values: Values by either name, or by group and name, as a toml file with tables gives them.
        groups: The groups that there are.
        unread: Settings of those groups that are not offered where a name is unknown.

    Raises:
        ConfigError: a name is unknown, or a setting is given by both names.
    """
    dotted, flat, given = dotted_names(groups), dict[str, object](), dict[str, str]()
    for key, value in _by_one_name(values, groups):
        name = dotted.get(key, key)
        if name not in dotted.values():
            offered = [(long, short) for long, short in dotted.items() if short not in unread]
            raise ConfigError(unknown_name("setting", key, tuple(long if "." in key else short for long, short in offered)))
        if name in given:
            raise ConfigError(f"{name} is given twice, as {given[name]} and as {key}; keep one of them")
        flat[name], given[name] = value, key
    return flat


def _by_one_name(values: Mapping[str, object], groups: Groups) -> Iterator[tuple[str, object]]:
    for key, value in values.items():
        if key in groups and isinstance(value, Mapping):
            yield from ((f"{key}.{name}", inner) for name, inner in value.items())
        else:
            yield key, value
