"""A version as one file: the same bytes each time, nothing of this machine in them, and the same version wherever it is taken in."""

import gzip
import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from adapt_embed import disk
from adapt_embed.base import Base
from adapt_embed.base.sentence_files import write_json, write_sentence_files
from adapt_embed.cli import main
from adapt_embed.errors import AdapterError, BaseError, ConfigError, DataError, RegistryError
from adapt_embed.lora import CONFIG, WEIGHTS, LoraModule, lora_config, write_lora
from adapt_embed.publish.archive import layout
from adapt_embed.publish.archive.export_job import ArchiveRequest, prepare_archive
from adapt_embed.publish.archive.import_job import ImportReport, ImportRequest, prepared_import
from adapt_embed.references import EncoderSettings, LoadedBases, Search, open_reference, resolve_reference
from adapt_embed.registry import DataRecord, Entry, Registry, ScoreRecord, base_record, open_registry
from adapt_embed.registry.router_folder import write_routes
from click.testing import CliRunner, Result

MODULE = "encoder.layer.0.attention.self.query"
TEXTS = ["the court", "法律", "who pays the rent?"]


def add_version(registry: Registry, base: Base, name: str, seed: int = 0, **more: Any) -> Entry:
    """Register an adapter with random factors, complete as a trained one is."""
    draw = torch.Generator().manual_seed(seed)
    factors = {MODULE: LoraModule(torch.randn(2, 32, generator=draw), torch.randn(32, 2, generator=draw), 1.0)}
    draft = Entry(
        kind="adapter",
        name=name,
        domain="legal",
        bases=(base_record(base.spec),),
        pooling=base.encoding.pooling,
        prompts=base.encoding.prompts,
        method="lora",
        rank=2,
        data=DataRecord(source=str(Path.home() / "data" / "law.csv"), fingerprint="0" * 64, language="en", counts={"train_pairs": 4}),
        scores={"dev": ScoreRecord(metric="nDCG@10", before=0.5, after=0.6)},
    )

    def write(folder: Path) -> None:
        write_sentence_files(base, folder)
        write_lora(factors, folder / WEIGHTS)
        write_json(folder / CONFIG, lora_config(factors, *base_record(base.spec).loading_name))
        if more.get("side") == "query":
            write_routes(folder)

    return registry.add(replace(draft, **more), write)


@pytest.fixture
def here(loaded_tiny_base: Base) -> Registry:
    """The default registry, with legal@1 and 医疗@1 on the tiny base."""
    registry = open_registry()
    add_version(registry, loaded_tiny_base, "legal", 0)
    add_version(registry, loaded_tiny_base, "医疗", 1, domain="医疗")
    return registry


@pytest.fixture
def there(tmp_path: Path, here: Registry) -> Registry:
    """A registry of another machine, with nothing in it."""
    return Registry(tmp_path / "there")


@pytest.fixture
def both(here: Registry) -> Entry:
    """An ensemble of the two."""
    assert adapt("ensemble", "legal", "医疗", "--mode", "mean", "--weights", "1,3", "--name", "both").exit_code == 0
    return here.find("both")


def adapt(*words: object) -> Result:
    return CliRunner().invoke(main, [str(word) for word in words])


def export(reference: str, output: Path, registry: Registry | None = None) -> Path:
    prepare_archive(ArchiveRequest(reference=reference, output=output, where=Search(registry=registry or open_registry()))).run()
    return output


def take_in(source: Path, registry: Registry, name: str | None = None, base: str | None = None, strict: bool = False) -> ImportReport:
    request = ImportRequest(source=source, name=name, where=Search(registry=registry, base=base), strict=strict)
    with prepared_import(request) as job:
        return job.run()


