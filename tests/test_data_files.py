"""Files -> rows -> pairs: BEIR folders, tables, FlagEmbedding lines."""

import json
from pathlib import Path

import pyarrow
import pytest
from adapt_embed.data.beir import BeirFolder, missing_parts
from adapt_embed.data.flag_lines import read_flag_lines
from adapt_embed.data.gather import pool_rows
from adapt_embed.data.pairs import Corpus, Pairs
from adapt_embed.data.readers import read_jsonl, read_table
from adapt_embed.data.tables import read_pair_table
from adapt_embed.errors import DataError
from pyarrow import parquet


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def lines(*rows: object) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def load_table(path: Path) -> tuple[Corpus, Pairs]:
    return pool_rows(read_pair_table(path).rows, str(path))


def load_flag_lines(path: Path) -> tuple[Corpus, Pairs]:
    return pool_rows(read_flag_lines(path).rows, str(path))


@pytest.fixture
def beir(tmp_path: Path) -> Path:
    write(
        tmp_path / "corpus.jsonl",
        lines({"_id": "a", "title": "Cats", "text": "purr"}, {"_id": 2, "text": "dogs bark"}, {"_id": "e", "text": ""}),
    )
    write(tmp_path / "queries.jsonl", lines({"_id": "q1", "text": "who purrs?"}, {"_id": "q2", "text": "who barks?"}))
    write(tmp_path / "qrels/train.tsv", "query-id\tcorpus-id\tscore\nq1\ta\t2\nq1\t2\t0\nq2\t2\t1\n")
    return tmp_path


def test_a_title_is_joined_to_its_text_and_grades_of_zero_are_no_positives(beir: Path) -> None:
    folder = BeirFolder(beir)
    corpus = folder.corpus()
    pairs = folder.pairs("train", corpus)
    assert corpus == {"a": "Cats purr", "2": "dogs bark", "e": ""}
    assert pairs.queries == {"q1": "who purrs?", "q2": "who barks?"}
    assert pairs.positives == {"q1": {"a": 2}, "q2": {"2": 1}}
    assert missing_parts(beir) == []
    assert missing_parts(beir / "qrels") == ["corpus.jsonl", "queries.jsonl", "qrels/"]


@pytest.mark.parametrize("heading", ["", "query-id\tcorpus-id\tscore\n", "\ufeffquery-id\tcorpus-id\tscore\r\n"])
@pytest.mark.parametrize("row", ["q1\ta\t1\n", "q1\t0\ta\t1\n", "q1\ta\t1.0\r\n", "q1\ta\t1"])
def test_qrels_are_read_with_or_without_heading_in_trec_form_and_with_float_grades(beir: Path, heading: str, row: str) -> None:
    write(beir / "qrels/dev.tsv", heading + row)
    folder = BeirFolder(beir)
    assert folder.pairs("dev", folder.corpus()).positives == {"q1": {"a": 1}}


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("q1\ta\t1\nnobody\ta\t1\n", "line 2: query 'nobody' is not in queries.jsonl"),
        ("q1\tnowhere\t1\n", "line 1: passage 'nowhere' is not in corpus.jsonl"),
        ("q1\te\t1\n", "line 1: passage 'e' answers a query, but its text is empty"),
        ("q1\ta\t1\nq1 a 1\n", "line 2: expected query-id, corpus-id and a whole number separated by tabs, found 'q1 a 1'"),
        ("q1\ta\t0.5\n", "line 1: expected query-id"),
        ("q1\ta\t0\n", "holds no query with a positive passage"),
        ("", "holds no query with a positive passage"),
    ],
)
def test_a_bad_row_of_qrels_is_named(beir: Path, rows: str, message: str) -> None:
    write(beir / "qrels/dev.tsv", rows)
    folder = BeirFolder(beir)
    with pytest.raises(DataError, match=message):
        folder.pairs("dev", folder.corpus())


