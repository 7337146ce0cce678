"""Who gets which arm: shares, stickiness, ramps, pinned experiments, signed ids, interleaving, exploration, and which events are taken."""

from __future__ import annotations

import itertools
import random
import re
from collections import Counter
from pathlib import Path

import pytest
from adapt_embed.abtests.experiment import accept
from adapt_embed.abtests.experiment.accept import Remembered
from adapt_embed.abtests.experiment.explore import explore, parse_share
from adapt_embed.abtests.experiment.interleave import interleave
from adapt_embed.abtests.experiment.keys import Keys, open_keys
from adapt_embed.abtests.experiment.record import PinnedArm, open_experiment, read_experiments
from adapt_embed.abtests.experiment.signing import make_id, time_of
from adapt_embed.abtests.experiment.split import WHOLE, parse_interleave, parse_split, points_of, slices_of
from adapt_embed.errors import DataError, RequestError
from scipy import stats

KEYS = Keys(b"k" * 32)
NOW = 1_796_000_000.0
ARMS = (PinnedArm("base", "base", "00"), PinnedArm("legal@best", "legal@3", "33"))


@pytest.mark.parametrize(
    "text, shares", [("base=50,legal@best=50", (0.5, 0.5)), ("base = 90% ，法律@最好＝10％", (0.9, 0.1)), ("a=.25,b=.75", (0.25, 0.75))]
)
def test_shares_that_sum_to_the_whole_are_taken_as_they_are(text: str, shares: tuple[float, ...]) -> None:
    split = parse_split(text)
    assert tuple(arm.share for arm in split.arms) == pytest.approx(shares)
    assert split.note is None


def test_other_sums_are_weights_and_said_to_be() -> None:
    split = parse_split("base=1,legal=3")
    assert [arm.share for arm in split.arms] == [0.25, 0.75]
    assert split.note == "the shares sum to 4 and are taken as weights: base 0.25, legal 0.75"


def test_the_same_reference_twice_is_an_a_a_test_of_two_arms() -> None:
    split = parse_split("base=50,base=50")
    assert [(arm.name, arm.reference) for arm in split.arms] == [("base", "base"), ("base#2", "base")]


@pytest.mark.parametrize(
    "text", ["", "base", "base=100", "base=50,legal", "base=x,b=1", "base=-1,b=2", "=1,b=2", "a=0,b=0", "a=inf,b=1", "a=nan,b=1"]
)
def test_a_split_that_is_not_one_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(RequestError, match="base=50,legal@best=50"):
        parse_split(text)


def test_interleaved_arms_have_no_shares() -> None:
    assert [arm.share for arm in parse_interleave("base, legal@best").arms] == [0.5, 0.5]
    for text in ("base=50,legal=50", "base", "base,,legal"):
        with pytest.raises(RequestError, match="--interleave"):
            parse_interleave(text)


def test_the_points_are_shared_out_to_the_last() -> None:
    drawn = random.Random(0)
    for _ in range(200):
        shares = [drawn.random() for _ in range(drawn.randint(2, 7))]
        points = points_of(shares)
        assert sum(points) == WHOLE
        assert all(abs(point / WHOLE - share / sum(shares)) < 1e-12 for point, share in zip(points, shares, strict=True))


def test_a_ramp_moves_users_from_shrinking_arms_to_growing_ones_and_no_more_than_it_must() -> None:
    drawn = random.Random(1)
    users = [KEYS.point("e", str(number)) for number in range(500)]
    for _ in range(40):
        arms = drawn.randint(2, 5)
        shares = [_shares(drawn, arms) for _ in range(4)]
        slices = slices_of(shares[0])
        for before, after in itertools.pairwise(shares):
            ramped = slices.ramped(after)
            assert [sum(end - start for start, end in pieces) for pieces in ramped.owned] == points_of(after)
            assert sorted(piece for pieces in ramped.owned for piece in pieces)[0][0] == 0
            for user in users:
                old, new = slices.arm_at(user), ramped.arm_at(user)
                assert old == new or (before[old] > after[old] and before[new] < after[new])
            slices = ramped


def _shares(drawn: random.Random, arms: int) -> list[float]:
    weights = [drawn.choice((0, 0, drawn.random())) if arm else drawn.random() for arm in range(arms)]
    return [weight / sum(weights) for weight in weights]


def test_a_ramp_that_is_taken_back_gives_back_the_same_users() -> None:
    slices = slices_of([0.5, 0.5])
    assert slices.ramped([0.9, 0.1]).ramped([0.5, 0.5]) == slices
    assert slices.ramped([0.0, 1.0]).ramped([0.5, 0.5]) == slices


