"""The demo page in a real browser, before a server whose answers are known: what it shows, in both languages, and what it never does."""

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

uvicorn = pytest.importorskip("uvicorn", reason="needs the extra [serve]: pip install 'adapt-embed[serve]'")
from adapt_embed.serve.page import PAGE_PATHS, page_routes  # noqa: E402
from starlette.applications import Starlette  # noqa: E402
from starlette.requests import Request  # noqa: E402
from starlette.responses import JSONResponse, Response  # noqa: E402
from starlette.routing import Mount, Route  # noqa: E402

EVIL = "<img src=x onerror='window.pwned = 1'><script>window.pwned = 1</script>"
TITLES = ["crimson settee", EVIL, "绯色布艺沙发", *(f"item {number}" for number in range(60))]
ORDER = {"base": list(range(63)), "shop@best": [1, 0, 2, 11, 3, 4, 5, 6, 7, 55, *range(8, 11), *range(12, 55), *range(56, 63)]}
"""Model -> the items in its order: the second is first, the first second, the twelfth fourth, and the 56th tenth."""
MARKS = ["↑1", "↓1", "=", "new · was 12", "↓1", "↓1", "↓1", "↓1", "↓1", "new · was beyond 50"]
KEY = "a key, which is secret"

Page = Any  # playwright's, which is imported where it is there


@dataclass
class Server:
    """A server of known answers, and what it was asked."""

    key: str | None = None
    fails: tuple[int, dict[str, str]] | None = None
    asked: list[tuple[str, Any]] = field(default_factory=list)

    def routes(self, *, has_search: bool) -> list[Route]:
        answers = {"/v1/models": self.models, "/search": self.search, "/v1/embeddings": self.embed}
        return [
            *page_routes(has_search=has_search),
            *(Route(path, self.route(answer), methods=["GET", "POST"]) for path, answer in answers.items()),
        ]

    def route(self, answer: Any) -> Any:
        async def checked(request: Request) -> Response:
            body = await request.json() if request.method == "POST" else None
            self.asked.append((request.url.path, body))
            if self.key is not None and request.headers.get("Authorization") != f"Bearer {self.key}":
                return JSONResponse({"error": {"message": "no key"}}, 401)
            if self.fails and request.method == "POST":
                return JSONResponse({"error": EVIL}, self.fails[0], headers=self.fails[1])
            return JSONResponse(answer(body))

        return checked

    def models(self, _: Any) -> Any:
        return {"object": "list", "data": [{"id": name, "object": "model"} for name in ORDER]}

    def search(self, body: Any) -> Any:
        return {"results": [self.result(name, body["k"]) for name in body["model"]]}

    def result(self, name: str, k: int) -> Any:
        items = [
            {"id": f"id{row}", "score": 1 - place / 100, "title": TITLES[row], "text": f"text {row}"}
            for place, row in enumerate(ORDER[name])
        ]
        return {"model": name, "reference": {"shop@best": "shop@3"}.get(name, name), "ms": 2.5, "items": items[:k]}

    def embed(self, body: Any) -> Any:
        """Texts point at the query the more, the longer they are; for the adapter, the shorter."""
        sign = -1 if body["model"].startswith("shop") else 1
        texts = [body["input"]] if isinstance(body["input"], str) else body["input"]
        rows = [[1.0, 0.0]] if body["model"].endswith(":query") else [[1.0, 10.0 - sign * len(text) / 10] for text in texts]
        return {"data": [{"index": row, "embedding": vector} for row, vector in enumerate(rows)]}


@dataclass
class Site:
    """Both servers at their addresses: with an index, and without."""

    with_index: str
    without: str
    server: Server


def app_of(routes: list[Route]) -> Starlette:
    """The routes, and the same under a path, where a proxy may put them."""
    return Starlette(routes=[*routes, Mount("/under/a/path", routes=routes)])


@pytest.fixture(scope="module")
def running() -> Iterator[tuple[Server, list[str]]]:
    server = Server()
    started = [uvicorn.Server(uvicorn.Config(app_of(server.routes(has_search=has)), port=0, log_level="error")) for has in (True, False)]
    threads = [threading.Thread(target=each.run, daemon=True) for each in started]
    for thread in threads:
        thread.start()
    while not all(each.started for each in started):
        time.sleep(0.01)
    yield server, [f"http://127.0.0.1:{each.servers[0].sockets[0].getsockname()[1]}/" for each in started]
    for each, thread in zip(started, threads, strict=True):
        each.should_exit = True
        thread.join()


@pytest.fixture
def site(running: tuple[Server, list[str]]) -> Site:
    server, (with_index, without) = running
    server.key, server.fails = None, None
    server.asked.clear()
    return Site(with_index, without, server)


@pytest.fixture
def told() -> list[str]:
    """What a page's console said, and what it asked of others."""
    return []


