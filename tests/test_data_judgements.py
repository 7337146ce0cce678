"""Judgements: grades within their limits, the last of several, ids as they are written, rows that name what is not there."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import pytrec_eval
from adapt_embed.bench.report.terminal import table_text
from adapt_embed.bench.run.identity import Identity
from adapt_embed.bench.run.models import Model
from adapt_embed.bench.run.scoring import bench
from adapt_embed.bench.sources import task_from_folder
from adapt_embed.bench.tasks.data import data_of
from adapt_embed.data import load_domain, load_training_data
from adapt_embed.data.beir import BeirFolder
from adapt_embed.data.qrels import whole_grade
from adapt_embed.data.sources import load_dev_data
from adapt_embed.encoders import Encoded
from adapt_embed.errors import DataError
from click.testing import CliRunner

PASSAGES = {"p": "dogs", "p ": "cats", "p\u3000": "birds", "x\u2028y\x85z\x0b": "fish", "7": "owls"}


class ByWord:
    """An encoder whose vectors are the counts of the passages' words."""

    dimension = 1 + len(PASSAGES)

    def encode(self, texts: Sequence[str], role: str = "document", *, on_batch: object = None) -> Encoded:
        rows = np.array([[1.0, *(2.0 * (word in text.split()) for word in PASSAGES.values())] for text in texts], np.float32)
        return Encoded(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.zeros(len(texts), np.bool_))


def make_folder(place: Path, qrels: str, queries: dict[object, str] | None = None, split: str = "test") -> Path:
    (place / "qrels").mkdir(parents=True, exist_ok=True)
    for name, texts in (("corpus", PASSAGES), ("queries", queries or {"q": "about cats", "q ": "about birds", "\u3000q": "about fish"})):
        lines = [json.dumps({"_id": int(key) if key == "7" else key, "text": text}, ensure_ascii=False) for key, text in texts.items()]
        (place / f"{name}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8", newline="")
    (place / "qrels" / f"{split}.tsv").write_text("query-id\tcorpus-id\tscore\n" + qrels, encoding="utf-8", newline="")
    return place


def scores(folder: Path) -> dict[str, float]:
    identity = Identity(name="adapt/words", revision="1", precision="fp32", max_tokens=8)
    task = task_from_folder(folder, split="test", language="en")
    result = bench([Model("words", ByWord(), identity, "words", None)], [task])  # type: ignore[arg-type]
    assert result.scores[0].metrics["nDCG@10"] == pytest.approx(np.mean(list(result.scores[0].items.values())), abs=1e-5)
    return result.scores[0].items


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_ids_are_compared_as_they_are_written(tmp_path: Path, end: str) -> None:
    rows = ["q\tp \t1", "q \tp\u3000\t1", "\u3000q\tx\u2028y\x85z\x0b\t1", "q\t7\t0", ""]
    folder = make_folder(tmp_path / "d", end.join(rows))
    assert scores(folder) == {"q": 1.0, "q ": 1.0, "\u3000q": 1.0}
    (folder / "qrels/train.tsv").write_bytes((folder / "qrels/test.tsv").read_bytes())
    data = load_training_data(str(folder), domain=load_domain("legal"), lang="en", seed=0)
    assert data.train.positives == {"q": {"p ": 1}, "q ": {"p\u3000": 1}, "\u3000q": {"x\u2028y\x85z\x0b": 1}}


def test_candidates_are_found_by_their_ids_as_they_are_written(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "d", "q\tp \t1\nq \tp\u3000\t1\n")
    (folder / "top_ranked.tsv").write_text("query-id\tcorpus-id\nq\tp\nq\tp \nq \tp\u3000\nq \t7\n", encoding="utf-8")
    ranked = data_of(task_from_folder(folder, split="test", language="en"))["top_ranked"]
    assert ranked == {"q": ["p", "p "], "q ": ["p\u3000", "7"]}


@pytest.mark.parametrize("row", ["q\tp\u3000 \t1\n", "q\t p\t1\n", "q \u3000\tp\t1\n", "q\t07\t1\n"])
def test_an_id_with_other_blanks_is_another_id(tmp_path: Path, row: str) -> None:
    folder = make_folder(tmp_path / "d", row)
    with pytest.raises(DataError, match=r"line 2: (query|passage) '.*' is not in .*--skip-dangling"):
        BeirFolder(folder).pairs("test", PASSAGES)


