"""The loop of docs/loop.md, command by command, on a tiny base: the better adapter wins, and the base against itself does not."""

import contextlib
import importlib.util
import io
import json
import re
import shlex
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from adapt_embed.cli import main
from click.testing import CliRunner

pytest.importorskip("uvicorn", reason="needs the extra [serve]: pip install 'adapt-embed[serve]'")

TESTS = Path(__file__).parent
ROOT = TESTS.parent
PAGES = {"en": ROOT / "docs" / "loop.md", "zh": ROOT / "docs" / "loop.zh.md"}
ADDRESS = "http://127.0.0.1:8080"
SESSIONS = {"12000": "800", "4000": "500", "500": "40"}
TINY = {
    "python examples/shoppers.py open": "--needs 30 --categories 2",
    "python examples/shoppers.py visit": "--users 300 --bias 0.4",
    "adapt data clicks": "--examination log --min-users 3 --min-clicks 2",
    "adapt train": "--set learning_rate=3e-2 --set epochs=40 --set rank=8 --set max_tokens=48 --set batch_size=16 --set eval_steps=1000",
}
"""What is given as well, because the base is tiny and the traffic little; of an option that comes twice the last one counts."""
INSTEAD = {"--explore 20%": "--explore 0.01%", "base - 0.02": "base - 1", "report events --effect 0.05": "report events --effect 0.2"}
"""Swaps come by chance. Three test queries of a base that finds hardly anything tell nothing. A smaller effect needs more traffic."""
TRUTH = re.compile(r"^(\S+): (\d+) searches.*true nDCG@10 of what was shown (\d\.\d+)$", re.MULTILINE)

pytestmark = pytest.mark.skipif(not (ROOT / "examples").is_dir(), reason="examples/ and docs/ are in the repository alone")


def load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"adapt_loop_{path.stem}", path)
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


tour = load(TESTS / "tour.py")


def commands(language: str) -> list[tour.Command]:
    parts = list(tour.parts(PAGES[language].read_text(encoding="utf-8")))
    assert all(isinstance(part, tour.Command) for part in parts)
    return parts


@dataclass
class Shell:
    """Runs a page's commands in this process: the server in a thread, whose address takes the place of the page's."""

    base: Path
    shoppers: ModuleType
    monkeypatch: pytest.MonkeyPatch
    servers: list[Any] = field(default_factory=list)
    threads: list[threading.Thread] = field(default_factory=list)
    said: list[tuple[str, str]] = field(default_factory=list)
    reports: list[dict[str, Any]] = field(default_factory=list)

    def run(self, text: str) -> None:
        """Run a command as the page has it, but for the base, the address and what `TINY` says."""
        more = next((words for start, words in TINY.items() if text.startswith(start)), "")
        here = re.sub(r"--base bge-small-\w+", f"--base {self.base}", text).replace(ADDRESS, self.address)
        for before, after in INSTEAD.items():
            here = here.replace(before, after)
        here = re.sub(r"(?<=--sessions )\d+", lambda found: SESSIONS[found[0]], here)
        first, *words = shlex.split(f"{here.removesuffix('&')} {more}")
        if text == "kill %1":
            self.stop()
        elif text.endswith("&"):
            self.start(words)
        elif first == "python":
            with contextlib.redirect_stdout(io.StringIO()) as printed:
                self.shoppers.main(words[1:])
            self.said.append((text, printed.getvalue()))
        elif first == "adapt":
            ran = CliRunner().invoke(main, words)
            assert ran.exit_code == 0, f"$ {here}\n{ran.output}\n{ran.exception!r}"
            self.said.append((text, ran.output))
            if text.startswith("adapt ab report"):
                self.reports.append(json.loads(CliRunner().invoke(main, [*words, "--json"]).stdout))
        else:
            raise AssertionError(f"the page has a command that is not run here: {text}")

    @property
    def address(self) -> str:
        if not self.servers:
            return ADDRESS
        return f"http://127.0.0.1:{self.servers[-1].servers[0].sockets[0].getsockname()[1]}"

    def start(self, words: list[str]) -> None:
        """Run `adapt serve` in a thread, until it listens."""
        from adapt_embed.serve import run

        make, made, failed = run.make_server, threading.Event(), []

        def kept(app: Any, options: Any, started: Any) -> Any:
            server = make(app, options, lambda: (started(), made.set()))
            self.servers.append(server)
            return server

        def serve() -> None:
            try:
                main.main([*words, "--port", "0"], standalone_mode=False)
            except BaseException as e:
                failed.append(e)
                made.set()

        self.monkeypatch.setattr(run, "make_server", kept)
        self.threads.append(threading.Thread(target=serve, daemon=True))
        self.threads[-1].start()
        assert made.wait(60)
        assert not failed, failed
        self.monkeypatch.setattr(run, "make_server", make)

    def stop(self) -> None:
        """Stop the server as a signal does."""
        self.servers.pop().should_exit = True
        self.threads.pop().join(30)

    def printed(self, start: str) -> list[str]:
        return [text for command, text in self.said if command.startswith(start)]