@pytest.fixture
def visit(browser: Any, told: list[str]) -> Iterator[Any]:
    """Open an address in a window of its own, in a language."""
    contexts = []

    def opened(address: str, language: str = "en-US", width: int = 1280, **options: Any) -> Page:
        contexts.append(context := browser.new_context(viewport={"width": width, "height": 900}, locale=language, **options))
        page = context.new_page()
        page.on("console", lambda message: told.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: told.append(f"error: {error}"))
        page.on(
            "request", lambda request: None if request.url.startswith(address.split("?")[0]) else told.append(f"request: {request.url}")
        )
        page.goto(address)
        page.wait_for_selector("#left option, #fault:not([hidden])", state="attached")
        return page

    yield opened
    for context in contexts:
        context.close()


def searched(page: Page, query: str = "red sofa") -> Page:
    page.fill("#query", query)
    page.keyboard.press("Enter")
    page.wait_for_selector("#columns li")
    return page


def texts(page: Page, selector: str) -> list[str]:
    return [each.strip() for each in page.locator(selector).all_inner_texts()]


def test_a_query_shows_both_sides_what_moved_and_how_long_it_took(site: Site, visit: Any, told: list[str]) -> None:
    page = searched(visit(site.with_index))
    assert site.server.asked == [("/v1/models", None), ("/search", {"query": "red sofa", "model": ["base", "shop@best"], "k": 50})]
    assert texts(page, "#left-list .title") == TITLES[:10]
    assert texts(page, "#right-list .title") == [TITLES[row] for row in ORDER["shop@best"][:10]]
    assert texts(page, "#right-list .mark [aria-hidden]") == MARKS
    assert page.locator("#right-list .mark .spoken").all_text_contents()[:4] == [
        "up 1 place",
        "down 1 place",
        "same place",
        "new, 12 on the left",
    ]
    assert [text for text in texts(page, "#left-list .mark [aria-hidden]") if text] == ["right: 11", "right: 12"]
    assert (page.inner_text("#left-name"), page.inner_text("#right-name")) == ("base", "shop@best (shop@3)")
    assert page.inner_text("#left-took").startswith("2.5 ms on the server, ")
    assert page.inner_text("#status") == "10 results on each side; 9 of those on the right in another place than on the left"
    assert told == []


def test_texts_of_others_stay_text_and_the_policy_stops_what_would_run(site: Site, visit: Any, told: list[str]) -> None:
    page = searched(visit(site.with_index), EVIL)
    assert texts(page, "#right-list .title")[0] == EVIL
    assert page.locator("img, #columns script").count() == 0
    assert told == []
    for attempt in (
        "document.body.innerHTML = '<img src=x onerror=window.pwned=1>'",
        "document.body.append(Object.assign(document.createElement('script'), { text: 'window.pwned = 1' }))",
        "new Image().src = 'http://127.0.0.1:9/'",
        "fetch('http://127.0.0.1:9/').catch(() => 0)",
    ):
        page.evaluate(f"(async () => {{ try {{ await ({attempt}) }} catch {{ }} }})()")
    assert page.evaluate("window.pwned") is None
    assert len([each for each in told if "Content Security Policy" in each or "TrustedHTML" in each]) >= 3


def test_chinese_is_the_browsers_or_chosen_and_is_remembered_in_the_address(site: Site, visit: Any, told: list[str]) -> None:
    page = searched(visit(site.with_index, "zh-CN"), "红色沙发")
    assert page.inner_text("h1") == "两个模型并排比较"
    assert page.locator("html").get_attribute("lang") == "zh-Hans"
    assert texts(page, "#right-list .mark [aria-hidden]")[3] == "新 · 原第 12 位"
    page.click("[data-language=en]")
    assert page.inner_text("h1") == "Two models side by side"
    assert texts(page, "#right-list .mark [aria-hidden]") == MARKS  # what is shown is said anew, without asking again
    assert [path for path, _ in site.server.asked] == ["/v1/models", "/search"]
    assert page.url.endswith("?lang=en")
    page.reload()
    page.wait_for_selector("#left option", state="attached")
    assert page.inner_text("#go") == "Search"
    assert page.locator("[data-language=en]").get_attribute("aria-pressed") == "true"
    assert told == []


def test_both_languages_have_the_same_words_and_the_page_uses_no_other(site: Site, visit: Any) -> None:
    page = visit(site.with_index)
    words = page.evaluate(
        "import('./page/words.js').then(({ WORDS }) => Object.fromEntries(Object.entries(WORDS).map(([k, v]) => [k, Object.keys(v)])))"
    )
    assert words["en"] == words["zh"]
    used = page.evaluate(
        "[...document.querySelectorAll('[data-words], [data-label]')].map(each => each.dataset.words ?? each.dataset.label)"
    )
    assert set(used) <= set(words["en"])


