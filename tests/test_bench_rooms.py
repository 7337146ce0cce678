"""The rooms of the bench: which way their imports go, what every kind of task says in which order, and the keys of scores that users have."""

import ast
import re
from pathlib import Path

import pytest
from adapt_embed.bench.hub.names import find_hub_tasks
from adapt_embed.bench.run import cells
from adapt_embed.bench.run.identity import Identity
from adapt_embed.bench.tasks.classification import classification_task
from adapt_embed.bench.tasks.clustering import clustering_task
from adapt_embed.bench.tasks.pairs import pair_classification_task
from adapt_embed.bench.tasks.reranking import reranking_task
from adapt_embed.bench.tasks.retrieval import retrieval_task
from adapt_embed.bench.tasks.sts import sts_task
from adapt_embed.bench.tasks.table import TASK_KINDS, kind_of
from adapt_embed.cache import CacheFiles
from adapt_embed.data.labelled import LabelledPairs, LabelledTexts
from adapt_embed.data.pairs import Pairs
from adapt_embed.data.sentence_pairs import SentencePairs
from mteb.abstasks import AbsTask

BENCH = Path(__file__).parent.parent / "bench"
ROOMS = (
    ("prepare",),
    ("job",),
    ("outcome",),
    ("report",),
    ("judge", "cost"),
    ("leaks", "task_sets"),
    ("scope",),
    ("sources", "hub", "run"),
    ("pair_tasks",),
    ("tasks",),
    ("result", "request", "mteb_private", "dataset_bars"),
)
LEVEL = {room: level for level, rooms in enumerate(ROOMS) for room in rooms}
PARTS = (
    "score_items",
    "gold",
    "texts",
    "sizes",
    "hub_texts",
    "hub_sizes",
    "may_leak",
    "part",
    "read_table",
    "from_hub",
    "show_items",
    "of_task",
    "KIND",
)
MODULES = sorted(path for path in BENCH.glob("*/*.py") if path.parent.name != "__pycache__") + sorted(BENCH.glob("[!_]*.py"))

pytestmark = pytest.mark.skipif(not (BENCH.parent / "pyproject.toml").is_file(), reason="needs the source tree")


def room_of(path: Path) -> str:
    return path.relative_to(BENCH).parts[0].removesuffix(".py")


def rooms_imported(path: Path) -> set[str]:
    """The rooms that a module imports from, those inside functions too."""
    depth = len(path.relative_to(BENCH).parts)  # so many dots lead to bench/
    nodes = [node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.ImportFrom)]
    return {node.module.split(".")[0] for node in nodes if node.level == depth and node.module}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(BENCH)))
def test_the_rooms_of_the_bench_import_downwards(path: Path) -> None:
    room = room_of(path)
    above = [other for other in rooms_imported(path) - {room} if LEVEL[other] <= LEVEL[room]]
    assert above == []


def test_the_imports_of_a_room_are_seen() -> None:
    assert rooms_imported(BENCH / "report" / "page.py") >= {"leaks", "result"}
    assert rooms_imported(BENCH / "sources.py") >= {"tasks", "pair_tasks"}


@pytest.mark.parametrize("folder", sorted(path.parent.name for path in BENCH.glob("*/__init__.py")))
def test_a_room_says_what_it_owns(folder: str) -> None:
    text = (BENCH / folder / "__init__.py").read_text(encoding="utf-8")
    assert 40 < len(ast.get_docstring(ast.parse(text)) or "") < 200


@pytest.mark.parametrize("kind", ["retrieval", "reranking", "sts", "pairs", "classification", "clustering"])
def test_a_kind_of_task_says_its_parts_in_one_order(kind: str) -> None:
    tree = ast.parse((BENCH / "tasks" / f"{kind}.py").read_text(encoding="utf-8"))
    names = [node.name if isinstance(node, ast.FunctionDef) else ast.unparse(node).split(" =")[0] for node in tree.body]
    found = [name for name in names if name in PARTS]
    assert found == [name for name in PARTS if name in found]
    assert found[-1] == "KIND"


def test_every_kind_of_task_has_a_row() -> None:
    from adapt_embed.bench.tasks.kind import TaskKind

    rows = {path.stem for path in (BENCH / "tasks").glob("*.py") if re.search(r"^KIND = ", path.read_text(encoding="utf-8"), re.M)}
    assert len(rows) == len(TASK_KINDS)
    assert all(isinstance(kind, TaskKind) for kind in TASK_KINDS.values())


def test_private_names_of_mteb_are_used_in_one_module() -> None:
    private = re.compile(
        r"from mteb[\w.]*\._\w+ import|from mteb[\w.]* import .*\b_\w+|def (_compute_metrics|_evaluate_subset)\b|super\(\)\._[a-z]"
    )
    using = {path.name for path in MODULES if private.search(path.read_text(encoding="utf-8"))}
    assert using == {"mteb_private.py"}


PAIRS = Pairs({"q1": "court"}, {"q1": {"p1": 1}})
CORPUS = {"p1": "law", "p2": "sea"}
ROWS = LabelledTexts(["a", "b", "c"], ["0", "1", "1"])
LOCAL_KEYS = {
    "38cf099078ec62f1": retrieval_task("t", CORPUS, PAIRS),
    "1cf60c5cfe7eb78c": reranking_task("t", CORPUS, PAIRS, {"q1": ["p1", "p2"]}),
    "d8d8aaf7b7e64d8b": sts_task("t", SentencePairs(["a", "b"], ["c", "d"], [0.0, 1.0])),
    "276f3bbdc5469c84": pair_classification_task("t", LabelledPairs(["a", "b"], ["c", "d"], [0, 1])),
    "d4ed216e9f43722c": classification_task("t", ROWS, ROWS),
    "83fe86ef1de1b3d6": clustering_task("t", ROWS),
}
HUB_KEYS = {
    "1755883cd75c453c": "SciFact",
    "ef0ea8d0115c8771": "STSBenchmark",
    "f9a294fbbc536c82": "TwitterSemEval2015",
    "717aa5720edff0e9": "Banking77Classification",
    "b03a547eb656d9d8": "TwentyNewsgroupsClustering.v2",
}
"""Keys that users' caches hold: a class of tasks that is renamed, or moved within its line of classes, would lose every kept score."""


@pytest.mark.parametrize("key", LOCAL_KEYS)
def test_a_kind_counts_its_items_among_its_sizes(key: str) -> None:
    task = LOCAL_KEYS[key]
    kind = kind_of(task)
    assert kind.sizes(task)[kind.item] > 0


def key_of(task: AbsTask, folder: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The start of the name of the file that keeps a score, whatever the versions of the libraries."""
    monkeypatch.setattr(cells, "library_versions", lambda *names: dict.fromkeys(("adapt-embed", *names), "0"))
    store = cells.CellStore(CacheFiles(folder, 10**9))
    cell = cells.Cell(task_result={}, predictions={}, truncated=0)
    store.add(Identity(name="adapt/a", revision="r", precision="fp32", max_tokens=512), task, cell)
    (kept,) = (folder / "scores").iterdir()
    return kept.name[:16]


@pytest.mark.parametrize("key", LOCAL_KEYS)
def test_a_score_of_local_data_is_kept_where_it_always_was(key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert key_of(LOCAL_KEYS[key], tmp_path, monkeypatch) == key


@pytest.mark.parametrize(("key", "name"), HUB_KEYS.items())
def test_a_score_of_mtebs_data_is_kept_where_it_always_was(key: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (found,) = find_hub_tasks([name], language="en").tasks.values()
    assert key_of(found.task, tmp_path, monkeypatch) == key