def vectors(reference: str, registry: Registry, base: Path | None = None) -> np.ndarray:
    resolved = resolve_reference(reference, Search(registry=registry, base=None if base is None else str(base)))
    opened: Any = open_reference(resolved, LoadedBases(EncoderSettings(precision="fp32")))
    return np.concatenate([opened.encode(TEXTS, role).vectors for role in ("query", "document")])


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def tree(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): sha256(path) for path in folder.rglob("*") if path.is_file() and path.name != ".lock"}


def state(registry: Registry) -> dict[str, str]:
    """Every byte of a registry, but for the lock and empty folders."""
    return tree(registry.home) if registry.home.is_dir() else {}


def test_an_archive_has_the_same_bytes_each_time(here: Registry, both: Entry, tmp_path: Path) -> None:
    first = export("both", tmp_path / "a.tar").read_bytes()
    for path in here.home.rglob("*"):
        os.utime(path, (1, 1))
    assert export("both", tmp_path / "b.tar").read_bytes() == first
    packed = export("both", tmp_path / "a.tar.gz").read_bytes()
    assert export("both", tmp_path / "other.tgz").read_bytes() == packed
    assert gzip.decompress(packed) == first
    with tarfile.open(tmp_path / "a.tar") as tar:
        members = tar.getmembers()
    assert [member.name for member in members] == sorted(member.name for member in members)
    assert {(member.mtime, member.uid, member.gid, member.uname, member.gname, member.mode) for member in members} == {
        (0, 0, 0, "", "", 0o644)
    }


def test_what_training_tools_left_in_an_added_folder_is_not_exported(here: Registry, tiny_base: Path, tmp_path: Path) -> None:
    folder = tmp_path / "trainer"
    shutil.copytree(here.folder(here.find("legal")), folder)
    (folder / "adapt.json").unlink()
    (folder / "training_args.bin").write_bytes(str(Path.home()).encode())
    (folder / "LICENSE").write_text("mine")
    result = CliRunner().invoke(main, ["add", str(folder), "--name", "added", "--base", str(tiny_base)])
    assert result.exit_code == 0, result.output
    assert "training_args.bin" in here.find("added").files
    names = {Path(name).name for name in unpacked(export("added", tmp_path / "added.tar"))}
    assert "training_args.bin" not in names
    assert {"LICENSE", WEIGHTS} <= names


def test_an_archive_says_nothing_of_the_machine_it_was_written_on(here: Registry, both: Entry, tiny_base: Path, tmp_path: Path) -> None:
    write_json(here.folder(here.find("legal")) / "notes.json", {"at": str(tiny_base)})
    assert adapt("verify").exit_code == 1  # the note was not registered, and is not exported
    content = export("both", tmp_path / "both.tar").read_bytes() + export("legal", tmp_path / "legal.tar").read_bytes()
    for trace in (str(tiny_base), str(here.home), str(Path.home()), str(tmp_path)):
        assert trace.encode() not in content
    assert b"notes.json" not in content
    assert b"law.csv" in content


@pytest.mark.parametrize("name", [None, "法"])
def test_what_comes_back_is_the_same_version(here: Registry, there: Registry, tiny_base: Path, tmp_path: Path, name: str | None) -> None:
    report = take_in(export("legal", tmp_path / "legal.tar"), there, name, base=str(tiny_base))
    entry, original = report.entry, here.find("legal")
    assert (entry.reference, report.missing) == (f"{name or 'legal'}@1", ())
    for what in ("kind", "side", "domain", "scores", "pooling", "prompts", "rank", "created", "parents", "method"):
        assert getattr(entry, what) == getattr(original, what), what
    assert entry.data is not None
    assert original.data is not None
    assert replace(entry.data, source="") == replace(original.data, source="")
    assert entry.data.source == "law.csv"
    np.testing.assert_array_equal(vectors(entry.reference, there), vectors("legal", here))
    assert there.verify().is_clean
    assert sha256(there.folder(entry) / WEIGHTS) == sha256(here.folder(original) / WEIGHTS)


