"""A run that was cut short anywhere ends where the uninterrupted one does, and the registry stays whole.

Run as a script, this file is the parent of training processes that it kills (see `kill_runs`).
"""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from adapt_embed.adapters import Checkpoint, TrainConfig, TrainResult, run_id, train_adapter
from adapt_embed.base import ResolvedBase, load_base, resolve_base
from adapt_embed.data.dev_set import DevSet
from adapt_embed.data.pairs import Pairs, TrainingData
from adapt_embed.errors import TrainingError
from adapt_embed.events import Step
from adapt_embed.lora import factors_sha256
from adapt_embed.registry import open_registry

CONFIG = TrainConfig(
    epochs=3, batch_size=16, learning_rate=5e-3, temperature=0.05, rank=4, dropout=0.1, max_tokens=16, precision="fp32", eval_steps=3
)


class Killed(BaseException):
    """Stands for a kill: nothing in the package may catch it and save."""


def run(
    tiny_base: Path,
    data: TrainingData,
    folder: Path | None = None,
    *,
    resume: bool = False,
    on_step: Callable[[Step], None] = lambda _: None,
    every_s: float = 0.0,
) -> TrainResult:
    checkpoint = Checkpoint(folder, every_s=every_s) if folder else None
    return train_adapter(load_base(resolve_base(str(tiny_base))), data, CONFIG, checkpoint=checkpoint, resume=resume, on_step=on_step)


@pytest.fixture(scope="module")
def uninterrupted(tiny_base: Path, toy_data: TrainingData) -> TrainResult:
    return run(tiny_base, toy_data)


def assert_same(result: TrainResult, expected: TrainResult) -> None:
    assert result.losses == expected.losses
    assert result.evaluations == expected.evaluations
    assert result.best == expected.best
    assert factors_sha256(result.factors) == factors_sha256(expected.factors)


def stop_at(step: int, error: type[BaseException]) -> Callable[[Step], None]:
    def on_step(progress: Step) -> None:
        if progress.step == step:
            raise error

    return on_step


def fail_at_call(
    monkeypatch: pytest.MonkeyPatch, owner: object, name: str, call: int, error: type[BaseException], *, after: bool = False
) -> None:
    """Let the `call`-th call of a function fail, before or after its work."""
    original, calls = getattr(owner, name), []

    def failing(*arguments: object, **options: object) -> object:
        calls.append(1)
        if len(calls) == call and not after:
            raise error
        result = original(*arguments, **options)
        if len(calls) == call:
            raise error
        return result

    monkeypatch.setattr(owner, name, failing)


@pytest.mark.parametrize("step", [1, 2, 3, 5, 11, 12])
def test_a_run_killed_after_a_step_ends_as_the_uninterrupted_one(
    tiny_base: Path, toy_data: TrainingData, uninterrupted: TrainResult, tmp_path: Path, step: int
) -> None:
    with pytest.raises(Killed):
        run(tiny_base, toy_data, tmp_path, on_step=stop_at(step, Killed))
    told: list[int] = []
    result = run(tiny_base, toy_data, tmp_path, resume=True, on_step=lambda progress: told.append(progress.step))
    assert told == list(range(step + 1, 13))
    assert_same(result, uninterrupted)


def test_a_run_killed_at_every_step_in_turn_ends_as_the_uninterrupted_one(
    tiny_base: Path, toy_data: TrainingData, uninterrupted: TrainResult, tmp_path: Path
) -> None:
    for step in range(1, 13):
        with pytest.raises(Killed):
            run(tiny_base, toy_data, tmp_path, resume=step > 1, on_step=stop_at(step, Killed))
    assert_same(run(tiny_base, toy_data, tmp_path, resume=True), uninterrupted)


def test_a_state_older_than_the_kill_is_gone_on_from(
    tiny_base: Path, toy_data: TrainingData, uninterrupted: TrainResult, tmp_path: Path
) -> None:
    with pytest.raises(Killed):
        run(tiny_base, toy_data, tmp_path, on_step=stop_at(7, Killed), every_s=1000)
    told: list[int] = []
    result = run(tiny_base, toy_data, tmp_path, resume=True, on_step=lambda progress: told.append(progress.step))
    assert told[0] == 1
    assert_same(result, uninterrupted)


