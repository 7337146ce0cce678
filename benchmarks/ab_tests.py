"""How often the report of an A/B test is wrong when it is read every day, what that costs, and what interleaving saves.

    python benchmarks/ab_tests.py                 all cells, 2,000 simulations each; goes on where it was stopped
    python benchmarks/ab_tests.py --report        print what is kept

Users come to two arms by a coin, over 28 days with a look at the end of each (`hourly`: of each hour); sums go through the functions of
abtests/statistics/ that the report uses. `stops`: the share of tests whose always-valid interval excludes 0 at some
look; `peeking`: the same for the interval of 95 % of one look; `at the end`: that one at the last look alone.

once: each user comes once. returning: users arrive over the 28 days and come back at rates of their own (gamma, shape 0.5), with click rates
of their own (beta, a + b = 4). loyal: a fixed crowd, of whom the busiest come ever more often. restless: a fixed crowd that comes three times as
often in each week as in the one before, with new click rates, so that late data say little of early ones. converted: returning users, of whom
the first purchase counts. `effect`: what one test at the end finds in 98 %.

interleaving: two rankers order 50 items for each of 4,000 queries by relevance and noise; the better one has less of it, and shares so much of
the other one's noise as the name says. A click comes with relevance / position. Sessions until a test of 80 % power, by A/B on the MRR of the
click and by the preference of team draft. `overlap`: of the first ten places of one ranker, the share that the other one shows too.

adapters: the same with bge-small-en-v1.5 and an adapter that ships over it as rankers, on the sample of the adapter's domain, which it was not
trained on; a passage that answers is clicked with 0.6 / position, any other with 0.02 / position. `step 0.2`: the second ranker's scores are a
fifth of the way from the base's to the adapter's, as a smaller change of the same kind.
"""

import json
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from adapt_embed.abtests.experiment.interleave import interleave
from adapt_embed.abtests.statistics.moments import Estimate, Moments, difference, estimate_ratio, sum_moments
from adapt_embed.abtests.statistics.remaining import fixed_variance
from adapt_embed.abtests.statistics.sequential import READY_EVENTS, READY_USERS, fixed_radius, radius
from cells import PROJECT, Cells, make_parser

CELLS = Cells("ab_tests")
DAYS, SIMULATIONS, ALPHA, POWER = 28, 2000, 0.05, 0.98
LEVELS = {
    "once 0.10": ("once", 0.10, 2000),
    "once 0.02": ("once", 0.02, 2000),
    "once 0.02, few": ("once", 0.02, 500),
    "hourly 0.10": ("hourly", 0.10, 2000),
    "hourly 0.02": ("hourly", 0.02, 2000),
    "returning 0.10": ("returning", 0.10, 2000),
    "returning 0.02": ("returning", 0.02, 2000),
    "returning 0.02, few": ("returning", 0.02, 500),
    "loyal 0.10": ("loyal", 0.10, 2000),
    "loyal 0.02": ("loyal", 0.02, 2000),
    "restless 0.10": ("restless", 0.10, 2000),
    "converted 0.02": ("converted", 0.02, 2000),
}
"""Name -> kind of traffic, rate of clicks, users of an arm."""
RANKERS = [(noise, shared, better) for noise in (0.3, 0.6) for shared in (0.8, 0.95, 0.99) for better in (0.03, 0.05, 0.1)]
DOMAINS, STEPS = ("legal", "medical"), (0.2, 0.3, 0.5, 1.0)
PLACES, ITEMS, QUERIES, SESSIONS = 10, 50, 4000, 200_000

