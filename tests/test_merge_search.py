"""The search for weights and the curve: known best weights, the constraint, what is encoded how often, and that it can be done again."""

import dataclasses
import json
import math
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from adapt_embed.adapters.evaluation import make_dev_set
from adapt_embed.base import Base
from adapt_embed.choices import Role
from adapt_embed.cli.merge_text import curve_tables, search_table
from adapt_embed.data import TrainingData, dev_set
from adapt_embed.data.dev_set import DevSet
from adapt_embed.data.sentence_pairs import SentencePairs
from adapt_embed.encoders import Encoded, LoraEncoder
from adapt_embed.errors import ConfigError, DataError, MissingExtraError
from adapt_embed.label_metrics import spearman
from adapt_embed.lora import LoraFactors, LoraModule, RankPolicy
from adapt_embed.merge import METHODS, MergeConfig, MethodSettings
from adapt_embed.merge.search.candidates import LEAST_DENSITY, MAX_WEIGHT, Candidates
from adapt_embed.merge.search.compass import compass_search
from adapt_embed.merge.search.curve import count_curve_points, trace_curve
from adapt_embed.merge.search.goal import MIN_GAIN, Goal
from adapt_embed.merge.search.plan import plan_measurements
from adapt_embed.merge.search.plot import check_plot, plot_curve
from adapt_embed.merge.search.probe import Probe, encoders_over
from adapt_embed.merge.search.task import LOSS_TEMPERATURE, SearchTask, draw_task
from adapt_embed.merge.search.weights import Evaluation, SearchResult, SearchSettings, search_weights, softmax_weights
from adapt_embed.registry.search_file import Curve, Measurement, Point
from scipy.stats import spearmanr

WORDS = ["rent", "law", "dose", "cure", "ship", "port", "tree", "leaf"]
EXACT = MergeConfig(ranks=RankPolicy(rank="full"))


class WordEncoder:
    """Documents are their words' axes; a query is its word's axis, moved by the update of the one module there is."""

    def __init__(self, factors: Mapping[str, LoraModule], log: list[tuple[str, int]]) -> None:
        self.moved = np.eye(len(WORDS), dtype=np.float32)
        for module in factors.values():
            self.moved += module.delta().numpy()
        self.log = log

    def encode(self, texts: Sequence[str], role: Role = "document") -> Encoded:
        self.log.append((role, len(texts)))
        vectors = np.stack([np.eye(len(WORDS), dtype=np.float32)[WORDS.index(text)] for text in texts])
        if role == "query":
            vectors = vectors @ self.moved.T
        return Encoded(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.zeros(len(texts), np.bool_))


def moving(*moves: tuple[str, str], by: float = 2.0) -> LoraFactors:
    """Factors that move queries of one word towards documents of another."""
    delta = torch.zeros(len(WORDS), len(WORDS))
    for source, target in moves:
        delta[WORDS.index(target), WORDS.index(source)] = by
    return {"w": LoraModule(torch.eye(len(WORDS)), delta, 1.0)}


def asking(name: str, query: str, answer: str) -> SearchTask:
    return SearchTask(name, DevSet({"q": query}, {word: word for word in WORDS}, {"q": {answer: 1}}))


LEGAL, MEDICAL = asking("法律", "rent", "law"), asking("医疗", "dose", "cure")
HELPS_LEGAL, HELPS_MEDICAL, HARMS_LEGAL = moving(("rent", "law")), moving(("dose", "cure")), moving(("rent", "ship"), by=4.0)


def make_probe(*tasks: SearchTask, pairs: SentencePairs | None = None) -> tuple[Probe, list[tuple[str, int]]]:
    log: list[tuple[str, int]] = []
    return Probe(lambda factors: WordEncoder(factors, log), tasks or (LEGAL, MEDICAL), pairs), log


def run_search(
    parents: Sequence[LoraFactors], *tasks: SearchTask, config: MergeConfig = EXACT, pairs: SentencePairs | None = None, **settings: float
) -> SearchResult:
    names = [f"p{row}" for row in range(len(parents))]
    settings = {"tolerance": 2.0} | settings  # wide: no general score forbids anything
    return search_weights(Candidates(parents, names, config), make_probe(*tasks, pairs=pairs)[0], SearchSettings(**settings))  # type: ignore[arg-type]


