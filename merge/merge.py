"""Merge adapters: parents' factors and a configuration -> merged factors. No files, no base, no network."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field

import torch

from ..errors import ConfigError
from ..lora import (
    Compressed,
    LoraFactors,
    LoraModule,
    RankPolicy,
    Update,
    bias_update,
    compress,
    factors_sha256,
    is_bias,
    largest_rank,
    module_shape,
)
from ..plurals import count
from .methods import DEFAULT_METHOD, Method, find_method
from .methods.parts import MethodSettings, Part

LOW_ENERGY = 0.9

Grams = Mapping[str, torch.Tensor]
"""Module name -> Gram matrix of its inputs, (in, in)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeConfig:
    """How to merge.

    Attributes:
        method: A name in `METHODS`.
        weights: One a parent; None: 1/n each.
        with_base: Scales the merged update: 1 leaves it, 0 is the base.
        ranks: How many dimensions the result keeps.
        settings: What the method reads beside the weights.
    """

    method: str = DEFAULT_METHOD
    weights: tuple[float, ...] | None = None
    with_base: float = 1.0
    ranks: RankPolicy = field(default_factory=RankPolicy)
    settings: MethodSettings = field(default_factory=MethodSettings)

    def __post_init__(self) -> None:
        if not all(map(math.isfinite, self.weights or ())):
            raise ConfigError(f"the weights are {self.weights}; expected finite numbers")
        if not math.isfinite(self.with_base):
            raise ConfigError(f"with_base is {self.with_base}; expected a finite number")

    def resolved_weights(self, parents: int) -> tuple[float, ...]:
        """Return one weight a parent.

        Raises:
            ConfigError: there are no parents, or more or fewer weights.
        """
        if not parents:
            raise ConfigError("there is nothing to merge; name at least one adapter")
        if self.weights is None:
            return (1 / parents,) * parents
        if len(self.weights) != parents:
            raise ConfigError(
                f"there are {parents} adapters to merge and {count(len(self.weights), 'weight')}; give one each, in their order"
            )
        return self.weights

    def as_dict(self) -> dict[str, object]:
        """Return what was decided, as JSON can hold it; of the settings, those that the method reads."""
        read = find_method(self.method).settings
        return {
            "method": self.method,
            "with_base": self.with_base,
            "rank": self.ranks.rank,
            "energy": self.ranks.energy,
            **{key: value for key, value in asdict(self.settings).items() if key in read},
        }


@dataclass(frozen=True, slots=True)
class MergeResult:
    """Merged factors, what of each module's update they hold (shares of the squared norm), and the content hashes of the parents."""

    factors: LoraFactors
    energy_by_module: dict[str, float]
    energy: float
    parent_sha256: tuple[str, ...]

    @property
    def rank(self) -> int:
        """The largest rank of a matrix; 1 where biases alone are changed."""
        return largest_rank(self.factors) or 1


def merge_factors(
    parents: Sequence[Mapping[str, LoraModule]],
    config: MergeConfig,
    grams: Sequence[Grams] | None = None,
    on_module: Callable[[int, int], None] | None = None,
    hashes: Sequence[str] | None = None,
) -> MergeResult:
    """Merge the factors of adapters on one base. The parents are not changed.

    Args:
        parents: One or more. They may differ in ranks, scales and modules; a module that a parent leaves alone counts as no change.
        config: How.
        grams: Of each parent, for a method that needs them.
        on_module: Told how many modules are done, of how many.
        hashes: `factors_sha256` of each parent, where the caller has them; None: they are computed.

    Raises:
        ConfigError: the weights or parents are too many or too few, or Gram matrices are missing.
    """
    method = find_method(config.method)
    weights = config.resolved_weights(len(parents))
    _check(parents, config, method, grams)
    hashes = hashes or [factors_sha256(parent) for parent in parents]
    names = sorted({name for parent in parents for name in parent})
    merged: dict[str, Compressed] = {}
    for done, name in enumerate(names, start=1):
        own = _of_module(parents, name)
        parts = [
            Part(module, weight, f"{key} {name}", grams[row].get(name) if grams else None)
            for row, (module, weight, key) in enumerate(zip(own, weights, hashes, strict=True))
        ]
        merge = method.of_vectors if is_bias(name) and method.of_vectors else method.merge
        update = _scaled(merge(parts, config.settings), config.with_base)
        cap = max(1, sum(module.rank for module in own))
        merged[name] = _kept_whole(update) if is_bias(name) else compress(update, config.ranks, cap)
        if on_module:
            on_module(done, len(names))
    total, kept = sum(each.total for each in merged.values()), sum(each.kept for each in merged.values())
    return MergeResult(
        {name: each.module for name, each in merged.items()},
        {name: each.energy for name, each in merged.items()},
        1.0 if total == 0 else min(1.0, kept / total),
        tuple(hashes),
    )


def _check(parents: Sequence[Mapping[str, LoraModule]], config: MergeConfig, method: Method, grams: Sequence[Grams] | None) -> None:
    if method.parents is not None and len(parents) != method.parents:
        raise ConfigError(f"{config.method} merges {method.parents} adapters, and {len(parents)} were given")
    if method.needs_gram and grams is None:
        raise ConfigError(f"{config.method} needs the parents' activation Gram matrices; train them with --gram-rank")


def _of_module(parents: Sequence[Mapping[str, LoraModule]], name: str) -> list[LoraModule]:
    """Return each parent's update of a module, of rank 0 where it has none.

    Raises:
        ConfigError: two parents change a module of another shape; they were made for different bases.
    """
    there = {row: parent[name] for row, parent in enumerate(parents) if name in parent}
    out, into = module_shape(name, there.values())
    nothing = LoraModule(torch.zeros(0, into), torch.zeros(out, 0), 1.0)
    return [there.get(row, nothing) for row in range(len(parents))]


def _kept_whole(update: Update) -> Compressed:
    """Return the change of a bias, (n, 1), as it is: a vector is never rounded to a low rank."""
    difference = (update.delta() if isinstance(update, LoraModule) else update)[:, 0].float()
    energy = float(difference.double().square().sum())
    return Compressed(bias_update(difference), energy, energy)


def _scaled(update: Update, scale: float) -> Update:
    if scale == 1:
        return update
    return LoraModule(update.a, update.b, update.scale * scale) if isinstance(update, LoraModule) else update * scale
