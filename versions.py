"""The versions of what is installed: what is kept beside everything that was computed with them."""

from functools import cache
from importlib.metadata import version

from . import __version__


def library_versions(*distributions: str) -> dict[str, str]:
    """Return the version of this package, then those of other distributions, in the order given."""
    return {"adapt-embed": __version__} | distribution_versions(*distributions)


def distribution_versions(*distributions: str) -> dict[str, str]:
    """Return the versions of distributions, in the order given."""
    return {name: _version(name) for name in distributions}


_version = cache(version)
