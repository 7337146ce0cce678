"""What a push would send: complete, the same elsewhere, and without a trace of this machine."""

import json
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from adapt_embed.errors import AdapterError, AdaptError
from adapt_embed.publish.check import check_same_vectors
from adapt_embed.publish.folder import Published, is_of_a_version, write_published
from adapt_embed.publish.machine import Machine, this_machine
from adapt_embed.publish.portable import HubName, Names
from adapt_embed.publish.scrub import scrub_file, scrub_json, scrub_text
from adapt_embed.publish.tensor_header import read_header
from adapt_embed.publish.traces import find_traces, refuse_traces
from adapt_embed.references import Resolved, Search, resolve_reference
from adapt_embed.registry import open_registry
from safetensors.torch import load_file, save_file

KINDS = ("法律", "questions", "both", "all", "ranks", "across", "short")
HERE = Machine(folders=("/home/amelie/数据", "/home/amelie"), names=("amelie", "gpu-17"))


@pytest.fixture
def publish(every_kind_once: Path, tmp_path: Path) -> Callable[[str], tuple[Resolved, Published]]:
    """Write a version's published folder."""

    def write(reference: str) -> tuple[Resolved, Published]:
        registry = open_registry(every_kind_once)
        resolved = resolve_reference(reference, Search(registry=registry))
        assert resolved.entry is not None
        names = Names(
            bases={base.sha256: HubName(f"org/{base.name}", "1" * 40) for base in resolved.entry.bases}, machine=this_machine(registry.home)
        )
        return resolved, write_published(resolved, tmp_path / "published" / reference, names, bundle=True)

    return write


@pytest.mark.parametrize("reference", KINDS)
def test_a_folder_of_every_kind_is_complete_and_tells_nothing_of_this_machine(
    reference: str, publish: Callable, every_kind_once: Path, tiny_base: Path
) -> None:
    resolved, published = publish(reference)
    assert find_traces(published.folder, this_machine(every_kind_once)) == []
    whole = "\n".join(path.read_bytes().decode("utf-8", "replace") for path in published.folder.rglob("*") if path.is_file())
    for own in (str(tiny_base), str(tiny_base.parent), str(every_kind_once), str(Path.home()), "/tmp/", "pytest-of"):
        assert own not in whole
    check_same_vectors(resolved, published.folder)
    stored = json.loads((published.folder / "adapt.json").read_text())
    assert stored["places"] == {}
    assert stored["hub"] == []
    assert set(stored["files"]) == {
        path.relative_to(published.folder).as_posix()
        for path in published.folder.rglob("*")
        if path.is_file() and path.name != "adapt.json"
    } | {path for path in stored["files"] if path.endswith("/adapt.json")}
    assert "device" not in stored["config"]
    for config in published.folder.rglob("adapter_config.json"):
        assert json.loads(config.read_text())["base_model_name_or_path"].startswith("org/")


def test_the_registrys_own_folder_does_tell_where_it_was_made(every_kind_once: Path, tiny_base: Path) -> None:
    """Else the test above could not fail."""
    for reference in ("法律/1", "all/1"):
        found = {trace.file for trace in find_traces(every_kind_once / reference, this_machine(every_kind_once))}
        assert {"adapt.json"} <= found
        assert found & {"adapter_config.json", "ensemble.json"}


def test_what_training_tools_left_stays_here(publish: Callable) -> None:
    _, published = publish("法律")
    assert published.left_out == ("trainer_state.json",)
    assert not (published.folder / "trainer_state.json").exists()
    assert is_of_a_version("members/1-法律/1_Pooling/config.json")
    assert is_of_a_version("document/adapter_config.json")
    assert not any(map(is_of_a_version, ("README.md", ".gitattributes", "LICENSE", "images/a.json", "members/1/x.py", "document/run.sh")))


def test_parents_are_no_names_of_another_registry(publish: Callable) -> None:
    _, published = publish("both")
    assert [parent.reference for parent in published.entry.parents] == ["./法律@1", "./med@1"]
    _, published = publish("法律")
    assert published.entry.data is not None
    assert published.entry.data.source == "beir"
    assert all("/tmp" not in note for note in published.entry.data.notes)
    assert published.entry.data.notes[0].endswith("x.jsonl: not used")


def test_what_is_written_with_other_vectors_is_not_sent(publish: Callable) -> None:
    resolved, published = publish("法律")
    weights = published.folder / "adapter_model.safetensors"
    tensors = load_file(weights)
    save_file({name: tensor + torch.finfo(tensor.dtype).eps for name, tensor in tensors.items()}, weights)
    with pytest.raises(AdapterError, match=r"would not be the same elsewhere.*nothing was sent"):
        check_same_vectors(resolved, published.folder)


def test_a_tokenizer_that_reads_otherwise_is_noticed(publish: Callable) -> None:
    resolved, published = publish("法律")
    path = published.folder / "config_sentence_transformers.json"
    entry = published.folder / "adapt.json"
    entry.write_text(entry.read_text().replace('"find: "', '"seek: "'))
    path.write_text(path.read_text().replace("find: ", "seek: "))
    with pytest.raises(AdaptError, match=r"other vectors \(0, as query\)"):
        check_same_vectors(resolved, published.folder)