def measured(ndcg: Sequence[float], general: float = 0.8, loss: float = 0.0) -> Measurement:
    return Measurement(
        ndcg={f"d{row}": value for row, value in enumerate(ndcg)}, loss={f"d{row}": loss for row in range(len(ndcg))}, general=general
    )


# Tasks


def test_a_drawn_task_is_the_dev_set_of_training(toy_data: TrainingData, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dev_set, "MAX_DISTRACTORS", 5)
    few = dataclasses.replace(toy_data, dev=toy_data.dev.select(sorted(toy_data.dev.queries)[:3]))
    task = draw_task("toy", few.corpus, few.dev)
    assert task.dev == make_dev_set(few)
    assert task.describe() == f"toy: 3 dev queries over {len(task.dev.passages)} passages"


def test_a_task_with_nothing_to_ask_or_find_is_refused() -> None:
    with pytest.raises(DataError, match="law holds 0 dev queries and 1 passage"):
        SearchTask("law", DevSet({}, {"p": "text"}, {}))
    with pytest.raises(DataError, match="query 'q' is answered by none of the passages"):
        SearchTask("law", DevSet({"q": "text"}, {"p": "text"}, {"q": {"other": 1}}))


def test_the_loss_by_hand_leaves_other_positives_out() -> None:
    task = SearchTask("law", DevSet({"q": "?"}, {"a": "", "b": "", "c": ""}, {"q": {"a": 1, "b": 2}}))
    cosines = np.array([0.9, 0.5, 0.4], np.float32)
    passages = np.eye(3, dtype=np.float32)
    expected = math.log(math.exp(0.5 / LOSS_TEMPERATURE) + math.exp(0.4 / LOSS_TEMPERATURE)) - 0.5 / LOSS_TEMPERATURE
    assert task.loss(cosines[None], passages) == pytest.approx(expected, rel=1e-5)


# The probe


def test_a_measurement_by_hand() -> None:
    probe, _ = make_probe()
    base, merged = probe.measure({}), probe.measure(HELPS_LEGAL)
    assert base.general == pytest.approx(1)
    assert merged.ndcg["法律"] == 1
    assert merged.ndcg["医疗"] == base.ndcg["医疗"]
    cosine = 1 / math.sqrt(5)  # of (1, 2) with (1, 0); the other query and the eight documents stay
    assert merged.general == pytest.approx((cosine + 9) / 10, rel=1e-6)
    assert merged.loss["法律"] < base.loss["法律"]


def test_the_general_score_on_pairs_is_spearmans() -> None:
    pairs = SentencePairs(["rent", "rent", "law"], ["rent", "law", "law"], [5.0, 1.0, 4.0])
    assert make_probe(pairs=pairs)[0].measure({}).general == pytest.approx(math.sqrt(0.75))  # ranks 2.5, 1, 2.5 with 3, 1, 2
    assert make_probe(pairs=pairs)[0].general_kind == "spearman"
    assert make_probe()[0].general_kind == "closeness"
    with pytest.raises(DataError, match="2 sentence pairs have 1 different similarities"):
        make_probe(pairs=SentencePairs(["rent", "law"], ["law", "rent"], [1.0, 1.0]))


def test_spearman_is_scipys() -> None:
    draw = np.random.default_rng(0)
    x, y = draw.integers(0, 6, 40).astype(float), draw.integers(0, 6, 40).astype(float)
    assert spearman(x, y) == pytest.approx(spearmanr(x, y).statistic)
    assert spearman(x, np.ones(40)) == 0


def test_the_same_factors_are_encoded_once_and_zero_ones_are_the_base() -> None:
    probe, log = make_probe()
    first = probe.measure(HELPS_LEGAL)
    copy = {"w": LoraModule(HELPS_LEGAL["w"].a.clone(), HELPS_LEGAL["w"].b.clone(), 1.0)}
    assert probe.measure(copy) is first
    assert probe.measure({"w": LoraModule(torch.zeros(1, 8), torch.zeros(8, 1), 1.0)}) is probe.measure({})
    assert probe.encodings == 2  # the base's vectors, which closeness asked for, served the base's own measurement
    assert log == [("query", 1), ("query", 1), ("document", 8)] * 2  # each domain's new texts by themselves


def test_a_text_of_several_domains_is_encoded_once() -> None:
    probe, log = make_probe(LEGAL, asking("twice", "rent", "law"), pairs=SentencePairs(["rent", "law"], ["law", "law"], [0, 1]))
    probe.measure({})
    assert log == [("query", 1), ("document", 8)]
    assert probe.text_count == 9


