"""`adapt ab report` and `adapt ab plan`: what they decide, say and refuse, on logs made by hand."""

import json
import re
from dataclasses import replace
from pathlib import Path

import adapt_embed
import numpy as np
import pytest
from adapt_embed.abtests.measures.metrics import METRICS
from adapt_embed.abtests.report.figures import Report
from adapt_embed.abtests.report.flags import FLAGS
from adapt_embed.abtests.report.job import make_report
from adapt_embed.abtests.report.looks import look_times
from adapt_embed.abtests.report.page import render_report
from adapt_embed.abtests.report.request import ReportRequest
from adapt_embed.abtests.report.say import ENOUGH, INTERVAL, LEFT, RECEDED, VERDICTS, verdict_text
from adapt_embed.abtests.report.words import CHINESE
from adapt_embed.cli import main
from adapt_embed.errors import RequestError
from click.testing import CliRunner, Result

DAY = 86400.0
DOCS = Path(__file__).parent.parent / "docs" / "ab-tests.md"
EVIL = "<script>window.pwned = 1</script>\x1b[31m\u202e"
RATES = (0.2, 0.35)


def adapt(*words: object) -> Result:
    return CliRunner().invoke(main, ["ab", *map(str, words)])


def fill(log, users: int = 600, days: int = 8, rates: tuple[float, float] = RATES, **other):
    """Answer users of both arms, each once on each of two days, with clicks at the arm's rate, and purchases of some."""
    drawn = np.random.default_rng(0)
    for user in range(users):
        for day in (user % (days - 1), user % (days - 1) + 1):
            arm = user % 2
            clicks = [int(drawn.integers(1, 4))] if drawn.random() < rates[arm] else []
            log.answer(f"{user}", arm, clicks=clicks, bought=clicks[: int(drawn.random() < 0.2)], at=day * DAY + user, **other)
    return log


