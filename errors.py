"""What can go wrong that the user can correct.

AdaptError
├── ConfigError          an option or a configuration value that does not fit
│   └── RequestError     a request that contradicts itself, as its words alone show
├── BaseError            a base model that is unknown, missing, refused or does not match
├── DataError            a data source that is missing, empty or malformed
├── DomainError          a domain that is unknown or whose file is malformed
├── UnknownReferenceError a reference that does not exist
├── RegistryError        the registry refuses, is locked, read-only or damaged
├── AdapterError         an adapter folder that is damaged or of a kind that cannot be used
├── TrainingError        a training run that cannot go on
│   ├── FailedRunError   with these settings, which others need not share
│   └── LostProcessError one of several processes that train together has ended
├── HubError             the Hub cannot be reached or refuses
└── MissingExtraError    an optional package is needed

A caller's bug is a ValueError or a TypeError, never one of these.
"""

from collections.abc import Iterable


class AdaptError(Exception):
    """The root: one line that says what was expected, what came, and what to do."""


class ConfigError(AdaptError):
    """An option or a configuration value does not fit."""


class RequestError(ConfigError):
    """What is asked for contradicts itself, or would do nothing, as the words alone show: a usage error of the command line."""


class BaseError(AdaptError):
    """A base model is unknown, missing, refused or does not match."""


class DataError(AdaptError):
    """A data source is missing, empty or malformed."""


class DomainError(AdaptError):
    """A domain is unknown or its file is malformed."""


class UnknownReferenceError(AdaptError):
    """A reference does not exist."""


class RegistryError(AdaptError):
    """The registry refuses, is locked, read-only or damaged."""


class AdapterError(AdaptError):
    """An adapter folder is damaged or of a kind that cannot be used."""


class TrainingError(AdaptError):
    """A training run cannot go on."""


class FailedRunError(TrainingError):
    """A training run cannot go on with its settings: its numbers run away, or it needs more memory than there is."""


class LostProcessError(TrainingError):
    """Another of the processes that train together has ended."""


class HubError(AdaptError):
    """The Hub cannot be reached or refuses."""


class MissingExtraError(AdaptError):
    """An optional package is needed."""

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f'{what} needs an optional package: pip install "adapt-embed[{extra}]"')


def unknown_name(kind: str, name: str, known: list[str] | tuple[str, ...]) -> str:
    """Return the message that a name is unknown, the nearest ones first, then all of them."""
    return f"unknown {kind} {name!r}.{did_you_mean(name, known)} Known: {', '.join(known) if known else 'none yet'}"


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return ` Did you mean ...?` with the names nearest to one that was typed, whatever their case; nothing where none is near."""
    import difflib

    spelling = {each.casefold(): each for each in known}
    near = difflib.get_close_matches(name.casefold(), spelling, n=3)
    return f" Did you mean {' or '.join(spelling[each] for each in near)}?" if near else ""
