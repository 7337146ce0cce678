"""Local data of every layout as mteb's tasks: what is read, what is scored, what its revision depends on, and what is refused."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from adapt_embed.bench.result import Score
from adapt_embed.bench.run.identity import Identity
from adapt_embed.bench.run.models import Model
from adapt_embed.bench.run.scoring import _count_texts, bench, describe_task
from adapt_embed.bench.sources import make_tasks, task_from_folder
from adapt_embed.bench.tasks.data import data_of
from adapt_embed.bench.tasks.notes import notes_of
from adapt_embed.bench.tasks.table import kind_of
from adapt_embed.encoders import Encoded
from adapt_embed.errors import DataError
from click.testing import CliRunner
from mteb.abstasks import AbsTask
from sklearn.metrics import average_precision_score, roc_auc_score


class Drawn:
    """An encoder whose vectors are drawn by the text's last word, so that texts that end alike are alike."""

    def __init__(self, noise: float = 0.1) -> None:
        self.noise, self.dimension = noise, 16
        self.asked: list[tuple[str, str]] = []

    def networks(self) -> tuple[()]:
        return ()

    def encode(self, texts: Sequence[str], role: str = "document", *, on_batch: object = None) -> Encoded:
        self.asked += [(role, text) for text in texts]
        rows = [_draw(text.split()[-1]) + self.noise * _draw(text) for text in texts]
        return Encoded(np.stack([row / np.linalg.norm(row) for row in rows]).astype(np.float32), np.zeros(len(texts), np.bool_))


def _draw(word: str) -> np.ndarray:
    return np.random.default_rng(list(word.encode())).normal(size=16)


def model(encoder: Drawn, name: str = "drawn") -> Model:
    return Model(name, encoder, Identity(name=f"adapt/{name}", revision=name, precision="fp32", max_tokens=8), "drawn", None)  # type: ignore[arg-type]


def score(task: AbsTask, encoder: Drawn | None = None) -> Score:
    return bench([model(encoder or Drawn())], [task]).scores[0]


