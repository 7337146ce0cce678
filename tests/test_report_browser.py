"""The report in a real browser: nothing goes wrong, charts are drawn, tables sort, and no text of the user's runs."""

import csv
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from adapt_embed.abtests.report.job import make_report
from adapt_embed.abtests.report.page import render_report as render_ab_report
from adapt_embed.abtests.report.request import ReportRequest
from adapt_embed.bench.leaks.leakage import Leak, Leakage, TaskLeaks
from adapt_embed.bench.report.costs import Cost
from adapt_embed.bench.report.curve import WeightCurve, WeightLine
from adapt_embed.bench.report.examples import Example, Examples, Point
from adapt_embed.bench.report.page import Report, render_report
from adapt_embed.bench.report.recall import RecallCurve
from adapt_embed.bench.result import BenchedReference, BenchedTask, BenchResult, Comparison, Interval, Score, Summary
from adapt_embed.bench.tasks.kind import Passage

EVIL = "<script>window.pwned = 1</script></script><img src=x onerror='window.pwned = 1'><svg onload='window.pwned = 1'>"
SCORES = {"base": 0.5, "legal@1": 0.75, "medical@1": 0.625, EVIL: 0.25}

Page = Any  # playwright's, which is imported where it is there


def report() -> Report:
    """A report of three references over two tasks, whose every text would like to run."""
    tasks = [
        BenchedTask(
            name=name,
            type="Retrieval",
            split="test",
            revision="0" * 64,
            items=12,
            item="queries",
            main_metric="nDCG@10",
            shown=("nDCG@10",),
        )
        for name in ("law", EVIL)
    ]
    shared = {"description": EVIL, "revision": "1" * 64, "precision": "fp32", "max_tokens": 512}
    references = [BenchedReference(name=name, base=None if name == "base" else "base", **shared) for name in SCORES]  # type: ignore[arg-type]
    scores = [
        Score(
            task=task.name,
            reference=name,
            metrics={"nDCG@10": value},
            truncated=0,
            seconds=1.0,
            item_metric="nDCG@10",
            interval=None if name == "base" else interval(value - 0.5),
        )
        for task in tasks
        for name, value in SCORES.items()
    ]
    summary = [
        Summary(reference=name, domain_mean=value, general_mean=0.8)
        if name == "base"
        else Summary(reference=name, domain_mean=value, general_mean=0.79, gain=value - 0.5, forgetting=0.01)
        for name, value in SCORES.items()
    ]
    leak = Leak("q", "exact", EVIL, 1.0, EVIL)
    example = Example(item="q", base=0.0, own=1.0, texts=(EVIL,), passages=(Passage(EVIL, "合同？" + EVIL, True),), remark=EVIL)
    found = Examples(
        task="law",
        reference=EVIL,
        base="base",
        item="queries",
        measure="nDCG@10",
        language="zh",
        winners=(example,),
        losers=(example,),
        better=1,
        equal=10,
        worse=1,
        points=(
            Point(base=0.0, own=0.0, count=1, texts=(EVIL,)),
            Point(base=0.0, own=1.0, count=1, texts=(EVIL,)),
            Point(base=0.3869, own=0.3869, count=9, texts=("合同？" + EVIL,) * 5),
            Point(base=1.0, own=0.6309, count=1, texts=("a", EVIL)),
        ),
    )
    return Report(
        result=BenchResult(
            tasks=tuple(tasks), references=tuple(references), scores=tuple(scores), mteb_version="2", summary=tuple(summary)
        ),
        leakage=Leakage(found=(TaskLeaks(task="law", reference=EVIL, items=12, item="queries", leaks=(leak,), trained=(EVIL,)),)),
        examples=[found],
        curves=[curve()],
        command=f"adapt bench '{EVIL}'",
        created="2026-01-02 03:04",
        versions=(("mteb", EVIL),),
        references=[(EVIL, ((EVIL, EVIL),))],
        comparisons=[
            Comparison(task=task, first="legal@1", second=name, interval=interval(0.75 - SCORES[name]))
            for task in ("law", EVIL)
            for name in ("medical@1", EVIL)
        ],
        recall=[
            RecallCurve(task=task, cutoffs=(1, 5, 10), recall={name: (0.1, value, 1.0) for name, value in SCORES.items()})
            for task in ("law", EVIL)
        ],
        costs=[Cost(reference=name, size=10**7, dimension=384, encoded=0, texts_per_s=None) for name in SCORES],
    )


def interval(difference: float) -> Interval:
    ends = {"low": difference - 0.05, "high": difference + 0.05, "p": 0.01, "p_holm": 0.02, "significant": True}
    return Interval(metric="nDCG@10", difference=difference, method="bootstrap", **ends)  # type: ignore[arg-type]


