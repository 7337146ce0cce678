"""Data: sources, splits, domains and the sample. Nothing here needs a model, and each name is imported when it is asked for."""

from typing import TYPE_CHECKING

from ..lazy import lazily

if TYPE_CHECKING:
    from .domains import Domain, HubSet, domain_names, load_domain
    from .pairs import Corpus, Pairs, TrainingData
    from .preflight import PreflightWarning
    from .read_options import ReadOptions
    from .sample import Sample, load_sample
    from .sources import load_training_data, read_data

__all__ = [
    "Corpus",
    "Domain",
    "HubSet",
    "Pairs",
    "PreflightWarning",
    "ReadOptions",
    "Sample",
    "TrainingData",
    "domain_names",
    "load_domain",
    "load_sample",
    "load_training_data",
    "read_data",
]
_MODULES = {
    "domains": ("Domain", "HubSet", "domain_names", "load_domain"),
    "preflight": ("PreflightWarning",),
    "pairs": ("Corpus", "Pairs", "TrainingData"),
    "read_options": ("ReadOptions",),
    "sample": ("Sample", "load_sample"),
    "sources": ("load_training_data", "read_data"),
}
__getattr__ = lazily(__name__, {name: module for module, names in _MODULES.items() for name in names})
