"""A made-up shop and the log of its search, for which the truth is known: nobody typed these queries, and nobody clicked.

    python examples/shop_log.py shop                              English and Chinese, 100,000 sessions
    python examples/shop_log.py shop --language zh --sessions 20000 --users 3000

It writes `catalogue.csv` (id, title, brand, category), `log.csv` (query, item, position, clicked, bought, user, session, list) and `truth.json`
(how often each position is looked at; how relevant each item is to each query).

A shopper looks at a position with the probability of that position, and clicks what he looks at with the relevance of the item to the query
(the position-based model: Craswell et al. 2008, https://doi.org/10.1145/1341531.1341545). The shop's ranker knows relevance badly, and its
scores vary from session to session, so that one item stands at several positions for one query. With `--noise 0` every item has one position.
Shoppers use other words than the catalogue does ("sofa" for a settee), which is what an adapter can learn of the clicks.
"""

import argparse
import csv
import json
import math
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np

# What the catalogue writes: what shoppers type.
CATEGORIES = {
    "en": {
        "settee": "sofa",
        "electric kettle": "water boiler",
        "luminaire": "lamp",
        "hiking footwear": "mountain boots",
        "rucksack": "school bag",
        "vacuum flask": "hot coffee bottle",
        "culinary knife": "chef blade",
        "audio headset": "earphones",
        "duvet": "warm blanket",
        "bicycle lock": "bike chain",
    },
    "zh": {
        "布艺沙发": "长沙发椅",
        "电热水壶": "烧水壶",
        "照明灯具": "台灯",
        "登山鞋履": "爬山鞋",
        "双肩背包": "书包",
        "真空保温杯": "热水瓶",
        "厨用刀具": "菜刀",
        "头戴式耳机": "耳麦",
        "羽绒被": "厚被子",
        "自行车锁具": "单车锁",
    },
}
COLOURS = {
    "en": {"crimson": "red", "navy": "blue", "ivory": "white", "charcoal": "black", "emerald": "green", "amber": "yellow"},
    "zh": {"绯色": "红色", "藏青": "蓝色", "米白": "白色", "炭黑": "黑色", "翠绿": "绿色", "琥珀": "黄色"},
}
FEATURES = {
    "en": {"compact": "small", "premium": "expensive", "waterproof": "for rain", "lightweight": "not heavy", "durable": "unbreakable"},
    "zh": {"紧凑型": "小号", "高端款": "贵的", "防水型": "下雨用", "轻量款": "不重的", "耐用型": "摔不坏"},
}
BRANDS = {"en": ("Nordane", "Kelvet"), "zh": ("诺丹", "凯维")}
LANGUAGES = tuple(CATEGORIES)
RELEVANCE = (0.02, 0.1, 0.35, 0.7)
"""The probability of a click on what is looked at: of another kind; of the kind; with one of two properties that were asked for; with both."""
CANDIDATES = 50
"""Items that a query's results are taken from."""
MOST_QUERIES = len(CATEGORIES["en"]) * len(COLOURS["en"]) * len(FEATURES["en"])
"""Of each language."""
IGNORANCE = 0.3
"""The deviation of what the shop's ranker takes for relevance."""


@dataclass(frozen=True)
class Item:
    """What stands in the catalogue."""

    id: str
    title: str
    brand: str
    category: str


@dataclass(frozen=True)
class Shop:
    """A shop whose truth is known.

    Attributes:
        queries: Their texts, n.
        items: The catalogue.
        candidates: (n, m) int: which items a query's results are taken from.
        relevance: (n, m): the probability of a click on a candidate that is looked at.
        known: (n, m): what the shop's ranker takes for the relevance.
    """

    queries: list[str]
    items: list[Item]
    candidates: np.ndarray
    relevance: np.ndarray
    known: np.ndarray


@dataclass(frozen=True)
class Traffic:
    """How the shop is used. `noise` is the deviation of the ranker's scores between sessions, beside relevance from 0 to 1."""

    sessions: int = 100_000
    users: int = 20_000
    length: int = 10
    noise: float = 0.3
    seed: int = 0


Log = dict[str, np.ndarray]
"""Column -> values, one for each item of each list: query and item as rows of the shop, position from 1, clicked, bought, user, session."""