def test_what_was_taken_in_is_exported_as_the_same_bytes(here: Registry, there: Registry, tiny_base: Path, tmp_path: Path) -> None:
    first = export("医疗", tmp_path / "a.tar")
    take_in(first, there, base=str(tiny_base))
    assert export("医疗", tmp_path / "b.tar", there).read_bytes() == first.read_bytes()


def test_a_version_for_queries_alone_comes_back_with_its_two_routes(
    here: Registry, there: Registry, loaded_tiny_base: Base, tiny_base: Path, tmp_path: Path
) -> None:
    add_version(here, loaded_tiny_base, "asked", 3, side="query")
    first = export("asked", tmp_path / "asked.tar")
    entry = take_in(first, there, base=str(tiny_base)).entry
    assert entry.side == "query"
    np.testing.assert_array_equal(vectors("asked", there), vectors("asked", here))
    for route in ("", "document"):
        config = json.loads((there.folder(entry) / route / CONFIG).read_text())
        assert Path(config["base_model_name_or_path"]).samefile(tiny_base)
    assert export("asked", tmp_path / "again.tar", there).read_bytes() == first.read_bytes()


def test_a_merge_keeps_its_lineage(here: Registry, there: Registry, tiny_base: Path, tmp_path: Path) -> None:
    assert adapt("merge", "legal", "医疗", "--weights", "0.7,0.3", "--name", "merged").exit_code == 0
    entry = take_in(export("merged", tmp_path / "merged.tar"), there, base=str(tiny_base)).entry
    original = here.find("merged").parents
    assert [(each.sha256, each.weight) for each in entry.parents] == [(each.sha256, each.weight) for each in original]
    assert [each.reference for each in entry.parents] == ["./legal@1", "./医疗@1"]  # no version of this registry's
    assert (entry.kind, entry.method, entry.config["energy_kept"]) == ("merge", "linear", here.find("merged").config["energy_kept"])
    np.testing.assert_array_equal(vectors("merged", there), vectors("merged", here))
    assert [each.reference for each in there.entries()] == ["merged@1"]  # a merge needs no parents


def test_an_ensemble_brings_its_members_and_finds_them(
    here: Registry, both: Entry, there: Registry, tiny_base: Path, tmp_path: Path
) -> None:
    archive = export("both", tmp_path / "both.tar")
    report = take_in(archive, there, "zusammen", base=str(tiny_base))
    assert [each.reference for each in report.added] == ["legal@1", "医疗@1", "zusammen@1"]
    np.testing.assert_array_equal(vectors("zusammen", there, tiny_base), vectors("both", here))
    assert there.verify().is_clean


def test_members_that_are_here_are_used_and_others_of_their_name_are_not(
    here: Registry, both: Entry, there: Registry, loaded_tiny_base: Base, tiny_base: Path, tmp_path: Path
) -> None:
    add_version(there, loaded_tiny_base, "legal", 7)  # another legal@1
    take_in(export("医疗", tmp_path / "m.tar"), there, base=str(tiny_base))
    report = take_in(export("both", tmp_path / "both.tar"), there, base=str(tiny_base))
    assert [each.reference for each in report.added] == ["legal@2", "both@1"]
    assert [parent.reference for parent in report.entry.parents] == ["legal@2", "医疗@1"]
    np.testing.assert_array_equal(vectors("both", there, tiny_base), vectors("both", here))


def test_the_same_version_is_not_registered_twice(here: Registry, both: Entry, tmp_path: Path) -> None:
    before = state(here)
    for reference in ("legal", "both"):
        report = take_in(export(reference, tmp_path / f"{reference}.tar"), here)
        assert (report.added, report.same) == ((), here.find(reference))
    assert state(here) == before
    assert adapt("import", tmp_path / "legal.tar", "--name", "legal2", "--json").exit_code == 0
    assert here.find("legal2").version == 1


