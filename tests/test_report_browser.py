"""The report in a real browser: nothing goes wrong, charts are drawn, tables sort, and no text of the user's runs."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from adapt_embed.bench.leakage import Leak, Leakage, TaskLeaks
from adapt_embed.bench.report.curve import WeightCurve, WeightLine
from adapt_embed.bench.report.examples import Example, Examples
from adapt_embed.bench.report.item_texts import Passage
from adapt_embed.bench.report.page import Report, render_report
from adapt_embed.bench.result import BenchedReference, BenchedTask, BenchResult, Interval, Score, Summary

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
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
    )
    return Report(
        result=BenchResult(
            tasks=tuple(tasks), references=tuple(references), scores=tuple(scores), mteb_version="2", summary=tuple(summary)
        ),
        leakage=Leakage(cells=(TaskLeaks(task="law", reference=EVIL, items=12, item="queries", leaks=(leak,), trained=(EVIL,)),)),
        examples=[found],
        curves=[curve()],
        command=f"adapt bench '{EVIL}'",
        created="2026-01-02 03:04",
        versions=(("mteb", EVIL),),
        references=[(EVIL, ((EVIL, EVIL),))],
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


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A headless Chromium: the one that ADAPT_CHROMIUM names, or one on the path."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="needs playwright: pip install 'adapt-embed[dev]'")
    path = os.environ.get("ADAPT_CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        pytest.skip(f"needs Chromium: none of {', '.join(BROWSERS)} is on the path (or name it in ADAPT_CHROMIUM)")
    with sync_api.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=QUIET)
        yield started
        started.close()


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
    assert [len(found) for found in boxes.values()] == [2, 6, 3, 9, 6]
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


def test_on_a_phone_tables_scroll_in_their_own_box(opened: tuple[Page, list[str]]) -> None:
    page, _ = opened
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    box = page.locator("#differences .scroll")
    assert box.evaluate("each => each.scrollWidth > each.clientWidth")


def test_dark_mode_is_dark_and_light_mode_light(opened: tuple[Page, list[str]]) -> None:
    page, _ = opened
    brightness = {}
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        colours = page.evaluate("(({ color, backgroundColor }) => [color, backgroundColor])(getComputedStyle(document.body))")
        brightness[scheme] = [sum(int(part) for part in colour[4:-1].split(",")) / 765 for colour in colours]
    assert brightness["light"][0] < 0.2 < 0.9 < brightness["light"][1]
    assert brightness["dark"][1] < 0.2 < 0.8 < brightness["dark"][0]
