"""Each metric of the report on a log of a few lines, whose values are counted by hand."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from adapt_embed.abtests.experiment.record import read_experiments
from adapt_embed.abtests.measures.answers import AnswerTable, gather_answers
from adapt_embed.abtests.measures.arms import Measured, compare_arms, measure_arms
from adapt_embed.abtests.measures.bots import ANSWERS_PER_HOUR, find_bots
from adapt_embed.abtests.measures.metrics import METRICS, metric_named
from adapt_embed.abtests.measures.outcomes import LONGEST_WAIT_S, Counting, outcomes_until
from adapt_embed.abtests.measures.preference import prefer
from adapt_embed.abtests.measures.segments import Segment, segments_of
from adapt_embed.abtests.statistics.sequential import fixed_p, is_ready

DAY = 86400.0


def gathered(folder: Path, log) -> AnswerTable:
    return gather_answers(log.write(folder), read_experiments(folder)[0])[0]


def measured(table: AnswerTable, moment: float = np.inf, stretch: np.ndarray | None = None, **counting) -> Measured:
    counted = Counting(**counting)
    return Measured(
        table=table,
        found=outcomes_until(table, moment, counted),
        is_counted=np.ones(len(table), bool),
        stretch=np.zeros(len(table), int) if stretch is None else stretch,
        counting=counted,
        arms=2,
    )


def values(name: str, of: Measured) -> list[float]:
    return [float(each.estimate.value) for each in measure_arms(metric_named(name), of)]


@pytest.fixture
def table(event_logs, tmp_path: Path) -> AnswerTable:
    """Three users of the first arm with five answers, and one of the other."""
    log = event_logs.Log()
    log.answer("a", 0, clicks=[2, 7], bought=[7], at=0, ms=10, query="合同 违约金")
    log.answer("a", 0, at=1000, ms=20, query="合同")
    log.answer("a", 0, clicks=[1], wait=5000, at=1200, ms=30, query="违约金")
    log.answer("b", 0, clicks=[4], bought=[4, 5], at=50, ms=40)
    log.answer("c", 0, at=60, ms=50)
    log.answer("d", 1, clicks=[1, 2, 3], bought=[1], at=70, ms=60)
    return gathered(tmp_path, log)


@pytest.mark.parametrize(
    ("name", "first", "other"),
    [
        ("ctr", 3 / 5, 1.0),
        ("conversion", 2 / 3, 1.0),
        ("conversion-answers", 2 / 5, 1.0),
        ("precision-clicks", (1 + 1 + 1) / 5 / 5, 3 / 5),
        ("precision-purchases", 2 / 5 / 5, 1 / 5),
        ("bought-in-k", 2 / 3, 1.0),
        ("mrr", (1 / 2 + 1 + 1 / 4) / 5, 1.0),
        ("abandoned", 2 / 5, 0.0),
        ("reformulated", 1 / 5, 0.0),
        ("time-to-click", (10 + LONGEST_WAIT_S + 10) / 3, 10.0),
        ("latency-p50", 30.0, 60.0),
        ("latency-p95", 48.0, 60.0),
    ],
)
def test_the_values_of_a_log_that_is_counted_by_hand(table: AnswerTable, name: str, first: float, other: float) -> None:
    assert values(name, measured(table)) == pytest.approx([first, other])


def test_every_metric_is_counted_by_hand_above() -> None:
    marks = test_the_values_of_a_log_that_is_counted_by_hand.pytestmark
    assert [row[0] for row in marks[0].args[1]] == [metric.name for metric in METRICS]


def test_k_and_the_time_until_a_search_is_a_new_need_are_options(table: AnswerTable) -> None:
    assert values("precision-clicks", measured(table, k=1)) == [1 / 5, 1.0]
    assert values("reformulated", measured(table, again_s=100)) == [0.0, 0.0]


def test_the_same_query_sent_again_is_not_another_one(event_logs, tmp_path: Path) -> None:
    log = event_logs.Log()
    for at, query in ((0, "rent"), (10, "rent"), (20, "the rent")):
        log.answer("a", 0, at=at, query=query)
    log.answer("b", 1, at=15)
    assert values("reformulated", measured(gathered(tmp_path, log)))[0] == pytest.approx(1 / 3)


def test_a_look_sees_what_was_logged_until_then(table: AnswerTable, event_logs) -> None:
    at = event_logs.START
    assert values("ctr", measured(table, at + 61)) == pytest.approx([2 / 3, np.nan], nan_ok=True)  # b and a clicked ten seconds later
    assert values("ctr", measured(table, at + 55)) == pytest.approx([1 / 2, np.nan], nan_ok=True)
    assert values("ctr", measured(table, at + 6200))[0] == 3 / 5
    assert values("ctr", measured(table, at + 6199))[0] == 2 / 5


def test_the_interval_of_a_quantile_covers_it_by_user(event_logs, tmp_path: Path) -> None:
    """Users have latencies of their own: an interval that took answers for units would be some three times too narrow."""
    drawn, log = np.random.default_rng(0), event_logs.Log()
    for user in range(300):
        own = drawn.normal(100, 20)
        for _ in range(10):
            log.answer(f"{user}", user % 2, ms=own + drawn.normal(0, 1))
    estimate = measure_arms(metric_named("latency-p50"), measured(gathered(tmp_path, log)))[0].estimate
    assert estimate.value == pytest.approx(100, abs=4)
    assert np.sqrt(estimate.variance) == pytest.approx(1.2533 * 20 / 150**0.5, rel=0.3)  # of the median of 150 normal values


def test_a_ramp_makes_no_difference_between_equal_arms(event_logs, tmp_path: Path) -> None:
    """On the first day 90 % of users have the first arm and many click; on the second half of them, and few click, in both arms alike."""
    log = event_logs.Log()
    for day, (users, share, rate) in enumerate(((400, 0.9, 0.5), (400, 0.5, 0.1))):
        for user in range(users):
            arm = int(user >= users * share)
            log.answer(f"{day}-{user}", arm, clicks=[1] * (user % 10 < rate * 10), at=day * DAY + user)
    table = gathered(tmp_path, log)
    stretch = (table.at >= event_logs.START + DAY).astype(int)
    pooled, apart = (measure_arms(metric_named("ctr"), each) for each in (measured(table), measured(table, stretch=stretch)))
    assert float(pooled[0].estimate.value - pooled[1].estimate.value) > 0.1
    assert float(compare_arms(*apart).value) == pytest.approx(0, abs=1e-12)
    assert float(apart[0].estimate.value) == pytest.approx(0.3)


def ramped(drawn: np.random.Generator, users: int = 1000) -> Measured:
    """Users of two days, with click rates of their own; between the days the first arm's share falls from 0.9 to 0.5, and some users move."""
    point, rate = drawn.random(users), drawn.beta(0.5, 0.5, users)
    visits = drawn.poisson(drawn.gamma(0.5, 4, (users, 1)), (users, 2))
    user, day = (np.repeat(each, visits.ravel()) for each in (np.arange(users).repeat(2), np.tile([0, 1], users)))
    clicked = np.flatnonzero(drawn.random(len(user)) < rate[user])
    whole = np.zeros(len(user))
    table = AnswerTable(
        users=users,
        queries=("",),
        segments=(),
        user=user.astype(np.int32),
        arm=(point[user] >= np.where(day, 0.5, 0.9)).astype(np.int32),
        at=day * DAY,
        ms=whole,
        query=whole.astype(np.int32),
        segment=whole.astype(np.int32),
        event_answer=clicked.astype(np.int32),
        event_at=day[clicked] * DAY,
        event_position=np.ones(len(clicked), np.int32),
        event_kind=np.zeros(len(clicked), np.int32),
        event_team=np.zeros(len(clicked), np.int32),
    )
    return measured(table, stretch=day)


