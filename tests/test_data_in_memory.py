"""Training data that a program holds in memory."""

from pathlib import Path

import pytest
from adapt_embed.data.domains import load_domain
from adapt_embed.data.in_memory import read_in_memory
from adapt_embed.data.pairs import TrainingData
from adapt_embed.data.sources import check_source, load_training_data
from adapt_embed.errors import DataError

PAIRS = [("who pays the rent?", "The tenant pays."), ("谁付房租？", "租户。")]


def texts(data: TrainingData) -> dict[str, tuple[list[str], list[str]]]:
    """Query -> its positives and its negatives."""
    return {
        text: ([data.corpus[pid] for pid in data.train.positives[qid]], [data.corpus[pid] for pid in data.train.negatives.get(qid, [])])
        for qid, text in data.train.queries.items()
    }


def test_pairs_triples_and_mappings_say_the_same() -> None:
    triples = [("a", "b", "c"), ("d", "e", "f", "g")]
    mappings = [{"query": "a", "pos": ["b"], "neg": ["c"]}, {"anchor": "d", "positive": "e", "negative_1": "f", "negative_2": "g"}]
    expected = {"a": (["b"], ["c"]), "d": (["e"], ["f", "g"])}
    assert texts(read_in_memory(triples)) == texts(read_in_memory(mappings)) == expected
    assert texts(read_in_memory([["d", "e", ["f", "g"]]])) == {"d": (["e"], ["f", "g"])}
    assert texts(read_in_memory(iter(PAIRS))) == {query: ([answer], []) for query, answer in PAIRS}


def test_a_dataset_and_a_frame_are_mappings() -> None:
    import pandas
    from datasets import Dataset

    columns = {"anchor": ["a", "a"], "positive": ["b", "c"], "negative": ["d", None], "topic": ["x", "y"]}
    for source in (Dataset.from_dict(columns), pandas.DataFrame(columns)):
        data = read_in_memory(source)
        assert texts(data) == {"a": (["b", "c"], ["d"])}
        assert data.notes == ("in memory: not used: topic (used: anchor, positive, negative)",)


def test_a_time_that_is_missing_in_a_frame_is_none() -> None:
    import pandas

    times = pandas.to_datetime(["2026-01-02", None])
    frame = pandas.DataFrame({"query": ["a", "b"], "positive": ["p", "q"], "time": times, "group": pandas.array([None, "g"], "string")})
    pairs = read_in_memory(frame).train
    assert (list(pairs.times), pairs.groups) == (["q0"], {"q1": "g"})


def test_they_are_what_a_run_trains_on() -> None:
    rows = [(f"query {number}", f"answer {number}") for number in range(120)]
    data = load_training_data(rows, domain=load_domain("legal"), lang="en", seed=0, train_queries=50)
    assert (len(data.train), data.dev and len(data.dev), data.language) == (50, 20, "en")
    assert load_training_data(data, domain=load_domain("legal"), lang="en", seed=0) == data
    check_source(rows)


def test_a_path_object_is_a_path(toy_folder: Path) -> None:
    domain = load_domain("legal")
    loaded = [load_training_data(source, domain=domain, lang="en", seed=0) for source in (toy_folder, str(toy_folder))]
    assert loaded[0] == loaded[1]
    with pytest.raises(DataError, match="nosuch"):
        check_source(toy_folder / "nosuch.csv")


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ([], "holds? no pairs"),
        (["a text"], "row 1 is the text 'a text'; expected pairs"),
        ([("a", "b"), 3], "row 2 is of the type int"),
        ([("a",)], "row 1 is of the type tuple"),
        ([("a", "")], "row 1"),
        ([("", "b")], "row 1"),
        ([{"text": "a", "label": 1}], "row 1 has the keys text, label; expected pairs"),
        ({"train": []}, "one split of a DatasetDict"),
        (3, "the data are of the type int"),
        ([("a", 5)], "row 1"),
    ],
)
def test_what_is_no_pair_is_named_by_its_row(source: object, said: str) -> None:
    with pytest.raises(DataError, match=said):
        read_in_memory(source)
