"""The algebra of updates: sums and inner products are exact, truncation is the best there is, and the energy is what was kept."""

import numpy as np
import pytest
import torch
from adapt_embed.errors import ConfigError
from adapt_embed.lora import LoraModule, RankPolicy, Update, compress, inner_product, weighted_sum
from adapt_embed.lora.algebra import decompose

SHAPES = {
    "wide": (12, 40, 5),
    "tall": (40, 12, 5),
    "square": (16, 16, 4),
    "rank above the shape": (6, 9, 14),
    "rank of the shape": (7, 20, 7),
}


def random_module(out: int, into: int, rank: int, *, seed: int = 0, scale: float = 1.5) -> LoraModule:
    draw = torch.Generator().manual_seed(seed)
    return LoraModule(torch.randn(rank, into, generator=draw), torch.randn(out, rank, generator=draw), scale)


def dense(update: Update) -> np.ndarray:
    """Return delta W in float64, without the package's arithmetic."""
    if isinstance(update, torch.Tensor):
        return update.double().numpy()
    return update.scale * (update.b.double().numpy() @ update.a.double().numpy())


def relative(x: np.ndarray, y: np.ndarray) -> float:
    return float(np.linalg.norm(x - y) / np.linalg.norm(y))


@pytest.mark.parametrize("form", ["factored", "dense"])
@pytest.mark.parametrize("out, into, rank", SHAPES.values(), ids=SHAPES)
def test_decompose_is_numpys_thin_svd(out: int, into: int, rank: int, form: str) -> None:
    module = random_module(out, into, rank)
    update = module if form == "factored" else module.delta()
    u, s, vh = (each.double().numpy() for each in decompose(update))
    theirs = np.linalg.svd(dense(module), compute_uv=False)
    k = min(out, into, rank)
    np.testing.assert_allclose(s[:k], theirs[:k], rtol=2e-5)
    assert np.all(s[k:] <= 1e-5 * s[0])
    np.testing.assert_allclose(u[:, :k].T @ u[:, :k], np.eye(k), atol=1e-5)
    np.testing.assert_allclose(vh[:k] @ vh[:k].T, np.eye(k), atol=1e-5)
    assert relative((u * s) @ vh, dense(module)) < 2e-6


@pytest.mark.parametrize("form", ["factored", "dense"])
def test_what_is_rank_deficient_decomposes_into_its_own_rank(form: str) -> None:
    module = random_module(20, 30, 3)
    twice = weighted_sum([module, module], [0.3, 0.7])
    u, s, vh = decompose(twice if form == "factored" else twice.delta())
    assert int((s > 1e-6 * s[0]).sum()) == 3
    assert relative(((u * s) @ vh).double().numpy(), dense(module)) < 2e-6
    assert all(bool(each.isfinite().all()) for each in (u, s, vh))


def test_a_zero_matrix_decomposes_into_zeros() -> None:
    for update in (torch.zeros(4, 6), LoraModule(torch.zeros(2, 6), torch.ones(4, 2), 1.0)):
        u, s, vh = decompose(update)
        assert not s.any()
        assert u.isfinite().all()
        assert vh.isfinite().all()


def test_the_weighted_sum_is_the_dense_one_whatever_ranks_and_scales() -> None:
    modules = [random_module(20, 30, rank, seed=rank, scale=scale) for rank, scale in ((1, 2.0), (5, 0.25), (3, -1.0))]
    total = weighted_sum(modules, [0.5, -2.0, 3.0])
    assert total.rank == 9
    assert relative(dense(total), 0.5 * dense(modules[0]) - 2 * dense(modules[1]) + 3 * dense(modules[2])) < 1e-6


def test_a_weight_too_few_is_a_bug() -> None:
    with pytest.raises(ValueError, match="zip"):
        weighted_sum([random_module(4, 4, 1), random_module(4, 4, 1)], [1.0])


def test_the_inner_product_is_the_dense_one() -> None:
    x, y = random_module(20, 30, 4, seed=1, scale=0.5), random_module(20, 30, 7, seed=2, scale=3.0)
    assert inner_product(x, y) == pytest.approx(float((dense(x) * dense(y)).sum()), rel=1e-9)
    assert inner_product(x, x) == pytest.approx(np.linalg.norm(dense(x)) ** 2, rel=1e-9)