def test_domains_must_be_some_and_differ() -> None:
    with pytest.raises(ConfigError, match="expected at least one, each with its own name"):
        make_probe(LEGAL, LEGAL)
    with pytest.raises(ConfigError, match="the domains are none"):
        Probe(lambda factors: WordEncoder(factors, []), [])


# Start and goal


def test_the_start_is_the_softmax_of_the_losses_by_hand() -> None:
    parents = [Measurement(ndcg={}, loss={"a": 1.0, "b": 3.0}, general=0), Measurement(ndcg={}, loss={"a": 0.0, "b": 1.0}, general=0)]
    one, two = math.exp(-2.0 / 5), math.exp(-0.5 / 5)  # mean losses 2 and 0.5
    assert softmax_weights(parents, 5.0) == pytest.approx((one / (one + two), two / (one + two)))
    far = [dataclasses.replace(parents[0], loss={"a": 1e6}), parents[1]]
    assert softmax_weights(far, 1e-3) == (0, 1)


def test_the_score_is_the_share_of_the_best_parents_gain() -> None:
    goal = Goal.of(measured([0.4, 0.5, 0.6]), [measured([0.6, 0.4, 0.6]), measured([0.5, 0.5, 0.6 + MIN_GAIN / 2])], "spearman", 0.003)
    merged = measured([0.55, 0.52, 0.58])
    assert goal.gain_kept("d0", merged) == pytest.approx(0.75)
    assert goal.gain_kept("d1", merged) is None  # no parent gains
    assert goal.gain_kept("d2", merged) is None  # too little to speak of
    assert goal.score(merged) == pytest.approx((0.75 + 0.02 - 0.02) / 3)


def test_what_one_domain_gains_beyond_its_parents_makes_up_for_no_other() -> None:
    goal = Goal.of(measured([0.4, 0.4]), [measured([0.6, 0.4]), measured([0.4, 0.41])], "spearman", 0.003)
    even, uneven = measured([0.56, 0.408]), measured([0.5, 0.43])
    assert goal.gain_kept("d1", uneven) == pytest.approx(3)
    assert goal.score(even) == pytest.approx(0.8)
    assert goal.score(uneven) == pytest.approx(0.75)
    assert goal.rank(even) > goal.rank(uneven)


def test_among_points_that_keep_every_gain_more_is_better() -> None:
    goal = Goal.of(measured([0.4]), [measured([0.6])], "spearman", 0.003)
    kept, more = measured([0.6], 0.9), measured([0.65], 0.8)
    assert goal.score(kept) == goal.score(more) == 1
    assert goal.rank(more) > goal.rank(kept)


def test_the_floor_is_below_the_base_or_below_the_farthest_parent() -> None:
    parents = [measured([0.5], 0.7), measured([0.5], 0.9)]
    assert Goal.of(measured([0.4], 0.8), parents, "spearman", 0.003).floor == pytest.approx(0.797)
    assert Goal.of(measured([0.4], 1.0), parents, "closeness", 0.003).floor == pytest.approx(0.697)


def test_what_is_allowed_comes_before_what_is_not() -> None:
    goal = Goal.of(measured([0.4]), [measured([0.6])], "spearman", 0.003)
    poor, good, better, worse = measured([0.5]), measured([0.6], 0.79), measured([0.6], 0.7), measured([0.7], 0.6)
    assert goal.allows(poor)
    assert not goal.allows(good)
    assert goal.rank(poor) > goal.rank(good) > goal.rank(better) > goal.rank(worse)


# The compass


def test_the_compass_finds_the_top_of_a_hill() -> None:
    def around(point: tuple[float, float], step: float) -> list[tuple[float, float]]:
        return [(point[0] + x * step, point[1] + y * step) for x, y in ((1, 0), (-1, 0), (0, 1), (0, -1))]

    def height(point: tuple[float, float]) -> tuple[float, ...]:
        return (-((point[0] - 0.6) ** 2) - (point[1] + 0.2) ** 2,)

    best = compass_search([(0.0, 0.0), (1.0, 1.0)], around, height, budget=200, seed=0)
    assert best == pytest.approx((0.6, -0.2), abs=0.04)


