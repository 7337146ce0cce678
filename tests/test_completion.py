"""What a shell is offered, and what a help shows."""

import contextlib
import os
import pty
import shlex
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import click
import pytest
from adapt_embed.cli import COMMANDS, main
from adapt_embed.cli.help import EXAMPLES, GROUPS
from adapt_embed.registry import BaseRecord, Entry, open_registry
from click.shell_completion import ShellComplete
from click.testing import CliRunner

BASE = BaseRecord(id="o/base", revision=None, sha256="0" * 64, path="/gone", name="o/base")
START = [sys.executable, "-c", "from adapt_embed.cli import main; main(prog_name='adapt')"]


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A registry with two versions of `legal`, one of them `best`, and one of 法律 for the domain 医院."""
    registry = open_registry(tmp_path)
    for name, domain in (("legal", "legal"), ("legal", "legal"), ("法律", "医院")):
        draft = Entry(kind="adapter", name=name, bases=(BASE,), domain=domain)
        entry = registry.add(draft, lambda folder: (folder / "weights").write_text("1") and None)
        if entry.reference == "legal@2":
            registry.set_alias(entry, "best")
    monkeypatch.setenv("ADAPT_HOME", str(tmp_path))
    return tmp_path


def offered(*words: str) -> list[str]:
    items = ShellComplete(main, {}, "adapt", "_ADAPT_COMPLETE").get_completions(list(words[:-1]), words[-1])
    return [item.value for item in items if item.type == "plain"]


def test_references_domains_bases_methods_and_settings_are_offered(home: Path) -> None:
    assert offered("bench", "") == ["base", "legal", "legal@best", "legal@1", "legal@2", "法律", "法律@1"]
    assert offered("show", "legal@") == ["legal@best", "legal@1", "legal@2"]
    assert "base" not in offered("rm", "")
    assert offered("list", "--domain", "") == ["ecommerce", "legal", "medical", "医院"]
    assert offered("train", "--base", "bge-small") == ["bge-small-en", "bge-small-zh"]
    assert offered("train", "--set", "ep") == ["epochs="]
    assert offered("train", "--set", "loss.te") == ["loss.temperature=", "loss.teacher_temperature="]
    assert offered("merge", "--method", "ti") == ["ties"]
    assert offered("merge", "--search", "legal,med") == ["legal,medical"]
    assert offered("base", "l") == ["list", "link"] or offered("base", "l") == ["link", "list"]
    assert offered("tr") == ["train"]


def test_a_setting_is_offered_with_what_it_is() -> None:
    shell = ShellComplete(main, {}, "adapt", "_ADAPT_COMPLETE")
    for typed in ("temp", "loss.temp"):
        (item,) = shell.get_completions(["train", "--set"], typed)
        assert item.help == "divides the cosines; 1 / what sentence-transformers calls scale"


def test_paths_are_offered_where_a_file_may_stand() -> None:
    items = ShellComplete(main, {}, "adapt", "_ADAPT_COMPLETE").get_completions(["encode", "base"], "q")
    assert [item.type for item in items] == ["file"]


@pytest.mark.parametrize("words", [("show", ""), ("bench", "x"), ("nonsense", ""), ("train", "--nonsense", ""), ("runs", "rm", "")])
def test_a_damaged_registry_or_a_wrong_word_fails_nothing(words: tuple[str, ...], home: Path) -> None:
    (home / "registry.json").write_text("{")
    assert isinstance(offered(*words), list)


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
@pytest.mark.parametrize(
    ("line", "expected"), [("adapt show legal@", "best 1 2"), ("adapt train --set epo", "epochs="), ("adapt show 法", "法律 法律@1")]
)
def test_bash_completes_behind_its_own_word_breaks(line: str, expected: str, home: Path) -> None:
    words = line.replace("@", " @").split() if line.endswith("@") else line.split()
    env = os.environ | {
        "_ADAPT_COMPLETE": "bash_complete",
        "COMP_LINE": line,
        "COMP_WORDBREAKS": " \t\n\"'@><=;|&(:",
        "COMP_WORDS": " ".join(words),
        "COMP_CWORD": str(len(words) - 1),
    }
    ran = subprocess.run(START, env=env, capture_output=True, text=True, check=True)
    assert ran.stderr == ""
    assert [line.partition(",")[2] for line in ran.stdout.splitlines() if line.startswith("plain")] == expected.split()


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_gets_a_script(shell: str) -> None:
    ran = subprocess.run(START, env=os.environ | {"_ADAPT_COMPLETE": f"{shell}_source"}, capture_output=True, text=True, check=True)
    assert "adapt" in ran.stdout
    if shell == "bash":
        subprocess.run(["bash", "-n"], input=ran.stdout, text=True, check=True)
        assert "COMP_LINE=" in ran.stdout


# What a shell really puts on the line; `bash` is above


LINES = [
    ("adapt show 法律@", ["法律@1"]),
    ("adapt show legal@b", ["legal@best"]),
    ("adapt train --set epo", ["epochs="]),
    ("adapt merge --method ti", ["ties"]),
    ("adapt list --domain 医", ["医院"]),
    ("adapt bench legal --set sam", ["sample"]),
    ("adapt train --base bge-small-z", ["bge-small-zh"]),
]


@pytest.fixture
def on_path(home: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An environment in which `adapt` is a command, over the registry of `home`."""
    folder = tmp_path_factory.mktemp("bin")
    (folder / "adapt").write_text(f'#!/bin/sh\nexec {shlex.join(START)} "$@"\n')
    (folder / "adapt").chmod(0o755)
    return os.environ | {"PATH": f"{folder}:{os.environ['PATH']}", "LC_ALL": "C.UTF-8", "TERM": "xterm", "HOME": str(folder)}