def make_shop(seed: int = 0, queries: int = 500, candidates: int = CANDIDATES, languages: tuple[str, ...] = LANGUAGES) -> Shop:
    """Return a shop: as many queries of each language, at most 300 of each."""
    rng = np.random.default_rng(seed)
    kinds = [(language, *kind) for language in languages for kind in product(CATEGORIES[language], COLOURS[language], FEATURES[language])]
    of_item = [kind for kind in kinds for _ in BRANDS[kind[0]]]
    items = [_make_item(row, kind, BRANDS[kind[0]][row % 2]) for row, kind in enumerate(of_item)]
    asked = [kinds[row] for language in range(len(languages)) for row in _draw_kinds(rng, language, queries // len(languages))]
    shared = np.array([[count_shared(kind, other) for other in of_item] for kind in asked])  # (n, items)
    foreign = np.array([[kind[0] != other[0] for other in of_item] for kind in asked])
    found = shared + rng.random(shared.shape) * 0.9 + 3 * (rng.random(shared.shape) < 0.05) - 9 * foreign
    near = np.argsort(-found, axis=1)[:, :candidates]
    graded = np.array(RELEVANCE)[np.take_along_axis(shared, near, axis=1)]
    relevance = np.clip(graded * rng.uniform(0.7, 1.4, graded.shape), 0.005, 0.9)
    return Shop([_phrase(kind) for kind in asked], items, near, relevance, relevance + rng.normal(0, IGNORANCE, relevance.shape))


def _draw_kinds(rng: np.random.Generator, language: int, count: int) -> np.ndarray:
    return language * MOST_QUERIES + rng.choice(MOST_QUERIES, count, replace=False)


def _make_item(row: int, kind: tuple[str, str, str, str], brand: str) -> Item:
    language, category, colour, feature = kind
    title = f"{colour}{feature}{category}" if language == "zh" else f"{colour} {feature} {category}"
    return Item(f"SKU{row:05d}", title, brand, category)


def _phrase(kind: tuple[str, str, str, str]) -> str:
    """Return a query in the shoppers' words."""
    language, category, colour, feature = kind
    words = (COLOURS[language][colour], CATEGORIES[language][category], FEATURES[language][feature])
    return f"{words[2]}{words[0]}{words[1]}" if language == "zh" else " ".join(words)


def count_shared(kind: tuple[str, ...], other: tuple[str, ...]) -> int:
    """Return 0 for another kind of thing, else 1 and one for each property that both have."""
    return 0 if kind[:2] != other[:2] else 1 + (kind[2] == other[2]) + (kind[3] == other[3])


def examination_of(length: int, bias: float = 1.0) -> np.ndarray:
    """Return how often each position is looked at, beside the first: 1 / position ** bias; 0: all alike."""
    return np.arange(1, length + 1) ** -float(bias)


def simulate(shop: Shop, traffic: Traffic, examination: np.ndarray) -> Log:
    """Return the log of some sessions, each one query of one user, in the order of sessions."""
    rng = np.random.default_rng([traffic.seed, 1])
    n = len(shop.queries)
    popular = rng.permutation(1 / np.arange(1, n + 1) ** 0.4)
    query = rng.choice(n, traffic.sessions, p=popular / popular.sum())
    user = rng.integers(0, traffic.users, traffic.sessions)
    parts = [_lists(shop, query[start : start + 20_000], traffic, examination, rng) for start in range(0, traffic.sessions, 20_000)]
    session = np.repeat(np.arange(traffic.sessions), traffic.length)
    joined = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    return joined | {"user": user[session], "session": session}


def _lists(shop: Shop, query: np.ndarray, traffic: Traffic, examination: np.ndarray, rng: np.random.Generator) -> Log:
    known = shop.known[query]  # (sessions, m)
    shown = np.argsort(-(known + rng.normal(0, 1, known.shape) * traffic.noise), axis=1)[:, : traffic.length]
    relevance = np.take_along_axis(shop.relevance[query], shown, axis=1)
    clicked = rng.random(shown.shape) < relevance * examination
    bought = clicked & (rng.random(shown.shape) < 0.3 * relevance)
    return {
        "query": np.repeat(query, traffic.length),
        "item": np.take_along_axis(shop.candidates[query], shown, axis=1).ravel(),
        "position": np.tile(np.arange(1, traffic.length + 1), len(query)),
        "clicked": clicked.ravel().astype(np.int64),
        "bought": bought.ravel().astype(np.int64),
    }


def write_shop(folder: Path, shop: Shop, log: Log, examination: np.ndarray) -> None:
    """Write the catalogue, the log and the truth."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "catalogue.csv").open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("id", "title", "brand", "category"))
        rows.writerows((item.id, item.title, item.brand, item.category) for item in shop.items)
    with (folder / "log.csv").open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("query", "item", "position", "clicked", "bought", "user", "session", "list"))
        columns = [log[name].tolist() for name in ("query", "item", "position", "clicked", "bought", "user", "session")]
        for query, item, position, clicked, bought, user, session in zip(*columns, strict=True):
            rows.writerow((shop.queries[query], shop.items[item].id, position, clicked, bought, f"u{user}", f"s{session}", f"s{session}"))
    relevant = {
        text: {shop.items[item].id: round(float(value), 4) for item, value in zip(shop.candidates[row], shop.relevance[row], strict=True)}
        for row, text in enumerate(shop.queries)
    }
    truth = {"made_up": True, "examination": [round(float(value), 4) for value in examination], "relevance": relevant}
    (folder / "truth.json").write_text(json.dumps(truth, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def main() -> None:
    """Write a shop into a folder."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--language", choices=LANGUAGES, help="one language alone [default: both]")
    parser.add_argument("--queries", type=int, default=None, help="[default: 250 of each language]")
    for name, kind in (("sessions", int), ("users", int), ("length", int), ("noise", float), ("seed", int)):
        parser.add_argument(f"--{name}", type=kind, default=getattr(Traffic, name, None) or 0)
    parser.add_argument("--bias", type=float, default=1.0, help="examination is 1 / position ** BIAS; 0: none")
    options = parser.parse_args()
    languages = (options.language,) if options.language else LANGUAGES
    options.queries = 250 * len(languages) if options.queries is None else options.queries
    for name, least, most in (
        ("queries", len(languages), MOST_QUERIES * len(languages)),
        ("length", 1, CANDIDATES),
        ("sessions", 1, math.inf),
        ("users", 1, math.inf),
        ("noise", 0, math.inf),
        ("seed", 0, math.inf),
        ("bias", 0, math.inf),
    ):
        if not least <= getattr(options, name) <= most:
            parser.error(f"--{name} is {getattr(options, name)}; expected {least} " + ("or more" if most == math.inf else f"to {most}"))
    traffic = Traffic(options.sessions, options.users, options.length, options.noise, options.seed)
    examination = examination_of(traffic.length, options.bias)
    shop = make_shop(options.seed, options.queries, languages=languages)
    log = simulate(shop, traffic, examination)
    write_shop(options.folder, shop, log, examination)
    print(
        f"{options.folder}: {len(shop.queries)} queries, {len(shop.items)} items, {len(log['query'])} rows, {log['clicked'].sum()} clicks"
    )


if __name__ == "__main__":
    main()