def test_the_compass_evaluates_no_point_twice_and_keeps_to_the_budget() -> None:
    seen: list[int] = []

    def evaluate(point: int) -> tuple[float, ...]:
        seen.append(point)
        return (-abs(point - 3.0),)

    assert compass_search([0, 0], lambda point, step: [point + 1, point - 1], evaluate, budget=100, seed=1) == 3
    assert len(seen) == len(set(seen)) < 100
    seen.clear()
    compass_search([0], lambda point, step: [point + 1, point - 1], evaluate, budget=2, seed=1)
    assert len(seen) == 2


# The search


def test_the_weight_goes_to_the_parent_that_helps() -> None:
    result = run_search([HELPS_LEGAL, HARMS_LEGAL], LEGAL)
    helps, harms = result.best.point.weights
    assert result.goal.parents[0].ndcg["法律"] == result.best.measurement.ndcg["法律"] == 1
    assert result.goal.parents[1].ndcg["法律"] < 1
    assert result.best.score == 1
    assert 2 * helps > max(1, 4 * harms)  # the moved query is nearest to its answer
    uniform = next(each for each in result.evaluations if each.point.weights == (0.5, 0.5))
    assert uniform.score < 1


def test_both_gains_are_kept_where_they_can_be() -> None:
    result = run_search([HELPS_LEGAL, HELPS_MEDICAL])
    assert result.best.measurement.ndcg == {"法律": 1, "医疗": 1}
    assert result.best.score == 1


def test_the_constraint_bites() -> None:
    strong = moving(("rent", "law"), by=8.0)
    free, held = (run_search([strong, moving(("rent", "law"), by=1.2)], LEGAL, tolerance=tolerance) for tolerance in (2.0, 0.0))
    assert held.goal.floor == min(parent.general for parent in held.goal.parents)
    assert held.best.is_allowed
    assert held.best.measurement.general >= held.goal.floor
    assert free.goal.floor < 0
    assert any(not each.is_allowed for each in held.evaluations)  # 1 each is farther off than either parent
    assert all(each.is_allowed for each in free.evaluations)


def test_a_search_that_finds_nothing_allowed_says_so_and_comes_nearest() -> None:
    class Drifting(WordEncoder):
        """Documents lose what the pairs ask for with every update."""

        def encode(self, texts: Sequence[str], role: Role = "document") -> Encoded:
            vectors = super().encode(texts, role).vectors
            drift = float(np.abs(self.moved - np.eye(len(WORDS))).sum())
            vectors[:, 0] += 0.05 * drift * np.arange(len(texts)) ** 2
            return Encoded(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.zeros(len(texts), np.bool_))

    pairs = SentencePairs(["rent", "law", "dose", "cure"], ["rent", "law", "cure", "dose"], [5.0, 5.0, 0.0, 0.0])
    probe = Probe(lambda factors: Drifting(factors, []), [LEGAL], pairs)
    result = search_weights(Candidates([HELPS_LEGAL], ["a"], EXACT), probe, SearchSettings(tolerance=0, evaluations=3))
    assert not result.best.is_allowed
    assert result.best.measurement.general == max(each.measurement.general for each in result.evaluations)
    assert result.as_dict()["is_allowed"] is False


def test_the_same_seed_gives_the_same_search_and_budget_is_kept() -> None:
    parents = [HELPS_LEGAL, HELPS_MEDICAL, HARMS_LEGAL]
    first, again, other = (run_search(parents, seed=seed, evaluations=12) for seed in (0, 0, 1))
    assert first == again
    assert [each.point for each in first.evaluations] != [each.point for each in other.evaluations]
    assert len(first.evaluations) <= 12
    points = [each.point for each in first.evaluations]
    assert len(set(points)) == len(points)


def test_an_input_that_is_better_alone_is_named() -> None:
    result = run_search(
        [HELPS_LEGAL, HARMS_LEGAL], LEGAL, config=MergeConfig(weights=(0.5, 0.5), ranks=RankPolicy(rank="full")), evaluations=1
    )
    assert result.best.measurement.ndcg["法律"] < 1
    assert result.better_alone[0] == "p0"
    assert [(short.domain, short.input, short.alone, short.merged) for short in result.shortfalls] == [
        ("法律", "p0", 1.0, result.best.measurement.ndcg["法律"])
    ]
    told = result.as_dict()
    assert told["better_alone"] == list(result.better_alone)
    assert told["shortfalls"][0]["input"] == "p0"


