"""What a domain has of its own: its Hub sets where they are cached or can be reached, and the sample otherwise."""

from dataclasses import replace

from ..errors import DataError
from ..hub.reach import hub_is_reachable
from .domains import Domain
from .folders import load_beir, with_dev
from .hub import is_cached, load_hub_set
from .joining import join_data
from .licence import SAMPLE_LICENCE
from .pairs import TrainingData
from .sample import sample_folder

SAMPLE_SOURCE = "sample:"
"""Begins the source of data that are a sample."""


def load_unnamed(domain: Domain, lang: str, seed: int) -> TrainingData:
    """Load what a domain has where the user names no data, with a note on why it is the sample.

    Raises:
        DataError: it has neither sets nor a sample.
    """
    sets = domain.hub_sets(lang)
    if not sets:
        return load_sample(domain, lang, f"the domain {domain.name} names no Hub sets in the language {lang!r}")
    if not all(is_cached(hub_set) for hub_set in sets) and not hub_is_reachable():
        return load_sample(domain, lang, "the domain's Hub sets are not cached, and the Hub cannot be reached")
    try:
        return load_domain_sets(domain, lang, seed)
    except DataError as e:
        return load_sample(domain, lang, str(e).split("; use the sample")[0])


def load_sample(domain: Domain, lang: str, reason: str | None = None) -> TrainingData:
    """Load a domain's sample.

    Args:
        domain: Whose.
        lang: Its language.
        reason: Why it is the sample, where nobody asked for it.

    Raises:
        DataError: it has none.
    """
    because = f", because {reason}" if reason else ""
    if domain.sample is None:
        raise DataError(f"the domain {domain.name} has no sample{because}; name a source with --data PATH")
    data = load_beir(sample_folder(domain.sample, lang))
    note = f"the data are the sample that ships with the package ({domain.sample}, {lang}){because}"
    source = f"{SAMPLE_SOURCE}{domain.sample}/{lang}"
    return replace(data, source=source, language=lang, notes=(note,), licence=SAMPLE_LICENCE)  # the notes on its keys are known


def load_domain_sets(domain: Domain, lang: str, seed: int) -> TrainingData:
    """Load a domain's Hub sets in a language.

    Raises:
        DataError: it has none, or one is not in reach.
    """
    sets = domain.hub_sets(lang)
    if not sets:
        raise DataError(
            f"the domain {domain.name} names no Hub sets in the language {lang!r}; use the sample that ships with --data sample, or --data PATH"
        )
    return join_data([with_dev(load_hub_set(hub_set, seed=seed)) for hub_set in sets])
