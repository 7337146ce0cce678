"""An ONNX graph in onnxruntime: texts -> vectors, as the encoder that it was made from gives them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ...choices import Role
from ...encoders.protocol import Encoded, Vectors

if TYPE_CHECKING:
    from ...base.load import Base

_BATCH = 16
_CPU = ("CPUExecutionProvider",)


@dataclass(frozen=True, slots=True)
class OnnxEncoder:
    """A graph that onnxruntime runs on the CPU.

    Attributes:
        session: onnxruntime's.
        base: Whose texts go in and vectors come out the same way.
    """

    session: Any
    base: Base

    def encode(self, texts: Sequence[str], role: Role = "document") -> Encoded:
        """Return the vectors of texts, (n, d) float32 of length 1, in their order.

        Raises:
            DataError: a text is not a string; its row is named.
        """
        from ...encoders.tokens import tokenize

        tokens = tokenize(self.base, texts, role)
        vectors = np.empty((len(texts), self.base.dimension), np.float32)
        by_length = sorted(range(len(texts)), key=lambda row: len(tokens.ids[row]))
        for start in range(0, len(texts), _BATCH):
            rows = by_length[start : start + _BATCH]
            vectors[rows] = self.embed([tokens.ids[row] for row in rows])
        return Encoded(vectors, np.array(tokens.is_cut, np.bool_))

    def embed(self, ids: Sequence[Sequence[int]]) -> Vectors:
        """Run one batch of token ids: (n, d) vectors of length 1."""
        import torch

        from ...encoders.forward import as_vectors

        padded = np.full((len(ids), max(map(len, ids))), int(self.base.tokenizer.pad_token_id))
        mask = np.zeros_like(padded)
        for row, values in enumerate(ids):
            padded[row, : len(values)], mask[row, : len(values)] = values, 1
        given = {"input_ids": padded, "attention_mask": mask, "token_type_ids": np.zeros_like(padded)}
        (states,) = self.session.run(None, {each.name: given[each.name] for each in self.session.get_inputs()})
        vectors: Vectors = as_vectors(self.base, torch.from_numpy(states), torch.from_numpy(mask)).numpy()
        return vectors


def open_onnx(path: Path, base: Base) -> OnnxEncoder:
    """Load a graph; it computes with as many threads as torch does."""
    import onnxruntime
    import torch

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = torch.get_num_threads(), 3  # errors alone
    return OnnxEncoder(onnxruntime.InferenceSession(path, options, providers=list(_CPU)), base)