def test_a_merge_as_good_as_its_inputs_names_none() -> None:
    result = run_search([HELPS_LEGAL, HELPS_MEDICAL])
    assert result.best.measurement.ndcg == {"法律": 1, "医疗": 1}
    assert (result.better_alone, result.shortfalls) == ((), ())


def test_a_domain_may_lose_though_the_merge_is_the_best_by_the_goal() -> None:
    goal = Goal(base=measured((0.2, 0.2)), parents=(measured((0.6, 0.2)), measured((0.2, 0.6))), floor=0)
    merged = measured((0.5, 0.5))
    assert not any(goal.is_better(parent, merged) for parent in goal.parents)
    assert goal.is_better(merged, goal.base)


def test_an_input_below_the_floor_is_not_better_and_any_above_it_is_better_than_a_merge_below() -> None:
    goal = Goal(base=measured((0.2,), 0.8), parents=(measured((0.6,), 0.5),), floor=0.79)
    assert not goal.is_better(goal.parents[0], measured((0.3,), 0.8))
    assert goal.is_better(goal.base, measured((0.5,), 0.7))


def test_what_was_measured_costs_nothing_again() -> None:
    probe, _ = make_probe()
    candidates = Candidates([HELPS_LEGAL, HELPS_MEDICAL], ["a", "b"], EXACT)
    result = search_weights(candidates, probe, SearchSettings(evaluations=8, tolerance=2))
    assert probe.encodings == 3 + len(result.evaluations)
    before = probe.encodings
    assert search_weights(candidates, probe, SearchSettings(evaluations=8, tolerance=2)) == result
    assert probe.encodings == before


def test_progress_is_told_with_the_best_so_far() -> None:
    told: list[tuple[int, int, Evaluation | None]] = []
    candidates = Candidates([HELPS_LEGAL, HARMS_LEGAL], ["a", "b"], EXACT)
    result = search_weights(candidates, make_probe(LEGAL)[0], SearchSettings(evaluations=6, tolerance=2), lambda *state: told.append(state))
    assert [done for done, _, _ in told] == list(range(1, 4 + len(result.evaluations)))
    assert {total for _, total, _ in told} == {9}
    assert [best for _, _, best in told[:3]] == [None] * 3
    scores = [best.score for _, _, best in told[3:] if best]
    assert scores == sorted(scores)
    assert told[-1][2] == result.best


def test_the_given_weights_are_a_start_and_the_start_is_told() -> None:
    config = dataclasses.replace(EXACT, weights=(0.9, 0.1))
    result = run_search([HELPS_LEGAL, HARMS_LEGAL], LEGAL, config=config, evaluations=4)
    assert [each.point.weights for each in result.evaluations[:3]] == [(0.9, 0.1), result.start.weights, (0.5, 0.5)]
    assert result.start.weights == tuple(round(weight, 3) for weight in softmax_weights(result.goal.parents, 5.0))
    assert result.start.weights[0] > 0.5


def test_density_is_searched_where_the_method_reads_it() -> None:
    settings = MethodSettings(density=0.4)
    ties = run_search(
        [HELPS_LEGAL, HARMS_LEGAL], LEGAL, config=dataclasses.replace(EXACT, method="ties", settings=settings), evaluations=40
    )
    assert ties.evaluations[0].point.density == 0.4
    assert len({each.point.density for each in ties.evaluations}) > 1
    assert {each.point.density for each in run_search([HELPS_LEGAL], LEGAL).evaluations} == {None}


def test_neighbours_stay_within_their_bounds() -> None:
    config = MergeConfig(method="ties")
    candidates = Candidates([HELPS_LEGAL, HARMS_LEGAL], ["a", "b"], config)
    point = Point((MAX_WEIGHT, 0.0), LEAST_DENSITY)
    around = candidates.neighbours(point, 0.25)
    assert around == [
        point,
        Point((MAX_WEIGHT - 0.25, 0), LEAST_DENSITY),
        Point((MAX_WEIGHT, 0.25), LEAST_DENSITY),
        point,
        point,
        Point((MAX_WEIGHT * 0.75, 0), LEAST_DENSITY),
        Point((MAX_WEIGHT, 0), LEAST_DENSITY + 0.25),
        point,
    ]
    tiny = Point((0.05, 0.0), 0.5)
    assert candidates.neighbours(tiny, 0.25)[4:6] == [tiny, tiny]  # a quarter of little is no step
    small = Point((0.1,), None)
    assert Candidates([HELPS_LEGAL], ["a"], EXACT).neighbours(small, 0.25)[1] == small  # not 0: that is the base


