"""The registry in peace: entries, versions, aliases, lineage, both layers, formats and checks."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from adapt_embed.errors import RegistryError, UnknownReferenceError
from adapt_embed.registry import (
    BaseRecord,
    Entry,
    Layer,
    ParentRecord,
    Registry,
    ScoreRecord,
    children,
    lineage,
    open_registry,
    split_reference,
)
from adapt_embed.registry.layer import NO_LAYER
from adapt_embed.registry.stored import from_stored, to_stored

BASE = BaseRecord(id="org/base", revision="r1", sha256="a" * 64, path="/bases/base", name="org/base")
OTHER_BASE = BaseRecord(id=None, revision=None, sha256="b" * 64, path="/bases/other", name="other")


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return Registry(tmp_path / "home", builtin=Layer(tmp_path / "none.json", tmp_path / "none"))


def draft(name: str = "legal", **changes: object) -> Entry:
    return Entry(**{"kind": "adapter", "name": name, "bases": (BASE,), "pooling": "cls", "method": "lora", **changes})


def write(folder: Path) -> None:
    (folder / "weights.bin").write_bytes(b"w" * 100)
    (folder / "sub").mkdir()
    (folder / "sub" / "config.json").write_text("{}")


def with_builtin(tmp_path: Path, *entries: Entry) -> Registry:
    """Return a registry whose built-in layer was made by registering `entries`."""
    made = Registry(tmp_path / "shipped", builtin=Layer(tmp_path / "none.json", tmp_path / "none"))
    for entry in entries:
        made.add(entry, write)
    return Registry(tmp_path / "home", builtin=made.user)


def test_an_entry_survives_json() -> None:
    entry = draft(
        version=3,
        prompts={"query": "Q: "},
        parents=(ParentRecord(reference="a@1", sha256="c" * 64, weight=0.5),),
        scores={"dev": ScoreRecord(metric="nDCG@10", after=0.5)},
    )
    assert from_stored(json.loads(json.dumps(to_stored(entry)))) == entry
    assert entry.reference == "legal@3"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"colour": "red"}, "unknown key 'colour'"),
        ({"files": []}, "files must be a dict, found a list"),
        ({"files": {"../x": {"sha256": "", "size": 1}}}, "must be a path inside the folder"),
        ({"parents": ["a@1"]}, "each parent must be an object"),
        ({"kind": "soup"}, "unknown kind of entry 'soup'"),
        ({"created": "yesterday"}, "expected an ISO 8601 time"),
        ({"bases": [{"id": "x"}]}, "each base lacks the key 'sha256'"),
        ({"bases": []}, "must name its base"),
        ({"side": "left"}, "unknown side 'left'"),
        ({"data": {"source": 7}}, "data: source must be a text, found 7"),
        ({"scores": {"dev": {"metric": "nDCG@10", "after": "good"}}}, "after must be a number or null"),
        ({"places": []}, "places must be a dict"),
        ({"version": -1}, "expected a whole number"),
    ],
)
def test_a_malformed_entry_is_refused(change: dict, message: str) -> None:
    with pytest.raises(RegistryError, match=message):
        from_stored(to_stored(draft()) | change)


def test_an_entry_without_a_base_is_refused() -> None:
    content = to_stored(draft())
    del content["bases"]
    with pytest.raises(RegistryError, match="lacks the key 'bases'"):
        from_stored(content)


@pytest.mark.parametrize("name", ["", "a b", "../x", ".hidden", "-x", "a/b", "a@1", "x" * 101, "base", "Registry.json", "runs", "a\u200bb"])
def test_a_name_that_does_not_fit_is_refused(name: str) -> None:
    with pytest.raises(RegistryError, match=r"is not valid|is taken"):
        draft(name)


@pytest.mark.parametrize(("text", "parts"), [("a", ("a", None)), ("a@2", ("a", "2")), ("a.b-c@best", ("a.b-c", "best"))])
def test_a_reference_is_a_name_and_what_follows_the_at(text: str, parts: tuple) -> None:
    assert split_reference(text) == parts


@pytest.mark.parametrize("text", ["a@", "a@b@c", "@1", "a@ 1"])
def test_a_malformed_reference_is_refused(text: str) -> None:
    with pytest.raises(RegistryError, match=r"expected NAME, NAME@VERSION or NAME@ALIAS|is not valid"):
        split_reference(text)


def test_add_numbers_versions_and_keeps_what_was_written(registry: Registry) -> None:
    first, second = registry.add(draft(targets=("query",)), write), registry.add(draft(), write)
    assert [first.version, second.version] == [1, 2]
    assert registry.entries() == [first, second]
    assert first.files["sub/config.json"].size == 2
    assert first.files["weights.bin"].size == 100
    assert (registry.folder(first) / "sub" / "config.json").read_text() == "{}"
    assert json.loads((registry.folder(first) / "adapt.json").read_text()) == {"format": 3} | to_stored(first)
    assert registry.verify().problems == ()


def test_add_returns_what_is_read_back(registry: Registry) -> None:
    entry = registry.add(draft(config={"targets": ("a", "b")}), write)
    assert registry.find("legal") == entry
    assert entry.config == {"targets": ["a", "b"]}


def test_a_draft_with_a_version_is_a_bug(registry: Registry) -> None:
    with pytest.raises(ValueError, match="neither version nor files"):
        registry.add(draft(version=1), write)


def test_a_write_that_fails_leaves_nothing(registry: Registry) -> None:
    def fail(folder: Path) -> None:
        write(folder)
        raise KeyError("x")

    with pytest.raises(KeyError):
        registry.add(draft(), fail)
    assert registry.entries() == []
    assert registry.verify().problems == ()


def test_a_link_is_not_registered(registry: Registry, tmp_path: Path) -> None:
    (tmp_path / "target").write_text("x")
    with pytest.raises(RegistryError, match="plain files"):
        registry.add(draft(), lambda folder: (folder / "link").symlink_to(tmp_path / "target"))


def test_a_name_that_differs_in_case_alone_is_refused(registry: Registry) -> None:
    registry.add(draft(), write)
    with pytest.raises(RegistryError, match="differs from the registered 'legal' only in case"):
        registry.add(draft("Legal"), write)


def test_find_takes_number_alias_and_newest(registry: Registry) -> None:
    first, second = registry.add(draft(), write), registry.add(draft(), write)
    registry.set_alias(first, "best")
    assert registry.find("legal") == second
    assert registry.find("legal", 1) == registry.find("legal", "1") == registry.find("legal", "best") == first
    assert registry.find_reference("legal@best") == first


def test_find_takes_the_newest_on_the_base(registry: Registry) -> None:
    first = registry.add(draft(), write)
    registry.add(draft(bases=(OTHER_BASE,)), write)
    assert registry.find("legal", None, BASE.sha256) == first
    with pytest.raises(UnknownReferenceError, match=r"no version on the base in use .* legal@1 on org/base, legal@2 on other"):
        registry.find("legal", None, "c" * 64)


def test_an_ensemble_is_on_each_of_its_bases(registry: Registry) -> None:
    entry = registry.add(draft(kind="ensemble", bases=(BASE, OTHER_BASE), pooling=None), lambda folder: None)
    assert registry.find("legal", None, OTHER_BASE.sha256) == entry == registry.find("legal", None, BASE.sha256)
    assert registry.verify().problems == ()


def test_an_unknown_name_offers_the_nearest(registry: Registry) -> None:
    registry.add(draft(), write)
    with pytest.raises(UnknownReferenceError, match=r"unknown adapter 'legl'. Did you mean legal"):
        registry.find("legl")


@pytest.mark.parametrize("version", [7, "7", "worst", "²"])
def test_an_unknown_version_lists_what_there_is(registry: Registry, version: int | str) -> None:
    registry.set_alias(registry.add(draft(), write), "best")
    with pytest.raises(UnknownReferenceError, match="it has 1, best"):
        registry.find("legal", version)


def test_an_alias_moves_and_goes(registry: Registry) -> None:
    first, second = registry.add(draft(), write), registry.add(draft(), write)
    assert registry.set_alias(first, "best") is None
    assert registry.set_alias(second, "best") == 1
    assert registry.aliases_of(second) == ["best"]
    assert registry.aliases_of(first) == []
    assert registry.remove_alias("legal", "best") == 2
    with pytest.raises(UnknownReferenceError, match="unknown alias of legal 'best'"):
        registry.remove_alias("legal", "best")


@pytest.mark.parametrize("alias", ["1", "v1", "V22", "a b", "", "a@b"])
def test_an_alias_cannot_look_like_a_version(registry: Registry, alias: str) -> None:
    entry = registry.add(draft(), write)
    with pytest.raises(RegistryError, match=r"looks like a version|is not valid"):
        registry.set_alias(entry, alias)


def test_an_alias_on_a_removed_version_is_refused(registry: Registry) -> None:
    entry = registry.add(draft(), write)
    registry.add(draft(), write)
    registry.remove(entry)
    with pytest.raises(UnknownReferenceError, match="no version or alias '1'"):
        registry.set_alias(entry, "best")


def test_remove_takes_the_files_and_the_number_is_not_given_again(registry: Registry) -> None:
    registry.add(draft(), write)
    second = registry.add(draft(), write)
    removal = registry.remove(second)
    assert removal.freed_bytes == 102
    assert not (registry.home / "legal" / "2").exists()
    assert registry.add(draft(), write).version == 3
    with pytest.raises(UnknownReferenceError, match="no longer in the registry"):
        registry.remove(second)


def test_remove_refuses_while_an_alias_or_a_child_needs_it(registry: Registry) -> None:
    parent = registry.add(draft(), write)
    child = registry.add(draft("both", kind="merge", parents=(ParentRecord(reference="legal@1", sha256="c" * 64, weight=1.0),)), write)
    registry.set_alias(parent, "best")
    with pytest.raises(RegistryError, match=r"needed by the alias legal@best, both@1; .* adapt rm legal@1 --force"):
        registry.remove(parent)
    removal = registry.remove(parent, force=True)
    assert removal.aliases == ("best",)
    assert removal.children == ("both@1",)
    assert registry.entries() == [child]
    assert registry.verify().problems == ()


def test_lineage_follows_parents_and_tells_those_that_are_gone(registry: Registry) -> None:
    grandparent = registry.add(draft("a"), write)
    parent = registry.add(draft("b", parents=(ParentRecord(reference="a@1", sha256="c" * 64, weight=0.25),)), write)
    child = registry.add(
        draft("c", parents=(ParentRecord(reference="b@1", weight=0.5), ParentRecord(reference="gone@9", weight=0.5))), write
    )
    tree = lineage(registry, child)
    assert [(node.reference, node.weight, node.entry is None) for node in tree.parents] == [("b@1", 0.5, False), ("gone@9", 0.5, True)]
    assert tree.parents[0].parents[0].reference == "a@1"
    assert tree.parents[0].parents[0].weight == 0.25
    assert children(registry, grandparent) == [parent]


def test_user_versions_are_numbered_on_from_the_builtin_ones(tmp_path: Path) -> None:
    registry = with_builtin(tmp_path, draft(), draft())
    own = registry.add(draft(), write)
    assert own.version == 3
    assert [entry.version for entry in registry.entries()] == [1, 2, 3]
    assert registry.folder(registry.find("legal", 1)) == tmp_path / "shipped" / "legal" / "1"
    assert registry.folder(own) == tmp_path / "home" / "legal" / "3"


def test_a_builtin_version_takes_an_alias_and_cannot_be_removed(tmp_path: Path) -> None:
    registry = with_builtin(tmp_path, draft())
    entry = registry.find("legal")
    registry.set_alias(entry, "best")
    assert registry.find("legal", "best") == entry
    assert registry.is_builtin(entry)
    with pytest.raises(RegistryError, match="ships with the package"):
        registry.remove(entry)


def test_verify_looks_at_the_builtin_layer_too(tmp_path: Path) -> None:
    registry = with_builtin(tmp_path, draft())
    (tmp_path / "shipped" / "legal" / "1" / "weights.bin").write_bytes(b"x")
    assert [problem.kind for problem in registry.verify(fix=True).unfixed] == ["changed"]


def test_verify_says_of_what_ships_that_the_package_brings_it_back(tmp_path: Path) -> None:
    registry = with_builtin(tmp_path, draft())
    (tmp_path / "shipped" / "legal" / "1" / "weights.bin").unlink()
    shutil.rmtree(tmp_path / "shipped" / "legal" / "1" / "sub")
    problems = registry.verify(fix=True).unfixed
    assert {problem.kind for problem in problems} == {"missing"}
    assert all("pip install --force-reinstall adapt-embed" in problem.detail for problem in problems)
    (tmp_path / "shipped" / "legal" / "1" / "adapt.json").unlink()
    gone = registry.verify().problems
    assert [(problem.kind, problem.is_fixable) for problem in gone] == [("folder gone", False)]


def test_a_users_version_hides_the_one_that_ships_with_its_number(tmp_path: Path) -> None:
    """Its number was given before anything shipped under that name."""
    registry = with_builtin(tmp_path, draft())
    own = Registry(registry.home, builtin=NO_LAYER).add(draft(domain="mine"), write)
    assert own.reference == "legal@1"
    assert registry.entries() == [own]
    assert registry.find("legal", 1) == registry.find("legal") == own
    assert not registry.is_builtin(own)
    assert registry.folder(own) == tmp_path / "home" / "legal" / "1"
    assert registry.verify().versions == 2
    assert registry.add(draft(), write).reference == "legal@2"


def test_a_name_alone_means_the_users_version_though_a_higher_one_ships(tmp_path: Path) -> None:
    registry = with_builtin(tmp_path, draft(), draft(bases=(OTHER_BASE,)), draft(bases=(OTHER_BASE,)))
    own = Registry(registry.home, builtin=NO_LAYER).add(draft(), write)
    assert (own.version, registry.find("legal")) == (1, own)
    assert registry.find("legal", 3).version == 3
    assert registry.find("legal", None, OTHER_BASE.sha256).version == 3  # the user's is not on that base


def test_a_name_alone_removes_the_users_only_version(tmp_path: Path) -> None:
    registry = with_builtin(tmp_path, draft(), draft())
    with pytest.raises(RegistryError, match=r"ships with the package and cannot be removed; to leave out all that ship: ADAPT_SHIPPED=0"):
        registry.remove(registry.find_to_remove("legal"), force=True)
    own = registry.add(draft(), write)
    assert registry.find_to_remove("legal") == own
    registry.remove(own)
    assert [entry.version for entry in registry.entries()] == [1, 2]
    assert registry.add(draft(), write).version == 4


def test_the_home_is_the_argument_then_adapt_home_then_the_users(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADAPT_HOME", str(tmp_path / "env"))
    assert open_registry(tmp_path / "given").home == tmp_path / "given"
    assert open_registry().home == tmp_path / "env"
    monkeypatch.delenv("ADAPT_HOME")
    assert "adapt-embed" in str(open_registry().home)


def test_reading_an_absent_registry_creates_nothing(registry: Registry) -> None:
    assert registry.entries() == []
    assert registry.verify().is_clean
    assert not registry.home.exists()


def test_a_newer_format_is_refused_with_what_to_upgrade(registry: Registry) -> None:
    registry.add(draft(), write)
    content = json.loads(registry.user.index_path.read_text())
    registry.user.index_path.write_text(json.dumps(content | {"format": 99}))
    for act in (registry.entries, lambda: registry.add(draft(), write), lambda: registry.verify(fix=True)):
        with pytest.raises(RegistryError, match=r"format 99.*reads up to 3; upgrade with: pip install -U adapt-embed"):
            act()
    assert json.loads(registry.user.index_path.read_text())["format"] == 99


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"format": 1}', '{"format": 0, "entries": []}', '{"format": 1, "entries": [{}], "aliases": {}}', "\xff"]
)
def test_a_corrupted_index_is_one_clear_line_and_is_written_anew(registry: Registry, content: str) -> None:
    entries = [registry.add(draft(), write), registry.add(draft("medical"), write)]
    registry.user.index_path.write_text(content, encoding="latin-1")
    with pytest.raises(RegistryError, match="adapt verify --fix") as caught:
        registry.entries()
    assert "\n" not in str(caught.value)
    with pytest.raises(RegistryError, match="adapt verify --fix"):
        registry.add(draft(), write)
    assert [problem.kind for problem in registry.verify().unfixed] == ["index"]
    report = registry.verify(fix=True)
    assert report.is_clean
    assert "aliases are lost" in str(report.problems[0].fixed)
    assert registry.entries() == entries
    kept = [path.read_text(encoding="latin-1") for path in registry.home.glob("registry.json.damaged-*")]
    assert kept == [content]
    assert registry.verify().problems == ()


def test_an_index_that_went_is_not_taken_for_an_empty_registry(registry: Registry) -> None:
    entry = registry.add(draft(), write)
    registry.user.index_path.unlink()
    with pytest.raises(RegistryError, match="is missing, but there are versions beside it"):
        registry.add(draft(), write)
    assert registry.verify(fix=True).is_clean
    assert registry.entries() == [entry]


def test_verify_tells_changed_missing_and_extra_files_and_removes_none(registry: Registry) -> None:
    folder = registry.folder(registry.add(draft(), write))
    (folder / "weights.bin").write_bytes(b"W" + b"w" * 99)
    (folder / "sub" / "config.json").unlink()
    (folder / "notes.txt").write_text("mine")
    for fix in (False, True):
        report = registry.verify(fix)
        assert sorted((problem.kind, problem.fixed) for problem in report.problems) == [
            ("changed", None),
            ("extra", None),
            ("missing", None),
        ]
    assert (folder / "notes.txt").exists()
    assert len(registry.entries()) == 1


def test_verify_sees_an_entry_file_that_was_edited(registry: Registry) -> None:
    folder = registry.folder(registry.add(draft(), write))
    (folder / "adapt.json").write_text((folder / "adapt.json").read_text().replace('"cls"', '"mean"'))
    assert [problem.kind for problem in registry.verify().problems] == ["changed"]


def test_verify_takes_out_an_entry_only_if_all_its_files_are_gone(registry: Registry) -> None:
    import shutil

    first, second = registry.add(draft(), write), registry.add(draft(), write)
    registry.set_alias(first, "best")
    shutil.rmtree(registry.folder(first))
    assert [problem.kind for problem in registry.verify().unfixed] == ["folder gone"]
    with pytest.raises(RegistryError, match="is missing; restore it"):
        registry.folder(first)
    report = registry.verify(fix=True)
    assert [problem.fixed for problem in report.problems] == ["removed from the index with the aliases best"]
    assert registry.entries() == [second]
    assert registry.verify().problems == ()


def test_verify_removes_an_orphan_and_its_number_is_no_obstacle(registry: Registry) -> None:
    import shutil

    registry.add(draft(), write)
    shutil.copytree(registry.home / "legal" / "1", registry.home / "legal" / "2")
    assert [problem.kind for problem in registry.verify().unfixed] == ["orphan"]
    assert registry.verify(fix=True).unfixed != ()  # its adapt.json is another version's: somebody put it there
    stray = registry.home / "legal" / "2" / "adapt.json"
    stray.write_text(stray.read_text().replace('"version": 1', '"version": 2'))
    assert registry.add(draft(), write).version == 3
    assert registry.verify(fix=True).is_clean
    assert not stray.exists()
    assert [entry.version for entry in registry.entries()] == [1, 3]


def test_verify_takes_away_an_alias_that_names_nothing(registry: Registry) -> None:
    registry.add(draft(), write)
    content = json.loads(registry.user.index_path.read_text())
    registry.user.index_path.write_text(json.dumps(content | {"aliases": {"legal": {"best": 9}}}))
    assert [problem.where for problem in registry.verify().unfixed] == ["legal@best"]
    assert registry.verify(fix=True).is_clean
    assert registry.aliases("legal") == {}


def test_folders_of_other_things_in_the_home_are_left_alone(registry: Registry) -> None:
    registry.add(draft(), write)
    (registry.home / "photos" / "2023").mkdir(parents=True)
    (registry.home / "photos" / "2023" / "a.jpg").write_text("x")
    (registry.home / "runs").mkdir()
    assert registry.verify(fix=True).problems == ()
    assert (registry.home / "photos" / "2023" / "a.jpg").exists()


def test_the_registry_imports_no_torch() -> None:
    code = "import sys, adapt_embed.registry as r; r.open_registry().entries(); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
