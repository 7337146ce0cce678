"""The event log as the report reads it: what is broken costs itself alone, and is counted."""

from pathlib import Path

import pytest
from adapt_embed.abtests.experiment.record import read_experiments
from adapt_embed.abtests.log.lines import Answer, Event
from adapt_embed.abtests.log.read import Skipped, read_log
from adapt_embed.abtests.measures.answers import gather_answers
from adapt_embed.errors import DataError

ID, START = "20261102-0000abcd", 1793577600.0

ANSWER = Answer(
    at=START,
    id="签名",
    user="u",
    experiment=ID,
    arm=None,
    query="合同 违约金",
    shown=("甲", "乙"),
    ms=1.5,
    interleaved={"甲": "base"},
    explored=(1,),
)
CLICK = Event(kind="click", at=START + 1, answer="签名", item="甲", position=1)


def written(folder: Path, content: bytes) -> Path:
    (folder / "events").mkdir()
    (folder / "events" / "2026-11-02.jsonl").write_bytes(content)
    return folder


def test_what_the_writer_writes_is_read_back(tmp_path: Path) -> None:
    skipped = Skipped()
    assert list(read_log(written(tmp_path, ANSWER.line() + CLICK.line()), skipped)) == [ANSWER, CLICK]
    assert skipped == Skipped()


@pytest.mark.parametrize(
    "line",
    [
        b"{}",
        b"[1]",
        b"null",
        b"\xff\xfe",
        b"[" * 100_000,
        CLICK.line().replace(b'"position":1', b'"position":0').strip(),
        CLICK.line().replace(b'"position":1', b'"position":true').strip(),
        CLICK.line().replace(b'"at":', b'"at":1e999,"was":').strip(),
        CLICK.line().replace(b'"at":', b'"at":' + b"9" * 400 + b',"was":').strip(),
        ANSWER.line().replace(b'["\xe7\x94\xb2",', b"[7,").strip(),
        ANSWER.line().replace(b'"user":"u"', b'"user":["u"]').strip(),
    ],
)
def test_a_broken_line_in_the_middle_costs_itself_alone(tmp_path: Path, line: bytes) -> None:
    skipped = Skipped()
    assert list(read_log(written(tmp_path, ANSWER.line() + line + b"\n" + CLICK.line()), skipped)) == [ANSWER, CLICK]
    assert skipped == Skipped(broken=1)


def test_a_torn_last_line_is_not_called_broken(tmp_path: Path) -> None:
    skipped = Skipped()
    assert list(read_log(written(tmp_path, ANSWER.line() + CLICK.line()[:-9]), skipped)) == [ANSWER]
    assert skipped == Skipped(torn=1)


def test_a_kind_that_is_not_known_is_counted(tmp_path: Path) -> None:
    skipped = Skipped()
    assert list(read_log(written(tmp_path, b'{"kind":"scroll","at":1}\n' + ANSWER.line()), skipped)) == [ANSWER]
    assert skipped == Skipped(unknown=1)


def test_files_that_are_no_days_are_not_read(tmp_path: Path) -> None:
    written(tmp_path, ANSWER.line())
    (tmp_path / "events" / "copy.jsonl").write_bytes(ANSWER.line())
    assert list(read_log(tmp_path, Skipped())) == [ANSWER]


def test_a_folder_without_a_log_is_refused_in_a_line(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"holds no event log; expected .*YYYY-MM-DD\.jsonl"):
        list(read_log(tmp_path, Skipped()))
    with pytest.raises(DataError, match="does not exist"):
        list(read_log(tmp_path / "missing", Skipped()))


def test_all_that_belongs_to_no_arm_is_counted(tmp_path: Path, event_logs) -> None:
    log = event_logs.Log()
    answer = log.answer("u", 0, clicks=[2])
    log.answer(None, 1, clicks=[1])
    log.answer("u", 0, experiment=None)
    log.answer("u", 0, experiment="20251102-0000abcd")
    log.answer("u", "gone@1")
    log.lines += [log.event("click", *each, START + 90) for each in ((answer, 2), (answer, 11), ("never", 1))]
    table, found = gather_answers(log.write(tmp_path), read_experiments(tmp_path)[0])
    assert (len(table), table.users, len(table.event_answer)) == (1, 1, 1)
    assert table.event_at[0] == START + 11  # of two clicks on one item the first counts
    assert (found.orphans, found.misplaced, found.repeated) == (1, 1, 1)
    assert (found.unassigned, found.outside, found.stray) == ({"legal@best": 1}, 2, 1)


def test_a_click_goes_to_the_team_whose_item_it_was(tmp_path: Path, event_logs) -> None:
    log = event_logs.Log(kind="interleave")
    log.answer("u", None, clicks=[1, 2, 3], interleaved={"item 1": "legal@best", "item 2": "base"})
    table, _ = gather_answers(log.write(tmp_path), read_experiments(tmp_path)[0])
    assert table.event_team.tolist() == [1, 0, -1]