def test_the_weights_that_are_told_are_those_that_were_merged() -> None:
    result = run_search([HELPS_LEGAL, HARMS_LEGAL], LEGAL)
    candidates = Candidates([HELPS_LEGAL, HARMS_LEGAL], ["a", "b"], EXACT)
    values = json.loads(json.dumps(result.as_dict(), ensure_ascii=False))
    again = make_probe(LEGAL)[0].measure(candidates.merge(candidates.point(values["weights"], values["density"])))
    assert again.ndcg["法律"] == values["domains"]["法律"]["merged"]
    assert values["domains"]["法律"]["parents"] == [parent.ndcg["法律"] for parent in result.goal.parents]
    assert (values["general"]["floor"], values["score"]) == (result.goal.floor, result.best.score)
    assert candidates.config(result.best.point).weights == tuple(values["weights"])


def test_settings_out_of_range_are_refused() -> None:
    for setting, message in (({"evaluations": 0}, "at least 1"), ({"tolerance": -0.1}, "0 or more"), ({"temperature": 0}, "above 0")):
        with pytest.raises(ConfigError, match=message):
            SearchSettings(**setting)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="2 weights"):
        Candidates([HELPS_LEGAL], ["a"], MergeConfig(weights=(1, 1)))
    with pytest.raises(ConfigError, match="nothing to merge"):
        Candidates([], [], EXACT)


def test_what_cannot_be_merged_is_refused_before_anything_is_encoded() -> None:
    candidates = Candidates([HELPS_LEGAL] * 3, ["a", "b", "c"], MergeConfig(method="slerp"))
    probe, log = make_probe()
    for start in (search_weights, trace_curve):
        with pytest.raises(ConfigError, match="slerp merges 2"):
            start(candidates, probe)
    assert log == []


@pytest.mark.parametrize("method", [name for name, method in METHODS.items() if not method.needs_gram])
def test_every_method_can_be_searched_and_traced(method: str) -> None:
    probe, _ = make_probe()
    candidates = Candidates([HELPS_LEGAL, HELPS_MEDICAL], ["a", "b"], MergeConfig(method=method))
    result = search_weights(candidates, probe, SearchSettings(evaluations=12, tolerance=2))
    scores = [each.score for each in result.evaluations]
    assert np.isfinite(scores).all()
    assert result.best.score == max(scores)
    points = trace_curve(candidates, probe, result.best.point, steps=3).lines[0].points
    assert all(0 <= value <= 1 for each in points for value in each.measurement.ndcg.values())


def test_the_plan_tells_what_is_measured() -> None:
    probe, _ = make_probe()
    candidates = Candidates([HELPS_LEGAL, HELPS_MEDICAL], ["a", "b"], EXACT)
    plan = plan_measurements(candidates, probe, SearchSettings().measurements(2) + count_curve_points(2))
    assert (plan.measurements, plan.texts) == (1 + 2 + 24 + 11, 10)
    assert plan.seconds > 0
    assert "at most 38 measurements of 10 texts each" in plan.describe()
    assert "法律: 1 dev query over 8 passages" in plan.describe()
    assert probe.encodings == 0


def test_the_table_names_the_base_the_parents_the_start_and_the_choice() -> None:
    result = run_search([HELPS_LEGAL, HARMS_LEGAL], LEGAL)
    table = search_table(result)
    assert [row[0] for row in table.rows] == ["base", "p0", "p1", "softmax of losses", "chosen"]
    assert table.headings == ("", "weights", "法律", "closeness to the base", "gain kept")
    assert table.rows[1][-1] == "100.0%"
    assert table.rows[-1][1] == ", ".join(f"{weight:g}" for weight in result.best.point.weights)


# The curve


def trace(parents: Sequence[LoraFactors], **options: object) -> tuple[Curve, Probe]:
    probe, _ = make_probe()
    names = ["a", "b", "c"][: len(parents)]
    return trace_curve(Candidates(parents, names, EXACT), probe, **options), probe  # type: ignore[arg-type]


def test_the_curve_of_two_ends_at_the_parents_alone() -> None:
    curve, probe = trace([HELPS_LEGAL, HELPS_MEDICAL])
    (line,) = curve.lines
    assert [each.point.weights for each in line.points] == [(row / 10, round(1 - row / 10, 3)) for row in range(11)]
    for end, parent in ((line.points[0], HELPS_MEDICAL), (line.points[-1], HELPS_LEGAL)):
        alone = probe.measure(parent)
        assert end.measurement == alone
    assert curve.base == probe.measure({})


