"""Base and adapter as one ordinary model: the same vectors in sentence-transformers, transformers and adapt, checked before it is kept."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from adapt_embed.base import Base
from adapt_embed.base.model_folder import write_model
from adapt_embed.base.sentence_files import write_json, write_sentence_files
from adapt_embed.cli import main
from adapt_embed.errors import AdapterError, ConfigError, RequestError
from adapt_embed.lora import CONFIG, WEIGHTS, LoraModule, lora_config, write_lora
from adapt_embed.publish.model import check
from adapt_embed.publish.model.job import ModelReport, prepare_model
from adapt_embed.publish.model.request import ModelRequest
from adapt_embed.publish.model.samples import long_text, sample_texts
from adapt_embed.references import EncoderSettings, LoadedBases, Search, open_encoder, resolve_reference
from adapt_embed.registry import Entry, base_record, open_registry
from click.testing import CliRunner, Result
from safetensors.torch import load_file, save_file
from sentence_transformers import SentenceTransformer

MODULE = "encoder.layer.0.attention.self.query"
TEXTS = ["the court", "法律和房东", "who pays the rent? " * 400]


def add_version(base: Base, name: str, seed: int = 0, **more: Any) -> Entry:
    draw = torch.Generator().manual_seed(seed)
    factors = {MODULE: LoraModule(torch.randn(2, 32, generator=draw), torch.randn(32, 2, generator=draw), 1.0)}
    draft: dict[str, Any] = {"kind": "adapter", "name": name, "domain": "legal", "bases": (base_record(base.spec),)}
    described = Entry(**draft | {"pooling": base.encoding.pooling, "prompts": base.encoding.prompts} | more)

    def write(folder: Path) -> None:
        write_sentence_files(base, folder)
        write_lora(factors, folder / WEIGHTS)
        write_json(folder / CONFIG, lora_config(factors, *base_record(base.spec).loading_name))

    return open_registry().add(described, write)


@pytest.fixture(autouse=True)
def filled(loaded_tiny_base: Base) -> None:
    """legal@1 and 医疗@1, in the default registry."""
    add_version(loaded_tiny_base, "legal", 0)
    add_version(loaded_tiny_base, "医疗", 1)


def adapt(*words: object) -> Result:
    return CliRunner().invoke(main, [str(word) for word in words])


def export(reference: str, folder: Path, **more: Any) -> ModelReport:
    return prepare_model(ModelRequest(reference=reference, folder=folder, **more)).run()


def vectors(reference: object, role: Any, texts: list[str] = TEXTS) -> np.ndarray:
    resolved = resolve_reference(str(reference), Search(registry=open_registry()))
    return open_encoder(resolved, LoadedBases(EncoderSettings(precision="fp32"))).encode(texts, role).vectors


@pytest.mark.parametrize("role", ["query", "document"])
def test_a_merged_model_gives_the_adapters_vectors_everywhere(tmp_path: Path, role: str) -> None:
    report = export("医疗", tmp_path / "模型")
    assert report.difference is not None
    assert report.difference <= 1e-6
    expected = vectors("医疗", role)
    np.testing.assert_allclose(vectors(tmp_path / "模型", role), expected, rtol=0, atol=1e-6)
    plain = SentenceTransformer(str(tmp_path / "模型"), device="cpu")
    encode = plain.encode_query if role == "query" else plain.encode_document
    np.testing.assert_allclose(encode(TEXTS), expected, rtol=0, atol=1e-6)
    assert not np.allclose(vectors("legal", role), expected, atol=1e-3)


def test_the_base_by_itself_and_a_merge_are_models_too(tmp_path: Path, tiny_base: Path) -> None:
    export("base", tmp_path / "base", where=Search(registry=open_registry(), base=str(tiny_base)))
    own = load_file(tiny_base / "model.safetensors")
    assert all(torch.equal(tensor, own[name]) for name, tensor in load_file(tmp_path / "base" / "model.safetensors").items())
    assert adapt("merge", "legal", "医疗", "--name", "merged").exit_code == 0
    export("merged", tmp_path / "merged")
    np.testing.assert_allclose(vectors(tmp_path / "merged", "query"), vectors("merged", "query"), rtol=0, atol=1e-6)


def test_a_model_says_nothing_of_the_machine_and_what_it_was_made_of(tmp_path: Path, tiny_base: Path, isolation: Path) -> None:
    export("legal", tmp_path / "m")
    for path in (path for path in (tmp_path / "m").rglob("*") if path.is_file()):
        content = path.read_bytes()
        assert not any(trace.encode() in content for trace in (str(tiny_base.parent), str(tmp_path), str(isolation))), path
    text = (tmp_path / "m" / "README.md").read_text(encoding="utf-8")
    assert text.startswith("---\nlibrary_name: sentence-transformers\n")
    assert "the adapter legal@1 for the domain legal" in text
    assert "before each query: 'find: '" in text
    assert "queries alone" not in text.lower()
    config = json.loads((tmp_path / "m" / "config.json").read_text())
    assert (config["architectures"], config["dtype"], config.get("_name_or_path")) == (["BertModel"], "float32", None)


def test_the_model_of_an_adapter_for_queries_alone_says_so(tmp_path: Path, loaded_tiny_base: Base, monkeypatch: pytest.MonkeyPatch) -> None:
    add_version(loaded_tiny_base, "asked", 2, side="query")
    report = export("asked", tmp_path / "m")
    assert report.as_dict()["for"] == "queries"
    assert "**For queries alone.**" in (tmp_path / "m" / "README.md").read_text(encoding="utf-8")
    np.testing.assert_allclose(vectors(tmp_path / "m", "query"), vectors("asked", "query"), rtol=0, atol=1e-6)
    assert "for queries alone: documents are embedded with the base\n" in adapt("export", "asked", "--merged", tmp_path / "n").stdout


def test_the_bench_opens_the_folder(tmp_path: Path, toy_folder: Path) -> None:
    export("legal", tmp_path / "m")
    told = json.loads(adapt("bench", tmp_path / "m", "legal", "--data", toy_folder, "--no-cache", "--json").stdout)
    scores = {score["reference"]: score["metrics"]["nDCG@10"] for score in told["scores"]}
    assert scores[str(tmp_path / "m")] == scores["legal@1"] > 0


def test_a_base_in_half_precision_becomes_a_model_in_float32_without_a_random_pooler(
    tmp_path: Path, tiny_base: Path, loaded_tiny_base: Base
) -> None:
    half = tmp_path / "half"
    shutil.copytree(tiny_base, half)
    tensors = {name: tensor.half() for name, tensor in load_file(half / "model.safetensors").items() if not name.startswith("pooler.")}
    save_file(tensors, half / "model.safetensors", metadata={"format": "pt"})
    export("base", tmp_path / "m", where=Search(registry=open_registry(), base=str(half)))
    written = load_file(tmp_path / "m" / "model.safetensors")
    assert {tensor.dtype for tensor in written.values()} == {torch.float32}
    assert not [name for name in written if name.startswith("pooler.")]


@pytest.mark.parametrize(
    ("mode", "why"),
    [
        ("mean", r"not computed by any one of them; for one network, merge the members \(adapt merge legal@1 医疗@1\) and export that"),
        ("concat", "one behind the other; for one network, merge the members"),
        ("rrf", "it ranks passages, and has no vectors"),
    ],
)
@pytest.mark.parametrize("format_", ["merged", "onnx"])
def test_an_ensemble_is_no_one_model(tmp_path: Path, mode: str, why: str, format_: Any) -> None:
    assert adapt("ensemble", "legal", "医疗", "--mode", mode, "--name", "both").exit_code == 0
    with pytest.raises(AdapterError, match=why):
        export("both", tmp_path / "m", format=format_)
    assert not list(tmp_path.iterdir())


def test_a_folder_with_something_in_it_stays_as_it_is_and_an_empty_one_is_filled(tmp_path: Path) -> None:
    (tmp_path / "m").mkdir()
    export("legal", tmp_path / "m")
    before = {path: path.read_bytes() for path in (tmp_path / "m").rglob("*") if path.is_file()}
    with pytest.raises(ConfigError, match="is not empty, and is left unchanged"):
        export("医疗", tmp_path / "m")
    assert {path: path.read_bytes() for path in (tmp_path / "m").rglob("*") if path.is_file()} == before
    (tmp_path / "file").write_text("x")
    with pytest.raises(ConfigError, match="is not a folder"):
        export("legal", tmp_path / "file")
    with pytest.raises(ConfigError, match="does not exist; make it first"):
        export("legal", tmp_path / "no" / "m")


def test_a_model_with_other_vectors_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def off(base: Base, folder: Path) -> None:
        write_model(base, folder)
        tensors = load_file(folder / "model.safetensors")
        tensors["encoder.layer.0.attention.self.query.weight"] *= 1.01
        save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})

    monkeypatch.setattr("adapt_embed.base.model_folder.write_model", off)
    with pytest.raises(AdapterError, match=r"gives other vectors than legal@1 \(by .*\) and was not kept"):
        export("legal", tmp_path / "m")
    assert not list(tmp_path.iterdir())


def test_an_export_that_is_stopped_leaves_nothing_at_its_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A kill at that moment leaves the folder beside it, which is written first, and no more."""
    seen: list[bool] = []

    def stop(base: Base, folder: Path) -> None:
        write_model(base, folder)
        seen.append((tmp_path / "m").exists())
        raise KeyboardInterrupt

    monkeypatch.setattr("adapt_embed.base.model_folder.write_model", stop)
    with pytest.raises(KeyboardInterrupt):
        export("legal", tmp_path / "m")
    assert (seen, list(tmp_path.iterdir())) == ([False], [])


