"""The package as it is installed: what it lists, what it imports, and which way the arrows point."""

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path

import adapt_embed
import pytest

ROOT = Path(__file__).parent.parent
NOT_INSTALLED = {"tests", "docs", "benchmarks", "examples", "build", "dist"}
LAYERS = (
    ("cli",),
    ("api",),
    ("curves", "publish", "serve", "sweeps"),
    ("adapters", "merge", "bench", "datatools", "encoders.job", "ensemble.job"),
    ("ensemble.request", "index"),
    ("references",),
    ("cache",),
    ("ensemble",),
    ("data", "encoders", "registry"),
    ("abtests", "lora", "base", "metrics", "label_metrics"),
    ("encoders.protocol", "files", "hub", "metric_names", "pages"),
    (
        "choices",
        "disk",
        "errors",
        "events",
        "json_text",
        "lazy",
        "names",
        "plurals",
        "text_tables",
        "text_values",
        "timing",
        "versions",
    ),
    ("shown_text",),
)
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
    kinds = (".toml", ".jsonl", ".tsv", ".safetensors", ".typed", ".txt", ".html", ".css", ".js", ".jinja")
    there = {path for path in ROOT.glob("*/**/*") if path.suffix in kinds and is_installed(path) and path.is_file()}
    assert there - listed == set()
    assert {ROOT / "registry.json", ROOT / "py.typed"} <= listed


def folder_of(package: str) -> Path:
    return ROOT.joinpath(*package.split(".")[1:])


def test_the_version_is_stated_once_and_looks_like_one() -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+([a-z]+\d+|\.dev\d+)?", adapt_embed.__version__)
    assert tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dynamic"] == ["version"]


def test_importing_the_package_executes_no_other_import() -> None:
    code = "import sys; before = set(sys.modules); import adapt_embed; print(sorted(set(sys.modules) - before))"
    loaded = ast.literal_eval(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)
    assert [name for name in loaded if not name.startswith("__editable__")] == ["adapt_embed"]


@pytest.mark.parametrize(
    ("module", "allowed"),
    [
        ("encoders", ()),
        ("encoders.protocol", ("numpy",)),
        ("hub.snapshots", ()),
        ("hub.datasets_cache", ()),
        ("base", ()),
        ("references", ()),
        ("ensemble", ()),
    ],
)
def test_what_speaks_of_networks_alone_loads_none(module: str, allowed: tuple[str, ...]) -> None:
    heavy = {"torch", "transformers", "numpy", "datasets", "huggingface_hub", "mteb", "peft"}
    code = f"import sys; import adapt_embed.{module}; print(sorted({heavy!r} & set(sys.modules)))"
    loaded = ast.literal_eval(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)
    assert tuple(loaded) == allowed


def imports_of(path: Path) -> set[str]:
    """The parts of the package that a module imports, those inside functions too."""
    return {part_of_module(names) for names in imported_names(path) if not names[0].startswith("__")}


def imported_names(path: Path) -> Iterator[tuple[str, ...]]:
    """What a module imports of the package, name by name, each as its path from the package's root: of types alone and inside functions too."""
    package = ("adapt_embed", *path.relative_to(ROOT).parts[:-1])
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            targets = [tuple(alias.name.split(".")) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            start = package[: len(package) - node.level + 1] if node.level else ()
            module = (*start, *(node.module or "").split(".")) if node.module else start
            targets = [(*module, alias.name) for alias in node.names]
        else:
            continue
        yield from (target[1:] for target in targets if target[:1] == ("adapt_embed",) and len(target) > 1)


def part_of_module(names: Sequence[str]) -> str:
    """The part that a module, or a name in it, belongs to: a module with a layer of its own, else its first folder."""
    alone = ".".join(names[:2])
    return alone if alone in LEVEL else names[0]


def part_of(path: Path) -> str:
    return part_of_module(path.relative_to(ROOT).with_suffix("").parts)


def modules_by_import() -> dict[str, set[str]]:
    """Module -> the modules that it imports; a package's `__init__` stands for the package."""
    names = {path.relative_to(ROOT).with_suffix("").parts: path for path in sources()}
    known = {parts[:-1] if parts[-1] == "__init__" else parts: path for parts, path in names.items()}
    found: dict[str, set[str]] = {}
    for parts, path in known.items():
        targets = {target if target in known else target[:-1] for target in imported_names(path)}
        found[".".join(parts)] = {".".join(target) for target in targets if target in known and target != parts}
    return found


def circles(graph: dict[str, set[str]]) -> list[set[str]]:
    """The sets of modules that reach one another, each of two or more."""
    reached = {start: reach(graph, start) for start in graph}
    return [set(circle) for circle in {frozenset(b for b in reached[a] if a in reached[b]) for a in graph} if len(circle) > 1]


def reach(graph: dict[str, set[str]], start: str) -> set[str]:
    seen, waiting = set(), [start]
    while waiting:
        for each in graph[waiting.pop()] - seen:
            seen.add(each)
            waiting.append(each)
    return seen


def test_what_serves_is_imported_by_the_server_alone() -> None:
    of_extra = {"starlette", "uvicorn", "prometheus_client", "h11"}
    beside = "from starlette.routing import BaseRoute"  # in cli/serve.py, for type checkers
    found = {
        path.relative_to(ROOT).parts[0]
        for path in sources()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Import | ast.ImportFrom) and ast.unparse(node) != beside
        for name in ([node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names])
        if name.split(".")[0] in of_extra
    }
    assert found == {"serve"}


def test_no_modules_import_one_another_in_a_circle() -> None:
    """Whether at the top, inside a function or for types alone: who follows an import never comes back to where he was."""
    graph = modules_by_import() | {"": set()}  # the root, of which modules take the version, executes no import (a test above)
    assert "base.spec" in graph["references.open"]
    assert circles(graph | {"errors": {"cli"}})  # a circle would be seen
    assert circles(graph) == []


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


def test_the_root_names_for_checkers_what_it_gives() -> None:
    """Its imports are those of `if TYPE_CHECKING`, and one inside `__getattr__`; they agree with its table."""
    tree = ast.parse((ROOT / "__init__.py").read_text(encoding="utf-8"))
    for_checkers = {
        alias.name: node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.level for alias in node.names
    }
    assert for_checkers == adapt_embed._MODULES
    assert sorted(for_checkers) == sorted(adapt_embed.__all__)