@pytest.mark.parametrize("method", ["linear", "ties", "iso_c"])
def test_the_ends_of_a_curve_are_the_parents_whatever_rank_and_method_do_to_merges(method: str) -> None:
    candidates = Candidates([HELPS_LEGAL, HELPS_MEDICAL], ["a", "b"], MergeConfig(method=method, ranks=RankPolicy(rank=1)))
    probe, _ = make_probe()
    points = trace_curve(candidates, probe, steps=3).lines[0].points
    assert points[0].measurement is probe.measure(HELPS_MEDICAL)
    assert points[2].measurement is probe.measure(HELPS_LEGAL)


def test_a_curve_of_scaled_merges_ends_at_the_scaled_parents() -> None:
    candidates = Candidates([HELPS_LEGAL, HELPS_MEDICAL], ["a", "b"], MergeConfig(with_base=0.1, ranks=RankPolicy(rank="full")))
    probe, _ = make_probe()
    end = trace_curve(candidates, probe, steps=2).lines[0].points[1].measurement
    assert end == probe.measure(candidates.merge(candidates.point((1, 0)))) != probe.measure(HELPS_LEGAL)


def test_the_curve_of_one_begins_at_the_base() -> None:
    curve, probe = trace([HELPS_LEGAL], steps=3)
    assert [each.point.weights for each in curve.lines[0].points] == [(0,), (0.5,), (1,)]
    assert curve.lines[0].points[0].measurement is curve.base
    assert curve.lines[0].points[-1].measurement.ndcg == probe.measure(HELPS_LEGAL).ndcg


def test_the_curve_of_three_goes_from_the_chosen_weights_to_each_parent() -> None:
    told: list[tuple[int, int]] = []
    curve, probe = trace(
        [HELPS_LEGAL, HELPS_MEDICAL, HARMS_LEGAL],
        chosen=Point((0.5, 0.4, 0.1)),
        steps=3,
        on_point=lambda done, total: told.append((done, total)),
    )
    assert [line.axis for line in curve.lines] == [f"from the chosen weights (0) to {name} alone (1)" for name in "abc"]
    assert [each.point.weights for each in curve.lines[1].points] == [(0.5, 0.4, 0.1), (0.25, 0.7, 0.05), (0, 1, 0)]
    assert told[-1] == (9, 9) == (count_curve_points(3, 3),) * 2
    assert probe.encodings == 1 + 7  # the base; the chosen weights are measured once
    assert curve.lines[0].points[0].measurement is curve.lines[2].points[0].measurement


def test_a_curve_of_one_step_is_refused() -> None:
    with pytest.raises(ConfigError, match="at least 2"):
        trace([HELPS_LEGAL], steps=1)


def test_the_curve_as_json_and_as_a_table() -> None:
    curve, _ = trace([HELPS_LEGAL, HELPS_MEDICAL], steps=3)
    values = json.loads(json.dumps(curve.as_dict(), ensure_ascii=False))
    assert values["lines"][0]["points"][1]["point"]["weights"] == [0.5, 0.5]
    assert values["lines"][0]["points"][2]["measurement"]["ndcg"]["法律"] == 1
    ((axis, table),) = curve_tables(curve)
    assert axis == "weight of a (b has the rest)"
    assert table.headings == ("x", "weights", "法律", "医疗", "closeness to the base")
    assert [row[:2] for row in table.rows] == [("base", ""), ("0.00", "0, 1"), ("0.50", "0.5, 0.5"), ("1.00", "1, 0")]


# The picture


def test_without_matplotlib_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.delitem(sys.modules, "matplotlib.figure", raising=False)
    with pytest.raises(MissingExtraError, match=re.escape('pip install "adapt-embed[plot]"')):
        plot_curve(trace([HELPS_LEGAL], steps=2)[0], tmp_path / "curve.svg")
    assert not list(tmp_path.iterdir())


def test_a_picture_of_another_kind_or_in_no_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"ends in .pdf; a picture is written as .svg or .png"):
        check_plot(tmp_path / "curve.pdf")
    with pytest.raises(ConfigError, match="does not exist"):
        check_plot(tmp_path / "none" / "curve.svg")