@pytest.fixture(scope="module")
def shop(event_logs, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log in which the second arm is better."""
    return fill(event_logs.Log()).write(tmp_path_factory.mktemp("shop") / "log")


@pytest.fixture(scope="module")
def alike(event_logs, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log of an A/A test."""
    return fill(event_logs.Log(("base", "base#2")), rates=(0.3, 0.3)).write(tmp_path_factory.mktemp("alike") / "log")


def flags(report: Report) -> dict[str, dict]:
    return {each.name: each.facts for each in report.flags}


def test_the_better_arm_is_told_and_an_a_a_test_is_not_decided(shop: Path, alike: Path) -> None:
    found = adapt("report", shop, "--effect", 0.1)
    assert found.exit_code == 0
    assert "legal@best is better than base in click-through: the always-valid interval excludes 0 since 2026-11-" in found.output
    assert re.search(r"\* click-through +0\.2283 +0\.3133 +\+0\.0850 \[\+0\.0\d+, \+0\.1\d+\]", found.output)
    (verdict,) = make_report(ReportRequest(folder=alike, effect=0.03)).verdicts
    assert verdict.state == "open"
    assert verdict.days_left is not None


def test_of_abandoned_searches_fewer_are_better(shop: Path) -> None:
    report = make_report(ReportRequest(folder=shop, effect=0.1, metric="abandoned"))
    assert report.looks[-1].contrast.value < 0
    assert report.verdicts[0].state == "ahead"


def test_arms_are_alike_where_the_interval_is_within_the_smallest_effect(alike: Path) -> None:
    assert make_report(ReportRequest(folder=alike, effect=0.5)).verdicts[0].state == "alike"
    assert make_report(ReportRequest(folder=alike, metric="reformulated")).verdicts[0].state == "too few"  # nobody searched again


def test_what_is_left_is_told_only_where_it_can_be_known(event_logs, tmp_path: Path) -> None:
    """Too few users are not enough traffic; of answers at one moment there is no traffic to go by."""
    few, moment = event_logs.Log(), event_logs.Log()
    for user in range(60):
        for number in range(20):
            few.answer(f"{user}", user % 2, clicks=[1] * ((user + number) % 3 == 0), at=user * 1000 + number * 40)
    for user in range(300):
        moment.answer(f"{user}", user % 2, clicks=[1] * (user % 3 == 0), at=5, wait=0)
    for name, log, effect, state in (("few", few, 0.3, "too few"), ("moment", moment, 0.05, "open")):
        (verdict,) = make_report(ReportRequest(folder=log.write(tmp_path / name), effect=effect)).verdicts
        assert (verdict.state, verdict.days_left) == (state, None)


def test_swapped_arms_swap_the_sign_and_nothing_else(shop: Path, event_logs, tmp_path: Path) -> None:
    log = event_logs.Log(("legal@best", "base"))
    for line in fill(event_logs.Log()).lines:
        log.lines.append(line)
    one, back = (make_report(ReportRequest(folder=folder, effect=0.1)) for folder in (shop, log.write(tmp_path / "log")))
    for here, there in zip(one.rows, back.rows, strict=True):
        (contrast,), (other,) = here.contrasts, there.contrasts
        assert contrast.value == pytest.approx(-other.value, abs=1e-15)
        assert (contrast.p, contrast.always_p) == pytest.approx((other.p, other.always_p))
        assert (contrast.low, contrast.high) == pytest.approx((-other.high, -other.low), abs=1e-15)
        if contrast.always_low is not None:
            assert (contrast.always_low, contrast.always_high) == pytest.approx((-other.always_high, -other.always_low))
    assert (one.verdicts[0].state, back.verdicts[0].state) == ("ahead", "behind")


def test_a_look_every_hour_does_not_change_what_is_decided(shop: Path, tmp_path: Path) -> None:
    """The interval of a look depends on what was logged until then, and on no look before or after it."""
    whole = make_report(ReportRequest(folder=shop, effect=0.1))
    for look in whole.looks[2:-1:2]:
        early = tmp_path / f"{look.at}"
        (early / "events").mkdir(parents=True)
        (early / "experiments").symlink_to(shop / "experiments")
        for path in (shop / "events").iterdir():
            kept = [line for line in path.read_text().splitlines(keepends=True) if json.loads(line)["at"] <= look.at]
            if kept:
                (early / "events" / path.name).write_text("".join(kept))
        then = make_report(ReportRequest(folder=early, effect=0.1)).looks[-1]
        assert then.contrast == look.contrast
        assert then.is_ready == look.is_ready


def test_a_later_purchase_does_not_change_an_earlier_look(event_logs, tmp_path: Path) -> None:
    log = fill(event_logs.Log(), users=300)
    before = make_report(ReportRequest(folder=log.write(tmp_path / "one"), metric="conversion"))
    late = max(line["at"] for line in log.lines) + 9 * DAY
    log.lines += [log.event("purchase", f"answer-{number}", 5, late) for number in range(1, 100)]
    after = make_report(ReportRequest(folder=log.write(tmp_path / "two"), metric="conversion"))
    assert after.looks[:5] == before.looks[:5]
    assert after.looks[-1].contrast.value != before.looks[-1].contrast.value


def test_looks_are_at_ends_of_hours_then_of_days_and_at_most_sixty(event_logs) -> None:
    at = event_logs.START
    assert look_times(at + 10, at + 3 * 3600 + 5) == [at + 3600, at + 7200, at + 10800, at + 3 * 3600 + 5]
    assert look_times(at + 10, at + 4 * DAY) == [at + DAY, at + 2 * DAY, at + 3 * DAY, at + 4 * DAY]
    assert len(look_times(at, at + 400 * DAY)) <= 61


def test_json_prints_one_object_with_every_metric_of_every_segment(shop: Path) -> None:
    found = json.loads(adapt("report", shop, "--json").stdout)
    assert found["names"] == ["base", "legal@best"]
    assert [row["metric"] for row in found["rows"]] == [metric.name for metric in METRICS]
    assert [each["name"] for each in found["segments"]] == ["head"]  # one query, in one language
    assert all(len(each["rows"]) == len(METRICS) for each in found["segments"])
    assert "NaN" not in json.dumps(found)


def test_the_kept_plan_tunes_the_test_and_another_effect_is_told(shop: Path, event_logs, tmp_path: Path) -> None:
    log = fill(event_logs.Log(), users=200).write(tmp_path / "log")
    assert "default effect" in flags(make_report(ReportRequest(folder=log)))
    planned = ("plan", "--metric", "mrr", "--baseline", 0.2, "--effect", 0.04, "--alpha", 0.1, "--keep", log)
    assert adapt(*planned).exit_code == 0
    report = make_report(ReportRequest(folder=log))
    assert (report.metric, report.effect, report.alpha, report.is_default_effect) == ("mrr", 0.04, 0.1, False)
    assert not {"default effect", "other plan"} & set(flags(report))
    assert "other plan" in flags(make_report(ReportRequest(folder=log, effect=0.2)))
    assert adapt(*planned).exit_code == 0
    again = adapt("plan", "--baseline", 0.2, "--effect", 0.01, "--keep", log)
    assert "keeps another plan; a plan is made before the first look" in again.output
    (tmp_path / "file").touch()
    refused = adapt("plan", "--baseline", 0.2, "--effect", 0.01, "--keep", tmp_path / "file")
    assert refused.output.endswith("cannot be written: File exists; name another folder\n")
    (log / "plan.json").write_text('{"metric": "ctr", "effect": -1, "alpha": 0.05, "power": 0.8}')
    assert "is not a plan; expected metric, effect, alpha and power" in adapt("report", log).output


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"alpha": 0.5, "power": 0.25}, "alpha is 0.5 and the power 0.25"),
        ({"alpha": 1.5}, "alpha is 1.5; expected a chance"),
        ({"effect": 1e-200}, "the effect is 1e-200"),
        ({"effect": float("nan")}, "the effect is nan"),
        ({"k": 0}, "k is 0"),
        ({"metric": "preference"}, "is a split"),
    ],
)
def test_a_program_is_refused_what_no_test_has(shop: Path, given: dict, said: str) -> None:
    with pytest.raises(RequestError, match=said):
        adapt_embed.report_test(shop, **given)