@pytest.fixture
def shell(tiny_base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shell]:
    """A shell in an empty folder, in which a user falls into the same arm each time the test runs."""
    from adapt_embed.abtests.experiment.keys import Keys
    from adapt_embed.abtests.experiment.split import WHOLE

    def point(self: Keys, experiment: str, user: str) -> int:
        return int.from_bytes(sha256(user.encode()).digest()[:8]) % WHOLE

    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(ROOT / "examples"))
    monkeypatch.setattr(Keys, "point", point)
    (tmp_path / "events").mkdir(mode=0o700)
    (tmp_path / "events" / "secret").write_text("5e" * 32 + "\n", encoding="ascii")
    found = Shell(tiny_base, load(ROOT / "examples" / "shoppers.py"), monkeypatch)
    yield found
    while found.servers:
        found.stop()


def test_the_better_adapter_wins_and_the_base_against_itself_does_not(shell: Shell) -> None:
    for command in commands("en"):
        shell.run(command.text)
    same, better, again = shell.reports
    assert [arm["reference"] for arm in same["arms"]] == ["base", "base"]
    assert [each["state"] in ("open", "too few", "alike") for each in same["verdicts"]] == [True]
    assert [arm["reference"] for arm in better["arms"]] == ["base", "shop@1"]
    assert [(each["arm"], each["state"]) for each in better["verdicts"]] == [("shop@best", "ahead")]
    assert [arm["reference"] for arm in again["arms"]] == ["base", "shop@2"], "the moved alias began an experiment of its own"
    assert len({each["experiment"] for each in shell.reports}) == 3
    truth = [{arm: float(value) for arm, _, value in TRUTH.findall(text)} for text in shell.printed("python examples/shoppers.py visit")]
    assert truth[0]["base"] == pytest.approx(truth[0]["base#2"], abs=0.03)
    assert truth[1]["shop@best"] > truth[1]["base"] + 0.05
    assert truth[2]["shop@best"] > truth[2]["base"] + 0.05


def test_both_pages_have_the_same_commands() -> None:
    def plain(command: tour.Command) -> str:
        return re.sub(r"--language \w+|--lang \w+ ?|--base bge-small-\w+", "", command.text)

    english, chinese = ([plain(command) for command in commands(language)] for language in PAGES)
    assert english == chinese


def test_the_pages_shoppers_say_that_they_are_made_up() -> None:
    said = "nobody types these queries, and nobody clicks"
    for path in (ROOT / "examples" / "shoppers.py", PAGES["en"]):
        assert said in " ".join(path.read_text(encoding="utf-8").split())
    assert "没有人输入这些查询，也没有人点击" in PAGES["zh"].read_text(encoding="utf-8")