Totals = tuple[np.ndarray, np.ndarray]
Rankers = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Relevance (queries, items), and the first places of both rankers (queries, places)."""


def main() -> None:
    options = make_parser(__doc__).parse_args()
    if options.fold:
        CELLS.fold()
    if not (options.report or options.fold):
        done = CELLS.read()
        for name, traffic in LEVELS.items():
            for kind, is_null in (("level", True), ("power", False)):
                if f"{kind} {name}" not in done and (is_null or traffic[0] != "converted"):  # a lift of clicks is another one of buyers
                    CELLS.write(f"{kind} {name}", simulate(Traffic(*traffic), SIMULATIONS, is_null=is_null))
        for rankers in RANKERS:
            name = "interleaving {}, shared {}, better by {}".format(*rankers)
            if name not in done:
                CELLS.write(name, compare_rankers(make_rankers(*rankers)))
        for domain in DOMAINS:
            if any(f"adapters {domain}, step {step}" not in done for step in STEPS):
                for step, rankers in open_rankers(domain, options.shared).items():
                    CELLS.write(f"adapters {domain}, step {step}", compare_rankers(rankers))
    print(json.dumps(CELLS.read(), indent=1))


@dataclass(frozen=True)
class Traffic:
    kind: str
    rate: float
    users: int

    def totals(self, drawn: np.random.Generator, users: int, lift: float) -> Totals:
        """Return what each user of an arm has at each look, (looks, users): y and x."""
        visits = self.visits(drawn, users)
        spread, weeks = {"once": 1e9, "returning": 4.0, "converted": 4.0, "loyal": 2.0, "restless": 1.0}[self.kind], DAYS // 7
        own = drawn.beta(self.rate * spread, (1 - self.rate) * spread, (users, weeks if self.kind == "restless" else 1))
        rates = np.repeat(np.clip(own + lift, 0, 1), DAYS // own.shape[1], axis=1)
        y, x = drawn.binomial(visits, rates).cumsum(1).T, visits.cumsum(1).T
        return ((y > 0) * 1.0, (x > 0) * 1.0) if self.kind == "converted" else (y.astype(float), x.astype(float))

    def visits(self, drawn: np.random.Generator, users: int) -> np.ndarray:
        """Return how often each user (users, days) comes on each day."""
        days, first = np.arange(DAYS), drawn.integers(0, DAYS, users)[:, None]
        if self.kind == "once":
            return (days == first).astype(int)
        if self.kind == "loyal":
            busy = drawn.gamma(0.3, 1, users)[:, None] * (1 + drawn.gamma(0.5, 2, users)[:, None] * 3 * days / DAYS)
            return drawn.poisson(busy)
        if self.kind == "restless":
            return drawn.poisson(drawn.gamma(0.5, 0.2, users)[:, None] * 3.0 ** (days // 7))
        return np.where(days < first, 0, drawn.poisson(drawn.gamma(0.5, 0.8, users)[:, None], (users, DAYS)) + (days == first))

    def arm(self, drawn: np.random.Generator, users: int, lift: float) -> tuple[Estimate, np.ndarray]:
        """Return the estimate of an arm at each look, and in how many users something is counted."""
        if self.kind == "hourly":
            hour, is_click = drawn.integers(0, 24 * DAYS, users), drawn.random(users) < self.rate + lift
            seen, clicked = (np.bincount(of, minlength=24 * DAYS).cumsum().astype(float) for of in (hour, hour[is_click]))
            return estimate_ratio(Moments(seen, clicked, seen, clicked, clicked, seen)), clicked
        y, x = self.totals(drawn, users, lift)
        return estimate_ratio(sum_moments(y, x)), (y > 0).sum(1)


def draw_test(traffic: Traffic, drawn: np.random.Generator, lift: float) -> tuple[Estimate, np.ndarray]:
    """Return the difference at each look, and whether a decision is possible there."""
    first = drawn.binomial(2 * traffic.users, 0.5)
    (one, active), (other, others) = traffic.arm(drawn, first, 0.0), traffic.arm(drawn, 2 * traffic.users - first, lift)
    ready = (np.minimum(one.users, other.users) >= READY_USERS) & (active + others >= READY_EVENTS)
    return difference(one, other), ready


def plan_effect(traffic: Traffic, pilots: int = 60) -> float:
    """Return the difference that one test at the end finds with `POWER`, from simulations of other seeds."""
    effect, distance = 0.0, fixed_variance(1.0, ALPHA, POWER) ** -0.5
    for turn in range(4):
        drawn = np.random.default_rng(10_000 + turn)
        effect = distance * float(np.mean([np.sqrt(draw_test(traffic, drawn, effect)[0].variance[-1]) for _ in range(pilots)]))
    return effect


def simulate(traffic: Traffic, simulations: int, *, is_null: bool, seed: int = 0) -> dict:
    """Return how often tests stop, under no difference or under the planned one; tau is the planned one."""
    effect = plan_effect(traffic)
    drawn = np.random.default_rng(seed)
    stops, peeking, end, days = 0, 0, 0, []
    with np.errstate(divide="ignore", invalid="ignore"):
        for _ in range(simulations):
            found, ready = draw_test(traffic, drawn, 0.0 if is_null else effect)
            excludes = (np.abs(found.value) > radius(found.variance, effect, ALPHA)) & ready
            fixed = np.abs(found.value) > fixed_radius(found.variance, ALPHA)
            stops, peeking, end = stops + excludes.any(), peeking + fixed.any(), end + fixed[-1]
            days += [int(excludes.argmax()) + 1] if excludes.any() else []
    rates = {"stops": stops / simulations, "peeking": peeking / simulations, "at the end": end / simulations}
    return {name: float(value) for name, value in rates.items()} | {
        "effect": effect,
        "simulations": simulations,
        "median look of those that stop": float(np.median(days)) if days else None,
    }


def open_rankers(domain: str, shared: Path) -> dict[float, Rankers]:
    """Return a base and its adapter as rankers of a sample's passages, by how far the second one is from the base to the adapter."""
    os.environ.setdefault("ADAPT_BASES", str(shared / "bases"))
    import adapt_embed

    folder = PROJECT / "data" / "samples" / "en" / domain
    passages, queries = (
        {row["_id"]: row["text"] for row in map(json.loads, (folder / name).read_text(encoding="utf-8").splitlines())}
        for name in ("corpus.jsonl", "queries.jsonl")
    )
    relevance = np.full((len(queries), len(passages)), 0.02)
    rows, columns = ({name: number for number, name in enumerate(of)} for of in (queries, passages))
    for path in (folder / "qrels").glob("*.tsv"):
        for line in path.read_text(encoding="utf-8").splitlines()[1:]:
            query, passage, _ = line.split("\t")
            relevance[rows[query], columns[passage]] = 0.6
    scores = []
    for reference in ("base", domain):
        model = adapt_embed.load(reference, base="bge-small-en") if reference == "base" else adapt_embed.load(reference)
        scores.append(model.encode_query(list(queries.values())) @ model.encode_document(list(passages.values())).T)
    base, adapter = scores
    return {step: (relevance, first_places(base), first_places((1 - step) * base + step * adapter)) for step in STEPS}


