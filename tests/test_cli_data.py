"""`adapt data`: the group, what every tool shares, and export."""

import json
import shutil
from pathlib import Path

import pytest
from adapt_embed.cli import main
from adapt_embed.data.beir import BeirFolder
from adapt_embed.data.test_split import read_test_split
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
    [
        ("lines.jsonl", "is the data that are read"),
        (".", "exists already"),
        ("none/out", "does not exist; make it first"),
        ("out.csv", "would be a folder that is called like a file"),
        ("out.jsonl.gz", "would be a folder that is called like a file"),
    ],
)
def test_an_output_that_would_harm_something_is_refused_in_a_line(lines: Path, tmp_path: Path, out: str, message: str) -> None:
    before = lines.read_bytes()
    result = adapt("data", "export", lines, "-o", tmp_path / out)
    assert result.exit_code == 1, result.output
    assert message in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
    assert lines.read_bytes() == before


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of pair lines with every split, a passage for training alone, and faults that cleaning mends."""
    made = tmp_path / "folder"
    made.mkdir()
    splits = {
        "train": [
            {"query": "谁付租金？", "pos": ["租户付租金。"], "neg": []},
            {"query": "made", "pos": ["a passage without one sentence"], "neg": []},
        ],
        "dev": [{"query": "who mends it?", "pos": ["The landlord."], "neg": []}],
        "test": [{"query": "how　long？", "pos": ["<p>Ten days.</p>", "租户付租金。"], "neg": ["its own"], "group": "g"}] * 2,
    }
    for name, rows in splits.items():
        (made / f"{name}.jsonl").write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    texts = ["租户付租金。", "The landlord.", "<p>Ten days.</p>"]
    passages = (json.dumps({"_id": f"p{n}", "text": text}, ensure_ascii=False) + "\n" for n, text in enumerate(texts))
    (made / "corpus.jsonl").write_text("".join(passages), encoding="utf-8")
    return made


def texts_of_test(folder: Path) -> dict[str, list[str]]:
    found = read_test_split(folder)
    assert found is not None
    pairs, corpus = found
    return {pairs.queries[qid]: sorted(corpus[pid] for pid in of) for qid, of in pairs.positives.items()}


def test_a_test_split_is_carried_over_as_it_is(folder: Path, tmp_path: Path) -> None:
    for number, tool in enumerate((["export"], ["augment", "-m", "deletion"], ["mine", "--by", "bm25", "--negatives", "1"])):
        out = tmp_path / f"out{number}"
        result = adapt("data", *tool, folder, "-o", out)
        assert result.exit_code == 0, result.output
        assert "the test split of 1 query is carried over as it is" in result.stdout
        assert texts_of_test(out) == texts_of_test(folder)
        (line,) = (out / "test.jsonl").read_text(encoding="utf-8").splitlines()
        assert (json.loads(line)["group"], json.loads(line)["neg"]) == ("g", ["its own"])
        assert (out / "corpus.jsonl").read_bytes() == (folder / "corpus.jsonl").read_bytes()
    result = adapt("data", "export", folder, "-o", tmp_path / "out.jsonl")
    assert "the test split is left out (name a folder to keep it)" in result.stdout


def test_cleaning_mends_the_texts_of_a_test_split_and_drops_no_row(folder: Path, tmp_path: Path) -> None:
    result = adapt("data", "clean", folder, "-o", tmp_path / "out", "--tell", "duplicate")
    assert result.exit_code == 0, result.output
    assert "the test split of 1 query is carried over with its texts changed by the same rules, and no row dropped" in result.stdout
    assert texts_of_test(tmp_path / "out") == {"how long？": ["Ten days.", "租户付租金。"]}


def test_a_broken_test_split_is_refused_before_the_tool_runs_and_not_read_for_a_file(folder: Path, tmp_path: Path) -> None:
    (folder / "test.jsonl").write_text("{broken\n", encoding="utf-8")
    result = adapt("data", "export", folder, "-o", tmp_path / "out")
    assert (result.exit_code, "test.jsonl" in result.stderr, (tmp_path / "out").exists()) == (1, True, False)
    assert adapt("data", "export", folder, "-o", tmp_path / "out.jsonl").exit_code == 0


def test_a_beir_folder_keeps_the_test_split_and_no_passage_that_was_made_for_training(folder: Path, tmp_path: Path) -> None:
    result = adapt("data", "export", folder, "-o", tmp_path / "beir", "--to", "beir")
    assert "1 passage made for training alone, with 1 pair and 1 query, was left out" in result.stdout
    read = BeirFolder(tmp_path / "beir").load("train", "dev", "test")
    assert sorted(read.corpus.values()) == ["<p>Ten days.</p>", "The landlord.", "its own", "租户付租金。"]
    assert {name: len(pairs) for name, pairs in read.pairs.items()} == {"train": 1, "dev": 1, "test": 1}
    assert texts_of_test(tmp_path / "beir") == texts_of_test(folder)


def test_grades_that_lines_do_not_keep_are_told_by_every_tool(toy_folder: Path, tmp_path: Path) -> None:
    source = Path(shutil.copytree(toy_folder, tmp_path / "graded"))
    for split, number in (("dev", 32), ("test", 32)):
        qrels = source / "qrels" / f"{split}.tsv"
        qrels.write_text(qrels.read_text(encoding="utf-8").replace("\t1\n", "\t2\n"), encoding="utf-8")
        assert qrels.read_text(encoding="utf-8").count("\t2\n") == number
    result = adapt("data", "export", source, "-o", tmp_path / "out")
    assert "64 pairs had a grade above 1, which pair lines do not keep" in result.stdout
    result = adapt("data", "split", source, "-o", tmp_path / "split", "--resplit", "--by", "query")
    assert "32 pairs had a grade above 1, which pair lines do not keep" in result.stdout


@pytest.mark.parametrize("out", ["test.jsonl", "new.jsonl", "new"])
def test_nothing_is_written_into_a_folder_that_is_read(folder: Path, out: str, monkeypatch: pytest.MonkeyPatch) -> None:
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    monkeypatch.setenv("HOME", str(folder.parent))
    for source, written in (
        (folder, folder / out),
        (folder, f"~/folder/{out}"),
        ("~/folder", folder.parent / "none" / ".." / "folder" / out),
    ):
        result = adapt("data", "export", source, "-o", written)
        assert (result.exit_code, "lies inside" in result.stderr) == (1, True), result.output
        assert len(result.stderr.strip().splitlines()) == 1
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_the_users_folder_is_meant_by_a_tilde(lines: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert adapt("data", "export", lines, "-o", "~/out.jsonl").exit_code == 0
    assert (tmp_path / "out.jsonl").is_file()


def test_a_beir_folder_is_not_a_file(lines: Path, tmp_path: Path) -> None:
    assert "a BEIR folder is a folder" in adapt("data", "export", lines, "-o", tmp_path / "x.jsonl", "--to", "beir").stderr
