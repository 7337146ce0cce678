"""Training sets of the Hub, with `datasets` built here in place of the Hub."""

from pathlib import Path
from typing import Any

import datasets
import pytest
from adapt_embed.data import HubSet, ReadOptions, hub
from adapt_embed.data.hub import is_cached, load_hub_set
from adapt_embed.data.named_sets import load_named_set
from adapt_embed.errors import DataError
from datasets import Dataset
from datasets.arrow_writer import ArrowWriter

REVISION = "a" * 40
PAIRS = HubSet(id="owner/SomePairs", revision=REVISION, language="en", page="p", query="question", positive="answers", negative="wrong")
BEIR = HubSet(id="owner/beir", revision=REVISION, language="en", page="p", layout="beir", dev_split="dev")

BEIR_PARTS = {
    ("corpus", "corpus"): Dataset.from_dict({"_id": ["p1", "p2", "p3"], "title": ["T", None, ""], "text": ["one", "two", ""]}),
    ("queries", "queries"): Dataset.from_dict({"_id": ["q1", "q2", "q3"], "text": ["first", "second", "third"]}),
    ("default", "train"): Dataset.from_dict({"query-id": ["q1", "q1", "q3"], "corpus-id": ["p1", "p2", "p3"], "score": [2.0, 0.0, 1.0]}),
    ("default", "dev"): Dataset.from_dict({"query-id": ["q2"], "corpus-id": ["p2"], "score": [1.0]}),
}


@pytest.fixture(autouse=True)
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    return tmp_path / "cache"


def serve(monkeypatch: pytest.MonkeyPatch, parts: dict[tuple[str, str], Dataset]) -> list[tuple[str, ...]]:
    """Put `parts` in the Hub's place; returns what was asked for."""
    asked: list[tuple[str, ...]] = []

    def load_dataset(path: str, *, name: str, split: str, revision: str) -> Any:
        asked.append((path, name, split, revision))
        return parts[name, split]

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    monkeypatch.setattr(hub, "hub_is_reachable", lambda: True)
    return asked


def test_columns_of_texts_become_pairs_of_the_pinned_revision(monkeypatch: pytest.MonkeyPatch) -> None:
    table = Dataset.from_dict({"question": ["a", "b"], "answers": ["one", "one"], "wrong": ["no", None]})
    asked = serve(monkeypatch, {("default", "train"): table})
    data = load_hub_set(PAIRS, seed=0)
    assert asked == [("owner/SomePairs", "default", "train", REVISION)]
    assert data.source == "hub:owner/SomePairs@aaaaaaaaaaaa"
    assert data.dev is None
    assert data.language == "en"
    assert data.train.positives == {"q0": {"p0": 1}, "q1": {"p0": 1}}
    assert {qid: [data.corpus[pid] for pid in ids] for qid, ids in data.train.negatives.items()} == {"q0": ["no"]}


def test_every_wording_of_a_question_gets_every_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    table = Dataset.from_dict(
        {
            "question": [["a"], ["b", "b2"], [" "], ["d"]],
            "answers": [[["one"]], [["two"], ["three", ""]], [["four"]], []],
            "wrong": [[], [], [], []],
        }
    )
    serve(monkeypatch, {("default", "train"): table})
    data = load_hub_set(PAIRS, seed=0)
    answers = {data.train.queries[qid]: [data.corpus[pid] for pid in graded] for qid, graded in data.train.positives.items()}
    assert answers == {"a": ["one"], "b": ["two", "three"], "b2": ["two", "three"]}
    assert "2 of them have an empty query or no positive and are left out" in data.notes


def test_a_set_that_is_not_verified_is_said_to_be_so(monkeypatch: pytest.MonkeyPatch) -> None:
    table = Dataset.from_dict({"q": ["a"], "p": ["b"]})
    serve(monkeypatch, {("default", "train"): table})
    plain = {"id": "x/y", "revision": REVISION, "language": "en", "page": "p", "query": "q", "positive": "p"}
    assert any("has not been tested" in note for note in load_hub_set(HubSet(**plain), seed=0).notes)
    assert not any("has not been tested" in note for note in load_hub_set(HubSet(**plain, verified=True), seed=0).notes)


