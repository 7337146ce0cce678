"""One of our encoders as mteb sees a model (its EncoderProtocol)."""

from typing import TYPE_CHECKING

from mteb.models import ModelMeta
from mteb.models.model_meta import ScoringFunction
from mteb.similarity_functions import cos_sim, pairwise_cos_sim
from mteb.types import Array, PromptType
from torch import Tensor

from ..encoder import Encoder, Vectors
from .identity import Identity

if TYPE_CHECKING:
    from mteb.types import BatchedInput
    from torch.utils.data import DataLoader


class MtebModel:
    """Hands mteb's texts to an encoder, whole; queries of retrieval go in as queries, all else as documents."""

    def __init__(self, encoder: Encoder, identity: Identity) -> None:
        self.encoder = encoder
        self.mteb_model_meta = ModelMeta.create_empty(
            {
                "name": identity.name,
                "revision": identity.revision,
                "max_tokens": identity.max_tokens,
                "similarity_fn_name": ScoringFunction.COSINE,
            }
        )

    def encode(
        self,
        inputs: "DataLoader[BatchedInput]",
        *,
        prompt_type: PromptType | None = None,
        **kwargs: object,  # noqa: ARG002 (task, split and batch size: nothing that a vector depends on)
    ) -> Vectors:
        """Return the vectors of all texts of a loader, in order. The encoder makes its own batches, by length."""
        texts = [text for batch in inputs for text in batch["text"]]
        return self.encoder.encode(texts, "query" if prompt_type == PromptType.query else "document")

    def similarity(self, embeddings1: Array, embeddings2: Array) -> Tensor:
        """Return all cosines, (n, m)."""
        cosines: Tensor = cos_sim(embeddings1, embeddings2)
        return cosines

    def similarity_pairwise(self, embeddings1: Array, embeddings2: Array) -> Array:
        """Return the cosines row by row, (n,)."""
        return pairwise_cos_sim(embeddings1, embeddings2)
