"""The folder of an adapter for queries alone: sentence-transformers sends queries through the LoRA and documents through the base."""

import json
import shutil
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from adapt_embed.base import Base, load_base, resolve_base
from adapt_embed.base.metadata import read_metadata
from adapt_embed.base.resolve import BaseOptions
from adapt_embed.base.sentence_files import write_json, write_sentence_files
from adapt_embed.encoders import LoraEncoder
from adapt_embed.errors import AdapterError, BaseError
from adapt_embed.lora import CONFIG, WEIGHTS, LoraFactors, LoraModule, lora_config, write_lora
from adapt_embed.merge import MergeRequest, prepare_merge
from adapt_embed.references import EncoderSettings, LoadedBases, Search, open_encoder, resolve_reference
from adapt_embed.registry import open_registry
from adapt_embed.registry.foreign import Addition, add_folder
from adapt_embed.registry.router_folder import README, write_routes
from adapt_embed.registry.router_notes import ROUTER_NOTES

TEXTS = ["hello world", "", "租客要归还什么？", "water " * 600, "the court and the tenant"]


def factors(seed: int = 0) -> LoraFactors:
    draw = torch.Generator().manual_seed(seed)
    names = [f"encoder.layer.{layer}.attention.self.{kind}" for layer in (0, 1) for kind in ("query", "value")]
    return {name: LoraModule(torch.randn(2, 32, generator=draw), torch.randn(32, 2, generator=draw), 0.25) for name in names}


def bare(folder: Path, base: Path, seed: int = 0) -> Path:
    """Write an adapter as peft would, which says nothing of sides."""
    folder.mkdir()
    write_lora(factors(seed), folder / WEIGHTS, dtype=torch.float32)
    write_json(folder / CONFIG, lora_config(factors(seed), str(base), None))
    return folder


def routed(folder: Path, base: Base) -> Path:
    bare(folder, base.spec.folder)
    write_sentence_files(base, folder)
    write_routes(folder)
    return folder


def plain(folder: Path, base: Base) -> Path:
    """Write the base itself as a model of sentence-transformers."""
    write_sentence_files(base, folder)
    for name in ("config.json", "model.safetensors"):
        shutil.copyfile(base.spec.folder / name, folder / name)
    return folder


def sentence_transformer(folder: Path):
    """Load a folder; that of two routes rests on `SentenceTransformer.load`, which is deprecated and must still be there."""
    from sentence_transformers import SentenceTransformer

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"SentenceTransformer\.load\(\.\.\.\) is deprecated", DeprecationWarning)
        return SentenceTransformer(str(folder), device="cpu", local_files_only=True)


@pytest.mark.parametrize(
    "options", [BaseOptions(), BaseOptions(pooling="mean", query_prompt="", document_prompt="doc: ", max_tokens=64)], ids=["cls", "mean"]
)
@pytest.mark.parametrize("query_tokens", [None, 20])
def test_queries_are_adapts_and_documents_the_bases_bit_for_bit(
    options: BaseOptions, query_tokens: int | None, tiny_base: Path, tmp_path: Path
) -> None:
    base = load_base(resolve_base(str(tiny_base), options=options))
    base.encoding = replace(base.encoding, query_tokens=query_tokens or base.encoding.query_tokens)
    model, alone = sentence_transformer(routed(tmp_path / "out", base)), sentence_transformer(plain(tmp_path / "base", base))
    ours = LoraEncoder(base, factors(), {}, precision="fp32")
    np.testing.assert_allclose(model.encode_query(TEXTS), ours.encode(TEXTS, "query").vectors, atol=1e-6)
    np.testing.assert_allclose(model.encode_document(TEXTS), ours.encode(TEXTS, "document").vectors, atol=1e-6)
    assert np.array_equal(model.encode_document(TEXTS), alone.encode_document(TEXTS))
    assert np.array_equal(model.encode(TEXTS), alone.encode(TEXTS)), "without a task, texts are documents"
    assert not np.allclose(model.encode_query(TEXTS), alone.encode_query(TEXTS), atol=1e-2)


