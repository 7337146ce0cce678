"""A job's events: shown as lines where stderr is no terminal, and to nobody by default."""

import pytest
from adapt_embed.cli.events import shown
from adapt_embed.events import QUIET, Events, Step


def report(events: Events) -> None:
    events.stage("loading the base")
    events.note("data: a folder")
    events.progress("encoding", 1, 2)
    for number in (1, 2):
        events.step(Step(step=number, steps=2, loss=0.5, dev=0.25, pairs_per_s=10.0))
    events.note("法律@1")


def test_notes_and_steps_are_lines_in_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    with shown() as events:
        report(events)
    out, err = capsys.readouterr()
    assert out == ""
    lines = err.splitlines()
    assert lines[0] == "data: a folder"
    assert lines[1].startswith("step 1/2  loss 0.500  dev nDCG@10 0.2500  10.0 pairs/s")
    assert lines[2].startswith("step 2/2")
    assert lines[3] == "法律@1"


def test_nobody_is_told_by_default(capsys: pytest.CaptureFixture[str]) -> None:
    report(QUIET)
    assert capsys.readouterr() == ("", "")
