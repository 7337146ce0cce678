"""Tables that judge texts, as training data: scored pairs, labelled pairs, classes."""

from pathlib import Path

import numpy as np
import pytest
from adapt_embed.adapters import TrainConfig
from adapt_embed.adapters.batches import Batches
from adapt_embed.data.dev_set import draw_dev_set
from adapt_embed.data.domains import load_domain
from adapt_embed.data.pairs import TrainingData
from adapt_embed.data.sources import check_source, load_training_data, read_data
from adapt_embed.data.write.lines import write_lines
from adapt_embed.errors import DataError


def read(path: Path) -> TrainingData:
    check_source(str(path))
    return read_data(str(path), domain=load_domain("legal"), lang="en")


@pytest.fixture
def scored(tmp_path: Path) -> Path:
    path = tmp_path / "scored.tsv"
    path.write_text("score\tsentence1\tsentence2\n5\t狗在跑\t一只狗在跑\n1.5\t狗在跑\t下雨了\n0\ta cat\ta plane\n", encoding="utf-8")
    return path


@pytest.fixture
def labelled(tmp_path: Path) -> Path:
    path = tmp_path / "labelled.csv"
    rows = "split,sentence1,sentence2,label\ntrain,one,uno,1\ntrain,one,due,0\ntrain,two,tre,0\ntest,secret,text,1\n"
    path.write_text(rows, encoding="utf-8")
    return path


def classes(folder: Path, per_class: int = 12) -> Path:
    rows = [f"{name} text {number}\t{name}" for name in ("red", "blue") for number in range(per_class)]
    path = folder / "classes.tsv"
    path.write_text("\n".join(["text\tlabel", *rows, "alone\tgreen"]) + "\n", encoding="utf-8")
    return path


def test_scored_pairs_keep_their_scores_and_the_upper_half_answers(scored: Path) -> None:
    data = read(scored)
    texts = data.train.queries
    found = {texts[qid]: {data.corpus[pid]: score for pid, score in scores.items()} for qid, scores in data.train.scores.items()}
    assert found == {"狗在跑": {"一只狗在跑": 5.0, "下雨了": 1.5}, "a cat": {"a plane": 0.0}}
    answers = {texts[qid]: [data.corpus[pid] for pid in passages] for qid, passages in data.train.positives.items()}
    assert answers == {"狗在跑": ["一只狗在跑"], "a cat": []}
    assert any("above 2.5" in note for note in data.notes)


def test_labelled_pairs_are_positives_and_negatives_of_the_training_split(labelled: Path) -> None:
    data = read(labelled)
    assert list(data.train.queries.values()) == ["one", "two"]
    assert [[data.corpus[pid] for pid in data.train.positives[qid]] for qid in data.train.queries] == [["uno"], []]
    assert [[data.corpus[pid] for pid in data.train.negatives[qid]] for qid in data.train.queries] == [["due"], ["tre"]]
    assert "secret" not in str(data)


def test_weights_of_judged_pairs_are_read(tmp_path: Path) -> None:
    path = tmp_path / "labelled.csv"
    path.write_text("sentence1,sentence2,label,权重\none,uno,1,3\ntwo,due,1,\n", encoding="utf-8")
    data = read(path)
    assert {data.train.queries[qid]: list(each.values()) for qid, each in data.train.weights.items()} == {"one": [3.0]}
    scored = tmp_path / "scored.csv"
    scored.write_text("sentence1,sentence2,score,weight\none,uno,5,0.5\ntwo,due,1,2\n", encoding="utf-8")
    assert [list(each.values()) for each in read(scored).train.weights.values()] == [[0.5]]


@pytest.mark.parametrize("which", ["scored", "labelled", "classes"])
def test_lines_give_judged_pairs_back(which: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    data = read(classes(tmp_path) if which == "classes" else request.getfixturevalue(which))
    lines = tmp_path / "lines.jsonl"
    write_lines(lines, data.train, data.corpus)
    again = read(lines)
    assert again.train == data.train
    assert again.corpus == data.corpus


def test_what_is_of_one_class_is_never_a_negative(tmp_path: Path) -> None:
    data = read(classes(tmp_path))
    assert len(data.train) == 24  # what is alone in its class is left out
    batches = Batches(data.train, data.corpus, TrainConfig(batch_size=8, positives_per_query=2, epochs=3))
    seen = 0
    for batch in map(batches.batch, range(batches.steps)):
        same = np.array([[query.split()[0] == passage.split()[0] for passage in batch.passages] for query in batch.queries])
        itself = np.array([[query == passage for passage in batch.passages] for query in batch.queries])
        assert np.array_equal(batch.positive, same & ~itself)
        assert np.array_equal(batch.ignored, itself)
        seen += int((~same).sum())
    assert seen  # other classes are negatives


def test_a_class_is_answered_by_all_of_it_in_dev_and_by_nothing_that_is_not_known(tmp_path: Path) -> None:
    data = load_training_data(str(classes(tmp_path, 120)), domain=load_domain("legal"), lang="en", seed=0)
    assert data.dev is not None
    dev = draw_dev_set(data.dev, data.corpus)
    trained = set(data.train.queries.values())
    assert not trained & {*dev.queries.values(), *dev.passages.values()}
    for qid, text in dev.queries.items():
        relevant = {dev.passages[pid] for pid in dev.relevant[qid]}
        assert relevant == {passage for passage in dev.passages.values() if passage.split()[0] == text.split()[0] and passage != text}


def test_queries_without_an_answer_are_not_scored_on_dev(labelled: Path) -> None:
    data = read(labelled)
    dev = draw_dev_set(data.train, data.corpus)
    assert list(dev.queries.values()) == ["one"]
    assert dev.relevant.keys() == dev.queries.keys()


def test_weights_are_scaled_by_the_queries_that_have_an_answer(labelled: Path) -> None:
    pairs = read(labelled).train
    (qid,) = (each for each in pairs.queries if pairs.positives[each])
    (pid,) = pairs.positives[qid]
    object.__setattr__(pairs, "weights", {qid: {pid: 4.0}})
    assert pairs.relative_weights()[qid] == {pid: 1.0}


def test_a_wrong_label_is_told_with_its_row(tmp_path: Path) -> None:
    path = tmp_path / "labelled.csv"
    path.write_text("sentence1,sentence2,label\none,uno,perhaps\n", encoding="utf-8")
    with pytest.raises(DataError, match="expected 0 or 1 under 'label', found 'perhaps'"):
        read(path)