def test_a_program_plans_and_reports_in_one_call_each(event_logs, tmp_path: Path) -> None:
    log, page = fill(event_logs.Log(), users=200).write(tmp_path / "log"), tmp_path / "page.html"
    plan = adapt_embed.plan_test("mrr", baseline=0.2, effect=0.04, keep=log)
    assert plan.as_dict() == json.loads(adapt("plan", "--metric", "mrr", "--baseline", 0.2, "--effect", 0.04, "--json").stdout)
    report = adapt_embed.report_test(str(log), k=3, html=page, html_lang="zh")
    assert (report.metric, report.effect, report.k) == ("mrr", 0.04, 3)
    assert json.loads(json.dumps(report.as_dict())) == json.loads(adapt("report", log, "--k", 3, "--json").stdout)
    assert "结论" in page.read_text(encoding="utf-8")


def test_users_in_wrong_shares_and_in_two_arms_cast_doubt(event_logs, tmp_path: Path) -> None:
    log = fill(event_logs.Log())
    for user in range(400):
        log.answer(f"more {user}", 1, at=user)
    for user in range(0, 20, 2):
        log.answer(f"{user}", 1, at=user)
    report = make_report(ReportRequest(folder=log.write(tmp_path / "log")))
    assert flags(report)["shares"]["users"] == [290, 700]
    assert flags(report)["crossed"] == {"users": 10}
    assert {each.name for each in report.flags if each.is_warning} == {"shares", "crossed"}
    assert report.arms[0].users == 290
    assert report.verdicts[0].state == "doubtful"