def test_a_dry_run_writes_nothing_and_both_print_one_object(tmp_path: Path) -> None:
    told = json.loads(adapt("export", "legal", "--merged", tmp_path / "m", "--dry-run", "--json").stdout)
    assert (told["written"], told["files"], told["format"], told["for"]) == (False, {}, "merged", "queries and documents")
    assert not list(tmp_path.iterdir())
    told = json.loads(adapt("export", "legal", "--merged", tmp_path / "m", "--json").stdout)
    assert told["files"]["model.safetensors"] > 100_000
    assert told["largest_difference"] <= 1e-6
    text = adapt("export", "legal", "--merged", tmp_path / "n").stdout
    assert text.startswith("legal@1 on tiny-base as one sentence-transformers model\n")
    assert "checked: the same vectors, " in text


def test_words_that_contradict_one_another_are_a_request_error(tmp_path: Path) -> None:
    for more, why in (
        ({"int8": True}, "--int8 goes with --onnx"),
        ({"format": "onnx", "data": "legal"}, "--data goes with --int8"),
        ({"format": "tflite"}, "unknown format 'tflite'"),
    ):
        with pytest.raises(RequestError, match=why):
            ModelRequest(reference="legal", folder=tmp_path / "m", **more)  # type: ignore[arg-type]


def test_the_texts_of_the_check_are_of_both_languages_and_as_long_as_a_model_reads(loaded_tiny_base: Base) -> None:
    texts = sample_texts()
    assert any(text.isascii() for text in texts)
    assert sum(not text.isascii() for text in texts) > 5
    for tokens in (16, 512, 8192):
        assert len(loaded_tiny_base.tokenizer(long_text(tokens), truncation=False, verbose=False)["input_ids"]) >= tokens
    assert check.TOLERANCE == 1e-6
