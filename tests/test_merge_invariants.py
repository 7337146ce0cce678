"""What the table of methods promises, column by column and for every row, and what merging promises whatever the method."""

import dataclasses
import re
from collections.abc import Callable, Sequence

import numpy as np
import pytest
import torch
from adapt_embed.errors import ConfigError
from adapt_embed.lora import LoraFactors, LoraModule, RankPolicy, bias_update, factors_sha256, is_bias
from adapt_embed.merge import METHODS, MergeConfig, MergeResult, MethodSettings, merge_factors

FULL, DEFAULT = RankPolicy(rank="full"), RankPolicy()
ROUNDING = 1e-11  # of squares
ENERGY_ROUNDING = 1e-6  # an energy is a share of squares of float32 singular values
SHAPES = {"wide": (12, 20), "tall": (20, 12), "square": (8, 8), "tall.bias": (20, 1)}
RANKS = ({"wide": 2, "tall": 5}, {"wide": 3, "square": 4}, {"wide": 1, "tall": 4, "square": 11})  # 11 is longer than its matrix
ALPHAS = (4.0, 16.0, 7.0)
CHANGE_A_BIAS = (0, 2)
"""Which parents do, beside their matrices."""


def make_parents() -> list[LoraFactors]:
    """Three parents of different ranks, alphas and modules, all of the same strength; two of them change a bias too."""
    draw = torch.Generator().manual_seed(3)
    parents = []
    for ranks, alpha in zip(RANKS, ALPHAS, strict=True):
        parent = {}
        for name, rank in ranks.items():
            out, into = SHAPES[name]
            a, b = torch.randn(rank, into, generator=draw), torch.randn(out, rank, generator=draw) * (rank / alpha)
            parent[name] = LoraModule(a, b / rank**0.5, alpha / rank)
        parents.append(parent)
    for row in CHANGE_A_BIAS:
        parents[row]["tall.bias"] = bias_update(torch.randn(20, generator=draw) / 5)
    return parents


def make_grams(parents: Sequence[LoraFactors]) -> list[dict[str, torch.Tensor]]:
    """Return Gram matrices that go with a parent's content, so that permuted parents keep theirs."""
    grams = []
    for parent in parents:
        draw = torch.Generator().manual_seed(int(factors_sha256(parent)[:8], 16))
        inputs = {name: torch.randn(40, into, generator=draw) * torch.rand(into, generator=draw) for name, (_, into) in SHAPES.items()}
        grams.append({name: each.T @ each / 40 for name, each in inputs.items() if name in parent})
    return grams


def merge(
    method: str,
    parents: Sequence[LoraFactors],
    weights: tuple[float, ...] | None = None,
    *,
    ranks: RankPolicy = FULL,
    density: float = 1.0,
    with_base: float = 1.0,
) -> MergeResult:
    config = MergeConfig(method=method, weights=weights, ranks=ranks, settings=MethodSettings(density=density), with_base=with_base)
    return merge_factors(parents, config, make_grams(parents))


def fitting(method: str) -> tuple[list[LoraFactors], tuple[float, ...]]:
    """Return parents and weights, as many as the method takes."""
    count = METHODS[method].parents or 3
    return make_parents()[:count], (0.5, 0.3, 0.4)[:count]


def dense(module: LoraModule) -> np.ndarray:
    return module.scale * (module.b.double().numpy() @ module.a.double().numpy())


def off(result: MergeResult, expected: LoraFactors) -> dict[str, float]:
    """Return the squared error of each module over the squared norm; a module that is not expected must be zero."""
    errors = {}
    for name, module in result.factors.items():
        there = dense(module)
        wanted = dense(expected[name]) if name in expected else np.zeros_like(there)
        scale = float((wanted**2).sum()) or 1.0
        errors[name] = float(((there - wanted) ** 2).sum()) / scale
    return errors


def lost(result: MergeResult, ranks: RankPolicy) -> dict[str, float]:
    """Return the share of each module that truncation took; at full rank nothing may be taken."""
    return {name: 0.0 if ranks is FULL else max(0.0, 1 - energy) for name, energy in result.energy_by_module.items()}


