"""`adapt data`: the group, what every tool shares, and export."""

import json
from pathlib import Path

import pytest
from adapt_embed.cli import main
from click.testing import CliRunner, Result


def adapt(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.fixture
def lines(tmp_path: Path) -> Path:
    path = tmp_path / "lines.jsonl"
    rows = [
        {"query": "谁付租金？", "pos": ["租户付租金。"], "neg": ["房东修屋顶。"], "weight": 2},
        {"query": "who mends it?", "pos": ["The landlord."], "neg": []},
    ]
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


def test_the_group_lists_its_verbs_and_offers_the_nearest_name() -> None:
    assert "export" in adapt("data", "--help").output
    result = adapt("data", "exprt")
    assert result.exit_code == 2
    assert "export" in result.output


def test_lines_are_exported_as_a_folder_and_as_beir(lines: Path, tmp_path: Path) -> None:
    result = adapt("data", "export", lines, "-o", tmp_path / "folder", "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["written"] == {"queries": 2, "dev queries": 0, "pairs": 2, "negatives": 1, "passages": 3}
    assert sorted(path.name for path in (tmp_path / "folder").iterdir()) == ["corpus.jsonl", "report.json", "train.jsonl"]
    result = adapt("data", "export", tmp_path / "folder", "-o", tmp_path / "beir", "--to", "beir")
    assert "a BEIR folder has no place for weights; those of 1 query are left out" in result.stdout
    assert (tmp_path / "beir" / "qrels" / "train.tsv").is_file()


def test_a_file_of_lines_says_what_it_leaves_out(lines: Path, tmp_path: Path) -> None:
    adapt("data", "export", lines, "-o", tmp_path / "folder")
    corpus = tmp_path / "folder" / "corpus.jsonl"
    corpus.write_text(corpus.read_text(encoding="utf-8") + '{"_id": "more", "text": "没有人问。"}\n', encoding="utf-8")
    result = adapt("data", "export", tmp_path / "folder", "-o", tmp_path / "out.jsonl")
    assert "left out: 1 passage that no training pair names (name a folder to keep all)" in result.stdout
    assert json.loads((tmp_path / "out.report.json").read_text(encoding="utf-8"))["tool"] == "export"


@pytest.mark.parametrize(
    ("out", "message"),
    [("lines.jsonl", "is the data that are read"), (".", "exists already"), ("none/out", "does not exist; make it first")],
)
def test_an_output_that_would_harm_something_is_refused_in_a_line(lines: Path, tmp_path: Path, out: str, message: str) -> None:
    before = lines.read_bytes()
    result = adapt("data", "export", lines, "-o", tmp_path / out)
    assert result.exit_code == 1, result.output
    assert message in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
    assert lines.read_bytes() == before


def test_a_beir_folder_is_not_a_file(lines: Path, tmp_path: Path) -> None:
    assert "a BEIR folder is a folder" in adapt("data", "export", lines, "-o", tmp_path / "x.jsonl", "--to", "beir").stderr
