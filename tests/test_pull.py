"""`adapt pull` against a Hub on the loopback: what was pushed comes back whole, and nothing wrong gets into the registry."""

import errno
import hashlib
import json
import os
import pickle
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from adapt_embed.cli import main
from adapt_embed.registry import open_registry
from click.testing import CliRunner, Result
from filelock import FileLock
from safetensors.torch import load_file, save

DOCUMENT = Path(__file__).parent.parent / "docs" / "hub.md"


@pytest.fixture(autouse=True)
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that were waited: none in fact."""
    waited: list[float] = []
    monkeypatch.setattr("time.sleep", waited.append)
    return waited


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, tiny_base: Path) -> Path:
    """Somebody's PEFT LoRA of the tiny base, which lies on the Hub as me/tiny-base."""
    from peft import LoraConfig, get_peft_model
    from transformers import BertModel

    with torch.random.fork_rng():
        torch.manual_seed(3)
        model = get_peft_model(
            BertModel.from_pretrained(tiny_base), LoraConfig(r=4, target_modules=["query", "value"], init_lora_weights=False)
        )
    folder = tmp_path_factory.mktemp("made") / "lora"
    model.save_pretrained(folder)
    return configured(folder, base_model_name_or_path="me/tiny-base")


def configured(folder: Path, **fields: object) -> Path:
    """Change fields of an adapter's configuration."""
    path = folder / "adapter_config.json"
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | fields), encoding="utf-8")
    return folder


@pytest.fixture
def lora(made: Path, tmp_path: Path) -> Path:
    """A copy of it that may be changed."""
    return Path(shutil.copytree(made, tmp_path / "lora"))


@pytest.fixture
def trained(every_kind_once: Path) -> Path:
    """A registry with a version of each kind, which is copied before it is changed."""
    return every_kind_once


@pytest.fixture
def pushed(hub, trained: Path, tiny_on_hub: str, tmp_path: Path) -> Callable[..., str]:
    """Push a version of that registry, and return the commit."""
    home = Path(shutil.copytree(trained, tmp_path / "theirs"))

    def push(reference: str, repo: str, *words: str) -> str:
        ran = adapt(home, "push", reference, repo, "--base-id", tiny_on_hub, "--yes", "--json", *words)
        assert ran.exit_code == 0, ran.output
        return json.loads(ran.stdout)["commit"]

    return push


@pytest.fixture
def cached_base(hub, tiny_on_hub: str) -> str:
    """The tiny base in the Hugging Face cache."""
    from adapt_embed.hub.snapshots import fetch_snapshot

    fetch_snapshot(tiny_on_hub)
    return tiny_on_hub


def adapt(home: Path, *words: object) -> Result:
    return CliRunner().invoke(main, [*map(str, words), "--registry", str(home)])


def pulled(home: Path, *words: object) -> dict:
    ran = adapt(home, "pull", *words, "--json")
    assert ran.exit_code == 0, ran.output
    return json.loads(ran.stdout)


def refused(home: Path, *words: object) -> str:
    """The line that a pull is refused with; the registry is byte for byte as it was."""
    before = snapshot(home)
    ran = adapt(home, "pull", *words)
    assert ran.exit_code == 1, ran.output
    assert snapshot(home) == before
    (line,) = [each for each in ran.stderr.splitlines() if each.startswith("Error: ")]
    assert line.isprintable()
    assert "hf_" not in ran.output
    return line.removeprefix("Error: ")


def snapshot(home: Path) -> dict[str, str]:
    return {
        str(path.relative_to(home)): hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(home.rglob("*")) if path.is_file()
    }