def test_without_an_index_the_query_is_compared_with_texts_that_the_user_pastes(site: Site, visit: Any, told: list[str]) -> None:
    page = visit(site.without)
    page.fill("#query", "sofa")
    page.click("#go")
    assert page.inner_text("#fault") == "Paste at least one text."
    page.fill("#texts", f"short\n\n  much longer text \n{EVIL}\n")
    searched(page, "sofa")
    assert texts(page, "#left-list .title") == [EVIL, "much longer text", "short"]
    assert texts(page, "#right-list .title") == ["short", "much longer text", EVIL]
    assert texts(page, "#right-list .mark [aria-hidden]") == ["↑2", "=", "↓2"]
    assert page.inner_text("#left-list .foot >> nth=1") == "2 · score 0.1182"
    assert [body["model"] for path, body in site.server.asked if body] == [
        "base:query",
        "base:document",
        "shop@best:query",
        "shop@best:document",
    ]
    assert page.locator("#fault").is_hidden()
    assert told == []


def test_a_key_is_asked_for_where_the_server_wants_one_and_is_kept_in_the_page_alone(site: Site, visit: Any, told: list[str]) -> None:
    site.server.key = KEY
    page = visit(site.with_index)
    assert page.inner_text("#fault") == "This server asks for a key: enter it above."
    page.fill("#key", "another")
    page.click("#use-key")
    page.wait_for_selector("text=does not take this key")
    page.fill("#key", KEY)
    page.press("#key", "Enter")
    page.wait_for_selector("#left option", state="attached")
    searched(page)
    assert page.locator("#right-list li").count() == 10
    assert page.evaluate("JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie, location.href])").count(KEY) == 0
    page.reload()
    page.wait_for_selector("#fault:not([hidden])")
    assert page.input_value("#key") == ""
    assert [each for each in told if "401" not in each] == []


@pytest.mark.parametrize(
    ("fails", "english", "chinese"),
    [
        ((429, {"Retry-After": "7"}), "The server is busy; try again in 7 seconds.", "服务器繁忙，请在 7 秒后重试。"),
        ((422, {}), f"The server refused: 422, {EVIL}", f"服务器拒绝了请求：422，{EVIL}"),
    ],
    ids=["busy", "refused"],
)
def test_what_the_server_refuses_is_said_in_both_languages(
    site: Site, visit: Any, fails: tuple[int, dict[str, str]], english: str, chinese: str
) -> None:
    page = searched(visit(site.with_index))
    site.server.fails = fails
    page.fill("#query", "sofa")
    page.click("#go")
    page.wait_for_selector("#fault:not([hidden])")
    assert page.inner_text("#fault") == english
    assert (page.locator("#columns").is_hidden(), page.inner_text("#status")) == (True, ""), "the results were those of another query"
    page.click("[data-language=zh]")
    assert page.inner_text("#fault") == chinese


def test_under_a_path_of_a_proxy_everything_is_asked_for_under_it(site: Site, visit: Any, told: list[str]) -> None:
    page = searched(visit(f"{site.with_index}under/a/path/"))
    assert texts(page, "#right-list .mark [aria-hidden]") == MARKS
    assert [path for path, _ in site.server.asked] == ["/under/a/path/v1/models", "/under/a/path/search"]
    assert told == []


def test_every_field_has_a_label_and_the_keyboard_alone_is_enough(site: Site, visit: Any) -> None:
    page = visit(site.with_index)
    assert page.evaluate("[...document.querySelectorAll('input, select, textarea')].filter(each => !each.labels.length).length") == 0
    order = []
    for _ in range(6):
        page.keyboard.press("Tab")
        order.append(page.evaluate("document.activeElement.id || document.activeElement.dataset.language"))
    assert order == ["en", "zh", "left", "right", "query", "go"]
    assert page.get_by_role("alert").count() + page.locator("#fault[role=alert]").count() >= 1
    assert page.get_by_role("group", name="Language").count() == 1


@pytest.mark.parametrize("width", [320, 390, 1280])
def test_nothing_scrolls_sideways_and_columns_stand_below_one_another_on_a_phone(site: Site, visit: Any, width: int) -> None:
    page = searched(visit(site.with_index, "zh-CN", width))
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    left, right = (page.locator(f"#{side}-list").bounding_box() for side in ("left", "right"))
    assert (right["y"] > left["y"] + left["height"]) == (width < 640)
    assert page.locator(".mark").evaluate_all("all => all.filter(each => each.scrollWidth > each.clientWidth + 1).length") == 0


def test_dark_mode_is_dark_and_light_mode_light(site: Site, visit: Any) -> None:
    page = visit(site.with_index)
    brightness = {}
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        colour = page.evaluate("getComputedStyle(document.body).backgroundColor")
        brightness[scheme] = sum(int(part) for part in colour[4:-1].split(",")) / 765
    assert brightness["light"] > 0.9 > 0.2 > brightness["dark"]


def test_the_paths_that_may_be_open_are_those_of_the_page_and_each_has_the_policy() -> None:
    routes = page_routes(has_search=True)
    assert {route.path for route in routes} == PAGE_PATHS
    assert all(route.methods == {"GET", "HEAD"} for route in routes)