# The columns. Each check returns the largest error that truncation does not explain, squared and relative.


def one_is_itself(method: str, ranks: RankPolicy) -> float:
    worst = 0.0
    for parent in make_parents():
        if METHODS[method].parents == 2:
            result = merge(method, [parent, make_parents()[0]], (1.0, 0.0), ranks=ranks)
        else:
            result = merge(method, [parent], (1.0,), ranks=ranks)
        worst = max(worst, *(error - lost(result, ranks)[name] for name, error in off(result, parent).items()))
    return worst


def copies_are_the_copy(method: str, ranks: RankPolicy) -> float:
    worst = 0.0
    for parent in make_parents():
        result = merge(method, [parent, parent], ranks=ranks)
        worst = max(worst, *(error - lost(result, ranks)[name] for name, error in off(result, parent).items()))
    return worst


def zero_is_the_base(method: str, ranks: RankPolicy) -> float:
    parents, weights = fitting(method)
    result = merge(method, parents, (0.0,) * len(weights), ranks=ranks)
    assert {module.rank for module in result.factors.values()} == {1}
    assert result.energy == 1
    return max(off(result, {}).values())


def is_symmetric(method: str, ranks: RankPolicy) -> float:
    parents, weights = fitting(method)
    worst = 0.0
    for density in (1.0, 0.5):
        one = merge(method, parents, weights, ranks=ranks, density=density)
        for order in ([1, 0, 2], [2, 0, 1], [2, 1, 0]):
            order = [row for row in order if row < len(parents)]
            other = merge(method, [parents[row] for row in order], tuple(weights[row] for row in order), ranks=ranks, density=density)
            for name, error in off(other, one.factors).items():
                cut = sum(each[name] ** 0.5 for each in (lost(one, ranks), lost(other, ranks))) ** 2
                worst = max(worst, error - cut / one.energy_by_module[name])
    return worst


COLUMNS: dict[str, Callable[[str, RankPolicy], float]] = {
    check.__name__: check for check in (one_is_itself, copies_are_the_copy, zero_is_the_base, is_symmetric)
}
CELLS = [(method, column, bool(getattr(row, column))) for method, row in METHODS.items() for column in COLUMNS]


@pytest.mark.parametrize("ranks", [FULL, DEFAULT], ids=["full", "default"])
@pytest.mark.parametrize("method, column", [(method, column) for method, column, holds in CELLS if holds])
def test_a_column_that_is_true_holds(method: str, column: str, ranks: RankPolicy) -> None:
    assert COLUMNS[column](method, ranks) < (ROUNDING if ranks is FULL else ENERGY_ROUNDING)


@pytest.mark.parametrize("method, column", [(method, column) for method, column, holds in CELLS if not holds])
def test_a_column_that_is_false_has_a_counterexample(method: str, column: str) -> None:
    assert COLUMNS[column](method, FULL) > 0.01


def test_every_invariant_of_the_table_is_tested() -> None:
    row = METHODS["linear"]
    assert {each.name for each in dataclasses.fields(row) if isinstance(getattr(row, each.name), bool)} == {*COLUMNS, "needs_gram"}


def test_the_default_policy_cuts_something_here() -> None:
    """Otherwise the tests at the default policy would be those at full rank."""
    parents, weights = fitting("linear")
    result = merge("linear", parents, weights, ranks=DEFAULT)
    assert 0.99 <= min(result.energy_by_module.values()) < 0.9999


@pytest.mark.parametrize("method", METHODS)
def test_a_row_says_where_it_is_from_when_to_use_it_and_what_it_reads(method: str) -> None:
    row = METHODS[method]
    assert re.fullmatch(r"https://\S+", row.source)
    assert 20 < len(row.use) < 160
    assert "\n" not in row.use
    assert set(row.settings) <= {each.name for each in dataclasses.fields(MethodSettings)}
    assert re.fullmatch(r"[a-z_]+", method)


# Linear is exact