def test_users_whom_a_ramp_moved_stay_one_unit() -> None:
    """Of A/A tests with a ramp, 5 % have a p below 0.05, from 100 users in the smaller arm on, which a decision needs."""
    drawn, below, runs = np.random.default_rng(0), 0, 400
    for _ in range(runs):
        below += fixed_p(compare_arms(*measure_arms(metric_named("ctr"), ramped(drawn)))) < 0.05
    assert abs(below / runs - 0.05) <= 3 * (0.05 * 0.95 / runs) ** 0.5


def test_within_one_stretch_both_ways_of_comparing_agree(event_logs, tmp_path: Path) -> None:
    drawn, log = np.random.default_rng(0), event_logs.Log()
    for user in range(200):
        for _ in range(drawn.poisson(2)):
            log.answer(f"{user}", user % 2, clicks=[1] * int(drawn.integers(2)))
    one = measured(gathered(tmp_path, log))
    late = replace(
        one, stretch=np.where(np.arange(len(one.table)) == 0, 1, 0)
    )  # the second stretch has one arm alone, so it counts for none
    first = measured_without(one, 0)
    apart, whole = (compare_arms(*measure_arms(metric_named("ctr"), each)) for each in (late, first))
    assert float(apart.value) == pytest.approx(float(whole.value))
    assert float(apart.variance) == pytest.approx(float(whole.variance), rel=0.02)