@pytest.mark.skipif(shutil.which("fish") is None, reason="needs fish")
def test_fish_is_offered_whole_words(on_path: dict[str, str]) -> None:
    asked = "".join(f"echo '?'; complete -C {shlex.quote(line)}\n" for line, _ in LINES)
    script = f"_ADAPT_COMPLETE=fish_source adapt | source\n{asked}"
    ran = subprocess.run(["fish", "-c", script], env=on_path, capture_output=True, text=True, check=True)
    offered = [
        [line.partition("\t")[0] for line in part.split("\n") if line] for part in ran.stdout.split("?")[1:]
    ]  # after the tab, what it is
    assert offered == [words for _, words in LINES]


ZSH = """
autoload -Uz compinit && compinit -u -D
eval "$(_ADAPT_COMPLETE=zsh_source adapt)"
dump() { print -r -- "$BUFFER" >> $HOME/lines; BUFFER= }
zle -N dump && bindkey '^G' dump && unsetopt beep && print ready > $HOME/ready
"""


@pytest.mark.skipif(shutil.which("zsh") is None, reason="needs zsh")
def test_zsh_completes_to_whole_words(on_path: dict[str, str]) -> None:
    folder = Path(on_path["HOME"])
    (folder / ".zshrc").write_text(ZSH)
    master, slave = pty.openpty()
    shell = subprocess.Popen(["zsh", "-i"], stdin=slave, stdout=slave, stderr=slave, env=on_path, cwd=folder, start_new_session=True)
    os.close(slave)
    threading.Thread(target=drain, args=(master,), daemon=True).start()
    try:
        wait_for(lambda: (folder / "ready").exists())
        for number, (line, _) in enumerate(LINES, start=1):
            os.write(master, f"{line}\t\a".encode())
            wait_for(lambda number=number: len(dumped(folder)) == number)
    finally:
        shell.kill()
        shell.wait()
    assert [line.rstrip() for line in dumped(folder)] == [f"{line.rpartition(' ')[0]} {word}" for line, (word,) in LINES]


def dumped(folder: Path) -> list[str]:
    file = folder / "lines"
    return file.read_text(encoding="utf-8").splitlines() if file.exists() else []


def drain(terminal: int) -> None:
    """Read what a shell draws, so that it does not wait for a reader."""
    with contextlib.suppress(OSError):
        while os.read(terminal, 1 << 16):
            pass


def wait_for(is_there: Callable[[], bool], timeout_s: float = 60.0) -> None:
    end = time.monotonic() + timeout_s
    while not is_there():
        assert time.monotonic() < end, "the shell did not answer"
        time.sleep(0.05)


@pytest.mark.parametrize(
    "words",
    [
        ("show", ""),
        ("list", "--domain", ""),
        ("train", "--base", ""),
        ("train", "--set", "ep"),
        ("train", "--device", ""),
        ("merge", "--method", "ti"),
        ("bench", "--set", "s"),
    ],
)
def test_offering_imports_no_torch(words: tuple[str, ...], home: Path) -> None:
    code = (
        "import sys\nfrom click.shell_completion import ShellComplete\nfrom adapt_embed.cli import main\n"
        f"ShellComplete(main, {{}}, 'adapt', 'X').get_completions({list(words[:-1])!r}, {words[-1]!r}) or sys.exit('nothing is offered')\n"
        "assert not {'torch', 'transformers', 'mteb'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def commands() -> list[tuple[str, ...]]:
    def walk(command: click.Command, path: tuple[str, ...]) -> list[tuple[str, ...]]:
        below = command.list_commands(context) if path and isinstance(command, click.Group) else ()
        return [path, *(each for name in below for each in walk(command.get_command(context, name), (*path, name)))]  # type: ignore[attr-defined, arg-type]

    context = click.Context(main)
    return [(), *(each for verb in COMMANDS for each in walk(main.get_command(context, verb), (verb,)))]  # type: ignore[arg-type]


@pytest.mark.parametrize("path", commands())
def test_each_help_has_an_example_groups_and_the_terminals_width(path: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    def lines(columns: int) -> list[str]:
        monkeypatch.setenv("COLUMNS", str(columns))
        return CliRunner().invoke(main, [*path, "--help"]).stdout.splitlines()

    narrow, wide = lines(80), lines(160)
    examples = EXAMPLES[" ".join(path)]
    assert all(f"  {example}" in narrow and example.startswith(" ".join(["adapt", *path[:1]])) for example in examples)
    assert max(map(len, narrow)) <= 80
    assert "Output:" in narrow
    assert len(wide) <= len(narrow)


def test_every_grouped_option_is_one_of_a_command() -> None:
    known = set()
    for path in commands():
        command: click.Command = main
        for name in path:
            command = command.get_command(click.Context(command), name)  # type: ignore[attr-defined]
        for parameter in command.get_params(click.Context(command)):
            longest = max(parameter.opts, key=len).lstrip("-")
            known |= {longest, " ".join([*path, longest])}
    assert {option for options in GROUPS.values() for option in options} <= known


def test_train_groups_its_options(monkeypatch: pytest.MonkeyPatch) -> None:
    text: Callable[[str], int] = CliRunner().invoke(main, ["train", "--help"]).stdout.index
    assert (
        text("Data:")
        < text("--data SRC")
        < text("Base:")
        < text("--base REF")
        < text("Training:")
        < text("--set KEY=VALUE")
        < text("Output:")
    )