def test_without_its_base_a_version_is_taken_in_unchecked(here: Registry, there: Registry, second_base: Path, tmp_path: Path) -> None:
    archive = export("legal", tmp_path / "legal.tar")
    with pytest.raises(BaseError, match=r"legal\.tar: its base .* is not on this machine, .* omit --strict"):
        take_in(archive, there, strict=True)
    with pytest.raises(BaseError, match="name the base that it was made for with --base"):
        take_in(archive, there, base=str(second_base))
    assert state(there) == {}
    assert [base.sha256 for base in take_in(archive, there).missing] == [here.find("legal").bases[0].sha256]
    sha256 = here.find("legal").bases[0].sha256
    assert there.find("legal").unchecked == (sha256,)
    assert "adapter, unchecked" in adapt("list", "--registry", there.home).stdout
    with pytest.raises(BaseError, match=r"legal@1 was made for tiny-base"):
        vectors("legal", there)
    assert there.find("legal").unchecked == (sha256,)


def test_what_was_taken_in_unchecked_is_checked_by_its_first_use(
    here: Registry, there: Registry, tiny_base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    take_in(export("legal", tmp_path / "legal.tar"), there)
    monkeypatch.setenv("ADAPT_BASES", str(tiny_base.parent))
    assert np.array_equal(vectors("legal", there), vectors("legal", here))
    assert there.find("legal").unchecked == ()
    assert "unchecked" not in adapt("list", "--registry", there.home).stdout


def test_a_base_in_adapt_bases_is_found_and_named(
    here: Registry, there: Registry, tiny_base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ADAPT_BASES", str(tiny_base.parent))
    entry = take_in(export("legal", tmp_path / "legal.tar"), there, strict=True).entry
    named = json.loads((there.folder(entry) / CONFIG).read_text())["base_model_name_or_path"]
    assert Path(named).samefile(tiny_base)
    np.testing.assert_array_equal(vectors("legal", there), vectors("legal", here))


def test_factors_that_do_not_fit_their_base_are_refused(
    here: Registry, there: Registry, loaded_tiny_base: Base, tiny_base: Path, tmp_path: Path
) -> None:
    factors = {MODULE: LoraModule(torch.ones(2, 16), torch.ones(16, 2), 1.0)}

    def write(folder: Path) -> None:
        write_lora(factors, folder / WEIGHTS)
        write_json(folder / CONFIG, lora_config(factors, "x/y", None))

    here.add(Entry(kind="adapter", name="narrow", bases=(base_record(loaded_tiny_base.spec),)), write)
    archive = export("narrow", tmp_path / "narrow.tar")
    with pytest.raises(AdapterError, match=r"narrow\.tar: .*narrow/1 changes .*query \(16, 16\), and tiny-base has it as \(32, 32\)"):
        take_in(archive, there, base=str(tiny_base))
    assert state(there) == {}


def test_what_is_no_version_of_a_registry_is_not_exported(here: Registry, both: Entry, tiny_base: Path, tmp_path: Path) -> None:
    output = tmp_path / "x.tar"
    with pytest.raises(AdapterError, match="base is not a version"):
        export("base", output)
    with pytest.raises(AdapterError, match="a folder that no registry wrote; register it first: adapt add"):
        export(str(tiny_base), output)
    with pytest.raises(ConfigError, match=r"would be compressed as \.zst; name it \.tar"):
        export("legal", tmp_path / "x.tar.zst")
    assert adapt("ensemble", here.folder(here.find("legal")), "base", "--base", tiny_base, "--name", "loose").exit_code == 0
    assert export("loose", output).is_file()  # by its own record, the folder is that of legal@1
    assert not list(tmp_path.glob(".*"))


def test_a_damaged_file_is_not_exported(here: Registry, both: Entry, tmp_path: Path) -> None:
    (here.folder(here.find("医疗")) / WEIGHTS).write_bytes(b"x")
    with pytest.raises(AdapterError, match=r"(is another than was registered|is damaged)"):
        export("both", tmp_path / "both.tar")
    (here.folder(here.find("legal")) / CONFIG).unlink()
    with pytest.raises(AdapterError, match=r"adapter_config\.json is missing"):
        export("legal", tmp_path / "legal.tar")
    assert not list(tmp_path.iterdir())


def test_a_new_name_that_does_not_fit_beside_another_is_refused_before_the_work(here: Registry, tmp_path: Path) -> None:
    archive = export("legal", tmp_path / "legal.tar")
    for name, why in (("Legal", "only in case"), ("a/b", "is not valid"), ("runs", "is taken")):
        with pytest.raises(RegistryError, match=why):
            take_in(archive, here, name)


def test_an_archive_that_was_packed_anew_by_tar_is_taken_in(here: Registry, there: Registry, tmp_path: Path) -> None:
    export("医疗", tmp_path / "a.tar")
    (tmp_path / "x").mkdir()
    subprocess.run(["tar", "xf", "a.tar", "-C", "x"], cwd=tmp_path, check=True)
    subprocess.run(["tar", "czf", "b.tgz", "-C", "x", "."], cwd=tmp_path, check=True)
    assert take_in(tmp_path / "b.tgz", there).entry.reference == "医疗@1"


@pytest.mark.skipif(not Path("/dev/stdout").exists(), reason="no /dev/stdout here")
def test_an_archive_goes_through_a_pipe(here: Registry, there: Registry, tmp_path: Path) -> None:
    code = "from adapt_embed.cli import main; main()"
    sent = subprocess.run([sys.executable, "-c", code, "export", "legal", "-"], capture_output=True, check=True)
    assert sent.stdout == export("legal", tmp_path / "legal.tar").read_bytes()
    assert b"legal@1: adapter on tiny-base" in sent.stderr
    taken = CliRunner().invoke(main, ["import", "-", "--registry", str(there.home), "--json"], input=sent.stdout)
    assert json.loads(taken.stdout)["reference"] == "legal@1"


def test_the_commands_print_one_object_and_a_dry_run_writes_nothing(here: Registry, both: Entry, there: Registry, tmp_path: Path) -> None:
    output = tmp_path / "both.tar"
    told = json.loads(adapt("export", "both", output, "--dry-run", "--json").stdout)
    assert (told["written"], told["versions"], output.exists()) == (False, ["legal@1", "医疗@1", "both@1"], False)
    assert "both/1/ensemble.json" in told["files"]
    assert json.loads(adapt("export", "both", output, "--json").stdout) == told | {"written": True}
    planned = json.loads(adapt("import", output, "--registry", there.home, "--dry-run", "--json").stdout)
    assert (planned["added"], planned["archived"], planned["unchecked"]) == ([], ["legal@1", "医疗@1", "both@1"], ["tiny-base"])
    assert state(there) == {}
    text = adapt("import", output, "--registry", there.home)
    assert text.stdout.endswith("with it: legal@1, 医疗@1\n")
    assert "note: unchecked: the base tiny-base (sha256 " in text.stderr
    assert "is here already; nothing was added" in adapt("import", output, "--registry", there.home).stdout


@pytest.mark.parametrize(
    "words", [("legal",), ("legal", "x.tar", "--merged", "m"), ("legal", "x.tar", "--int8"), ("legal", "--merged", "m", "--int8")]
)
def test_words_that_exclude_one_another_are_a_usage_error(here: Registry, words: tuple[str, ...]) -> None:
    assert adapt("export", *words).exit_code == 2


def test_a_kill_while_an_ensemble_is_taken_in_leaves_the_registry_as_it_was(
    here: Registry, both: Entry, tiny_base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive, steps = export("both", tmp_path / "both.tar"), []
    monkeypatch.setattr(disk, "FAULT", lambda operation, path: steps.append(f"{operation} {path.name}"))
    take_in(archive, Registry(tmp_path / "measured"), base=str(tiny_base))
    turning = max(number for number, step in enumerate(steps) if step == "rename registry.json")

    class KilledError(BaseException):
        pass

    for stop in range(turning - 12, turning + 1, 2):
        count = iter(range(len(steps)))

        def fault(_operation: str, _path: Path, stop: int = stop, count: Any = count) -> None:
            if next(count, 0) == stop:
                raise KilledError

        there = Registry(tmp_path / f"there-{stop}")
        monkeypatch.setattr(disk, "FAULT", fault)
        with pytest.raises(KilledError):
            take_in(archive, there, base=str(tiny_base))
        monkeypatch.setattr(disk, "FAULT", None)
        assert there.entries() == []
        assert [path for path in state(there) if path != "registry.json"] == []
    assert len(take_in(archive, there, base=str(tiny_base)).added) == 3


def test_an_export_that_fails_leaves_the_old_file(here: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    output = tmp_path / "legal.tar"
    output.write_bytes(b"old")

    def full(operation: str, path: Path) -> None:
        if operation == "fsync":
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(disk, "FAULT", full)
    with pytest.raises(ConfigError, match="No space left"):
        export("legal", output)
    monkeypatch.setattr(disk, "FAULT", None)
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir() if path.is_file()] == [("legal.tar", b"old")]


# archives of somebody who means harm


Change = Callable[[dict[str, bytes]], None]


def unpacked(path: Path) -> dict[str, bytes]:
    with tarfile.open(path) as tar:
        return {member.name: tar.extractfile(member).read() for member in tar.getmembers()}  # type: ignore[union-attr]


def packed(files: dict[str, bytes], path: Path, *more: tuple[tarfile.TarInfo, bytes]) -> Path:
    with tarfile.open(path, "w") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
        for member, content in more:
            tar.addfile(member, io.BytesIO(content))
    return path


def member(name: str, kind: bytes = tarfile.REGTYPE, target: str = "", size: int = 0) -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.type, made.linkname, made.size = kind, target, size
    return made


def refused(archive: Path, registry: Registry) -> str:
    """Take an archive in, which has to fail; return why. The registry's bytes, and what lies beside it, must stay."""
    around = registry.home.parent
    before = tree(around)
    with pytest.raises((DataError, AdapterError)) as e:
        take_in(archive, registry)
    assert tree(around) == before
    assert "\n" not in str(e.value)
    assert str(e.value).startswith(f"{archive}: ")
    return str(e.value)


@pytest.mark.parametrize(
    ("extra", "why"),
    [
        (member("legal/1/x", tarfile.SYMTYPE, "/etc/passwd"), "is a link"),
        (member("legal/1/x", tarfile.LNKTYPE, "legal/1/adapt.json"), "is a link"),
        (member("legal/1/x", tarfile.FIFOTYPE), "is a pipe"),
        (member("legal/1/x", tarfile.CHRTYPE), "is something else"),
        (member("/tmp/escaped"), "is no path of a file inside the archive"),
        (member("../escaped"), "is no path of a file inside the archive"),
        (member("legal/1/../../../escaped"), "is no path of a file inside the archive"),
        (member("legal\\..\\..\\escaped"), "is no path of a file inside the archive"),
        (member("C:escaped"), "is no path of a file inside the archive"),
        (member("legal/1/\x1b[2J"), "is no path of a file inside the archive"),
        (member("legal/1/adapt.json"), "twice, or in two spellings"),
        (member("legal/1/ADAPT.json"), "twice, or in two spellings"),
        (member("legal/1/more.txt"), "holds 'legal/1/more.txt', which no record names"),
        (member("stray.txt"), "holds 'stray.txt', which no record names"),
    ],
    ids=lambda value: repr(value.name) if isinstance(value, tarfile.TarInfo) else "",
)
def test_a_member_that_is_no_plain_file_inside_is_refused(
    here: Registry, there: Registry, tmp_path: Path, extra: tarfile.TarInfo, why: str
) -> None:
    files = unpacked(export("legal", tmp_path / "legal.tar"))
    assert why in refused(packed(files, tmp_path / "bad.tar", (extra, b"")), there)


def test_a_file_with_other_bytes_of_the_same_size_is_refused(here: Registry, there: Registry, tmp_path: Path) -> None:
    files = unpacked(export("legal", tmp_path / "legal.tar"))
    files[f"legal/1/{WEIGHTS}"] = files[f"legal/1/{WEIGHTS}"][:-1] + b"\x01"
    assert "its sha256 differs from the record's" in refused(packed(files, tmp_path / "bad.tar"), there)


def test_a_changed_record_and_a_missing_file_are_refused(here: Registry, there: Registry, tmp_path: Path) -> None:
    files = unpacked(export("legal", tmp_path / "legal.tar"))
    changed = files | {"legal/1/adapt.json": files["legal/1/adapt.json"].replace(b'"nDCG@10"', b'"nDCG@11"')}
    assert "is not the one that adapt-archive.json names" in refused(packed(changed, tmp_path / "a.tar"), there)
    lacking = {name: content for name, content in files.items() if name != f"legal/1/{WEIGHTS}"}
    assert f"it lacks legal/1/{WEIGHTS}" in refused(packed(lacking, tmp_path / "b.tar"), there)
    without = {name: content for name, content in files.items() if name != layout.MANIFEST}
    assert "no archive of adapt: it holds no adapt-archive.json" in refused(packed(without, tmp_path / "c.tar"), there)


def rewritten(files: dict[str, bytes], change: Callable[[dict[str, Any]], Any]) -> dict[str, bytes]:
    """Change the record of the one version, and have the manifest name the new one."""
    record = json.loads(files["legal/1/adapt.json"])
    change(record)
    made = files | {"legal/1/adapt.json": json.dumps(record).encode()}
    manifest = json.loads(files[layout.MANIFEST])
    manifest["versions"][0]["sha256"] = hashlib.sha256(made["legal/1/adapt.json"]).hexdigest()
    return made | {layout.MANIFEST: json.dumps(manifest).encode()}


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda record: record.update(places={"x": "/etc"}), "names places of another machine"),
        (lambda record: record.update(name="../../x"), "is not valid"),
        (lambda record: record.update(name="other"), "is the record of other@1"),
        (lambda record: record.update(format=99), "upgrade with: pip install -U adapt-embed"),
        (lambda record: record.update(kind="map"), "can list, verify and remove, but not use"),
        (lambda record: record.update(surprise=1), "unknown key 'surprise'"),
        (lambda record: record["files"].update({"../x": {"sha256": "0", "size": 1}}), "must be a path inside the folder"),
        (lambda record: record.update(config={"a": "\ud800"}), "cannot be read"),
        (lambda record: record.update(config={"a": float("nan")}), "cannot be read"),
        (lambda record: record.update(config={"search": 7}), "cannot be read"),
        (lambda record: record.update(domain=["x"]), "domain must be a str or null"),
    ],
)
def test_a_record_that_asks_for_more_is_refused(here: Registry, there: Registry, tmp_path: Path, change: Any, why: str) -> None:
    files = unpacked(export("legal", tmp_path / "legal.tar"))
    assert why in refused(packed(rewritten(files, change), tmp_path / "bad.tar"), there)