def test_a_ramp_is_told_and_is_no_mismatch(event_logs, tmp_path: Path) -> None:
    ramp = {"at": "2026-11-03T00:00:00+00:00", "shares": {"base": 0.5, "legal@best": 0.5}}
    log = event_logs.Log(ramps=[ramp])
    log.record["arms"] = [each | {"share": share} for each, share in zip(log.record["arms"], (0.9, 0.1), strict=True)]
    for user in range(1000):
        moved = 100 <= user < 500  # the first arm had users from 100 on, and keeps those from 500 on
        log.answer(f"{user}", int(user < 100), clicks=[1] * (user % 5 == 0), at=user)
        log.answer(f"{user}", int(user < 100 or moved), clicks=[1] * (user % 5 == 0), at=DAY + user)
    report = make_report(ReportRequest(folder=log.write(tmp_path / "log")))
    assert flags(report)["ramps"] == {"ramps": 1}
    assert not {"shares", "crossed"} & set(flags(report))
    ctr = report.rows[0].contrasts[0]
    assert ctr.value == pytest.approx(0, abs=1e-12)
    assert 0 < ctr.high < 0.1


def test_a_log_whose_first_days_were_deleted_is_told(event_logs, tmp_path: Path) -> None:
    folder = fill(event_logs.Log(), users=100).write(tmp_path / "log")
    assert "cut" not in flags(make_report(ReportRequest(folder=folder)))
    (folder / "events" / "2026-11-02.jsonl").unlink()
    report = make_report(ReportRequest(folder=folder))
    assert flags(report)["cut"] == {"first": "2026-11-03", "created": "2026-11-02"}


def test_three_arms_share_the_level(event_logs, tmp_path: Path) -> None:
    log = event_logs.Log(("base", "legal@1", "legal@2"))
    for user in range(900):
        log.answer(f"{user}", user % 3, clicks=[1] * (user % 7 < 1 + user % 3), at=user)
    report = make_report(ReportRequest(folder=log.write(tmp_path / "log")))
    assert report.alpha == 0.025
    assert [each.arm for each in report.verdicts] == ["legal@1", "legal@2"]
    assert flags(report)["arms"] == {"arms": 2, "alpha": 0.025}


def test_interleaved_lists_are_decided_by_preference(event_logs, tmp_path: Path) -> None:
    log = event_logs.Log(kind="interleave")
    for user in range(400):
        clicked = 1 if user % 5 else 2
        log.answer(f"{user}", None, clicks=[clicked], at=user, interleaved={"item 1": "legal@best", "item 2": "base"})
    folder = log.write(tmp_path / "log")
    said = adapt("report", folder).output
    assert "legal@best is better than base in preference" in said
    assert re.search(r"legal@best +320 +80 +0 +320 +80 +320 +80", said)
    assert "偏好" in render_report(make_report(ReportRequest(folder=folder)), "adapt", "zh")


def test_what_lies_beside_the_arms_is_told(event_logs, tmp_path: Path) -> None:
    log = fill(event_logs.Log(), users=20)
    log.answer(None, 0)
    log.lines.append(log.event("click", "never", 1, event_logs.START))
    found = adapt("report", log.write(tmp_path / "log", b'{"kind":"scroll"}\n', b"{broken\n", b'{"kind":"answer","at":17'))
    assert found.exit_code == 0
    for said in (
        "note: answers without a user: 1",
        "note: events of an answer that is not in the log: 1",
        "note: lines cut off at the end of a file, as a kill leaves them: 1",
        "warning: lines that cannot be read, and are skipped: 1",
        "note: lines of a kind that this version does not know: 1",
        "too few users to decide",
    ):
        assert said in found.output


@pytest.mark.parametrize(
    ("prepare", "said"),
    [
        (lambda folder, log: None, "does not exist"),
        (lambda folder, log: folder.mkdir(), "holds no event log"),
        (lambda folder, log: [path.unlink() for path in (log.write(folder) / "experiments").iterdir()], "holds no experiment"),
        (lambda folder, log: log.write(folder), "has no answer with a user yet"),
        (lambda folder, log: (log.record.update(arms=log.record["arms"][:1]), log.write(folder)), "is damaged"),
    ],
)
def test_what_is_no_test_is_refused_in_a_line(event_logs, tmp_path: Path, prepare, said: str) -> None:
    prepare(tmp_path / "log", event_logs.Log())
    found = adapt("report", tmp_path / "log")
    assert found.exit_code == 1
    assert found.output.startswith("Error: ")
    assert said in found.output
    assert found.output.count("\n") == 1


