"""What CONTRIBUTING.md and docs/ARCHITECTURE.md name exists, and prose fits into 120 columns.

A name in backticks is checked where it looks like one of the repository's: a path, a Python name in capitals (a table), in CamelCase (a class) or
with an underscore (a function), or a dotted name that begins with a package of ours. What is planned is exempt by the words *to come*, in italics on its
line or in the heading above it.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
NAMING = ("CONTRIBUTING.md", *(f"docs/{name}.md" for name in ("ARCHITECTURE", "contracts", "modules", "registry")))
COLUMNS = 120
NOT_WRAPPED = {ROOT / "README.zh.md", *(ROOT / "docs").glob("*.zh.md")}  # a line break between Chinese characters is shown as a space
PROSE = sorted({*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")})

pytestmark = pytest.mark.skipif(not (ROOT / "docs").is_dir(), reason="docs/ is in the repository alone")


def prose_lines(path: Path) -> Iterator[tuple[int, str, str]]:
    """Yield number, heading above and text of every line that is not in a fenced block."""
    fenced, heading = False, ""
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if line.strip().startswith("```"):
            fenced = not fenced
        elif not fenced:
            heading = line if line.startswith("#") else heading
            yield number, heading, line


SOURCES = [
    path for path in ROOT.rglob("*.py") if path.relative_to(ROOT).parts[0] not in ("build", "dist", ".venv") and path != Path(__file__)
]
WORDS = {word for path in SOURCES for word in re.findall(r"\w+", path.read_text(encoding="utf-8"))}
FILES = {path.name for path in SOURCES}
TOP = {path.name for path in ROOT.iterdir()}
NOT_MODULES = (".json", ".safetensors", ".html", ".bin", ".pt")


def fault(name: str, folder: Path = ROOT, beside: Sequence[str] = ()) -> str | None:
    """Return what is wrong with a name, or None. `folder`: what a row of the layout stands under; `beside`: the line's other names."""
    first = re.split(r"[/.(]", name)[0]
    if re.fullmatch(r"[\w./-]+\.(py|md|toml)", name) or ("/" in name and (first in TOP or folder != ROOT)):
        return path_fault(name, folder)
    if re.fullmatch(r"\w+(\.\w+)+", name) and first in TOP | {"adapt_embed"} and not name.endswith(NOT_MODULES):
        return dotted_fault(name.removeprefix("adapt_embed."))
    word = name.split("(")[0]
    if re.fullmatch(r"[A-Z][A-Z_]+[A-Z]|([A-Z][a-z]+){2,}|[a-z]+(_[a-z]+)+", word) and word != "adapt_embed":
        return word_fault(word, [ROOT / each for each in beside if each.endswith(".py")])
    return None


def path_fault(name: str, folder: Path) -> str | None:
    alone = "/" not in name.rstrip("/")
    if (ROOT / name).exists() or (folder / name).exists() or (alone and folder == ROOT and name in FILES):
        return None
    if alone and folder != ROOT and any(folder.rglob(name)):
        return None
    return "no such file or folder" + ("" if folder == ROOT else f" at the root or under {folder.relative_to(ROOT)}/")


def dotted_fault(name: str) -> str | None:
    parts = name.split(".")
    for count in range(len(parts), 0, -1):
        place = ROOT.joinpath(*parts[:count])
        if (file := place.with_suffix(".py")).exists() or (file := place / "__init__.py").exists():
            rest = parts[count:]
            return (
                None
                if not rest or rest[0] in re.findall(r"\w+", file.read_text(encoding="utf-8"))
                else f"{file.relative_to(ROOT)} has no {rest[0]}"
            )
    return "no such module"


def word_fault(word: str, files: list[Path]) -> str | None:
    if word not in WORDS:
        return "no Python file of the package has this word"
    places = [file for file in files if file.exists()]
    if places and not any(re.search(rf"\b{word}\b", file.read_text(encoding="utf-8")) for file in places):
        return f"not in {', '.join(str(file.relative_to(ROOT)) for file in places)}"
    return None


