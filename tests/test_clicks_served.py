"""`adapt data clicks DIR`: the event logs of a server become the pairs that the same traffic as a table becomes."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from adapt_embed.cli import main
from adapt_embed.datatools.clicklogs.clicks import click_pairs
from adapt_embed.datatools.clicklogs.settings import ClickSettings
from adapt_embed.errors import ConfigError, DataError
from click.testing import CliRunner

CATALOGUE = [
    {"_id": "A1", "title": "crimson kettle", "text": "Acme"},
    {"_id": "B2", "title": "navy kettle", "text": "Acme"},
    {"_id": "C3", "title": "teapot", "text": ""},
    {"_id": "D4", "title": "绯色布艺沙发", "text": "诺丹"},
    {"_id": "E5", "title": "藏青布艺沙发", "text": "诺丹"},
]
QUERIES = {"Red  Kettle": ("A1", "C3", "B2"), "红色长沙发": ("D4", "C3", "E5")}
"""What is asked -> what answers it, what is passed over, and what stands beside."""


@pytest.fixture
def catalogue(tmp_path: Path) -> Path:
    lines = (json.dumps(row, ensure_ascii=False) + "\n" for row in CATALOGUE)
    (path := tmp_path / "corpus.jsonl").write_text("".join(lines), encoding="utf-8")
    return path


def answer(number: int, query: str, shown: Iterable[str], user: str | None, **more: Any) -> dict[str, Any]:
    told = {"experiment": "e1", "arm": "base", "ms": 4.2, "explored": [], "segment": None}
    return {
        "kind": "answer",
        "at": 1_790_000_000.0 + number,
        "id": f"a{number}",
        "user": user,
        "query": query,
        "shown": list(shown),
        **told,
        **more,
    }


def event(kind: str, of: dict[str, Any], item: str) -> dict[str, Any]:
    return {"kind": kind, "at": of["at"] + 5, "answer": of["id"], "item": item, "position": of["shown"].index(item) + 1}


def traffic(users: int = 40) -> list[dict[str, Any]]:
    """Every second answer has the right item first, the others another one; the right one is clicked, the second place passed over."""
    lines: list[dict[str, Any]] = []
    for row, (query, (right, passed, other)) in enumerate(QUERIES.items()):
        for user in range(users):
            shown = (right, passed, other) if user % 2 else (other, passed, right)
            lines.append(given := answer(100 * row + user, query, shown, f"{user:032x}"))
            if user % 2 or user % 4 == 0:
                lines.append(event("click", given, right))
            if user % 8 == 0:
                lines.append(event("click", given, other))
            if user % 16 == 1:
                lines.append(event("purchase", given, right))
    return lines


def written(folder: Path, lines: list[dict[str, Any]], torn: str = "") -> Path:
    """Write a log of two days: what is clicked may stand in the file of the day after."""
    (folder / "events").mkdir(parents=True)
    for day, part in (("2026-11-26", lines[:50]), ("2026-11-27", lines[50:])):
        text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in part)
        (folder / "events" / f"{day}.jsonl").write_text(text + (torn if day.endswith("27") else ""), encoding="utf-8")
    return folder


def pairs_of(log: Path, catalogue: Path, **settings: Any) -> dict[str, tuple[list[str], list[str]]]:
    train = click_pairs(log, catalogue, ClickSettings(**{"examination": "none"} | settings)).data.train
    return {text: (list(train.positives[qid]), train.negatives.get(qid, [])) for qid, text in train.queries.items()}


def test_answers_and_clicks_in_both_languages_become_pairs_and_what_was_passed_over_negatives(tmp_path: Path, catalogue: Path) -> None:
    made = click_pairs(written(tmp_path / "log", traffic()), catalogue, ClickSettings(examination="none"))
    assert pairs_of(tmp_path / "log", catalogue) == {"red kettle": (["A1"], ["C3", "B2"]), "红色长沙发": (["D4"], ["C3", "E5"])}
    assert made.data.corpus["D4"] == "绯色布艺沙发 诺丹"
    assert made.report.read == {"rows": 240, "queries": 2, "items": 5, "passages": 5}


def test_the_same_traffic_as_a_table_gives_the_same_pairs_and_weights(tmp_path: Path, catalogue: Path) -> None:
    lines = traffic()
    done = {(line["answer"], line["item"], line["kind"]) for line in lines if line["kind"] != "answer"}
    rows = ["query,item,position,clicked,bought,user,list"]
    for each in (line for line in lines if line["kind"] == "answer"):
        for position, item in enumerate(each["shown"], 1):
            bought = (each["id"], item, "purchase") in done
            rows.append(
                f"{each['query']},{item},{position},{int(bought or (each['id'], item, 'click') in done)},{int(bought)},{each['user']},{each['id']}"
            )
    (table := tmp_path / "log.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    settings = ClickSettings(examination="none")
    of_table, of_events = (click_pairs(log, catalogue, settings).data for log in (table, written(tmp_path / "log", lines)))
    assert of_events.train == of_table.train
    assert of_events.corpus == of_table.corpus


def test_what_was_bought_was_clicked_whether_or_not_the_click_was_told(tmp_path: Path, catalogue: Path) -> None:
    given = [answer(user, "kettle", ["A1", "B2"], f"{user:032x}") for user in range(6)]
    lines = [*given, *(event("purchase", each, "B2") for each in given)]
    assert pairs_of(written(tmp_path / "log", lines), catalogue)["kettle"][0] == ["B2"]


def swapped_traffic(share: float, seed: int = 0, examination: tuple[float, ...] = (1.0, 0.5, 0.25)) -> list[dict[str, Any]]:
    """Answers of one order per query, of which a share has two neighbours swapped; a look decides with the relevance 0.6 or 0.3."""
    rng = np.random.default_rng(seed)
    lines: list[dict[str, Any]] = []
    for number in range(3000):
        query = f"query {number % 40}"
        shown, explored = ["A1", "B2", "C3"], []
        if rng.random() < share:
            at = int(rng.integers(2))
            shown[at], shown[at + 1], explored = shown[at + 1], shown[at], [at + 1, at + 2]
        lines.append(given := answer(number, query, shown, f"{number % 500:032x}", explored=explored))
        for position, item in enumerate(shown):
            if rng.random() < examination[position] * (0.6 if item == "B2" else 0.3):
                lines.append(event("click", given, item))
    return lines


def test_swapped_neighbours_tell_the_position_bias_and_without_them_it_is_not_guessed(tmp_path: Path, catalogue: Path) -> None:
    made = click_pairs(written(tmp_path / "swapped", swapped_traffic(0.5)), catalogue, ClickSettings(min_clicks=1))
    rows = made.report.facts["positions"]
    assert [row["examination"] for row in rows] == pytest.approx([1, 0.5, 0.25], rel=0.15)
    assert made.report.facts["method"] == "harvest"
    with pytest.raises(
        DataError,
        match=r"in this log no item stood at several positions.*to have the server swap neighbours from now on: adapt serve --explore 1%",
    ):
        click_pairs(written(tmp_path / "fixed", swapped_traffic(0)), catalogue)


def test_a_flood_of_one_user_moves_no_pair(tmp_path: Path, catalogue: Path) -> None:
    before = pairs_of(written(tmp_path / "log", traffic()), catalogue)
    flood = [answer(number, "Red Kettle", ["B2"], "f" * 32) for number in range(900, 990)]
    flood += [event("click", each, "B2") for each in flood]
    assert pairs_of(written(tmp_path / "flood", traffic() + flood), catalogue) == before


def test_answers_without_a_user_move_no_pair_where_others_have_one(tmp_path: Path, catalogue: Path) -> None:
    lines = traffic()
    before = pairs_of(written(tmp_path / "log", lines), catalogue)
    given = [answer(number, "Red Kettle", ["B2"], None) for number in range(900, 990)]
    given += [event("click", each, "B2") for each in given]
    assert pairs_of(written(tmp_path / "more", lines + given), catalogue) == before
    nobody = written(tmp_path / "nobody", [line | ({"user": None} if line["kind"] == "answer" else {}) for line in lines])
    with pytest.raises(DataError, match="no column of users"):
        pairs_of(nobody, catalogue)
    assert list(pairs_of(nobody, catalogue, min_users=1)) == ["red kettle", "红色长沙发"]


def test_what_cannot_be_read_and_what_has_no_answer_is_told_and_the_rest_counts(tmp_path: Path, catalogue: Path) -> None:
    lines = traffic()
    stray = [{**event("click", lines[0], lines[0]["shown"][0]), "answer": "gone"}, {"kind": "weather", "at": 1.0}]
    log = written(tmp_path / "log", [*lines, *stray], torn='{"kind":"click","at":1.')
    ran = CliRunner().invoke(
        main, ["data", "clicks", str(log), "--catalogue", str(catalogue), "--examination", "none", "-o", str(tmp_path / "pairs")]
    )
    assert ran.exit_code == 0, ran.output
    assert "80 answers (0 with neighbours swapped, 0 interleaved) and " in ran.output
    assert "skipped 1 line cut off at the end of a file" in ran.output
    assert "1 item clicked or bought of answers that are not in the log" in ran.output
    assert pairs_of(log, catalogue)["red kettle"][0] == ["A1"]
    said = "".join(path.read_text(encoding="utf-8") for path in (tmp_path / "pairs").rglob("*") if path.is_file())
    assert "红色长沙发" in said
    assert f"{1:032x}" not in said
    assert '"a1"' not in said


def test_swapped_and_interleaved_answers_are_counted(tmp_path: Path, catalogue: Path) -> None:
    lines = traffic()
    swapped, mixed = [line for line in lines if line["kind"] == "answer"][:2]
    swapped |= {"explored": [1, 2]}
    mixed |= {"arm": None, "interleaved": {mixed["shown"][0]: "base", mixed["shown"][2]: "shop@best"}}
    log = written(tmp_path / "log", lines)
    ran = CliRunner().invoke(
        main, ["data", "clicks", str(log), "--catalogue", str(catalogue), "--examination", "none", "-o", str(tmp_path / "p")]
    )
    assert "80 answers (1 with neighbours swapped, 1 interleaved) and " in ran.output


def test_a_folder_that_is_not_a_log_and_columns_of_one_are_refused(tmp_path: Path, catalogue: Path) -> None:
    log = written(tmp_path / "log", traffic())
    with pytest.raises(ConfigError, match=r"--columns names columns of a table; .* is a server's event log, whose fields are known"):
        pairs_of(log, catalogue, columns={"query": "q"})
    (tmp_path / "empty" / "events").mkdir(parents=True)
    with pytest.raises(DataError, match="holds no event log"):
        pairs_of(tmp_path / "empty", catalogue)
    with pytest.raises(DataError, match=r"is not a click log; .*the folder that `adapt serve --events` writes"):
        pairs_of(tmp_path, catalogue)
    ran = CliRunner().invoke(main, ["data", "clicks", str(log), "--catalogue", str(catalogue), "-o", str(log / "pairs")])
    assert ran.exit_code == 1
    assert "lies inside" in ran.output
