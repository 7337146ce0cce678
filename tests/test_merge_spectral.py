"""The geometric and spectral methods: cases computed by hand, and dense float64 references written without the package."""

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from adapt_embed.errors import ConfigError
from adapt_embed.lora import LoraModule
from adapt_embed.merge import METHODS, MethodSettings
from adapt_embed.merge.methods.parts import Part

ALL = MethodSettings(density=1.0)


def part(delta: Sequence[Sequence[float]], weight: float = 1.0, gram: torch.Tensor | None = None) -> Part:
    """Make a part of a small dense matrix: b is the matrix, a the identity."""
    matrix = torch.tensor(delta, dtype=torch.float32)
    return Part(LoraModule(torch.eye(matrix.shape[1]), matrix, 1.0), weight, "parent module", gram)


def random_parts(out: int, into: int, ranks: Sequence[int], weights: Sequence[float], *, seed: int = 0) -> list[Part]:
    draw = torch.Generator().manual_seed(seed)
    parts = []
    for number, (rank, weight) in enumerate(zip(ranks, weights, strict=True)):
        module = LoraModule(torch.randn(rank, into, generator=draw), torch.randn(out, rank, generator=draw), 0.5 + number)
        inputs = torch.randn(50, into, generator=draw) * (1 + 3 * torch.rand(into, generator=draw))
        parts.append(Part(module, weight, f"parent{number} module", inputs.T @ inputs / 50))
    return parts


def merge(method: str, parts: Sequence[Part], settings: MethodSettings = ALL) -> np.ndarray:
    update = METHODS[method].merge(parts, settings)
    assert isinstance(update, LoraModule), "these methods stay in the span of the factors"
    assert update.a.dtype == update.b.dtype == torch.float32
    return dense(update)


def dense(module: LoraModule) -> np.ndarray:
    return module.scale * (module.b.double().numpy() @ module.a.double().numpy())


def deltas(parts: Sequence[Part]) -> list[np.ndarray]:
    return [dense(each.module) for each in parts]


def relative(x: np.ndarray, y: np.ndarray) -> float:
    return float(np.linalg.norm(x - y) / np.linalg.norm(y))


# Slerp and Karcher


def test_slerp_half_way_between_perpendicular_updates() -> None:
    middle = merge("slerp", [part([[2.0, 0.0]], 0.5), part([[0.0, 4.0]], 0.5)])
    np.testing.assert_allclose(middle, [[3 / np.sqrt(2), 3 / np.sqrt(2)]], rtol=1e-6)  # length (2 + 4) / 2, at 45 degrees


def test_slerp_a_third_of_the_way_is_a_third_of_the_angle() -> None:
    point = merge("slerp", [part([[1.0, 0.0]], 2.0), part([[0.0, 1.0]], 1.0)])
    np.testing.assert_allclose(point, [[3 * np.cos(np.pi / 6), 3 * np.sin(np.pi / 6)]], rtol=1e-6)


@pytest.mark.parametrize("weights", [(0.5, 0.5), (0.9, 0.1), (3.0, 1.0)])
def test_slerp_and_karcher_agree_with_the_dense_formula(weights: tuple[float, float]) -> None:
    parts = random_parts(12, 20, (3, 5), weights)
    x, y = deltas(parts)
    angle = np.arccos((x * y).sum() / np.linalg.norm(x) / np.linalg.norm(y))
    share = weights[1] / sum(weights)
    arc = np.sin((1 - share) * angle) * x / np.linalg.norm(x) + np.sin(share * angle) * y / np.linalg.norm(y)
    expected = arc / np.sin(angle) * (weights[0] * np.linalg.norm(x) + weights[1] * np.linalg.norm(y))
    assert relative(merge("slerp", parts), expected) < 1e-6
    assert relative(merge("karcher", parts), expected) < 1e-6