def test_rows_are_drawn_by_the_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    table = Dataset.from_dict({"q": [f"query {n}" for n in range(50)], "p": [f"passage {n}" for n in range(50)]})
    serve(monkeypatch, {("default", "train"): table})
    few = HubSet(id="x/y", revision=REVISION, language="en", page="p", query="q", positive="p", rows=10)
    first, again, other = (load_hub_set(few, seed=seed).train for seed in (0, 0, 1))
    assert len(first) == 10
    assert first == again != other


def test_a_beir_set_gives_train_and_dev_and_never_asks_for_test(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = serve(monkeypatch, BEIR_PARTS)
    data = load_hub_set(BEIR, seed=0)
    assert data.corpus == {"p1": "T one", "p2": "two", "p3": ""}
    assert data.train.positives == {"q1": {"p1": 2}}  # q3's passage is empty, and a grade of 0 is no positive
    assert data.dev is not None
    assert data.dev.queries == {"q2": "second"}
    assert {split for _, _, split, _ in asked} == {"corpus", "queries", "train", "dev"}


def test_out_of_reach_and_not_cached_is_one_line_that_names_the_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "hub_is_reachable", lambda: False)
    monkeypatch.setattr(datasets, "load_dataset", lambda *args, **options: pytest.fail("the Hub was asked"))
    for hub_set in (PAIRS, BEIR):
        with pytest.raises(
            DataError, match=r"is not in the cache, and the Hub \(http.*\) cannot be reached; use the sample .* --data sample"
        ):
            load_hub_set(hub_set, seed=0)


def test_a_failure_of_the_hub_is_one_line_that_names_the_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: object, **options: object) -> Dataset:
        raise ConnectionError("503\nmore\nlines")

    monkeypatch.setattr(datasets, "load_dataset", fail)
    monkeypatch.setattr(hub, "hub_is_reachable", lambda: True)
    with pytest.raises(DataError, match=r"could not be loaded \(default, train\): 503; try again later; use the sample") as caught:
        load_hub_set(PAIRS, seed=0)
    assert "\n" not in str(caught.value)


def test_a_set_without_the_columns_says_which_it_has(monkeypatch: pytest.MonkeyPatch) -> None:
    serve(monkeypatch, {("default", "train"): Dataset.from_dict({"question": ["a"], "text": ["b"]})})
    with pytest.raises(DataError, match=r"lacks the column answers, wrong; it has question, text\. Correct the domain's file"):
        load_hub_set(PAIRS, seed=0)


def write_cached(root: Path, hub_set: HubSet, folder: str, config: str, split: str, table: Dataset, shards: int = 1) -> None:
    """Write Arrow files where `datasets` keeps those of a Hub set."""
    target = root / folder / config / "0.0.0" / hub_set.revision
    target.mkdir(parents=True, exist_ok=True)
    name = folder.split("___")[1]
    for shard in range(shards):
        file = f"{name}-{split}.arrow" if shards == 1 else f"{name}-{split}-{shard:05d}-of-{shards:05d}.arrow"
        with ArrowWriter(path=str(target / file), features=table.features) as writer:
            for row in table.shard(shards, shard, contiguous=True):
                writer.write(row)
            writer.finalize()


def test_cached_sets_are_read_without_the_hub(monkeypatch: pytest.MonkeyPatch, empty_cache: Path) -> None:
    monkeypatch.setattr(hub, "hub_is_reachable", lambda: pytest.fail("the Hub was asked"))
    table = Dataset.from_dict({"question": [f"q{n}" for n in range(6)], "answers": [f"a{n}" for n in range(6)], "wrong": ["no"] * 6})
    assert not is_cached(PAIRS)
    assert not is_cached(BEIR)
    write_cached(empty_cache, PAIRS, "owner___some_pairs", "default", "train", table, shards=2)
    assert is_cached(PAIRS)
    assert list(load_hub_set(PAIRS, seed=0).train.queries.values()) == [f"q{n}" for n in range(6)]
    for (config, split), part in BEIR_PARTS.items():
        assert not is_cached(BEIR)
        write_cached(empty_cache, BEIR, "owner___beir", config, split, part)
    assert is_cached(BEIR)
    assert load_hub_set(BEIR, seed=0).train.positives == {"q1": {"p1": 2}}


def test_another_revision_in_the_cache_does_not_count(empty_cache: Path) -> None:
    other = HubSet(id=BEIR.id, revision="b" * 40, language="en", page="p", layout="beir")
    for (config, split), part in BEIR_PARTS.items():
        write_cached(empty_cache, other, "owner___beir", config, split, part)
    assert is_cached(other)
    assert not is_cached(BEIR)


