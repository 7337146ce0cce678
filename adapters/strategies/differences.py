"""What a network's weights have changed by, brought into the form in which adapters are kept: low-rank factors of matrices, biases whole."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from torch import Tensor, nn

from ...base.load import Base
from ...choices import StoreDtype
from ...errors import TrainingError
from ...lora import STORE_DTYPES, LoraFactors, LoraModule, RankPolicy, bias_update, compress, inner_product, is_bias
from ..settings.joined import TrainSettings
from .trained import ModelWeights, Trained

MATRICES, BIASES, EMBEDDINGS, NORMS = "linear layers", "biases", "embeddings", "LayerNorm weights"
"""What changes are told apart by."""


def differences_as_factors(differences: Mapping[str, Tensor], linears: Mapping[str, str], rank: int) -> LoraFactors:
    """Return the nearest factors of a rank to what linear modules have changed by, and the changes of biases whole; the rest is left out.

    Args:
        differences: Name of a parameter -> its difference, float32, on the CPU.
        linears: Name of a linear module's weight -> the module's name.
        rank: Of the factors; a matrix that has changed by less keeps what there is.
    """
    factors: LoraFactors = {}
    for name, difference in differences.items():
        if name in linears:
            factors[linears[name]] = compress(difference, RankPolicy(rank=rank)).module
        elif is_bias(name):
            factors[name] = bias_update(difference)
    return factors


def changed_norms(differences: Mapping[str, Tensor], base: Base) -> dict[str, float]:
    """Return the squared norms of differences, by what they are of."""
    norms, kinds = dict[str, float](), _kinds(base)
    for name, difference in differences.items():
        norms[kinds[name]] = norms.get(kinds[name], 0.0) + float(difference.double().square().sum())
    return norms


def kept_norms(factors: LoraFactors) -> dict[str, float]:
    """Return the squared norms of what factors change, by what it is of."""
    norms: dict[str, float] = {}
    for name, module in factors.items():
        kind = BIASES if is_bias(name) else MATRICES
        norms[kind] = norms.get(kind, 0.0) + inner_product(module, module)
    return norms


def rounded(factors: LoraFactors, store: StoreDtype) -> LoraFactors:
    """Return factors as a file of a number format gives them back; biases are kept in float32."""
    dtype = STORE_DTYPES[store]

    def as_read(module: LoraModule) -> LoraModule:
        return LoraModule(module.a.to(dtype).float(), module.b.to(dtype).float(), module.scale)

    return {name: module if is_bias(name) else as_read(module) for name, module in factors.items()}


def check_finite(trained: Trained, config: TrainSettings) -> None:
    """Refuse numbers that are infinite or not numbers.

    Raises:
        TrainingError: as said; the message names what they are of.
    """
    for name, tensors in _tensors(trained):
        if not all(bool(tensor.isfinite().all()) for tensor in tensors):
            store = "fp32" if isinstance(trained, ModelWeights) else config.store
            raise TrainingError(
                f"the changes of {name} are too large to be stored in {store}; lower learning_rate (now {config.peak_rate:g})"
            )


def _tensors(trained: Trained) -> Iterator[tuple[str, tuple[Tensor, ...]]]:
    if isinstance(trained, ModelWeights):
        yield from ((name, (tensor,)) for name, tensor in trained.parameters.items())
    else:
        yield from ((name, (module.a, module.b)) for name, module in trained.items())


def _kinds(base: Base) -> dict[str, str]:
    """Return what each parameter is, by its name."""
    kinds: dict[str, str] = {}
    for path, module in base.model.named_modules():
        for own, _ in module.named_parameters(path, recurse=False):
            kinds[own] = _kind(module, own)
    return kinds


def _kind(module: nn.Module, name: str) -> str:
    if is_bias(name):
        return BIASES
    if isinstance(module, nn.Linear):
        return MATRICES
    return EMBEDDINGS if isinstance(module, nn.Embedding) else NORMS
