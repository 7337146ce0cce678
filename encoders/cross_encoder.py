"""A cross-encoder: reads a query and a passage together and gives one number, as rerankers of the kind of bge-reranker do."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from ..base.fingerprint import fingerprint
from ..base.positions import count_positions
from ..base.tokenizer import tokenizer_sha256
from ..choices import Precision
from ..disk import file_sha256
from ..errors import BaseError
from .batching import default_batch_tokens, length_batches
from .forward import choose_device, too_little_memory, uses_bf16

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

Logits = NDArray[np.float32]
LONGEST = 512
"""Tokens of a query and a passage together, unless a length was named: what rerankers were trained with."""


@dataclass(frozen=True, slots=True)
class CrossEncoder:
    """A network with one logit for each pair of texts.

    Attributes:
        name: What the user calls it.
        model: The network, frozen.
        tokenizer: Its own.
        sha256: Of its weights.
        max_tokens: The length that a pair is truncated to, the longer text first.
        precision: Of matrix products.
        batch_tokens: The padded tokens of a batch.
    """

    name: str
    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    sha256: str
    max_tokens: int
    precision: Precision
    batch_tokens: int

    @property
    def device(self) -> torch.device:
        """The device that it is on."""
        device: torch.device = next(self.model.parameters()).device
        return device

    def content(self) -> dict[str, object]:
        """Return all that its logits depend on, as JSON can hold it."""
        return {
            "cross-encoder": self.sha256,
            "network": file_sha256(Path(self.model.config.name_or_path) / "config.json"),
            "tokenizer": tokenizer_sha256(self.tokenizer),
            "max_tokens": self.max_tokens,
            "precision": "bf16" if uses_bf16(self.device, self.precision) else "fp32",
            "device": self.device.type,
        }

    def score(self, queries: Sequence[str], passages: Sequence[str], on_batch: Callable[[int], None] | None = None) -> Logits:
        """Return the logit of each pair, (n,): the larger, the better the passage answers the query.

        Args:
            queries: One for each pair.
            passages: As many.
            on_batch: Called after each batch with the number of its pairs.

        Raises:
            ConfigError: a GPU's memory does not suffice for one pair.
        """
        if not queries:
            return np.empty(0, np.float32)
        tokens = self.tokenizer(list(map(_clean, queries)), list(map(_clean, passages)), truncation=True, max_length=self.max_tokens)
        logits = np.empty(len(queries), np.float32)
        names = [name for name in self.tokenizer.model_input_names if name in tokens]
        with torch.inference_mode(), torch.autocast(self.device.type, torch.bfloat16, enabled=uses_bf16(self.device, self.precision)):
            for rows in length_batches([len(ids) for ids in tokens["input_ids"]], self.batch_tokens):
                logits[rows] = self._run([{name: tokens[name][row] for name in names} for row in rows])
                if on_batch:
                    on_batch(len(rows))
        return logits

    def _run(self, pairs: list[dict[str, list[int]]]) -> Logits:
        """Run a batch; where the GPU's memory runs out, in halves."""
        with contextlib.suppress(torch.OutOfMemoryError):
            logits: Logits = self.model(**self._padded(pairs)).logits.float().reshape(-1).cpu().numpy()
            return logits
        if len(pairs) == 1:
            raise too_little_memory(self.device, len(pairs[0]["input_ids"]))
        half = len(pairs) // 2
        return np.concatenate([self._run(pairs[:half]), self._run(pairs[half:])])

    def _padded(self, pairs: list[dict[str, list[int]]]) -> dict[str, torch.Tensor]:
        """Return what the network reads of a batch, each (n, tokens), on its device."""
        longest = max(len(pair["input_ids"]) for pair in pairs)
        padded = {name: np.full((len(pairs), longest), self.tokenizer.pad_token_id if name == "input_ids" else 0) for name in pairs[0]}
        for row, pair in enumerate(pairs):
            for name, ids in pair.items():
                padded[name][row, : len(ids)] = ids
        return {name: torch.from_numpy(ids).to(self.device) for name, ids in padded.items()}


def load_cross_encoder(
    folder: Path,
    *,
    name: str,
    device: str | None = None,
    precision: Precision = "auto",
    max_tokens: int | None = None,
    batch_tokens: int | None = None,
) -> CrossEncoder:
    """Load a cross-encoder from its folder, frozen and in float32. No code of the folder is run.

    Args:
        folder: With config.json, a tokenizer and model.safetensors.
        name: What the user calls it.
        device: As `choose_device` takes it.
        precision: Of matrix products.
        max_tokens: The length that pairs are truncated to; None: 512, and never more than the network reads.
        batch_tokens: Padded tokens of a batch; None: by device.

    Raises:
        BaseError: it does not load, lacks weights such as those of the last layer, or gives another number of logits than one.
        ConfigError: the device is not here.
    """
    model, tokenizer = _load(folder)
    longest = min(count_positions(model), LONGEST if max_tokens is None else max_tokens)
    place = choose_device(device)
    return CrossEncoder(
        name=name,
        model=model.to(place),
        tokenizer=tokenizer,
        sha256=fingerprint(folder),
        max_tokens=longest,
        precision=precision,
        batch_tokens=batch_tokens or default_batch_tokens(place),
    )


def _load(folder: Path) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    from transformers import AutoModelForSequenceClassification, AutoTokenizer
    from transformers.utils import logging

    verbosity = logging.get_verbosity()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        model, report = AutoModelForSequenceClassification.from_pretrained(
            folder, local_files_only=True, trust_remote_code=False, use_safetensors=True, dtype=torch.float32, output_loading_info=True
        )
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except Exception as e:  # transformers raises whatever its readers raise: OSError, ValueError, SafetensorError, KeyError
        raise BaseError(f"the cross-encoder in {folder} could not be loaded: {next(iter(str(e).splitlines()), type(e).__name__)}") from e
    finally:
        logging.set_verbosity(verbosity)
    missing, labels = sorted(report["missing_keys"]), model.config.num_labels
    if missing:
        raise BaseError(
            f"{folder} is not a cross-encoder: its weights lack {missing[0]}; expected a network trained to score a query and a passage "
            "together, such as BAAI/bge-reranker-base"
        )
    if labels != 1:
        raise BaseError(f"the cross-encoder in {folder} gives {labels} numbers for a pair; expected one, as bge-reranker does")
    return model.requires_grad_(False).eval(), tokenizer


def probabilities(logits: Logits) -> Logits:
    """Return the sigmoid of logits: how probable it is that a passage answers its query, 0 to 1, by the cross-encoder's own account."""
    return (1 / (1 + np.exp(-logits.astype(np.float64)))).astype(np.float32)


def _clean(text: str) -> str:
    """Replace lone surrogates, which no UTF-8 tokenizer accepts."""
    return text.encode("utf-8", "replace").decode("utf-8")