def test_peft_reads_the_root_as_the_lora_that_it_is(loaded_tiny_base: Base, tmp_path: Path) -> None:
    from peft import PeftModel
    from transformers import AutoModel

    folder = routed(tmp_path / "out", loaded_tiny_base)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of peft, on a base without a model card
        model = PeftModel.from_pretrained(AutoModel.from_pretrained(loaded_tiny_base.spec.folder, add_pooling_layer=False), str(folder))
    ids = loaded_tiny_base.tokenizer([loaded_tiny_base.encoding.prompt("query") + "hello world"], return_tensors="pt")
    with torch.inference_mode():
        vector = torch.nn.functional.normalize(model(**ids).last_hidden_state[:, 0], dim=-1).numpy()
    ours = LoraEncoder(loaded_tiny_base, factors(), {}, precision="fp32").encode(["hello world"], "query").vectors
    np.testing.assert_allclose(vector, ours, atol=1e-6)


def test_no_weights_of_the_base_are_inside_and_the_readme_says_what_goes_through(loaded_tiny_base: Base, tmp_path: Path) -> None:
    folder = routed(tmp_path / "out", loaded_tiny_base)
    assert sorted(path.name for path in folder.rglob("*.safetensors")) == [WEIGHTS, WEIGHTS]
    assert (folder / "document" / WEIGHTS).stat().st_size < 2000
    text = (folder / README).read_text(encoding="utf-8")
    for phrase in (
        "encode_query",
        "encode_document",
        "in memory twice",
        "Before each query goes `find: `.",
        "只用于查询",
        *ROUTER_NOTES["en"],
        *ROUTER_NOTES["zh"],
    ):
        assert phrase in text


def test_an_instruction_of_others_stays_text_in_the_readme(tiny_base: Path, tmp_path: Path) -> None:
    base = load_base(resolve_base(str(tiny_base), options=BaseOptions(query_prompt="ask `` {x}\n# Heading: ")))
    text = (routed(tmp_path / "out", base) / README).read_text(encoding="utf-8")
    assert "Before each query goes ``` ask `` {x} # Heading:  ```." in text


def test_the_same_folder_gives_the_same_bytes_and_a_readme_that_is_there_stays(loaded_tiny_base: Base, tmp_path: Path) -> None:
    folder = routed(tmp_path / "out", loaded_tiny_base)
    (folder / README).write_text("mine", encoding="utf-8")
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    write_routes(folder)
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def test_the_documents_base_follows_the_queries(loaded_tiny_base: Base, tmp_path: Path) -> None:
    folder = routed(tmp_path / "out", loaded_tiny_base)
    write_json(folder / CONFIG, json.loads((folder / CONFIG).read_text()) | {"base_model_name_or_path": "me/base", "revision": "abc"})
    write_routes(folder)
    named = json.loads((folder / "document" / CONFIG).read_text())
    assert (named["base_model_name_or_path"], named["revision"]) == ("me/base", "abc")


# Reading such a folder back


def add(folder: Path, **said: str) -> Addition:
    return add_folder(open_registry(), folder, name="law", domain=None, base_reference=None, options=BaseOptions(), **said)  # type: ignore[arg-type]


def test_a_folder_that_is_added_for_queries_alone_gets_its_routes(tiny_base: Path, tmp_path: Path) -> None:
    added = add(bare(tmp_path / "made elsewhere", tiny_base), side="query")
    assert added.entry.side == "query"
    assert {"README.md", "router_config.json", "document/adapter_config.json"} <= added.entry.files.keys()
    model, search = sentence_transformer(added.folder), Search(registry=open_registry())
    law, base = (
        open_encoder(resolve_reference(name, replace(search, base=str(tiny_base))), LoadedBases(EncoderSettings(precision="fp32")))
        for name in ("law", "base")
    )
    np.testing.assert_allclose(model.encode_query(TEXTS), law.encode(TEXTS, "query").vectors, atol=1e-6)
    assert np.array_equal(law.encode(TEXTS).vectors, base.encode(TEXTS).vectors)


