"""The demo page as a server gives it: whom it is shown, under which policy, and that it works before a real server with keys."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from adapt_embed.abtests.log.read import Skipped, read_log
from adapt_embed.index.build import BuildRequest, prepare_build
from adapt_embed.references import Search
from adapt_embed.registry import open_registry
from adapt_embed.serve.page import PAGE_PATHS
from adapt_embed.serve.search.job import prepare_searching
from adapt_embed.serve.search.options import SearchOptions

KEY = "0123456789abcdef-a-key"
TEXTS = ["the tenant pays", "水 water", "<b>court</b>"]


@pytest.fixture(scope="module")
def filled(serving: Any, tiny_base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return serving.fill(tmp_path_factory.mktemp("page") / "registry", tiny_base)


@pytest.fixture(scope="module")
def searching(
    serving: Any, filled: Path, tiny_base: Path, toy_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, Path]]:
    """The address of a server over an index of the base, and its log."""
    folder = tmp_path_factory.mktemp("page-index")
    where = Search(registry=open_registry(filled), base=str(tiny_base))
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("ADAPT_CACHE", str(folder / "cache"))
        prepare_build(BuildRequest(corpus=toy_folder, out=folder / "index", reference="base", where=where, settings=serving.FP32)).run()
    job = serving.prepare(filled, tiny_base)
    search = prepare_searching(SearchOptions(index=folder / "index", events=folder / "log"), job.catalog)
    with serving.running(job, searching=search) as running:
        yield running.address, folder / "log"


@pytest.fixture(scope="module")
def public(searching: tuple[str, Path], serving: Any, filled: Path, tiny_base: Path) -> Iterator[str]:
    """The address of a server with keys. The other one comes first: it starts a loop, which it cannot beside the browser's."""
    with serving.running(serving.prepare(filled, tiny_base, keys=(KEY,), public_page=True)) as running:
        yield running.address


def test_the_page_alone_is_open_and_nothing_near_it(public: str) -> None:
    with httpx.Client(base_url=public) as client:
        assert {path: client.get(path).status_code for path in sorted(PAGE_PATHS)} == dict.fromkeys(sorted(PAGE_PATHS), 200)
        closed = (
            "/v1/models",
            "/info",
            "/metrics",
            "/page",
            "/page/",
            "/page/index.html",
            "/page/routes.py",
            "/page/../v1/models",
            "/page/%2e%2e/info",
        )
        assert {path: client.get(path).status_code for path in closed} == dict.fromkeys(closed, 401)
        assert client.get("/v1/models", headers={"Authorization": f"Bearer {KEY}"}).status_code == 200
        assert client.post("/", json={}).status_code == 405


def test_every_file_of_the_page_has_the_policy(public: str) -> None:
    with httpx.Client(base_url=public) as client:
        for path in PAGE_PATHS:
            headers = client.get(path).headers
            assert headers["Content-Security-Policy"].startswith(
                "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'"
            )
            assert headers["X-Content-Type-Options"] == "nosniff"
            assert headers["Referrer-Policy"] == "no-referrer"
            assert "Access-Control-Allow-Origin" not in headers


def test_without_the_flag_the_page_needs_a_key_as_everything_does(serving: Any, filled: Path, tiny_base: Path) -> None:
    with serving.running(serving.prepare(filled, tiny_base, keys=(KEY,))) as running, httpx.Client(base_url=running.address) as client:
        assert {client.get(path).status_code for path in PAGE_PATHS} == {401}
        assert client.get("/", headers={"Authorization": f"Bearer {KEY}"}).status_code == 200
        assert client.get("/health").status_code == 200


def test_before_a_real_server_with_keys_the_page_compares_pasted_texts(
    public: str, browser: Any, serving: Any, filled: Path, tiny_base: Path
) -> None:
    context = browser.new_context(locale="zh-CN")
    page, told = context.new_page(), []
    page.on("console", lambda message: told.append(message.text))
    page.goto(public)
    page.wait_for_selector("text=此服务器需要密钥")
    page.fill("#key", KEY)
    page.press("#key", "Enter")
    page.wait_for_selector("#left option", state="attached")
    page.select_option("#right", "law@best")
    page.fill("#texts", "\n".join(TEXTS))
    page.fill("#query", "谁付房租")
    page.click("#go")
    page.wait_for_selector("#right-list li")
    for side, name in (("left", "base"), ("right", "law@best")):
        query = serving.alone(filled, tiny_base, name, ["谁付房租"], "query")
        scores = (serving.alone(filled, tiny_base, name, TEXTS) @ query.T)[:, 0]
        order = np.argsort(-scores)
        feet = [f"{row + 1} · 分数 {scores[row]:.4f}" for row in order]
        assert page.locator(f"#{side}-list .foot").all_inner_texts() == feet
    assert [each for each in told if "401" not in each] == []
    context.close()


def test_before_a_real_server_with_an_index_the_page_searches_with_both_and_belongs_to_no_test(
    searching: tuple[str, Path], browser: Any, serving: Any, filled: Path, tiny_base: Path, toy_folder: Path
) -> None:
    address, log = searching
    page, told = browser.new_page(locale="en-US"), []
    page.on("console", lambda message: told.append(message.text))
    page.goto(address)
    page.wait_for_selector("#left option", state="attached")
    page.select_option("#right", "law@best")
    page.fill("#query", "court often")
    page.click("#go")
    page.wait_for_selector("#right-list li")
    rows = [json.loads(line) for line in (toy_folder / "corpus.jsonl").read_text().splitlines()]
    corpus = serving.alone(filled, tiny_base, "base", [row["text"] for row in rows])
    orders = {}
    for side, name in (("left", "base"), ("right", "law@best")):
        orders[side] = np.argsort(-(corpus @ serving.alone(filled, tiny_base, name, ["court often"], "query")[0]), kind="stable").tolist()
        assert page.locator(f"#{side}-list .title").all_inner_texts() == [rows[row]["text"] for row in orders[side][:10]]
    marks = []
    for place, row in enumerate(orders["right"][:10], 1):
        there = orders["left"].index(row) + 1
        marks.append(
            f"new · was {there}" if there > 10 else "=" if there == place else f"↑{there - place}" if there > place else f"↓{place - there}"
        )
    assert page.locator("#right-list .mark [aria-hidden]").all_inner_texts() == marks
    assert page.inner_text("#right-name") == "law@best (law@1)"
    assert told == []
    page.close()
    answers = list(read_log(log, Skipped()))
    assert [(answer.user, answer.experiment, answer.query) for answer in answers] == [(None, None, "court often")] * 2
