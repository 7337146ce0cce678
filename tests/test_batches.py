"""Which queries and passages stand in which batch."""

import numpy as np
import pytest
from adapt_embed.adapters.batches import Batches, TextBatch
from adapt_embed.adapters.config import TrainConfig
from adapt_embed.data.pairs import Corpus, Pairs


def plain(count: int) -> tuple[Pairs, Corpus]:
    ids = [f"q{number:02}" for number in range(count)]
    pairs = Pairs({qid: f"question {qid}" for qid in ids}, {qid: {f"p{qid}": 1} for qid in ids})
    return pairs, {f"p{qid}": f"answer {qid}" for qid in ids}


def make(pairs: Pairs, corpus: Corpus, **settings: object) -> Batches:
    return Batches(pairs, corpus, TrainConfig(**{"batch_size": 4, "epochs": 2, **settings}))  # type: ignore[arg-type]


def same(left: TextBatch, right: TextBatch) -> bool:
    arrays = np.array_equal(left.positive, right.positive) and np.array_equal(left.ignored, right.ignored)
    return (left.queries, left.passages) == (right.queries, right.passages) and arrays


def role(batch: TextBatch, query: str, passage: str) -> str:
    """What a passage is to a query in a batch."""
    row, column = batch.queries.index(query), batch.passages.index(passage)
    assert not (batch.positive[row, column] and batch.ignored[row, column])
    return "positive" if batch.positive[row, column] else "ignored" if batch.ignored[row, column] else "negative"


def test_a_batch_depends_on_nothing_but_the_step() -> None:
    pairs, corpus = plain(10)
    forwards, backwards = make(pairs, corpus), make(pairs, corpus)
    first = [forwards.batch(step) for step in range(forwards.steps)]
    second = [backwards.batch(step) for step in reversed(range(backwards.steps))][::-1]
    assert all(same(left, right) for left, right in zip(first, second, strict=True))


def test_the_order_of_the_queries_given_changes_nothing() -> None:
    pairs, corpus = plain(10)
    shuffled = pairs.select(sorted(pairs.queries, reverse=True))
    assert same(make(pairs, corpus).batch(1), make(shuffled, corpus).batch(1))


@pytest.mark.parametrize("count", [8, 10, 11])
def test_each_epoch_holds_every_query_once(count: int) -> None:
    pairs, corpus = plain(count)
    batches = make(pairs, corpus)
    for epoch in range(2):
        steps = range(epoch * batches.steps_per_epoch, (epoch + 1) * batches.steps_per_epoch)
        assert sorted(text for step in steps for text in batches.batch(step).queries) == sorted(pairs.queries.values())


def test_a_single_query_left_over_waits_for_another_epoch() -> None:
    pairs, corpus = plain(9)
    batches = make(pairs, corpus, epochs=20)
    assert batches.steps_per_epoch == 2
    seen = [text for step in range(batches.steps) for text in batches.batch(step).queries]
    assert len(seen) == 20 * 8
    assert set(seen) == set(pairs.queries.values())


def test_epochs_and_seeds_draw_other_orders() -> None:
    pairs, corpus = plain(12)
    batches = make(pairs, corpus)
    first = [batches.batch(step).queries for step in range(3)]
    assert first != [batches.batch(step).queries for step in range(3, 6)]
    assert first != [make(pairs, corpus, seed=1).batch(step).queries for step in range(3)]


def test_a_batch_larger_than_the_data_is_one_step_an_epoch() -> None:
    pairs, corpus = plain(3)
    batches = make(pairs, corpus, batch_size=32)
    assert batches.steps == 2
    assert sorted(batches.batch(1).queries) == sorted(pairs.queries.values())


def test_only_the_given_pairs_are_positive_and_strangers_are_negatives() -> None:
    pairs, corpus = plain(4)
    batch = make(pairs, corpus).batch(0)
    assert np.array_equal(batch.positive.sum(1), [1, 1, 1, 1])
    assert not batch.ignored.any()
    assert role(batch, "question q00", "answer q00") == "positive"
    assert role(batch, "question q00", "answer q01") == "negative"