def test_numbered_columns_of_negatives_are_all_read_and_others_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    table = Dataset.from_dict({"question": ["a"], "answers": ["one"], "wrong_2": ["m"], "wrong_1": ["n"], "wrong_3": [""], "page": ["7"]})
    serve(monkeypatch, {("default", "train"): table})
    data = load_hub_set(PAIRS, seed=0)
    assert [data.corpus[pid] for pid in data.train.negatives["q0"]] == ["n", "m"]
    assert data.notes[-1].endswith("not used: page (used: question, answers, wrong_1, wrong_2, wrong_3)")


def judged(**rows: list) -> dict[tuple[str, str], Dataset]:
    return BEIR_PARTS | {("default", "train"): Dataset.from_dict({name.replace("_", "-"): values for name, values in rows.items()})}


@pytest.mark.parametrize(("grade", "message"), [(2**33, "the grade is 8589934592; expected"), (0.5, "the grade is 0.5; expected a whole")])
def test_a_grade_that_cannot_be_is_named_with_its_row(monkeypatch: pytest.MonkeyPatch, grade: float, message: str) -> None:
    serve(monkeypatch, judged(query_id=["q1", "q1"], corpus_id=["p1", "p2"], score=[1, grade]))
    with pytest.raises(DataError, match=rf"train, row 2: {message}"):
        load_hub_set(BEIR, seed=0)


def test_what_dangles_in_a_set_on_the_hub_is_left_out_and_counted_and_the_last_grade_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    serve(monkeypatch, judged(query_id=["q1", "q1", "q1", "q3"], corpus_id=["p1", "gone", "p1", "p3"], score=[2, 1, 1, 1]))
    data = load_hub_set(BEIR, seed=0)
    assert data.train.positives == {"q1": {"p1": 1}}
    assert any("skipped judgements of" in note and "not there: 2;" in note and "row 2: passage 'gone'" in note for note in data.notes)
    assert any("different grades: 1," in note for note in data.notes)


def test_a_set_named_by_id_and_revision_is_read_by_its_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    table = Dataset.from_dict({"提问": ["a", "b", ""], "答": ["x", "y", "z"], "答案": ["one", "two", "three"], "id": [1, 2, 3]})
    asked = serve(monkeypatch, {("small", "validation"): table})
    source = "hf:owner/some@0123abc:small/validation"
    data = load_named_set(source, lang="zh", seed=0)
    assert asked == [("owner/some", "small", "validation", "0123abc")]
    assert [data.train.queries[qid] for qid in data.train.positives] == ["a", "b"]
    assert (data.source, data.language, sorted(data.corpus.values())) == (source, "zh", ["one", "two"])
    assert data.notes[0] == f"3 rows of {source}"
    assert f"{source}: query from '提问', positive from '答案', by the names of its columns (others: --columns)" in data.notes
    assert any("skipped 1 bad row: 1 because the text under 'query' is empty" in note for note in data.notes)
    named = load_named_set(source, lang="zh", seed=0, read=ReadOptions(columns="query=提问,positive=答"))
    assert sorted(named.corpus.values()) == ["x", "y"]


def test_the_train_split_of_a_task_of_mtebs_is_its_set_at_mtebs_revision(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = serve(monkeypatch, BEIR_PARTS)
    data = load_named_set("mteb:NFCorpus", lang="en", seed=0)
    assert {(path, name, split) for path, name, split, _ in asked} == {
        ("mteb/nfcorpus", "corpus", "corpus"),
        ("mteb/nfcorpus", "queries", "queries"),
        ("mteb/nfcorpus", "default", "train"),
    }
    assert data.source == "mteb:NFCorpus"
    assert data.train.positives == {"q1": {"p1": 2}}
    assert data.notes[0].startswith("the train split of NFCorpus (mteb/nfcorpus@")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("NFCorpsu", r"MTEB has no task 'NFCorpsu'\. Did you mean NFCorpus"),
        ("STSBenchmark", r"is a task of the kind STS; expected one of texts in one language that is Retrieval or Reranking"),
    ],
)
def test_a_task_that_gives_no_pairs_is_one_line(name: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        load_named_set(f"mteb:{name}", lang="en", seed=0)
