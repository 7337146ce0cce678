"""Data: sources, splits, domains and the sample. Nothing here needs a model."""

from .domains import Domain, HubSet, domain_names, load_domain
from .preflight import PreflightWarning, preflight
from .retrieval import Corpus, Pairs, TrainingData
from .sample import Sample, load_sample
from .sources import load_training_data

__all__ = [
    "Corpus",
    "Domain",
    "HubSet",
    "Pairs",
    "PreflightWarning",
    "Sample",
    "TrainingData",
    "domain_names",
    "load_domain",
    "load_sample",
    "load_training_data",
    "preflight",
]
