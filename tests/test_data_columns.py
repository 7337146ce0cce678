"""What the columns of pairs are used for, under whatever name they come, and the line on those that are not used."""

import csv
import json
from collections.abc import Sequence
from pathlib import Path

import pyarrow
import pytest
from adapt_embed.bench.sources import task_from_folder
from adapt_embed.bench.tasks.data import data_of
from adapt_embed.bench.tasks.notes import notes_of
from adapt_embed.data import load_domain, load_training_data
from adapt_embed.data.columns import assign_roles, numbered_like
from adapt_embed.data.pair_files import read_pair_file
from adapt_embed.data.read.reading import Reading
from adapt_embed.errors import DataError
from pyarrow import parquet


def write_table(path: Path, rows: Sequence[dict]) -> Path:
    if path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    elif path.suffix == ".parquet":
        parquet.write_table(pyarrow.Table.from_pylist(list(rows)), path)
    else:
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]), delimiter="\t" if path.suffix == ".tsv" else ",")
            writer.writeheader()
            writer.writerows(rows)
    return path


def read(path: Path) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
    (row,) = read_pair_file(path).rows
    return row.query, row.positives, row.negatives


SPELLINGS = [
    ("anchor", "positive", ("negative_1", "negative_2")),
    ("Anchor", "POSITIVE", ("Negative 1", "Negative 2")),
    ("anchor", "positive", ("negative1", "negative2")),
    ("anchor", "positive", ("negative-1", "NEGATIVE-2")),
    ("anchor", "positive", ("negative", "negative_1")),
    ("query", "positive", ("neg_1", "neg_2")),
    ("query", "positives", ("hard_negative_1", "hard_negative_10")),
    ("Query", "positive_1", ("neg", "negs_1")),
]


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".jsonl", ".parquet"])
@pytest.mark.parametrize(("query", "positive", "negatives"), SPELLINGS)
def test_negatives_are_read_under_every_name(tmp_path: Path, suffix: str, query: str, positive: str, negatives: tuple[str, str]) -> None:
    row = {query: "a", positive: "p", negatives[0]: "n", negatives[1]: "m"}
    assert read(write_table(tmp_path / f"t{suffix}", [row])) == ("a", ("p",), ("n", "m"))
    assert read_pair_file(tmp_path / f"t{suffix}").notes == ()


@pytest.mark.parametrize("suffix", [".jsonl", ".parquet"])
@pytest.mark.parametrize("name", ["negatives", "neg", "negs", "Negatives", "negative", "hard_negatives"])
def test_a_list_of_negatives_is_all_of_them(tmp_path: Path, suffix: str, name: str) -> None:
    path = write_table(tmp_path / f"t{suffix}", [{"anchor": "a", "positive": "p", name: ["n", "m"]}])
    assert read(path) == ("a", ("p",), ("n", "m"))


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".jsonl"])
def test_a_list_written_as_json_is_read_where_a_list_is_usual_and_is_a_text_elsewhere(tmp_path: Path, suffix: str) -> None:
    rows = [{"anchor": "a", "positive": "[1] see", "negatives": '["n", "坏"]'}]
    if suffix == ".tsv":
        (tmp_path / "t.tsv").write_text('anchor\tpositive\tnegatives\na\t[1] see\t["n", "坏"]\n', encoding="utf-8")
    else:
        write_table(tmp_path / f"t{suffix}", rows)
    assert read(tmp_path / f"t{suffix}") == ("a", ("[1] see",), ("n", "坏"))
    one = write_table(tmp_path / "one.csv", [{"anchor": "a", "positive": "p", "negatives": "n", "negative_1": '["x"]'}])
    assert read(one) == ("a", ("p",), ("n", '["x"]'))


@pytest.mark.parametrize("cell", ["['n', 'm']", "['n' 'm']", '["n", ]'])
def test_a_list_as_pandas_prints_it_is_refused(tmp_path: Path, cell: str) -> None:
    path = write_table(tmp_path / "t.csv", [{"anchor": "a", "positive": "p", "negatives": cell}])
    with pytest.raises(DataError, match="line 2: expected a text or a JSON list of texts"):
        read(path)


@pytest.mark.parametrize(
    "row",
    [
        {"query": "a", "pos": ["p"], "negs": ["n", "m"]},
        {"Query": "a", "Pos": ["p"], "Neg": ["n", "m"]},
        {"query": "a", "pos": ["p"], "neg": None, "negative_1": "n", "negative_2": "m", "negative_3": ""},
        {"anchor": "a", "pos": ["p"], "negatives": ["n", "m"]},
        {"query": "a", "positives": ["p"], "neg": ["n", "m"]},
    ],
)
def test_lines_hold_the_same_under_other_keys(tmp_path: Path, row: dict) -> None:
    assert read(write_table(tmp_path / "f.jsonl", [row])) == ("a", ("p",), ("n", "m"))


@pytest.mark.parametrize("empty", ["", " ", None])
def test_an_empty_numbered_cell_is_none(tmp_path: Path, empty: str | None) -> None:
    row = {"anchor": "a", "positive": "p", "positive_2": empty, "negative_1": "n", "negative_2": empty}
    assert read(write_table(tmp_path / "t.jsonl", [row])) == ("a", ("p",), ("n",))