def faults(path: Path) -> Iterator[str]:
    folder = ROOT
    for number, heading, line in prose_lines(path):
        row = re.match(r"\| `([\w/]+/)`", line)
        if not line.startswith(("| ├", "| └")):
            folder = ROOT
        names = re.findall(r"`([^`]+)`", line)
        found = {name: fault(name, folder, names) for name in names}
        if row:
            folder = ROOT / row[1]
            found |= {} if folder.is_dir() else {row[1]: "no such folder"}
        if "*to come*" not in line and "to come" not in heading:
            yield from (f"{path.relative_to(ROOT)}:{number}: `{name}`: {wrong}" for name, wrong in found.items() if wrong)


@pytest.mark.parametrize("page", NAMING)
def test_every_name_in_backticks_exists(page):
    found = list(faults(ROOT / page))
    assert not found, "rename these, or mark what is planned with *to come*:\n" + "\n".join(found)


@pytest.mark.parametrize("path", PROSE, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_benchmark_that_a_page_names_exists(path):
    named = set(re.findall(r"benchmarks/\w+\.py", path.read_text(encoding="utf-8")))
    assert [each for each in sorted(named) if not (ROOT / each).exists()] == []


def test_every_link_to_a_file_leads_somewhere():
    links = [(path, link) for path in PROSE for link in re.findall(r"\]\(([\w./-]+)\)", path.read_text(encoding="utf-8"))]
    assert [f"{path.relative_to(ROOT)}: {link}" for path, link in links if not (path.parent / link).exists()] == []


def width(text: str) -> int:
    """Return the columns that a text takes: two for a wide character of Chinese."""
    return sum(2 if unicodedata.east_asian_width(each) in "WF" else 1 for each in text)


def is_prose(line: str) -> bool:
    """Whether a line could be wrapped: not a row of a table, and more than one code span or link."""
    lone = re.fullmatch(r"\s*([-*] )?\(?(`[^`]+`|\[[^\]]*\]\([^)]*\)|https?://\S+)[).,:;]*", line)
    return not line.lstrip().startswith("|") and lone is None


@pytest.mark.parametrize("path", PROSE, ids=lambda path: str(path.relative_to(ROOT)))
def test_prose_fits_into_120_columns(path):
    if path in NOT_WRAPPED:
        pytest.skip("Chinese prose is one line a paragraph or sentence")
    long = [
        f"{path.relative_to(ROOT)}:{number}: {width(line)}: {line[:60]}..."
        for number, _, line in prose_lines(path)
        if is_prose(line) and width(line) > COLUMNS
    ]
    assert not long, f"wrap these at {COLUMNS} columns:\n" + "\n".join(long)


@pytest.mark.parametrize(
    "name",
    [
        "base/nothing.py",
        "base/nothing/",
        "nothing.py",
        "lora.algebra.nothing",
        "NO_SUCH_TABLE",
        "NothingOfThisName",
        "nothing_of_this_name()",
    ],
)
def test_a_name_that_does_not_exist_is_told(name):
    assert fault(name) is not None


def test_a_table_that_stands_in_another_file_than_the_one_beside_it_is_told():
    assert fault("OPENERS", beside=["registry/index.py"]) == "not in registry/index.py"


@pytest.mark.parametrize("name", ["registry.json", "OWNER/REPO", "torch.nn", "--json", "legal@1", "runs/ID/", "lora.algebra.compress"])
def test_what_is_not_of_the_repository_or_exists_is_no_fault(name):
    assert fault(name) is None


def test_planned_names_and_code_blocks_are_exempt(tmp_path, monkeypatch):
    monkeypatch.setitem(globals(), "ROOT", tmp_path)
    page = tmp_path / "page.md"
    page.write_text("`nothing.py`\n`nothing.py` is *to come*\n```\n`nothing.py`\n```\n## Rooms to come\n`nothing.py`\n", encoding="utf-8")
    assert list(faults(page)) == ["page.md:1: `nothing.py`: no such file or folder"]