def test_karcher_is_dense_gradient_descent_on_squared_angles() -> None:
    weights = (0.2, 0.5, 0.3, 0.4)
    parts = random_parts(12, 20, (2, 3, 4, 5), weights)
    points = np.stack([each.ravel() / np.linalg.norm(each) for each in deltas(parts)])
    points[1] = 0.8 * points[0] + 0.6 * points[1]  # not all near perpendicular
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    parts[1] = part(points[1].reshape(12, 20).tolist(), weights[1])
    mean = points[3]
    for _ in range(3000):
        cosines = np.clip(points @ mean, -1, 1)
        logs = (points - cosines[:, None] * mean) * (np.arccos(cosines) / np.sqrt(np.maximum(1 - cosines**2, 1e-30)))[:, None]
        mean = mean + 0.1 * np.asarray(weights) @ logs
        mean /= np.linalg.norm(mean)
    length = sum(weight * np.linalg.norm(each) for weight, each in zip(weights, deltas(parts), strict=True))
    assert relative(merge("karcher", parts), length * mean.reshape(12, 20)) < 1e-5


def test_karcher_of_perpendicular_updates_is_their_diagonal() -> None:
    mean = merge("karcher", [part([[3.0, 0.0, 0.0]], 1.0), part([[0.0, 3.0, 0.0]], 1.0), part([[0.0, 0.0, 3.0]], 1.0)])
    np.testing.assert_allclose(mean, [[9 / np.sqrt(3)] * 3], rtol=1e-6)


@pytest.mark.parametrize("method", ["slerp", "karcher"])
def test_spherical_means_scale_with_the_weights_and_leave_out_those_of_zero(method: str) -> None:
    once, twice = random_parts(6, 9, (2, 3), (0.3, 0.4)), random_parts(6, 9, (2, 3), (0.6, 0.8))
    assert relative(merge(method, twice), 2 * merge(method, once)) < 1e-6
    alone = random_parts(6, 9, (2, 3), (0.0, 1.0))
    assert relative(merge(method, alone), deltas(alone)[1]) < 1e-6


