"""One of our encoders or searchers as mteb sees a model (its EncoderProtocol, its SearchProtocol)."""

from typing import TYPE_CHECKING, Any

from mteb._create_dataloaders import create_dataloader
from mteb.models import ModelMeta
from mteb.models.model_meta import ScoringFunction
from mteb.similarity_functions import cos_sim, pairwise_cos_sim
from mteb.types import Array, PromptType
from torch import Tensor

from ...encoder import Encoder, Searcher, Vectors
from .identity import Identity

if TYPE_CHECKING:
    from datasets import Dataset
    from mteb.abstasks.task_metadata import TaskMetadata
    from mteb.types import BatchedInput
    from torch.utils.data import DataLoader


class MtebModel:
    """Hands mteb's texts to an encoder, whole; queries of retrieval go in as queries, all else as documents."""

    def __init__(self, encoder: Encoder, identity: Identity) -> None:
        self.encoder = encoder
        self.mteb_model_meta = _meta(identity, similarity_fn_name=ScoringFunction.COSINE)

    def encode(
        self,
        inputs: "DataLoader[BatchedInput]",
        *,
        prompt_type: PromptType | None = None,
        **kwargs: object,  # noqa: ARG002 (task, split and batch size: nothing that a vector depends on)
    ) -> Vectors:
        """Return the vectors of all texts of a loader, in order. The encoder makes its own batches, by length."""
        return self.encoder.encode(_texts(inputs), "query" if prompt_type == PromptType.query else "document")

    def similarity(self, embeddings1: Array, embeddings2: Array) -> Tensor:
        """Return all cosines, (n, m)."""
        cosines: Tensor = cos_sim(embeddings1, embeddings2)
        return cosines

    def similarity_pairwise(self, embeddings1: Array, embeddings2: Array) -> Array:
        """Return the cosines row by row, (n,)."""
        return pairwise_cos_sim(embeddings1, embeddings2)


class MtebSearcher:
    """Hands the queries and passages of a retrieval task to a searcher, whole."""

    def __init__(self, searcher: Searcher, identity: Identity) -> None:
        self.searcher = searcher
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
        rankings = self.searcher.search(list(asked.values()), list(self._passages.values()), top_k)
        return {qid: {ids[row]: score for row, score in ranking} for qid, ranking in zip(asked, rankings, strict=True)}


def _by_id(rows: "Dataset", metadata: "TaskMetadata", prompt_type: PromptType) -> dict[str, str]:
    """Return id -> text, the text being put together as mteb does it for its encoders (titles, instructions)."""
    texts = _texts(create_dataloader(rows, task_metadata=metadata, prompt_type=prompt_type, batch_size=512))
    return dict(zip(rows["id"], texts, strict=True))


def _texts(inputs: "DataLoader[BatchedInput]") -> list[str]:
    return [text for batch in inputs for text in batch["text"]]


def _meta(identity: Identity, **more: Any) -> ModelMeta:
    return ModelMeta.create_empty({"name": identity.name, "revision": identity.revision, "max_tokens": identity.max_tokens} | more)