def test_users_fall_evenly_and_independently_of_another_experiment() -> None:
    slices = slices_of([0.2, 0.3, 0.5])
    users = [KEYS.user(f"用户{number}") for number in range(6000)]
    one, two = ([slices.arm_at(KEYS.point(experiment, user)) for user in users] for experiment in ("20261127-1", "20261127-2"))
    counts = Counter(one)
    assert stats.chisquare([counts[arm] for arm in range(3)], [1200, 1800, 3000]).pvalue > 0.001
    table = Counter(zip(one, two, strict=True))
    assert stats.chi2_contingency([[table[a, b] for b in range(3)] for a in range(3)]).pvalue > 0.001
    assert stats.kstest([KEYS.point("e", user) / WHOLE for user in users], "uniform").pvalue > 0.001


def test_a_user_is_the_same_whatever_the_form_of_its_letters_and_unknown_without_the_secret() -> None:
    assert KEYS.user("Jos\u00e9") == KEYS.user("Jose\u0301")
    assert len(KEYS.user("王")) == 32
    assert KEYS.user("王") != Keys(b"q" * 32).user("王")
    assert KEYS.point("e", "u") == KEYS.point("e", "u") != KEYS.point("f", "u")
    assert "k" * 32 not in repr(KEYS)


def test_spaces_around_a_user_do_not_make_another_one() -> None:
    keys = Keys(b"\0" * 32)
    assert keys.user(" u\n") == keys.user("u") != keys.user("u u")


def test_the_secret_is_made_once_private_and_missed(tmp_path: Path) -> None:
    keys = open_keys(tmp_path, may_make=True)
    assert open_keys(tmp_path, may_make=False) == keys
    assert (tmp_path / "secret").stat().st_mode & 0o777 == 0o600
    (tmp_path / "secret").write_text("12\n")
    with pytest.raises(DataError, match="damaged: expected 64"):
        open_keys(tmp_path, may_make=True)


def test_the_same_arms_resume_the_same_experiment_and_other_shares_are_a_ramp(tmp_path: Path) -> None:
    first, told = open_experiment(tmp_path, "split", ARMS, (0.9, 0.1), NOW)
    assert told.endswith("begins")
    assert open_experiment(tmp_path, "split", ARMS, (0.9, 0.1), NOW + 9)[0] == first
    ramped, told = open_experiment(tmp_path, "split", ARMS[::-1], (0.5, 0.5), NOW + 10)
    assert (ramped.id, ramped.arms, ramped.present_shares) == (first.id, ARMS, (0.5, 0.5))
    assert "other shares: base 0.5, legal@best 0.5" in told
    assert read_experiments(tmp_path) == [ramped]
    assert ramped.slices() == slices_of([0.9, 0.1]).ramped([0.5, 0.5])
    about = ramped.as_dict()
    assert about["arms"][1] == {"name": "legal@best", "reference": "legal@3", "sha256": "33", "share": 0.1}
    assert [ramp["shares"] for ramp in about["ramps"]] == [{"base": 0.5, "legal@best": 0.5}]


@pytest.mark.parametrize(
    "arms, kind",
    [
        ((ARMS[0], PinnedArm("legal@best", "legal@4", "44")), "split"),
        ((ARMS[0], PinnedArm("legal@best", "legal@3", "34")), "split"),
        (ARMS, "interleave"),
    ],
)
def test_a_moved_alias_another_content_and_another_kind_begin_a_new_experiment(tmp_path: Path, arms: tuple, kind: str) -> None:
    first, _ = open_experiment(tmp_path, "split", ARMS, (0.5, 0.5), NOW)
    second, told = open_experiment(tmp_path, kind, arms, (0.5, 0.5), NOW + 1)
    assert second.id != first.id
    assert ("legal@best is now" in told) == (arms != ARMS)
    third, _ = open_experiment(tmp_path, "split", ARMS, (0.5, 0.5), NOW + 2)
    assert read_experiments(tmp_path) == [first, second, third]


def test_the_experiment_that_began_last_is_resumed_also_where_the_clock_was_set_back(tmp_path: Path) -> None:
    open_experiment(tmp_path, "split", ARMS, (0.5, 0.5), NOW)
    moved = (ARMS[0], PinnedArm("legal@best", "legal@4", "44"))
    second, _ = open_experiment(tmp_path, "split", moved, (0.5, 0.5), NOW - 100)
    assert open_experiment(tmp_path, "split", moved, (0.5, 0.5), NOW - 90)[0] == second


