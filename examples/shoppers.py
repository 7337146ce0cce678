"""Shoppers of a made-up shop, for whom the truth is known: nobody types these queries, and nobody clicks.

    python examples/shoppers.py open shop                                  write shop/corpus.jsonl and shop/truth.json
    python examples/shoppers.py open 商店 --language zh
    python examples/shoppers.py visit shop http://127.0.0.1:8080           search there as shoppers do, and tell of clicks and purchases

A shopper needs one kind of thing, and calls it partly by other words than the catalogue ("red sofa" for a crimson settee). He looks at a
position with the probability of that position, clicks what he looks at with the relevance of the item to his need, and buys some of what he
clicked: the model of `shop_log.py`, which writes such a log without a server. What is relevant to each query stands in `truth.json`; the
server never sees it.
"""

import argparse
import http.client
import json
import math
import os
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import product
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

import numpy as np
from shop_log import BRANDS, CATEGORIES, COLOURS, FEATURES, LANGUAGES, RELEVANCE, count_shared, examination_of

BOUGHT = 0.3
"""Of what was clicked, times its relevance."""
POPULARITY = 0.4
"""The n-th need is felt 1 / n ** 0.4 as often as the first."""
BATCH = 50
"""Events are told so many at a time, as a shop's pages do that send them in the background."""
WAITS = 20
"""A server that says 429 is asked so often again."""


@dataclass(frozen=True)
class Item:
    """What stands in the catalogue."""

    id: str
    title: str
    brand: str


@dataclass(frozen=True)
class Need:
    """What shoppers look for.

    Attributes:
        query: In their words.
        language: en or zh.
        relevance: Item id -> the probability of a click on it, if it is looked at; of the items of that kind alone.
    """

    query: str
    language: str
    relevance: Mapping[str, float]


@dataclass(frozen=True)
class Shop:
    """A shop whose truth is known; an item that no need names is clicked with the least relevance of `RELEVANCE`."""

    items: Sequence[Item]
    needs: Sequence[Need]


@dataclass(frozen=True)
class Traffic:
    """How the shop is used: how many searches, of how many users, how far down they are shown, and by which chance."""

    sessions: int = 1000
    users: int = 300
    length: int = 10
    bias: float = 1.0
    seed: int = 0