def test_a_passage_stands_once_in_a_batch_however_it_is_spelt() -> None:
    pairs = Pairs({"a": "one", "b": "two", "c": "three"}, {"a": {"p": 1}, "b": {"q": 1}, "c": {"r": 1}})
    batch = make(pairs, {"p": "The  Answer", "q": "the answer", "r": "other"}).batch(0)
    assert batch.passages == ["The  Answer", "other"]
    assert [role(batch, query, "The  Answer") for query in ("one", "two", "three")] == ["positive", "positive", "negative"]


def test_a_querys_other_positives_are_never_its_negatives() -> None:
    pairs = Pairs({"a": "one", "b": "two"}, {"a": {"p1": 1, "p2": 1, "p3": 1}, "b": {"p1": 1, "p2": 1, "p3": 1, "p4": 1}})
    corpus = {pid: f"text {pid}" for pid in ("p1", "p2", "p3", "p4")}
    batches = make(pairs, corpus, epochs=20, positives_per_query=1)
    roles = {role(batch, "one", passage) for batch in map(batches.batch, range(20)) for passage in batch.passages if passage != "text p4"}
    assert roles == {"positive", "ignored"}


def test_a_copy_of_a_positive_is_never_a_negative() -> None:
    pairs = Pairs({"a": "one", "b": "two"}, {"a": {"p": 1, "q": 1}, "b": {"r": 1}})
    corpus = {"p": "first answer", "q": "second answer", "r": "SECOND  answer"}
    batches = make(pairs, corpus, positives_per_query=1, epochs=10)
    for batch in map(batches.batch, range(10)):
        assert all(role(batch, "one", passage) != "negative" for passage in batch.passages)


def test_what_answers_a_query_of_the_same_text_is_no_negative() -> None:
    pairs = Pairs({"a": "The rent?", "b": "the  rent?", "c": "other"}, {"a": {"p": 1}, "b": {"q": 1}, "c": {"r": 1}})
    batch = make(pairs, {"p": "text p", "q": "text q", "r": "text r"}).batch(0)
    assert role(batch, "The rent?", "text q") == role(batch, "the  rent?", "text p") == "ignored"
    assert role(batch, "The rent?", "text r") == "negative"


def test_a_passage_that_is_the_query_itself_is_no_negative() -> None:
    pairs = Pairs({"a": "The rent", "b": "two"}, {"a": {"p": 1}, "b": {"q": 1}})
    batch = make(pairs, {"p": "text p", "q": "the rent"}).batch(0)
    assert role(batch, "The rent", "the rent") == "ignored"
    assert role(batch, "two", "the rent") == "positive"


def test_positives_and_hard_negatives_are_bounded_and_drawn_anew() -> None:
    pairs = Pairs(
        {"a": "one", "b": "two"},
        {"a": {f"p{number}": 1 for number in range(6)}, "b": {"q": 1}},
        {"a": [f"n{number}" for number in range(6)]},
    )
    corpus = {pid: f"text {pid}" for pid in pairs.passage_ids()}
    batches = make(pairs, corpus, positives_per_query=2, negatives_per_query=3, epochs=30)
    drawn = [batch.passages for batch in map(batches.batch, range(30))]
    assert {len(passages) for passages in drawn} == {2 + 3 + 1}
    assert {passage for passages in drawn for passage in passages} == set(corpus.values())
    batch = batches.batch(0)
    hard = [passage for passage in batch.passages if passage.startswith("text n")]
    assert len(hard) == 3
    assert {role(batch, query, passage) for query in ("one", "two") for passage in hard} == {"negative"}


def test_a_hard_negative_that_answers_the_query_is_not_held_against_it() -> None:
    pairs = Pairs({"a": "one", "b": "two"}, {"a": {"p": 1}, "b": {"q": 1}}, {"a": ["n"]})
    batch = make(pairs, {"p": "the answer", "q": "text q", "n": "THE answer"}).batch(0)
    assert role(batch, "one", "the answer") == "positive"
    assert len(batch.passages) == 2


