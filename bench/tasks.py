"""The makers of tasks of local data, one for each kind (`bench/local/`)."""

from .local.classification import classification_task
from .local.clustering import clustering_task
from .local.pairs import pair_classification_task
from .local.reranking import reranking_task
from .local.retrieval import retrieval_task
from .local.sts import sts_task

__all__ = ["classification_task", "clustering_task", "pair_classification_task", "reranking_task", "retrieval_task", "sts_task"]
