"""The groups of settings, and the two names that each setting has: `temperature`, and `loss.temperature` with its group."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ...errors import ConfigError, unknown_name
from .batches import BatchSettings
from .evaluation import EvaluationSettings
from .loss import LossSettings
from .optimiser import OptimiserSettings
from .regularisation import RegularisationSettings
from .run import RunSettings
from .schedule import ScheduleSettings
from .setting import Settings, describe_settings
from .strategy import StrategySettings

GROUPS: dict[str, type[Settings]] = {
    "batches": BatchSettings,
    "loss": LossSettings,
    "strategy": StrategySettings,
    "optimiser": OptimiserSettings,
    "schedule": ScheduleSettings,
    "regularisation": RegularisationSettings,
    "evaluation": EvaluationSettings,
    "run": RunSettings,
}


def dotted_names() -> dict[str, str]:
    """Return each setting's name with its group -> without. What a group is named after is its `name`: `loss.name` is `loss`."""
    return {
        f"{group}.{'name' if name == group else name}": name for group, settings in GROUPS.items() for name in describe_settings(settings)
    }


def flatten_settings(values: Mapping[str, object]) -> dict[str, object]:
    """Return values by the settings' names without groups.

    Args:
        values: Values by either name, or by group and name, as a toml file with tables gives them.

    Raises:
        ConfigError: a name is unknown, or a setting is given by both names.
    """
    dotted, flat, given = dotted_names(), dict[str, object](), dict[str, str]()
    for key, value in _by_one_name(values):
        name = dotted.get(key, key)
        if name not in dotted.values():
            raise ConfigError(unknown_name("setting", key, tuple(dotted) if "." in key else tuple(dotted.values())))
        if name in given:
            raise ConfigError(f"{name} is given twice, as {given[name]} and as {key}; keep one of them")
        flat[name], given[name] = value, key
    return flat


def _by_one_name(values: Mapping[str, object]) -> Iterator[tuple[str, object]]:
    for key, value in values.items():
        if key in GROUPS and isinstance(value, Mapping):
            yield from ((f"{key}.{name}", inner) for name, inner in value.items())
        else:
            yield key, value
