"""`adapt list`, `show`, `rm`, `alias`, `verify` and `add`, through the real command."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from adapt_embed.cli import main
from adapt_embed.lora import LoraModule, write_lora
from adapt_embed.registry import BaseRecord, Entry, ParentRecord, ScoreRecord, base_record, open_registry
from click.testing import CliRunner, Result

BASE = BaseRecord(id="org/base", revision="r1", sha256="a" * 64, path="/bases/base", name="org/base")


def adapt(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def adapt_json(*arguments: object) -> dict:
    result = adapt(*arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def write(folder: Path) -> None:
    (folder / "weights.bin").write_bytes(b"w" * 1500)


@pytest.fixture
def filled() -> None:
    """Two versions of legal with an alias, and a merge of them, in the default registry."""
    registry = open_registry()
    scores = {"dev": ScoreRecord(metric="nDCG@10", before=0.5, after=0.625)}
    draft = Entry(
        kind="adapter",
        name="legal",
        bases=(BASE,),
        domain="legal",
        pooling="cls",
        prompts={"query": "Find: "},
        method="lora",
        scores=scores,
    )
    first = registry.add(draft, write)
    registry.add(draft, write)
    registry.set_alias(first, "best")
    parents = tuple(ParentRecord(reference=f"legal@{number}", sha256="c" * 64, weight=0.5) for number in (1, 2))
    registry.add(Entry(kind="merge", name="both", bases=(BASE,), method="linear", parents=parents), write)


def test_list_says_how_to_begin() -> None:
    result = adapt("list")
    assert result.exit_code == 0
    assert "adapt train --domain legal" in result.stdout


@pytest.mark.usefixtures("filled")
def test_list_shows_one_line_a_version() -> None:
    lines = adapt("list").stdout.splitlines()
    line = next(line for line in lines if line.lstrip().startswith("legal@1"))
    for word in ("best", "org/base", "adapter", "1.5 kB", "nDCG@10 0.500 -> 0.625"):
        assert word in line
    assert [entry["reference"] for entry in adapt_json("list")["entries"]] == ["both@1", "legal@1", "legal@2"]
    assert [entry["reference"] for entry in adapt_json("list", "--domain", "legal")["entries"]] == ["legal@1", "legal@2"]


@pytest.mark.usefixtures("filled")
def test_the_registry_option_names_another_registry(tmp_path: Path) -> None:
    assert adapt_json("list", "--registry", tmp_path)["entries"] == []


@pytest.mark.usefixtures("filled")
def test_show_tells_everything_and_the_lineage() -> None:
    text = adapt("show", "both").stdout
    tree = text.split("lineage\n")[1].splitlines()
    assert tree[0].startswith("both@1  merge, linear")
    assert [line[4:11] for line in tree[1:]] == ["legal@1", "legal@2"]
    assert all("weight 0.5" in line for line in tree[1:])
    shown = adapt_json("show", "legal@best")
    assert shown["reference"] == "legal@1"
    assert shown["children"] == ["both@1"]
    assert Path(shown["folder"], "weights.bin").stat().st_size == 1500
    assert "query: 'Find: '" in adapt("show", "legal@1").stdout


@pytest.mark.usefixtures("filled")
def test_show_of_a_bare_name_tells_of_other_bases() -> None:
    open_registry().add(Entry(kind="adapter", name="legal", bases=(replace(BASE, sha256="b" * 64),)), write)
    assert "on other bases: legal@1, legal@2" in adapt("show", "legal").stderr
    assert adapt("show", "legal@3").stderr == ""


@pytest.mark.usefixtures("filled")
@pytest.mark.parametrize(
    "command", [("show", "nothing"), ("rm", "legal@9"), ("alias", "legal@9", "x"), ("show", "a b"), ("add", "/nowhere")]
)
def test_what_is_not_there_is_one_line_and_exit_code_one(command: tuple[str, ...]) -> None:
    result = adapt(*command)
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: ")
    assert result.stderr.count("\n") == 1
    assert result.stdout == ""


@pytest.mark.usefixtures("filled")
def test_rm_tells_what_it_did() -> None:
    assert "needed by the alias legal@best, both@1" in adapt("rm", "legal@1").stderr
    assert "say which to remove: legal@1, legal@2" in adapt("rm", "legal").stderr
    result = adapt("rm", "legal@1", "--force")
    assert result.stdout.splitlines() == [
        "removed legal@1: 1 file, 1.5 kB",
        "with it the aliases best",
        "made from it, and still there: both@1",
    ]
    assert "legal@1  not in this registry" in adapt("show", "both").stdout
    assert adapt_json("rm", "both") == {"removed": "both@1", "aliases": [], "children": [], "freed_bytes": 1500}


@pytest.mark.usefixtures("filled")
def test_alias_sets_moves_and_removes() -> None:
    assert adapt("alias", "legal@2", "best").stdout == "legal@best names legal@2 (before: legal@1)\n"
    assert adapt_json("alias", "legal", "best", "--remove") == {"reference": None, "alias": "best", "before": "legal@2"}
    assert adapt("show", "legal@best").exit_code == 1
    assert "looks like a version number" in adapt("alias", "legal@2", "v2").stderr


@pytest.mark.usefixtures("filled")
def test_verify_ends_with_one_while_a_problem_is_left() -> None:
    registry = open_registry()
    assert adapt("verify").stdout == "3 versions with 3 files checked: no problems\n"
    (registry.home / ".tmp" / "0123").mkdir()
    found = adapt("verify")
    assert found.exit_code == 1
    assert "leftover: " in found.stdout
    assert adapt_json("verify", "--fix")["problems"][0]["fixed"] == "removed"
    (registry.home / "legal" / "1" / "weights.bin").write_bytes(b"w" * 700)
    truncated = adapt("verify", "--fix")
    assert truncated.exit_code == 1
    assert "weights.bin has 700 bytes, 1,500 were registered" in truncated.stdout


MODULE = "encoder.layer.0.attention.self.query"


@pytest.fixture
def peft_folder(tmp_path: Path, tiny_base: Path) -> Path:
    """A bare PEFT folder for the tiny base, with a hidden file and a checkpoint in it."""
    folder = tmp_path / "found"
    (folder / "checkpoint-10").mkdir(parents=True)
    (folder / "checkpoint-10" / "optimizer.pt").write_bytes(b"x")
    (folder / ".cache").write_text("x")
    (folder / "README.md").write_text("mine")
    write_peft(folder, str(tiny_base), 32)
    return folder


def write_peft(folder: Path, base: str | None, width: int) -> None:
    generator = torch.Generator().manual_seed(0)
    a, b = torch.randn((4, width), generator=generator), torch.randn((width, 4), generator=generator)
    write_lora({MODULE: LoraModule(a, b, 2.0)}, folder / "adapter_model.safetensors", dtype=torch.float32)
    config = {"peft_type": "LORA", "r": 4, "lora_alpha": 8, "target_modules": ["query"], "base_model_name_or_path": base}
    (folder / "adapter_config.json").write_text(json.dumps(config | {"task_type": "FEATURE_EXTRACTION"}))


def test_add_takes_a_peft_folder_and_its_base_from_its_configuration(peft_folder: Path) -> None:
    added = adapt_json("add", peft_folder, "--domain", "legal", "--name", "mine")
    entry = open_registry().find("mine")
    assert added["reference"] == "mine@1"
    assert (entry.domain, entry.rank, entry.targets, entry.pooling, entry.prompts["query"]) == ("legal", 4, ("query",), "cls", "find: ")
    names = set(entry.files)
    assert {"README.md", "adapter_config.json", "adapter_model.safetensors", "modules.json", "1_Pooling/config.json"} <= names
    assert not any("checkpoint" in name or name.startswith(".") for name in names)
    assert Path(added["path"], "README.md").read_text() == "mine"
    assert adapt("verify").exit_code == 0


def test_an_added_folder_gives_the_same_vectors_in_sentence_transformers(peft_folder: Path, tiny_base: Path) -> None:
    from adapt_embed.base import load_base, resolve_base
    from adapt_embed.encoders import LoraEncoder
    from adapt_embed.lora import read_lora
    from sentence_transformers import SentenceTransformer

    path = Path(adapt_json("add", peft_folder)["path"])
    texts = ["a lease of land", "the court", ""]
    ours = LoraEncoder(load_base(resolve_base(str(tiny_base))), read_lora(path), precision="fp32")
    theirs = SentenceTransformer(str(path), device="cpu")
    for role, prompt in (("query", "query"), ("document", "document")):
        assert np.abs(ours.encode(texts, role).vectors - theirs.encode(texts, prompt_name=prompt)).max() < 1e-5


def test_add_refuses_factors_that_do_not_fit_the_base(peft_folder: Path, tiny_base: Path) -> None:
    write_peft(peft_folder, str(tiny_base), 48)
    result = adapt("add", peft_folder)
    assert result.exit_code == 1
    assert f"changes {MODULE} (48, 48), and tiny-base has it as (32, 32); it was made for another base" in result.stderr
    assert open_registry().entries() == []


def test_add_asks_for_a_base_that_is_not_named_or_not_at_hand(peft_folder: Path, tiny_base: Path) -> None:
    write_peft(peft_folder, None, 32)
    assert "names no base; say it with --base" in adapt("add", peft_folder).stderr
    write_peft(peft_folder, "nobody/nothing", 32)
    result = adapt("add", peft_folder)
    assert "was made for 'nobody/nothing', which is not available" in result.stderr
    assert "name its base with --base" in result.stderr
    given = adapt("add", peft_folder, "--base", tiny_base)
    assert "names the base 'nobody/nothing'; recorded on tiny-base, as --base says" in given.stderr
    assert given.exit_code == 0


@pytest.mark.filterwarnings("ignore:Found missing adapter keys")  # the adapter changes one layer of those that its configuration names
@pytest.mark.parametrize("named", ["D:\\models\\base", "/root/autodl-tmp/base", "base", "nobody/nothing", None])
def test_an_added_folder_names_a_base_that_is_found_from_everywhere(
    peft_folder: Path, tiny_base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named: str | None
) -> None:
    write_peft(peft_folder, named, 32)
    before = (peft_folder / "adapter_config.json").read_bytes()
    monkeypatch.chdir(tiny_base.parent)
    path = Path(adapt_json("add", peft_folder, "--base", f"./{tiny_base.name}")["path"])
    monkeypatch.chdir(tmp_path)
    assert_found_from_everywhere(path, tiny_base, before)
    assert (peft_folder / "adapter_config.json").read_bytes() == before
    assert adapt("verify").exit_code == 0


def assert_found_from_everywhere(path: Path, base: Path, before: bytes) -> None:
    from peft import AutoPeftModelForFeatureExtraction
    from sentence_transformers import SentenceTransformer

    text = (path / "adapter_config.json").read_text()
    changed = {"base_model_name_or_path": str(base.resolve()), "revision": None}
    assert json.loads(text) == json.loads(before) | changed
    assert len(text.splitlines()) > 5
    theirs = SentenceTransformer(str(path), device="cpu", local_files_only=True).encode(["a lease of land", "租约"], prompt_name="document")
    lines = path.parent / "texts.txt"
    lines.write_text("a lease of land\n租约\n", encoding="utf-8")
    assert adapt("encode", "found", lines, "--dtype", "fp32", "-o", lines.with_suffix(".npy")).exit_code == 0
    assert (theirs * np.load(lines.with_suffix(".npy"))).sum(1).min() > 0.99999
    for file in path.parent.glob("texts.*"):
        file.unlink()
    AutoPeftModelForFeatureExtraction.from_pretrained(str(path), local_files_only=True)


def test_a_base_that_only_this_directory_or_a_link_leads_to_is_named_by_its_place(
    peft_folder: Path, tiny_base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "link").symlink_to(tiny_base)
    monkeypatch.chdir(tmp_path)
    for named in ("link", str(tmp_path / "link")):
        write_peft(peft_folder, named, 32)
        added = adapt("add", peft_folder, "--json")
        config = json.loads(Path(json.loads(added.stdout)["path"], "adapter_config.json").read_text())
        assert config["base_model_name_or_path"] == str(tiny_base.resolve())
        assert f"names the base {named!r}; adapter_config.json of the registered version names" in added.stderr


def test_a_base_with_a_hub_id_is_named_by_it_and_what_is_not_cached_is_told(
    peft_folder: Path, tiny_base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dataclasses import replace

    from adapt_embed.base import known
    from adapt_embed.base.fingerprint import fingerprint

    entry = replace(known.KNOWN_BASES["bge-small-en"], sha256=fingerprint(tiny_base), dimension=32)
    monkeypatch.setitem(known.KNOWN_BASES, "bge-small-en", entry)
    monkeypatch.setattr(known, "_ALL", tuple(entry if each.alias == entry.alias else each for each in known._ALL))
    (tmp_path / "bge-small-en").symlink_to(tiny_base)
    monkeypatch.setenv("ADAPT_BASES", str(tmp_path))
    write_peft(peft_folder, entry.hub_id.lower(), 32)
    added = adapt("add", peft_folder, "--json")
    config = json.loads(Path(json.loads(added.stdout)["path"], "adapter_config.json").read_text())
    assert (config["base_model_name_or_path"], config["revision"]) == (entry.hub_id, entry.revision)
    assert f"adapt base link {tiny_base.resolve()} --as bge-small-en" in added.stderr
    assert adapt("base", "link", tiny_base, "--as", "bge-small-en").exit_code == 0
    assert "base link" not in adapt("add", peft_folder).stderr


def test_verify_notices_a_base_that_has_gone_and_fix_leaves_its_versions(peft_folder: Path, tiny_base: Path, tmp_path: Path) -> None:
    base = tmp_path / "mine"
    shutil.copytree(tiny_base, base)
    path = Path(adapt_json("add", peft_folder, "--base", base)["path"])
    assert adapt("verify").exit_code == 0
    base.rename(tmp_path / "moved")
    for arguments in ((), ("--fix",)):
        ran = adapt("verify", *arguments)
        assert ran.exit_code == 1
        assert f"base: found@1 lies on mine, which has no Hub id, and its folder {base} no longer exists" in ran.stdout
        assert f"adapt add {path} --name found --base FOLDER" in ran.stdout
    assert path.is_dir()
    anew = Path(adapt_json("add", path, "--name", "found", "--base", tmp_path / "moved")["path"])
    assert json.loads((anew / "adapter_config.json").read_text())["base_model_name_or_path"] == str(tmp_path / "moved")
    assert adapt("rm", "found@1").exit_code == 0
    assert adapt("verify").exit_code == 0


@pytest.mark.parametrize("named", ["D:\\models\\base", "/root/autodl-tmp/base", "base"])
def test_verify_notices_a_configuration_that_names_a_dead_base(peft_folder: Path, tiny_base: Path, named: str | None) -> None:
    """Versions that were added before their configuration was mended."""
    from adapt_embed.base import resolve_base

    write_peft(peft_folder, named, 32)
    draft = Entry(kind="adapter", name="old", bases=(base_record(resolve_base(str(tiny_base)).spec),), pooling="cls", method="lora")
    open_registry().add(
        draft, lambda folder: shutil.copytree(peft_folder, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns(".*")) and None
    )
    ran = adapt("verify")
    assert ran.exit_code == 1
    assert f"base: old@1 names the base {named!r} in its adapter_config.json" in ran.stdout
    assert f"--base {tiny_base.resolve()}" in ran.stdout


def test_a_merge_takes_the_record_of_its_base_that_is_still_there(peft_folder: Path, tiny_base: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(tiny_base, copy)
    for name, base in (("dead", copy), ("alive", tiny_base)):
        adapt_json("add", peft_folder, "--name", name, "--base", base)
    shutil.rmtree(copy)
    adapt_json("merge", "dead", "alive", "--name", "both")
    entry = open_registry().find("both")
    config = json.loads((open_registry().folder(entry) / "adapter_config.json").read_text())
    assert config["base_model_name_or_path"] == entry.bases[0].path == str(tiny_base.resolve())


def test_verify_notices_members_that_have_gone(peft_folder: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    shutil.copytree(peft_folder, elsewhere)
    adapt_json("add", peft_folder, "--name", "one")
    adapt_json("add", peft_folder, "--name", "two")
    adapt_json("ensemble", "one", "two", elsewhere, "base", "--name", "all")
    adapt_json("merge", "one", "two", "--name", "both")
    assert adapt("verify").exit_code == 0
    removed = adapt("rm", "two", "--force").stdout
    assert "the ensemble all@1 cannot be used without it; to remove that too: adapt rm all@1" in removed
    assert "made from it, and still there: both@1" in removed
    shutil.rmtree(elsewhere)
    ran = adapt("verify", "--fix")
    assert ran.exit_code == 1
    problems = [line for line in ran.stdout.splitlines() if line.startswith("member")]
    assert len(problems) == 2
    assert "member: all@1 needs its member two@1, which is no longer in the registry" in problems[0]
    assert f"needs its member {elsewhere}, whose folder no longer exists" in problems[1]
    assert adapt("rm", "all").exit_code == 0
    assert adapt("verify").exit_code == 0


def test_verify_imports_no_torch(peft_folder: Path) -> None:
    import subprocess
    import sys

    adapt_json("add", peft_folder, "--name", "one")
    adapt_json("add", peft_folder, "--name", "two")
    adapt_json("ensemble", "one", "two", "--name", "all")
    code = "import sys; from adapt_embed.registry import open_registry; r = open_registry().verify(); assert r.is_clean; assert 'torch' not in sys.modules"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_version_is_added_again_on_the_base_that_it_records_alone(peft_folder: Path, tiny_base: Path, second_base: Path) -> None:
    path = adapt_json("add", peft_folder, "--name", "one")["path"]
    refused = adapt("add", path, "--name", "two", "--base", second_base)
    assert (refused.exit_code, "was made for a base with weights of sha256" in refused.stderr) == (1, True)
    assert adapt_json("add", path, "--name", "two", "--base", tiny_base)["reference"] == "two@1"


def test_add_refuses_a_truncated_weights_file(peft_folder: Path) -> None:
    weights = peft_folder / "adapter_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-20])
    result = adapt("add", peft_folder)
    assert result.exit_code == 1
    assert "adapter_model.safetensors is damaged" in result.stderr


def test_add_lends_a_base_that_says_nothing_of_its_pooling(peft_folder: Path, tiny_base: Path, tmp_path: Path) -> None:
    silent = tmp_path / "silent"
    shutil.copytree(tiny_base, silent, ignore=shutil.ignore_patterns("1_Pooling"))
    assert "does not say how its vectors are pooled" in adapt("add", peft_folder, "--base", silent).stderr
    added = adapt_json("add", peft_folder, "--base", silent, "--base-as", "bge-small-zh")
    assert open_registry().find_reference(added["reference"]).pooling == "cls"


def test_the_base_fingerprint_is_recorded_and_found_again(peft_folder: Path, tiny_base: Path) -> None:
    from adapt_embed.base import resolve_base

    adapt_json("add", peft_folder)
    sha256 = resolve_base(str(tiny_base)).spec.sha256
    assert open_registry().find("found", None, sha256).bases[0].path == str(tiny_base)