@pytest.mark.parametrize(("character", "code"), [("\\u0000", "0000"), ("\\ud800", "D800")])
def test_an_id_that_the_scoring_library_cannot_take_is_refused(tmp_path: Path, character: str, code: str) -> None:
    folder = make_folder(tmp_path / "d", "q\tp\t1\n")
    (folder / "queries.jsonl").write_text(f'{{"_id": "q{character}a", "text": "x"}}\n')
    with pytest.raises(DataError, match=rf"queries\.jsonl, line 1: the id '.*' holds the character U\+{code}"):
        BeirFolder(folder).queries()


@pytest.mark.parametrize("grades", [(3, 1), (1, 3), (1, 1, 2)])
def test_of_a_pair_that_is_judged_twice_the_last_grade_counts(tmp_path: Path, grades: tuple[int, ...]) -> None:
    rows = "".join(f"q\t7\t{grade}\n" for grade in grades) + "q\tp \t1\n"
    folder = make_folder(tmp_path / "d", rows)
    judged = pytrec_eval.RelevanceEvaluator({"q": {"7": grades[-1], "p ": 1}}, {"ndcg_cut.10"})
    ranking = {"q": {"p ": 1.0, "7": 0.6, "p": 0.6, "p\u3000": 0.6, "x\u2028y\x85z\x0b": 0.6}}
    task = task_from_folder(folder, split="test", language="en")
    assert data_of(task)["relevant_docs"] == {"q": {"7": grades[-1], "p ": 1}}
    assert scores(folder)["q"] == pytest.approx(judged.evaluate(ranking)["q"]["ndcg_cut_10"], abs=1e-6)


def test_judging_a_pair_twice_is_told_with_the_first_one(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "d", "q\tp\t2\nq\t7\t1\nq\t7\t1\nq \tp\t1\nq\tp\t0\nq \tp\t3\n")
    data = BeirFolder(folder).load("test")
    path = folder / "qrels/test.tsv"
    assert data.pairs["test"].positives == {"q": {"7": 1}, "q ": {"p": 3}}
    assert data.notes == (
        "pairs judged more than once with different grades: 2, the last grade of each counts; the first: "
        f"query 'q' with passage 'p', 2 in {path}, line 2 and 0 in {path}, line 6",
    )
    make_folder(tmp_path / "e", "q\tp\t2\nq\tp\t0\n")
    with pytest.raises(DataError, match="holds no query with a positive passage; pairs judged more than once with different grades: 1"):
        BeirFolder(tmp_path / "e").load("test")


@pytest.mark.parametrize("form", ["q\tp\t{}\n", "q\t0\tp\t{}\n", "q\tp\t{}\r\n"])
@pytest.mark.parametrize("grade", ["1001", str(2**31), str(2**33), str(2**63), "1001.0", "1e6", "1e999999"])
def test_a_grade_above_a_thousand_is_refused_with_its_line(tmp_path: Path, form: str, grade: str) -> None:
    folder = make_folder(tmp_path / "d", "q\tp \t1\n" + form.format(grade))
    with pytest.raises(DataError, match=rf"test\.tsv, line 3: the grade is {grade}; expected a whole number from 0 to 1,000") as caught:
        task_from_folder(folder, split="test", language="en")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("written", "grade"),
    [("0", 0), ("1000", 1000), ("3.0", 3), (" 2 ", 2), ("１", 1), ("-0.0", 0), ("-1", -1), (str(-(2**63) - 1), -1), ("-1e999999", -1)],
)
def test_a_whole_number_is_a_grade(written: str, grade: int) -> None:
    assert whole_grade(written) == grade


@pytest.mark.parametrize(
    "written", ["nan", "inf", "1e-400", "0.5", "1_000", "", "one", "²", "1e99999999999999999999", "0.99999999999999999999", None]
)
def test_what_is_not_a_whole_number_is_not_a_grade(written: object) -> None:
    assert whole_grade(written) is None


@pytest.mark.parametrize("grade", ["nan", "inf", ""])
def test_a_first_line_without_a_number_for_a_grade_is_not_taken_for_a_heading(tmp_path: Path, grade: str) -> None:
    folder = make_folder(tmp_path / "d", "")
    (folder / "qrels/test.tsv").write_text(f"q\tp\t{grade}\nq\tp \t1\n")
    with pytest.raises(DataError, match=r"test\.tsv, line 1: expected query-id"):
        BeirFolder(folder).load("test")