def test_a_new_experiment_without_answers_points_to_the_others(event_logs, tmp_path: Path) -> None:
    log = fill(event_logs.Log(), users=40)
    folder = log.write(tmp_path / "log")
    later = log.record | {"id": "20261130-0000abcd", "created": "2026-11-30T00:00:00+00:00"}
    (folder / "experiments" / "20261130-0000abcd.json").write_text(json.dumps(later))
    assert "1 other experiment in the log: --experiment names one" in adapt("report", folder).output
    assert adapt("report", folder, "--experiment", event_logs.ID).exit_code == 0


def test_an_unknown_experiment_or_metric_is_refused_with_the_known_ones(shop: Path, event_logs) -> None:
    assert f"Known: {event_logs.ID}" in adapt("report", shop, "--experiment", "20261103-0000abcd").output
    assert "Did you mean mrr?" in adapt("report", shop, "--metric", "mr").output


@pytest.fixture
def hostile(event_logs, tmp_path: Path) -> Path:
    """A log whose every text would like to run, to move the cursor, or to turn the direction of reading."""
    log = event_logs.Log((f"base{EVIL}", f"legal{EVIL}"))
    for user in range(300):
        log.answer(f"{user}", user % 2, clicks=[1] * (user % 3 == 0), query=f"{user % 9}{EVIL}", segment=EVIL)
    return log.write(tmp_path / "log")


