"""Data: sources, splits, domains and the sample. Nothing here needs a model."""

from .retrieval import Corpus, Pairs, TrainingData