def test_anybodys_lora_becomes_a_version_with_its_bases_encoding(hub, home: Path, lora: Path, cached_base: str, tmp_path: Path) -> None:
    commit = hub.put("you/their-lora", lora).head.oid
    found = pulled(home, "you/their-lora")
    assert (found["reference"], found["revision"], found["unchecked"]) == ("their-lora@1", commit, [])
    entry = json.loads(adapt(home, "show", "their-lora", "--json").stdout)
    assert (entry["pooling"], entry["prompts"]) == ("cls", {"query": "find: ", "document": ""})
    assert entry["hub"] == [{"repository": "you/their-lora", "revision": commit, "how": "pulled"}]
    out = tmp_path / "vectors.npy"
    (tmp_path / "texts.txt").write_text("rent\ncourt\n", encoding="utf-8")
    assert adapt(home, "encode", "their-lora", tmp_path / "texts.txt", "--dtype", "fp32", "-o", out).exit_code == 0
    other = tmp_path / "others.npy"
    assert adapt(home, "encode", lora, tmp_path / "texts.txt", "--dtype", "fp32", "-o", other).exit_code == 0
    assert np.array_equal(np.load(out), np.load(other))


def test_the_same_commit_is_not_registered_twice(hub, home: Path, lora: Path, cached_base: str) -> None:
    hub.put("you/lora", lora)
    pulled(home, "you/lora")
    before = snapshot(home)
    again = pulled(home, "hf:you/lora@main")
    assert (again["reference"], again["already_here"]) == ("lora@1", True)
    assert snapshot(home) == before
    assert len(hub.asked("GET", "you/lora/resolve")) == 3
    assert pulled(home, "you/lora", "--name", "other")["reference"] == "other@1"


def vectors(home: Path, reference: object, tmp_path: Path, *words: str) -> np.ndarray:
    (tmp_path / "texts.txt").write_text("who pays the rent\n法院 court\n" + "school " * 40, encoding="utf-8")
    ran = adapt(home, "encode", reference, tmp_path / "texts.txt", "--dtype", "fp32", "-o", tmp_path / "vectors.npy", *words)
    assert ran.exit_code == 0, ran.output
    return np.load(tmp_path / "vectors.npy")


# What adapt has pushed comes back


@pytest.mark.parametrize("reference", ["法律", "both", "questions"])
def test_a_version_that_was_pushed_comes_back_with_all_that_is_known_of_it(
    reference: str, home: Path, pushed: Callable[..., str], trained: Path, tmp_path: Path, cached_base: str
) -> None:
    commit = pushed(reference, "me/theirs")
    found = pulled(home, "me/theirs")
    assert (found["revision"], found["unchecked"], found["notes"]) == (commit, [], [])
    ours, theirs = open_registry(home).find("theirs"), open_registry(trained).find(reference)
    for name in ("kind", "side", "domain", "pooling", "prompts", "method", "rank", "seed", "scores", "created"):
        assert getattr(ours, name) == getattr(theirs, name), name
    assert [parent.sha256 for parent in ours.parents] == [parent.sha256 for parent in theirs.parents]
    assert (ours.data and ours.data.fingerprint) == (theirs.data and theirs.data.fingerprint)
    for role in ("query", "document"):
        assert np.array_equal(vectors(home, "theirs", tmp_path, "--as", role), vectors(trained, reference, tmp_path, "--as", role))
    assert adapt(home, "verify").exit_code == 0


@pytest.mark.parametrize("words", [(), ("--bundle",)])
def test_an_ensemble_comes_back_with_its_members(
    words: tuple[str, ...], hub, home: Path, pushed: Callable[..., str], trained: Path, tmp_path: Path, cached_base: str
) -> None:
    if not words:
        pushed("法律", "me/first")
        pushed("med", "me/second")
    pushed("all", "me/all", *words)
    found = pulled(home, "me/all")
    assert (found["kind"], found["unchecked"]) == ("ensemble", [])
    assert [entry.reference for entry in open_registry(home).entries()] == ["all@1"]
    hub.fail(".*", "")  # the members lie inside: nothing is asked for any more
    assert np.array_equal(vectors(home, "all", tmp_path), vectors(trained, "all", tmp_path))
    assert adapt(home, "verify").exit_code == 0


def test_update_pulls_a_newer_commit_as_a_new_version_and_says_where_there_is_none(
    hub, home: Path, pushed: Callable[..., str], cached_base: str
) -> None:
    pushed("法律", "me/theirs")
    pulled(home, "me/theirs", "--name", "law")
    assert "the newest commit; nothing is new" in adapt(home, "update", "law").stdout
    newer = pushed("med", "me/theirs")
    ran = json.loads(adapt(home, "update", "law", "--json").stdout)
    assert (ran["reference"], ran["revision"], ran["already_here"]) == ("law@2", newer, False)


