"""Names and domains in any script: one spelling, safe as folders, found again however they are typed."""

import json
import unicodedata
from pathlib import Path

import pytest
from adapt_embed import names
from adapt_embed.bench.run.identity import to_name
from adapt_embed.cli import main
from adapt_embed.data.domains import Domain
from adapt_embed.errors import DomainError, RegistryError
from adapt_embed.registry import BaseRecord, Entry, Registry, open_registry, split_reference
from click.testing import CliRunner, Result

BASE = BaseRecord(id="o/base", revision=None, sha256="0" * 64, path="/gone", name="o/base")
COMPOSED, APART = "droit_é", unicodedata.normalize("NFD", "droit_é")


def adapt(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def add(registry: Registry, name: str, domain: str | None = None) -> Entry:
    draft = Entry(kind="adapter", name=name, bases=(BASE,), domain=domain)
    return registry.add(draft, lambda folder: (folder / "weights").write_text("1") and None)


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return open_registry(tmp_path / "registry")


@pytest.mark.parametrize("name", ["法律", "юрист", COMPOSED, "हिन्दी", "العربية", "한국어", "legal.1_x-y", "_x", "2024"])
def test_a_name_in_any_script_names_a_version_and_its_folder(registry: Registry, name: str) -> None:
    entry = add(registry, name)
    assert registry.find_reference(f"{name}@1") == entry
    assert registry.folder(entry) == registry.home / name / "1"
    assert registry.verify().is_clean


def test_accents_typed_apart_find_the_one_name(registry: Registry) -> None:
    assert COMPOSED != APART
    entry = add(registry, APART, domain=APART)
    assert (entry.name, entry.domain) == (COMPOSED, COMPOSED)
    assert add(registry, COMPOSED).version == 2
    registry.set_alias(entry, APART)
    assert registry.find_reference(f"{APART}@{APART}") == registry.find_reference(f"{COMPOSED}@{COMPOSED}") == entry
    assert split_reference(f"{APART}@1") == (COMPOSED, "1")
    assert registry.remove_alias(APART, APART) == 1


@pytest.mark.parametrize(
    "name",
    [
        "a\u200bb",
        "\u202eabc",
        "a\u00adb",
        "a\u2066b",
        "法 律",
        "法/律",
        "法\\律",
        "a:b",
        "a\x00",
        "a\n",
        "\u0301a",
        "\u3164",
        "法律@1",
        "💊",
    ],
)
def test_what_cannot_be_seen_or_be_a_folder_is_refused(name: str) -> None:
    with pytest.raises(RegistryError, match="is not valid"):
        Entry(kind="adapter", name=name, bases=(BASE,))


def test_a_name_is_measured_in_bytes() -> None:
    assert names.is_name("法" * 66)
    assert not names.is_name("法" * 67)
    assert names.is_name("a" * 100)


@pytest.mark.parametrize("name", ["CON", "nul", "com1", "LPT9", "aux.v1", "legal."])
def test_no_new_name_is_one_that_windows_cannot_hold(registry: Registry, name: str) -> None:
    with pytest.raises(RegistryError, match="Windows"):
        add(registry, name)
    assert Entry(kind="adapter", name=name, bases=(BASE,)).name == name  # one that is there already is read


@pytest.mark.parametrize(("first", "second"), [("Юрист", "юрист"), ("É", "é"), ("Straße", "STRASSE")])
def test_names_that_differ_in_case_alone_do_not_stand_side_by_side(registry: Registry, first: str, second: str) -> None:
    add(registry, first)
    with pytest.raises(RegistryError, match="only in case"):
        add(registry, second)


def test_a_folder_whose_disk_spells_accents_apart_is_no_orphan(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    add(registry, COMPOSED)
    glob = Path.glob
    monkeypatch.setattr(Path, "glob", lambda path, pattern: [Path(unicodedata.normalize("NFD", str(each))) for each in glob(path, pattern)])
    monkeypatch.setattr("adapt_embed.registry.verify._leftovers", lambda *_: [])
    assert registry.verify().is_clean


def test_to_mteb_two_chinese_names_are_two() -> None:
    assert to_name("法律@1", "reference") == "法律-1"
    assert to_name("हिन्दी@1", "reference") != to_name("हनद@1", "reference")
    assert to_name("@@", "reference") == "reference"


def test_a_domain_in_any_script_is_listed_found_and_shown(registry: Registry) -> None:
    add(registry, "法律", domain="医院")
    listed = adapt("list", "--domain", "医院", "--registry", registry.home, "--json")
    assert json.loads(listed.stdout)["entries"][0]["domain"] == "医院"
    assert "医院" in adapt("show", "法律", "--registry", registry.home).stdout
    assert Domain(name=APART, description={}).name == COMPOSED
    with pytest.raises(DomainError, match="can be read"):
        Domain(name="a\u200bb", description={})


def test_an_unknown_domain_is_not_listed_in_silence(registry: Registry) -> None:
    add(registry, "法律", domain="医院")
    result = adapt("list", "--domain", "leagl", "--registry", registry.home)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "unknown domain 'leagl'. Did you mean legal?" in result.stderr
    assert "医院" in result.stderr
    assert adapt("list", "--domain", "medical", "--registry", registry.home).exit_code == 0
