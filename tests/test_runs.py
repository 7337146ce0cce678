"""Interrupted training runs: listed, removed, and told of by the command that would begin them anew."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from adapt_embed.adapters.checkpoint import Checkpoint
from adapt_embed.cli import main, training_bar
from adapt_embed.events import Step
from adapt_embed.registry.runs import list_runs
from click.testing import CliRunner, Result

Train = Callable[..., Result]


def adapt(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.fixture
def interrupted(train: Train, monkeypatch: pytest.MonkeyPatch) -> Result:
    """A run named 法律 that Ctrl-C stopped after three steps."""

    def stop(progress: Step) -> None:
        if progress.step == 3:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(training_bar, "_lines", lambda: stop)
        return train("--name", "法律")


def test_an_interrupted_run_is_listed_with_what_is_known_of_it(interrupted: Result, home: Path, tiny_base: Path) -> None:
    assert interrupted.exit_code == 130
    assert "after step 3 of" in interrupted.stderr
    (run,) = json.loads(adapt("runs", "--registry", home, "--json").stdout)["runs"]
    assert (run["name"], run["domain"], run["base"], run["step"], run["is_running"]) == ("法律", "legal", tiny_base.name, 3, False)
    assert run["steps"] > 3
    assert run["size"] > 1000
    text = adapt("runs", "--registry", home).stdout
    assert all(part in text for part in (run["id"], "法律", f"3/{run['steps']}", "ago"))


def test_the_same_run_says_that_one_is_there_before_it_begins_anew(interrupted: Result, train: Train, home: Path) -> None:
    (run,) = list_runs(home)
    plan = train("--name", "法律", "--dry-run", "--resume")
    assert f"goes on with the interrupted run, after step 3 of {run.steps}" in plan.stdout
    assert json.loads(train("--name", "法律", "--dry-run", "--json").stdout)["interrupted"][0]["step"] == 3
    assert "starts anew, and would with --resume" in train("--name", "法律", "--dry-run").stdout
    again = train("--name", "法律")
    assert "an interrupted run of this command is there, after step 3" in again.stderr
    assert "--resume" in again.stderr
    assert again.exit_code == 0
    assert adapt("runs", "--registry", home).stdout == "no interrupted runs\n"
    assert list((home / "runs").iterdir()) == []


def test_a_run_that_begins_anew_and_is_stopped_at_once_spares_the_former_state(
    interrupted: Result, train: Train, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(_progress: Step) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(training_bar, "_lines", lambda: stop)
        assert train("--name", "法律").exit_code == 130
    assert list_runs(home)[0].step == 3


def test_runs_are_removed_after_it_is_said_which(interrupted: Result, home: Path) -> None:
    (run,) = list_runs(home)
    unknown = adapt("runs", "rm", "xyz", "--registry", home)
    assert unknown.exit_code == 1
    assert run.id in unknown.stderr
    assert adapt("runs", "rm", "--registry", home).exit_code == 2
    removed = adapt("runs", "rm", run.id[:6], "--registry", home)
    assert f"{run.id}: 法律, domain legal, on" in removed.stderr
    assert "removed 1 interrupted run," in removed.stdout
    assert list_runs(home) == []
    assert list((home / "runs").iterdir()) == []


def test_all_runs_are_removed_but_the_one_that_is_under_way(interrupted: Result, home: Path) -> None:
    older = home / "runs" / "0123456789abcdef"
    older.mkdir()
    (older / "state.pt").write_bytes(b"state")
    (home / "runs" / "seeds-0123.json").write_text('{"group": "g", "name": "legal", "of": 3}')
    (run,) = [each for each in list_runs(home) if each.name == "法律"]
    with Checkpoint(run.path).held():
        assert next(each for each in list_runs(home) if each.id == run.id).is_running
        assert "under way" in adapt("runs", "rm", run.id, "--registry", home).stderr
        text = adapt("runs", "--registry", home).stdout
        assert "group of 3 seeds" in text
        assert "under way" in text
        removed = adapt("runs", "rm", "--all", "--registry", home, "--json")
    assert sorted(json.loads(removed.stdout)["removed"]) == ["0123456789abcdef", "seeds-0123"]
    assert [each.id for each in list_runs(home)] == [run.id]


def test_listing_runs_of_a_registry_that_is_not_there_makes_none(home: Path) -> None:
    assert adapt("runs", "--registry", home).stdout == "no interrupted runs\n"
    assert not home.exists()
    assert os.listdir(home.parent) == []  # noqa: PTH208