@pytest.mark.skipif(not DOCUMENT.is_file(), reason="docs/ is in the repository alone")
def test_a_program_pulls_as_the_document_says(
    hub, home: Path, pushed: Callable[..., str], cached_base: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    commit = pushed("法律", "me/legal", "--tag", "v1")
    monkeypatch.setenv("ADAPT_HOME", str(home))
    found = re.findall(r"^```python\n(.*?)^```$", DOCUMENT.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    (code,) = (each for each in found if "pull_adapter" in each)
    names: dict = {}
    exec(code, names)
    assert capsys.readouterr().out == f"their-legal@1 {commit} ()\n"
    assert names["adapter"].encode_query("rent").shape == (32,)


def test_only_what_lies_on_the_hub_has_an_update(trained: Path) -> None:
    assert "no version of med was pulled from the Hub, or pushed to it; to pull one: adapt pull" in adapt(trained, "update", "med").stderr
    assert "none" in adapt(trained, "update", "none").stderr


def test_a_version_stays_at_the_tag_that_was_asked_for(hub, home: Path, pushed: Callable[..., str], cached_base: str) -> None:
    first = pushed("法律", "me/theirs", "--tag", "v1")
    pushed("med", "me/theirs")
    assert pulled(home, "me/theirs", "--revision", "v1")["revision"] == first
    assert f"at {first[:12]}, which v1 still names; nothing is new" in adapt(home, "update", "theirs").stdout


def test_all_of_an_owner_that_is_tagged_is_pulled_and_what_is_refused_is_told(
    hub, home: Path, pushed: Callable[..., str], lora: Path, cached_base: str
) -> None:
    pushed("法律", "me/one")
    pushed("med", "me/two")
    hub.put("me/untagged", lora)
    hub.put("me/broken", {"README.md": "---\ntags: [adapt]\n---\n"})
    ran = adapt(home, "pull", "--all", "me", "--json")
    result = json.loads(ran.stdout)
    assert [each["repository"] for each in result["pulled"]] == ["me/one", "me/two"]
    assert list(result["refused"]) == ["me/broken"]
    assert ran.exit_code == 1
    hub.fail("GET", "/api/models/me/two", status=500)
    said = adapt(home, "pull", "--all", "me").stdout.splitlines()
    assert said[-2].startswith("me/broken: refused: me/broken is no adapter")
    assert said[-1].startswith(f"me/two: refused: {hub.endpoint} has an error of its own (500)")


def test_a_name_that_is_taken_by_a_version_from_elsewhere_is_told(hub, trained: Path, tmp_path: Path, lora: Path, cached_base: str) -> None:
    home = Path(shutil.copytree(trained, tmp_path / "registry"))
    hub.put("you/med", lora)
    (note,) = pulled(home, "you/med")["notes"]
    assert note == "med has versions that do not come from you/med (med@1); med now means med@2"


# A base that is not here


@pytest.mark.parametrize("is_own", [True, False])
def test_without_its_base_a_version_is_unchecked_until_it_is_used(
    is_own: bool, hub, home: Path, pushed: Callable[..., str], lora: Path, tmp_path: Path, tiny_base: Path
) -> None:
    pushed("法律", "me/one") if is_own else hub.put("me/one", lora)
    found = pulled(home, "me/one")
    assert len(found["unchecked"]) == 1
    assert "unchecked: its base me/tiny-base is not on this machine" in found["notes"][-1]
    assert "adapter, unchecked" in adapt(home, "list").stdout
    assert json.loads(adapt(home, "list", "--json").stdout)["entries"][0]["unchecked"]
    assert not hub.asked("GET", "tiny-base/resolve")
    first = vectors(home, "one", tmp_path)
    assert "unchecked" not in adapt(home, "list").stdout
    assert open_registry(home).find("one").pooling == "cls"
    assert np.array_equal(first, vectors(home, "one", tmp_path))
    assert adapt(home, "verify").exit_code == 0


def test_strict_refuses_a_version_whose_base_is_not_here(hub, home: Path, pushed: Callable[..., str], lora: Path) -> None:
    pushed("法律", "me/one")
    hub.put("you/lora", lora)
    for repo in ("me/one", "you/lora"):
        assert "is not on this machine, so that it cannot be checked; fetch that, or omit --strict" in refused(home, repo, "--strict")
    pulled(home, "me/one")  # unchecked, which the same commit still is
    assert "so that it cannot be checked" in adapt(home, "pull", "me/one", "--strict").stderr


def test_an_unchecked_version_that_does_not_fit_is_refused_when_it_is_used(hub, home: Path, lora: Path, tiny_on_hub: str) -> None:
    wider = {name: torch.zeros(tensor.shape[0] if "lora_B" not in name else 48, tensor.shape[1]) for name, tensor in weights(lora).items()}
    (lora / "adapter_model.safetensors").write_bytes(save(wider, metadata={"format": "pt"}))
    hub.put("you/lora", lora)
    pulled(home, "you/lora")
    ran = adapt(home, "encode", "lora", "--json")
    assert ran.exit_code == 1
    assert "came before its base was here, and does not fit it" in json.loads(ran.stdout)["error"]
    assert "unchecked" in adapt(home, "list").stdout


def test_an_unchecked_ensemble_is_checked_with_its_members(
    hub, home: Path, pushed: Callable[..., str], trained: Path, tmp_path: Path
) -> None:
    pushed("all", "me/all", "--bundle")
    assert len(pulled(home, "me/all")["unchecked"]) == 1
    assert np.array_equal(vectors(home, "all", tmp_path), vectors(trained, "all", tmp_path))
    assert "unchecked" not in adapt(home, "list").stdout


def test_a_merge_of_an_unchecked_version_is_a_use(hub, home: Path, lora: Path, tiny_on_hub: str) -> None:
    hub.put("you/lora", lora)
    pulled(home, "you/lora")
    assert adapt(home, "merge", "lora", "base", "--name", "half").exit_code == 0
    assert "unchecked" not in adapt(home, "list").stdout


# Hostile repositories


def weights(lora: Path) -> dict[str, torch.Tensor]:
    return load_file(lora / "adapter_model.safetensors")


class Harm:
    """Leaves a trace where it is unpickled."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple:
        return (open, (str(self.trace), "w"))


def test_pickled_weights_are_refused_and_not_fetched(hub, home: Path, lora: Path, cached_base: str, tmp_path: Path) -> None:
    (lora / "adapter_model.safetensors").unlink()
    (lora / "adapter_model.bin").write_bytes(pickle.dumps(Harm(tmp_path / "trace")))
    hub.put("you/lora", lora)
    assert "holds its weights in adapter_model.bin alone, pickled, which adapt does not open" in refused(home, "you/lora")
    assert not hub.asked("GET", "you/lora/resolve")
    assert not (tmp_path / "trace").exists()


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"type": "file", "path": "../../escape.json", "size": 2, "oid": "0" * 40}, "a path that leads out of it"),
        ({"type": "symlink", "path": "tokenizer.json", "size": 11, "oid": "0" * 40}, "which is a symlink, not a file"),
    ],
)
def test_a_path_that_leads_out_and_a_link_are_refused(hub, home: Path, lora: Path, cached_base: str, row: dict, words: str) -> None:
    hub.put("you/lora", lora).rows.append(row)
    assert words in refused(home, "you/lora")
    assert not hub.asked("GET", "you/lora/resolve")


def test_a_link_that_git_keeps_as_its_target_is_a_text_that_is_no_json(hub, home: Path, lora: Path, cached_base: str) -> None:
    hub.put("you/lora", lora)
    files = hub.files("you/lora")
    hub.put("you/lora", files | {"adapter_config.json": "/etc/passwd"})
    assert "adapter_config.json cannot be read" in refused(home, "you/lora")


def test_a_header_of_ten_gigabytes_is_refused(hub, home: Path, lora: Path, cached_base: str) -> None:
    (lora / "adapter_model.safetensors").write_bytes((10 << 30).to_bytes(8, "little") + b"{}" * 100)
    hub.put("you/lora", lora)
    assert "adapter_model.safetensors is not a safetensors file: it states a header of 10,737,418,240 bytes" in refused(home, "you/lora")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e38])
def test_weights_that_are_not_finite_are_refused(hub, home: Path, lora: Path, cached_base: str, value: float) -> None:
    broken = weights(lora)
    for tensor in broken.values():
        tensor[0, 0] = value
    (lora / "adapter_model.safetensors").write_bytes(save(broken, metadata={"format": "pt"}))
    hub.put("you/lora", lora)
    assert "not finite" in refused(home, "you/lora")


def test_an_adapter_of_another_base_is_refused(hub, home: Path, lora: Path, cached_base: str) -> None:
    wider = {name: torch.zeros(tensor.shape[0], 48 if "lora_A" in name else tensor.shape[1]) for name, tensor in weights(lora).items()}
    (lora / "adapter_model.safetensors").write_bytes(save(wider, metadata={"format": "pt"}))
    hub.put("you/lora", lora)
    assert "it was made for another base" in refused(home, "you/lora")


def test_a_version_whose_base_has_other_weights_here_is_refused(
    hub, home: Path, pushed: Callable[..., str], second_base: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pushed("法律", "me/one")
    (tmp_path / "bases").mkdir()
    (tmp_path / "bases" / "tiny-base").symlink_to(second_base)
    monkeypatch.setenv("ADAPT_BASES", str(tmp_path / "bases"))
    assert "it was made for me/tiny-base with weights of sha256" in refused(home, "me/one")
    assert "and --base" in refused(home, "me/one", "--base", str(second_base))


def test_control_sequences_in_card_and_record_do_not_reach_the_terminal(
    hub, home: Path, pushed: Callable[..., str], cached_base: str
) -> None:
    pushed("法律", "me/one")
    files = hub.files("me/one")
    record = json.loads(files["adapt.json"])
    record |= {"domain": "le\x1b[2Jgal", "method": "lo\x1b]0;x\x07ra"}
    record["data"]["source"] = "a\x1b[31mb\u202ec"
    hub.put("me/one", files | {"adapt.json": json.dumps(record), "README.md": b"---\ntags: [adapt]\n---\n\x1b[2J\x1b]52;c;x\x07"})
    ran = adapt(home, "pull", "me/one")
    shown = ran.output + adapt(home, "show", "one").output + adapt(home, "list").output
    assert ran.exit_code == 0
    assert not [each for each in shown if not each.isprintable() and each != "\n"]


def test_a_hundred_thousand_files_are_refused_after_a_few_pages(hub, home: Path, lora: Path, cached_base: str) -> None:
    row = {"type": "file", "size": 3, "oid": "0" * 40}
    hub.put("you/lora", lora).rows += [row | {"path": f"{n}.json"} for n in range(100_000)]
    assert "you/lora holds more than 2,000 files, which no adapter has" in refused(home, "you/lora")
    assert len(hub.asked("GET", "you/lora/tree")) == 3


def test_files_of_a_terabyte_are_refused_unfetched(hub, home: Path, lora: Path, cached_base: str) -> None:
    row = {"type": "file", "path": "grams.safetensors", "size": 9, "oid": "0" * 40}
    repo = hub.put("you/lora", lora)
    repo.rows.append(row | {"lfs": {"oid": "0" * 64, "size": 1 << 40, "pointerSize": 9}})
    assert "which no adapter has; at most" in refused(home, "you/lora")
    repo.rows[:] = [row | {"path": "tokenizer.json", "size": 1 << 30}]
    assert "tokenizer.json of you/lora has 1.1 GB" in refused(home, "you/lora")
    assert not hub.asked("GET", "you/lora/resolve")


def test_other_files_are_named_and_not_fetched(hub, home: Path, lora: Path, cached_base: str) -> None:
    for name in ("run.py", "optimizer.pt", "a.yaml", "b.yaml", "c.yaml", "d.yaml", "e.yaml"):
        (lora / name).write_text("x", encoding="utf-8")
    hub.put("you/lora", lora)
    (note,) = pulled(home, "you/lora")["notes"]
    assert note.endswith("files of an adapter are: a.yaml, b.yaml, c.yaml, d.yaml, e.yaml and 2 others")
    assert not hub.asked("GET", "optimizer|run.py|yaml")
    assert not (home / "lora" / "1" / "run.py").exists()


def test_a_record_that_names_what_only_another_machine_has_is_refused(
    hub, home: Path, pushed: Callable[..., str], cached_base: str
) -> None:
    pushed("all", "me/all", "--bundle")
    files = hub.files("me/all")
    recipe = json.loads(files["ensemble.json"])
    for reference, words in (
        ("/etc", "which only the machine knows"),
        ("legal@1", "which only the machine knows"),
        ("./members/../..", "is not in it"),
    ):
        recipe["members"][0]["reference"] = reference
        changed = json.dumps(recipe).encode()
        record = json.loads(files["adapt.json"])
        record["files"]["ensemble.json"] = {"sha256": hashlib.sha256(changed).hexdigest(), "size": len(changed)}
        hub.put("me/all", files | {"ensemble.json": changed, "adapt.json": json.dumps(record)})
        assert words in refused(home, "me/all")


def test_a_file_that_is_not_the_recorded_one_and_a_record_that_is_none_are_refused(
    hub, home: Path, pushed: Callable[..., str], cached_base: str
) -> None:
    pushed("法律", "me/one")
    files = hub.files("me/one")
    hub.put("me/one", files | {"modules.json": "[]"})
    assert "modules.json is another one than its adapt.json names" in refused(home, "me/one")
    hub.put("me/one", files | {"adapt.json": "[" * 100_000})
    assert "its adapt.json cannot be read" in refused(home, "me/one")
    hub.put("me/one", files | {"adapt.json": json.dumps(json.loads(files["adapt.json"]) | {"kind": "map"})})
    assert "can list, verify and remove, but not use" in refused(home, "me/one")
    hub.put("me/one", {path: data for path, data in files.items() if path != "1_Pooling/config.json"})
    assert "it lacks 1_Pooling/config.json" in refused(home, "me/one")


@pytest.mark.parametrize("text", ["[" * 100_000, '{"auto_map": {"AutoTokenizer": ["x--y.Z", null]}, "a": NaN}'])
@pytest.mark.parametrize(
    "path",
    [
        "adapter_config.json",
        "tokenizer.json",
        "tokenizer_config.json",
        "1_Pooling/config.json",
        "sentence_bert_config.json",
        "config_sentence_transformers.json",
        "modules.json",
    ],
)
def test_a_json_file_that_holds_anything_at_all_brings_no_traceback(
    hub, home: Path, lora: Path, cached_base: str, path: str, text: str
) -> None:
    (lora / path).parent.mkdir(exist_ok=True)
    (lora / path).write_text(text, encoding="utf-8")
    hub.put("you/lora", lora)
    ran = adapt(home, "pull", "you/lora")
    assert ran.exit_code in (0, 1)
    assert ran.exit_code == 0 or ran.stderr.startswith("Error: you/lora"), (ran.stderr, ran.exception)


@pytest.mark.parametrize(
    "change",
    [
        {"config": {"a": float("nan")}},
        {"domain": "half \ud800"},
        {"data": {"source": 3}},
        {"created": "never"},
        {"bases": []},
        {"name": "../up"},
        {"files": {"../up": {"sha256": "0", "size": 1}}},
        {"domain": ["x"]},
        {"method": 5},
        {"pooling": ["cls"]},
        {"rank": "16"},
        {"seed": True},
        {"prompts": {"query": 5}},
        {"targets": [{}]},
        {"config": {"search": 7}},
    ],
)
def test_a_record_that_does_not_fit_is_refused(hub, home: Path, pushed: Callable[..., str], cached_base: str, change: dict) -> None:
    pushed("法律", "me/one")
    files = hub.files("me/one")
    hub.put("me/one", files | {"adapt.json": json.dumps(json.loads(files["adapt.json"]) | change)})
    assert "its adapt.json cannot be read" in refused(home, "me/one")


def test_a_pattern_that_takes_for_ever_is_refused(hub, home: Path, lora: Path, cached_base: str) -> None:
    hub.put("you/lora", configured(lora, rank_pattern={"(a+)+b": 4}))
    assert "names modules by a pattern that could take for ever" in refused(home, "you/lora")


# The connection, and the token


def test_a_pull_that_was_cut_goes_on_and_registers_nothing_before_it_is_whole(hub, home: Path, lora: Path, cached_base: str) -> None:
    size = (lora / "adapter_model.safetensors").stat().st_size
    hub.put("you/lora", lora)
    fault = hub.fail("GET", "you/lora/resolve/.*safetensors", cut=1000)
    assert "broke the connection off; run the same command again, which goes on where it was" in refused(home, "you/lora")
    fault.times = 0
    pulled(home, "you/lora")
    asked = hub.asked("GET", "you/lora/resolve/.*safetensors")
    assert [request.headers.get("range") for request in asked] == [None, *(f"bytes={n}-" for n in (1000, 2000, 3000, 4000))]
    assert size > 4000
    assert len(hub.asked("GET", "you/lora/resolve/.*/adapter_config.json")) == 1


def test_wrong_bytes_of_the_right_size_are_refused(hub, home: Path, lora: Path, cached_base: str) -> None:
    hub.put("you/lora", lora)
    hub.fail("GET", "adapter_model.safetensors", flip=True)
    assert "sends another content of adapter_model.safetensors than the Hub states" in refused(home, "you/lora")


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ({"status": 403, "code": "GatedRepo"}, "access to you/lora is granted by its owner alone; ask for it at"),
        ({"status": 404, "code": "RepoNotFound"}, "there is no you/lora on"),
        ({"status": 404, "code": "RevisionNotFound"}, "you/lora has no such branch, tag or commit"),
        ({"status": 401}, "the token is not accepted; log in with: hf auth login"),
        ({"status": 403}, "refuses access (403)"),
        ({"status": 429, "headers": {"Retry-After": "100000"}}, "is asked too often (429); try again later"),
        ({"status": 500}, "has an error of its own (500); try again later"),
        ({"status": 503, "body": "<html>\x1b[2J</html>"}, "has an error of its own (503)"),
        ({"status": 200, "body": "<html>Log in to the hotel's network</html>"}, "answers with something that is no JSON"),
        ({"reset": True}, "broke the connection off"),
    ],
)
def test_every_fault_of_the_hub_is_one_line(hub, home: Path, lora: Path, waits: list[float], fault: dict, words: str) -> None:
    hub.put("you/lora", lora)
    hub.fail("GET", "/api/models/you/lora", **fault)
    assert words in refused(home, "you/lora")
    assert sum(waits) <= 3 * 60


def test_a_wait_is_told_once(hub, home: Path, lora: Path, cached_base: str, waits: list[float]) -> None:
    hub.put("you/lora", lora)
    hub.fail("GET", "you/lora", status=429, headers={"Retry-After": "7"}, times=1)
    ran = adapt(home, "pull", "you/lora")
    assert (ran.exit_code, [wait for wait in waits if wait >= 1]) == (0, [7])  # the index waits for parts of a second
    assert ran.stderr.splitlines() == [f"{hub.endpoint} is asked too often (429); trying again in 7 s (1 of 3)"]


def test_no_network_and_offline_mode_are_told_at_once(hub, home: Path, waits: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    hub.close()
    assert "cannot be reached; check the network, HF_ENDPOINT and the proxy" in refused(home, "you/lora")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert "offline mode is on (HF_HUB_OFFLINE)" in refused(home, "you/lora")
    assert not waits


def test_the_token_goes_to_the_hub_alone_and_stays_out_of_the_registry(
    hub, second_hub, home: Path, lora: Path, cached_base: str, tmp_path: Path
) -> None:
    hub.put("you/lora", lora, private=True)
    hub.files_at = second_hub
    ran = adapt(home, "pull", "you/lora", "--json")
    assert second_hub.asked("GET", "/stored/")
    assert not [request for request in second_hub.requests if request.token]
    assert all(request.token for request in hub.asked("GET", "you/lora"))
    assert b"hf_dummy" not in b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()) + ran.output.encode()


def test_a_cache_that_cannot_be_written_is_one_line(hub, home: Path, lora: Path, cached_base: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from adapt_embed.publish.pull import fetched

    hub.put("you/lora", lora)

    def broken(number: int) -> Callable[..., None]:
        def refuse(*_: object, **__: object) -> None:
            raise OSError(number, os.strerror(number))

        return refuse

    monkeypatch.setattr(fetched, "fetch_files", broken(errno.ENOSPC))
    assert "pulls cannot be written: No space left on device; free some space, or name another folder with ADAPT_CACHE" in refused(
        home, "you/lora"
    )
    monkeypatch.setattr(fetched.FileLock, "acquire", broken(errno.EROFS))
    assert "pulls cannot be written: Read-only file system; " in refused(home, "you/lora")


def test_two_pulls_of_one_repository_at_a_time_do_not_mix(
    hub, home: Path, lora: Path, cached_base: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.put("you/lora", lora)
    hub.fail("GET", "you/lora/resolve", reset=True)
    refused(home, "you/lora")
    (lock,) = (Path(os.environ["ADAPT_CACHE"]) / "pulls").glob("*.lock")
    with FileLock(lock):
        assert "is being pulled by another process" in refused(home, "you/lora")


def test_a_process_of_its_own_asks_the_hub_that_the_environment_names(hub, home: Path) -> None:
    code = "from adapt_embed.cli import main; main()"
    ran = subprocess.run([sys.executable, "-c", code, "pull", "me/none", "--registry", str(home), "--json"], capture_output=True, text=True)
    assert ran.returncode == 1
    assert json.loads(ran.stdout)["error"].startswith(
        f"me/none could not be pulled: there is no me/none on {hub.endpoint}, or it is private"
    )
    assert [request.token for request in hub.requests] == [hub_token(hub)]


def hub_token(hub) -> str:
    return next(token for token, role in hub.tokens.items() if role == "write")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("not-a-repository",), "is not a repository of the Hub; expected OWNER/NAME"),
        (("a/b", "--all", "a"), "name one repository, OWNER/NAME, or with --all an owner"),
        ((), "name one repository"),
        (("--all", "a", "--name", "x"), "--name goes with one repository"),
        (("a/b@v1", "--revision", "v2"), "names a revision already"),
        (("--all", "a/b"), "is not a user or an organisation"),
    ],
)
def test_words_that_contradict_one_another_are_a_usage_error(home: Path, words: tuple[str, ...], said: str) -> None:
    ran = adapt(home, "pull", *words)
    assert (ran.exit_code, said in ran.output) == (2, True)


def test_what_is_no_adapter_is_named(hub, home: Path, tiny_on_hub: str) -> None:
    hub.put("me/notes", {"README.md": "hello"})
    assert "me/tiny-base is a whole model, which is used as a base: --base me/tiny-base" in refused(home, "me/tiny-base")
    assert "me/notes is no adapter: it holds no adapter_config.json" in refused(home, "me/notes")


@pytest.mark.parametrize("left_out", ["adapter_config.json", "adapter_model.safetensors"])
def test_a_record_that_does_not_name_the_weights_is_refused(
    hub, home: Path, pushed: Callable[..., str], cached_base: str, left_out: str
) -> None:
    pushed("法律", "me/one")
    files = hub.files("me/one")
    record = json.loads(files["adapt.json"])
    del record["files"][left_out]
    hub.put("me/one", files | {"adapt.json": json.dumps(record)})
    assert f"its adapt.json does not name {left_out}, without which it cannot be used" in refused(home, "me/one")


def test_parents_of_elsewhere_are_no_versions_of_this_registry(hub, home: Path, pushed: Callable[..., str], cached_base: str) -> None:
    pushed("法律", "me/one")
    files = hub.files("me/one")
    parents = [{"reference": "mine@1", "sha256": "0" * 64, "weight": 1.0}]
    hub.put("me/one", files | {"adapt.json": json.dumps(json.loads(files["adapt.json"]) | {"parents": parents})})
    pulled(home, "me/one", "--name", "theirs")
    assert [parent.reference for parent in open_registry(home).find("theirs").parents] == ["./mine@1"]