def test_a_folder_without_a_tokenizer_is_given_the_bases(publish: Callable, every_kind_once: Path, home: Path) -> None:
    shutil.copytree(every_kind_once, home)
    registry = open_registry(home)
    entry = registry.find("法律")
    bare = replace(entry, version=0, files={}, name="bare")

    def write(folder: Path) -> None:
        for name in ("adapter_config.json", "adapter_model.safetensors"):
            shutil.copyfile(home / "法律" / "1" / name, folder / name)

    registry.add(bare, write)
    resolved = resolve_reference("bare", Search(registry=registry))
    names = Names(bases={base.sha256: HubName("org/base", None) for base in entry.bases}, machine=this_machine())
    published = write_published(resolved, home.parent / "bare", names)
    assert {"modules.json", "tokenizer.json", "1_Pooling/config.json", "config_sentence_transformers.json"} <= set(published.entry.files)
    check_same_vectors(resolved, published.folder)


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("/home/amelie/数据/law", "law"),
        ("/home/amelie/law/corpus.jsonl: not used", "corpus.jsonl: not used"),
        ("/data/legal corpus/a.jsonl", "a.jsonl"),
        ("read from /mnt/数据/法律.jsonl, twice", "read from 法律.jsonl, twice"),
        ("file:///home/amelie/x.json", "file://x.json"),
        (r"C:\Users\Amelie\law", "law"),
        ("/opt/known/place", "the sample"),
        ("rent and/or lease: https://example.org/data/law", "rent and/or lease: https://example.org/data/law"),
        ("hf:me/home/x", "hf:me/home/x"),
        ("hub:FiscalNote/billsum", "hub:FiscalNote/billsum"),
        ("./members/1-法律", "./members/1-法律"),
        ("10 m/s", "10 m/s"),
        ("", ""),
    ],
)
def test_a_path_becomes_its_last_part_and_other_text_stays(text: str, plain: str) -> None:
    assert scrub_text(text, {"/opt/known/place": "the sample"}, HERE) == plain
    assert scrub_json({text: [text, 1, None]}, {"/opt/known/place": "the sample"}, HERE) == {plain: [plain, 1, None]}


def test_a_path_before_the_tensors_is_taken_out_and_the_tensors_stay(tmp_path: Path) -> None:
    file = tmp_path / "w.safetensors"
    save_file({"a": torch.arange(5.0)}, file, metadata={"format": "pt", "from": "/home/amelie/run/checkpoint-7"})
    content = scrub_file(file, {}, HERE)
    assert content is not None
    file.write_bytes(content)
    assert read_header(file)["__metadata__"] == {"format": "pt", "from": "checkpoint-7"}
    assert torch.equal(load_file(file)["a"], torch.arange(5.0))
    assert scrub_file(file, {}, HERE) is None


@pytest.mark.parametrize(
    ("name", "content", "what"),
    [
        ("README.md", "trained in /home/amelie/law", "/home/amelie"),
        ("README.md", "by Amelie on a quiet day", "amelie"),
        ("history.json", json.dumps({"log": "host gpu-17"}), "gpu-17"),
        ("history.json", '{"log": "\\u002fhome\\u002famelie\\u002fx"}', "/home/amelie"),
        ("history.json", "{not json /srv/run/1", "/srv/run/1"),
        ("notes.txt", "see D:\\work\\law", "D:\\work\\law"),
        ("tokenizer.json", json.dumps({"vocab": {"/home/amelie/x": 1}}), "/home/amelie"),
        ("data.bin", b"\0\1/home/amelie/x\0", "/home/amelie"),
        ("amelie.txt", "nothing", "amelie"),
        ("history.json", json.dumps({"by": [{"who": "amelie"}]}), "amelie"),
        ("数据.json", json.dumps({"a": "/home/amelie/数据"}, ensure_ascii=True), "/home/amelie/数据"),
    ],
)
def test_a_trace_is_found_wherever_it_stands(tmp_path: Path, name: str, content: str | bytes, what: str) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    found = find_traces(tmp_path, HERE)
    assert any(trace.what.startswith(what) and trace.file == f"sub/{name}" for trace in found), found
    with pytest.raises(AdapterError, match=rf"nothing was sent.*{re.escape(what)}.* in sub/{name}"):
        refuse_traces(tmp_path, HERE)


def test_a_trace_before_the_tensors_is_found(tmp_path: Path) -> None:
    save_file({"a": torch.zeros(2)}, tmp_path / "w.safetensors", metadata={"by": "amelie@gpu-17"})
    assert {trace.what for trace in find_traces(tmp_path, HERE)} == {"amelie", "gpu-17"}


def test_words_and_names_that_stand_there_on_purpose_are_no_traces(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_text(json.dumps({"vocab": {"amelie": 1, "/usr/bin": 2}}))
    (tmp_path / "history.json").write_text(json.dumps({"lora_amelie": 3}))
    (tmp_path / "README.md").write_text("load it from amelie/legal; ameliere; https://huggingface.co/data/x; and/or 3/4")
    assert [trace.what for trace in find_traces(tmp_path, HERE)] == ["amelie"]
    assert find_traces(tmp_path, HERE, allowed={"Amelie"}) == []


def test_this_machine_has_a_home_and_no_name_that_anybody_has() -> None:
    machine = this_machine(Path("/srv/registry"))
    assert scrub_text(f"{Path.home()}/run/x.json", {}, machine) == "x.json"
    assert "/srv/registry" in machine.folders
    assert not {"root", "localhost", "ubuntu"} & set(machine.names)
