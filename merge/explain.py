"""What adapters have in common, shown before they are merged: pair by pair, module by module, layer by layer and in all."""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from itertools import combinations

from torch import Tensor

from ..errors import ConfigError
from ..lora import LoraModule, inner_product, module_shape
from ..lora.algebra import decompose
from .advice import suggest
from .figures import Figures, PairExplanation
from .methods.sparsify import keep_largest

TOP_SHARE = 0.2  # what TIES keeps in its paper, so that these are the conflicts that it will see
_RANK_FLOOR = 1e-6  # of the largest singular value: below it lies the noise of float32

Factors = Mapping[str, LoraModule]


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Every pair, and what the figures suggest, in plain sentences."""

    names: tuple[str, ...]
    pairs: tuple[PairExplanation, ...]
    suggestions: tuple[str, ...]

    def as_dict(self) -> dict[str, object]:
        """Return it as JSON can hold it."""
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tally:
    """What is summed over modules; the figures of several modules are those of their tallies' sum."""

    inner: float = 0.0
    first_square: float = 0.0
    second_square: float = 0.0
    angles: int = 0
    column_cosines: float = 0.0
    row_cosines: float = 0.0
    column_chance: float = 0.0
    row_chance: float = 0.0
    compared: int = 0
    opposed: int = 0
    top_compared: int = 0
    top_opposed: int = 0


@dataclass(frozen=True, slots=True)
class _View:
    """One update of one module, made ready for comparing: u (out, k) and vh (k, in) span its columns and rows, k its true rank."""

    module: LoraModule
    delta: Tensor  # (out, in)
    top: Tensor  # (out, in): its largest elements, the others 0
    u: Tensor
    vh: Tensor


def explain(parents: Sequence[Factors], names: Sequence[str]) -> Explanation:
    """Hold adapters on one base against each other, two at a time.

    Only one module is dense at a time, once for each adapter.

    Args:
        parents: Two or more. They may differ in ranks, scales and modules.
        names: What to call them, in their order.

    Raises:
        ConfigError: there are fewer than two, or they change a module in different shapes.

    Source: https://arxiv.org/abs/2212.04089 (cosines of updates), https://arxiv.org/abs/2306.01708 (sign conflicts),
    https://arxiv.org/abs/2106.09685 section 7.2 (subspace overlap, whose measure this is).
    """
    if len(parents) < 2:
        raise ConfigError(f"--explain compares adapters, and {len(parents)} was given; name at least two")
    names = tuple(names)
    rows = list(combinations(range(len(parents)), 2))
    tallies: dict[tuple[int, int], dict[str, _Tally]] = {row: {} for row in rows}
    for name in sorted({name for parent in parents for name in parent}):
        views = [_view(parent[name]) if name in parent else None for parent in parents]
        if changed := [view.module for view in views if view]:
            module_shape(name, changed)
        for first, second in rows:
            if views[first] or views[second]:
                tallies[first, second][name] = _compare(views[first], views[second])
    pairs = tuple(_pair(names[first], names[second], tallies[first, second]) for first, second in rows)
    return Explanation(names=names, pairs=pairs, suggestions=suggest(pairs))


def layer_of(name: str) -> str:
    """Return the layer that a module stands in: its name up to the first number, or all of it where there is none."""
    found = re.match(r"(?:[^.]+\.)*?\d+(?=\.|$)", name)
    return found[0] if found else name


def _view(module: LoraModule) -> _View | None:
    """Return None for an update that is zero: it has no direction."""
    delta = module.delta()
    if not delta.any():
        return None
    u, s, vh = decompose(module)
    rank = int((s > s[0] * _RANK_FLOOR).sum())
    return _View(module, delta, keep_largest(delta, TOP_SHARE), u[:, :rank], vh[:rank])


def _compare(first: _View | None, second: _View | None) -> _Tally:
    if first is None or second is None:
        return _Tally(first_square=_square(first), second_square=_square(second))
    (out, into), ranks = first.delta.shape, (first.u.shape[1], second.u.shape[1])
    if into == 1:  # a bias, whose one input says nothing of shared directions
        ranks = (0, 0)
    opposed, compared = _signs(first.delta, second.delta)
    top_opposed, top_compared = _signs(first.top, second.top)
    return _Tally(
        inner=inner_product(first.module, second.module),
        first_square=_square(first),
        second_square=_square(second),
        angles=min(ranks),
        column_cosines=float((first.u.T @ second.u).double().square().sum()) if min(ranks) else 0.0,
        row_cosines=float((first.vh @ second.vh.T).double().square().sum()) if min(ranks) else 0.0,
        column_chance=min(ranks) * max(ranks) / out,
        row_chance=min(ranks) * max(ranks) / into,
        compared=compared,
        opposed=opposed,
        top_compared=top_compared,
        top_opposed=top_opposed,
    )


def _square(view: _View | None) -> float:
    return inner_product(view.module, view.module) if view else 0.0


def _signs(x: Tensor, y: Tensor) -> tuple[int, int]:
    """Return how many elements have opposite signs, and how many are not zero in either."""
    product = x.sign() * y.sign()
    return int((product < 0).sum()), int((product != 0).sum())


def _pair(first: str, second: str, tallies: Mapping[str, _Tally]) -> PairExplanation:
    layers: dict[str, list[_Tally]] = {}
    for name, tally in tallies.items():
        layers.setdefault(layer_of(name), []).append(tally)
    return PairExplanation(
        first=first,
        second=second,
        whole=_figures("all", tallies.values()),
        layers=tuple(_figures(name, layers[name]) for name in sorted(layers, key=_natural_order)),
        modules=tuple(_figures(name, [tally]) for name, tally in sorted(tallies.items(), key=lambda item: _natural_order(item[0]))),
        only_first=tuple(name for name, tally in tallies.items() if tally.first_square and not tally.second_square),
        only_second=tuple(name for name, tally in tallies.items() if tally.second_square and not tally.first_square),
    )


def _natural_order(name: str) -> list[tuple[int, int | str]]:
    """Order names as a person does: layer 2 before layer 10."""
    return [(0, int(part)) if part.isdigit() else (1, part) for part in name.split(".")]


def _figures(name: str, tallies: Iterable[_Tally]) -> Figures:
    each = list(tallies)
    total = _Tally(**{field.name: sum(getattr(tally, field.name) for tally in each) for field in fields(_Tally)})
    length = math.sqrt(total.first_square) * math.sqrt(total.second_square)
    return Figures(
        name=name,
        norms=(math.sqrt(total.first_square), math.sqrt(total.second_square)),
        cosine=max(-1.0, min(1.0, total.inner / length)) if length else None,
        column_overlap=_share(total.column_cosines, total.angles),
        row_overlap=_share(total.row_cosines, total.angles),
        column_chance=_share(total.column_chance, total.angles),
        row_chance=_share(total.row_chance, total.angles),
        sign_conflicts=_share(total.opposed, total.compared),
        top_sign_conflicts=_share(total.top_opposed, total.top_compared),
    )


def _share(part: float, whole: int) -> float | None:
    return min(1.0, part / whole) if whole else None