def curve() -> WeightCurve:
    ndcg = tuple({"law": 0.4 + x, EVIL: 0.6 - x} for x in (0.0, 0.1, 0.2))
    line = WeightLine(axis=EVIL, x=(0.0, 0.5, 1.0), ndcg=ndcg, general=(0.8, 0.82, 0.81), chosen=0.5)
    return WeightCurve(
        reference="both@1",
        names=("legal@1", EVIL),
        weights=(0.5, 0.5),
        domains=("law", EVIL),
        general_name="general",
        base_ndcg={"law": 0.3, EVIL: 0.35},
        base_general=0.83,
        lines=(line,),
    )


@pytest.fixture
def opened(browser: Any, tmp_path: Path) -> Iterator[tuple[Page, list[str]]]:
    """The report in a window of a phone's width, with all that went wrong or was asked for."""
    (tmp_path / "report.html").write_text(render_report(report()), encoding="utf-8")
    page = browser.new_page(viewport={"width": 390, "height": 844})
    told: list[str] = []
    page.on("console", lambda message: told.append(f"{message.type}: {message.text}"))
    page.on("pageerror", lambda error: told.append(f"error: {error}"))
    page.on("request", lambda request: None if request.url.startswith(("file:", "data:")) else told.append(f"request: {request.url}"))
    page.goto((tmp_path / "report.html").as_uri())
    yield page, told
    page.close()


def column(page: Page, table: str, number: int) -> list[str]:
    cells = page.locator(f"{table} tbody tr td:nth-child({number})").all_text_contents()
    return [" ".join(cell.split()) for cell in cells]


def test_nothing_goes_wrong_and_no_text_of_the_users_runs(opened: tuple[Page, list[str]]) -> None:
    page, told = opened
    for details in page.locator("details").all():
        details.evaluate("each => { each.open = true }")
    assert page.evaluate("window.pwned") is None
    assert told == []
    assert page.locator("body").inner_text().count("window.pwned") > 10
    assert page.locator("img").count() == 0


def test_what_would_run_is_stopped_by_the_pages_own_policy_too(opened: tuple[Page, list[str]]) -> None:
    page, told = opened
    page.evaluate("document.body.append(Object.assign(document.createElement('script'), { textContent: 'window.pwned = 1' }))")
    assert page.evaluate("window.pwned") is None
    assert any("Content Security Policy" in each for each in told)


def test_charts_are_drawn(opened: tuple[Page, list[str]]) -> None:
    page, _ = opened
    boxes = {
        name: [each.bounding_box() for each in page.locator(name).all()]
        for name in ("svg.chart", "svg .bar", "svg .trace", "svg.chart circle", "svg.interval .at")
    }
    assert [len(found) for found in boxes.values()] == [2 + 2 + 1, 6, 3 + 8, 9 + 24 + 4, 6 + 4]
    for name, found in boxes.items():
        assert all(box and box["width"] > 0 and box["height"] > 0 for box in found), name
    gains = [box["width"] for box in boxes["svg .bar"][::2]]
    assert gains[0] == pytest.approx(2 * gains[1], rel=0.05)  # 0.25 and 0.125
    assert boxes["svg .bar"][4]["x"] < boxes["svg .bar"][0]["x"] - 10  # what was lost lies left of 0
    assert all(box["x"] >= 0 and box["x"] + box["width"] <= 390 for name in ("svg.chart", "svg .bar") for box in boxes[name])


def test_letters_in_a_chart_are_legible_on_a_phone(opened: tuple[Page, list[str]]) -> None:
    page, _ = opened
    heights = [each.bounding_box()["height"] for each in page.locator("svg.chart text").all()]
    assert min(heights) > 9


def test_a_click_on_a_heading_sorts_and_another_turns_the_order(opened: tuple[Page, list[str]]) -> None:
    page, told = opened
    table = "#overview table"
    assert column(page, table, 2) == ["0.5000", "0.7500", "0.6250", "0.2500"]
    heading = page.locator(f"{table} th:nth-child(2) button")
    heading.click()
    assert column(page, table, 2) == ["0.7500", "0.6250", "0.5000", "0.2500"]
    assert page.locator(f"{table} th:nth-child(2)").get_attribute("aria-sort") == "descending"
    heading.click()
    assert column(page, table, 2) == ["0.2500", "0.5000", "0.6250", "0.7500"]
    page.locator(f"{table} th:nth-child(1) button").click()
    assert column(page, table, 1)[1:3] == ["baseadapter", "legal@1adapter"]  # a name, and its kind small under it
    assert page.locator(f"{table} th:nth-child(2)").get_attribute("aria-sort") is None
    assert told == []