def write(path: Path, rows: Sequence[Sequence[object]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join("\t".join(map(str, row)) + "\n" for row in rows), encoding="utf-8")
    return path


def write_lines(path: Path, rows: Sequence[dict]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def task_of(place: Path, split: str = "test") -> AbsTask:
    return task_from_folder(place, split=split, language="en")


ANIMALS = ["cat", "dog", "cow"]


def labelled(count: int, labels: Sequence[str] = ("no", "yes"), start: int = 0) -> list[list[str]]:
    return [["text", "label"]] + [
        [f"row {row} {ANIMALS[row % len(labels)]}", labels[row % len(labels)]] for row in range(start, start + count)
    ]


@pytest.fixture
def classes(tmp_path: Path) -> Path:
    write(tmp_path / "reviews" / "train.tsv", labelled(30))
    write(tmp_path / "reviews" / "test.tsv", [*labelled(9, start=30), ["row 99 cat", "yes"]])
    return tmp_path / "reviews"


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    rows = [[f"row {row} {ANIMALS[row % 3]}", f"other {row} {ANIMALS[row % 3 if row % 2 else 0]}", row % 2] for row in range(12)]
    return write(tmp_path / "doubles" / "test.tsv", [["sentence1", "sentence2", "label"], *rows]).parent


@pytest.fixture
def clusters(tmp_path: Path) -> Path:
    return write(tmp_path / "topics.tsv", [["text", "cluster"]] + [[f"row {row} {ANIMALS[row % 3]}", row % 3] for row in range(30)])


CORPUS = {"p1": "a cat", "p2": "one dog", "p3": "some cow", "p4": "the cat", "p5": "far bird"}


@pytest.fixture
def reranking(tmp_path: Path) -> Path:
    folder = tmp_path / "ranked"
    write_lines(folder / "corpus.jsonl", [{"_id": pid, "title": "", "text": text} for pid, text in CORPUS.items()])
    write_lines(folder / "queries.jsonl", [{"_id": "q1", "text": "which cat"}, {"_id": "q2", "text": "which dog"}])
    write(folder / "qrels" / "test.tsv", [["query-id", "corpus-id", "score"], ["q1", "p3", 1], ["q2", "p2", 1]])
    rows = [["q1", "p3", 9.5], ["q1", "p1", 9.0], ["q2", "p2", 3], ["q2", "p1", 2]]
    write(folder / "top_ranked.tsv", [["query-id", "corpus-id", "score"], *rows])
    return folder


def test_a_table_with_labels_is_classification_scored_by_mteb(classes: Path) -> None:
    task = task_of(classes)
    assert (task.metadata.name, task.metadata.type) == ("reviews", "Classification")
    found = score(task)
    assert found.metrics["Accuracy"] == pytest.approx(0.9)  # all but the row whose label is wrong
    assert set(found.metrics) == {"Accuracy", "F1", "AP"}
    assert found.items == {str(row): float(row != 10) for row in range(1, 11)}
    assert kind_of(task).sizes(task) == {"rows": 10, "train rows": 30}


def test_of_two_labels_the_last_is_the_positive(classes: Path) -> None:
    assert list(data_of(task_of(classes))["label"]) == [row % 2 for row in range(9)] + [1]


def test_the_texts_of_a_plan_are_those_that_are_encoded(classes: Path, pairs: Path, clusters: Path, reranking: Path) -> None:
    write(classes / "train.tsv", labelled(200))  # of which mteb draws 16 rows ten times
    for place in (classes, pairs, clusters, reranking):
        encoder, task = Drawn(), task_of(place)
        score(task, encoder)
        planned = [(role, text) for role, texts in kind_of(task).texts(task).items() for text in texts]
        assert sorted(planned) == sorted(encoder.asked)
        assert _count_texts(task) == len(encoder.asked)


def test_items_of_a_classification_are_the_mean_over_mtebs_experiments(tmp_path: Path) -> None:
    write(tmp_path / "train.tsv", labelled(60))
    write(tmp_path / "test.tsv", labelled(40, start=60))
    found = score(task_of(tmp_path), Drawn(noise=3.0))
    assert len(set(found.items.values())) > 2  # the experiments differ
    assert np.mean(list(found.items.values())) == pytest.approx(found.metrics["Accuracy"], abs=1e-5)


def test_average_precision_is_for_two_labels_alone(tmp_path: Path) -> None:
    write(tmp_path / "train.tsv", labelled(30, ["a", "b", "c"]))
    write(tmp_path / "test.tsv", labelled(9, ["a", "b", "c"]))
    found = score(task_of(tmp_path))
    assert found.metrics == {"Accuracy": 1.0, "F1": 1.0}


def test_one_table_with_a_column_split_is_the_same_task(classes: Path, tmp_path: Path) -> None:
    rows = [[*row, "train"] for row in labelled(30)[1:]] + [[*row, "test"] for row in [*labelled(9, start=30)[1:], ["row 99 cat", "yes"]]]
    single = write(tmp_path / "single.tsv", [["text", "label", "split"], *rows])
    assert task_of(single).metadata.revision == task_of(classes).metadata.revision
    with pytest.raises(DataError, match=r"no row with 'dev' in the column split; there are test, train"):
        task_of(single, "dev")


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet"])
def test_every_kind_of_table_gives_the_same_task(classes: Path, tmp_path: Path, suffix: str) -> None:
    import pandas

    for name in ("train", "test"):
        table = pandas.read_csv(classes / f"{name}.tsv", sep="\t")
        path = tmp_path / "other" / f"{name}.{suffix}"
        path.parent.mkdir(exist_ok=True)
        if suffix == "csv":
            table.to_csv(path, index=False)
        elif suffix == "jsonl":
            table.to_json(path, orient="records", lines=True)
        else:
            table.to_parquet(path)
    assert task_of(tmp_path / "other").metadata.revision == task_of(classes).metadata.revision


def test_pair_classification_has_mtebs_scores_and_the_roc_area_of_its_cosines(pairs: Path) -> None:
    task, encoder = task_of(pairs), Drawn(noise=1.0)
    found, labels = score(task, encoder), list(kind_of(task).gold(task).values())
    assert labels == [row % 2 for row in range(12)]
    data = data_of(task)
    sides = (encoder.encode(data["sentence1"]).vectors, encoder.encode(data["sentence2"]).vectors)
    cosines = (sides[0] * sides[1]).sum(axis=1)
    assert list(found.items.values()) == pytest.approx(cosines, abs=1e-5)
    assert found.metrics["AUC"] == pytest.approx(roc_auc_score(labels, cosines), abs=1e-4)
    assert found.metrics["AP"] == pytest.approx(average_precision_score(labels, cosines), abs=1e-4)
    assert 0.5 < found.metrics["AUC"] < 1
    assert {"Accuracy", "F1"} < set(found.metrics)


def test_clustering_has_a_v_measure_and_no_items(clusters: Path) -> None:
    task = task_of(clusters)
    found = score(task)
    assert found.metrics == {"V-measure": pytest.approx(1.0)}
    assert found.items == {}
    assert (describe_task(task).items, describe_task(task).item) == (30, "rows")


def test_every_model_clusters_the_same_draws(clusters: Path) -> None:
    task = task_of(clusters)
    result = bench([model(Drawn(3.0), "one"), model(Drawn(3.0), "two")], [task])
    assert result.scores[0].metrics == result.scores[1].metrics
    assert 0 < result.scores[0].metrics["V-measure"] < 0.9


def test_candidates_beside_a_beir_folder_make_it_reranking(reranking: Path) -> None:
    task = task_of(reranking)
    assert task.metadata.type == "Reranking"
    found = score(task)
    assert found.metrics["AP@1000"] == pytest.approx(0.75)  # q1: its cow after the cat; q2: its dog first; p4 and p5 are not ranked
    assert (found.item_metric, found.items) == ("AP@1000", {"q1": 0.5, "q2": 1.0})
    assert kind_of(task).sizes(task) == {"documents": 3, "queries": 2}
    assert kind_of(task).needs_vectors


def test_lines_with_negatives_are_reranking(tmp_path: Path) -> None:
    lines = [
        {"query": "which cat", "pos": ["a cow"], "neg": ["a cat", "a bird"]},
        {"query": "which dog", "pos": ["a dog"], "neg": ["a cat"]},
    ]
    task = task_of(write_lines(tmp_path / "lines.jsonl", lines))
    assert (task.metadata.name, task.metadata.type) == ("lines", "Reranking")
    assert data_of(task)["top_ranked"] == {"q0": ["p0", "p1", "p2"], "q1": ["p3", "p1"]}
    assert score(task).items["q1"] == 1.0


def test_lines_of_which_one_has_no_negatives_are_retrieval_over_their_pool(tmp_path: Path) -> None:
    lines = [
        {"query": "which cat", "pos": ["a cow"], "neg": ["a cat", "a bird"]},
        {"query": "which dog", "pos": ["a dog", "the dog"]},
    ]
    task = task_of(write_lines(tmp_path / "lines.jsonl", lines))
    assert task.metadata.type == "Retrieval"
    assert describe_task(task).notes[0] == "each query ranks all 5 passages of lines.jsonl, the pool of its positives and negatives"
    found = score(task)
    assert found.items["q1"] == 1.0
    assert found.items["q0"] < 1.0  # the cat comes first, and the cow after it


PAIRS = [
    ("which cat", "a cat", "a bird"),
    ("which cat", "the cat", ""),
    ("哪只 dog", "one dog", "a cat"),
    ("which cow", "far bird", "a cow"),
]


def write_pairs(path: Path, rows: Sequence[Sequence[object]] = PAIRS, columns: Sequence[str] = ("anchor", "positive", "negative")) -> Path:
    """Write a table of pairs of the kind that its name says."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".jsonl":
        return write_lines(path, [dict(zip(columns, row, strict=True)) for row in rows])
    if path.suffix == ".parquet":
        from pyarrow import parquet, table

        parquet.write_table(table({name: list(cells) for name, cells in zip(columns, zip(*rows, strict=True), strict=True)}), path)
        return path
    separator = "," if path.suffix == ".csv" else "\t"
    path.write_text("".join(separator.join(map(str, row)) + "\n" for row in (columns, *rows)), encoding="utf-8")
    return path


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".jsonl", ".parquet"])
def test_a_table_that_trains_is_retrieval_over_the_pool_of_its_passages(tmp_path: Path, suffix: str) -> None:
    task = task_of(write_pairs(tmp_path / f"law{suffix}"))
    assert (task.metadata.name, task.metadata.type) == ("law", "Retrieval")
    assert data_of(task)["corpus"]["text"] == ["a cat", "a bird", "the cat", "one dog", "far bird", "a cow"]
    assert data_of(task)["relevant_docs"] == {"q0": {"p0": 1, "p2": 1}, "q1": {"p3": 1}, "q2": {"p4": 1}}
    assert kind_of(task).sizes(task) == {"documents": 6, "queries": 3}
    assert describe_task(task).notes[0] == f"each query ranks all 6 passages of law{suffix}, the pool of its positives and negatives"
    found = score(task)
    assert (found.items["q0"], found.items["q1"]) == (1.0, 1.0)
    assert found.items["q2"] < 1.0  # the cow is no answer here, and stands first


@pytest.mark.parametrize("columns", [("query", "Positive", "Negative 1", "Negative 2"), ("anchor", "pos", "neg_1", "neg_2")])
def test_columns_are_called_as_training_calls_them(tmp_path: Path, columns: Sequence[str]) -> None:
    rows = [("which cat", "a cat", "a bird", "one cow"), ("which dog", "a dog", "a cat", "far bird")]
    task = task_of(write_pairs(tmp_path / "mined.csv", rows, columns))
    assert task.metadata.type == "Retrieval"
    assert data_of(task)["corpus"]["text"] == ["a cat", "a bird", "one cow", "a dog", "far bird"]


def test_a_folder_of_tables_of_pairs_is_scored_on_the_one_of_its_split(tmp_path: Path) -> None:
    write_pairs(tmp_path / "law" / "train.csv", PAIRS[:1])
    write_pairs(tmp_path / "law" / "test.csv")
    write_pairs(tmp_path / "law" / "zh-test.csv", PAIRS[2:])
    assert len(data_of(task_of(tmp_path / "law"))["queries"]) == 3
    (chinese,) = make_tasks([tmp_path / "law"], (), split="test", language="zh")
    assert (chinese.metadata.name, data_of(chinese)["queries"]["text"]) == ("law", ["哪只 dog", "which cow"])


def test_of_a_table_with_a_column_split_the_queries_of_the_split_rank_the_whole_pool(tmp_path: Path) -> None:
    rows = [(*row, split) for row, split in zip(PAIRS, ("train", "train", "test", "test"), strict=True)]
    place = write_pairs(tmp_path / "law.tsv", rows, ("anchor", "positive", "negative", "split"))
    assert data_of(task_of(place))["queries"]["text"] == ["哪只 dog", "which cow"]
    assert len(data_of(task_of(place))["corpus"]) == 6
    assert [note for note in describe_task(task_of(place)).notes if "not used" in note] == []
    with pytest.raises(DataError, match="has no row with 'dev' in the column split; there are test, train"):
        task_of(place, "dev")


def test_what_is_left_without_the_seen_items_says_what_is_ranked_too(tmp_path: Path) -> None:
    from adapt_embed.bench.leaks.leakage import Leak, Leakage, TaskLeaks
    from adapt_embed.bench.leaks.unseen import unseen_task

    task = task_of(write_pairs(tmp_path / "law.csv"))
    leaks = (Leak("q0", "exact", "a", 1.0, ""),)
    part = unseen_task(task, Leakage(found=(TaskLeaks(task="law", reference="a", items=3, item="queries", leaks=leaks),)))
    assert part is not None
    assert (describe_task(part).items, describe_task(part).notes) == (2, describe_task(task).notes)


def test_the_command_benches_what_was_trained_on_and_says_what_is_ranked(tiny_base: Path, tmp_path: Path) -> None:
    from adapt_embed.bench.report.terminal import table_text
    from adapt_embed.cli import main

    place = write_pairs(tmp_path / "law.csv")
    ran = CliRunner().invoke(main, ["bench", "base", "--base", str(tiny_base), "--data", str(place), "--json"])
    assert ran.exit_code == 0, ran.output
    (task,) = json.loads(ran.stdout)["tasks"]
    assert (task["type"], task["notes"][0]) == (
        "Retrieval",
        "each query ranks all 6 passages of law.csv, the pool of its positives and negatives",
    )
    assert f"law: {task['notes'][0]}" in table_text(bench([model(Drawn())], [task_of(place)]))


def test_the_sample_is_named_as_in_training_and_what_is_trained_on_at_the_hub_is_no_test(
    tiny_base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from adapt_embed.cli import main

    monkeypatch.chdir(tmp_path)  # where nothing is called sample or hub
    plain = ["bench", "base", "--base", str(tiny_base), "--dry-run", "--json"]
    named, asked = (
        CliRunner().invoke(main, [*plain, *more]) for more in (["--domain", "legal", "--data", "sample"], ["--domain", "legal"])
    )
    assert named.exit_code == 0, named.output
    assert [cell["task"] for cell in json.loads(named.stdout)["cells"]] == ["sample-legal-en"]
    assert [cell["task"] for cell in json.loads(asked.stdout)["cells"]] == ["sample-legal-en"]
    refused = CliRunner().invoke(main, [*plain, "--data", "hub"])
    assert refused.exit_code == 1
    assert "--domain D --set domain" in refused.stderr


def test_pairs_with_a_score_are_sts_in_every_kind_of_table(tmp_path: Path) -> None:
    rows = [{"sentence1": f"a {row} cat", "sentence2": f"b {row} {ANIMALS[row % 3]}", "score": row} for row in range(6)]
    task = task_of(write_lines(tmp_path / "graded.jsonl", rows))
    assert task.metadata.type == "STS"
    assert list(kind_of(task).gold(task).values()) == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize("layout", ["classes", "train rows", "pairs", "clusters", "reranking", "judgements"])
def test_one_edited_row_changes_the_revision(layout: str, request: pytest.FixtureRequest) -> None:
    fixture = {"train rows": "classes", "judgements": "reranking"}.get(layout, layout)
    place: Path = request.getfixturevalue(fixture)
    before = task_of(place).metadata.revision
    assert task_of(place).metadata.revision == before
    file, old, new = {
        "classes": (place / "test.tsv", "row 30 cat\tno", "row 30 cat\tyes"),
        "train rows": (place / "train.tsv", "row 7 dog\tyes", "row 7 dogs\tyes"),
        "pairs": (place / "test.tsv", "other 3 cat\t1", "other 3 cat\t0"),
        "clusters": (place, "row 4 dog\t1", "row 4 dog\t2"),
        "reranking": (place / "top_ranked.tsv", "q2\tp1", "q2\tp4"),
        "judgements": (place / "qrels" / "test.tsv", "q1\tp3\t1", "q1\tp3\t2"),
    }[layout]
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))
    assert task_of(place).metadata.revision != before


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("reviews", "reviews"),
        ("SciFact", "SciFact (local)"),
        ("legal-legalsummarization", "legal-legalsummarization (local)"),
        ("banking77", "banking77 (local)"),
        ("ecommerce-amazoncounterfactual", "ecommerce-amazoncounterfactual (local)"),
        ("ecommerce-hetpqa", "ecommerce-hetpqa"),
    ],
)
def test_a_name_that_could_be_mtebs_is_marked_as_local(classes: Path, name: str, expected: str) -> None:
    assert task_of(classes.rename(classes.parent / name)).metadata.name == expected


def break_corpus(folder: Path) -> Path:
    rows = [json.dumps({"_id": f"p{row}", "text": "x"}) for row in range(6)]
    (folder / "corpus.jsonl").write_text("\n".join([*rows, '{"_id": "p6", "text"']) + "\n")
    return folder


def edit(path: Path, text: str) -> Path:
    path.write_text(text)
    return path.parent if path.parent.name != "qrels" else path.parent.parent


BAD = {
    "missing passage": (
        lambda place: edit(place["ranked"] / "qrels/test.tsv", "q1\tp1\t1\nq2\tp9\t1\n"),
        r"test\.tsv, line 2: passage 'p9'",
    ),
    "missing query": (lambda place: edit(place["ranked"] / "qrels/test.tsv", "q1\tp1\t1\nq9\tp1\t1\n"), r"test\.tsv, line 2: query 'q9'"),
    "missing candidate": (
        lambda place: edit(place["ranked"] / "top_ranked.tsv", "query-id\tcorpus-id\nq1\tp1\nq2\tp9\n"),
        r"top_ranked\.tsv, line 3: passage 'p9' is not in corpus",
    ),
    "candidates of a missing query": (
        lambda place: edit(place["ranked"] / "top_ranked.tsv", "query-id\tcorpus-id\nq9\tp1\n"),
        r"top_ranked\.tsv, line 2: query 'q9' is not in queries",
    ),
    "a query without candidates": (
        lambda place: edit(place["ranked"] / "top_ranked.tsv", "query-id\tcorpus-id\nq1\tp1\n"),
        r"top_ranked\.tsv has no row for query 'q2'",
    ),
    "duplicate ids": (
        lambda place: edit(place["ranked"] / "corpus.jsonl", '{"_id": "p1", "text": "a"}\n{"_id": "p1", "text": "b"}\n'),
        r"corpus\.jsonl, line 2: the id 'p1' occurs twice",
    ),
    "zero queries": (
        lambda place: edit(place["ranked"] / "qrels/test.tsv", "query-id\tcorpus-id\tscore\n"),
        "holds no query with a positive",
    ),
    "an empty file of queries": (lambda place: edit(place["ranked"] / "queries.jsonl", ""), r"queries\.jsonl is empty"),
    "broken JSON": (lambda place: break_corpus(place["ranked"]), r"corpus\.jsonl, line 7: not valid JSON"),
    "a part of a BEIR folder": (
        lambda place: (place["ranked"] / "queries.jsonl").unlink() or place["ranked"],
        r"not a complete BEIR folder: it lacks queries\.jsonl",
    ),
    "wrong columns": (
        lambda place: edit(place["classes"] / "test.tsv", "title\tbody\na\tb\n"),
        r"test\.tsv has the columns body, title; expected score, sentence1, sentence2 \(STS\) or .*text, label \(classification\)",
    ),
    "a column short": (
        lambda place: edit(place["pairs"] / "test.tsv", "sentence1\tlabel\na\t1\n"),
        r"test\.tsv lacks the column sentence2",
    ),
    "cells missing": (lambda place: edit(place["classes"] / "test.tsv", "text\tlabel\na b\tyes\nc\n"), r"test\.tsv, line 3: 1 cells"),
    "one class in train": (
        lambda place: edit(place["classes"] / "train.tsv", "text\tlabel\na\tyes\nb\tyes\n"),
        r"reviews \(train\) holds 2 rows with too few labels: expected at least 2 different ones, found 'yes' alone",
    ),
    "one class in test": (lambda place: edit(place["classes"] / "test.tsv", "text\tlabel\na\tyes\n"), r"reviews \(test\) holds 1 row with"),
    "an unknown class": (
        lambda place: edit(place["classes"] / "test.tsv", "text\tlabel\na\tyes\nb\tno\nc\tmaybe\n"),
        r"reviews \(test\) has the label 'maybe', which no train row has",
    ),
    "an empty label": (
        lambda place: edit(place["classes"] / "test.tsv", "text\tlabel\na\tyes\nb\t\n"),
        r"line 3: the text under 'label' is empty",
    ),
    "an empty text": (lambda place: edit(place["classes"] / "test.tsv", "text\tlabel\n\tyes\n"), r"line 2: the text under 'text' is empty"),
    "no train rows": (lambda place: place["classes"] / "test.tsv", r"test\.tsv has labels and no train rows"),
    "a split that is not there": (
        lambda place: (place["classes"] / "test.tsv").unlink() or place["classes"],
        r"test\.tsv or en-test\.tsv does not exist; there are train\.tsv",
    ),
    "pairs of one class": (
        lambda place: edit(place["pairs"] / "test.tsv", "sentence1\tsentence2\tlabel\na\tb\t1\n"),
        r"doubles \(test\) needs pairs with the label 0 and pairs with the label 1, found the label 1 alone",
    ),
    "pairs of a third class": (
        lambda place: edit(place["pairs"] / "test.tsv", "sentence1\tsentence2\tlabel\na\tb\t1\na\tb\t2\n"),
        r"test\.tsv, line 3: expected 0 or 1 under 'label', found '2'",
    ),
    "a score that is no number": (
        lambda place: edit(place["pairs"] / "test.tsv", "sentence1\tsentence2\tscore\na\tb\t1\nc\td\thigh\n"),
        r"test\.tsv, line 3: expected a number under 'score', found 'high'",
    ),
    "an empty table": (lambda place: edit(place["pairs"] / "test.tsv", ""), r"test\.tsv is empty"),
    "a heading alone": (lambda place: edit(place["pairs"] / "test.tsv", "sentence1\tsentence2\tlabel\n"), r"test\.tsv holds no rows"),
    "one cluster": (
        lambda place: edit(place["clusters"], "text\tcluster\na\t1\nb\t1\n") / "topics.tsv",
        r"topics \(test\) holds 2 texts in 1 cluster;",
    ),
    "nothing to rank": (
        lambda place: write_lines(place["clusters"].parent / "l.jsonl", [{"query": "q", "pos": ["p"], "neg": []}]),
        r"l\.jsonl: every query is answered by every passage, .*add rows",
    ),
    "a line without a text that answers": (
        lambda place: write_lines(place["clusters"].parent / "l.jsonl", [{"query": "q", "pos": ["p"]}, {"query": "r", "pos": []}]),
        r"l\.jsonl, line 2: the query has no positive passage",
    ),
    "an empty anchor": (
        lambda place: write_pairs(place["clusters"].parent / "p.csv", [("a", "b", ""), ("", "c", "")]),
        r"p\.csv, line 3: the text under 'anchor' is empty",
    ),
    "an anchor alone": (
        lambda place: write_pairs(place["clusters"].parent / "p.csv", [("a", "b")], ("anchor", "remark")),
        r"p\.csv has the columns anchor, remark; expected .*anchor, positive \(retrieval",
    ),
    "no table": (lambda place: edit(place["clusters"].with_suffix(".txt"), "x") / "topics.txt", r"topics\.txt is not a table"),
}


@pytest.fixture
def places(classes: Path, pairs: Path, clusters: Path, reranking: Path) -> dict[str, Path]:
    return {"classes": classes, "pairs": pairs, "clusters": clusters, "ranked": reranking}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_line_that_names_the_place(case: str, places: dict[str, Path]) -> None:
    spoil, message = BAD[case]
    place = spoil(places)
    with pytest.raises(DataError, match=message) as caught:
        make_tasks([place], (), split="test", language="en")
    assert "\n" not in str(caught.value)


def test_the_command_says_it_in_one_line_and_exits_with_one(places: dict[str, Path], tiny_base: Path) -> None:
    from adapt_embed.cli import main

    place = break_corpus(places["ranked"])
    ran = CliRunner().invoke(main, ["bench", "base", "--base", str(tiny_base), "--data", str(place)])
    assert ran.exit_code == 1
    assert [line for line in ran.stderr.splitlines() if line.startswith("Error")] == [
        line for line in ran.stderr.splitlines() if "corpus.jsonl, line 7" in line
    ]
    assert ran.stderr.count("Error:") == 1


@pytest.mark.shared
@pytest.mark.slow
def test_the_real_base_classifies_counterfactual_reviews(shared: Path, tmp_path: Path) -> None:
    """All train rows, of which mteb draws; every fifth test row."""
    from adapt_embed.bench.run.models import open_models
    from adapt_embed.references import LoadedBases, Search, resolve_references
    from adapt_embed.registry import open_registry

    source, folder = shared / "data" / "ecommerce-amazoncounterfactual", tmp_path / "ecommerce-amazoncounterfactual"
    folder.mkdir()
    (folder / "train.tsv").write_text((source / "train.tsv").read_text())
    heading, *rows = (source / "test.tsv").read_text().splitlines(keepends=True)
    (folder / "test.tsv").write_text("".join([heading, *rows[::5]]))
    base = resolve_references(["base"], Search(registry=open_registry(tmp_path / "r"), base=str(shared / "bases" / "bge-small-en-v1.5")))
    found = bench(open_models(base, LoadedBases()), [task_of(folder)]).scores[0]
    assert found.task == "ecommerce-amazoncounterfactual (local)"
    assert len(found.items) == 134
    positives = np.mean([row.startswith("1") for row in rows[::5]])
    assert found.metrics["AP"] > positives + 0.02  # better than chance
    assert 0.5 < found.metrics["Accuracy"] < 0.8


def test_a_table_of_pairs_in_gb18030_with_chinese_headings_is_retrieval(tmp_path: Path) -> None:
    """What training reads is scored as it is: the encoding is found, the columns are guessed, and both are noted."""
    path = tmp_path / "问答.csv"
    path.write_bytes("问题,答案\n头痛怎么办,多休息\n发烧怎么办,多喝水\n".encode("gb18030"))
    task = task_from_folder(path, split="test", language="zh")
    assert task.metadata.type == "Retrieval"
    assert any("read as GB18030" in note for note in notes_of(task))
    assert any("query from '问题', positive from '答案'" in note for note in notes_of(task))
