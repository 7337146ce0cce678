"""What adapters add to a module's result, each to its own rows of a batch."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from ..base.load import Base
from ..choices import Role
from ..lora import LoraFactors, is_bias
from ..lora.factors import BIAS
from .forward import uses_bf16
from .lora import LoraEncoder

Pair = tuple[Tensor, Tensor]
"""The factors of one module, ready for products: (in, rank), and (rank, out) with the scale in it."""


@dataclass(frozen=True, slots=True)
class Change:
    """What an adapter adds to one module's result.

    Attributes:
        factors: What is multiplied with the module's input; None: nothing.
        bias: What is added to each token's result, (out,); None: nothing.
    """

    factors: Pair | None = None
    bias: Tensor | None = None

    @property
    def shape(self) -> tuple[object, ...]:
        """What two changes share that one product can serve."""
        return None if self.factors is None else self.factors[0].shape, self.bias is None


@dataclass(frozen=True, slots=True)
class Span:
    """Rows of a batch that stand together, and what is added to them.

    Attributes:
        rows: Which ones.
        changes: One, for all of the rows; or of several adapters, alike in rank, each for as many of the rows, one adapter's after another's:
            one product then serves them all, which a small one for each takes twice as long for.
    """

    rows: slice
    changes: tuple[Change, ...]


AddsToResult = Callable[[nn.Module, tuple[Tensor, ...], Tensor], None]
"""A hook of torch: given a module, its inputs and its result, which it changes in place."""


@dataclass(slots=True)
class ReadyFactors:
    """What adapters change, made ready for products once: by the hash of the factors, and the precision of the products."""

    _changes: dict[tuple[str, torch.dtype], dict[str, Change]] = field(default_factory=dict)

    def of(self, member: LoraEncoder, role: Role) -> dict[str, Change]:
        """Return what a member changes in a role, by module; nothing where the base alone is meant.

        Raises:
            AdapterError: its factors are not of its base.
        """
        key, base = member.sha256[role], member.base
        if key is None:
            return {}
        dtype = torch.bfloat16 if uses_bf16(base.device, member.precision) else torch.float32
        if (key, dtype) not in self._changes:
            self._changes[key, dtype] = make_ready(member.factors_of(role), base, dtype)
        return self._changes[key, dtype]

    @property
    def keys(self) -> list[str]:
        """The hashes of the factors that are ready, once for each precision."""
        return [key for key, _ in self._changes]

    def keep(self, keys: Collection[str]) -> None:
        """Keep that of the factors with these hashes alone."""
        for key in [each for each in self._changes if each[0] not in keys]:
            del self._changes[key]


def make_ready(factors: LoraFactors, base: Base, dtype: torch.dtype) -> dict[str, Change]:
    """Return what factors change in a base, by module, on its device and in the precision of the products.

    Raises:
        AdapterError: they are not of this base.
    """
    base.network.check_fits({name: (module.b.shape[0], module.a.shape[1]) for name, module in factors.items()})

    def ready(factor: Tensor) -> Tensor:
        return factor.T.contiguous().to(base.device, dtype)

    pairs = {name: (ready(module.a), ready(module.scale * module.b)) for name, module in factors.items() if not is_bias(name)}
    biases = {name.removesuffix(BIAS): module.delta()[:, 0].to(base.device) for name, module in factors.items() if is_bias(name)}
    return {name: Change(pairs.get(name), biases.get(name)) for name in pairs.keys() | biases.keys()}


@contextmanager
def row_by_row(modules: Mapping[str, nn.Module], rows_in_batch: int, spans: Mapping[str, Sequence[Span]]) -> Iterator[None]:
    """Let modules, by name, add to each row of a batch what its span says, as long as this lasts."""
    hooks = [modules[name].register_forward_hook(adding(rows_in_batch, own)) for name, own in spans.items()]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def adding(rows_in_batch: int, spans: Sequence[Span]) -> AddsToResult:
    """Return a hook that adds to a module's result, span of rows by span, the product of its input with its adapters' factors, and biases."""
    joined = [(span.rows, len(span.changes), *_join(span.changes)) for span in spans]

    def add(_module: nn.Module, inputs: tuple[Tensor, ...], result: Tensor) -> None:
        values = inputs[0].reshape(rows_in_batch, -1, inputs[0].shape[-1])  # (n, tokens, in)
        results = result.view(rows_in_batch, -1, result.shape[-1])  # (n, tokens, out)
        for rows, adapters, factors, bias in joined:
            own = results[rows].view(adapters, -1, result.shape[-1])  # (adapters, tokens of each, out)
            if factors is not None:
                down, up = factors
                given = values[rows].reshape(adapters, -1, values.shape[-1]).to(down.dtype)  # (adapters, tokens of each, in)
                if adapters == 1:
                    own[0].addmm_(given[0] @ down, up)
                else:
                    own.baddbmm_(torch.bmm(given, down), up)
            if bias is not None:
                own += bias.to(own.dtype)

    return add


def _join(changes: Sequence[Change]) -> tuple[Pair | None, Tensor | None]:
    """Return the factors of one adapter as they are, those of several stacked, (adapters, in, rank) and (adapters, rank, out), and biases."""
    pairs, biases = [change.factors for change in changes], [change.bias for change in changes]
    bias = None if biases[0] is None else torch.stack(biases)[:, None]  # type: ignore[arg-type]
    if len(pairs) == 1 or pairs[0] is None:
        return pairs[0], bias
    return (torch.stack([pair[0] for pair in pairs]), torch.stack([pair[1] for pair in pairs])), bias  # type: ignore[index]