def test_what_has_no_number_stays_last_in_either_order(opened: tuple[Page, list[str]]) -> None:
    page, _ = opened
    heading = page.locator("#overview table th:nth-child(3) button")
    for expected in (["+0.2500", "+0.1250", "−0.2500", "–"], ["−0.2500", "+0.1250", "+0.2500", "–"]):
        heading.click()
        assert column(page, "#overview table", 3) == expected


def test_on_a_phone_a_row_is_a_block_and_nothing_scrolls_sideways(opened: tuple[Page, list[str]]) -> None:
    page, _ = opened
    page.evaluate(OPEN_ALL)
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    assert page.locator(".scroll").evaluate_all("all => all.filter(each => each.scrollWidth > each.clientWidth).length") == 0
    row = page.locator("#differences tbody tr").first
    boxes = [cell.bounding_box() for cell in row.locator("td").all()]
    assert all(above["y"] + above["height"] <= below["y"] + 1 for above, below in pairwise(boxes))
    headings = row.locator("td").evaluate_all("all => all.map(each => getComputedStyle(each, '::before').content)")
    assert headings[:4] == ['"task"', '"reference"', '"score"', '"difference"']
    page.set_viewport_size({"width": 1280, "height": 900})
    assert len({round(cell.bounding_box()["y"]) for cell in row.locator("td").all()}) == 1  # a row again


OPEN_ALL = "document.querySelectorAll('details').forEach(each => { each.open = true })"
UNREACHABLE = """() => [...document.querySelectorAll("main *, header *")].filter(each => {
  if (each.closest(".hint[hidden], title, svg text") || !each.getClientRects().length) return false;
  const own = each.getBoundingClientRect(), box = each.closest(".scroll");
  if (box && box !== each) return own.right > box.getBoundingClientRect().left + box.clientLeft + box.scrollWidth + 1;
  return own.left < -1 || own.right > document.documentElement.clientWidth + 1;
}).map(each => each.outerHTML.slice(0, 200))"""
CUT = """() => [...document.querySelectorAll("td, th, figure, section, details, dd, pre")].filter(each =>
  each.scrollWidth > each.clientWidth + 1 && getComputedStyle(each).overflowX !== "visible"
).map(each => each.outerHTML.slice(0, 200))"""
OVERLAPPING = """() => [...document.querySelectorAll("tr")].filter(row => {
  const boxes = [...row.cells].map(cell => {
    const range = document.createRange();
    range.selectNodeContents(cell);
    return [cell.getBoundingClientRect(), range.getBoundingClientRect()];
  });
  return boxes.some(([cell, content], number) => content.right > cell.right + 1 || content.left < cell.left - 1
    || (number && boxes[number - 1][0].right > cell.left + 1 && boxes[number - 1][0].bottom > cell.top + 1));
}).map(row => row.outerHTML.slice(0, 300))"""


@pytest.mark.parametrize("width", [390, 1280, 1920])
def test_nothing_is_clipped_and_what_is_wider_than_the_page_scrolls_and_says_so(opened: tuple[Page, list[str]], width: int) -> None:
    page, told = opened
    page.set_viewport_size({"width": width, "height": 900})
    page.evaluate(OPEN_ALL)
    page.wait_for_timeout(100)  # for what observes the width
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate(UNREACHABLE) == []
    assert page.evaluate(CUT) == []
    assert page.evaluate(OVERLAPPING) == []
    sheets = page.locator(".sheet").all()
    assert len(sheets) == len(page.locator("table").all()) == 8
    for sheet in sheets:
        box = sheet.locator(".scroll")
        is_wide = box.evaluate("each => each.scrollWidth > each.clientWidth")
        assert sheet.locator(".hint").is_visible() == is_wide
        if is_wide:
            assert box.evaluate("each => { each.scrollLeft = 9999; return each.scrollLeft + each.clientWidth >= each.scrollWidth - 1 }")
    assert told == []


def test_on_a_wide_screen_plain_tables_fit(opened: tuple[Page, list[str]]) -> None:
    page, _ = opened
    for width in (1280, 1920):
        page.set_viewport_size({"width": width, "height": 900})
        for section in ("#differences", "#comparisons", "#costs", "#recall"):
            assert page.locator(f"{section} .scroll").first.evaluate("each => each.scrollWidth <= each.clientWidth"), (width, section)


def test_letters_of_charts_stay_within_them(opened: tuple[Page, list[str]]) -> None:
    page, _ = opened
    for chart in page.locator("svg.chart").all():
        frame = chart.bounding_box()
        for text in chart.locator("text:not(.name)").all():
            box = text.bounding_box()
            assert frame["x"] - 1 <= box["x"]
            assert box["y"] + box["height"] <= frame["y"] + frame["height"] + 1