def test_several_positives_all_count_and_one_that_is_also_a_negative_is_a_positive(tmp_path: Path) -> None:
    row = {"anchor": "a", "positive_1": "p", "positive_2": "r", "negative_1": "p", "negative_2": "n"}
    path = write_table(tmp_path / "t.csv", [row])
    data = load_training_data(str(path), domain=load_domain("legal"), lang="en", seed=0)
    assert [data.corpus[pid] for pid in data.train.positives["q0"]] == ["p", "r"]
    assert [data.corpus[pid] for pid in data.train.negatives["q0"]] == ["n"]


def test_numbers_order_the_columns() -> None:
    roles = assign_roles(("negative_10", "negative_2", "anchor", "negative", "positive", "id"))
    assert roles.negatives == ("negative", "negative_2", "negative_10")
    assert roles.unused == ("id",)
    assert numbered_like("wrong", ["wrong_2", "wrong", "wrong_10", "wrong_1", "wrongly"]) == ["wrong", "wrong_1", "wrong_2", "wrong_10"]
    assert numbered_like("负例", ["负例2", "负例1"]) == ["负例1", "负例2"]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("anchor", "positive", "neg", "NEG"), "columns 'neg' and 'NEG' both name the negative;"),
        (("anchor", "positive", "negative", "negatives"), "columns 'negative' and 'negatives' both name the negative;"),
        (("anchor", "query", "positive"), "columns 'anchor' and 'query' both name the query;"),
        (("anchor", "positive", "negative_1", "Negative 1"), "columns 'negative_1' and 'Negative 1' both name the negative 1;"),
    ],
)
@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
def test_two_columns_for_one_place_are_named(tmp_path: Path, suffix: str, names: tuple[str, ...], message: str) -> None:
    with pytest.raises(DataError, match=message):
        read(write_table(tmp_path / f"t{suffix}", [dict.fromkeys(names, "x")]))


def test_a_column_that_stands_twice_in_the_heading_is_refused(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("anchor,positive,negative,negative\na,p,n,m\n")
    with pytest.raises(DataError, match="has two columns called 'negative'"):
        read(tmp_path / "t.csv")


def test_columns_that_are_not_used_are_told_of_all_rows(tmp_path: Path) -> None:
    rows = [
        {"query": "a", "pos": ["p"], "neg": ["n"], "id": 1},
        {"query": "b", "pos": ["p"], "neg": [], "pos_scores": [0.5], "prompt": "x"},
    ]
    path = write_table(tmp_path / "f.jsonl", rows)
    note = f"{path}: not used: id, prompt (used: query, pos, neg, pos_scores)"
    assert read_pair_file(path).notes == (note,)
    assert note in load_training_data(str(path), domain=load_domain("legal"), lang="en", seed=0).notes
    table = write_table(tmp_path / "t.csv", [{"anchor": "a", "positive": "p", "negative_1": "n", "score": "3", "query_1": "x"}])
    assert read_pair_file(table).notes == (f"{table}: not used: score, query_1 (used: anchor, positive, negative_1)",)


def test_labels_of_0_that_are_not_read_are_told(tmp_path: Path) -> None:
    rows = [{"question": "a", "answer": "b", "label": 1}, {"question": "c", "answer": "d", "label": 0}]
    told = "1 row of 2 with 0 under 'label', which is not read: they are trained on as answers"
    for suffix in (".csv", ".jsonl"):
        assert any(told in note for note in read_pair_file(write_table(tmp_path / f"t{suffix}", rows), Reading()).notes)
    others = write_table(tmp_path / "topics.csv", [row | {"label": 7 * row["label"]} for row in rows])
    assert not any("trained on as answers" in note for note in read_pair_file(others, Reading()).notes)


def test_other_negatives_make_other_data(tmp_path: Path) -> None:
    def fingerprint(**negatives: str) -> str:
        path = write_table(tmp_path / "t.csv", [{"anchor": "a", "positive": "p"} | negatives])
        return load_training_data(str(path), domain=load_domain("legal"), lang="en", seed=0).fingerprint()

    assert len({fingerprint(), fingerprint(negative="n"), fingerprint(negative="m")}) == 3
    assert fingerprint(negative="n") == fingerprint(negative_1="n")


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
def test_a_bench_ranks_the_negatives_under_every_name(tmp_path: Path, suffix: str) -> None:
    rows = [{"Query": f"q{n}", "positive": f"p{n}", "negative_1": f"n{n}", "negative_2": f"m{n}", "id": str(n)} for n in range(3)]
    path = write_table(tmp_path / f"mined{suffix}", rows)
    task = task_from_folder(path, split="test", language="en")
    assert task.metadata.type == "Retrieval"
    assert sorted(data_of(task)["corpus"]["text"]) == sorted(f"{kind}{n}" for kind in "pnm" for n in range(3))
    pool, unused = notes_of(task)
    assert pool == f"each query ranks all 9 passages of {path.name}, the pool of its positives and negatives"
    assert unused == f"{path}: not used: id (used: Query, positive, negative_1, negative_2)"
