"""Bad input: one line with file and row; or counted, with reasons, and reading goes on."""

import tracemalloc
from pathlib import Path

import pyarrow
import pytest
from adapt_embed.cli import main
from adapt_embed.data import Domain, ReadOptions, TrainingData
from adapt_embed.data.labelled import read_labelled_texts
from adapt_embed.data.read import lines as lines_module
from adapt_embed.data.read import separated
from adapt_embed.data.read.quoting import recorded_note
from adapt_embed.data.sources import check_source, read_data
from adapt_embed.errors import DataError
from click.testing import CliRunner
from pyarrow import parquet

OWN = Domain(name="own", description={})


def load(path: Path, *, skip_bad: bool = False) -> TrainingData:
    return read_data(str(path), domain=OWN, lang="en", read=ReadOptions(skip_bad=skip_bad))


def queries(data: TrainingData) -> list[str]:
    return list(data.train.queries.values())


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("text", "message", "kept"),
    [
        ('q1,"p1\nq2,p2\nq3,p3\n', "line 2: a quotation mark opens a cell and none closes it before the end of the file", ["q2", "q3"]),
        (
            'q1,"p1\nq2,"p2"\nq3,p3\n',
            "line 2: a quotation mark opens a cell and meets the next one inside another cell, in line 3",
            ["q2", "q3"],
        ),
        ("q1,p1\nq2\nq3,p3\n", "line 3: 1 cells where the heading has 2", ["q1", "q3"]),
        ("q1,p1\n,p2\nq3,p3\n", "line 3: the text under 'anchor' is empty", ["q1", "q3"]),
        ('q1,"line\nbreaks, ""quoted"""\nq2,p2\nq3\n', "line 5: 1 cells", ["q1", "q2"]),
    ],
    ids=["never closed", "closed by another", "cells", "empty", "real line breaks"],
)
def test_a_bad_row_of_a_csv_is_named_or_skipped(tmp_path: Path, text: str, message: str, kept: list[str]) -> None:
    path = write(tmp_path / "t.csv", "anchor,positive\n" + text)
    check_source(str(path))
    with pytest.raises(DataError) as caught:
        load(path)
    assert f"{path}, {message}" in str(caught.value)
    assert "\n" not in str(caught.value)
    data = load(path, skip_bad=True)
    assert queries(data) == kept
    assert data.notes[0].startswith("skipped 1 bad row: 1 because ")
    assert f"({path}, {message.partition(':')[0]})" in data.notes[0]


def test_a_line_without_an_end_is_refused_in_bounded_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (lines_module, separated):
        monkeypatch.setattr(module, "LONGEST_LINE", 1 << 16)
    for name, line in (("t.csv", "q,{}\n"), ("t.jsonl", '{{"query": "q", "pos": ["{}"]}}\n')):
        heading = "anchor,positive\n" if name == "t.csv" else ""
        path = tmp_path / name
        with path.open("w", encoding="utf-8") as file:
            file.write(heading + line.format("a") + line.format("x" * (12 << 20)) + line.format("b"))
        tracemalloc.start()
        with pytest.raises(DataError, match="the line is longer than 65,536 characters; split it"):
            load(path)
        assert len(load(path, skip_bad=True).corpus) == 2
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 6 << 20


