"""Intervals, tests and corrections against slow and known answers; the named columns against figures worked out by hand."""

import json
import math
import random
import statistics
from collections.abc import Callable
from dataclasses import asdict, replace
from itertools import product

import numpy as np
import pytest
from adapt_embed.bench.judge.assess import assess
from adapt_embed.bench.judge.roles import Background, role_of
from adapt_embed.bench.judge.statistics import (
    STATISTICS,
    Numbers,
    average_precision,
    holm,
    interval,
    permutation_p,
    resampled_scores,
    score_of,
    spearman,
)
from adapt_embed.bench.judge.summary import Resampled, spread_over_seeds, summarize
from adapt_embed.bench.report.terminal import table_text
from adapt_embed.bench.result import (
    BenchedReference,
    BenchedTask,
    BenchResult,
    Interval,
    Score,
    SeedGroup,
    StatisticName,
    TaskRole,
)
from adapt_embed.bench.tasks.retrieval import retrieval_task
from adapt_embed.data.domains import Domain
from adapt_embed.data.pairs import Pairs
from scipy.stats import permutation_test, spearmanr
from sklearn.metrics import average_precision_score

NO_GOLD = np.zeros(1)


def drawn(seed: int, items: int = 60) -> tuple[Numbers, Numbers, Numbers]:
    """Two systems' values of the same items, with ties, and what they are held against."""
    rng = np.random.default_rng(seed)
    gold = rng.integers(0, 6, items).astype(float)
    own, base = (np.round(gold + rng.normal(0, spread, items), 1) for spread in (1.5, 2.0))
    return own, base, gold


def interval_of(statistic: StatisticName, own: Numbers, base: Numbers, gold: Numbers, seed: int = 0) -> tuple[float, float]:
    found = interval(resampled_scores(statistic, own, gold, seed=seed) - resampled_scores(statistic, base, gold, seed=seed))
    assert found is not None
    return found


# Statistics


def test_spearman_of_every_sample_is_that_of_scipy() -> None:
    own, _, gold = drawn(1)
    draws = np.random.default_rng(2).integers(len(own), size=(50, len(own)))
    ours = spearman(np.unique(own, return_inverse=True)[1][draws], np.unique(gold, return_inverse=True)[1][draws])
    theirs = [spearmanr(own[rows], gold[rows]).statistic for rows in draws]
    assert ours == pytest.approx(theirs, abs=1e-12)


def test_average_precision_of_every_sample_is_that_of_scikit_learn() -> None:
    own, _, gold = drawn(3)
    labels = (gold > 3).astype(float)
    draws = np.random.default_rng(4).integers(len(own), size=(50, len(own)))
    ours = average_precision(np.unique(own, return_inverse=True)[1][draws], labels[draws])
    assert ours == pytest.approx([average_precision_score(labels[rows], own[rows]) for rows in draws], abs=1e-12)


def test_a_score_of_the_items_as_they_are_is_the_libraries() -> None:
    own, _, gold = drawn(5)
    labels = (gold > 3).astype(float)
    assert score_of("mean", own, NO_GOLD) == pytest.approx(statistics.fmean(own))
    assert score_of("Spearman", own, gold) == pytest.approx(spearmanr(own, gold).statistic)
    assert score_of("AP", own, labels) == pytest.approx(average_precision_score(labels, own))


def test_a_constant_ranking_has_no_rank_correlation() -> None:
    assert math.isnan(score_of("Spearman", np.ones(5), np.arange(5.0)))


def test_a_sample_without_a_positive_has_no_average_precision() -> None:
    assert math.isnan(score_of("AP", np.arange(5.0), np.zeros(5)))


# Intervals


def slow_interval(score: Callable[[list[int]], float], items: int, resamples: int = 4000) -> tuple[float, float]:
    """The paired percentile bootstrap in plain Python: `score` is the difference on a sample of item numbers."""
    draw = random.Random(0)
    found = sorted(score([draw.randrange(items) for _ in range(items)]) for _ in range(resamples))
    return found[round(0.025 * resamples)], found[round(0.975 * resamples)]


def test_an_interval_of_means_agrees_with_plain_python() -> None:
    own, base, _ = drawn(6)
    slow = slow_interval(lambda rows: statistics.fmean(own[row] - base[row] for row in rows), len(own))
    assert interval_of("mean", own, base, NO_GOLD.repeat(60)) == pytest.approx(slow, abs=0.06 * (slow[1] - slow[0]))