def test_a_grade_below_zero_is_not_a_positive_however_low(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "d", f"q\tp \t1\nq\tp\t{-(2**63)}\nq\t7\t-1\n")
    assert scores(folder) == {"q": 1.0}


DANGLING = "q\tp \t1\nq\tgone\t1\nnobody\tp\t1\nq \tp\u3000\t1\n"


def test_dangling_judgements_are_errors_unless_they_are_to_be_skipped_and_counted(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "d", DANGLING, split="train")
    with pytest.raises(DataError, match=r"line 3: passage 'gone' is not in corpus\.jsonl; .* --skip-dangling$"):
        load_training_data(str(folder), domain=load_domain("legal"), lang="en", seed=0)
    data = load_training_data(str(folder), domain=load_domain("legal"), lang="en", seed=0, skip_dangling=True)
    assert data.train.positives == {"q": {"p ": 1}, "q ": {"p\u3000": 1}}
    assert data.notes[0] == (
        "skipped judgements that name a query or a passage that is not there: 2; the first: "
        f"{folder}/qrels/train.tsv, line 3: passage 'gone' is not in corpus.jsonl"
    )


def test_a_search_skips_and_tells_them_as_well(tmp_path: Path) -> None:
    folder, told = make_folder(tmp_path / "d", DANGLING, split="dev"), list[str]()
    _, _, dev = load_dev_data(str(folder), lang="en", seed=0, skip_dangling=True, on_note=told.append)
    assert len(dev) == 2
    assert told[0].startswith("skipped judgements that name a query")
    with pytest.raises(DataError, match="--skip-dangling"):
        load_dev_data(str(folder), lang="en", seed=0)


def test_nothing_is_said_where_nothing_dangles(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "d", "q\tp \t1\n")
    assert BeirFolder(folder, skip_dangling=True).load("test").notes == ()


def test_a_bench_says_what_it_skipped_wherever_it_says_its_scores(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "d", DANGLING)
    (folder / "top_ranked.tsv").write_text("query-id\tcorpus-id\nq\tp \nq\tgone\nq \tp\u3000\n", encoding="utf-8")
    task = task_from_folder(folder, split="test", language="en", skip_dangling=True)
    identity = Identity(name="adapt/words", revision="1", precision="fp32", max_tokens=8)
    result = bench([Model("words", ByWord(), identity, "words", None)], [task])  # type: ignore[arg-type]
    (benched,) = result.tasks
    assert [note.split(" that name")[0] for note in benched.notes] == ["skipped judgements", "skipped candidates"]
    assert json.loads(json.dumps(result.as_dict()))["tasks"][0]["notes"] == list(benched.notes)
    assert f"d: {benched.notes[0]}" in table_text(result)


def test_the_commands_take_the_option(tmp_path: Path, tiny_base: Path) -> None:
    from adapt_embed.cli import main

    folder = make_folder(tmp_path / "d", DANGLING)
    (folder / "qrels/train.tsv").write_bytes((folder / "qrels/test.tsv").read_bytes())
    commands = (["bench", "base", "--data", str(folder), "--json"], ["train", "--domain", "legal", "--data", str(folder), "--dry-run"])
    for command in commands:
        refused, skipped = (CliRunner().invoke(main, [*command, "--base", str(tiny_base), *more]) for more in ([], ["--skip-dangling"]))
        assert (refused.exit_code, skipped.exit_code) == (1, 0)
        assert "--skip-dangling" in refused.output
        assert "skipped judgements that name a query or a passage that is not there: 2" in skipped.stdout
    refused = CliRunner().invoke(main, ["merge", "a", "b", "--skip-dangling"])
    assert refused.exit_code == 2
    assert "--skip-dangling goes with --search" in refused.stderr


def test_keys_of_a_beir_folder_that_are_not_used_are_told_but_for_the_usual_metadata(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "d", "q\tp\t1\n")
    (folder / "queries.jsonl").write_text('{"_id": "q", "text": "x", "metadata": {}}\n{"_id": "r", "text": "x", "instruction": "y"}\n')
    assert BeirFolder(folder).load("test").notes == (f"{folder}/queries.jsonl: not used: instruction (used: _id, text)",)
