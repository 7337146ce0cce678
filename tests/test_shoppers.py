"""The shoppers of examples/shoppers.py: their truth, what they do with a server, and what they say where it does not answer."""

import importlib.util
import json
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

EXAMPLES = Path(__file__).parent.parent / "examples"

pytestmark = pytest.mark.skipif(not EXAMPLES.is_dir(), reason="examples/ is in the repository alone")


@pytest.fixture(scope="module")
def shoppers() -> Iterator[ModuleType]:
    with pytest.MonkeyPatch.context() as patched:
        patched.syspath_prepend(str(EXAMPLES))
        spec = importlib.util.spec_from_file_location("adapt_examples_shoppers", EXAMPLES / "shoppers.py")
        module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        yield module


class Ranker:
    """Shows the truly best items, or the worst, and remembers what it was told; no server."""

    def __init__(self, shop: Any, *, best: bool) -> None:
        self.needs, self.items, self.best = {need.query: need for need in shop.needs}, [item.id for item in shop.items], best
        self.users: list[str] = []
        self.told: list[dict[str, str]] = []

    def search(self, query: str, user: str, k: int, segment: str) -> dict[str, Any]:
        self.users.append(user)
        relevance = self.needs[query].relevance
        items = sorted(self.items, key=lambda item: relevance.get(item, 0), reverse=self.best)[:k]
        return {"results": [{"model": "m", "answer": f"a{len(self.users)}", "items": [{"id": item} for item in items]}]}

    def tell(self, events: list[dict[str, str]]) -> dict[str, Any]:
        self.told += events
        return {"accepted": len(events), "refused": []}


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_shop_is_written_and_read_with_a_truth_that_the_catalogue_does_not_hold(
    shoppers: ModuleType, tmp_path: Path, language: str, capsys: pytest.CaptureFixture[str]
) -> None:
    shoppers.main(["open", str(tmp_path / "店"), "--language", language, "--needs", "20", "--categories", "2", "--seed", "3"])
    assert capsys.readouterr().out.endswith("120 items, 20 needs; nobody types these queries, and nobody clicks\n")
    shop = shoppers.read_shop(tmp_path / "店")
    assert shop == shoppers.make_shop((language,), 20, 2, 0.3, 3)
    assert json.loads((tmp_path / "店" / "truth.json").read_text(encoding="utf-8"))["made_up"] is True
    catalogue = (tmp_path / "店" / "corpus.jsonl").read_text(encoding="utf-8")
    assert len(catalogue.splitlines()) == 120
    assert "relevance" not in catalogue
    assert all(need.language == language and sum(value > 0.5 for value in need.relevance.values()) >= 2 for need in shop.needs)


def test_shoppers_call_things_by_other_words_than_the_catalogue_unless_they_know_them(shoppers: ModuleType) -> None:
    def words(known: float) -> set[str]:
        shop = shoppers.make_shop(("en",), 60, 2, known)
        titles = {word for item in shop.items for word in item.title.split()}
        return {word for need in shop.needs for word in need.query.split()} & titles

    assert words(0) == set()
    assert {"settee", "crimson", "durable"} <= words(1)


def test_better_lists_get_more_clicks_and_the_same_seed_the_same_ones(shoppers: ModuleType) -> None:
    shop = shoppers.make_shop(("en", "zh"), 20, 2)
    traffic = shoppers.Traffic(sessions=300, users=40)
    good, again, bad = (Ranker(shop, best=best) for best in (True, True, False))
    seen, _, worse = (shoppers.visit(shop, traffic, each).arms["m"] for each in (good, again, bad))
    assert good.told == again.told
    assert seen.quality / seen.searches == pytest.approx(1)
    assert worse.quality / worse.searches < 0.1
    assert seen.clicks > 10 * worse.clicks
    assert seen.purchases < seen.clicks
    assert len(set(good.users)) == 40
    bought = {(event["answer"], event["item"]) for event in good.told if event["kind"] == "purchase"}
    assert bought <= {(event["answer"], event["item"]) for event in good.told if event["kind"] == "click"}


def test_the_first_places_are_looked_at_most(shoppers: ModuleType) -> None:
    shop = shoppers.make_shop(("en",), 10, 1)
    flat = shoppers.Shop(shop.items, [shoppers.Need(need.query, "en", {item.id: 0.5 for item in shop.items}) for need in shop.needs])
    ranker = Ranker(flat, best=True)
    shoppers.visit(flat, shoppers.Traffic(sessions=2000), ranker)
    order = [item.id for item in flat.items]
    clicks = np.array([sum(event["item"] == item and event["kind"] == "click" for event in ranker.told) for item in order[:10]])
    assert clicks / 2000 == pytest.approx(0.5 / np.arange(1, 11), abs=0.04)


@pytest.fixture
def answering() -> Iterator[Any]:
    """A server that gives the answers that it is told to, one after the other, and keeps what it was sent."""
    answers: list[tuple[int, dict[str, str], Any]] = []
    sent: list[tuple[str, str | None, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            sent.append((self.path, self.headers.get("Authorization"), body))
            status, headers, content = answers.pop(0)
            data = json.dumps(content).encode()
            self.send_response(status)
            for name, value in {"Content-Length": str(len(data)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/shop/", answers, sent
    server.shutdown()
    server.server_close()


def test_a_busy_server_is_asked_again_and_the_key_goes_along(shoppers: ModuleType, answering: Any) -> None:
    address, answers, sent = answering
    answers += [(429, {"Retry-After": "0"}, {}), (200, {}, {"results": []})]
    client = shoppers.OverHttp(address, "the-key")
    assert client.search("沙发", "u1", 10, "zh") == {"results": []}
    client.close()
    assert [each[:2] for each in sent] == [("/shop/search", "Bearer the-key")] * 2
    assert sent[1][2] == {"query": "沙发", "k": 10, "user": "u1", "segment": "zh"}


def test_what_a_server_refuses_and_that_there_is_none_is_one_line(shoppers: ModuleType, answering: Any) -> None:
    address, answers, _ = answering
    answers += [(401, {}, {"error": "a key is needed"})]
    client = shoppers.OverHttp(address)
    with pytest.raises(SystemExit, match=r"POST /search: 401 .*a key is needed"):
        client.search("sofa", "u", 10, "en")
    client.close()
    with pytest.raises(SystemExit, match=r"no answer to POST /events: ConnectionRefusedError.*is the server running"):
        shoppers.OverHttp("http://127.0.0.1:9").tell([])
    with pytest.raises(SystemExit, match="'8080' is not an address"):
        shoppers.OverHttp("8080")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["open", "shop", "--needs", "1"], "--needs is 1; expected 2 or more"),
        (["open", "shop", "--language", "en", "--categories", "1", "--needs", "31"], "--needs is 31; 1 categories have at most 30"),
        (["open", "shop", "--known", "2"], "--known is 2; expected 0 to 1"),
        (["visit", "shop", "http://127.0.0.1:9", "--length", "0"], "--length is 0; expected 1 to 100"),
    ],
)
def test_words_out_of_range_are_refused(
    shoppers: ModuleType,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit):
        shoppers.main(words)
    assert message in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_a_shop_is_told_with_what_makes_one(shoppers: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"is not a shop of `open` \(FileNotFoundError.*make one: shoppers.py open"):
        shoppers.main(["visit", str(tmp_path), "http://127.0.0.1:9"])
