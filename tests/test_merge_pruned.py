"""The elementwise family: sparsifiers, consensus, and the rows that pair them."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from adapt_embed.lora import LoraFactors, LoraModule, RankPolicy, factors_sha256
from adapt_embed.merge import METHODS, MergeConfig, MethodSettings, merge_factors
from adapt_embed.merge.methods.consensus import sign_consensus, sum_consensus
from adapt_embed.merge.methods.parts import Part
from adapt_embed.merge.methods.sparsify import drop_by_rank, drop_random, keep_largest, keep_middle

PRUNING = {
    "ties": "smallest",
    "magnitude": "smallest",
    "dare_linear": "random",
    "dare_ties": "random",
    "della": "rank",
    "della_linear": "rank",
    "breadcrumbs": "both ends",
    "breadcrumbs_ties": "both ends",
}
BY_SIGN = {"ties", "dare_ties", "della", "breadcrumbs_ties"}
SUMS = sorted(set(PRUNING) - BY_SIGN)
DRAWN = [name for name, pruning in PRUNING.items() if pruning in ("random", "rank")]
SHAPE = (12, 10)
each_method = pytest.mark.parametrize("method", PRUNING)


def parent(seed: int, names: tuple[str, ...] = ("x", "y"), shape: tuple[int, int] = SHAPE, rank: int = 3) -> LoraFactors:
    draw = torch.Generator().manual_seed(seed)
    return {
        name: LoraModule(torch.randn(rank, shape[1], generator=draw), torch.randn(shape[0], rank, generator=draw), 0.5) for name in names
    }


def merged(parents: list[LoraFactors], method: str, weights: tuple[float, ...] | None = None, **settings: float) -> dict[str, torch.Tensor]:
    config = MergeConfig(method=method, weights=weights, ranks=RankPolicy(rank="full"), settings=MethodSettings(**settings))
    return {name: module.delta() for name, module in merge_factors(parents, config).factors.items()}


def row(values: list[float], weight: float, key: str) -> Part:
    return Part(LoraModule(torch.tensor([values], dtype=torch.float32), torch.ones(1, 1), 1.0), weight, key)


def parts(count: int = 3, seed: int = 0) -> list[Part]:
    return [
        Part(parent(seed + place)["x"], weight, f"parent {place}") for place, weight in zip(range(count), (0.5, 0.3, 0.2), strict=False)
    ]


# --- by hand ---------------------------------------------------------------------------------------------------------------------------

BY_HAND = {
    # density, then what becomes of weights 0.5 and 0.5 on [1, -2, 3, -4] and [4, 3, -1, 2]
    "ties": (0.75, [4, 3, 3, -4]),  # of [0, -2, 3, -4] and [4, 3, 0, 2]
    "magnitude": (0.75, [2, 0.5, 1.5, -1]),
    "breadcrumbs": (0.5, [0, 0.5, 1.5, 1]),  # of [0, -2, 3, 0] and [0, 3, 0, 2]
    "breadcrumbs_ties": (0.5, [0, 3, 3, 2]),
    "dare_linear": (0.5, [5, 0, 2, -2]),  # drawn: 0.50-, 0.77, 0.09, 0.13, so of [2, 0, 6, -8] and [8, 0, -2, 4]
    "dare_ties": (0.5, [5, 0, 6, -8]),
    # kept with probability 0.35, 0.45, 0.55, 0.65 and 0.65, 0.55, 0.35, 0.45: of [0, 0, 3/0.55, -4/0.65] and [4/0.65, 0, -1/0.35, 2/0.45]
    "della_linear": (0.5, [2 / 0.65, 0, 1.5 / 0.55 - 0.5 / 0.35, 1 / 0.45 - 2 / 0.65]),
    "della": (0.5, [4 / 0.65, 0, 3 / 0.55, -4 / 0.65]),
}


@each_method
def test_a_case_computed_by_hand(method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Part, "generator", lambda self, seed: torch.Generator().manual_seed(seed))
    drawn = torch.rand(4, generator=torch.Generator().manual_seed(0))
    assert drawn.tolist() == pytest.approx([0.4963, 0.7682, 0.0885, 0.1320], abs=1e-4)
    density, expected = BY_HAND[method]
    both = [row([1, -2, 3, -4], 0.5, "a"), row([4, 3, -1, 2], 0.5, "b")]
    result = METHODS[method].merge(both, MethodSettings(density=density, spread=0.2, outliers=0.25))
    assert result.tolist() == [pytest.approx(expected, abs=1e-6)]


# --- against a dense reference ---------------------------------------------------------------------------------------------------------


def pruned_reference(pruning: str, dense: np.ndarray, drawn: np.ndarray, density: float, spread: float, outliers: float) -> np.ndarray:
    """One parent's update, pruned element by element in float64."""
    result = np.zeros_like(dense)
    if pruning in ("smallest", "both ends"):
        places = sorted(np.ndindex(*dense.shape), key=lambda place: -abs(dense[place]))
        kept = max(1, round(density * dense.size))
        skipped = min(round(outliers * dense.size), dense.size - kept) if pruning == "both ends" else 0
        for place in places[skipped : skipped + kept]:
            result[place] = dense[place]
        return result
    for line in range(dense.shape[0]):
        for column in range(dense.shape[1]):
            probability = density
            if pruning == "rank":
                smaller = sum(abs(other) < abs(dense[line, column]) for other in dense[line])
                reach = min(spread, density, 1 - density)
                probability = density - reach + 2 * reach * (smaller + 0.5) / dense.shape[1]
            if drawn[line, column] < probability:
                result[line, column] = dense[line, column] / probability
    return result