@pytest.mark.parametrize(
    ("manifest", "why"),
    [
        (b"[]", "states no format"),
        (b"{", "is not JSON"),
        (b"[" * 100_000, "is not JSON"),
        (b'{"format": 9}', "upgrade with"),
        (b'{"format": 1, "versions": []}', "is malformed"),
        (b'{"format": 1, "versions": [{"reference": "../..@1", "sha256": "x"}]}', "is malformed"),
        (b'{"format": 1, "versions": [{"reference": "legal", "sha256": "x"}]}', "is malformed"),
    ],
)
def test_a_malformed_manifest_is_refused(here: Registry, there: Registry, tmp_path: Path, manifest: bytes, why: str) -> None:
    files = unpacked(export("legal", tmp_path / "legal.tar"))
    assert why in refused(packed(files | {layout.MANIFEST: manifest}, tmp_path / "bad.tar"), there)


def test_weights_that_are_not_finite_are_refused(here: Registry, there: Registry, tmp_path: Path) -> None:
    files = unpacked(export("legal", tmp_path / "legal.tar"))
    broken = {MODULE: LoraModule(torch.full((2, 32), float("nan")), torch.ones(32, 2), 1.0)}
    write_lora(broken, tmp_path / "weights")
    content = (tmp_path / "weights").read_bytes()
    name = f"legal/1/{WEIGHTS}"

    def change(record: dict[str, Any]) -> None:
        record["files"][WEIGHTS] = {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content)}

    assert "values that are not finite" in refused(packed(rewritten(files | {name: content}, change), tmp_path / "bad.tar"), there)