def test_a_missing_split_is_answered_with_those_that_are_there(beir: Path) -> None:
    with pytest.raises(DataError, match=r"dev\.tsv does not exist; splits here: train"):
        BeirFolder(beir).pairs("dev", BeirFolder(beir).corpus())


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("corpus.jsonl", lines({"_id": "a", "text": "x"}, {"_id": "a", "text": "y"}), "line 2: the id 'a' occurs twice"),
        ("corpus.jsonl", "", "is empty; expected one JSON object a line"),
        ("corpus.jsonl", lines({"_id": "a", "text": None}), r"line 1: expected a text under 'text', found none \(keys: _id, text\)"),
        ("corpus.jsonl", lines({"_id": True, "text": "x"}), "line 1: expected a text under '_id', found a bool"),
        ("corpus.jsonl", lines({"_id": "a", "text": ["x"]}), "line 1: expected a text under 'text', found a list"),
        ("queries.jsonl", lines({"_id": "q1", "text": " "}), "line 1: the text under 'text' is empty"),
        ("queries.jsonl", lines(["q1", "x"]), "line 1: a JSON list; every line must be one JSON object"),
    ],
)
def test_a_bad_row_of_a_beir_folder_is_named(beir: Path, file: str, text: str, message: str) -> None:
    write(beir / file, text)
    with pytest.raises(DataError, match=message):
        BeirFolder(beir).pairs("train", BeirFolder(beir).corpus())


def test_broken_json_on_line_7_names_line_7(tmp_path: Path) -> None:
    path = write(tmp_path / "x.jsonl", lines(*[{"query": f"q{n}", "pos": ["p"]} for n in range(5)]) + "\n{broken\n")
    with pytest.raises(DataError, match=r"x\.jsonl, line 7: not valid JSON"):
        load_flag_lines(path)


def test_a_file_that_is_not_utf8_is_told(tmp_path: Path) -> None:
    for name, text, load in (("x.jsonl", '{"query": "é", "pos": ["b"]}', load_flag_lines), ("x.csv", "anchor,positive\né,b\n", load_table)):
        (tmp_path / name).write_bytes(text.encode("latin-1"))
        with pytest.raises(DataError, match="is not UTF-8 text"):
            load(tmp_path / name)


def test_a_folder_in_place_of_a_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read"):
        list(read_jsonl(tmp_path))


TABLES = {
    ".csv": 'anchor,positive,negative\n"a, ""b""",p1,n1\n"a, ""b""","p\n2",\n',
    ".tsv": 'anchor\tpositive\tnegative\na, "b"\tp1\tn1\na, "b"\tp\\n2\t\n',
    ".jsonl": lines({"anchor": 'a, "b"', "positive": "p1", "negative": "n1"}, {"anchor": 'a, "b"', "positive": "p2"}),
}


@pytest.mark.parametrize("suffix", sorted(TABLES))
def test_rows_of_the_same_anchor_become_one_query_with_its_negatives(tmp_path: Path, suffix: str) -> None:
    corpus, pairs = load_table(write(tmp_path / f"t{suffix}", TABLES[suffix]))
    assert list(pairs.queries.values()) == ['a, "b"']
    assert next(corpus[pid] for pid in pairs.positives["q0"]) == "p1"
    assert len(pairs.positives["q0"]) == 2
    assert [corpus[pid] for pid in pairs.negatives["q0"]] == ["n1"]