@pytest.mark.parametrize("evaluation", [1, 2, 4, 5])
@pytest.mark.parametrize("error", [KeyboardInterrupt, Killed])
def test_an_evaluation_that_was_cut_short_is_made_up_for(
    tiny_base: Path,
    toy_data: TrainingData,
    uninterrupted: TrainResult,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    evaluation: int,
    error: type[BaseException],
) -> None:
    with monkeypatch.context() as patch:
        fail_at_call(patch, DevSet, "score", evaluation, error)
        with pytest.raises(error):
            run(tiny_base, toy_data, tmp_path)
    assert_same(run(tiny_base, toy_data, tmp_path, resume=True), uninterrupted)


@pytest.mark.parametrize("place", ["before", "after"])
@pytest.mark.parametrize("step", [1, 4])
def test_ctrl_c_while_the_factors_change_saves_no_half_step(
    tiny_base: Path,
    toy_data: TrainingData,
    uninterrupted: TrainResult,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    step: int,
    place: str,
) -> None:
    with monkeypatch.context() as patch:
        fail_at_call(patch, torch.optim.AdamW, "step", step, KeyboardInterrupt, after=place == "after")
        with pytest.raises(KeyboardInterrupt):
            run(tiny_base, toy_data, tmp_path)
    assert_same(run(tiny_base, toy_data, tmp_path, resume=True), uninterrupted)


