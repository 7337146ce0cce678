"""One of our encoders or searchers as mteb sees a model (its EncoderProtocol, its SearchProtocol)."""

from typing import TYPE_CHECKING, Any

from mteb.models import ModelMeta
from mteb.models.model_meta import ScoringFunction
from mteb.similarity_functions import cos_sim, pairwise_cos_sim
from mteb.types import Array, PromptType
from torch import Tensor

from ...choices import Role
from ...encoders.protocol import Encoder, OnBatch, Opened, Searcher, Vectors, is_searcher
from ..mteb_private import texts_for_models
from .identity import Identity

if TYPE_CHECKING:
    from datasets import Dataset
    from mteb.abstasks.task_metadata import TaskMetadata
    from mteb.types import BatchedInput
    from torch.utils.data import DataLoader


class MtebModel:
    """Hands mteb's texts to an encoder, whole; queries of retrieval go in as queries, all else as documents.

    `truncated` counts the texts that were, since mteb keeps vectors alone.
    """

    def __init__(self, encoder: Encoder, identity: Identity, on_batch: OnBatch | None = None) -> None:
        self.encoder, self.on_batch, self.truncated = encoder, on_batch, 0
        self.mteb_model_meta = _meta(identity, similarity_fn_name=ScoringFunction.COSINE)

    def encode(
        self,
        inputs: "DataLoader[BatchedInput]",
        *,
        prompt_type: PromptType | None = None,
        **kwargs: object,  # noqa: ARG002 (task, split and batch size: nothing that a vector depends on)
    ) -> Vectors:
        """Return the vectors of all texts of a loader, in order. The encoder makes its own batches, by length."""
        role: Role = "query" if prompt_type == PromptType.query else "document"
        encoded = self.encoder.encode([text for batch in inputs for text in batch["text"]], role, on_batch=self.on_batch)
        self.truncated += encoded.truncated
        return encoded.vectors

    def similarity(self, embeddings1: Array, embeddings2: Array) -> Tensor:
        """Return all cosines, (n, m)."""
        cosines: Tensor = cos_sim(embeddings1, embeddings2)
        return cosines

    def similarity_pairwise(self, embeddings1: Array, embeddings2: Array) -> Array:
        """Return the cosines row by row, (n,)."""
        return pairwise_cos_sim(embeddings1, embeddings2)


class MtebSearcher:
    """Hands the queries and passages of a retrieval task to a searcher, whole; `truncated` as in `MtebModel`."""

    def __init__(self, searcher: Searcher, identity: Identity, on_batch: OnBatch | None = None) -> None:
        self.searcher, self.on_batch, self.truncated = searcher, on_batch, 0
        self.mteb_model_meta = _meta(identity)
        self._passages: dict[str, str] = {}

    def index(self, corpus: "Dataset", *, task_metadata: "TaskMetadata", **kwargs: object) -> None:  # noqa: ARG002 (as `encode`)
        """Keep the passages; they are encoded together with the queries."""
        self._passages = _by_id(corpus, task_metadata, PromptType.document)

    def search(
        self,
        queries: "Dataset",
        *,
        task_metadata: "TaskMetadata",
        top_k: int,
        top_ranked: dict[str, list[str]] | None = None,
        **kwargs: object,  # noqa: ARG002 (as `encode`)
    ) -> dict[str, dict[str, float]]:
        """Return the scores of the `top_k` best passages of each query, by their ids."""
        assert top_ranked is None, "the bench knows no kind of task that reranks"
        asked, ids = _by_id(queries, task_metadata, PromptType.query), list(self._passages)
        ranked = self.searcher.search(list(asked.values()), list(self._passages.values()), top_k, on_batch=self.on_batch)
        self.truncated += ranked.truncated
        return {qid: {ids[row]: score for row, score in ranking} for qid, ranking in zip(asked, ranked.rankings, strict=True)}


def as_mteb_sees(opened: Opened, identity: Identity, on_batch: OnBatch | None = None) -> MtebModel | MtebSearcher:
    """Return an encoder or searcher as a model of mteb's.

    Args:
        opened: What encodes or ranks.
        identity: Who it is to mteb.
        on_batch: Given to each of its calls.
    """
    return MtebSearcher(opened, identity, on_batch) if is_searcher(opened) else MtebModel(opened, identity, on_batch)


def _by_id(rows: "Dataset", metadata: "TaskMetadata", prompt_type: PromptType) -> dict[str, str]:
    """Return id -> text, the text being put together as mteb does it for its encoders (titles, instructions)."""
    return dict(zip(rows["id"], texts_for_models(rows, metadata, prompt_type), strict=True))


def _meta(identity: Identity, **more: Any) -> ModelMeta:
    return ModelMeta.create_empty({"name": identity.name, "revision": identity.revision, "max_tokens": identity.max_tokens} | more)
