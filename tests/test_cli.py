"""The command line's contract: exit codes, streams, errors, interrupts, and the training command from end to end."""

import dataclasses
import json
import os
import re
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from adapt_embed.cli import COMMANDS, main, training_bar
from adapt_embed.data.dev_set import DevSet
from adapt_embed.errors import AdaptError
from adapt_embed.events import Step
from adapt_embed.metrics import NDCG_10
from adapt_embed.registry import open_registry
from click.testing import CliRunner, Result

START = [sys.executable, "-c", "from adapt_embed.cli import main; main()"]
Train = Callable[..., Result]


def adapt(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def assert_one_line(result: Result, *parts: str) -> None:
    """Exit code 1, and one line on stderr that says it."""
    assert result.exit_code == 1, result.output
    errors = [line for line in result.stderr.splitlines() if line.startswith("Error: ")]
    assert len(errors) == 1
    assert "Traceback" not in result.output
    assert all(part in errors[0] for part in parts), errors[0]


# Start


def test_help_starts_quickly() -> None:
    def cpu_seconds() -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([*START, "--help"], check=True, capture_output=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime

    assert min(cpu_seconds() for _ in range(3)) < 0.3


def test_no_help_imports_anything_heavy() -> None:
    code = (
        "import sys\nfrom adapt_embed.cli import COMMANDS, main\n"
        "for line in [['--help'], ['--version'], *([verb, '--help'] for verb in COMMANDS)]:\n"
        "    try: main(line)\n"
        "    except SystemExit as e: assert not e.code, line\n"
        "heavy = {'torch', 'transformers', 'peft', 'mteb', 'datasets', 'numpy', 'huggingface_hub', 'pyarrow'} & set(sys.modules)\n"
        "print(sorted(heavy), file=sys.stderr)"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stderr.strip() == "[]"


def test_help_lists_every_command_with_its_line() -> None:
    text = " ".join(adapt("--help").stdout.split())
    assert all(f"{verb} {line}" in text for verb, (_, line) in COMMANDS.items())


# Errors


def test_an_unknown_command_is_answered_with_the_nearest() -> None:
    result = adapt("trian")
    assert result.exit_code == 2
    assert "unknown command 'trian'. Did you mean train or pretrain?" in result.stderr


@pytest.mark.parametrize(
    "arguments", [["train"], ["list", "--nonsense"], ["show"], ["train", "--domain", "legal", "--train-queries", "many"], ["list", "extra"]]
)
def test_wrong_usage_exits_with_2(arguments: list[str]) -> None:
    plain, as_json = adapt(*arguments), adapt(*arguments, "--json")
    assert (plain.exit_code, as_json.exit_code) == (2, 2)
    assert plain.stdout == ""
    assert "Usage: " in plain.stderr
    assert json.loads(as_json.stdout).keys() == {"error"}


def test_an_error_is_one_line_and_exit_code_1(home: Path) -> None:
    result = adapt("show", "nothing", "--registry", home)
    assert_one_line(result, "unknown adapter 'nothing'")
    assert result.stdout == ""


def test_an_error_is_a_json_object_on_stdout_with_json(home: Path) -> None:
    result = adapt("show", "nothing", "--registry", home, "--json")
    assert result.exit_code == 1
    assert "unknown adapter 'nothing'" in json.loads(result.stdout)["error"]
    assert result.stdout.count("\n") == 1


def test_adapt_debug_keeps_the_traceback(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADAPT_DEBUG", "1")
    result = adapt("show", "nothing", "--registry", home)
    assert isinstance(result.exception, AdaptError)
    ended = subprocess.run([*START, "show", "nothing", "--registry", str(home)], capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert "Traceback" in ended.stderr


@pytest.mark.parametrize("arguments", [["--help"], ["list"], ["list", "--json"], ["train", "--help"]])
def test_a_closed_pipe_is_silent(arguments: list[str], home: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        env = os.environ | {"ADAPT_HOME": str(home)}
        ended = subprocess.run([*START, *arguments], stdout=writing, stderr=subprocess.PIPE, env=env, check=False)
    finally:
        os.close(writing)
    assert ended.stderr == b""
    assert ended.returncode == 0


@pytest.mark.parametrize(
    ("options", "parts"),
    [
        (["--domain", "leagl", "--data", "sample"], ["unknown domain 'leagl'", "Did you mean legal"]),
        (["--domain", "none.toml"], ["none.toml does not exist"]),
        (["--base", "bge-smal-en"], ["unknown base 'bge-smal-en'", "bge-small-en"]),
        (["--name", "base"], ["the name 'base' is taken"]),
        (["--name", "a/b"], ["the name 'a/b' is not valid"]),
        (["--set", "learning_rat=1"], ["unknown setting 'learning_rat'", "learning_rate"]),
        (["--set", "epochs=many"], ["epochs is 'many'; expected a whole number"]),
        (["--set", "targets=quarry"], ["target 'quarry' names no linear module"]),
        (["--config", "none.toml"], ["none.toml does not exist"]),
        (["--data", "none.jsonl"], ["none.jsonl does not exist"]),
    ],
)
def test_an_option_that_does_not_fit_is_one_line_and_nothing_is_written(
    train: Train, home: Path, options: list[str], parts: list[str]
) -> None:
    assert_one_line(train(*options), *parts)
    assert not home.exists()


@pytest.mark.parametrize(
    ("name", "content", "parts"),
    [
        ("empty.jsonl", "", ["empty.jsonl is empty"]),
        ("empty.csv", "", ["empty.csv is empty"]),
        ("columns.csv", "left,right\na,b\n", ["columns.csv lacks the column anchor, positive"]),
        ("broken.jsonl", '{"anchor": "a", "positive": "b"}\n' * 6 + '{"anchor": \n', ["broken.jsonl, line 7: not valid JSON"]),
        ("kind.doc", "text", ["kind.doc"]),
    ],
)
def test_data_that_cannot_be_read_is_one_line(train: Train, home: Path, tmp_path: Path, name: str, content: str, parts: list[str]) -> None:
    (tmp_path / name).write_text(content)
    assert_one_line(train(data=tmp_path / name), *parts)
    assert not home.exists()


def test_not_a_number_is_one_line_and_registers_nothing(train: Train, home: Path) -> None:
    assert train().exit_code == 0
    assert_one_line(train("--set", "learning_rate=1e30"), "lower learning_rate")
    assert_one_line(train("--set", "temperature=1e-30"), "raise temperature")
    registry = open_registry(home)
    assert registry.verify().is_clean
    assert [entry.reference for entry in registry.entries() if not registry.is_builtin(entry)] == ["legal@1"]


# Training


def test_train_registers_a_version_and_tells_it(train: Train, home: Path) -> None:
    result = train("--name", "mine", "--seed", 3)
    assert result.exit_code == 0, result.output
    entry = open_registry(home).find("mine", 1)
    before, after = entry.dev.before, entry.dev.after
    folder = home / "mine" / "1"
    size = (folder / "adapter_model.safetensors").stat().st_size
    assert result.stdout.splitlines() == [
        "mine@1",
        f"dev nDCG@10  {before:.4f} -> {after:.4f} ({after - before:+.4f})",
        f"adapter      {folder}",
        f"size         {size / 1e6:.2f} MB",
    ]
    assert "data: " in result.stderr
    assert "step 12/12" in result.stderr
    assert entry.seed == 3
    assert not list(home.glob("runs/*"))


def test_train_prints_exactly_one_json_object(train: Train, home: Path) -> None:
    result = train("--json")
    report = json.loads(result.stdout)
    assert result.stdout.count("\n") == 1
    assert (report["reference"], report["path"], report["steps"]) == ("legal@1", str(home / "legal" / "1"), 12)
    assert len(report["losses"]) == 12
    assert report["bytes"] == (home / "legal/1/adapter_model.safetensors").stat().st_size
    assert report["dev"]["metric"] == "nDCG@10"


def test_set_wins_over_the_file_and_the_file_over_the_defaults(train: Train, tmp_path: Path) -> None:
    (tmp_path / "settings.toml").write_text('epochs = 7\nweight_decay = 0.5\ntargets = ["query"]\npatience = 9\n')
    planned = json.loads(train("--config", tmp_path / "settings.toml", "--dry-run", "--json").stdout)["config"]
    assert (planned["epochs"], planned["weight_decay"], planned["targets"], planned["patience"]) == (3, 0.5, ["query"], 9)
    assert planned["clip_norm"] == 1.0


def test_a_settings_file_that_is_no_toml_is_one_line(train: Train, tmp_path: Path) -> None:
    (tmp_path / "settings.toml").write_text("epochs = = 7\n")
    assert_one_line(train("--config", tmp_path / "settings.toml"), "settings.toml cannot be read as toml")


def test_a_dry_run_tells_steps_minutes_and_bytes_and_writes_nothing(train: Train, home: Path) -> None:
    result = train("--dry-run")
    assert result.exit_code == 0, result.output
    lines = {line.split()[0]: line for line in result.stdout.splitlines() if line[0] != " "}
    assert re.search(r"12, about \d+\.\d minutes$", lines["steps"])
    assert " MB" in lines["adapter"]
    assert "64 queries, 128 pairs, 32 passages" in lines["data"]
    assert not home.exists()


def test_a_dry_runs_json_holds_the_plan(train: Train) -> None:
    plan = json.loads(train("--dry-run", "--json", "--set", "store=fp32").stdout)
    assert plan["steps"] == 12
    assert plan["file_bytes"] == 4 * plan["parameters"]
    assert plan["seconds"] > 0


def test_a_dry_run_says_why_the_embedded_base_stands_in(train: Train, tiny_base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from adapt_embed.base import resolve

    found = resolve.resolve_base(str(tiny_base))
    found = dataclasses.replace(found, spec=dataclasses.replace(found.spec, fallback_reason="nothing else was found"))
    monkeypatch.setattr(resolve, "resolve_base", lambda *_, **__: found)
    assert train("--dry-run").stdout.splitlines()[1].strip() == "(the embedded one), because nothing else was found"
    assert json.loads(train("--dry-run", "--json").stdout)["base_fallback"] == "nothing else was found"


def test_warnings_are_told_before_training(train: Train, tmp_path: Path) -> None:
    (tmp_path / "few.csv").write_text("anchor,positive\n" + "".join(f"question {n},answer {n}\n" for n in range(10)))
    result = train(data=tmp_path / "few.csv")
    assert result.exit_code == 0, result.output
    assert "warning: only 10 pairs" in result.stderr
    assert "dev: none, so that the last state is kept and nothing stops early" in result.stderr
    assert "dev nDCG@10  none (no dev split)" in result.stdout


def test_no_gain_on_dev_is_told(train: Train, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(DevSet, "score", lambda self, encoder: 0.5)
    assert "warning: no gain on dev" in train().stderr


# Interrupts


@pytest.mark.parametrize("look", [1, 3])
def test_ctrl_c_saves_the_state_and_resume_ends_as_the_uninterrupted_run(
    train: Train, home: Path, ctrl_c: Callable[[int], None], monkeypatch: pytest.MonkeyPatch, look: int
) -> None:
    whole = json.loads(train("--json").stdout)
    expected = (home / "legal/1/adapter_model.safetensors").read_bytes()
    ctrl_c(look)
    result = train()
    assert result.exit_code == 130
    assert "the state is saved. Go on with the same command and --resume" in result.stderr
    assert result.stdout == ""
    assert len(list(home.glob("runs/*/state.pt"))) == 1
    assert open_registry(home).verify().is_clean
    monkeypatch.undo()
    resumed = json.loads(train("--resume", "--json").stdout)
    assert resumed["reference"] == "legal@2"
    assert (resumed["losses"], resumed["dev"]) == (whole["losses"], whole["dev"])
    assert (home / "legal/2/adapter_model.safetensors").read_bytes() == expected
    assert not list(home.glob("runs/*"))


def test_an_interrupt_with_json_is_an_error_object(train: Train, ctrl_c: Callable[[int], None]) -> None:
    ctrl_c(2)
    result = train("--json")
    assert result.exit_code == 130
    assert json.loads(result.stdout) == {"error": "interrupted"}


def test_resume_with_nothing_to_resume_is_told_and_trains(train: Train) -> None:
    result = train("--resume")
    assert result.exit_code == 0
    assert "nothing to resume" in result.stderr
    assert result.stdout.startswith("legal@1\n")


# Progress


def test_progress_lines_tell_the_time_left(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    clock = iter([0.0, 60.0, 120.0, 180.0, 190.0])
    monkeypatch.setattr(training_bar.time, "monotonic", lambda: next(clock))
    with training_bar.training_bar() as on_step:
        for step in (1, 2, 3, 4):
            on_step(Step(step=step, steps=10, loss=1.5, dev=None if step < 3 else 0.25, metric=str(NDCG_10), pairs_per_s=2.0))
    assert capsys.readouterr().err.splitlines() == [
        "step 1/10  loss 1.500  2.0 pairs/s",
        "step 2/10  loss 1.500  2.0 pairs/s  8.0 minutes left",
        "step 3/10  loss 1.500  dev nDCG@10 0.2500  2.0 pairs/s  7.0 minutes left",
    ]
