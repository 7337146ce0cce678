"""An entry as JSON: where absolute paths go, what is found without them, and which parts of the registry import which."""

import ast
import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from adapt_embed.base import resolve_base
from adapt_embed.base.places import embedded_folder, snapshot_at
from adapt_embed.errors import RegistryError
from adapt_embed.references import Search, resolve_reference
from adapt_embed.registry import BaseRecord, DataRecord, Entry, HubRecord, ParentRecord, base_record, open_registry, read_entry
from adapt_embed.registry import store as store_module
from adapt_embed.registry.places import take_out
from adapt_embed.registry.stored import from_stored, to_stored

BASE = BaseRecord(id=None, sha256="a" * 64, path="/bases/tiny", name="tiny")


def draft(**changes: object) -> Entry:
    return Entry(**{"kind": "adapter", "name": "legal", "bases": (BASE,), **changes})


def test_paths_of_bases_parents_and_data_stand_under_one_key_and_come_back() -> None:
    entry = draft(
        parents=(ParentRecord(reference="/here/a/law"), ParentRecord(reference="/here/b/law"), ParentRecord(reference="legal@1")),
        data=DataRecord(source="/data/law + sample:legal/en + /other/law", notes=("/data/law/corpus.jsonl: not used: topic",)),
    )
    stored = to_stored(entry)
    assert stored["places"] == {
        "a" * 64: "/bases/tiny",
        "./a/law": "/here/a/law",
        "./b/law": "/here/b/law",
        "data/law": "/data/law",
        "other/law": "/other/law",
    }
    assert [parent["reference"] for parent in stored["parents"]] == ["./a/law", "./b/law", "legal@1"]
    assert stored["data"]["source"] == "data/law + sample:legal/en + other/law"
    assert stored["data"]["notes"] == ["data/law/corpus.jsonl: not used: topic"]
    assert "/bases" not in json.dumps(stored | {"places": {}})
    read = from_stored(stored)
    assert (read.bases, read.parents) == (entry.bases, entry.parents)
    assert read.data is not None
    assert read.data.source == "/data/law + sample:legal/en + /other/law"


def test_a_source_that_is_named_as_the_end_of_a_path_is_not_taken_for_it() -> None:
    entry = draft(data=DataRecord(source="law + /data/law"))
    assert to_stored(entry)["data"]["source"] == "law + data/law"
    assert from_stored(to_stored(entry)) == entry


def test_a_base_in_the_cache_of_the_hub_is_found_by_its_revision_and_has_no_path(isolation: Path, tiny_base: Path, tmp_path: Path) -> None:
    snapshot = isolation / "hf" / "hub" / "models--org--tiny" / "snapshots" / ("1" * 40)
    shutil.copytree(tiny_base, snapshot)
    spec = resolve_base(str(snapshot)).spec
    assert (spec.hub_id, spec.revision) == ("org/tiny", "1" * 40)
    registry = open_registry(tmp_path / "home")
    shutil.copytree(isolation / "hf" / "hub", tmp_path / "hub")
    entry = registry.add(draft(bases=(base_record(spec),)), lambda folder: None)
    assert entry.bases[0].path is None
    assert json.loads((registry.folder(entry) / "adapt.json").read_text())["places"] == {}
    assert entry.bases[0].is_there
    assert snapshot_at("org/tiny", "1" * 40) == snapshot  # though no name such as main leads to it
    assert resolve_reference("legal", Search(registry=registry)).base.folder == snapshot.resolve()


def test_a_snapshot_without_weights_is_not_taken_for_the_base(isolation: Path, tiny_base: Path) -> None:
    snapshot = isolation / "hf" / "hub" / "models--org--tiny" / "snapshots" / ("1" * 40)
    shutil.copytree(tiny_base, snapshot, ignore=shutil.ignore_patterns("*.safetensors"))
    assert list(BaseRecord(id="org/tiny", revision="1" * 40, sha256="a" * 64).folders()) == []