def test_texts_of_others_are_shown_and_not_obeyed(hostile: Path, tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    found = adapt("report", hostile, "--html", page)
    assert found.exit_code == 0
    for text in (found.output, page.read_text(encoding="utf-8")):
        assert "\x1b" not in text
        assert "\u202e" not in text
    assert "<script>window" not in page.read_text(encoding="utf-8")
    assert "&lt;script&gt;window" in page.read_text(encoding="utf-8")


def test_a_chinese_page_has_no_english_sentence(shop: Path) -> None:
    page = render_report(make_report(ReportRequest(folder=shop)), "adapt ab report", "zh")
    body = re.sub(r"<style>.*?</style>|<script>.*?</script>|<pre>.*?</pre>|<[^>]+>", " ", page, flags=re.DOTALL)
    known = {
        "adapt",
        "ab",
        "report",
        "base",
        "legal",
        "best",
        "UTC",
        "CSV",
        "MRR",
        "test",
        "plan",
        "keep",
        "effect",
        "wider",
        "Holm",
        "abcd",
    }
    left = set(re.findall(r"[A-Za-z]{3,}", body.replace("wider than the page: scroll it sideways →", ""))) - known
    assert left == set()


def test_a_metric_has_a_colour_where_its_adjusted_p_is_below_the_level(shop: Path) -> None:
    report = make_report(ReportRequest(folder=shop, effect=0.1))
    row = next(row for row in report.rows if row.metric == "abandoned")
    contrast = replace(row.contrasts[0], always_low=-0.1, always_high=-0.01)
    for p, count in ((0.5, 0), (0.001, 1)):
        alone = replace(report, rows=(replace(row, contrasts=(replace(contrast, always_p_holm=p),)),))
        assert len(re.findall(r"<td[^>]*good", render_report(alone, ""))) == count


def test_every_text_of_the_report_is_in_chinese_too() -> None:
    texts = [
        *FLAGS.values(),
        *VERDICTS.values(),
        ENOUGH,
        LEFT,
        INTERVAL,
        RECEDED,
        *(text for metric in METRICS for text in (metric.label, metric.says)),
    ]
    assert [text for text in texts if text not in CHINESE] == []
    fields = re.compile(r"\{(\w+)")
    assert [text for text in texts if set(fields.findall(text)) != set(fields.findall(CHINESE[text]))] == []


def test_the_page_draws_the_difference_with_both_ends(shop: Path, tmp_path: Path) -> None:
    page = tmp_path / "报告.html"
    found = adapt("report", shop, "--html", page, "--effect", 0.1)
    assert f"{page} is written" in found.output
    text = page.read_text(encoding="utf-8")
    assert text.count("<polyline") == 3
    assert "adapt ab report" in text
    assert 'class="good"' in text


def test_a_verdict_says_what_is_left(alike: Path) -> None:
    report = make_report(ReportRequest(folder=alike, effect=0.01))
    (verdict,) = report.verdicts
    assert "not decided" in verdict_text(report, verdict)
    assert re.search(r"A difference of 0\.01 needs about [\d,]+ days more", verdict_text(report, verdict))
    assert "needs more" in verdict_text(report, replace(verdict, days_left=0.0))
    assert "about 12 hours" in verdict_text(report, replace(verdict, days_left=0.5))


def test_a_verdict_says_its_numbers_in_the_unit_of_its_metric(event_logs, tmp_path: Path) -> None:
    log, drawn = event_logs.Log(), np.random.default_rng(0)
    for user in range(400):
        log.answer(f"{user}", user % 2, at=user * 3600, ms=float(drawn.normal(20 + 9 * (user % 2), 2)))
    folder = log.write(tmp_path / "log")
    said = [
        verdict_text(report, report.verdicts[0])
        for report in (make_report(ReportRequest(folder=folder, metric="latency-p50", effect=each)) for each in (2, 50))
    ]
    assert re.search(
        r"legal@best is worse than base in latency, p50: .* Difference \+[89]\.\d\d ms, always-valid interval \+\d\.\d\d ms to", said[0]
    )
    assert "worse" in said[1]
    alike = make_report(ReportRequest(folder=folder, metric="latency-p95", effect=50))
    assert "by 50 ms or more" in verdict_text(alike, replace(alike.verdicts[0], state="alike"))


@pytest.mark.parametrize(("late_rates", "is_worse"), [((7, 2), False), ((9, 0), True)])
def test_a_decision_that_the_last_interval_does_not_bear_out_is_told_so(
    event_logs, tmp_path: Path, late_rates: tuple, is_worse: bool
) -> None:
    """The second arm is better on the first day, then worse: by as much, so that the interval holds 0 again, or by more."""
    log = event_logs.Log()
    for user in range(2000):
        rates = late_rates if user >= 1000 else (2, 7)
        log.answer(f"{user}", user % 2, clicks=[1] * (user // 2 % 10 < rates[user % 2]), at=(user >= 1000) * 5 * DAY + user)
    report = make_report(ReportRequest(folder=log.write(tmp_path / "log"), effect=0.05))
    (verdict,), last = report.verdicts, report.looks[-1].contrast
    assert verdict.state == "ahead"
    assert last.always_low < 0
    assert (last.always_high < 0) is is_worse
    assert RECEDED in verdict_text(report, verdict)
    assert CHINESE[RECEDED] in verdict_text(report, verdict, "zh")
    assert RECEDED not in verdict_text(report, replace(verdict, state="behind" if is_worse else "open"))


@pytest.mark.skipif(not DOCS.is_file(), reason="docs/ is in the repository alone")
def test_the_table_of_metrics_in_the_docs_is_that_of_the_code() -> None:
    rows = re.findall(r"^\| (`[a-z0-9-]+`(?:, `[a-z0-9-]+`)*) \|", DOCS.read_text(encoding="utf-8"), re.MULTILINE)
    assert re.findall(r"`(.+?)`", " ".join(rows)) == [metric.name for metric in METRICS]


def test_a_plan_of_a_share_is_the_textbooks(tmp_path: Path) -> None:
    found = json.loads(adapt("plan", "--baseline", 0.1, "--effect", 0.01, "--per-day", 1000, "--json").stdout)
    expected = (1.959964 + 0.841621) ** 2 * (0.1 * 0.9 + 0.11 * 0.89) / 0.01**2  # two proportions, unpooled
    assert found["fixed"]["per_arm"] == pytest.approx(expected, abs=1)
    assert found["fixed"]["days"] == pytest.approx(2 * expected / 1000, rel=1e-3)
    assert found["fixed"]["per_arm"] < found["half"]["per_arm"] < found["always_valid"]["per_arm"] < 2 * found["fixed"]["per_arm"]
    assert found["twice"]["per_arm"] < found["fixed"]["per_arm"]


def test_a_plan_of_preference_counts_decided_answers_and_tunes_the_report_of_interleaved_lists(event_logs, tmp_path: Path) -> None:
    log = event_logs.Log(kind="interleave")
    for user in range(400):
        log.answer(f"{user}", None, clicks=[1 if user % 5 else 2], at=user, interleaved={"item 1": "legal@best", "item 2": "base"})
    folder = log.write(tmp_path / "log")
    planned = ("plan", "--metric", "preference", "--effect", 0.1, "--per-day", 100, "--keep", folder)
    found = json.loads(adapt(*planned, "--json").stdout)
    expected = (1.959964 + 0.841621) ** 2 / 0.1**2
    assert found["fixed"]["per_arm"] == pytest.approx(expected, abs=1)
    assert found["fixed"]["days"] == pytest.approx(expected / 100, rel=1e-2)  # all arms share each list
    assert (found["unit"], found["arms"]) == ("answers with a click on an arm's item", 1)
    assert "each arm" not in adapt(*planned).output
    report = make_report(ReportRequest(folder=folder))
    assert (report.metric, report.effect, report.is_default_effect) == ("preference", 0.1, False)
    assert "other plan" not in flags(report)
    assert "other plan" in flags(make_report(ReportRequest(folder=folder, effect=0.2)))


def test_a_plan_for_the_other_kind_of_experiment_tunes_neither_metric_nor_effect(shop: Path, event_logs, tmp_path: Path) -> None:
    log = fill(event_logs.Log(), users=200).write(tmp_path / "log")
    assert adapt("plan", "--metric", "preference", "--effect", 0.2, "--alpha", 0.01, "--keep", log).exit_code == 0
    report = make_report(ReportRequest(folder=log))
    assert (report.metric, report.effect, report.alpha, report.is_default_effect) == ("ctr", 0.01, 0.01, True)
    assert "other plan" not in flags(report)
    refused = adapt("report", shop, "--metric", "preference")
    assert refused.exit_code == 2
    assert "is a split, and preference is of interleaved lists; expected ctr, conversion" in refused.output


@pytest.mark.parametrize(
    ("metric", "unit"), [("bought-in-k", "items bought"), ("time-to-click", "answers with a click"), ("conversion", "users")]
)
def test_a_plan_says_what_it_counts(metric: str, unit: str) -> None:
    assert f"{unit}, each arm" in adapt("plan", "--metric", metric, "--baseline", 0.5, "--effect", 0.1, "--sd", 0.5).output


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--effect", 0.1), "give --baseline, the value of ctr today"),
        (("--metric", "preference", "--baseline", 0.5, "--effect", 0.1), "preference is 0 of equal arms"),
        (("--baseline", 0.3, "--effect", 0.1, "--alpha", 0.5, "--power", 0.25), "the power above alpha"),
        (("--baseline", 0.3, "--effect", 1e-200), "effect is 1e-200; expected a number from 1e-09"),
        (("--metric", "time-to-click", "--baseline", 9, "--effect", 1, "--sd", 1e200), "sd is 1e+200"),
        (("--baseline", 0.995, "--effect", 0.01), "the baseline with the effect is 1.005; ctr lies between 0 and 1"),
        (("--baseline", 10, "--effect", 1), "the baseline is 10; ctr lies between 0 and 1, so that 0.1 is ten percent"),
        (("--metric", "time-to-click", "--baseline", 20, "--effect", 1), "give --sd"),
        (("--metric", "latency-p95", "--baseline", 20, "--effect", 1), "expected one of ctr, conversion"),
        (("--metric", "abandoned", "--baseline", 0.01, "--effect", 0.02), "the baseline with the effect is -0.01"),
        (("--baseline", 0.1, "--effect", 0), "0.0 is not in the range x>0"),
        (("--baseline", "nan", "--effect", 1), "not a finite number"),
    ],
)
def test_a_plan_that_cannot_be_is_refused_in_a_line(words: tuple, said: str) -> None:
    found = adapt("plan", *words)
    assert found.exit_code == 2
    assert said in found.output