@pytest.mark.filterwarnings("ignore::scipy.stats.ConstantInputWarning")
def test_an_interval_of_rank_correlations_agrees_with_plain_python() -> None:
    own, base, gold = drawn(7, items=30)

    def difference(rows: list[int]) -> float:
        return float(spearmanr(own[rows], gold[rows]).statistic - spearmanr(base[rows], gold[rows]).statistic)

    slow = slow_interval(difference, len(own), resamples=1500)
    assert interval_of("Spearman", own, base, gold) == pytest.approx(slow, abs=0.12 * (slow[1] - slow[0]))


def test_a_constant_difference_has_an_interval_without_width() -> None:
    base = np.random.default_rng(8).random(40)
    low, high = interval_of("mean", base + 0.25, base, NO_GOLD.repeat(40))
    assert (low, high) == pytest.approx((0.25, 0.25))


@pytest.mark.parametrize("statistic", STATISTICS)
def test_no_difference_is_zero_with_p_1(statistic: StatisticName) -> None:
    own, _, gold = drawn(9)
    held = (gold > 3).astype(float) if statistic == "AP" else gold
    assert interval_of(statistic, own, own, held) == (0.0, 0.0)
    assert permutation_p(statistic, own, own, held, seed=0) == 1.0


def test_intervals_are_paired_and_the_same_each_time() -> None:
    own, base, gold = drawn(10)
    assert interval_of("Spearman", own, base, gold, seed=3) == interval_of("Spearman", own, base, gold, seed=3)
    assert interval_of("Spearman", own, base, gold, seed=3) != interval_of("Spearman", own, base, gold, seed=4)


def test_few_items_without_a_score_in_many_samples_have_no_interval() -> None:
    assert interval(resampled_scores("Spearman", np.arange(3.0), np.arange(3.0), seed=0)) is None


def test_95_percent_intervals_hold_the_truth_about_95_times_in_100() -> None:
    rng, held, trials = np.random.default_rng(11), 0, 200
    for _ in range(trials):
        base = rng.random(80)
        own = base + rng.normal(0.1, 0.4, 80)
        distribution = resampled_scores("mean", own - base, NO_GOLD.repeat(80), seed=0, resamples=1000)
        found = interval(distribution)
        assert found is not None
        held += found[0] <= 0.1 <= found[1]
    assert 0.90 <= held / trials <= 0.98


# Tests


def exact_p(differences: list[float]) -> float:
    """All swaps of all items."""
    observed = abs(sum(differences)) - 1e-12
    sums = [
        abs(sum(sign * each for sign, each in zip(signs, differences, strict=True))) for signs in product((1, -1), repeat=len(differences))
    ]
    return sum(each >= observed for each in sums) / len(sums)


@pytest.mark.parametrize("differences", [[0.5, 0.5], [0.1, 0.2, 0.3, 0.4], [0.9, -0.1, 0.2, 0.3, -0.2, 0.4], [0.1] * 8])
def test_p_of_means_is_the_share_of_all_swaps(differences: list[float]) -> None:
    base = np.linspace(0.1, 0.9, len(differences))
    found = permutation_p("mean", base + differences, base, NO_GOLD.repeat(len(base)), seed=0)
    assert found == pytest.approx(exact_p(differences), abs=0.02)


def test_two_items_are_never_significant() -> None:
    assert permutation_p("mean", np.ones(2), np.zeros(2), NO_GOLD.repeat(2), seed=0) == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize("statistic", ["Spearman", "AP"])
def test_p_of_rank_statistics_is_scipys_over_swapped_ranks(statistic: StatisticName) -> None:
    own, base, gold = drawn(12, items=40)
    held = (gold > 3).astype(float) if statistic == "AP" else gold
    ranks = [np.unique(values, return_inverse=True)[1].astype(float) for values in (own, base)]
    ranks = [np.array([(values < each).sum() + ((values == each).sum() + 1) / 2 for each in values]) for values in ranks]
    theirs = permutation_test(
        ranks, lambda x, y: score_of(statistic, x, held) - score_of(statistic, y, held), permutation_type="samples", n_resamples=2000, rng=1
    )
    assert permutation_p(statistic, own, base, held, seed=0) == pytest.approx(theirs.pvalue, abs=0.035)