def agreed_reference(by_sign: bool, pruned: list[np.ndarray], weights: tuple[float, ...]) -> np.ndarray:
    result = np.zeros_like(pruned[0])
    for place in np.ndindex(*result.shape):
        contributions = [weight * one[place] for weight, one in zip(weights, pruned, strict=True)]
        total = sum(contributions)
        result[place] = total
        if by_sign and total != 0:
            agreeing = [(each, abs(weight)) for each, weight in zip(contributions, weights, strict=True) if each * total > 0]
            mean = sum(each for each, _ in agreeing) / sum(size for _, size in agreeing)
            result[place] = mean * sum(abs(weight) for weight in weights)
    return result


@pytest.mark.parametrize("density", [0.2, 0.7, 1.0])
@pytest.mark.parametrize("weights", [(0.2, 0.5, 0.3), (1.0, -0.4, 0.0)])
@each_method
def test_agrees_with_a_dense_reference(method: str, weights: tuple[float, ...], density: float) -> None:
    parents = [parent(seed) for seed in (1, 2, 3)]
    settings = MethodSettings(density=density, spread=0.15, outliers=0.1, seed=7)
    result = merged(parents, method, weights, density=density, spread=0.15, outliers=0.1, seed=7)
    for name in ("x", "y"):
        pruned = []
        for one in parents:
            dense = one[name].scale * one[name].b.double().numpy() @ one[name].a.double().numpy()
            generator = Part(one[name], 1.0, f"{factors_sha256(one)} {name}").generator(settings.seed)
            drawn = torch.rand(SHAPE, generator=generator).numpy()
            pruned.append(pruned_reference(PRUNING[method], dense, drawn, density, settings.spread, settings.outliers))
        expected = agreed_reference(method in BY_SIGN, pruned, weights)
        assert np.abs(result[name].numpy() - expected).max() <= 2e-6 * np.abs(expected).max()


# --- identities ------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", SUMS)
def test_density_one_of_a_sum_is_linear_whatever_the_rest(method: str) -> None:
    weights = (0.7, -0.2, 1.5)
    parents = [parent(seed) for seed in (1, 2, 3)]
    result, linear = merged(parents, method, weights, density=1.0, spread=0.9, outliers=0.9), merged(parents, "linear", weights)
    for name, expected in linear.items():
        torch.testing.assert_close(result[name], expected, rtol=0, atol=1e-6 * float(expected.norm()))


@each_method
def test_at_density_one_a_single_adapter_and_copies_are_the_adapter(method: str) -> None:
    assert METHODS[method].one_is_itself
    assert METHODS[method].copies_are_the_copy
    settings = MethodSettings(density=1.0, spread=0.5, outliers=0.5)
    module = parent(1)["x"]
    for weights in ((1.0,), (0.5, 0.5), (0.25, 0.75)):
        copies = [Part(module, weight, "same") for weight in weights]
        torch.testing.assert_close(METHODS[method].merge(copies, settings), module.delta(), rtol=1e-6, atol=0)


@each_method
def test_weights_of_zero_are_the_base_and_twice_the_weights_twice_the_result(method: str) -> None:
    settings = MethodSettings()
    once = METHODS[method].merge(parts(), settings)
    assert float(once.norm()) > 0
    assert METHODS[method].merge([replace(part, weight=0.0) for part in parts()], settings).count_nonzero() == 0
    twice = METHODS[method].merge([replace(part, weight=2 * part.weight) for part in parts()], settings)
    torch.testing.assert_close(twice, 2 * once)


