"""The dev sets that a request names: what the words, and then the files' headings, show to be wrong with them, and what a run is scored on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ...errors import ConfigError, RequestError, did_you_mean
from ...metric_names import describe_metrics, is_of_kind

if TYPE_CHECKING:
    from ...choices import Role
    from ...data.pairs import TrainingData
    from ..config import TrainConfig
    from ..watch import Watch


def check_watch(config: TrainConfig, dev: Sequence[Path], general: Path | None) -> None:
    """Refuse what the words alone show to be wrong.

    Raises:
        RequestError: two sets have one name, or a setting is of a set that is not given.
    """
    names = [path_name(path) for path in dev]
    taken = [*names, *(["general"] if general is not None else [])]
    twice = next((name for name in names if taken.count(name) > 1), None)
    if twice is not None:
        raise RequestError(f"two sets are called {twice}; their scores could not be told apart. Rename one of the files or folders")
    if config.main_dev is not None and config.main_dev not in names:
        known = ", ".join(names) or "none is given with --dev"
        raise RequestError(
            f"main_dev is {config.main_dev!r}; expected the name of a dev set.{did_you_mean(config.main_dev, names)} Known: {known}"
        )
    if config.max_general_loss is not None and general is None:
        raise RequestError("max_general_loss is of general ability, which is not watched; name sentence pairs with --general DIR")
    if config.metric is not None and not dev and not is_of_kind(config.metric, "retrieval"):
        raise RequestError(
            f"the metric {config.metric} is of pairs or classes, and the dev split of the data is searched in; name a dev set with --dev, "
            f"or take one of {describe_metrics('retrieval')}"
        )


def path_name(path: Path) -> str:
    """Return what a dev set is called."""
    from ...data.dev_files import name_of

    return name_of(path)


def main_path(config: TrainConfig, dev: Sequence[Path]) -> Path:
    """Return the dev set that states are chosen by."""
    return next((path for path in dev if path_name(path) == config.main_dev), dev[0])


def check_dev_kinds(config: TrainConfig, dev: Sequence[Path], language: str) -> None:
    """Refuse dev sets that are not there or of no known kind, and a metric that the main one does not have; no row is read.

    Raises:
        DataError: a path does not exist, or is of no kind that is known.
        ConfigError: the main dev set has no such metric; those that it has are listed.
    """
    from ...data.dev_files import kind_of

    kinds = {path: kind_of(path, language) for path in dev}
    main = main_path(config, dev) if dev else None
    if main is not None and config.metric is not None and not is_of_kind(config.metric, kinds[main]):
        raise ConfigError(f"{main} holds {kinds[main]}, which have no {config.metric}; they have {describe_metrics(kinds[main])}")


def read_watch(
    data: TrainingData, config: TrainConfig, dev: Sequence[Path], general: Path | None, language: str, skip_dangling: bool
) -> Watch | None:
    """Read what runs are scored on; None where that is the dev split of their data alone, if anything.

    Raises:
        DataError: a row is malformed.
        ConfigError: general ability is to be watched, and there is no dev set that states could be chosen by.
    """
    if not dev and general is None:
        return None
    from dataclasses import replace

    from ...data.dev_files import DevReading, read_dev_set, read_general
    from ..watch import Watch, WatchedSet, watch_own

    first_role: Role = "query" if config.side == "query" else "document"
    watched = None if general is None else read_general(general, language, first_role)
    if not dev:
        own = watch_own(data, config)
        if own is None:
            raise ConfigError("general ability is watched beside dev scores, and the data have no dev split; name a dev set with --dev")
        return replace(own, general=watched)
    reading = DevReading(language=language, metric=config.metric, first_role=first_role, skip_dangling=skip_dangling)
    sets = {path: WatchedSet(name=path_name(path), dev=read_dev_set(path, reading)) for path in dev}
    main = sets.pop(main_path(config, dev))
    return Watch(main=main, others=tuple(sets.values()), general=watched)
