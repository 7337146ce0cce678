"""Load a base's network and tokenizer from its folder, frozen, and merge an adapter into its weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from ..errors import AdapterError, BaseError
from .head import Head, head_spec
from .json_files import read_json
from .positions import count_positions
from .spec import BaseSpec, EncodingSpec, ResolvedBase
from .tokenizer import load_tokenizer, tokenizer_sha256

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from transformers import PreTrainedModel, PreTrainedTokenizerBase
_TESTED = frozenset(("bert", "roberta", "xlm-roberta", "distilbert", "mpnet"))
"""Kinds of network that need no trial: a test compares each with sentence-transformers."""


@dataclass(slots=True, weakref_slot=True)
class Network:
    """Frozen weights in memory, shared by whatever encodes with them.

    Attributes:
        spec: Which they are.
        model: The network.
        merged: Key of the deltas that `merge_weights` merged last; None: none.
        originals: The own weights of the modules and biases that it changed, (out, in) and (n, 1).
    """

    spec: BaseSpec
    model: PreTrainedModel
    merged: str | None = None
    originals: dict[str, Tensor] = field(default_factory=dict)

    @property
    def device(self) -> torch.device:
        """The device the network is on."""
        device: torch.device = next(self.model.parameters()).device
        return device

    @torch.no_grad()
    def merge_weights(self, key: str | None, deltas: dict[str, Tensor]) -> None:
        """Set the network's weights to the base's own plus `deltas`; key None restores them.

        A delta is of a linear module, (out, in), or of a bias by its own name (`encoder.layer.0.attention.self.query.bias`), (n, 1).

        The base's own weights are kept aside and come back bit for bit. The same key again does nothing.

        Raises:
            AdapterError: a delta names a module that the base does not have, or has another shape.
        """
        if key == self.merged:
            return
        self.check_fits({name: tuple(delta.shape) for name, delta in deltas.items()})
        modules = dict(self.model.named_modules())
        for name, original in self.originals.items():
            _matrix(modules, name).copy_(original)
        for name, delta in deltas.items():
            weight = _matrix(modules, name)
            self.originals.setdefault(name, weight.clone())
            weight.add_(delta.to(weight))
        self.merged = key

    def own_biases(self) -> dict[str, Tensor]:
        """Return the base's own biases by name, (n,), whatever is merged into the weights at present."""
        own = {name: bias.detach() for name, bias in self.model.named_parameters() if name.endswith(_BIAS)}
        return own | {name: original[:, 0] for name, original in self.originals.items() if name.endswith(_BIAS)}

    def first_linear(self) -> tuple[str, tuple[int, int]]:
        """Return the name of the first linear module, and its shape, (out, in)."""
        linears = ((name, module) for name, module in self.model.named_modules() if isinstance(module, nn.Linear))
        name, first = next(linears)
        return name, (first.out_features, first.in_features)

    def check_fits(self, shapes: Mapping[str, tuple[int, ...]]) -> None:
        """Refuse changes (name of a linear module -> (out, in), or of a bias -> (n, 1)) of what the network does not have.

        Raises:
            AdapterError: one names a module or bias that the base does not have, or has another shape.
        """
        modules = dict(self.model.named_modules())
        for name, shape in shapes.items():
            if not _has(modules, name) or tuple(_matrix(modules, name).shape) != tuple(shape):
                raise AdapterError(
                    f"the adapter changes {name} {tuple(shape)}, which {self.spec.name} does not have in that shape; it was made for another base"
                )


_BIAS = ".bias"


def _has(modules: Mapping[str, nn.Module], name: str) -> bool:
    """Return whether a network has a linear module, or a bias, of that name."""
    if name.endswith(_BIAS):
        return isinstance(getattr(modules.get(name.removesuffix(_BIAS)), "bias", None), Tensor)
    return isinstance(modules.get(name), nn.Linear)


