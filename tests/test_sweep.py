"""Sweeps: trials on dev, interrupted and gone on with, killed and taken up, the best registered as it was trained."""

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from adapt_embed.cli import main, training_bar
from adapt_embed.events import Quiet, Step
from adapt_embed.lora import factors_sha256, read_lora
from adapt_embed.registry import open_registry
from adapt_embed.registry.runs import lock_of
from click.testing import CliRunner, Result

pytest.importorskip("optuna", reason="needs optuna: pip install 'adapt-embed[sweep]'")

from adapt_embed.references import Search
from adapt_embed.sweeps import prepare_sweep, workers
from adapt_embed.sweeps.ask import ask_sweep
from adapt_embed.sweeps.journal import cut_torn_line
from adapt_embed.sweeps.page import render_sweep

Sweep = Callable[..., Result]
SETTINGS = ("epochs=2", "batch_size=16", "max_tokens=16", "side=both", "strategy=lora")
SPACE = """
learning_rate: {low: 1e-3, high: 5e-2, log: true}
loss: [infonce, triplet_hard]
temperature: {low: 0.02, high: 0.2, log: true}
rank: [2, 4]
"""
EVIL = "<script>window.pwned = 1</script>"


def adapt(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.fixture
def sweep(tiny_base: Path, toy_folder: Path, home: Path, tmp_path: Path) -> Sweep:
    """Run `adapt sweep` on the toy data: 8 steps a trial on the tiny base."""
    space = tmp_path / "空间.yaml"
    space.write_text(SPACE, encoding="utf-8")

    def run(*more: object, data: object = toy_folder) -> Result:
        given = {
            "--domain": "legal",
            "--data": data,
            "--base": tiny_base,
            "--dtype": "fp32",
            "--registry": home,
            "--space": space,
            "--trials": 3,
        }
        options = [part for option in given.items() if option[0] not in more for part in option]
        options += [part for setting in SETTINGS for part in ("--set", setting)]
        result = adapt("sweep", *options, *more)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return run


def trials_of(result: Result) -> list[tuple[object, ...]]:
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)["trials"]
    return sorted((each["number"], each["state"], str(each["settings"]), each["score"]) for each in found)


def test_the_best_trial_is_registered_with_the_factors_that_a_training_with_its_settings_gives(
    sweep: Sweep, train: Callable[..., Result], home: Path, tmp_path: Path, tiny_base: Path, toy_folder: Path
) -> None:
    page = tmp_path / "page.html"
    result = sweep("--name", "法律", "--html", page)
    assert result.exit_code == 0, result.output
    assert all(part in result.stdout for part in ("learning_rate", "法律@1", "of 3"))
    entry = open_registry(home).entries()[-1]
    about = entry.config["sweep"]
    assert (about["trials"], about["complete"]) == (3, 3)
    trials = json.loads((home / "法律" / "1" / "sweep.json").read_text(encoding="utf-8"))["trials"]
    best = max(trials, key=lambda each: each["score"])
    assert (best["number"], best["score"]) == (about["trial"], entry.dev.after)
    text = page.read_text(encoding="utf-8")
    config = tmp_path / "best.toml"
    config.write_text(text[text.index("[batches]") : text.index("</pre>", text.index("[batches]"))].replace("&#34;", '"'), encoding="utf-8")
    base = ("--base", tiny_base, "--data", toy_folder, "--registry", home)
    assert adapt("train", "--domain", "legal", "--name", "again", "--config", config, *base).exit_code == 0
    assert factors_sha256(read_lora(home / "again" / "1")) == factors_sha256(read_lora(home / "法律" / "1"))