def test_a_folder_of_the_bases_name_with_other_weights_is_not_taken_for_it(
    tiny_base: Path, second_base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = BaseRecord(id=None, sha256=resolve_base(str(tiny_base)).spec.sha256, path="/gone", name="tiny")
    monkeypatch.setenv("ADAPT_BASES", str(tmp_path))
    shutil.copytree(second_base, tmp_path / "tiny")
    assert (record.is_there, record.loading_name) == (False, ("/gone", None))
    shutil.copyfile(tiny_base / "model.safetensors", tmp_path / "tiny" / "model.safetensors")
    assert (record.is_there, record.loading_name) == (True, (str(tmp_path / "tiny"), None))


@pytest.mark.skipif(embedded_folder() is None, reason="needs the embedded base")
def test_the_embedded_base_has_no_path(tmp_path: Path) -> None:
    folder = embedded_folder()
    record = BaseRecord(id="sentence-transformers/all-MiniLM-L6-v2", revision="r", sha256="b" * 64, path=str(folder), name="minilm")
    entry = open_registry(tmp_path / "home").add(draft(bases=(record, BASE)), lambda folder: None)
    assert [base.path for base in entry.bases] == [None, "/bases/tiny"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[]", "must be a JSON object"),
        ("{", "not valid JSON"),
        ('{"format": 4}', r"format 4, and this version reads up to 3; upgrade with: pip install -U adapt-embed"),
        ('{"format": 0}', "format 0, which does not exist"),
        ('{"format": "2"}', "format '2', which does not exist"),
        ('{"kind": "adapter", "name": "a"}', r"malformed \(KeyError: 'base'\)"),
        ('{"kind": "adapter", "name": "a", "base": {"id": "x"}}', r"malformed|lacks the key 'sha256'"),
        ('{"kind": "adapter", "name": "a", "base": {"id": "x", "sha256": "s"}, "parents": ["b"]}', "malformed"),
    ],
)
def test_a_record_that_cannot_be_read_is_one_clear_line(content: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "adapt.json").write_text(content)
    with pytest.raises(RegistryError, match=message) as caught:
        read_entry(tmp_path / "adapt.json")
    assert "\n" not in str(caught.value)


def test_what_format_1_let_anybody_write_of_data_is_kept_as_a_note(tmp_path: Path) -> None:
    old = {"kind": "adapter", "name": "a", "base": {"id": "x", "sha256": "s"}, "data": {"source": "s", "colour": "red"}}
    (tmp_path / "adapt.json").write_text(json.dumps(old))
    data = read_entry(tmp_path / "adapt.json").data
    assert data == DataRecord(source="s", notes=('colour: "red"',))


def test_the_parts_of_the_registry_import_one_another_in_no_circle() -> None:
    folder = Path(store_module.__file__).parent
    imports = {path.stem: _siblings(path, folder) for path in folder.glob("*.py") if path.stem != "__init__"}
    assert {"view", "lineage", "verify"} <= imports["store"]
    while free := {name for name, needed in imports.items() if not needed}:
        imports = {name: needed - free for name, needed in imports.items() if name not in free}
    assert imports == {}, f"in a circle, or above one: {sorted(imports)}"


def _siblings(path: Path, folder: Path) -> set[str]:
    found = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    own = [node for node in found if isinstance(node, ast.ImportFrom) and node.level == 1]
    names = {name for node in own for name in ([node.module] if node.module else [each.name for each in node.names])}
    return {name for name in names if (folder / f"{name}.py").is_file()}


def test_a_place_on_the_hub_is_kept_with_the_version_and_read_back(home: Path) -> None:
    registry = open_registry(home)
    entry = registry.add(Entry(kind="adapter", name="a", bases=(BASE,)), lambda folder: (folder / "weights").write_text("w"))
    first = HubRecord(repository="me/a", revision="1" * 40, how="pulled", branch="v1")
    for record in (first, HubRecord(repository="me/b", revision="2" * 40, how="pushed", tag="v3"), replace(first, revision="3" * 40)):
        known = registry.record_hub(entry, record)
    assert [record.reference for record in known.hub] == [f"hf:me/b@{'2' * 40}", f"hf:me/a@{'3' * 40}"]  # each repository once
    assert open_registry(home).find("a").hub == known.hub == read_entry(registry.folder(entry) / "adapt.json").hub
    assert entry in registry.user.index()  # what was read before the push is that version still
    assert registry.verify().is_clean


def test_a_registry_of_format_2_knows_no_place_on_the_hub(home: Path) -> None:
    entry = Entry(kind="adapter", name="a", bases=(BASE,))
    old = {key: value for key, value in to_stored(entry).items() if key != "hub"}
    assert from_stored(old, 2) == entry
    assert from_stored(old, 2).hub == ()


def test_the_path_of_a_weighted_source_leaves_no_trace_in_notes() -> None:
    notes = ["/y/b.csv: query from 'q'", "2 sources are joined: 1 query of /x/a.csv, 1 query of /y/b.csv=0.5"]
    plain = take_out({"bases": [], "data": {"source": "/x/a.csv + /y/b.csv=0.5", "notes": notes}})
    assert plain["data"] == {
        "source": "a.csv + b.csv=0.5",
        "notes": ["b.csv: query from 'q'", "2 sources are joined: 1 query of a.csv, 1 query of b.csv=0.5"],
    }
    assert plain["places"] == {"a.csv": "/x/a.csv", "b.csv=0.5": "/y/b.csv=0.5"}
