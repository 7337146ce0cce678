"""Load a base's network and tokenizer from its folder, frozen, and lay an adapter's weights over it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from ..errors import AdapterError, BaseError
from .resolve import BaseSpec

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


_TOKENIZER_FILES = ("tokenizer.json", "vocab.txt", "vocab.json", "sentencepiece.bpe.model", "spiece.model", "tokenizer.model")


@dataclass(slots=True)
class Base:
    """A frozen network with its tokenizer.

    `laid` names what `lay_over` put over the weights last (None: nothing), `originals` keeps the weights that are under it,
    `backends` the tokenizers by maximum length (a copy takes a second where the vocabulary is large).
    """

    spec: BaseSpec
    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    laid: str | None = None
    originals: dict[str, Tensor] = field(default_factory=dict)
    backends: dict[int, Tokenizer] = field(default_factory=dict)

    @property
    def device(self) -> torch.device:
        """The device the network is on."""
        device: torch.device = next(self.model.parameters()).device
        return device

    def backend_tokenizer(self, max_tokens: int) -> Tokenizer:
        """Return a copy of the fast tokenizer that truncates to `max_tokens` and pads nothing."""
        from tokenizers import Tokenizer

        if max_tokens not in self.backends:
            copy = Tokenizer.from_str(self.tokenizer.backend_tokenizer.to_str())
            copy.no_padding()
            copy.enable_truncation(max_tokens)
            self.backends[max_tokens] = copy
        return self.backends[max_tokens]

    @torch.no_grad()
    def lay_over(self, key: str | None, deltas: dict[str, Tensor]) -> None:
        """Set the network's weights to the base's own plus `deltas` (module name -> (out, in)); key None takes them off.

        The base's own weights are kept aside and come back bit for bit. The same key again does nothing.

        Raises:
            AdapterError: a delta names a module that the base does not have, or has another shape.
        """
        if key == self.laid:
            return
        modules = dict(self.model.named_modules())
        for name, delta in deltas.items():
            module = modules.get(name)
            if not isinstance(module, nn.Linear) or module.weight.shape != delta.shape:
                raise AdapterError(
                    f"the adapter changes {name} {tuple(delta.shape)}, which {self.spec.name} does not have in that shape; it was made for another base"
                )
        for name, weight in self.originals.items():
            modules[name].weight.copy_(weight)
        for name, delta in deltas.items():
            weight = modules[name].weight
            self.originals.setdefault(name, weight.clone())
            weight.add_(delta.to(weight))
        self.laid = key


def load_base(spec: BaseSpec, *, device: torch.device | str = "cpu") -> Base:
    """Load the network in float32, frozen and in evaluation mode, and its tokenizer.

    Raises:
        BaseError: the files do not load, or are not an encoder with a fast tokenizer.
    """
    from transformers import AutoTokenizer

    if not any((spec.folder / name).is_file() for name in _TOKENIZER_FILES):  # transformers would make an empty one, and every word unknown
        raise BaseError(
            f"{spec.folder} holds no tokenizer (tokenizer.json, or a vocabulary); copy it there from where the weights came from"
        )
    try:
        model = _load_network(spec.folder)
        tokenizer = AutoTokenizer.from_pretrained(spec.folder, local_files_only=True)
    except BaseError:
        raise
    except Exception as e:  # transformers raises whatever its readers raise: OSError, ValueError, SafetensorError, KeyError
        reason = next(iter(str(e).splitlines()), type(e).__name__)
        raise BaseError(f"the base in {spec.folder} could not be loaded: {reason}") from e
    if not tokenizer.is_fast:
        raise BaseError(f"{spec.folder} has no fast tokenizer (tokenizer.json)")
    if tokenizer.pad_token_id is None:
        raise BaseError(f"the tokenizer in {spec.folder} has no padding token")
    tokenizer.model_max_length = spec.max_tokens
    model.requires_grad_(False).eval()
    return Base(spec, model.to(device), tokenizer)


def _load_network(folder: Path) -> PreTrainedModel:
    """Load the network, quietly; transformers fills what the file lacks with random numbers, which is refused here."""
    from transformers import AutoModel
    from transformers.utils import logging

    logging.disable_progress_bar()
    verbosity = logging.get_verbosity()
    logging.set_verbosity_error()
    try:
        model, report = AutoModel.from_pretrained(folder, local_files_only=True, dtype=torch.float32, output_loading_info=True)
    finally:
        logging.set_verbosity(verbosity)
    missing = sorted(key for key in report["missing_keys"] if not key.startswith("pooler."))  # no vector comes from the pooler
    if missing:
        raise BaseError(
            f"the weights in {folder} lack {len(missing)} tensors of its config.json ({missing[0]}, ...); fetch the folder again"
        )
    return model


def pool(hidden: Tensor, mask: Tensor, pooling: str) -> Tensor:
    """Pool (n, tokens, d) hidden states under an (n, tokens) mask into (n, d): the first token's state, or the mean."""
    if pooling == "cls":
        return hidden[:, 0]
    weights = mask.unsqueeze(-1).to(hidden.dtype)  # (n, tokens, 1)
    return (hidden * weights).sum(1) / weights.sum(1).clamp_min(1e-9)
