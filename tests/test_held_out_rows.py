"""Rows of pairs that a source keeps for choosing or testing, by a column `split`."""

from pathlib import Path

import pytest
from adapt_embed.data.in_memory import read_in_memory
from adapt_embed.data.sources import read_data
from adapt_embed.errors import DataError

ROWS = [
    ("what is rent", "rent is paid", "train"),
    ("what is a lease", "a lease is a contract", "dev"),
    ("租金是什么", "租金要付", "测试集"),
]


def write(path: Path, rows: list[tuple[str, str, str]], column: str = "split") -> str:
    path.write_text("".join(",".join(row) + "\n" for row in [("anchor", "positive", column), *rows]), encoding="utf-8")
    return str(path)


def test_rows_of_other_splits_are_not_trained_on_and_counted(tmp_path: Path) -> None:
    data = read_data(write(tmp_path / "pairs.csv", ROWS))
    assert list(data.train.queries.values()) == ["what is rent"]
    assert list(data.corpus.values()) == ["rent is paid"]
    (note,) = data.notes
    assert "2 rows left out, which the column split keeps for choosing or testing (1 dev, 1 测试集)" in note
    assert "--dev TABLE" in note


@pytest.mark.parametrize("name", ["Test", "test_unseen", "validation", "验证"])
def test_names_of_such_splits_may_be_written_in_many_ways(tmp_path: Path, name: str) -> None:
    data = read_data(write(tmp_path / "pairs.csv", [ROWS[0], ("q", "p", name)], " Split"))
    assert len(data.train) == 1


def test_a_column_split_with_other_words_leaves_nothing_out(tmp_path: Path) -> None:
    data = read_data(write(tmp_path / "pairs.csv", [("firewood", "dry wood", "yes"), ("logs", "whole trunks", "no")]))
    assert len(data.train) == 2
    assert not any("left out" in note for note in data.notes)


def test_a_table_of_nothing_else_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"keeps all rows for choosing or testing \(2 test\); expected some with train"):
        read_data(write(tmp_path / "pairs.csv", [("q", "p", "test"), ("r", "s", "test")]))


def test_lines_and_rows_in_memory_are_held_out_alike(tmp_path: Path) -> None:
    lines = tmp_path / "pairs.jsonl"
    lines.write_text('{"query": "a", "pos": ["b"], "split": "train"}\n{"query": "c", "pos": ["d"], "split": "test"}\n', encoding="utf-8")
    assert list(read_data(str(lines)).train.queries.values()) == ["a"]
    rows = [{"query": query, "positive": positive, "split": split} for query, positive, split in ROWS]
    assert len(read_in_memory(rows).train) == 1