@each_method
def test_permuting_parents_with_their_weights_changes_no_bit(method: str) -> None:
    parents, weights = [parent(seed) for seed in (1, 2, 3)], (0.7, 0.1, 0.2)
    there = merged(parents, method, weights)
    back = merged([parents[2], parents[0], parents[1]], method, (0.2, 0.7, 0.1))
    for name in there:
        assert torch.equal(there[name], back[name])


@each_method
def test_inputs_are_unchanged(method: str) -> None:
    parents = [parent(seed) for seed in (1, 2)]
    before = [factors_sha256(one) for one in parents]
    merged(parents, method, density=0.4)
    merged(parents, method, density=1.0)
    assert [factors_sha256(one) for one in parents] == before


@pytest.mark.parametrize(("setting", "other"), [("density", 0.3), ("spread", 0.4), ("outliers", 0.2), ("seed", 5)])
@each_method
def test_a_method_reads_the_settings_that_its_row_names_and_no_others(method: str, setting: str, other: float) -> None:
    base = MethodSettings()
    result, changed = (METHODS[method].merge(parts(), settings) for settings in (base, replace(base, **{setting: other})))
    assert torch.equal(result, changed) == (setting not in METHODS[method].settings)


# --- what is drawn ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", DRAWN)
def test_the_same_seed_gives_the_same_bits(method: str) -> None:
    parents = [parent(seed) for seed in (1, 2)]
    first, again = merged(parents, method, seed=3), merged(parents, method, seed=3)
    assert all(torch.equal(first[name], again[name]) for name in first)


@pytest.mark.parametrize("method", DRAWN)
def test_copies_of_a_parent_get_one_mask_and_other_parents_and_modules_get_others(method: str) -> None:
    module = parent(1)["x"]
    settings = MethodSettings()
    alone = METHODS[method].merge([Part(module, 1.0, "a x")], settings)
    torch.testing.assert_close(METHODS[method].merge([Part(module, 0.5, "a x"), Part(module, 0.5, "a x")], settings), alone)
    for key in ("b x", "a y"):
        assert not torch.equal(METHODS[method].merge([Part(module, 1.0, key)], settings) == 0, alone == 0)


@pytest.mark.parametrize("method", ["dare_linear", "della_linear"])
def test_the_mean_over_seeds_approaches_linear(method: str) -> None:
    seeds = 600
    results = torch.stack([METHODS[method].merge(parts(), MethodSettings(density=0.4, spread=0.2, seed=seed)) for seed in range(seeds)])
    linear = sum(part.weight * part.module.delta() for part in parts())
    errors = (results.mean(0) - linear) / (results.std(0) / math.sqrt(seeds))  # standard normal where the mean is right
    assert float(errors.abs().max()) < 5
    assert 0.7 < float(errors.square().mean().sqrt()) < 1.3


def test_random_dropping_keeps_the_share_asked_for() -> None:
    ones = torch.ones(200, 200)
    kept = drop_random(ones, 0.3, torch.Generator().manual_seed(1))
    assert torch.equal(kept.unique(), torch.tensor([0.0, 1 / 0.3]))
    assert abs(kept.count_nonzero() / 40_000 - 0.3) < 5 * math.sqrt(0.3 * 0.7 / 40_000)


def test_dropping_by_rank_keeps_the_large_more_often_and_the_share_on_average() -> None:
    values = torch.arange(1.0, 101).repeat(2000, 1)
    kept = (drop_by_rank(values, 0.5, 0.3, torch.Generator().manual_seed(1)) != 0).double()
    share = kept.mean(0)  # (100,), by ascending magnitude
    expected = 0.2 + 0.6 * (torch.arange(100) + 0.5) / 100
    assert float((share - expected).abs().max()) < 5 * 0.5 / math.sqrt(2000)
    assert abs(float(kept.mean()) - 0.5) < 5 * 0.5 / math.sqrt(200_000)


@pytest.mark.parametrize("density", [1e-6, 0.05, 0.95, 1.0])
def test_a_spread_beyond_the_density_yields_finite_values_and_the_share_asked_for(density: float) -> None:
    kept = drop_by_rank(torch.ones(400, 100), density, 1.0, torch.Generator().manual_seed(1))
    assert bool(kept.isfinite().all())
    assert abs(kept.count_nonzero() / 40_000 - density) <= 5 * math.sqrt(density * (1 - density) / 40_000)


# --- sparsifiers at their edges --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("density", "kept"), [(1e-9, 1), (0.26, 3), (0.5, 6), (0.99, 12), (1.0, 12)])
def test_keep_largest_keeps_exactly_so_many_and_of_equals_the_first(density: float, kept: int) -> None:
    equal = torch.ones(3, 4)
    equal[1] *= -1
    assert torch.equal(keep_largest(equal, density).flatten(), torch.where(torch.arange(12) < kept, equal.flatten(), 0))


