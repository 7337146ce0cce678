"""Pairs as data, and the dev split of a source that has none."""

import pytest
from adapt_embed.data.pairs import Pairs, TrainingData, draw_queries, join_title, normalise
from adapt_embed.data.splits import MAX_DEV, MIN_DEV, split_dev


def single(count: int) -> tuple[Pairs, dict[str, str]]:
    """As many queries as passages, one answering each."""
    corpus = {f"p{n}": f"passage {n}" for n in range(count)}
    return Pairs({f"q{n}": f"query {n}" for n in range(count)}, {f"q{n}": {f"p{n}": 1} for n in range(count)}), corpus


@pytest.mark.parametrize(("count", "held"), [(100, MIN_DEV), (300, 30), (6000, MAX_DEV)])
def test_a_tenth_of_the_queries_is_held_out_within_bounds(count: int, held: int) -> None:
    pairs, corpus = single(count)
    train, dev, note = split_dev(pairs, corpus, 0)
    assert dev is not None
    assert len(dev) == held
    assert len(train) == count - held
    assert not train.queries.keys() & dev.queries.keys()
    assert f"{held} of {count} queries are held out (seed 0)" in note


def test_under_100_pairs_nothing_is_held_out() -> None:
    pairs, corpus = single(99)
    train, dev, note = split_dev(pairs, corpus, 0)
    assert train is pairs
    assert dev is None
    assert "under 100 pairs (99)" in note
    assert "no early stopping" in note


def test_few_queries_with_many_positives_are_not_halved() -> None:
    corpus = {f"p{n}": f"passage {n}" for n in range(120)}
    pairs = Pairs({f"q{n}": f"query {n}" for n in range(30)}, {f"q{n}": {f"p{4 * n + k}": 1 for k in range(4)} for n in range(30)})
    train, dev, note = split_dev(pairs, corpus, 0)
    assert train is pairs
    assert dev is None
    assert "too few queries (30)" in note


def test_the_split_depends_on_the_seed_alone() -> None:
    pairs, corpus = single(200)
    dev = [split_dev(pairs, corpus, seed)[1] for seed in (0, 0, 1)]
    assert dev[0] == dev[1] != dev[2]


def test_queries_that_share_a_text_or_a_positives_text_stay_together() -> None:
    pairs, corpus = single(200)
    corpus |= {"copy": "  PASSAGE 0 "}
    pairs.queries["q1"] = "Query  2"  # the same text as q2 after folding
    pairs.positives["q3"] = {"copy": 1}  # the same text as q0's p0
    for seed in range(20):
        _, dev, _ = split_dev(pairs, corpus, seed)
        assert dev is not None
        for one, other in (("q1", "q2"), ("q0", "q3")):
            assert (one in dev.queries) == (other in dev.queries)


def test_queries_that_all_share_a_passage_cannot_be_parted() -> None:
    pairs, corpus = single(150)
    for graded in pairs.positives.values():
        graded["p0"] = 1
    train, dev, note = split_dev(pairs, corpus, 0)
    assert train is pairs
    assert dev is None
    assert "share too many passages" in note


def test_drawing_is_seeded_and_draws_no_more_than_there_are() -> None:
    pairs, _ = single(50)
    assert draw_queries(pairs, 10, 0) == draw_queries(pairs, 10, 0) != draw_queries(pairs, 10, 1)
    assert len(draw_queries(pairs, 10, 0)) == 10
    assert draw_queries(pairs, 50, 0) is pairs


def test_drawing_does_not_depend_on_the_order_of_the_file() -> None:
    pairs, _ = single(50)
    turned = pairs.select(reversed(list(pairs.queries)))
    assert draw_queries(pairs, 10, 3) == draw_queries(turned, 10, 3)


def test_selected_pairs_keep_their_negatives() -> None:
    pairs = Pairs({"a": "x", "b": "y"}, {"a": {"p": 1}, "b": {"q": 2, "p": 1}}, {"b": ["n"]})
    assert pairs.select(["b"]) == Pairs({"b": "y"}, {"b": {"q": 2, "p": 1}}, {"b": ["n"]})
    assert pairs.pair_count == 3
    assert pairs.passage_ids() == {"p", "q", "n"}


def test_the_fingerprint_sees_texts_and_grades_but_neither_ids_nor_order() -> None:
    def data(first: str, second: str, query: str = "x", grade: int = 1, dev: Pairs | None = None) -> str:
        corpus = {first: "one", second: "two"}
        train = Pairs({first: query, second: "y"}, {first: {first: grade}, second: {second: 1}})
        return TrainingData(corpus=corpus, train=train, dev=dev, source="s").fingerprint()

    assert data("a", "b") == data("b", "a")
    dev = Pairs({"a": "z"}, {"a": {"a": 1}})
    assert len({data("a", "b"), data("a", "b", query="w"), data("a", "b", grade=2), data("a", "b", dev=dev)}) == 4


def test_titles_are_joined_and_texts_folded() -> None:
    assert join_title("T", "x") == "T x"
    assert join_title(None, "x") == "x"
    assert join_title("T", "") == "T"
    assert normalise("  Ein\tWORT\n") == "ein wort"
