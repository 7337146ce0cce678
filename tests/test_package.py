"""The package as it is installed: what it lists, what it imports, and which way the arrows point."""

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import adapt_embed
import pytest

ROOT = Path(__file__).parent.parent
NOT_INSTALLED = {"tests", "docs", "benchmarks", "build", "dist"}
LAYERS = (
    ("cli",),
    ("adapters", "merge", "bench"),
    ("hub",),
    ("references",),
    ("cache",),
    ("ensemble",),
    ("data", "encoder", "registry"),
    ("lora", "base", "metrics"),
    ("files",),
    ("choices", "errors", "lazy", "names", "plurals", "text_tables", "timing"),
)
PART_OF = {"opening": "references", "membership": "references"}  # three files, one part: what a reference opens as
LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}

pytestmark = pytest.mark.skipif(not (ROOT / "pyproject.toml").is_file(), reason="needs the source tree")


@pytest.fixture(scope="module")
def setuptools_table() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]


def sources() -> list[Path]:
    """Every module of the package."""
    found = [*ROOT.glob("*.py"), *(path for path in ROOT.glob("*/**/*.py") if is_installed(path))]
    return sorted(found)


def is_installed(path: Path) -> bool:
    first = path.relative_to(ROOT).parts[0]
    return first not in NOT_INSTALLED and not first.startswith(".") and not first.endswith(".egg-info")


def test_the_listed_packages_are_the_folders_with_modules(setuptools_table: dict) -> None:
    folders = {path.parent.relative_to(ROOT).parts for path in sources()}
    assert sorted(setuptools_table["packages"]) == sorted(".".join(("adapt_embed", *parts)) for parts in folders)
    assert len(setuptools_table["packages"]) == len(folders)


def test_every_package_is_one_and_every_package_data_pattern_finds_a_file(setuptools_table: dict) -> None:
    for package in setuptools_table["packages"]:
        assert (folder_of(package) / "__init__.py").is_file()
    for package, patterns in setuptools_table["package-data"].items():
        for pattern in patterns:
            assert any(path.is_file() for path in folder_of(package).glob(pattern)), f"{package}: {pattern} finds nothing"


def test_every_data_file_in_a_package_is_package_data(setuptools_table: dict) -> None:
    listed = {
        path
        for package, patterns in setuptools_table["package-data"].items()
        for pattern in patterns
        for path in folder_of(package).glob(pattern)
    }
    kinds = (".toml", ".jsonl", ".tsv", ".safetensors", ".typed", ".txt", ".html", ".css", ".js")
    there = {path for path in ROOT.glob("*/**/*") if path.suffix in kinds and is_installed(path) and path.is_file()}
    assert there - listed == set()
    assert {ROOT / "registry.json", ROOT / "py.typed"} <= listed


def folder_of(package: str) -> Path:
    return ROOT.joinpath(*package.split(".")[1:])


def test_the_version_is_stated_once_and_looks_like_one() -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+([a-z]+\d+|\.dev\d+)?", adapt_embed.__version__)
    assert tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dynamic"] == ["version"]


def test_importing_the_package_imports_nothing_heavy() -> None:
    code = "import sys; before = set(sys.modules); import adapt_embed; print(sorted(set(sys.modules) - before))"
    loaded = ast.literal_eval(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)
    assert "adapt_embed" in loaded
    assert all(name.startswith(("adapt_embed", "__editable__")) for name in loaded)


def imports_of(path: Path) -> set[str]:
    """The top-level parts of the package that a module imports, those inside functions too."""
    package = ("adapt_embed", *path.relative_to(ROOT).parts[:-1])
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[1] for alias in node.names if alias.name.startswith("adapt_embed.")}
        elif isinstance(node, ast.ImportFrom):
            start = package[: len(package) - node.level + 1] if node.level else ()
            target = (*start, *(node.module or "").split(".")) if node.module else start
            if target[:1] == ("adapt_embed",):
                found |= {target[1]} if len(target) > 1 else {alias.name for alias in node.names}
    return {PART_OF.get(name, name) for name in found if not name.startswith("__")}


def part_of(path: Path) -> str:
    first = path.relative_to(ROOT).parts[0]
    return PART_OF.get(name := first.removesuffix(".py"), name)


@pytest.mark.parametrize("path", [path for path in sources() if part_of(path) != "__init__"], ids=lambda path: str(path.relative_to(ROOT)))
def test_the_arrows_point_down(path: Path) -> None:
    part = part_of(path)
    assert part in LEVEL, f"{part} has no layer: put it into LAYERS and docs/ARCHITECTURE.md"
    for imported in imports_of(path) - {part}:
        assert imported in LEVEL, f"{path.name} imports {imported}, which has no layer"
        assert LEVEL[imported] > LEVEL[part], f"{part} must not import {imported}"


def test_the_arrows_are_seen_inside_functions_and_packages() -> None:
    assert "adapters" in imports_of(ROOT / "cli" / "train.py")
    assert {"base", "data", "lora", "registry"} <= imports_of(ROOT / "adapters" / "register.py")
    assert imports_of(ROOT / "errors.py") == set()


def test_the_root_of_the_package_imports_nothing() -> None:
    tree = ast.parse((ROOT / "__init__.py").read_text(encoding="utf-8"))
    assert not any(isinstance(node, ast.Import | ast.ImportFrom) for node in ast.walk(tree))