def test_an_open_quotation_mark_holds_no_more_than_a_row_may(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(separated, "LONGEST_LINE", 1 << 12)
    path = write(tmp_path / "t.csv", 'anchor,positive\nq0,"open\n' + "".join(f"q{n},p\n" for n in range(1, 900)))
    with pytest.raises(DataError, match="line 2: a quotation mark opens a cell and none closes it within 4,096 characters"):
        load(path)
    assert len(queries(load(path, skip_bad=True))) == 899


def test_reasons_are_counted_with_examples_and_nothing_left_says_why(tmp_path: Path) -> None:
    rows = [
        '{"query": "a", "pos": ["b"]}',
        "oops",
        "[1]",
        "oops again",
        '{"query": "", "pos": ["b"]}',
        '{"query": "c", "pos": []}',
        "x",
        "y",
    ]
    data = load(write(tmp_path / "t.jsonl", "\n".join(rows)), skip_bad=True)
    assert queries(data) == ["a"]
    assert "skipped 7 bad rows: 4 because not valid JSON" in data.notes[0]
    assert "line 2; " in data.notes[0]
    assert "line 8" not in data.notes[0]  # three places are enough
    path = write(tmp_path / "none.csv", "anchor,positive\na,\n,b\n")
    with pytest.raises(DataError, match=r"none\.csv holds no pairs; .*; skipped 2 bad rows: ") as caught:
        load(path, skip_bad=True)
    assert "\n" not in str(caught.value)


def test_labels_and_weights_that_are_no_numbers_name_the_row(tmp_path: Path) -> None:
    weighed = write(tmp_path / "w.jsonl", '{"query": "a", "pos": ["b"], "weight": 1}\n{"query": "c", "pos": ["d"], "weight": "much"}\n')
    with pytest.raises(DataError, match="line 2: expected a weight"):
        load(weighed)
    assert queries(load(weighed, skip_bad=True)) == ["a"]
    labels = tmp_path / "test.parquet"
    parquet.write_table(pyarrow.table({"text": ["a", "b"], "label": [1.0, float("nan")]}), labels)
    with pytest.raises(DataError, match=r"row 2: there is no value under 'label' \(NaN\); fill it or remove the row"):
        read_labelled_texts(labels, "test")


def test_bad_lines_of_a_beir_folder_are_skipped_with_what_names_them(tmp_path: Path) -> None:
    write(tmp_path / "corpus.jsonl", '{"_id": "a", "text": "x"}\noops\n{"_id": "b", "text": "y"}\n')
    write(tmp_path / "queries.jsonl", '{"_id": "q", "text": "what?"}\n{"_id": "r", "text": " "}\n{"_id": "s", "text": "who?"}\n')
    write(tmp_path / "qrels/train.tsv", "q\ta\t1\nr\tb\t1\ns\tb\t1\n")
    with pytest.raises(DataError, match=r"corpus\.jsonl, line 2: not valid JSON"):
        load(tmp_path)
    data = load(tmp_path, skip_bad=True)
    assert queries(data) == ["what?", "who?"]
    assert "skipped 2 bad rows" in data.notes[0]
    assert "judgements that name a query or a passage that is not there: 1" in data.notes[1]


def test_what_is_recorded_of_bad_rows_quotes_none_of_them(tmp_path: Path) -> None:
    path = write(tmp_path / "t.jsonl", '{"query": "a", "pos": ["b"]}\n{"query": "c", "pos": ["d"], "weight": "secret"}\n')
    (note,) = load(path, skip_bad=True).notes
    assert "found 'secret'" in note
    assert "secret" not in recorded_note(note)
    assert recorded_note(note).startswith("skipped 1 bad row: 1 because expected a weight")


def test_a_data_tool_takes_several_sources_and_skips_bad_rows(tmp_path: Path) -> None:
    one = write(tmp_path / "a.csv", "ask,told\nq1,p1\nq2\n")
    other = write(tmp_path / "b.csv", "问题,答案\nq3,p3\n")
    words = ["data", "export", str(one), f"{other}=0.5", "-o", str(tmp_path / "out.jsonl"), "--columns", "query=ask,positive=told"]
    refused = CliRunner().invoke(main, words)
    assert (refused.exit_code, f"{one}, line 3: 1 cells where the heading has 2" in refused.stderr) == (1, True)
    done = CliRunner().invoke(main, [*words, "--skip-bad"])
    assert done.exit_code == 0, done.output
    assert "skipped 1 bad row: 1 because 1 cells" in done.stderr
    again = load(tmp_path / "out.jsonl")
    assert queries(again) == ["q1", "q3"]
    assert again.train.weights == {"q1": {"p1": 0.5}}
    itself = CliRunner().invoke(main, ["data", "export", str(one), str(tmp_path / "out.jsonl"), "-o", str(tmp_path / "out.jsonl")])
    assert "is the data that are read; give the result another name" in itself.stderr