def test_linear_at_full_rank_is_the_dense_mean() -> None:
    parents = make_parents()
    result = merge("linear", parents)
    for name, module in result.factors.items():
        mean = sum(dense(parent[name]) for parent in parents if name in parent) / 3
        assert np.linalg.norm(dense(module) - mean) < 1e-6 * np.linalg.norm(mean)


@pytest.mark.parametrize("rank", [1, 2, 4])
def test_truncated_linear_is_the_dense_truncated_svd(rank: int) -> None:
    parents, weights = fitting("linear")
    result = merge("linear", parents, weights, ranks=RankPolicy(rank=rank))
    for name, module in result.factors.items():
        if is_bias(name):  # never truncated
            continue
        exact = sum(weight * dense(parent[name]) for weight, parent in zip(weights, parents, strict=True) if name in parent)
        u, s, vh = np.linalg.svd(exact, full_matrices=False)
        best = (u[:, :rank] * s[:rank]) @ vh[:rank]
        assert module.rank == rank
        assert np.linalg.norm(dense(module) - best) < 1e-5 * np.linalg.norm(best)
        assert np.linalg.norm(dense(module) - exact) == pytest.approx(np.linalg.norm(best - exact), rel=1e-4)


# Whatever the method


@pytest.mark.parametrize("method", METHODS)
def test_the_energy_is_what_a_dense_measurement_says(method: str) -> None:
    parents, weights = fitting(method)
    exact, cut = (merge(method, parents, weights, ranks=ranks, density=0.5) for ranks in (FULL, RankPolicy(rank=2)))
    squares = {name: float((dense(module) ** 2).sum()) for name, module in exact.factors.items()}
    errors = off(cut, exact.factors)
    for name, energy in cut.energy_by_module.items():
        assert energy == pytest.approx(1 - errors[name], abs=1e-5)
    total = 1 - sum(errors[name] * squares[name] for name in squares) / sum(squares.values())
    assert cut.energy == pytest.approx(total, abs=1e-5)
    assert cut.energy < 0.99


@pytest.mark.parametrize("method", METHODS)
def test_auto_keeps_at_most_the_sum_of_the_parents_ranks(method: str) -> None:
    parents, weights = fitting(method)
    result = merge(method, parents, weights, ranks=RankPolicy(energy=1.0), density=0.5)
    for name, module in result.factors.items():
        assert 1 <= module.rank <= min(*SHAPES[name], sum(parent[name].rank for parent in parents if name in parent))


@pytest.mark.parametrize("method", METHODS)
def test_the_same_merge_gives_the_same_bytes_and_leaves_the_parents_alone(method: str) -> None:
    parents, weights = fitting(method)
    before = [factors_sha256(parent) for parent in parents]
    one, two = (merge(method, parents, weights, ranks=DEFAULT, density=0.5) for _ in range(2))
    assert factors_sha256(one.factors) == factors_sha256(two.factors)
    assert [factors_sha256(parent) for parent in parents] == before == list(one.parent_sha256)


@pytest.mark.parametrize("method", METHODS)
def test_merging_with_the_base_scales_the_update(method: str) -> None:
    parents, weights = fitting(method)
    whole, part, none = (merge(method, parents, weights, density=0.5, with_base=scale) for scale in (1.0, 0.25, 0.0))
    quarter = {name: LoraModule(module.a, module.b, module.scale / 4) for name, module in whole.factors.items()}
    assert max(off(part, quarter).values()) < ROUNDING
    assert max(off(none, {}).values()) == 0


@pytest.mark.parametrize("method", METHODS)
def test_factors_are_float32_and_of_the_modules_of_all_parents(method: str) -> None:
    parents, weights = fitting(method)
    result = merge(method, parents, weights, ranks=DEFAULT, density=0.5)
    assert list(result.factors) == sorted({name for parent in parents for name in parent})
    for name, module in result.factors.items():
        assert module.a.dtype == module.b.dtype == torch.float32
        assert (module.b.shape[0], module.a.shape[1]) == SHAPES[name]
        assert module.delta().isfinite().all()
    assert result.rank == max(module.rank for module in result.factors.values())