def test_users_who_are_all_alike_have_no_variance_after_a_ramp_either(event_logs, tmp_path: Path) -> None:
    log = event_logs.Log()
    for user in range(12):
        for number in range(2 * 25 * (1 + user % 3)):
            log.answer(f"{user}", user % 2, clicks=[1] * (number // 2 % 25 < 7), at=number % 2 * DAY)  # 7 of 25 on each of two days
    table = gathered(tmp_path, log)
    two = measured(table, stretch=(table.at >= event_logs.START + DAY).astype(int))
    assert float(compare_arms(*measure_arms(metric_named("ctr"), two)).variance) == 0


def measured_without(one: Measured, row: int) -> Measured:
    return one.only(np.arange(len(one.table)) != row)


def test_preference_is_counted_by_hand(event_logs, tmp_path: Path) -> None:
    log = event_logs.Log(kind="interleave")
    teams = {"item 2": "base", "item 3": "legal@best", "item 4": "legal@best", "item 5": "base"}
    for user, clicks in (("a", [3]), ("a", [3, 4, 2]), ("a", [2]), ("b", [1]), ("b", [2, 3]), ("c", [4]), ("d", [])):
        log.answer(user, None, clicks=clicks, interleaved=teams)
    table = gathered(tmp_path, log)
    found = prefer(table, 1, np.inf, np.ones(len(table), bool))
    assert (found.wins, found.losses, found.ties) == (3, 1, 1)  # item 1 is in no team, so that a click on it decides nothing
    assert (found.clicks, found.clicks_first) == (5, 3)
    assert (found.users_for, found.users_against, found.sign_p) == (2, 0, 0.5)
    assert found.estimate.value == pytest.approx((3 - 1) / 5)


def test_a_flood_from_one_user_moves_neither_arm_nor_preference(event_logs, tmp_path: Path) -> None:
    log = event_logs.Log()
    for user in range(400):
        log.answer(f"{user}", user % 2, clicks=[1] * (user % 4 < 2))
    for number in range(ANSWERS_PER_HOUR + 1):
        log.answer("robot", 1, clicks=[1], at=number)
    table = gathered(tmp_path, log)
    bots = find_bots(table)
    assert bots.sum() == 1
    of_people = replace(measured(table), is_counted=~bots[table.user])
    assert values("ctr", of_people) == [0.5, 0.5]
    assert values("ctr", measured(table))[1] > 0.6
    estimate = measure_arms(metric_named("ctr"), measured(table))[1].estimate
    assert estimate.variance**0.5 > 0.1  # counted, it widens the interval: users are the unit


def test_one_slow_user_with_a_fifth_of_an_arm_is_left_out_or_holds_back_the_decision(event_logs, tmp_path: Path) -> None:
    """It keeps below every rate for weeks; the last look leaves it out, and the one at which it had most decided nothing."""
    log = event_logs.Log()
    for user in range(400):
        log.answer(f"{user}", user % 2, clicks=[1] * (user % 4 < 2), at=30 * DAY + user)
    for hour in range(500):
        log.answer("slow", 1, clicks=[2], at=hour * 3600)
    for user in range(200):
        log.answer(f"early {user}", user % 2, at=user)
    table = gathered(tmp_path, log)
    assert find_bots(table).sum() == 1
    early = outcomes_until(table, event_logs.START + DAY, Counting())
    arms = measure_arms(metric_named("ctr"), replace(measured(table), found=early))
    assert arms[1].largest == pytest.approx(25 / 125)
    assert [is_ready(np.float64(200), np.float64(200), 50, largest) for largest in (0.2, 0.21)] == [True, False]


def test_the_few_clicks_of_all_do_not_let_one_user_decide_a_preference(event_logs, tmp_path: Path) -> None:
    """It has 40 of 840 answers, but 40 of 140 clicks on an arm's items."""
    log = event_logs.Log(kind="interleave")
    for user in range(800):
        log.answer(f"{user}", None, clicks=[1 if user % 8 else 2], at=user, interleaved={"item 2": "base", "item 3": "legal@best"})
    for day in range(40):
        log.answer("slow", None, clicks=[3], at=day * DAY, interleaved={"item 2": "base", "item 3": "legal@best"})
    table = gathered(tmp_path, log)
    assert prefer(table, 1, np.inf, np.ones(len(table), bool)).largest == pytest.approx(40 / 140)
    assert find_bots(table).sum() == 1


def test_among_few_users_nobody_is_too_much(event_logs, tmp_path: Path) -> None:
    log = event_logs.Log()
    for user, times in (("a", 50), ("b", 3), ("c", 1)):
        for _ in range(times):
            log.answer(user, 0, clicks=[1])
    assert not find_bots(gathered(tmp_path, log)).any()


def test_answers_that_do_not_count_say_neither_which_segments_there_are_nor_what_is_frequent(event_logs, tmp_path: Path) -> None:
    log, named = event_logs.Log(), event_logs.Log()
    for query in ["rent"] * 3 + ["deposit", "notice"]:
        log.answer("person", 0, query=query)
        named.answer("person", 0, segment=query)
    for number in range(60):
        log.answer("robot", 0, query="spam")
        named.answer("robot", 0, segment=f"spam {number % 20}")
    for name, each, expected in (("one", log, {"head": 3, "torso": 1, "tail": 1}), ("two", named, {"rent": 3, "deposit": 1, "notice": 1})):
        table = gathered(tmp_path / name, each)
        is_counted = table.user == 0
        found = {each.name: int((each.answers & is_counted).sum()) for each in segments_of(table, is_counted)}
        assert found == expected


def all_segments(table: AnswerTable) -> list[Segment]:
    return segments_of(table, np.ones(len(table), bool))


def test_segments_are_those_that_callers_named(event_logs, tmp_path: Path) -> None:
    log = event_logs.Log()
    for user, segment in enumerate(("内衣", "shoes", "内衣", None)):
        log.answer(f"{user}", 0, segment=segment)
    found = all_segments(gathered(tmp_path, log))
    assert [(each.by, each.name, int(each.answers.sum())) for each in found] == [("segment", "内衣", 2), ("segment", "shoes", 1)]


def test_without_names_segments_are_by_frequency_and_language(event_logs, tmp_path: Path) -> None:
    log = event_logs.Log()
    for user, query in enumerate(["合同"] * 3 + ["Who  pays"] * 2 + ["who pays"] + ["deposit", "离婚", "notice"]):
        log.answer(f"{user}", 0, query=query)
    found = {each.name: int(each.answers.sum()) for each in all_segments(gathered(tmp_path, log))}
    assert found == {"head": 3, "torso": 3, "tail": 3, "zh": 4, "en": 5}