def _matrix(modules: Mapping[str, nn.Module], name: str) -> Tensor:
    """Return a linear module's weight, (out, in), or a bias as a column, (n, 1), that shares its memory."""
    if name.endswith(_BIAS):
        return modules[name.removesuffix(_BIAS)].get_parameter("bias")[:, None]
    return modules[name].get_parameter("weight")


@dataclass(slots=True)
class Base:
    """A network, and how texts go into it; several of them may share one network.

    Attributes:
        network: The weights in memory.
        encoding: How texts go in, no longer than the network reads.
        tokenizer: As `encoding` names it.
        tokenizer_hash: Of what the tokenizer does.
        backends: The tokenizers by maximum length (a copy takes a second where the vocabulary is large).
        head: What maps pooled vectors to another width, on the network's device; None: they are left as they are.
    """

    network: Network
    encoding: EncodingSpec
    tokenizer: PreTrainedTokenizerBase
    tokenizer_hash: str
    backends: dict[int, Tokenizer] = field(default_factory=dict)
    head: Head | None = None

    @property
    def spec(self) -> BaseSpec:
        """Which weights the network has."""
        return self.network.spec

    @property
    def dimension(self) -> int:
        """The width of its vectors."""
        return self.spec.dimension if self.head is None else self.head.width

    @property
    def model(self) -> PreTrainedModel:
        """The network itself."""
        return self.network.model

    @property
    def device(self) -> torch.device:
        """The device the network is on."""
        return self.network.device

    def backend_tokenizer(self, max_tokens: int) -> Tokenizer:
        """Return a copy of the fast tokenizer that truncates to `max_tokens`, on the tokenizer's side, and pads nothing."""
        from tokenizers import Tokenizer

        if max_tokens not in self.backends:
            copy = Tokenizer.from_str(self.tokenizer.backend_tokenizer.to_str())
            copy.no_padding()
            copy.enable_truncation(max_tokens, direction=self.tokenizer.truncation_side)
            self.backends[max_tokens] = copy
        return self.backends[max_tokens]


def load_base(found: ResolvedBase, *, device: torch.device | str = "cpu") -> Base:
    """Load a base's network and the tokenizer that its encoding names.

    Where the network has fewer positions than its `config.json` says, lengths are cut to them.

    Raises:
        BaseError: as `load_network` and `load_tokenizer`.
    """
    tokenizer = load_tokenizer(found.spec, found.encoding)
    return make_base(load_network(found.spec, device=device), found.encoding, tokenizer)


def make_base(network: Network, encoding: EncodingSpec, tokenizer: PreTrainedTokenizerBase) -> Base:
    """Return a loaded network with an encoding, and the tokenizer that belongs to it; raises a `BaseError` where a head is damaged."""
    encoding = encoding.within(count_positions(network.model))
    tokenizer.model_max_length = encoding.max_tokens
    head = None if encoding.head is None else encoding.head.load().copy(network.device)
    return Base(network, encoding, tokenizer, tokenizer_sha256(tokenizer), head=head)


def with_head(base: Base, head: Head | None) -> Base:
    """Return a base whose vectors go through a head, over the same network; None: as it is."""
    if head is None:
        return base
    return replace(base, encoding=replace(base.encoding, head=head_spec(head)), head=head)


def load_network(spec: BaseSpec, *, device: torch.device | str = "cpu") -> Network:
    """Load a network in float32, frozen and in evaluation mode. No code of the folder is run.

    Raises:
        BaseError: the files do not load, need code of their own, or are not an encoder of token ids.
    """
    return Network(spec, _load_network(spec.folder).to(device))


