"""The statistics of the report: known values, other libraries' values, and that looking early is no error."""

import importlib
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from adapt_embed.abtests.measures.preference import sign_test
from adapt_embed.abtests.statistics.moments import Estimate, Moments, difference, estimate_ratio, sum_moments
from adapt_embed.abtests.statistics.remaining import always_valid_variance, fixed_variance
from adapt_embed.abtests.statistics.sequential import always_valid_p, fixed_p, fixed_radius, is_ready, radius
from adapt_embed.abtests.statistics.share_check import _CONCENTRATION, check_shares
from scipy import stats
from scipy.integrate import quad

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"
TAU, ALPHA = 0.02, 0.05


def found(value: float, variance: float) -> Estimate:
    return Estimate(np.float64(value), np.float64(variance), np.float64(1000))


def test_with_one_answer_a_user_the_variance_is_that_of_a_mean() -> None:
    y = np.random.default_rng(0).normal(3, 2, 50)
    estimate = estimate_ratio(sum_moments(y, np.ones(50)))
    assert estimate.value == pytest.approx(y.mean())
    assert estimate.variance == pytest.approx(y.var(ddof=1) / 50)


def test_the_p_of_one_look_is_that_of_welch_for_many_users() -> None:
    drawn = np.random.default_rng(1)
    first, other = drawn.normal(0, 1, 4000), drawn.normal(0.05, 2, 3000)
    mine = fixed_p(difference(*(estimate_ratio(sum_moments(each, np.ones(len(each)))) for each in (first, other))))
    assert mine == pytest.approx(stats.ttest_ind(first, other, equal_var=False).pvalue, abs=1e-3)


def test_users_are_the_unit_however_many_answers_they_have() -> None:
    """A thousand copies of each user's answers are no new users: the interval stays."""
    y, x = np.array([1.0, 0, 3, 2, 0, 1]), np.array([2.0, 1, 3, 4, 2, 1])
    few, many = estimate_ratio(sum_moments(y, x)), estimate_ratio(sum_moments(y * 1000, x * 1000))
    assert many.value == few.value
    assert many.variance == pytest.approx(few.variance)


def test_the_variance_of_a_ratio_is_that_of_resampled_users() -> None:
    drawn = np.random.default_rng(2)
    x = drawn.poisson(3, 2000) + 1.0
    y = drawn.binomial(x.astype(int), drawn.beta(2, 3, 2000)).astype(float)
    rows = drawn.integers(0, 2000, (1500, 2000))
    resampled = y[rows].sum(1) / x[rows].sum(1)
    assert estimate_ratio(sum_moments(y, x)).variance == pytest.approx(resampled.var(), rel=0.12)  # three standard errors of 1,500 draws


def test_users_of_whom_nothing_is_counted_are_no_users() -> None:
    y, x = np.array([1.0, 0, 2]), np.array([1.0, 2, 2])
    one, other = sum_moments(y, x), sum_moments(np.append(y, [0, 0]), np.append(x, [0, 0]))
    assert [np.asarray(getattr(one, each)) for each in Moments.__slots__] == [
        np.asarray(getattr(other, each)) for each in Moments.__slots__
    ]


@pytest.mark.parametrize("value", [0.0, 0.01, -0.05, 0.3])
def test_the_always_valid_p_is_one_over_the_mixture_of_likelihood_ratios(value: float) -> None:
    variance = 0.0004

    def ratio(effect: float) -> float:
        return stats.norm.pdf(effect, 0, TAU) * np.exp((value * effect - effect**2 / 2) / variance)

    mixture, _ = quad(ratio, -0.5, 0.5, points=[0, value], limit=200)
    assert always_valid_p(found(value, variance), TAU) == pytest.approx(min(1, 1 / mixture), rel=1e-6)


@pytest.mark.parametrize("variance", [1e-6, 4e-4, 0.3])
def test_the_interval_ends_where_the_p_is_alpha(variance: float) -> None:
    reach = float(radius(np.float64(variance), TAU, ALPHA))
    assert always_valid_p(found(reach, variance), TAU) == pytest.approx(ALPHA)
    assert always_valid_p(found(-reach, variance), TAU) == pytest.approx(ALPHA)
    assert reach > fixed_radius(np.float64(variance), ALPHA)


def test_it_stops_at_three_standard_errors_at_the_earliest() -> None:
    """One look gets so far with a chance of 0.0024, so that twenty looks stay below 0.05 whatever ties them."""
    variances = TAU**2 * np.logspace(-8, 8, 400)
    distances = radius(variances, TAU, ALPHA) / np.sqrt(variances)
    assert distances.min() == pytest.approx(3.035, abs=1e-3)
    assert 20 * 2 * stats.norm.sf(distances.min()) < ALPHA


def test_users_who_are_all_alike_have_no_variance_and_decide_nothing() -> None:
    """In decimals the residuals of equal ratios are rounding, which would be a tiny variance, and any rounding a significant difference."""
    x = np.arange(1.0, 200.0)
    for share in (0.1, 0.34, 1 / 3, 0.7):
        assert estimate_ratio(sum_moments(share * x, x)).variance == 0