@pytest.mark.parametrize("method", ["slerp", "karcher"])
@pytest.mark.parametrize(
    "first, second, expected",
    [
        ([[2.0, 0.0]], [[4.0, 0.0]], [[3.0, 0.0]]),  # parallel
        ([[2.0, 0.0]], [[-4.0, 0.0]], [[-1.0, 0.0]]),  # opposite: no shortest arc
        ([[2.0, 0.0]], [[-2.0, 0.0]], [[0.0, 0.0]]),  # opposite and as long
        ([[2.0, 0.0]], [[0.0, 0.0]], [[1.0, 0.0]]),  # no direction
        ([[0.0, 0.0]], [[0.0, 0.0]], [[0.0, 0.0]]),
        ([[1.0, 0.0]], [[1.0, 1e-7]], [[1.0, 5e-8]]),  # nearly parallel
    ],
)
def test_spherical_means_without_one_arc_are_the_plain_mean(
    method: str, first: list[list[float]], second: list[list[float]], expected: list[list[float]]
) -> None:
    np.testing.assert_allclose(merge(method, [part(first, 0.5), part(second, 0.5)]), expected, rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize(
    "method, share",
    [("slerp", 0.25), ("karcher", 0.25), ("core_linear", 0.25), ("tsv", 0.25), ("regmean", 0.25), ("knots_ties", 1.0), ("core_ties", 1.0)],
)
def test_a_parent_that_leaves_the_module_alone_is_a_zero(method: str, share: float) -> None:
    """For TIES a zero has no sign, and so no part in the mean."""
    held, nothing = random_parts(6, 9, (3,), (0.25,))[0], Part(LoraModule(torch.zeros(0, 9), torch.zeros(6, 0), 1.0), 0.75, "other", None)
    for parts in ([held, nothing], [nothing, held]):
        assert relative(merge(method, parts), share * deltas([held])[0]) < 1e-6


def test_karcher_of_updates_that_surround_the_origin_is_the_plain_sum() -> None:
    three = [part([[np.cos(turn), np.sin(turn)]], 1.0) for turn in (0.0, 2 * np.pi / 3, 4 * np.pi / 3)]
    assert np.abs(merge("karcher", three)).max() < 1e-6


@pytest.mark.parametrize("method", ["slerp", "karcher", "regmean"])
def test_a_negative_weight_is_refused_where_it_has_no_meaning(method: str) -> None:
    with pytest.raises(ConfigError, match=r"weights of 0 and above, and one is -0.5; linear takes negative ones"):
        merge(method, random_parts(6, 9, (2, 3), (1.0, -0.5)))


# Shared bases


def reference_ties(values: Sequence[np.ndarray], weights: Sequence[float], density: float) -> np.ndarray:
    trimmed = []
    for value in values:
        count = max(1, round(density * value.size))
        order = np.argsort(-np.abs(value).ravel(), kind="stable")[:count]
        kept = np.zeros(value.size)
        kept[order] = value.ravel()[order]
        trimmed.append(kept.reshape(value.shape))
    contributions = np.stack([weight * value for weight, value in zip(weights, trimmed, strict=True)])
    agrees = (np.sign(contributions) == np.sign(contributions.sum(0))) & (contributions != 0)
    size = (np.abs(np.asarray(weights))[:, None, None] * agrees).sum(0)
    return np.where(size > 0, (contributions * agrees).sum(0) / np.maximum(size, 1e-300), 0) * np.abs(weights).sum()


@pytest.mark.parametrize("density", [1.0, 0.5, 0.2])
@pytest.mark.parametrize("out, into", [(12, 20), (20, 12), (8, 9)], ids=["wide", "tall", "rank beyond the shape"])
def test_knots_is_ties_in_the_basis_of_the_dense_concatenation(out: int, into: int, density: float) -> None:
    weights = (0.5, 0.3, -0.2)
    parts = random_parts(out, into, (2, 3, 4), weights)
    u, s, _ = np.linalg.svd(np.concatenate(deltas(parts), axis=1), full_matrices=False)
    u = u[:, s > 1e-9 * s[0]]
    expected = u @ reference_ties([u.T @ each for each in deltas(parts)], weights, density)
    assert relative(merge("knots_ties", parts, MethodSettings(density=density)), expected) < 1e-5


def test_knots_by_hand() -> None:
    """[D1 D2] has the left singular vectors of D1 D1^T + D2 D2^T = diag(13, 2): the axes. TIES is elementwise there."""
    parts = [part([[2.0, 0.0], [0.0, 1.0]], 0.5), part([[-3.0, 0.0], [0.0, 1.0]], 0.5)]
    np.testing.assert_allclose(merge("knots_ties", parts), [[-3.0, 0.0], [0.0, 1.0]], atol=1e-6)


@pytest.mark.parametrize("density", [1.0, 0.5, 0.2])
@pytest.mark.parametrize("out, into", [(12, 20), (20, 12), (8, 9)], ids=["wide", "tall", "rank beyond the shape"])
def test_core_ties_is_ties_between_the_dense_bases(out: int, into: int, density: float) -> None:
    weights = (0.5, 0.3, -0.2)
    parts = random_parts(out, into, (2, 3, 4), weights)
    left = np.linalg.svd(np.concatenate([each.module.b.double().numpy() for each in parts], axis=1), full_matrices=False)[0]
    right = np.linalg.svd(np.concatenate([each.module.a.double().numpy() for each in parts]), full_matrices=False)[2]
    cores = [left.T @ each @ right.T for each in deltas(parts)]
    expected = left @ reference_ties(cores, weights, density) @ right
    assert relative(merge("core_ties", parts, MethodSettings(density=density)), expected) < 1e-5


@pytest.mark.parametrize("method", ["knots_ties", "core_ties"])
def test_the_shared_bases_have_no_more_dimensions_than_the_parents_span(method: str) -> None:
    twins = random_parts(12, 20, (3,), (0.5,)) * 2
    update = METHODS[method].merge(twins, ALL)
    assert isinstance(update, LoraModule)
    assert update.rank == 3


def test_core_linear_is_linear() -> None:
    for shape in ((12, 20), (20, 12), (6, 7)):
        parts = random_parts(*shape, (2, 3, 4), (0.5, -0.3, 2.0))
        expected = sum(each.weight * delta for each, delta in zip(parts, deltas(parts), strict=True))
        assert relative(merge("core_linear", parts), expected) < 1e-6


# Spectra


def test_iso_c_by_hand() -> None:
    np.testing.assert_allclose(merge("iso_c", [part([[3.0, 0.0], [0.0, -1.0]])]), [[2.0, 0.0], [0.0, -2.0]], atol=1e-6)


def test_iso_c_takes_the_mean_over_the_rank_of_the_sum() -> None:
    np.testing.assert_allclose(
        merge("iso_c", [part([[3.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 0.0]])]), np.diag([2.0, 2.0, 0.0]), atol=1e-6
    )


@pytest.mark.parametrize("out, into", [(12, 20), (20, 12), (8, 9)], ids=["wide", "tall", "rank beyond the shape"])
def test_iso_c_is_the_dense_polar_factor_times_the_mean(out: int, into: int) -> None:
    parts = random_parts(out, into, (2, 3, 4), (0.5, 0.3, -0.2))
    u, s, vh = np.linalg.svd(sum(each.weight * delta for each, delta in zip(parts, deltas(parts), strict=True)), full_matrices=False)
    rank = int((s > 1e-9 * s[0]).sum())
    assert relative(merge("iso_c", parts), s[:rank].mean() * u[:, :rank] @ vh[:rank]) < 1e-5


def test_iso_c_does_not_raise_rounding_to_the_mean() -> None:
    """Copies whose factors are split otherwise differ by their rounding alone: that is no direction of the sum."""
    one = random_parts(12, 20, (3,), (0.5,))[0]
    turn = torch.linalg.qr(torch.randn(3, 3, generator=torch.Generator().manual_seed(5)))[0]
    other = Part(LoraModule(turn.T @ one.module.a, one.module.b @ turn, one.module.scale), 0.5, "other", None)
    update = METHODS["iso_c"].merge([one, other], ALL)
    assert isinstance(update, LoraModule)
    assert update.rank == 3
    s = np.linalg.svd(deltas([one])[0], compute_uv=False)[:3]
    np.testing.assert_allclose(np.linalg.svd(dense(update), compute_uv=False)[:3], s.mean(), rtol=1e-5)


def test_tsv_by_hand_half_way_between_two_directions_of_input() -> None:
    """Both write to their own output; inputs (1, 0) and (cos 60, sin 60) are turned apart by 15 degrees each, to a right angle."""
    parts = [part([[2.0, 0.0], [0.0, 0.0]]), part([[0.0, 0.0], [np.cos(np.pi / 3), np.sin(np.pi / 3)]])]
    low, high = np.deg2rad(-15), np.deg2rad(75)
    np.testing.assert_allclose(merge("tsv", parts), [[2 * np.cos(low), 2 * np.sin(low)], [np.cos(high), np.sin(high)]], atol=1e-6)


def reference_tsv(matrices: Sequence[np.ndarray], weights: Sequence[float], keep: Sequence[int]) -> np.ndarray:
    pieces = [np.linalg.svd(each, full_matrices=False) for each in matrices]
    lefts = np.concatenate([u[:, :k] for (u, _, _), k in zip(pieces, keep, strict=True)], axis=1)
    middle = np.concatenate([weight * s[:k] for (_, s, _), weight, k in zip(pieces, weights, keep, strict=True)])
    rights = np.concatenate([vh[:k] for (_, _, vh), k in zip(pieces, keep, strict=True)])
    p, _, q = np.linalg.svd(lefts, full_matrices=False)
    r, _, t = np.linalg.svd(rights, full_matrices=False)
    return (p @ q) @ np.diag(middle) @ (r @ t)


@pytest.mark.parametrize(
    "out, into, keep",
    [(12, 20, (2, 3, 4)), (20, 12, (2, 3, 4)), (9, 30, (2, 3, 4)), (6, 9, (1, 2, 2))],
    ids=["wide", "tall", "just fits", "cut to fit"],
)
def test_tsv_agrees_with_the_dense_procrustes_solution(out: int, into: int, keep: tuple[int, ...]) -> None:
    weights = (0.5, 0.3, -0.2)
    parts = random_parts(out, into, (2, 3, 4), weights)
    assert relative(merge("tsv", parts), reference_tsv(deltas(parts), weights, keep)) < 1e-4


def test_tsv_of_orthogonal_updates_is_their_sum() -> None:
    parts = [part([[2.0, 0.0], [0.0, 0.0]], 0.5), part([[0.0, 0.0], [0.0, -3.0]], 2.0)]
    np.testing.assert_allclose(merge("tsv", parts), [[1.0, 0.0], [0.0, -6.0]], atol=1e-6)


@pytest.mark.parametrize("copies", [2, 3])
def test_tsv_of_copies_is_the_mean_weight_of_the_copy(copies: int) -> None:
    parts = random_parts(12, 20, (3,), (1.0,)) * copies
    assert relative(merge("tsv", parts), deltas(parts)[0]) < 1e-5


@pytest.mark.parametrize("distance", [0.0, 1e-8, 1e-6, 1e-4, 1e-2])
def test_tsv_of_near_copies_stays_within_the_largest_singular_value(distance: float) -> None:
    one, other = random_parts(12, 20, (3, 3), (1.0, 1.0))
    near = Part(LoraModule(one.module.a + distance * other.module.a, one.module.b, one.module.scale), 1.0, "near", None)
    there = merge("tsv", [one, near])
    assert np.isfinite(there).all()
    assert np.linalg.norm(there, 2) <= 1.001 * max(np.linalg.norm(each, 2) for each in deltas([one, near]))


def test_tsv_ignores_directions_of_a_parent_that_hold_nothing() -> None:
    one = random_parts(12, 20, (3,), (1.0,))[0]
    fresh = Part(LoraModule(torch.randn(4, 20), torch.zeros(12, 4), 1.0), 1.0, "fresh", None)
    assert relative(merge("tsv", [one, fresh]), deltas([one])[0]) < 1e-5


# RegMean


def reference_regmean(parts: Sequence[Part], off_diagonal: float = 0.9) -> np.ndarray:
    """Solve the least squares problem over stacked inputs; a square root of each shrunk Gram stands for the inputs."""
    inputs, outputs = [], []
    for each in parts:
        gram = each.gram.double().numpy()  # type: ignore[union-attr]
        shrunk = off_diagonal * gram + (1 - off_diagonal) * np.diag(np.diag(gram))
        root = np.sqrt(each.weight) * np.linalg.cholesky(shrunk).T
        inputs.append(root)
        outputs.append(root @ dense(each.module).T)
    return np.linalg.lstsq(np.concatenate(inputs), np.concatenate(outputs), rcond=None)[0].T


@pytest.mark.parametrize("out, into", [(12, 20), (20, 12)], ids=["wide", "tall"])
def test_regmean_is_the_least_squares_solution(out: int, into: int) -> None:
    parts = random_parts(out, into, (2, 3, 4), (0.5, 0.3, 0.2))
    assert relative(merge("regmean", parts), reference_regmean(parts)) < 1e-4
    assert relative(merge("regmean", parts), sum(0.333 * each for each in deltas(parts))) > 0.1


def test_regmean_by_hand_gives_each_input_to_who_sees_it() -> None:
    parts = [
        part([[2.0, 2.0]], 0.5, torch.diag(torch.tensor([3.0, 1.0]))),
        part([[6.0, 6.0]], 0.5, torch.diag(torch.tensor([1.0, 3.0]))),
    ]
    np.testing.assert_allclose(merge("regmean", parts), [[3.0, 5.0]], rtol=1e-5)


def test_regmean_of_parents_with_the_same_inputs_is_linear() -> None:
    parts = random_parts(12, 20, (2, 3), (0.7, 0.6))
    same = [Part(each.module, each.weight, each.key, parts[0].gram) for each in parts]
    assert relative(merge("regmean", same), sum(each.weight * delta for each, delta in zip(parts, deltas(parts), strict=True))) < 1e-6


@pytest.mark.parametrize("gram", [torch.zeros(20, 20), torch.ones(20, 20), torch.diag(torch.tensor([1.0] + [0.0] * 19))])
def test_regmean_of_singular_grams_is_finite_and_linear_where_nobody_looks(gram: torch.Tensor) -> None:
    parts = [Part(each.module, each.weight, each.key, gram) for each in random_parts(12, 20, (2, 3), (0.5, 0.5))]
    assert relative(merge("regmean", parts), sum(0.5 * each for each in deltas(parts))) < 1e-5


def test_regmean_scales_with_the_weights() -> None:
    once, twice = random_parts(6, 9, (2, 3), (0.3, 0.4)), random_parts(6, 9, (2, 3), (0.6, 0.8))
    assert relative(merge("regmean", twice), 2 * merge("regmean", once)) < 1e-6


def test_regmean_takes_a_parent_without_update_or_gram_to_see_what_the_others_see() -> None:
    parts = random_parts(12, 20, (2, 3), (0.5, 0.25))
    nothing = Part(LoraModule(torch.zeros(0, 20), torch.zeros(12, 0), 1.0), 0.25, "other", None)
    mean = (2 * parts[0].gram + parts[1].gram) / 3  # type: ignore[operator]
    told = Part(nothing.module, 0.25, "other", mean)
    assert relative(merge("regmean", [*parts, nothing]), merge("regmean", [*parts, told])) < 1e-5
    assert relative(merge("regmean", [*parts, told]), reference_regmean([*parts, told])) < 1e-4


@pytest.mark.parametrize(
    "gram, message",
    [
        (None, r"adapter 2 \(parent1 module\) carries no Gram matrix of this module's inputs; train it with --gram-rank"),
        (torch.eye(4), r"adapter 2 \(parent1 module\) carries a Gram matrix \(4, 4\); expected \(9, 9\)"),
        (-torch.eye(9) * 1e6, r"the Gram matrices of parent0 module, parent1 module are damaged"),
        (torch.full((9, 9), float("nan")), r"the Gram matrices of parent0 module, parent1 module are damaged"),
    ],
    ids=["absent", "of another size", "negative", "nan"],
)
def test_a_gram_that_cannot_be_used_is_told_with_its_parent(gram: torch.Tensor | None, message: str) -> None:
    one, two = random_parts(6, 9, (2, 3), (0.5, 0.5))
    with pytest.raises(ConfigError, match=message):
        merge("regmean", [one, Part(two.module, two.weight, two.key, gram)])


# All of them


@pytest.mark.parametrize("method", ["slerp", "karcher", "knots_ties", "core_linear", "core_ties", "iso_c", "tsv", "regmean"])
def test_arguments_are_not_changed(method: str) -> None:
    parts, again = (random_parts(12, 20, (2, 3), (0.5, 0.3)) for _ in range(2))
    merge(method, parts, MethodSettings(density=0.5))
    for before, after in zip(again, parts, strict=True):
        assert torch.equal(before.module.a, after.module.a)
        assert torch.equal(before.module.b, after.module.b)
        assert before.gram is not None
        assert after.gram is not None
        assert torch.equal(before.gram, after.gram)