def test_the_scale_of_one_systems_cosines_changes_no_p() -> None:
    own, base, gold = drawn(13)
    assert permutation_p("Spearman", own, base / 100 + 5, gold, seed=0) == permutation_p("Spearman", own, base, gold, seed=0)


def test_without_a_difference_few_p_values_are_small() -> None:
    rng = np.random.default_rng(14)
    zeros, values = NO_GOLD.repeat(25), [rng.random((2, 25)) for _ in range(200)]
    small = [permutation_p("mean", own, base, zeros, seed=0, resamples=400) < 0.05 for own, base in values]
    assert 0.01 <= np.mean(small) <= 0.1


def test_holm_is_the_one_worked_out_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []


# The result


class Bench:
    """A result put together by hand: what every reference scores for every item of every task."""

    def __init__(self) -> None:
        self.tasks: list[BenchedTask] = []
        self.references: list[BenchedReference] = []
        self.values: dict[tuple[str, str], list[float]] = {}

    def task(self, name: str, domain: str | None = "legal", role: TaskRole = "domain") -> None:
        self.tasks.append(
            BenchedTask(
                name=name,
                type="Retrieval",
                split="test",
                revision="r",
                items=4,
                item="queries",
                role=role,
                domain=domain,
                main_metric="nDCG@10",
                shown=("nDCG@10", "R@100"),
                statistic="mean",
            )
        )

    def reference(self, name: str, *scores: list[float], base: str | None = "base", **more: object) -> None:
        own = BenchedReference(name=name, base=base, description="d", revision="r", precision="fp32", max_tokens=8)
        self.references.append(replace(own, **more))  # type: ignore[arg-type]
        self.values |= {(task.name, name): values for task, values in zip(self.tasks, scores, strict=True)}

    def result(self) -> BenchResult:
        scores = tuple(
            Score(
                task=task,
                reference=reference,
                metrics={"nDCG@10": statistics.fmean(values), "R@100": 1.0},
                truncated=0,
                seconds=0.0,
                item_metric="nDCG@10",
                items={f"q{row}": value for row, value in enumerate(values)},
            )
            for (task, reference), values in self.values.items()
        )
        return BenchResult(tasks=tuple(self.tasks), references=tuple(self.references), scores=scores, mteb_version="0")

    def cells(self) -> dict[tuple[str, str], Resampled]:
        zeros = NO_GOLD.repeat(4)
        return {
            key: Resampled(statistics.fmean(values), resampled_scores("mean", np.array(values), zeros, seed=len(key[0])))
            for key, values in self.values.items()
        }


def three_domains() -> Bench:
    """Over two legal tasks, the parent gains 0.2 and 0.4, and the merge 0.1 and 0.35; on the general one they lose 0.05 and 0.02."""
    bench = Bench()
    bench.task("a")
    bench.task("bc")
    bench.task("def", None, "general")
    flat = [0.5, 0.5, 0.5, 0.5]
    bench.reference("base", [0.1, 0.2, 0.3, 0.4], [0.2, 0.3, 0.2, 0.3], flat, base=None, kind="base")
    bench.reference("legal@1", [0.3, 0.4, 0.5, 0.6], [0.6, 0.7, 0.6, 0.7], [0.45] * 4, domain="legal")
    bench.reference("medical@1", [0.1, 0.2, 0.3, 0.4], [0.2, 0.3, 0.2, 0.3], flat, domain="medical")
    bench.reference(
        "both@1", [0.2, 0.3, 0.4, 0.5], [0.5, 0.7, 0.5, 0.7], [0.48] * 4, kind="merge", parents=("legal@1", "medical@1", "gone@1")
    )
    return bench


def test_the_named_columns_are_those_worked_out_by_hand() -> None:
    bench = three_domains()
    base, legal, medical, both = summarize(bench.result(), bench.cells())
    assert (base.domain_mean, base.general_mean, base.gain, base.forgetting) == pytest.approx((0.25, 0.5, None, None))
    assert (legal.domain_mean, legal.gain, legal.forgetting) == pytest.approx((0.55, 0.3, 0.05))
    assert (both.domain_mean, both.gain, both.general_mean, both.forgetting) == pytest.approx((0.475, 0.225, 0.48, 0.02))
    (kept,) = both.gain_kept
    assert (kept.parent, kept.tasks) == ("legal@1", ("a", "bc"))
    assert (kept.parent_gain, kept.difference, kept.share) == pytest.approx((0.3, -0.075, 0.75))
    assert kept.low is not None
    assert kept.high is not None
    assert kept.low < 0.75 < kept.high
    assert medical.gain_kept == legal.gain_kept == ()