def test_a_folder_with_routes_is_for_queries_alone_as_a_reference_and_when_it_is_added(loaded_tiny_base: Base, tmp_path: Path) -> None:
    folder = routed(tmp_path / "out", loaded_tiny_base)
    found = resolve_reference(str(folder), Search(registry=open_registry()))
    assert (found.side, found.description) == ("query", f"adapter for queries alone out on {loaded_tiny_base.spec.name}")
    assert read_metadata(folder).side == "query"
    assert add(folder).entry.side == "query"
    again = open_registry().folder(open_registry().find("law"))
    assert add(again).entry.side == "query", "a version's own folder"


def test_a_version_for_both_can_be_added_for_queries_alone(tiny_base: Path, tmp_path: Path) -> None:
    both = add(bare(tmp_path / "bare", tiny_base))
    assert both.entry.side == "both"
    assert not (both.folder / "router_config.json").exists()
    assert add(both.folder, side="query").entry.side == "query"


def test_a_folder_for_queries_alone_is_not_added_for_both(loaded_tiny_base: Base, tmp_path: Path) -> None:
    folder = routed(tmp_path / "out", loaded_tiny_base)
    with pytest.raises(AdapterError, match=r"for queries alone, as its router_config\.json says; leave --side both out"):
        add(folder, side="both")


def test_routes_that_adapt_does_not_know_are_refused_in_a_line(loaded_tiny_base: Base, tmp_path: Path) -> None:
    folder = routed(tmp_path / "out", loaded_tiny_base)
    moved = bare(tmp_path / "moved", loaded_tiny_base.spec.folder, seed=1)
    routes = (folder / "router_config.json").read_text()
    shutil.copyfile(moved / WEIGHTS, folder / "document" / WEIGHTS)
    shutil.copyfile(moved / CONFIG, folder / "document" / CONFIG)
    with pytest.raises(
        AdapterError, match=r"document changes encoder\.layer\.0.*no adapter with a LoRA for queries and another for documents"
    ):
        add(folder)
    write_json(folder / "document" / CONFIG, lora_config(factors(), "elsewhere", None))
    with pytest.raises(AdapterError, match="through different bases"):
        resolve_reference(str(folder), Search(registry=open_registry()))
    (folder / "router_config.json").write_text(routes.replace('"."', '"query"'))
    with pytest.raises(BaseError, match=r"router_config\.json has routes that adapt does not know"):
        add(folder)
    shutil.rmtree(folder / "document")
    (folder / "router_config.json").write_text(routes)
    with pytest.raises(AdapterError, match=r"document"):
        add(folder)


def test_a_model_with_routes_is_no_base(loaded_tiny_base: Base, tmp_path: Path) -> None:
    folder = routed(tmp_path / "out", loaded_tiny_base)
    plain(tmp_path / "model", loaded_tiny_base)
    shutil.copyfile(folder / "modules.json", tmp_path / "model" / "modules.json")
    with pytest.raises(BaseError, match="a layer of type Router; only Transformer, Pooling, Dense, Normalize, Dropout are supported"):
        resolve_reference(str(tmp_path / "model"), Search(registry=open_registry()))


# Versions that adapt makes


def test_trained_and_merged_versions_load_in_sentence_transformers(train, home: Path, tiny_base: Path) -> None:
    for name in ("law", "health"):
        assert train("--side", "query", "--name", name).exit_code == 0
    registry = open_registry(home)
    assert prepare_merge(MergeRequest(references=("law", "health"), where=Search(registry=registry), name="merged")).run().entry
    alone = sentence_transformer(plain(home / "base", load_base(resolve_base(str(tiny_base)))))
    for name in ("law", "merged"):
        model = sentence_transformer(registry.folder(registry.find(name)))
        ours = open_encoder(resolve_reference(name, Search(registry=registry)), LoadedBases(EncoderSettings(precision="fp32")))
        np.testing.assert_allclose(model.encode_query(TEXTS), ours.encode(TEXTS, "query").vectors, atol=1e-6)
        assert np.array_equal(model.encode_document(TEXTS), alone.encode_document(TEXTS))
    assert registry.verify().problems == ()