def test_ctrl_c_saves_a_state_that_was_not_due(tiny_base: Path, toy_data: TrainingData, uninterrupted: TrainResult, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        run(tiny_base, toy_data, tmp_path, on_step=stop_at(7, KeyboardInterrupt), every_s=1000)
    told: list[int] = []
    result = run(tiny_base, toy_data, tmp_path, resume=True, on_step=lambda progress: told.append(progress.step))
    assert told[0] == 8
    assert_same(result, uninterrupted)


def test_a_run_without_resume_starts_afresh(tiny_base: Path, toy_data: TrainingData, uninterrupted: TrainResult, tmp_path: Path) -> None:
    with pytest.raises(Killed):
        run(tiny_base, toy_data, tmp_path, on_step=stop_at(5, Killed))
    told: list[int] = []
    assert_same(run(tiny_base, toy_data, tmp_path, on_step=lambda progress: told.append(progress.step)), uninterrupted)
    assert told[0] == 1


def test_a_finished_state_gives_the_result_again(
    tiny_base: Path, toy_data: TrainingData, uninterrupted: TrainResult, tmp_path: Path
) -> None:
    run(tiny_base, toy_data, tmp_path)
    assert_same(run(tiny_base, toy_data, tmp_path, resume=True, on_step=stop_at(12, Killed)), uninterrupted)


@pytest.mark.parametrize("content", [b"", b"no state", b"half"])
def test_a_damaged_state_is_named(tiny_base: Path, toy_data: TrainingData, tmp_path: Path, content: bytes) -> None:
    if content == b"half":
        with pytest.raises(Killed):
            run(tiny_base, toy_data, tmp_path, on_step=stop_at(2, Killed))
        whole = (tmp_path / "state.pt").read_bytes()
        content = whole[: len(whole) // 2]
    (tmp_path / "state.pt").write_bytes(content)
    with pytest.raises(TrainingError, match=r"state\.pt is damaged .*start afresh without --resume") as caught:
        run(tiny_base, toy_data, tmp_path, resume=True)
    assert "\n" not in str(caught.value)


def test_a_state_that_cannot_be_written_is_one_clear_line_and_leaves_the_old_one(
    tiny_base: Path, toy_data: TrainingData, uninterrupted: TrainResult, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Full(OSError):
        def __init__(self) -> None:
            super().__init__(28, "No space left on device")

    with monkeypatch.context() as patch:
        fail_at_call(patch, os, "fsync", 4, Full)
        with pytest.raises(TrainingError, match=r"No space left on device.*make room.*--resume"):
            run(tiny_base, toy_data, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["state.pt"]
    assert_same(run(tiny_base, toy_data, tmp_path, resume=True), uninterrupted)


def test_a_state_has_the_parts_that_states_of_earlier_versions_have(tiny_base: Path, toy_data: TrainingData, tmp_path: Path) -> None:
    run(tiny_base, toy_data, tmp_path)
    state = torch.load(tmp_path / "state.pt", weights_only=True)
    assert state.keys() == {"step", "losses", "looks", "best_weights", "weights", "optimizer"}
    assert state["looks"][0].keys() == {"step", "score"}


def test_the_last_state_is_kept_until_it_is_discarded_however_seldom_states_are_saved(
    tiny_base: Path, toy_data: TrainingData, uninterrupted: TrainResult, tmp_path: Path
) -> None:
    run(tiny_base, toy_data, tmp_path, every_s=1000)
    told: list[int] = []
    assert_same(run(tiny_base, toy_data, tmp_path, resume=True, on_step=lambda progress: told.append(progress.step)), uninterrupted)
    assert told == []


def test_discarding_leaves_nothing_of_the_run(tiny_base: Path, toy_data: TrainingData, tmp_path: Path) -> None:
    run(tiny_base, toy_data, tmp_path / "run")
    (tmp_path / "run" / "state.123.tmp").write_bytes(b"of a killed write")
    Checkpoint(tmp_path / "run").discard()
    assert list(tmp_path.iterdir()) == []


def test_a_runs_name_stands_for_all_that_determines_its_outcome(tiny_base: Path, toy_data: TrainingData) -> None:
    from dataclasses import replace

    base = load_base(resolve_base(str(tiny_base)))
    qid = min(toy_data.train.queries)
    with_negatives = replace(toy_data, train=Pairs(toy_data.train.queries, toy_data.train.positives, {qid: ["p9-0"]}))
    others = [
        run_id(replace(CONFIG, seed=1), base, toy_data),
        run_id(CONFIG, load_base(ResolvedBase(base.spec, replace(base.encoding, pooling="mean"))), toy_data),
        run_id(CONFIG, load_base(ResolvedBase(base.spec, replace(base.encoding, query_prompt=""))), toy_data),
        run_id(CONFIG, base, with_negatives),
        run_id(CONFIG, base, replace(toy_data, corpus=toy_data.corpus | {"more": "a distractor"})),
        run_id(CONFIG, base, replace(toy_data, dev=None)),
    ]
    name = run_id(CONFIG, base, toy_data)
    assert name == run_id(CONFIG, load_base(ResolvedBase(base.spec, base.encoding)), replace(toy_data, source="elsewhere", notes=("told",)))
    assert len({name, *others}) == 7


@pytest.mark.slow
def test_a_run_killed_at_twenty_moments_registers_the_same_bytes(tiny_base: Path, toy_folder: Path, tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, __file__, str(tiny_base), str(toy_folder), str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    assert ended.returncode == 0, ended.stderr[-3000:]
    report = json.loads(ended.stdout)
    assert report["killed"] == 20
    assert report["problems"] == []
    assert report["same_bytes"] == {"random moments": True, "write": True, "fsync": True, "replace": True, "adopt": True}
    assert report["left_in_runs"] == []


# The rest is the parent process of the test above. It imports torch once and forks; each child is one `adapt train`.


def _train(arguments: list[str], prepare: Callable[[], None]) -> int:
    """Fork a child that trains through the command; return its process id."""
    if child := os.fork():
        return child
    code = 1
    try:
        from adapt_embed.adapters.job import runs
        from adapt_embed.cli import main

        runs.Checkpoint = lambda folder, **more: Checkpoint(folder, every_s=0.0, **more)  # type: ignore[assignment,misc]
        prepare()
        with open(os.devnull, "w") as nowhere:  # noqa: PTH123
            os.dup2(nowhere.fileno(), 1)
            main(arguments)
    except SystemExit as e:
        code = int(e.code or 0)
    finally:
        os._exit(code)


def _kill_self() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _die_writing() -> None:
    """Kill the child in the middle of writing its fifth state."""
    save, calls = torch.save, []

    def dying(content: object, file: object) -> None:
        calls.append(1)
        if len(calls) == 5:
            file.write(b"half a state")  # type: ignore[attr-defined]
            file.flush()  # type: ignore[attr-defined]
            _kill_self()
        save(content, file)

    torch.save = dying


def _die_at(owner: object, name: str, call: int) -> Callable[[], None]:
    def prepare() -> None:
        original, calls = getattr(owner, name), []

        def dying(*arguments: object, **options: object) -> object:
            calls.append(1)
            if len(calls) == call:
                _kill_self()
            return original(*arguments, **options)

        setattr(owner, name, dying)

    return prepare


def _wait_for_writes(child: int, state: Path, writes: int) -> bool:
    """Wait until the state was replaced so many times; False where the child ended first."""
    last, seen = None, 0
    while seen < writes:
        if os.waitpid(child, os.WNOHANG)[0]:
            return False
        now = state.stat().st_ino if state.exists() else None
        if now != last:
            last, seen = now, seen + 1
        time.sleep(0.0005)
    return True


def _die_adopting() -> None:
    """End the process just before the finished version is put in its place."""
    from adapt_embed import disk

    def die(operation: str, path: Path) -> None:
        if operation == "rename" and path.parent.name == "legal":
            os.kill(os.getpid(), signal.SIGKILL)

    disk.FAULT = die


def kill_runs(tiny_base: str, data: str, folder: Path) -> dict:
    """Train once in peace, once with 20 kills at random moments, and once for each kind of unlucky moment; compare the bytes."""
    settings = ["epochs=30", "batch_size=16", "rank=2", "max_tokens=16", "eval_steps=7", "patience=none", "dropout=0.1", "targets=query"]
    options = [part for setting in settings for part in ("--set", setting)]
    problems: list[str] = []
    left: list[str] = []

    def command(home: Path, *more: str) -> list[str]:
        fixed = ["train", "--domain", "legal", "--data", data, "--base", tiny_base, "--dtype", "fp32", "--registry", str(home)]
        return [*fixed, *options, *more]

    def check(home: Path) -> int:
        registry = open_registry(home)
        problems.extend(str(problem) for problem in registry.verify().problems if problem.kind not in ("orphan", "leftover"))
        return len([entry for entry in registry.entries() if not registry.is_builtin(entry)])

    def finish(home: Path) -> bytes:
        if not check(home):
            assert os.waitpid(_train(command(home, "--resume"), lambda: None), 0)[1] == 0
        assert check(home) == 1
        left.extend(str(path) for path in home.glob("runs/*"))
        return (home / "legal" / "1" / "adapter_model.safetensors").read_bytes()

    assert os.waitpid(_train(command(folder / "peace"), lambda: None), 0)[1] == 0
    expected, same = finish(folder / "peace"), {}
    draw, killed, home = random.Random(0), 0, folder / "kills"
    for _ in range(20):
        child = _train(command(home, "--resume"), lambda: None)
        states = list(home.glob("runs/*/state.pt"))
        if states and not _wait_for_writes(child, states[0], 1 + draw.randrange(5)):
            break
        time.sleep(draw.uniform(0, 0.03) if states else draw.uniform(0, 0.6))
        os.kill(child, signal.SIGKILL)
        killed += os.WIFSIGNALED(os.waitpid(child, 0)[1])
        check(home)
    same["random moments"] = finish(home) == expected
    moments = {
        "write": _die_writing,
        "fsync": _die_at(os, "fsync", 4),
        "replace": _die_at(Path, "replace", 6),
        "adopt": _die_adopting,
    }
    for name, prepare in moments.items():
        status = os.waitpid(_train(command(folder / name), prepare), 0)[1]
        assert os.WIFSIGNALED(status), f"the child was not killed at {name}"
        same[name] = finish(folder / name) == expected
    return {"killed": killed, "problems": problems, "same_bytes": same, "left_in_runs": left}


if __name__ == "__main__":
    print(json.dumps(kill_runs(sys.argv[1], sys.argv[2], Path(sys.argv[3]))))