def test_nothing_is_decided_of_nothing() -> None:
    empty = estimate_ratio(sum_moments(np.zeros(0), np.zeros(0)))
    one = estimate_ratio(sum_moments([1.0], [1.0]))
    for each in (difference(empty, one), difference(one, one), found(0.5, 0.0)):
        assert always_valid_p(each, TAU) == fixed_p(each) == 1
        assert radius(each.variance, TAU, ALPHA) == np.inf
    for users, others, active, ready in ((99, 1000, 500, False), (1000, 1000, 29, False), (100, 100, 30, True)):
        assert is_ready(np.float64(users), np.float64(others), active) is ready


def test_swapped_arms_swap_the_sign_and_nothing_else() -> None:
    first, other = estimate_ratio(sum_moments([1.0, 0, 1, 0], np.ones(4))), estimate_ratio(sum_moments([1.0, 1, 1, 0], np.ones(4)))
    one, back = difference(first, other), difference(other, first)
    assert (one.value, one.variance) == (-back.value, back.variance)
    assert always_valid_p(one, TAU) == always_valid_p(back, TAU)


def test_what_a_plan_needs_is_where_the_test_stops() -> None:
    effect, power = 0.01, 0.8
    fixed, always = fixed_variance(effect, ALPHA, power), always_valid_variance(effect, effect, ALPHA, power)
    chance = stats.norm.sf((fixed_radius(np.float64(fixed), ALPHA) - effect) / fixed**0.5)
    assert chance == pytest.approx(power)
    assert stats.norm.sf((radius(np.float64(always), effect, ALPHA) - effect) / always**0.5) == pytest.approx(power)
    assert fixed / 3 < always < fixed


def test_the_check_of_shares_is_the_dirichlet_multinomial_over_the_multinomial() -> None:
    counts, shares = np.array([530, 470]), (0.5, 0.5)
    mixture = stats.dirichlet_multinomial.logpmf(counts, np.array(shares) * _CONCENTRATION, counts.sum())
    mine = check_shares([counts], [shares]).p
    assert mine == pytest.approx(min(1, np.exp(stats.multinomial.logpmf(counts, counts.sum(), shares) - mixture)))


def test_shares_that_are_not_kept_are_found_and_ramps_are_no_mismatch() -> None:
    ramped = check_shares([np.array([900, 100]), np.array([500, 500])], [(0.9, 0.1), (0.5, 0.5)])
    assert (ramped.p, ramped.expected) == (1.0, (1400.0, 600.0))
    assert check_shares([np.array([1400, 600])], [(0.5, 0.5)]).is_off
    assert not check_shares([np.array([5050, 4950])], [(50, 50)]).is_off
    assert check_shares([np.array([10, 1])], [(1.0, 0.0)]).p == 0.0


def test_the_check_of_shares_holds_its_level_at_every_look() -> None:
    drawn = np.random.default_rng(3)
    ups = (drawn.random((400, 2000)) < 0.7).cumsum(axis=1)
    looks = range(50, 2000, 50)
    wrong = sum(any(check_shares([np.array([row[at], at + 1 - row[at]])], [(0.7, 0.3)]).p < 0.05 for at in looks) for row in ups)
    assert wrong <= 400 * 0.05 + 3 * (400 * 0.05 * 0.95) ** 0.5


@pytest.mark.parametrize(("ups", "downs"), [(0, 0), (8, 2), (3, 9), (5, 5)])
def test_the_sign_test_is_scipys(ups: int, downs: int) -> None:
    expected = stats.binomtest(ups, ups + downs).pvalue if ups + downs else 1
    assert sign_test(ups, downs) == pytest.approx(expected)


@pytest.fixture
def simulations(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    if not BENCHMARKS.is_dir():
        pytest.skip("benchmarks/ is in the repository alone")
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return importlib.import_module("ab_tests")


RUNS = 200


@pytest.mark.parametrize("traffic", [("once", 0.1, 1000), ("hourly", 0.02, 2000), ("returning", 0.1, 700)])
def test_looking_every_day_is_no_error_where_peeking_at_one_test_is(simulations: ModuleType, traffic: tuple) -> None:
    """The full form, 2,000 simulations of each kind of traffic, is benchmarks/ab_tests.py; bars leave three standard errors for 200."""
    level = simulations.simulate(simulations.Traffic(*traffic), RUNS, is_null=True)
    noise = 3 * (0.05 * 0.95 / RUNS) ** 0.5
    assert level["stops"] <= 0.05
    assert level["at the end"] <= 0.05 + noise
    assert level["peeking"] > 0.15


def test_what_one_test_at_the_end_finds_surely_the_sequence_finds_mostly(simulations: ModuleType) -> None:
    power = simulations.simulate(simulations.Traffic("once", 0.1, 1000), RUNS, is_null=False)
    assert power["at the end"] >= 0.98 - 3 * (0.98 * 0.02 / RUNS) ** 0.5
    assert power["stops"] >= 0.8


def test_interleaving_needs_a_tenth_of_the_sessions(simulations: ModuleType) -> None:
    """Of rankers that are as alike as a base and its adapter; the cells of benchmarks/ab_tests.py have others."""
    needed = simulations.compare_rankers(simulations.make_rankers(0.3, 0.95, 0.05), sessions=5000)
    assert 5_000 <= needed["sessions, A/B"] <= 50_000
    assert needed["preference"] > 5 * needed["error of the preference"]
    assert needed["times fewer"] >= 10


def test_equal_rankers_get_no_credit_at_all(simulations: ModuleType) -> None:
    relevance, ranked, _ = simulations.make_rankers(0.3, 0.95, 0.0)
    assert not simulations.draw_signs((relevance, ranked, ranked), 500).any()