def test_a_parquet_table_is_read_and_its_bad_row_named(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    parquet.write_table(pyarrow.table({"anchor": ["a", None], "positive": ["p", "p2"]}), path)
    with pytest.raises(DataError, match=r"t\.parquet, row 2: expected a text under 'anchor', found none"):
        load_table(path)
    parquet.write_table(pyarrow.table({"anchor": ["a", "b"], "positive": ["p", "p"]}), path)
    corpus, pairs = load_table(path)
    assert corpus == {"p0": "p"}
    assert pairs.positives == {"q0": {"p0": 1}, "q1": {"p0": 1}}


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("t.csv", "", "is empty; expected a table with the columns anchor, positive"),
        ("t.csv", "anchor,positive\n", "holds no rows"),
        ("t.csv", "question,answer\na,b\n", "lacks the column anchor, positive; expected anchor, positive, it has question, answer"),
        ("t.csv", "anchor,positive\na,b\nc\n", "line 3: 1 cells where the heading has 2"),
        ("t.csv", "anchor,positive\na,b\nc, \n", "line 3: the text under 'positive' is empty"),
        ("t.tsv", "anchor\tpositive\n\tb\n", "line 2: the text under 'anchor' is empty"),
        (
            "t.jsonl",
            lines({"anchor": "a", "positive": "b"}, {"anchor": "a", "positive": None}),
            "line 2: expected a text under 'positive', found none",
        ),
        ("t.jsonl", lines({"anchor": "a", "positive": "b", "negative": 3}), "line 1: expected a text under 'negative', found a int"),
        ("t.parquet", "no parquet at all", "could not be read as parquet"),
        ("t.doc", "x", r"is not a table: its name ends in \.doc, expected \.csv, \.tsv, \.jsonl, \.parquet"),
        ("t.xls", "x", r"is a workbook of before 2007 \(\.xls\), which is not read; save it as \.xlsx or \.csv"),
    ],
)
def test_a_malformed_table_is_one_clear_line(tmp_path: Path, name: str, text: str, message: str) -> None:
    with pytest.raises(DataError, match=message) as caught:
        load_table(write(tmp_path / name, text))
    assert "\n" not in str(caught.value)


def test_a_cell_longer_than_csv_allows_by_itself_is_read(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", f"anchor,positive\na,{'x' * 200_000}\n")
    ((_, row),) = read_table(path, ("anchor", "positive"))
    assert row["positive"] == "x" * 200_000


def test_a_column_of_a_table_is_its_texts(tmp_path: Path) -> None:
    assert read_table(write(tmp_path / "t.tsv", 'score\ts\n0.5\t"a\n1\tb"\n'), ("score", "s"))["s"] == ['"a', 'b"']
    table = read_table(write(tmp_path / "t.jsonl", lines({"score": 0.5}, {"score": "1"})), ("score",))
    assert table["score"] == ["0.5", "1"]
    assert len(table) == 2


def test_flag_lines_pool_their_texts_and_keep_positives_out_of_the_negatives(tmp_path: Path) -> None:
    path = write(
        tmp_path / "f.jsonl",
        lines({"query": "a", "pos": ["p", "r"], "neg": ["n", "p", "n"]}, {"query": "b", "pos": ["n"], "neg": None, "prompt": "ignored"}),
    )
    corpus, pairs = load_flag_lines(path)
    assert sorted(corpus.values()) == ["n", "p", "r"]
    assert [corpus[pid] for pid in pairs.positives["q0"]] == ["p", "r"]
    assert {qid: [corpus[pid] for pid in ids] for qid, ids in pairs.negatives.items()} == {"q0": ["n"]}


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"query": "a", "pos": "p"}, "line 1: expected a list of texts under 'pos', found a str"),
        ({"query": "a"}, "line 1: expected a list of texts under 'pos', found none"),
        ({"query": "a", "pos": []}, "line 1: the query has no positive passage"),
        ({"query": "a", "pos": ["p", None]}, "line 1: a positive is empty or not a text"),
        ({"query": "a", "pos": ["p"], "neg": [" "]}, "line 1: a negative is empty or not a text"),
        ({"query": "", "pos": ["p"]}, "line 1: the text under 'query' is empty"),
    ],
)
def test_a_bad_flag_line_is_named(tmp_path: Path, row: object, message: str) -> None:
    with pytest.raises(DataError, match=message):
        load_flag_lines(write(tmp_path / "f.jsonl", lines(row)))
