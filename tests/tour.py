"""The README as commands and what they print: taken apart, run in a fresh place, compared up to numbers, seconds and paths."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

ANYTHING = "..."
PROMPT = "$ "
# Refuses at once, so that "https://huggingface.co cannot be reached" is true on any machine, and said without waiting.
REFUSING_PROXY = "http://127.0.0.1:9"
SHOWN_HUB = "http://127.0.0.1:8000"
"""Where the README says that the tests' Hub lies."""

_ASKS_THE_HUB = re.compile(r"\badapt (push|pull|update) ")
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_FILE = re.compile(r"# (\w+\.\w+)\n")
_ALIVE = re.compile(r".* \(\d+ s\)")
_STEP = re.compile(r"step #/\d+ ")
_SAME = (
    (re.compile(r"\b(?=[a-f]*\d)[\da-f]{12,40}\b"), "#"),  # a commit
    (re.compile(r"\b\d+ (?=min\b|s\b)"), "# "),
    # A number that no word precedes and that is not a count of something ("309 queries" stays as it is).
    (re.compile(r"(?<![\w@/.-])[+-]?(?!\d+ [a-z])\d[\d.,:]*(?<![.,:])(?:e-?\d+|-\d\d-\d\d)?%?"), "#"),
    (re.compile(r"\] \*"), "]"),
    (re.compile(r"[ ─]+"), " "),
)


@dataclass(frozen=True, slots=True)
class Command:
    """A command and the lines that stand below it."""

    text: str
    printed: str


@dataclass(frozen=True, slots=True)
class File:
    """A block whose first line names the file that the reader saves it as."""

    name: str
    content: str


@dataclass(frozen=True, slots=True)
class Other:
    """A block that is neither."""

    first_line: str


Part = Command | File | Other


def parts(readme: str) -> Iterator[Part]:
    """Yield what stands in a README's fenced blocks, in order."""
    for language, text in _FENCE.findall(readme):
        if text.startswith(PROMPT):
            yield from _commands(text)
        elif language and (named := _FILE.match(text)):
            yield File(named[1], text)
        else:
            yield Other(text.splitlines()[0])


def _commands(block: str) -> Iterator[Command]:
    for text in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        command, _, printed = text.partition("\n")
        yield Command(command, printed)


def same(expected: str, printed: str) -> bool:
    """Say whether a command printed what is expected, up to numbers, seconds and blanks; a line `...` stands for any lines."""
    pattern = "".join("(?:.*\n)*" if line == ANYTHING else re.escape(line) + "\n" for line in _plain(expected))
    return re.fullmatch(pattern, "".join(f"{line}\n" for line in _plain(printed))) is not None


def _plain(text: str) -> list[str]:
    """Return lines without what differs between two runs. How many lines a training prints depends on its speed."""
    lines = [_number(line.split("\r")[-1]) for line in text.splitlines() if not _ALIVE.fullmatch(line)]
    return [line for line, again in groupby(lines) for line in (list(again) if not _STEP.match(line) else [line])]


def _number(line: str) -> str:
    for pattern, sign in _SAME:
        line = pattern.sub(sign, line)
    return line.strip()


@dataclass(frozen=True, slots=True)
class Place:
    """A fresh home and a fresh folder to work in, on a machine without the Hub; what is shared goes to one of the tests' own.

    Attributes:
        hub: Its address; None where nothing is shared.
        token: What it knows the user by.
    """

    home: Path
    folder: Path
    threads: int = 1
    hub: str | None = None
    token: str = ""

    def run(self, command: str) -> tuple[str, int]:
        """Run a command as a shell does; return what it printed, with the home as `~`, and its exit code."""
        ran = subprocess.run(
            ["bash", "-c", command],
            cwd=self.folder,
            env=self._environment() | (self._at_the_hub() if _ASKS_THE_HUB.search(command) else {}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            timeout=600,
        )
        printed = ran.stdout.replace(str(self.home), "~")
        return printed.replace(self.hub, SHOWN_HUB) if self.hub else printed, ran.returncode

    def _at_the_hub(self) -> dict[str, str]:
        return {"HF_ENDPOINT": self.hub or "", "HF_TOKEN": self.token, "no_proxy": "127.0.0.1"}

    def _environment(self) -> dict[str, str]:
        kept = ("LANG", "LD_LIBRARY_PATH", "PYTHONPATH", "TMPDIR")
        return {name: os.environ[name] for name in kept if name in os.environ} | {
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
            "HOME": str(self.home),
            "OMP_NUM_THREADS": str(self.threads),
            "OMP_WAIT_POLICY": "PASSIVE",  # on busy cores threads that spin make one another many times slower
            "PYTHONUTF8": "1",
            "TOKENIZERS_PARALLELISM": "false",
            "http_proxy": REFUSING_PROXY,
            "https_proxy": REFUSING_PROXY,
        }