def test_keep_middle_drops_outliers_only_as_far_as_the_density_leaves_room() -> None:
    values = torch.arange(1.0, 11)
    assert keep_middle(values, 0.5, 0.2).nonzero().flatten().tolist() == [3, 4, 5, 6, 7]
    assert keep_middle(values, 0.5, 0.9).nonzero().flatten().tolist() == [0, 1, 2, 3, 4]
    assert torch.equal(keep_middle(values, 1.0, 0.9), values)
    assert torch.equal(keep_middle(values, 0.5, 0.0), keep_largest(values, 0.5))
    assert keep_middle(torch.ones(10), 0.5, 0.2).nonzero().flatten().tolist() == [2, 3, 4, 5, 6]


@each_method
def test_one_element_and_the_smallest_densities_are_finite(method: str) -> None:
    for density in (1e-9, 0.5, 1.0):
        one = METHODS[method].merge([row([3.0], 1.0, "a")], MethodSettings(density=density))
        assert one.shape == (1, 1)
        assert bool(one.isfinite().all())
        assert bool(METHODS[method].merge(parts(), MethodSettings(density=density)).isfinite().all())


@each_method
def test_a_module_of_zeros_stays_zero(method: str) -> None:
    zero = LoraModule(torch.randn(3, 10), torch.zeros(12, 3), 2.0)
    empty = LoraModule(torch.zeros(0, 10), torch.zeros(12, 0), 1.0)
    result = METHODS[method].merge([Part(zero, 0.5, "a"), Part(empty, 0.5, "b")], MethodSettings())
    assert torch.equal(result, torch.zeros(12, 10))


@each_method
def test_a_parent_without_the_module_counts_as_zeros(method: str) -> None:
    full, partial = parent(1), parent(2, names=("x",))
    zeros = {**partial, "y": LoraModule(torch.zeros(1, SHAPE[1]), torch.zeros(SHAPE[0], 1), 1.0)}
    without, explicit = (merged([full, other], method)["y"] for other in (partial, zeros))
    assert float(without.norm()) > 0
    assert torch.equal(without, explicit)


# --- consensus -------------------------------------------------------------------------------------------------------------------------


def test_sign_consensus_by_hand() -> None:
    values = torch.tensor([[1.0, 2, 0, 5, -3], [3.0, -1, 4, -5, -1], [8.0, -2, 0, 0, 2]])
    weights = torch.tensor([0.5, 0.25, 0.25])
    # contributions: 0.5 0.75 2 | 1 -0.25 -0.5 | 0 1 0 | 2.5 -1.25 0 | -1.5 -0.25 0.5
    assert sign_consensus(values, weights).tolist() == pytest.approx([3.25, 2, 4, 5, -1.75 / 0.75])
    assert sum_consensus(values, weights).tolist() == pytest.approx([3.25, 0.25, 1, 1.25, -1.25])


def test_exactly_opposite_contributions_elect_nothing() -> None:
    assert sign_consensus(torch.tensor([[2.0, 1.0], [-2.0, -2.0]]), torch.tensor([0.5, 0.5])).tolist() == [0, -2]
    assert sign_consensus(torch.tensor([[2.0], [2.0]]), torch.tensor([1.0, -1.0])).tolist() == [0]


def test_a_sum_that_is_zero_but_for_rounding_elects_nothing() -> None:
    values = torch.randn(1000, generator=torch.Generator().manual_seed(1)).expand(3, 1000)
    weights = torch.tensor([0.1, 0.2, -0.3], dtype=torch.float64)
    assert sum_consensus(values, weights).count_nonzero() > 0
    assert sign_consensus(values, weights).count_nonzero() == 0


def test_a_negative_weight_is_a_positive_one_on_the_negated_values() -> None:
    values = torch.randn(3, 50, generator=torch.Generator().manual_seed(1))
    flipped = values * torch.tensor([1.0, -1.0, 1.0])[:, None]
    expected = sign_consensus(flipped, torch.tensor([0.5, 0.7, 0.1]))
    assert torch.equal(sign_consensus(values, torch.tensor([0.5, -0.7, 0.1])), expected)


@pytest.mark.parametrize("consensus", [sum_consensus, sign_consensus])
def test_consensus_takes_rows_one_at_a_time_and_leaves_them_alone(consensus) -> None:
    values = torch.randn(3, 4, 5, generator=torch.Generator().manual_seed(1))
    before, weights = values.clone(), torch.tensor([0.2, 0.3, 0.5])
    assert torch.equal(consensus(values, weights), consensus(iter(values), weights))
    assert torch.equal(values, before)
    with pytest.raises(ValueError, match="zip"):
        consensus(values, weights[:2])
