"""A real registry of format 1 under this version: opened, listed, verified, used, built upon, and mended.

`registry_1/home` was written by the last version of that format, with the tiny base of these tests: five trained adapters (one of
them removed again), one added folder, merges, ensembles, aliases and Chinese names. Paths were replaced by ones below /home/user,
and the tokenizer that every version carries is kept once.
"""

import hashlib
import json
import re
import shutil
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from adapt_embed.base import resolve_base
from adapt_embed.cli import main
from adapt_embed.errors import BaseError
from adapt_embed.references import Search, resolve_reference
from adapt_embed.registry import lineage, open_registry, read_entry
from adapt_embed.registry.stored import from_stored, to_stored
from click.testing import CliRunner, Result

KEPT = Path(__file__).parent / "registry_1"
TINY = "38f6b06033f26a15bd896ce3a88cf180a6405d00a1b1168aeeeae786ebbb54af"
SECOND = "9b11de40d22166171c09a35b514112fc6484e6ac9657ab3686947255cb7585b6"
VERSIONS = [
    *("across@1", "both@1", "clinic@1", "legal@1", "legal@2", "legal@3", "legal-法律@1", "legal-法律-concat@1"),
    *("outside@1", "searched@1", "short@1", "with-folder@1", "法律@1"),
]


def adapt(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def adapt_json(*arguments: object) -> dict:
    result = adapt(*arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def formats(home: Path) -> dict[str, int]:
    """Return the format of the index and of each version's own record."""
    files = [home / "registry.json", *sorted(home.glob("*/*/adapt.json"))]
    return {path.relative_to(home).as_posix(): json.loads(path.read_text()).get("format", 1) for path in files}


@pytest.fixture
def home(isolation: Path, tmp_path: Path, tiny_base: Path, second_base: Path) -> Path:
    """The kept registry as the user's own, on the bases of these tests."""
    home = isolation / "adapt"
    shutil.copytree(KEPT / "home", home)
    shutil.copytree(home / "clinic" / "1", tmp_path / "clinic", ignore=shutil.ignore_patterns("adapt.json"))
    put_here(home, tmp_path / "clinic", tiny_base, second_base)
    (home / "registry.json").chmod(0o640)
    return home


def put_here(home: Path, clinic: Path, tiny_base: Path, second_base: Path) -> None:
    """Write this machine's paths and bases where the kept ones stand, and hash the files that this changes anew."""
    words = {
        "/home/user/bases/tiny": str(tiny_base.resolve()),
        "/home/user/bases/second": str(second_base.resolve()),
        "/home/user/adapters/clinic": str(clinic),
        TINY: resolve_base(str(tiny_base)).spec.sha256,
        SECOND: resolve_base(str(second_base)).spec.sha256,
    }
    for path in (*home.rglob("*.json"), clinic / "adapter_config.json"):
        text = path.read_text(encoding="utf-8")
        path.write_text(re.sub("|".join(words), lambda found: words[found[0]], text), encoding="utf-8")
    index = json.loads((home / "registry.json").read_text(encoding="utf-8"))
    for entry in index["entries"]:
        folder = home / entry["name"] / str(entry["version"])
        if "tokenizer.json" in entry["files"]:
            shutil.copyfile(KEPT / "tokenizer.json", folder / "tokenizer.json")
        for name in entry["files"]:
            content = (folder / name).read_bytes()
            entry["files"][name] = {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content)}
        (folder / "adapt.json").write_text(json.dumps(entry, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    (home / "registry.json").write_text(json.dumps(index, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    shutil.copyfile(KEPT / "tokenizer.json", clinic / "tokenizer.json")


def test_it_is_opened_listed_and_verified_and_nothing_is_written(home: Path) -> None:
    before = {path: path.read_bytes() for path in home.rglob("*.json")}
    listed = adapt_json("list")["entries"]
    assert [entry["reference"] for entry in listed] == sorted(VERSIONS, key=lambda text: (text.split("@")[0], text))
    assert {entry["reference"]: entry["aliases"] for entry in listed if entry["aliases"]} == {"legal@1": ["best"], "法律@1": ["最佳"]}
    assert adapt_json("verify") == {"versions": 13, "files": 111, "is_clean": True, "problems": []}
    assert {path: path.read_bytes() for path in home.rglob("*.json")} == before
    assert set(formats(home).values()) == {1}


def test_what_is_shown_is_what_format_1_said(home: Path, tmp_path: Path, tiny_base: Path) -> None:
    old = json.loads((home / "legal" / "2" / "adapt.json").read_text())
    shown = adapt_json("show", "legal@2")
    assert {key: shown[key] for key in old} == old
    assert shown["side"] == "both"
    assert [base["name"] for base in adapt_json("show", "across")["base"]] == ["tiny", "second"]
    tree = lineage(open_registry(), open_registry().find("outside"))
    assert [node.reference for node in tree.parents] == ["legal@1", str(tmp_path / "clinic"), "base"]
    assert str(tiny_base.resolve()) in adapt("show", "法律@最佳").stdout


@pytest.mark.parametrize("version", VERSIONS)
def test_an_entry_says_the_same_in_both_formats(version: str, home: Path) -> None:
    name, number = version.split("@")
    entry = read_entry(home / name / number / "adapt.json")
    assert open_registry().find_reference(version) == entry
    assert from_stored(json.loads(json.dumps(to_stored(entry)))) == entry
    assert absolute_paths(to_stored(entry) | {"places": {}}) == []


def absolute_paths(value: object) -> list[str]:
    """List the texts in JSON that are, or hold, a path of the machine."""
    if isinstance(value, dict):
        return [path for each in (*value, *value.values()) for path in absolute_paths(each)]
    if isinstance(value, list):
        return [path for each in value for path in absolute_paths(each)]
    return [value] if isinstance(value, str) and re.search(r"(^|\s)/\w", value) else []


def test_the_next_write_writes_the_newest_format_and_leaves_the_versions_own_records(home: Path) -> None:
    entries = open_registry().entries()
    assert adapt("alias", "legal@3", "second").exit_code == 0
    assert {name: number for name, number in formats(home).items() if number > 1} == {"registry.json": 3}
    assert open_registry().entries() == entries
    assert json.loads((home / "registry.json").read_text())["numbers"]["legal"] == 4  # of a version that was removed
    assert (home / "registry.json").stat().st_mode & 0o777 == 0o640
    assert adapt("verify").exit_code == 0


def test_it_is_encoded_merged_put_together_and_trained_upon(home: Path, tiny_base: Path, toy_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "texts.txt").write_text("the court\n法律\n", encoding="utf-8")
    for reference in ("base", "法律@最佳", "legal-法律", "short", "outside"):
        base = ("--base", tiny_base) if reference == "base" else ()
        result = adapt("encode", reference, tmp_path / "texts.txt", "--dtype", "fp32", "-o", tmp_path / f"{reference}.npy", *base)
        assert result.exit_code == 0, result.output
    whole, alone = np.load(tmp_path / "outside.npy"), np.load(tmp_path / "base.npy")
    np.testing.assert_allclose(whole[:, 64:] * np.sqrt(3), alone, atol=1e-5)  # the third member is the base itself
    assert adapt_json("merge", "legal@2", "法律", "--name", "new")["reference"] == "new@1"
    assert (home / "new/1/adapter_model.safetensors").stat().st_size > 0
    assert adapt_json("ensemble", "new", "legal@3", "--mode", "rrf", "--name", "ranks")["bases"] == ["tiny-base", "second-base"]
    options = ("--domain", "legal", "--data", toy_folder, "--base", tiny_base, "--set", "epochs=1", "--set", "rank=2")
    assert adapt_json("train", *options, "--name", "legal")["reference"] == "legal@5"  # 4 was given once
    new = open_registry().find_reference("legal@5")
    assert formats(home)["legal/5/adapt.json"] == 3
    assert json.loads((home / "legal/5/adapt.json").read_text())["places"] == {
        resolve_base(str(tiny_base)).spec.sha256: str(tiny_base.resolve()),
        toy_folder.name: str(toy_folder),
    }
    assert new.data is not None
    assert new.data.source == str(toy_folder)
    assert json.loads((home / "legal/5/adapter_config.json").read_text())["base_model_name_or_path"] == str(tiny_base.resolve())
    assert adapt("verify").exit_code == 0


def test_a_lost_index_is_written_anew_from_records_of_both_formats(home: Path) -> None:
    adapt_json("merge", "legal@2", "法律", "--name", "new", "--method", "linear")
    entries = open_registry().entries()
    (home / "registry.json").unlink()
    assert adapt("list").exit_code == 1
    assert adapt("verify", "--fix").exit_code == 0
    assert open_registry().entries() == entries
    assert set(formats(home).values()) == {1, 3}
    assert adapt_json("verify")["problems"] == []


def test_an_index_is_not_written_anew_without_a_version_of_a_newer_format(home: Path) -> None:
    record = home / "legal" / "1" / "adapt.json"
    record.write_text(json.dumps(json.loads(record.read_text()) | {"format": 4, "colour": "red"}))
    (home / "registry.json").unlink()
    refused = adapt("verify", "--fix")
    assert refused.exit_code == 1
    assert re.search(r"adapt\.json cannot be read: .*format 4.*reads up to 3; upgrade with: pip install -U adapt-embed", refused.stderr)
    assert not (home / "registry.json").exists()


def test_readers_see_whole_entries_while_a_writer_migrates(home: Path) -> None:
    seen, stop = [], threading.Event()

    def read() -> None:
        while not stop.is_set():
            seen.append(len(open_registry().entries()))

    reader = threading.Thread(target=read)
    reader.start()
    for number in range(20):
        open_registry().set_alias(open_registry().find("legal", 1 + number % 3), f"a{number}")
    stop.set()
    reader.join()
    assert set(seen) == {13}
    assert len(open_registry().aliases("legal")) == 21


def test_a_base_without_a_path_is_found_by_its_name_in_adapt_bases(
    home: Path, tiny_base: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    registry = open_registry()
    stored = to_stored(registry.find("legal", 1))
    scrubbed = from_stored({key: value for key, value in stored.items() if key != "places"})
    assert scrubbed.bases[0].path is None
    copied = registry.add(
        replace(scrubbed, name="pulled", version=0, files={}),
        lambda folder: shutil.copyfile(home / "legal/1/adapter_model.safetensors", folder / "adapter_model.safetensors") and None,
    )
    shutil.copyfile(home / "legal/1/adapter_config.json", home / "pulled/1/adapter_config.json")
    with pytest.raises(BaseError, match=r"made for tiny, which is not on this machine; name that base with --base"):
        resolve_reference("pulled", Search(registry=registry))
    shutil.copytree(tiny_base, tmp_path / "bases" / "tiny")
    monkeypatch.setenv("ADAPT_BASES", str(tmp_path / "bases"))
    assert resolve_reference(copied.reference, Search(registry=registry)).base.folder == tmp_path / "bases" / "tiny"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"kind": "map"}, r"soon@1 is a map, which adapt-embed \d+\.\S+ can list, verify and remove, but not use"),
        ({"kind": "adapter", "side": "document"}, r"soon@1 is an adapter for documents alone, which"),
        ({"kind": "merge", "side": "document"}, r"soon@1 is a merge for documents alone, which"),
    ],
)
def test_what_only_a_newer_version_uses_is_listed_and_verified_and_refused_in_one_line(
    changes: dict, message: str, home: Path, tmp_path: Path
) -> None:
    registry = open_registry()
    old = registry.find("legal", 1)
    draft = replace(old, name="soon", version=0, files={}, **changes)
    registry.add(
        draft,
        lambda folder: shutil.copytree(home / "legal/1", folder, ignore=shutil.ignore_patterns("adapt.json"), dirs_exist_ok=True) and None,
    )
    assert adapt_json("verify")["problems"] == []
    listed = {entry["reference"]: entry["kind"] for entry in adapt_json("list")["entries"]}
    assert listed["soon@1"] == changes["kind"]
    assert adapt_json("show", "soon")["side"] == changes.get("side", "both")
    (tmp_path / "texts.txt").write_text("x\n")
    for command in (
        ("encode", "soon", tmp_path / "texts.txt"),
        ("merge", "soon", "legal@2"),
        ("ensemble", "soon", "legal@2"),
        ("add", home / "soon/1", "--name", "again"),
        ("encode", home / "soon/1", tmp_path / "texts.txt"),
    ):
        refused = adapt(*command)
        assert refused.exit_code == 1
        assert re.search(message, refused.stderr), refused.stderr
        assert "pip install -U adapt-embed" in refused.stderr
        assert refused.stderr.count("\n") == 1
    assert adapt("rm", "soon").exit_code == 0