def test_no_hard_negatives_are_used_when_none_are_wanted() -> None:
    pairs = Pairs({"a": "one", "b": "two"}, {"a": {"p": 1}, "b": {"q": 1}}, {"a": ["n"]})
    corpus = {"p": "text p", "q": "text q", "n": "text n"}
    assert make(pairs, corpus, negatives_per_query=0).batch(0).passages == ["text p", "text q"]


def test_corpus_negatives_are_passages_that_no_pair_names_and_are_held_against_every_query() -> None:
    pairs = Pairs({"a": "one", "b": "two"}, {"a": {"p": 1}, "b": {"q": 1}}, {"a": ["n"]})
    others = {f"o{number}": f"other {number}" for number in range(5)}
    batches = make(pairs, {"p": "text p", "q": "text q", "n": "text n"} | others, corpus_negatives=2, epochs=30)
    drawn = [set(batch.passages) & set(others.values()) for batch in map(batches.batch, range(30))]
    assert {len(passages) for passages in drawn} == {2}
    assert set.union(*drawn) == set(others.values())
    batch = batches.batch(0)
    assert len(batch.passages) == 5
    assert {role(batch, query, passage) for query in ("one", "two") for passage in drawn[0]} == {"negative"}


def test_a_corpus_negative_is_shown_about_as_often_as_a_passage_that_is_trained_on() -> None:
    pairs, corpus = plain(40)
    batches = make(pairs, corpus | {f"o{number}": f"other {number}" for number in range(25)}, corpus_negatives=32, epochs=1)
    assert batches.steps == 10
    assert {len(batches.batch(step).passages) for step in range(10)} == {4 + 3}


def test_a_corpus_without_other_passages_gives_no_corpus_negatives() -> None:
    pairs, corpus = plain(8)
    assert len(make(pairs, corpus, corpus_negatives=32).batch(0).passages) == 4


def test_a_corpus_negative_of_the_text_of_an_answer_is_not_held_against_it() -> None:
    pairs = Pairs({"a": "one", "b": "two", "c": "One"}, {"a": {"p": 1}, "b": {"q": 1}, "c": {"r": 1}})
    corpus = {"p": "text p", "q": "text q", "r": "text r", "copy": "TEXT  p", "query": "two"}
    batch = make(pairs, corpus, corpus_negatives=32).batch(0)
    assert batch.passages == ["text p", "text q", "text r", "two"]
    assert role(batch, "one", "text p") == "positive"
    assert role(batch, "two", "two") == "ignored"


def test_corpus_negatives_leave_the_rest_of_a_batch_as_it_is() -> None:
    pairs, corpus = plain(12)
    without, having = make(pairs, corpus).batch(4), make(pairs, corpus | {"o": "other"}, corpus_negatives=32).batch(4)
    assert having.queries == without.queries
    assert having.passages == [*without.passages, "other"]
    assert np.array_equal(having.positive[:, :-1], without.positive)


def test_no_corpus_negatives_are_drawn_unless_wanted() -> None:
    pairs, corpus = plain(4)
    assert len(make(pairs, corpus | {"o": "other"}).batch(0).passages) == 4


def test_the_frequency_of_a_passage_is_the_number_of_training_queries_that_name_it() -> None:
    pairs = Pairs(
        {"a": "one", "b": "two", "c": "three"},
        {"a": {"p": 1}, "b": {"p": 1, "copy": 1}, "c": {"q": 1}},
        {"a": ["n"], "c": ["n", "p"]},
    )
    corpus = {"p": "text p", "copy": "TEXT  p", "q": "text q", "n": "text n", "o": "other"}
    batch = make(pairs, corpus, corpus_negatives=1).batch(0)
    assert dict(zip(batch.passages, batch.frequency.tolist(), strict=True)) == {"text p": 3, "text q": 1, "text n": 2, "other": 1}