def _load_network(folder: Path) -> PreTrainedModel:
    """Load the network, quietly; transformers fills what the file lacks with random numbers, which is refused here."""
    from transformers import AutoConfig, AutoModel
    from transformers.utils import logging

    own_code = _own_code(folder)
    logging.disable_progress_bar()
    verbosity = logging.get_verbosity()
    logging.set_verbosity_error()
    try:
        config = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
        if config.is_encoder_decoder:
            raise BaseError(f"{folder} is a {config.model_type}, an encoder with a decoder; a base is an encoder such as BERT or XLM-R")
        model, report = AutoModel.from_pretrained(
            folder, config=config, local_files_only=True, trust_remote_code=False, dtype=torch.float32, output_loading_info=True
        )
    except BaseError:
        raise
    except Exception as e:  # transformers raises whatever its readers raise: OSError, ValueError, SafetensorError, KeyError
        if own_code and ("trust_remote_code" in str(e) or "model type" in str(e)):
            raise BaseError(_needs_own_code(folder, own_code)) from e
        raise BaseError(f"the base in {folder} could not be loaded: {next(iter(str(e).splitlines()), type(e).__name__)}") from e
    finally:
        logging.set_verbosity(verbosity)
    model.requires_grad_(False).eval()
    missing = sorted(key for key in report["missing_keys"] if not key.startswith("pooler."))  # no vector comes from the pooler
    if own_code and (missing or report["unexpected_keys"] or _is_causal(model)):
        raise BaseError(_needs_own_code(folder, own_code))
    if missing:
        raise BaseError(
            f"the weights in {folder} lack {len(missing)} tensors of its config.json ({missing[0]}, ...); fetch the folder again"
        )
    if config.model_type not in _TESTED:
        _try(model, folder)
    return model


def _own_code(folder: Path) -> str | None:
    """Return the class of its own that a folder names for its network (`auto_map`), or None."""
    named = read_json(folder / "config.json").get("auto_map") or {}
    return str(named.get("AutoModel") or named.get("AutoConfig") or "") or None if isinstance(named, dict) else str(named)


def _needs_own_code(folder: Path, code: str) -> str:
    return (
        f"{folder} needs code of its own ({code}, in auto_map of config.json), and adapt does not run code from a model's folder; "
        "use a base that transformers itself supports, such as BERT or XLM-R"
    )


@torch.no_grad()
def _is_causal(model: PreTrainedModel) -> bool:
    """Return whether the first token's state does not see the last token."""
    states = model(
        input_ids=torch.tensor([[5, 6, 7, 8], [5, 6, 7, 9]]), attention_mask=torch.ones(2, 4, dtype=torch.long)
    ).last_hidden_state
    return bool(torch.allclose(states[0, 0], states[1, 0], atol=1e-6))


@torch.no_grad()
def _try(model: PreTrainedModel, folder: Path) -> None:
    """Refuse a network that takes more than token ids and a mask, or whose states depend on the padding."""
    kind, ids = model.config.model_type, torch.tensor([[5, 6, 7, 8, 0, 0]])
    mask = (ids > 0).long()
    try:
        alone, padded = (model(input_ids=ids[:, :n], attention_mask=mask[:, :n]).last_hidden_state[:, :4] for n in (4, 6))
    except Exception as e:  # whatever the network's own code raises where an input is missing
        reason = next(iter(str(e).splitlines()), type(e).__name__)
        raise BaseError(f"{folder} is a {kind}, which does not run on token ids and a mask alone ({reason}); use another base") from e
    if alone.shape != padded.shape or float((alone - padded).abs().max()) > 1e-3 * float(alone.abs().max()):
        raise BaseError(f"{folder} is a {kind}, whose vectors depend on the padding of a batch; use another base")


def pool(hidden: Tensor, mask: Tensor, pooling: str) -> Tensor:
    """Pool (n, tokens, d) hidden states under an (n, tokens) mask into (n, d): the first token's state, or the mean."""
    if pooling == "cls":
        return hidden[:, 0]
    weights = mask.unsqueeze(-1).to(hidden.dtype)  # (n, tokens, 1)
    return (hidden * weights).sum(1) / weights.sum(1).clamp_min(1e-9)