def first_places(scores: np.ndarray) -> np.ndarray:
    return np.argsort(-scores, axis=1, kind="stable")[:, :PLACES]


def make_rankers(noise: float, shared: float, better: float, seed: int = 0) -> Rankers:
    """Return two rankers of items that are drawn, the second of which has less noise."""
    drawn = np.random.default_rng(seed)
    shape = (QUERIES, ITEMS)
    relevance = np.where(drawn.random(shape) < 0.1, drawn.uniform(0.2, 0.8, shape), drawn.uniform(0, 0.03, shape))
    common, own = drawn.normal(size=shape), drawn.normal(size=shape)
    mixed = np.sqrt(shared) * common + np.sqrt(1 - shared) * own
    return relevance, first_places(relevance + noise * common), first_places(relevance + noise * (1 - better) * mixed)


def click_mrr(relevance: np.ndarray, ranked: np.ndarray) -> tuple[float, float]:
    """Return mean and variance, over queries and clicks, of the MRR of the highest click."""
    chance = np.take_along_axis(relevance, ranked, axis=1) / np.arange(1, PLACES + 1)
    not_before = np.cumprod(np.concatenate([np.ones((len(chance), 1)), 1 - chance], axis=1), axis=1)[:, :-1]
    first, value = not_before * chance, 1 / np.arange(1, PLACES + 1)
    mean = float((first * value).sum(1).mean())
    return mean, float((first * value**2).sum(1).mean()) - mean**2


def draw_signs(rankers: Rankers, sessions: int, seed: int = 1) -> np.ndarray:
    """Return of each session whether the second ranker's items were clicked more (1), less (-1), or alike (0)."""
    relevance, *ranked = rankers
    drawn = np.random.default_rng(seed)
    chances, queries, found = drawn.random((sessions, PLACES)), drawn.integers(0, len(relevance), sessions), np.zeros(sessions)
    for session, query in enumerate(queries):
        made = interleave([each[query].tolist() for each in ranked], PLACES, session)
        clicked = chances[session] < relevance[query, list(made.items)] / np.arange(1, PLACES + 1)
        teams = [made.teams.get(made.items[place]) for place in np.flatnonzero(clicked)]
        found[session] = np.sign(teams.count(1) - teams.count(0))
    return found


def compare_rankers(rankers: Rankers, sessions: int = SESSIONS) -> dict:
    """Return how many sessions each way of comparing needs."""
    (mrr, variance), (better, better_variance) = (click_mrr(rankers[0], ranked) for ranked in rankers[1:])
    signs = draw_signs(rankers, sessions)
    by_users = 2 * (variance + better_variance) / fixed_variance(better - mrr, ALPHA, 0.8)
    by_lists = float(signs.var()) / fixed_variance(abs(signs.mean()), ALPHA, 0.8)
    return {
        "mrr": mrr,
        "difference": better - mrr,
        "overlap": float(np.mean([len(set(one) & set(other)) / PLACES for one, other in zip(*rankers[1:], strict=True)])),
        "decided": float((signs != 0).mean()),
        "preference": float(signs.mean()),
        "error of the preference": float(signs.std() / sessions**0.5),
        "sessions, A/B": by_users,
        "sessions, interleaved": by_lists,
        "times fewer": by_users / by_lists,
    }


if __name__ == "__main__":
    main()
