"""Tables at 80 columns, in a pipe, and in Chinese."""

import os
from pathlib import Path

import pytest
from adapt_embed.cli import main
from adapt_embed.cli.render import render_table
from adapt_embed.text_tables import TextTable, cell_width, fold, lay_out, lay_out_facts
from click.testing import CliRunner

LONG = "medical-and-legal-in-one-merged-with-ties@12"
HEADINGS = ("reference", "aliases", "base", "size")
ROWS = [(LONG, "best, production", "sentence-transformers/all-MiniLM-L6-v2", "1.3 MB"), ("法律@1", "", "BAAI/bge-small-zh-v1.5", "12.0 MB")]


def test_what_fits_is_one_line_a_row() -> None:
    text = lay_out(TextTable(("name", "n"), [("a", "1"), ("bcd", "22")], right=frozenset({"n"})), 12)
    assert text.splitlines() == ["", " name    n", " " + "─" * 9, " a       1", " bcd    22"]
    assert "name: a" in lay_out(TextTable(("name", "n"), [("a", "1"), ("bcd", "22")]), 9)


def test_what_does_not_fit_is_a_block_a_row_with_every_heading_and_no_broken_name() -> None:
    lines = lay_out(TextTable(HEADINGS, ROWS), 80).splitlines()
    assert lines == [
        "",
        f"reference: {LONG}",
        "  aliases: best, production",
        "  base:    sentence-transformers/all-MiniLM-L6-v2",
        "  size:    1.3 MB",
        "",
        "reference: 法律@1",
        "  aliases: -",
        "  base:    BAAI/bge-small-zh-v1.5",
        "  size:    12.0 MB",
    ]


def test_a_name_that_does_not_fit_beside_its_heading_stands_below_it_whole() -> None:
    name = "n" * 74
    assert f"    {name}" in lay_out(TextTable(("reference", "base"), [("a", name)]), 80).splitlines()
    assert f"    {'n' * 200}" in lay_out(TextTable(("reference", "base"), [("a", "n" * 200)]), 80).splitlines()


def test_chinese_columns_are_aligned() -> None:
    lines = lay_out(TextTable(("reference", "kind"), [("法律@1", "merge"), ("legal@1", "adapter")]), 80).splitlines()
    assert [cell_width(line[: line.index(word)]) for line, word in zip(lines[3:], ("merge", "adapter"), strict=True)] == [13, 13]
    assert cell_width("法律@1") == 6


def test_prose_is_broken_between_words_and_facts_are_not() -> None:
    text = lay_out(TextTable(("method", "use"), [("ties", "when signs differ " * 12)], prose=frozenset({"use"})), 80)
    assert max(map(cell_width, text.splitlines())) <= 80
    path = "/a folder/" + "x" * 90
    assert path in lay_out_facts([("folder", path)], 80)


def test_an_empty_first_cell_is_the_one_above() -> None:
    text = lay_out(TextTable(("pair", "where"), [("a, b", "x" * 50), ("", "y" * 50)]), 40)
    assert text.count("pair: a, b") == 2


def test_folded_lines_keep_words_whole() -> None:
    assert fold("one two three", 7) == ["one two", "  three"]
    assert fold("x" * 90, 80) == ["x" * 90]


def test_a_pipe_gets_whole_tables_and_columns_says_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    assert max(map(cell_width, render_table(HEADINGS, ROWS).splitlines())) > 80
    monkeypatch.setenv("COLUMNS", "80")
    assert max(map(cell_width, render_table(HEADINGS, ROWS).splitlines())) <= 80


@pytest.mark.skipif(not hasattr(os, "forkpty"), reason="needs a pseudo-terminal")
@pytest.mark.parametrize("arguments", [["merge", "--methods"], ["base", "list"], ["train", "--help"], ["--help"]])
def test_no_line_is_wider_than_80_columns(arguments: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    ran = CliRunner().invoke(main, arguments)
    assert ran.exit_code == 0
    unbroken = [line for line in ran.stdout.splitlines() if len(line.split()) > 2]
    assert max(map(cell_width, unbroken)) <= 80