def test_the_scatter_has_as_many_points_as_queries(opened: tuple[Page, list[str]]) -> None:
    page, _ = opened
    dots = page.locator("svg.scatter .dot")
    assert sum(int(count) for count in dots.evaluate_all("all => all.map(each => each.dataset.count)")) == 12
    assert page.locator("svg.scatter .count").all_text_contents() == ["9"]
    boxes = [each.bounding_box() for each in dots.all()]
    assert boxes[0]["x"] == pytest.approx(boxes[1]["x"])  # both were 0 with the base
    assert boxes[0]["y"] > boxes[1]["y"] + 100  # and the reference won the second one
    titles = dots.locator("title").all_text_contents()
    assert titles[2].splitlines()[0] == f"9 queries: 0.3869 with base, 0.3869 with {EVIL}"
    assert titles[2].splitlines()[-1] == "and 4 more"


def test_a_click_saves_the_rows_of_a_table_without_a_network(opened: tuple[Page, list[str]], tmp_path: Path) -> None:
    page, told = opened
    names = []
    for number, link in enumerate(page.locator(".sheet a[download]").all()):
        with page.expect_download() as started:
            link.click()
        started.value.save_as(tmp_path / f"{number}.csv")
        names.append(started.value.suggested_filename)
        rows = list(csv.reader((tmp_path / f"{number}.csv").read_text(encoding="utf-8-sig").splitlines(keepends=True)))
        shown = page.locator(".sheet").nth(number).locator("tbody tr")
        assert len(rows) == shown.count() + 1
        for row, cells in zip(rows[1:], shown.all(), strict=True):
            assert row[0] in cells.locator("td").first.inner_text()
    assert names[:2] == ["overview.csv", "differences.csv"]
    assert len(set(names)) == len(names) == 8
    assert told == []
    overview = list(csv.reader((tmp_path / "0.csv").read_text(encoding="utf-8-sig").splitlines(keepends=True)))
    assert [row[0] for row in overview[1:]] == list(SCORES)
    assert [float(row[overview[0].index("domain mean")]) for row in overview[1:]] == list(SCORES.values())
    change = overview[0].index("general change (below 0: forgetting)")
    assert [row[change] for row in overview[1:]] == ["", "-0.0100", "-0.0100", "-0.0100"]


def test_the_table_and_the_chart_give_forgetting_one_sign(opened: tuple[Page, list[str]]) -> None:
    page, _ = opened
    headings = page.locator("#overview th").all_text_contents()
    column_of = next(number for number, text in enumerate(headings, start=1) if "forgetting" in text)
    bars = page.locator("#gain-chart rect.general title").all_text_contents()
    assert [text.rsplit(": ", 1)[1] for text in bars] == column(page, "#overview table", column_of)[1:] == ["−0.0100"] * 3


def test_dark_mode_is_dark_and_light_mode_light(opened: tuple[Page, list[str]]) -> None:
    page, _ = opened
    brightness = {}
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        colours = page.evaluate("(({ color, backgroundColor }) => [color, backgroundColor])(getComputedStyle(document.body))")
        brightness[scheme] = [sum(int(part) for part in colour[4:-1].split(",")) / 765 for colour in colours]
    assert brightness["light"][0] < 0.2 < 0.9 < brightness["light"][1]
    assert brightness["dark"][1] < 0.2 < 0.8 < brightness["dark"][0]


@pytest.mark.parametrize("width", [390, 1280])
def test_the_page_of_an_ab_test_runs_no_text_and_clips_nothing(browser: Any, event_logs: Any, tmp_path: Path, width: int) -> None:
    log = event_logs.Log((f"base{EVIL}", f"legal{EVIL}"))
    for user in range(600):
        log.answer(f"{user}", user % 2, clicks=[1] * (user % 3 == 0), segment=f"{user % 2}{EVIL}", at=user % 300 * 3600.0)
    found = make_report(ReportRequest(folder=log.write(tmp_path / "log")))
    (tmp_path / "ab.html").write_text(render_ab_report(found, "adapt ab report", "zh"), encoding="utf-8")
    page, told = browser.new_page(viewport={"width": width, "height": 900}), []
    page.on("console", lambda message: told.append(f"{message.type}: {message.text}"))
    page.on("request", lambda request: None if request.url.startswith(("file:", "data:")) else told.append(f"request: {request.url}"))
    page.goto((tmp_path / "ab.html").as_uri())
    page.wait_for_timeout(100)
    assert page.evaluate("window.pwned") is None
    assert told == []
    assert page.locator("svg .trace").count() == 3
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate(UNREACHABLE) == page.evaluate(CUT) == page.evaluate(OVERLAPPING) == []
    page.close()