def test_too_many_files_and_too_many_bytes_are_refused(
    here: Registry, there: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    many = packed({f"legal/1/{number}": b"" for number in range(layout.MOST_FILES + 1)}, tmp_path / "many.tar")
    assert "more than 2,000 files" in refused(many, there)
    bomb = tmp_path / "bomb.tar.gz"
    bomb.write_bytes(gzip.compress(bytes(3 << 20)))
    monkeypatch.setattr("adapt_embed.publish.archive.unpack.MOST_BYTES", 2 << 20)
    assert "unpacks to more than 2.1 MB" in refused(bomb, there)


def test_a_header_that_claims_to_be_endless_is_not_read(there: Registry, tmp_path: Path) -> None:
    there.home.parent.mkdir(exist_ok=True)
    for kind in (tarfile.XHDTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.XGLTYPE):
        path = tmp_path / "bad.tar"
        path.write_bytes(member("x", kind, size=7 << 30).tobuf(tarfile.GNU_FORMAT) + bytes(1024))
        assert "a header of it is longer than" in refused(path, there)


@pytest.mark.parametrize(
    "content", [b"", b"hello", b"\x1f\x8b\x08rubbish", bytes(2048), b"x" * 2048], ids=["empty", "text", "gzip", "zeros", "letters"]
)
def test_what_is_no_archive_is_refused_in_one_line(there: Registry, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.tar"
    path.write_bytes(content)
    assert "it is not a tar file" in refused(path, there) or "no archive of adapt" in refused(path, there)


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
def test_an_archive_that_was_cut_short_is_refused(here: Registry, there: Registry, tmp_path: Path, share: float) -> None:
    for name in ("legal.tar", "legal.tar.gz"):
        path = export("legal", tmp_path / name)
        content = path.read_bytes()
        path.write_bytes(content[: int(len(content) * share)])
        refused(path, there)


@pytest.mark.parametrize(
    ("reference", "why"),
    [
        ("other@1", "both@1 needs its member other@1, which is not in it"),
        ("/etc", "names other members than its record"),
        ("./members/../../x", "names its member './members/../../x', which is no folder inside it"),
    ],
)
def test_an_ensemble_whose_members_lie_elsewhere_is_refused(
    here: Registry, both: Entry, there: Registry, tmp_path: Path, reference: str, why: str
) -> None:
    files = unpacked(export("both", tmp_path / "both.tar"))
    recipe, record, manifest = (json.loads(files[name]) for name in ("both/1/ensemble.json", "both/1/adapt.json", layout.MANIFEST))
    recipe["members"][0]["reference"] = record["parents"][0]["reference"] = reference
    content = json.dumps(recipe).encode()
    record["files"]["ensemble.json"] = {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content)}
    bad = files | {"both/1/ensemble.json": content, "both/1/adapt.json": json.dumps(record).encode()}
    manifest["versions"][-1]["sha256"] = hashlib.sha256(bad["both/1/adapt.json"]).hexdigest()
    assert why in refused(packed(bad | {layout.MANIFEST: json.dumps(manifest).encode()}, tmp_path / "bad.tar"), there)