@pytest.mark.parametrize("damage", ["{", "[]", '{"id":"x"}', '{"id":1,"created":"yesterday","kind":"split","arms":[]}'])
def test_a_damaged_record_is_refused_in_a_line(tmp_path: Path, damage: str) -> None:
    made, _ = open_experiment(tmp_path, "split", ARMS, (0.5, 0.5), NOW)
    (tmp_path / "experiments" / f"{made.id}.json").write_text(damage)
    with pytest.raises(DataError, match="is damaged"):
        open_experiment(tmp_path, "split", ARMS, (0.5, 0.5), NOW)


def test_an_id_tells_its_time_to_who_signed_it_alone() -> None:
    made = make_id(b"key", NOW)
    assert time_of(b"key", made) == pytest.approx(NOW, abs=0.001)
    assert time_of(b"other", made) is None
    assert len({make_id(b"key", NOW) for _ in range(100)}) == 100


def test_no_altered_or_invented_id_passes() -> None:
    made = make_id(b"key", NOW)
    altered = [made[:at] + ("A" if made[at] != "A" else "B") + made[at + 1 :] for at in range(len(made))]
    invented = ["", "A" * 32, made[:-1], made + "A", made + "\n", "灯" * 32, made[:31] + "+", make_id(b"other", NOW)]
    assert [time_of(b"key", each) for each in altered + invented] == [None] * (len(altered) + len(invented))


def rankings(seed: int, items: int = 8) -> tuple[list[str], list[str]]:
    drawn = random.Random(seed)
    names = [f"d{number}" for number in range(items)]
    return drawn.sample(names, items), drawn.sample(names, items)


def test_equal_rankings_get_no_credit() -> None:
    ranking = [f"d{number}" for number in range(20)]
    for seed in range(50):
        made = interleave([ranking, list(ranking)], 10, seed)
        assert (made.items, made.teams) == (tuple(ranking[:10]), {})


def test_a_common_top_and_common_next_items_are_in_no_team() -> None:
    one, two = ["a", "b", "x", "m", "p"], ["a", "b", "y", "m", "q"]
    for seed in range(20):
        made = interleave([one, two], 7, seed)
        assert made.items[:2] == ("a", "b")
        assert made.items[4] == "m"
        assert made.teams == {"x": 0, "y": 1, "p": 0, "q": 1}


def test_the_draft_is_the_same_for_the_same_seed_and_symmetric_over_seeds() -> None:
    one, two = rankings(3)
    assert interleave([one, two], 6, 7) == interleave([one, two], 6, 7)
    forth = Counter(_named(interleave([one, two], 6, seed), "ab") for seed in range(4000))
    back = Counter(_named(interleave([two, one], 6, seed), "ba") for seed in range(4000, 8000))
    kinds = sorted(forth | back)
    assert stats.chi2_contingency([[each[kind] for kind in kinds] for each in (forth, back)]).pvalue > 0.001


def _named(made: object, names: str) -> tuple:
    return tuple((item, names[made.teams[item]] if item in made.teams else "-") for item in made.items)


def test_clicks_at_random_credit_no_ranking_more_than_another() -> None:
    credit = Counter(team for seed in range(3000) for team in interleave(rankings(seed % 10), 5, seed).teams.values())
    assert stats.binomtest(credit[0], credit.total()).pvalue > 0.001


def test_every_list_holds_each_item_once_and_each_team_as_often_but_one() -> None:
    for seed in range(300):
        drawn = random.Random(seed)
        pool = [f"d{number}" for number in range(12)]
        several = [drawn.sample(pool, drawn.randint(0, 9)) for _ in range(drawn.randint(2, 4))]
        length = drawn.randint(1, 10)
        made = interleave(several, length, seed)
        assert len(set(made.items)) == len(made.items) == min(length, len(set().union(*several)))
        if all(len(ranking) == 9 for ranking in several) and length < 9:
            counts = Counter(made.teams.values())
            assert max(counts.values()) - min(counts[team] for team in range(len(several))) <= 1


def test_exploration_swaps_neighbours_alone_and_says_where() -> None:
    items = tuple("abcdefg")
    swaps: Counter[int] = Counter()
    for seed in range(2000):
        shown, positions = explore(items, seed)
        assert sorted(shown) == sorted(items)
        moved = [position for position in range(1, 8) if shown[position - 1] != items[position - 1]]
        assert list(positions) == moved
        assert all(abs(items.index(item) - place) <= 1 for place, item in enumerate(shown))
        swaps.update(positions[::2])
    assert set(swaps) == {1, 2, 3, 4, 5, 6}
    assert all(abs(count / 2000 - 0.25) < 0.05 for count in swaps.values())
    assert explore(["a"], 1) == (("a",), ())