def test_a_sweep_that_was_interrupted_goes_on_and_ends_as_one_that_was_not(
    sweep: Sweep, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = trials_of(sweep("--registry", tmp_path / "other", "--json"))
    steps: list[int] = []

    def stop(at: Step) -> None:
        steps.append(at.step)
        if len(steps) == 8 + 5:  # in the second trial
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(training_bar, "_lines", lambda: stop)
        interrupted = sweep()
    assert interrupted.exit_code == 130
    assert "interrupted after 1 of 3 trials; go on with the same command and --resume" in interrupted.stderr
    (run,) = json.loads(adapt("runs", "--registry", home, "--json").stdout)["runs"]
    assert (run["trials"], run["trials_of"], run["finished"]) == (1, 3, None)
    assert "1/3 trials" in adapt("runs", "--registry", home).stdout
    again = sweep()
    assert (again.exit_code, "add --resume" in again.stderr, run["id"] in again.stderr) == (1, True, True)
    steps.clear()
    with monkeypatch.context() as patch:
        patch.setattr(training_bar, "_lines", lambda: lambda at: steps.append(at.step))
        assert trials_of(sweep("--resume", "--json")) == whole
    assert steps == [6, 7, 8, *range(1, 9)]


def test_a_finished_sweep_goes_on_with_more_trials_and_registers_a_best_one_once(sweep: Sweep, home: Path) -> None:
    first = json.loads(sweep("--json", "--trials", 2).stdout)
    assert json.loads(sweep("--json", "--trials", 2, "--resume").stdout)["reference"] == first["reference"]
    more = json.loads(sweep("--json", "--trials", 4, "--resume").stdout)
    assert len(more["trials"]) == 4
    assert {each["number"]: each["score"] for each in first["trials"]}.items() <= {
        each["number"]: each["score"] for each in more["trials"]
    }.items()
    is_same = more["best"]["number"] == first["best"]["number"]
    assert len(open_registry(home).entries()) == (1 if is_same else 2)
    (run,) = json.loads(adapt("runs", "--registry", home, "--json").stdout)["runs"]
    assert run["finished"] == more["reference"]
    assert len(list(Path(run["path"]).glob("best-*"))) == 1
    assert adapt("runs", "rm", "--all", "--registry", home).exit_code == 0
    assert list((home / "runs").iterdir()) == []


def test_trials_that_are_worse_than_the_median_are_stopped_and_a_rule_ends_the_sweep(sweep: Sweep) -> None:
    found = json.loads(sweep("--trials", 7, "--json").stdout)
    pruned = [each for each in found["trials"] if each["state"] == "pruned"]
    assert pruned
    assert all(list(each["curve"]) == ["500"] for each in pruned)
    best = found["best"]["score"]
    ended = json.loads(sweep("--trials", 7, "--name", "b", "--until", f"nDCG@10 >= {best}", "--json").stdout)
    assert ended["settled"]
    assert ended["best"]["score"] == best
    assert len(ended["trials"]) == found["best"]["number"] + 1
    assert sum(found["importances"].values()) == pytest.approx(1)


def test_a_trial_whose_loss_is_not_a_number_fails_alone(sweep: Sweep, tmp_path: Path) -> None:
    (tmp_path / "s.json").write_text('{"learning_rate": [1e-2, 1e30], "clip_norm": [1.0]}')
    found = json.loads(sweep("--space", tmp_path / "s.json", "--trials", 6, "--json").stdout)
    states = {each["settings"]["learning_rate"]: each["state"] for each in found["trials"]}
    assert states == {1e-2: "complete", 1e30: "failed"}
    assert all("not a number" in each["why"] for each in found["trials"] if each["state"] == "failed")


def test_the_test_split_is_not_read_and_data_without_dev_are_refused(sweep: Sweep, toy_folder: Path, tmp_path: Path) -> None:
    import shutil

    data = Path(shutil.copytree(toy_folder, tmp_path / "data"))
    (data / "qrels" / "test.tsv").write_bytes(b"\xff\xfe damaged")
    assert sweep("--trials", 1, data=data).exit_code == 0
    pairs = tmp_path / "pairs.csv"
    pairs.write_text("anchor,positive\n" + "".join(f"q{row},p{row}\n" for row in range(9)), encoding="utf-8")
    refused = sweep(data=pairs)
    assert (refused.exit_code, "name a dev set with --dev" in refused.stderr) == (1, True)


def test_a_plan_says_what_is_tried_and_writes_nothing(sweep: Sweep, home: Path) -> None:
    plan = sweep("--dry-run")
    assert plan.exit_code == 0
    assert "tried     learning_rate: 0.001 to 0.05, by logarithm" in plan.stdout
    assert not (home / "runs").exists()


def test_a_line_that_a_kill_cut_short_is_taken_off(tmp_path: Path) -> None:
    path = tmp_path / "j"
    for content, left in ((b"", b""), (b'{"a"', b""), (b'{"a": 1}\n', b'{"a": 1}\n'), (b'{"a": 1}\n{"' + b"x" * 9000, b'{"a": 1}\n')):
        path.write_bytes(content)
        cut_torn_line(path)
        assert path.read_bytes() == left


class Notes(Quiet):
    """Keeps notes."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)


def held_files(pid: int) -> list[str]:
    """The files that a process has open; none of one that has ended."""
    try:
        return [file.path for file in psutil.Process(pid).open_files()]
    except psutil.Error:
        return []


@pytest.mark.slow
def test_of_two_processes_one_is_killed_and_no_trial_is_lost_or_run_twice(
    tiny_base: Path, toy_folder: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = []
    start = workers._start
    monkeypatch.setattr(workers, "_start", lambda *arguments: started.append(start(*arguments)) or started[-1])
    where = Search(registry=open_registry(home), base=str(tiny_base))
    settings = dict(each.split("=") for each in SETTINGS) | {"epochs": "20", "precision": "fp32"}
    request = ask_sweep(settings, {"rank": [2, 4, 8]}, where, trials=3, processes=2, domain="legal", data=toy_folder)
    job = prepare_sweep(request)

    def kill() -> None:
        lock, end = lock_of(job.folder / "0"), time.monotonic() + 120
        while time.monotonic() < end:
            for worker in started:
                if (job.folder / "0" / "state.pt").exists() and str(lock) in held_files(worker.pid):
                    worker.kill()  # the one that is at the first trial
                    return
            time.sleep(0.005)

    killer = threading.Thread(target=kill)
    killer.start()
    told = Notes()
    outcome = job.run(told)
    killer.join()
    assert sorted(worker.returncode for worker in started) == [-9, 0]
    assert "its trial goes on in another" in str(told.notes)
    assert sorted(each.number for each in outcome.trials) == [0, 1, 2]
    assert {each.state for each in outcome.trials} <= {"complete", "pruned"}
    kept = [path.name for path in job.folder.iterdir() if path.is_dir() and not path.name.startswith(".adapt-")]  # what a kill cuts short
    assert kept == [f"best-{outcome.best.number}"]
    page = render_sweep(outcome, EVIL)
    assert EVIL not in page
    assert page.count("<svg") >= 2