@pytest.mark.parametrize("form", ["factored", "dense"])
@pytest.mark.parametrize("out, into, rank", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize("kept", [1, 3])
def test_a_rank_gives_the_best_approximation_and_its_energy(out: int, into: int, rank: int, form: str, kept: int) -> None:
    module = random_module(out, into, rank)
    result = compress(module if form == "factored" else module.delta(), RankPolicy(rank=kept))
    u, s, vh = np.linalg.svd(dense(module), full_matrices=False)
    assert result.module.rank == kept
    assert relative(dense(result.module), (u[:, :kept] * s[:kept]) @ vh[:kept]) < 1e-5
    lost = np.linalg.norm(dense(result.module) - dense(module)) ** 2 / np.linalg.norm(dense(module)) ** 2
    assert 1 - result.energy == pytest.approx(lost, abs=1e-6)


def test_a_rank_beyond_what_there_is_keeps_all() -> None:
    module = random_module(6, 9, 4)
    result = compress(module, RankPolicy(rank=64))
    assert result.module.rank == 4
    assert relative(dense(result.module), dense(module)) < 2e-6


def test_full_leaves_factors_as_they_are() -> None:
    module = random_module(20, 30, 5)
    result = compress(module, RankPolicy(rank="full"), cap=2)
    assert result.module is module
    assert result.energy == 1


@pytest.mark.parametrize("form", ["factored", "dense"])
def test_full_shortens_what_is_longer_than_the_matrix_without_loss(form: str) -> None:
    module = random_module(6, 9, 14)
    result = compress(module if form == "factored" else module.delta(), RankPolicy(rank="full"))
    assert result.module.rank == 6
    assert relative(dense(result.module), dense(module)) < 2e-6


def test_auto_keeps_the_fewest_dimensions_that_hold_the_energy() -> None:
    module = LoraModule(torch.diag(torch.tensor([4.0, 2.0, 1.0, 0.5])), torch.eye(4), 1.0)  # energies 16, 4, 1, 0.25 of 21.25
    for energy, rank in ((0.5, 1), (0.75, 1), (0.76, 2), (0.9411, 2), (0.942, 3), (0.98, 3), (0.989, 4), (1.0, 4)):
        for update in (module, module.delta()):
            result = compress(update, RankPolicy(energy=energy))
            assert result.module.rank == rank, energy
            assert result.energy >= energy - 1e-6


def test_auto_heeds_its_cap_and_tells_the_energy() -> None:
    module = LoraModule(torch.diag(torch.tensor([4.0, 2.0, 1.0, 0.5])), torch.eye(4), 1.0)
    result = compress(module, RankPolicy(), cap=1)
    assert result.module.rank == 1
    assert result.energy == pytest.approx(16 / 21.25)
    assert compress(module, RankPolicy(rank=3), cap=1).module.rank == 3, "a rank that was asked for is not capped"


@pytest.mark.parametrize("policy", [RankPolicy(), RankPolicy(rank="full"), RankPolicy(rank=7)], ids=["auto", "full", "7"])
@pytest.mark.parametrize(
    "update",
    [
        torch.zeros(5, 4),
        LoraModule(torch.zeros(0, 4), torch.zeros(5, 0), 1.0),
        LoraModule(torch.randn(3, 4), torch.zeros(5, 3), 2.0),
        LoraModule(torch.randn(30, 4), torch.zeros(5, 30), 2.0),
        LoraModule(torch.randn(3, 4), torch.randn(5, 3), 0.0),
    ],
    ids=["dense", "rank 0", "b of 0", "long", "scale of 0"],
)
def test_zero_is_one_dimension_of_zeros_with_energy_1(update: Update, policy: RankPolicy) -> None:
    result = compress(update, policy)
    assert (result.module.rank, result.energy, result.total) == (1, 1.0, 0.0)
    assert result.module.delta().shape == (5, 4)
    assert not result.module.delta().any()


@pytest.mark.parametrize("policy", [RankPolicy(), RankPolicy(rank="full"), RankPolicy(rank=7)], ids=["auto", "full", "7"])
@pytest.mark.parametrize("weight", [1.0, 0.1, 0.3])
def test_updates_that_cancel_are_zero_and_not_their_rounding(policy: RankPolicy, weight: float) -> None:
    for out, into, rank in ((40, 90, 8), (20, 12, 3), (6, 9, 5)):
        module = random_module(out, into, rank)
        result = compress(weighted_sum([module, module, module], [weight, weight, -2 * weight]), policy)
        assert result.module.rank == 1
        assert not result.module.delta().any()


def test_a_small_difference_of_large_updates_is_kept() -> None:
    module, small = random_module(40, 90, 8), random_module(40, 90, 2, seed=1, scale=1e-4)
    near = weighted_sum([module, module, small], [1.0, -1.0, 1.0])
    for policy in (RankPolicy(rank="full"), RankPolicy(energy=1.0)):
        assert relative(dense(compress(near, policy).module), dense(small)) < 3e-2


@pytest.mark.parametrize("options", [{"rank": 0}, {"rank": -3}, {"energy": 0.0}, {"energy": 1.1}, {"energy": float("nan")}])
def test_a_policy_that_keeps_nothing_or_too_much_is_refused(options: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match="expected"):
        RankPolicy(**options)  # type: ignore[arg-type]