def test_progress_is_told_module_by_module() -> None:
    told: list[tuple[int, int]] = []
    merge_factors(make_parents(), MergeConfig(), on_module=lambda done, of: told.append((done, of)))
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]


# Biases


@pytest.mark.parametrize("method", METHODS)
def test_changes_of_biases_are_never_rounded_and_stay_columns(method: str) -> None:
    parents, weights = fitting(method)
    result = merge(method, parents, weights, ranks=RankPolicy(rank=1), density=0.5)
    whole = merge(method, parents, weights, ranks=FULL, density=0.5)
    assert torch.equal(result.factors["tall.bias"].a, torch.ones(1, 1))
    assert torch.equal(result.factors["tall.bias"].b, whole.factors["tall.bias"].b)
    assert result.energy_by_module["tall.bias"] == 1


@pytest.mark.parametrize("method", METHODS)
def test_biases_alone_and_factors_alone_are_merged(method: str) -> None:
    first, _, third = make_parents()
    biases = {name: module for name, module in first.items() if is_bias(name)}
    factors = {name: module for name, module in third.items() if not is_bias(name)}
    result = merge(method, [biases, factors], (0.5, 0.5))
    assert sorted(result.factors) == sorted({*biases, *factors})
    if METHODS[method].one_is_itself and METHODS[method].settings == ():
        np.testing.assert_allclose(dense(result.factors["tall.bias"]), 0.5 * dense(biases["tall.bias"]), rtol=1e-5)


@pytest.mark.parametrize("method", [name for name, row in METHODS.items() if row.of_vectors])
def test_methods_of_singular_vectors_and_inputs_sum_biases_plainly(method: str) -> None:
    first, _, third = make_parents()
    result = merge(method, [first, third], (0.75, 0.5), density=0.5)
    expected = 0.75 * dense(first["tall.bias"]) + 0.5 * dense(third["tall.bias"])
    np.testing.assert_allclose(dense(result.factors["tall.bias"]), expected, rtol=1e-5)


# What is refused


@pytest.mark.parametrize(
    "options, count, message",
    [
        ({"weights": (1.0, 2.0)}, 3, r"3 adapters.* 2 weights; give one each"),
        ({"method": "slerp"}, 3, r"slerp merges 2 adapters, and 3 were given"),
        ({"method": "slerp"}, 1, r"slerp merges 2 adapters, and 1 were given"),
        ({"method": "regmean"}, 2, r"regmean needs the parents' activation Gram matrices; train them with --gram-rank"),
        ({}, 0, r"nothing to merge; name at least one adapter"),
        ({"method": "knot_ties"}, 2, r"unknown merge method 'knot_ties'. Did you mean knots_ties.*Known: linear, "),
        ({"weights": (1.0, float("nan"))}, 2, r"weights are \(1.0, nan\); expected finite numbers"),
        ({"with_base": float("inf")}, 2, r"with_base is inf; expected a finite number"),
    ],
)
def test_what_cannot_be_merged_is_refused_with_the_reason(options: dict[str, object], count: int, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        merge_factors(make_parents()[:count], MergeConfig(**options))  # type: ignore[arg-type]


def test_adapters_of_other_bases_are_refused_by_their_shapes() -> None:
    one, other = (
        {"query": LoraModule(torch.ones(1, 4), torch.ones(6, 1), 1.0)},
        {"query": LoraModule(torch.ones(1, 5), torch.ones(6, 1), 1.0)},
    )
    with pytest.raises(ConfigError, match=r"change query in different shapes \(\(6, 4\), \(6, 5\)\); they were made for different bases"):
        merge_factors([one, other], MergeConfig())


def test_an_update_without_its_gram_is_refused_by_adapter_and_module() -> None:
    parents = make_parents()
    grams = make_grams(parents)
    del grams[1]["square"]
    with pytest.raises(ConfigError, match=r"adapter 2 \([0-9a-f]{64} square\) carries no Gram matrix"):
        merge_factors(parents, MergeConfig(method="regmean"), grams)
