"""The cookbooks are replayed, command by command, on a tiny base; what the data tools print is what stands there."""

import contextlib
import importlib.util
import io
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import pytest
from adapt_embed.cli import main
from click.testing import CliRunner

TESTS = Path(__file__).parent
ROOT = TESTS.parent
COOKBOOKS = {"en": ROOT / "docs" / "cookbook.md", "zh": ROOT / "docs" / "cookbook.zh.md"}
ON_A_BASE = ("adapt train ", "adapt bench ")
"""What they print depends on the base."""
BASE = re.compile(r"--base bge-small-(en|zh)")

pytestmark = pytest.mark.skipif(not (ROOT / "examples").is_dir(), reason="examples/ and docs/ are in the repository alone")


def load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"adapt_cookbook_{path.stem}", path)
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


tour = load(TESTS / "tour.py")


@dataclass(frozen=True)
class Ran:
    """A command of a page, what it printed here and its exit code."""

    command: tour.Command
    printed: str
    code: int


def commands(language: str) -> list[tour.Command]:
    parts = list(tour.parts(COOKBOOKS[language].read_text(encoding="utf-8")))
    assert all(isinstance(part, tour.Command) for part in parts)
    return parts


def run(text: str, base: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[str, int]:
    """Run a command in this process, which has imported all that is heavy."""
    first, *words = shlex.split(BASE.sub(f"--base {base}", text))
    if first == "adapt":
        result = CliRunner().invoke(main, words)
        return result.output, result.exit_code
    if first == "python":
        monkeypatch.setattr(sys, "argv", words)
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            load(ROOT / words[0]).main()
        return printed.getvalue(), 0
    done = subprocess.run([first, *words], capture_output=True, encoding="utf-8")
    return done.stdout, done.returncode


def replay(language: str, todo: list[tour.Command], base: Path, monkeypatch: pytest.MonkeyPatch) -> list[Ran]:
    return [Ran(command, *run(command.text, base, monkeypatch)) for command in todo]


@pytest.mark.parametrize("language", COOKBOOKS)
def test_the_cookbook_runs_and_the_data_tools_print_what_it_shows(
    language: str, tmp_path: Path, tiny_base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    todo = commands(language)
    if language != "en":  # one training is enough: the other page has the same commands (a test below)
        todo = [command for command in todo if not command.text.startswith(ON_A_BASE)]
    for ran in replay(language, todo, tiny_base, monkeypatch):
        assert ran.code == 0, f"$ {ran.command.text}\n{ran.printed}"
        if not ran.command.text.startswith(ON_A_BASE):
            assert tour.same(ran.command.printed, ran.printed), (
                f"$ {ran.command.text}\n--- page\n{ran.command.printed}+++ printed\n{ran.printed}"
            )
        elif "bench" in ran.command.text:
            assert re.search(r"^ shop@1 +0\.\d{4} ", ran.printed, re.MULTILINE), ran.printed
    assert sorted(path.name for path in Path("data").iterdir()) == ["corpus.jsonl", "dev.jsonl", "report.json", "test.jsonl", "train.jsonl"]


def test_both_cookbooks_have_the_same_commands() -> None:
    def plain(command: tour.Command) -> str:
        return re.sub(r" --lang(uage)? (en|zh)|--base bge-small-(en|zh)", "", command.text)

    english, chinese = ([plain(command) for command in commands(language)] for language in COOKBOOKS)
    assert english == chinese


def test_the_pages_shop_says_that_it_is_made_up() -> None:
    assert "nobody typed these queries, and nobody clicked" in (ROOT / "examples" / "shop_log.py").read_text(encoding="utf-8")
    assert "nobody typed these queries, and nobody clicked" in COOKBOOKS["en"].read_text(encoding="utf-8")
    assert "没有人输入过这些查询，也没有人点击过" in COOKBOOKS["zh"].read_text(encoding="utf-8")
