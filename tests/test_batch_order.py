"""Batches of one source each, and negatives that the data give alone."""

from collections import Counter

import numpy as np
import pytest
from adapt_embed.adapters import TrainConfig
from adapt_embed.adapters.batch_order import OneSourceOrder, allot, split_by_source
from adapt_embed.adapters.batches import Batches
from adapt_embed.adapters.losses.fit import check_data_fit
from adapt_embed.data.joining import join_data
from adapt_embed.data.pairs import Pairs, TrainingData
from adapt_embed.errors import ConfigError, DataError, RequestError


def source(name: str, count: int, **stated: object) -> TrainingData:
    ids = [f"q{number:02}" for number in range(count)]
    pairs = Pairs({qid: f"{name} {qid}" for qid in ids}, {qid: {f"p{qid}": 1} for qid in ids}, **stated)  # type: ignore[arg-type]
    return TrainingData(corpus={f"p{qid}": f"{name} answer {qid}" for qid in ids}, train=pairs, dev=None, source=name)


def joined(*counts: int) -> TrainingData:
    return join_data([source(f"s{number}", count) for number, count in enumerate(counts)])


def make(data: TrainingData, **settings: object) -> Batches:
    return Batches(data.train, data.corpus, TrainConfig(**({"batch_size": 4, "epochs": 4, "one_source": True} | settings)))  # type: ignore[arg-type]


def sources_of(batches: Batches) -> list[str]:
    names = [{text.split()[0] for text in (*batch.queries, *batch.passages)} for batch in map(batches.batch, range(batches.steps))]
    assert all(len(each) == 1 for each in names)
    return [name for (name,) in names]


def test_each_batch_is_of_one_source_and_an_epoch_holds_every_query_once() -> None:
    data = joined(16, 8, 4)
    batches = make(data)
    assert batches.steps_per_epoch == 7
    turns = sources_of(batches)
    for epoch in range(4):
        steps = range(epoch * 7, epoch * 7 + 7)
        assert Counter(turns[step] for step in steps) == {"s0": 4, "s1": 2, "s2": 1}
        assert sorted(text for step in steps for text in batches.batch(step).queries) == sorted(data.train.queries.values())
    assert turns[:7] != turns[7:14]


def test_sources_mix_unless_it_is_asked_for() -> None:
    batches = make(joined(16, 16), one_source=False)
    assert any(len({text.split()[0] for text in batches.batch(step).queries}) > 1 for step in range(batches.steps))


def test_weights_divide_the_batches() -> None:
    batches = make(joined(24, 4), source_weights=(1.0, 1.0), epochs=2)
    turns = Counter(sources_of(batches))
    assert batches.steps_per_epoch == 7
    assert turns == {"s0": 8, "s1": 6}  # of 7 batches, 3.5 each: the first has the one that is over
    seen = Counter(text for step in range(batches.steps) for text in batches.batch(step).queries if text.startswith("s0"))
    assert len(seen) == 24  # what one epoch left out comes in the next


def test_a_batch_depends_on_nothing_but_the_step() -> None:
    data = joined(9, 9)
    forwards, backwards = make(data), make(data)
    first = [forwards.batch(step).queries for step in range(forwards.steps)]
    assert first == [backwards.batch(step).queries for step in reversed(range(backwards.steps))][::-1]
    assert first != [make(data, seed=1).batch(step).queries for step in range(forwards.steps)]


@pytest.mark.parametrize(("total", "weights", "counts"), [(7, (4, 2, 1), [4, 2, 1]), (5, (1, 1), [3, 2]), (4, (100, 1, 1), [3, 1, 1])])
def test_batches_are_allotted_by_weight_and_no_source_is_left_out(total: int, weights: tuple[float, ...], counts: list[int]) -> None:
    assert allot(total, weights) == counts


def test_sources_are_told_by_the_prefix_of_their_ids() -> None:
    assert split_by_source(["0/a", "1/b", "10/c", "0/d/e"]) == [["0/a", "0/d/e"], ["1/b"], ["10/c"]]
    assert split_by_source(["a", "x/b"]) == [["a", "x/b"]]


def test_what_does_not_fit_the_sources_is_refused() -> None:
    with pytest.raises(ConfigError, match="one_source is for data of several sources, and these are of one"):
        OneSourceOrder(["a", "b"], TrainConfig(one_source=True))
    with pytest.raises(ConfigError, match="source_weights holds 3 numbers, and the data are of 2 sources"):
        check_data_fit(TrainConfig(one_source=True, source_weights=(1, 2, 3)), joined(4, 4).train)
    with pytest.raises(RequestError, match=r"add --set batches\.one_source=true"):
        TrainConfig(source_weights=(1, 2))


def test_classes_of_two_sources_are_different_classes() -> None:
    data = join_data([source("a", 2, labels={"q00": "1", "q01": "1"}), source("b", 2, labels={"q00": "1", "q01": "2"})])
    assert data.train.labels == {"0/q00": "0/1", "0/q01": "0/1", "1/q00": "1/1", "1/q01": "1/2"}


def test_without_in_batch_negatives_given_ones_alone_count() -> None:
    data = source("a", 4, negatives={"q00": ["pq01"]})
    batch = make(data, one_source=False, in_batch_negatives=False).batch(0)
    negative = ~batch.positive & ~batch.ignored
    assert np.array_equal(negative, batch.negatives)
    assert negative.sum() == 1
    with pytest.raises(DataError, match="in_batch_negatives=false leaves no negatives"):
        check_data_fit(TrainConfig(in_batch_negatives=False), source("a", 4).train)
    with pytest.raises(RequestError, match="corpus_negatives are negatives of all queries"):
        TrainConfig(in_batch_negatives=False, corpus_negatives=3)


@pytest.mark.parametrize("settings", [{"side": "query"}, {"corpus": 0.5}, {"corpus_negatives": 4}])
def test_classes_are_not_held_against_passages_whose_class_is_not_known(settings: dict[str, object]) -> None:
    classes = source("a", 2, labels={"q00": "1", "q01": "1"}).train
    with pytest.raises(DataError, match=r"these data have classes, and .* would have as negatives what is of the same class"):
        check_data_fit(TrainConfig(**settings), classes)  # type: ignore[arg-type]
    check_data_fit(TrainConfig(side="query", loss="triplet_semi_hard"), classes)
    check_data_fit(TrainConfig(), classes)