def test_without_a_sure_gain_of_the_parent_the_difference_stands_alone() -> None:
    bench = Bench()
    bench.task("a")
    bench.reference("base", [0.5, 0.5, 0.5, 0.5], base=None)
    bench.reference("legal@1", [0.9, 0.2, 0.8, 0.3], domain="legal")  # +0.05 on average, and as often down as up
    bench.reference("both@1", [0.6, 0.6, 0.6, 0.6], parents=("legal@1",))
    (kept,) = summarize(bench.result(), bench.cells())[2].gain_kept
    assert (kept.share, kept.low, kept.high) == (None, None, None)
    assert (kept.parent_gain, kept.difference) == pytest.approx((0.05, 0.05))


def test_over_another_base_than_the_parents_there_is_no_share() -> None:
    bench = Bench()
    bench.task("a")
    bench.reference("base", [0.1, 0.1, 0.1, 0.1], base=None)
    bench.reference("other", [0.2, 0.2, 0.2, 0.2], base=None)
    bench.reference("legal@1", [0.5, 0.5, 0.5, 0.5], base="other", domain="legal")
    bench.reference("both@1", [0.4, 0.4, 0.4, 0.4], parents=("legal@1",))
    (kept,) = summarize(bench.result(), bench.cells())[3].gain_kept
    assert kept.share is None
    assert (kept.parent_gain, kept.difference) == pytest.approx((0.3, -0.1))


def test_of_a_task_and_its_unseen_rest_only_the_whole_counts() -> None:
    bench = Bench()
    bench.task("a")
    bench.task("a (unseen)")
    bench.reference("base", [0.2] * 4, [0.9] * 4, base=None)
    assert summarize(bench.result(), bench.cells())[0].domain_mean == pytest.approx(0.2)


def test_seeds_of_one_group_are_put_together() -> None:
    bench = Bench()
    bench.task("a")
    bench.reference("base", [0.5] * 4, base=None)
    for version, score in enumerate((0.6, 0.8, 0.7), start=1):
        bench.reference(f"legal@{version}", [score] * 4, seeds=SeedGroup(group="g", of=3))
    bench.reference("other@1", [0.9] * 4, seeds=SeedGroup(group="h", of=3))
    (group,) = spread_over_seeds(bench.result())
    assert (group.group, group.of, group.members) == ("g", 3, ("legal@1", "legal@2", "legal@3"))
    (spread,) = group.tasks
    assert (spread.mean, spread.deviation, spread.least, spread.greatest) == pytest.approx((0.7, 0.1, 0.6, 0.8))


# From scores to judgements


def assessed(values: dict[str, list[float]], **background: object) -> BenchResult:
    """A retrieval task `law` with as many queries as there are values, assessed."""
    count = len(next(iter(values.values())))
    queries = {f"q{row}": f"query {row}" for row in range(count)}
    task = retrieval_task("law", {"p": "passage"}, Pairs(queries, {qid: {"p": 1} for qid in queries}))
    benched = BenchedTask(name="law", type="Retrieval", split="test", revision="r", items=count, item="queries")
    references, scores = [], []
    for name, own in values.items():
        base = None if name == "base" else "base"
        references.append(BenchedReference(name=name, base=base, description="d", revision=name, precision="fp32", max_tokens=8))
        metrics = {"nDCG@10": statistics.fmean(own), "R@100": 1.0, "RR@10": 0.5}
        items = dict(zip(queries, own, strict=False))
        scores.append(Score(task="law", reference=name, metrics=metrics, truncated=0, seconds=0.0, item_metric="nDCG@10", items=items))
    result = BenchResult(tasks=(benched,), references=tuple(references), scores=tuple(scores), mteb_version="0")
    return assess(result, [task], Background(**background))  # type: ignore[arg-type]


def interval_in(result: BenchResult, reference: str) -> Interval:
    found = result.score("law", reference).interval
    assert found is not None
    return found


