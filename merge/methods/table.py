"""The methods of merging: one table. A method makes one module's update of its parents' updates; `merge.py` walks over modules.

Importing the table loads no torch: a row names its function, which is imported when it is called.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ...errors import ConfigError, unknown_name

if TYPE_CHECKING:
    from ...lora import Update
    from .parts import Part
    from .settings import MethodSettings

    MergeMethod = Callable[[Sequence[Part], MethodSettings], Update]


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """A row of the table.

    Attributes:
        merge: The method itself: the parts of one module -> its merged update.
        source: The paper's URL, or the page's.
        use: One line: when to use it.
        settings: The fields of `MethodSettings` that it reads.
        parents: How many it takes; None: any number.
        needs_gram: Whether parents must carry activation Gram matrices.
        one_is_itself: Whether one adapter with weight 1 comes back as it is (densities at 1).
        copies_are_the_copy: Whether the mean of two copies is the copy (densities at 1).
        zero_is_the_base: Whether weights of zero give the base.
        is_symmetric: Whether permuting parents with their weights changes nothing.
        of_vectors: What merges the changes of biases, which are vectors; None: the method itself. Methods that work on a matrix's singular
            vectors or on its inputs sum those plainly, as their papers do with whatever is no matrix; the input of a bias is the constant 1.
    """

    merge: MergeMethod
    source: str
    use: str
    settings: tuple[str, ...] = ()
    parents: int | None = None
    needs_gram: bool = False
    one_is_itself: bool = True
    copies_are_the_copy: bool = True
    zero_is_the_base: bool = True
    is_symmetric: bool = True
    of_vectors: MergeMethod | None = None


def _in(module: str, function: str) -> MergeMethod:
    """Return the method `function` of `module`."""

    def merge(parts: Sequence[Part], settings: MethodSettings) -> Update:
        result: Update = _load(module, function)(parts, settings)
        return result

    return merge


def _pruned(prune: str, consensus: str) -> MergeMethod:
    """Return the method that puts together what a function of `pruned.py` leaves, as one of `consensus.py` does it."""

    def merge(parts: Sequence[Part], settings: MethodSettings) -> Update:
        result: Update = _load("pruned", "merge_pruned")(_load("pruned", prune), _load("consensus", consensus))(parts, settings)
        return result

    return merge


def _load(module: str, function: str) -> Any:
    return getattr(importlib.import_module(f".{module}", __package__), function)


DEFAULT_METHOD = "linear"
"""What is taken where no method is named, and the inputs do not all carry Gram matrices."""

_LINEAR = _in("linear", "merge_linear")

METHODS: dict[str, Method] = {
    "linear": Method(
        merge=_LINEAR,
        source="https://arxiv.org/abs/2212.04089",
        use="the plain weighted sum, exact and lossless: the one to start with, and to compare others with",
    ),
    "ties": Method(
        merge=_pruned("prune_smallest", "sign_consensus"),
        source="https://arxiv.org/abs/2306.01708",
        use="when adapters pull the same weights in opposite directions: keeps the large changes, and of those the side that prevails",
        settings=("density",),
    ),
    "magnitude": Method(
        merge=_pruned("prune_smallest", "sum_consensus"),
        source="https://arxiv.org/abs/2306.01708",
        use="when many small changes drown the few large ones and the adapters hardly conflict: ties without the vote on signs",
        settings=("density",),
    ),
    "dare_linear": Method(
        merge=_pruned("prune_at_random", "sum_consensus"),
        source="https://arxiv.org/abs/2311.03099",
        use="when adapters overlap too much for linear: drops changes at random and scales up the rest; try several seeds on dev",
        settings=("density", "seed"),
    ),
    "dare_ties": Method(
        merge=_pruned("prune_at_random", "sign_consensus"),
        source="https://arxiv.org/abs/2311.03099",
        use="when dare_linear is worth trying and the adapters also disagree in sign",
        settings=("density", "seed"),
    ),
    "della": Method(
        merge=_pruned("prune_by_rank", "sign_consensus"),
        source="https://arxiv.org/abs/2406.11617",
        use="when dare_ties loses too much: drops at random too, but large changes less often than small ones",
        settings=("density", "spread", "seed"),
    ),
    "della_linear": Method(
        merge=_pruned("prune_by_rank", "sum_consensus"),
        source="https://arxiv.org/abs/2406.11617",
        use="when dare_linear loses too much: drops at random too, but large changes less often than small ones",
        settings=("density", "spread", "seed"),
    ),
    "breadcrumbs": Method(
        merge=_pruned("prune_both_ends", "sum_consensus"),
        source="https://arxiv.org/abs/2312.06795",
        use="when a few very large changes spoil other domains: drops the largest as well as the smallest",
        settings=("density", "outliers"),
    ),
    "breadcrumbs_ties": Method(
        merge=_pruned("prune_both_ends", "sign_consensus"),
        source="https://arxiv.org/abs/2312.06795",
        use="when breadcrumbs is worth trying and the adapters also disagree in sign",
        settings=("density", "outliers"),
    ),
    "slerp": Method(
        merge=_in("slerp", "merge_slerp"),
        source="https://doi.org/10.1145/325165.325242",
        use="two adapters whose plain mean comes out too weak: a point on the arc between them, as long as they are",
        parents=2,
    ),
    "karcher": Method(
        merge=_in("karcher", "merge_karcher"),
        source="https://doi.org/10.1145/502122.502124",
        use="any number of adapters whose plain mean comes out too weak: what slerp is for two",
    ),
    "knots_ties": Method(
        merge=_in("knots", "merge_knots_ties"),
        source="https://arxiv.org/abs/2410.19735",
        use="adapters that pull against each other, to be settled along the output directions they share and not element by element",
        settings=("density",),
        of_vectors=_LINEAR,
    ),
    "core_linear": Method(
        merge=_in("core_space", "merge_core_linear"),
        source="https://arxiv.org/abs/2509.17786",
        use="the same update as linear, exactly, by way of the core space: to compare core_ties with",
        of_vectors=_LINEAR,
    ),
    "core_ties": Method(
        merge=_in("core_space", "merge_core_ties"),
        source="https://arxiv.org/abs/2509.17786",
        use="adapters that pull against each other, to be settled along shared input directions as well as shared output directions",
        settings=("density",),
        of_vectors=_LINEAR,
    ),
    "iso_c": Method(
        merge=_in("isotropic", "merge_iso_c"),
        source="https://arxiv.org/abs/2502.04959",
        use="when a few strong directions drown the rest: all directions get the same strength, so it changes even a single adapter",
        one_is_itself=False,
        copies_are_the_copy=False,
        of_vectors=_LINEAR,
    ),
    "tsv": Method(
        merge=_in("tsv", "merge_tsv"),
        source="https://arxiv.org/abs/2412.00081",
        use="adapters that crowd the same directions: those are turned apart until none stands in another's; start from weights of 1",
        copies_are_the_copy=False,
        of_vectors=_LINEAR,
    ),
    "regmean": Method(
        merge=_in("regmean", "merge_regmean"),
        source="https://arxiv.org/abs/2212.09849",
        use="adapters trained with --gram-rank: each is to act as before on inputs like its own, as far as one update can",
        needs_gram=True,
        of_vectors=_LINEAR,
    ),
}
"""Name -> method."""


def find_method(name: str) -> Method:
    """Return a method by name.

    Raises:
        ConfigError: there is none; the message lists those that there are.
    """
    if name not in METHODS:
        raise ConfigError(unknown_name("merge method", name, tuple(METHODS)))
    return METHODS[name]