def test_a_share_of_exploration_says_what_it_means() -> None:
    assert [parse_share(text) for text in ("1%", "0.01", "1％", "100%")] == [0.01, 0.01, 0.01, 1.0]
    for text in ("0", "-1%", "x", "101%", "nan", "2"):
        with pytest.raises(RequestError, match=r"1% or 0\.01"):
            parse_share(text)
    with pytest.raises(RequestError, match="may mean 1% or 100%"):
        parse_share("1")


def remembered(window_s: float = 86_400.0, most_bytes: int = 10_000_000) -> Remembered:
    return Remembered(b"key", window_s, most_bytes=most_bytes)


def event(answer: str, item: str = "d1", kind: str = "click") -> dict[str, str]:
    return {"answer": answer, "item": item, "kind": kind}


def test_an_event_of_a_shown_item_is_taken_once_for_each_kind_with_its_position() -> None:
    answers, made = remembered(), make_id(b"key", NOW)
    answers.remember(made, NOW, "u", ["灯1", "灯2"])
    taken = answers.judge(event(made, "灯2"), NOW + 5)
    assert (taken.kind, taken.item, taken.position, taken.at) == ("click", "灯2", 2, NOW + 5)
    assert answers.judge(event(made, "灯2"), NOW + 6) == "repeated"
    assert answers.judge(event(made, "灯2", "purchase"), NOW + 6).kind == "purchase"
    answers.give_back(taken)
    assert answers.judge(event(made, "灯2"), NOW + 7).position == 2


def test_what_does_not_fit_is_refused_with_its_reason() -> None:
    answers, made = remembered(), make_id(b"key", NOW)
    answers.remember(made, NOW, None, ["d1"])
    for about, reason in (
        ("click", "malformed"),
        ({"answer": made, "item": 1, "kind": "click"}, "malformed"),
        (event(made, kind="view"), "malformed"),
        ({"answer": made, "item": "d1", "kind": ["click"]}, "malformed"),
        (event(make_id(b"other", NOW)), "forged"),
        (event(make_id(b"key", NOW + 1000)), "forged"),
        (event(make_id(b"key", NOW - 90_000)), "late"),
        (event(make_id(b"key", NOW)), "forgotten"),
        (event(made, "d2"), "not_shown"),
    ):
        assert answers.judge(about, NOW) == reason
        assert reason in accept.REASONS
    assert answers.judge(event(made), NOW + 86_401) == "late"


def test_the_page_names_every_reason_and_limit() -> None:
    page = Path(accept.__file__).parents[2] / "docs" / "experiments.md"
    if not page.is_file():
        pytest.skip("needs the source tree")
    text = page.read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \|", text.split("| reason |")[1].split("\n\n")[0], re.M)
    assert rows == list(accept.REASONS)
    for number in (accept.MOST_OF_ANSWER, accept.MOST_OF_USER, accept.MOST_ANSWERS):
        assert f"{number:,} " in text


def test_memory_is_bounded_and_the_oldest_answer_is_forgotten_first() -> None:
    answers = remembered(most_bytes=1300)
    made = [make_id(b"key", NOW + number) for number in range(5)]
    for number, each in enumerate(made):
        answers.remember(each, NOW + number, f"u{number}", ["d1"])
    assert len(answers) == 3
    assert [answers.judge(event(each), NOW + 9) == "forgotten" for each in made] == [True, True, False, False, False]
    answers.remember(make_id(b"key", NOW + 200_000), NOW + 200_000, None, ["d1"])
    assert len(answers) == 1


def test_a_flood_from_one_user_is_cut_off_and_others_go_on() -> None:
    answers, items = remembered(), [f"d{number}" for number in range(100)]
    taken: Counter[str] = Counter()
    for number in range(2000):
        user = "flood" if number % 2 else f"u{number}"
        if not answers.may_log(user, NOW):
            continue
        made = make_id(b"key", NOW)
        answers.remember(made, NOW, user, items)
        for item in items[:30]:
            taken[user if user == "flood" else "others"] += not isinstance(answers.judge(event(made, item), NOW), str)
    assert taken["flood"] == accept.MOST_OF_USER
    assert taken["others"] == 1000 * accept.MOST_OF_ANSWER
    made = make_id(b"key", NOW + 86_400)
    answers.remember(made, NOW + 86_400, "flood", items)
    assert not isinstance(answers.judge(event(made), NOW + 86_400), str)


def test_a_flood_of_answers_to_one_user_is_not_logged_and_others_are() -> None:
    answers = remembered()
    for _ in range(accept.MOST_ANSWERS):
        assert answers.may_log("flood", NOW)
        answers.remember(make_id(b"key", NOW), NOW, "flood", ["d1"])
    assert not answers.may_log("flood", NOW)
    assert answers.may_log("flood", NOW + 86_400)
    assert answers.may_log("other", NOW + 86_400)
    assert answers.may_log(None, NOW)