def test_a_clear_gain_is_starred_and_noise_is_not() -> None:
    rng = np.random.default_rng(15)
    base = rng.random(50) / 2
    result = assessed({"base": list(base), "good@1": list(base + 0.2 + rng.normal(0, 0.05, 50)), "same@1": list(rng.permutation(base))})
    good, same = interval_in(result, "good@1"), interval_in(result, "same@1")
    assert result.score("law", "base").interval is None
    assert good.significant
    assert not same.significant
    assert good.low is not None
    assert good.low > 0.15
    assert good.p_holm == pytest.approx(2 * good.p)  # the smaller of two
    assert good.metric == "nDCG@10"
    lines = table_text(result).splitlines()
    assert next(line for line in lines if "good@1" in line).split()[5] == "*"
    assert "*" not in next(line for line in lines if "same@1" in line)
    assert any("corrected by Holm for 2 comparisons" in line for line in lines)


def test_adding_a_reference_changes_no_interval_of_the_others() -> None:
    rng = np.random.default_rng(16)
    values = {name: list(rng.random(20)) for name in ("base", "one@1", "two@1")}
    both, alone = assessed(values), assessed({name: values[name] for name in ("base", "two@1")})
    assert replace(interval_in(both, "two@1"), p_holm=None) == replace(interval_in(alone, "two@1"), p_holm=None)


def test_items_that_cannot_be_paired_give_no_interval_and_the_reason() -> None:
    result = assessed({"base": [0.1, 0.2, 0.3], "short@1": [0.4, 0.5]})
    found = interval_in(result, "short@1")
    assert (found.low, found.p, found.significant) == (None, None, False)
    assert found.difference == pytest.approx(0.25)
    assert found.method == "none: the two were not scored on the same queries"
    assert "law: no interval: the two were not scored on the same queries" in table_text(result)


def test_one_query_gives_no_interval() -> None:
    assert interval_in(assessed({"base": [0.1], "one@1": [0.4]}), "one@1").method == "none: 1 queries; at least 2 are needed"


def test_an_assessed_result_is_json() -> None:
    result = assessed({"base": [0.1, 0.2, 0.3], "one@1": [0.4, 0.5, 0.5]})
    told = json.loads(json.dumps(result.as_dict(items=True)))
    assert [each["interval"] for each in told["scores"]] == [None, asdict(interval_in(result, "one@1"))]
    assert [each["items"] for each in told["scores"]] == [dict(each.items) for each in result.scores]
    assert "gold" not in result.as_dict()["tasks"][0]


def test_tables_fit_into_100_columns_whatever_the_names() -> None:
    bench = three_domains()
    result = bench.result()
    named = replace(result, summary=summarize(result, bench.cells()))
    text = table_text(named)
    assert max(map(len, text.splitlines())) <= 100
    assert "legal@1: 75%" in text
    assert "both@1: bench gone@1 beside it" in text
    assert "…" not in text


def test_asked_metrics_stand_beside_the_main_one() -> None:
    values = {"base": [0.1, 0.2]}
    assert assessed(values).tasks[0].shown == ("nDCG@10", "R@100", "RR@10")
    assert assessed(values, metrics=("R@100",)).tasks[0].shown == ("nDCG@10", "R@100")


# Roles


LEGAL = Domain(name="legal", description={}, sample="legal", tasks={"en": ("AILAStatutes",)}, general_tasks={"en": ("SciFact",)})
OWN = Domain(name="patents", description={}, tasks={"en": ("SciFact",)})


@pytest.mark.parametrize(
    "task, own, expected",
    [
        ("AILAStatutes", (), ("domain", "legal")),
        ("SciFact", (), ("general", None)),
        ("sample-legal-en", (), ("domain", "legal")),
        ("legal-contracts", (), ("domain", "legal")),
        ("legally", (), ("domain", None)),
        ("mine", (), ("domain", None)),
        ("mine", ("tax",), ("domain", "tax")),
        ("mine", ("tax", "legal"), ("domain", None)),
        ("tax_2024", ("tax", "legal"), ("domain", "tax")),
        ("given", ("tax",), ("general", None)),
    ],
)
def test_a_task_counts_toward_what_its_file_or_its_name_says(task: str, own: tuple[str, ...], expected: tuple[str, str | None]) -> None:
    assert role_of(task, [LEGAL], own, {"given"}) == expected


def test_a_domain_that_lists_a_general_task_as_its_own_has_it() -> None:
    assert role_of("SciFact", [OWN, LEGAL], (), ()) == ("domain", "patents")