def make_shop(languages: Sequence[str] = LANGUAGES, needs: int = 100, categories: int = 10, known: float = 0.3, seed: int = 0) -> Shop:
    """Make a shop.

    Args:
        languages: Of the catalogue and of the shoppers; half of the needs for each of two.
        needs: How many, at most 30 for each category and language.
        categories: How many kinds of things there are, at most 10; 60 items each.
        known: The probability with which a shopper uses the catalogue's word.
        seed: Of what is needed, and of the words.
    """
    rng = np.random.default_rng(seed)
    kinds = [kind for language in languages for kind in _kinds(language, categories)]
    of_item = [(kind, brand) for kind in kinds for brand in BRANDS[kind[0]]]
    items = [Item(f"SKU{row:05d}", _joined(kind[0], (kind[2], kind[3], kind[1])), brand) for row, (kind, brand) in enumerate(of_item)]
    felt = [kind for language in languages for kind in _drawn(rng, _kinds(language, categories), needs // len(languages))]
    return Shop(items, [Need(_phrase(rng, kind, known), kind[0], _relevance(rng, kind, of_item, items)) for kind in felt])


def _kinds(language: str, categories: int) -> list[tuple[str, str, str, str]]:
    names = list(CATEGORIES[language])[:categories]
    return [(language, *kind) for kind in product(names, COLOURS[language], FEATURES[language])]


def _drawn(rng: np.random.Generator, kinds: list[tuple[str, str, str, str]], count: int) -> list[tuple[str, str, str, str]]:
    return [kinds[row] for row in rng.choice(len(kinds), count, replace=False)]


def _phrase(rng: np.random.Generator, kind: tuple[str, str, str, str], known: float) -> str:
    language, category, colour, feature = kind
    words = ((COLOURS, colour), (CATEGORIES, category), (FEATURES, feature))
    said = [word if rng.random() < known else table[language][word] for table, word in words]
    return _joined(language, (said[2], said[0], said[1]) if language == "zh" else said)


def _joined(language: str, words: Sequence[str]) -> str:
    return ("" if language == "zh" else " ").join(words)


def _relevance(rng: np.random.Generator, kind: tuple[str, ...], of_item: Sequence[tuple], items: Sequence[Item]) -> dict[str, float]:
    shared = [count_shared(kind, other) for other, _ in of_item]
    drawn = np.clip(np.array(RELEVANCE)[shared] * rng.uniform(0.8, 1.25, len(shared)), 0, 0.9)
    return {item.id: round(float(value), 4) for item, value, level in zip(items, drawn, shared, strict=True) if level}


class Server(Protocol):
    """What shoppers search with: a server over HTTP, or whatever answers alike."""

    def search(self, query: str, user: str, k: int, segment: str) -> dict[str, object]:
        """Return what `POST /search` returns."""

    def tell(self, events: list[dict[str, str]]) -> dict[str, object]:
        """Return what `POST /events` returns."""


@dataclass
class Seen:
    """What shoppers saw and did with one arm; `quality` sums the true nDCG of the lists."""

    searches: int = 0
    clicks: int = 0
    purchases: int = 0
    quality: float = 0.0


@dataclass
class Visit:
    """What came of some sessions: by arm, and what the server took of the events."""

    arms: dict[str, Seen] = field(default_factory=dict)
    accepted: int = 0
    refused: int = 0


def visit(shop: Shop, traffic: Traffic, server: Server) -> Visit:
    """Search as shoppers do, each session one query of one user, and tell the server of clicks and purchases."""
    rng = np.random.default_rng([traffic.seed, 1])
    popular = 1 / np.arange(1, len(shop.needs) + 1) ** POPULARITY
    needs = rng.choice(len(shop.needs), traffic.sessions, p=popular / popular.sum())
    looks = examination_of(traffic.length, traffic.bias)
    found, events = Visit(), []
    for number, row in enumerate(needs, 1):
        need, user = shop.needs[row], f"shopper{rng.integers(traffic.users)}"
        answer = server.search(need.query, user, traffic.length, need.language)
        (result,) = answer["results"]
        shown = [item["id"] for item in result["items"]]
        relevance = np.array([need.relevance.get(item, RELEVANCE[0]) for item in shown])
        clicked = rng.random(len(shown)) < relevance * looks[: len(shown)]
        bought = clicked & (rng.random(len(shown)) < BOUGHT * relevance)
        seen = found.arms.setdefault(str(answer.get("arm") or result["model"]), Seen())
        seen.searches, seen.clicks, seen.purchases = seen.searches + 1, seen.clicks + int(clicked.sum()), seen.purchases + int(bought.sum())
        seen.quality += true_ndcg(need, shown)
        for kind, did in (("click", clicked), ("purchase", bought)):
            events += [{"answer": result["answer"], "item": shown[at], "kind": kind} for at in np.flatnonzero(did)]
        if events and (len(events) >= BATCH or number == traffic.sessions):
            told = server.tell(events)
            found.accepted, found.refused, events = found.accepted + told["accepted"], found.refused + len(told["refused"]), []
    return found


def true_ndcg(need: Need, shown: Sequence[str], k: int = 10) -> float:
    """Return nDCG@k of a list, whose gains are true relevance."""
    discount = 1 / np.log2(np.arange(2, k + 2))
    gains = [need.relevance.get(item, RELEVANCE[0]) for item in shown[:k]]
    best = sorted([*need.relevance.values(), *[RELEVANCE[0]] * k], reverse=True)[:k]
    return float(np.dot(gains, discount[: len(gains)]) / np.dot(best, discount))


class OverHttp:
    """A server at an address, over one connection that is kept."""

    def __init__(self, url: str, key: str | None = None) -> None:
        """Take the address, with its path if it has one, and the bearer key; None: the server wants none."""
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise SystemExit(f"{url!r} is not an address; expected such as http://127.0.0.1:8080")
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self._connection, self._path = kind(parts.hostname, parts.port, timeout=60), parts.path.rstrip("/")
        self._headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {key}"} if key else {})

    def search(self, query: str, user: str, k: int, segment: str) -> dict[str, object]:
        """Ask for the results of a query."""
        return self._post("/search", {"query": query, "k": k, "user": user, "segment": segment})

    def tell(self, events: list[dict[str, str]]) -> dict[str, object]:
        """Tell of clicks and purchases."""
        return self._post("/events", {"events": events})

    def _post(self, path: str, body: dict[str, object]) -> dict[str, object]:
        for _ in range(WAITS):
            try:
                self._connection.request("POST", self._path + path, json.dumps(body).encode(), self._headers)
                answer = self._connection.getresponse()
                text = answer.read().decode("utf-8", "replace")
            except (OSError, http.client.HTTPException) as e:
                raise SystemExit(f"no answer to POST {path}: {type(e).__name__}: {e}; is the server running?") from None
            if answer.status != 429:
                break
            time.sleep(float(answer.headers.get("Retry-After") or 1))
        if answer.status != 200:
            raise SystemExit(f"POST {path}: {answer.status} {text[:300]}")
        return json.loads(text)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


def write_shop(folder: Path, shop: Shop) -> None:
    """Write the catalogue, which the server gets, and the truth, which it does not."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = ({"_id": item.id, "title": item.title, "text": item.brand} for item in shop.items)
    (folder / "corpus.jsonl").write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    truth = {"made_up": True, "needs": [asdict(need) for need in shop.needs]}
    (folder / "truth.json").write_text(json.dumps(truth, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def read_shop(folder: Path) -> Shop:
    """Read what `write_shop` wrote."""
    try:
        rows = [json.loads(line) for line in (folder / "corpus.jsonl").read_text(encoding="utf-8").splitlines()]
        needs = json.loads((folder / "truth.json").read_text(encoding="utf-8"))["needs"]
        return Shop([Item(row["_id"], row["title"], row["text"]) for row in rows], [Need(**need) for need in needs])
    except (OSError, ValueError, KeyError, TypeError) as e:
        raise SystemExit(f"{folder} is not a shop of `open` ({type(e).__name__}: {e}); make one: shoppers.py open {folder}") from None


def describe(found: Visit) -> str:
    """Return a line for each arm, and what became of the events."""
    lines = [
        f"{name}: {seen.searches} searches, {seen.clicks} clicks, {seen.purchases} purchases; "
        f"true nDCG@10 of what was shown {seen.quality / seen.searches:.3f}"
        for name, seen in sorted(found.arms.items())
    ]
    return "\n".join([*lines, f"events: {found.accepted} accepted, {found.refused} refused"])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    opened = commands.add_parser("open", help="write a shop")
    opened.add_argument("folder", type=Path)
    opened.add_argument("--language", choices=LANGUAGES, help="one language alone [default: both]")
    opened.add_argument("--needs", type=int, default=100)
    opened.add_argument("--categories", type=int, default=10)
    opened.add_argument("--known", type=float, default=0.3, help="how often shoppers use the catalogue's words")
    opened.add_argument("--seed", type=int, default=0)
    visited = commands.add_parser("visit", help="search in a shop, over HTTP")
    visited.add_argument("folder", type=Path)
    visited.add_argument("url")
    for name in ("sessions", "users", "length", "seed"):
        visited.add_argument(f"--{name}", type=int, default=getattr(Traffic, name))
    visited.add_argument(
        "--bias", type=float, default=Traffic.bias, help="a position is looked at 1 / position ** BIAS as often; 0: all alike"
    )
    return parser


LIMITS = {
    "needs": (2, math.inf),
    "categories": (1, len(CATEGORIES["en"])),
    "known": (0, 1),
    "sessions": (1, math.inf),
    "users": (1, math.inf),
    "length": (1, 100),
    "seed": (0, math.inf),
    "bias": (0, math.inf),
}


def main(words: Sequence[str] | None = None) -> None:
    """Write a shop, or visit one; a server's key is read from ADAPT_KEY."""
    parser = _parser()
    options = parser.parse_args(words)
    for name, (least, most) in LIMITS.items():
        if not least <= (value := getattr(options, name, least)) <= most:
            parser.error(f"--{name} is {value:g}; expected {least:g} " + ("or more" if most == math.inf else f"to {most:g}"))
    if options.command == "open":
        languages = (options.language,) if options.language else LANGUAGES
        if options.needs > (most := 30 * options.categories * len(languages)):
            parser.error(f"--needs is {options.needs}; {options.categories} categories have at most {most}")
        shop = make_shop(languages, options.needs, options.categories, options.known, options.seed)
        write_shop(options.folder, shop)
        print(f"{options.folder}: {len(shop.items)} items, {len(shop.needs)} needs; nobody types these queries, and nobody clicks")
        return
    traffic = Traffic(options.sessions, options.users, options.length, options.bias, options.seed)
    server = OverHttp(options.url, os.environ.get("ADAPT_KEY"))
    try:
        print(describe(visit(read_shop(options.folder), traffic, server)))
    finally:
        server.close()


if __name__ == "__main__":
    sys.exit(main())