@pytest.mark.parametrize("suffix", [".svg", ".png"])
def test_the_picture_is_the_same_each_time(tmp_path: Path, suffix: str) -> None:
    pytest.importorskip("matplotlib", reason="the extra plot is not installed")
    curve, _ = trace([HELPS_LEGAL, HELPS_MEDICAL], steps=3)
    for name in ("one", "two"):
        plot_curve(curve, tmp_path / f"{name}{suffix}")
    one, two = ((tmp_path / f"{name}{suffix}").read_bytes() for name in ("one", "two"))
    assert one == two
    assert one.startswith(b"<?xml" if suffix == ".svg" else b"\x89PNG")


def test_names_that_no_font_here_has_become_numbers_in_a_png(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("matplotlib", reason="the extra plot is not installed")
    monkeypatch.setattr("adapt_embed.merge.search.plot._chinese_font", list)
    for file, domains in (("chinese.png", ("法律", "医疗")), ("numbered.png", ("domain 1", "domain 2"))):
        probe, _ = make_probe(*(dataclasses.replace(task, name=name) for task, name in zip((LEGAL, MEDICAL), domains, strict=True)))
        plot_curve(trace_curve(Candidates([HELPS_LEGAL], ["a"], EXACT), probe, steps=2), tmp_path / file)
    assert (tmp_path / "chinese.png").read_bytes() == (tmp_path / "numbered.png").read_bytes()


def test_the_picture_names_domains_axes_and_units(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="the extra plot is not installed")
    plot_curve(trace([HELPS_LEGAL, HELPS_MEDICAL, HARMS_LEGAL], steps=2)[0], tmp_path / "curve.svg")
    text = (tmp_path / "curve.svg").read_text(encoding="utf-8")
    for label in ("法律", "医疗", "nDCG@10 on dev", "closeness to the base (cosine", "from the chosen weights (0) to c alone (1)"):
        assert label in text
    assert "pyplot" not in {name.split(".")[-1] for name in sys.modules if name.startswith("matplotlib.")}


# The tiny base


def lora(seed: int) -> LoraFactors:
    draw = torch.Generator().manual_seed(seed)
    names = ("encoder.layer.0.attention.self.query", "encoder.layer.1.attention.output.dense")
    return {name: LoraModule(torch.randn(4, 32, generator=draw), torch.randn(32, 4, generator=draw), 0.2) for name in names}


def task_that_suits(encoder: LoraEncoder, data: TrainingData) -> SearchTask:
    """A dev set whose answers are what one adapter finds first."""
    assert data.dev is not None
    passages = list(data.corpus)
    found = (
        encoder.encode(list(data.dev.queries.values()), "query").vectors @ encoder.encode([data.corpus[pid] for pid in passages]).vectors.T
    )
    relevant = {qid: {passages[row]: 1} for qid, row in zip(data.dev.queries, found.argmax(1), strict=True)}
    return SearchTask("toy", DevSet(data.dev.queries, data.corpus, relevant))


def test_on_a_network_the_weight_goes_to_the_adapter_whose_answers_are_asked_for(loaded_tiny_base: Base, toy_data: TrainingData) -> None:
    encoder = LoraEncoder(loaded_tiny_base, precision="fp32")
    suited, other = lora(1), lora(2)
    task = task_that_suits(dataclasses.replace(encoder, factors=suited), toy_data)
    probe = Probe(encoders_over(encoder), [task])
    candidates = Candidates([suited, other], ["suited", "other"], MergeConfig())
    result = search_weights(candidates, probe, SearchSettings(evaluations=10))
    assert result.goal.parents[0].ndcg["toy"] == pytest.approx(1)
    assert result.goal.base.ndcg["toy"] < 0.9
    assert result.goal.parents[1].ndcg["toy"] < 0.9
    assert result.best.point.weights[0] > 2 * result.best.point.weights[1]
    assert result.best.score > max(each.score for each in result.evaluations if each.point.weights[0] <= each.point.weights[1])
    assert result.best.is_allowed
    curve = trace_curve(candidates, probe, result.best.point, steps=2)
    assert curve.lines[0].points[-1].measurement.ndcg["toy"] == pytest.approx(1, abs=0.02)  # at 99 % of the energy, as it would be saved
    np.testing.assert_array_equal(encoder.encode(["law"]).vectors, LoraEncoder(loaded_tiny_base, precision="fp32").encode(["law"]).vectors)
