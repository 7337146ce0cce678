"""The files beside the weights: sentence-transformers makes the same vectors of them as adapt, and older readers know their spelling."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from adapt_embed.base import Base, load_base, resolve_base
from adapt_embed.base.metadata import read_metadata
from adapt_embed.base.resolve import BaseOptions
from adapt_embed.base.sentence_files import write_sentence_files
from adapt_embed.encoders import LoraEncoder

TEXTS = ["hello world", "", "租客要归还什么？", "water " * 600]


def written(base: Base, folder: Path) -> Path:
    """Write the files beside a copy of the base's own weights and configuration."""
    write_sentence_files(base, folder)
    for name in ("config.json", "model.safetensors"):
        shutil.copyfile(base.spec.folder / name, folder / name)
    return folder


def read(folder: Path, name: str) -> dict:
    return json.loads((folder / name).read_text(encoding="utf-8"))


@pytest.mark.parametrize("pooling, query", [("cls", "ask: "), ("mean", "")])
def test_sentence_transformers_gives_the_vectors_of_adapt(tiny_base: Path, tmp_path: Path, pooling: str, query: str) -> None:
    from sentence_transformers import SentenceTransformer

    options = BaseOptions(pooling=pooling, query_prompt=query, max_tokens=64)  # type: ignore[arg-type]
    base = load_base(resolve_base(str(tiny_base), options=options))
    model = SentenceTransformer(str(written(base, tmp_path / "out")), device="cpu", local_files_only=True)
    assert [type(module).__name__ for module in model] == ["Transformer", "Pooling", "Normalize"]
    assert (model.max_seq_length, model.similarity_fn_name, model.prompts) == (64, "cosine", {"query": query, "document": ""})
    ours = LoraEncoder(base, precision="fp32")
    np.testing.assert_allclose(model.encode_query(TEXTS), ours.encode(TEXTS, "query").vectors, atol=1e-5)
    np.testing.assert_allclose(model.encode_document(TEXTS), ours.encode(TEXTS, "document").vectors, atol=1e-5)


def test_what_is_written_is_read_back_as_it_was(loaded_tiny_base: Base, tmp_path: Path) -> None:
    before, again = loaded_tiny_base, resolve_base(str(written(loaded_tiny_base, tmp_path / "out")))
    assert (again.spec.sha256, again.spec.dimension) == (before.spec.sha256, before.spec.dimension)
    assert replace(again.encoding, tokenizer_folder=before.encoding.tokenizer_folder) == before.encoding
    assert read_metadata(tmp_path / "out").pooling == "cls"


def test_the_tokenizer_states_class_padding_and_length_and_no_machine_path(loaded_tiny_base: Base, tmp_path: Path) -> None:
    write_sentence_files(loaded_tiny_base, tmp_path)
    config = read(tmp_path, "tokenizer_config.json")
    assert (config["tokenizer_class"], config["pad_token"], config["model_max_length"]) == ("BertTokenizer", "[PAD]", 512)
    assert read(tmp_path, "special_tokens_map.json")["cls_token"] == "[CLS]"
    backend = read(tmp_path, "tokenizer.json")
    assert (backend["truncation"], backend["padding"]) == (None, None)
    machine = str(loaded_tiny_base.spec.folder.parent)
    assert not [path for path in tmp_path.rglob("*.json") if machine in path.read_text(encoding="utf-8")]


def test_the_spelling_is_the_one_that_all_versions_read(loaded_tiny_base: Base, tmp_path: Path) -> None:
    write_sentence_files(loaded_tiny_base, tmp_path)
    modules = json.loads((tmp_path / "modules.json").read_text())
    assert [(module["path"], module["type"]) for module in modules] == [
        ("", "sentence_transformers.models.Transformer"),
        ("1_Pooling", "sentence_transformers.models.Pooling"),
        ("2_Normalize", "sentence_transformers.models.Normalize"),
    ]
    pooling = read(tmp_path, "1_Pooling/config.json")
    assert (pooling["word_embedding_dimension"], pooling["pooling_mode_cls_token"], pooling["pooling_mode_mean_tokens"]) == (
        32,
        True,
        False,
    )
    assert "pooling_mode" not in pooling, "3.x takes it as a name of its own and fails on both"


def test_the_same_base_gives_the_same_bytes(loaded_tiny_base: Base, tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_sentence_files(loaded_tiny_base, tmp_path / name)
        LoraEncoder(loaded_tiny_base, max_tokens=8).encode(TEXTS)
    files = sorted(path.relative_to(tmp_path / "one") for path in (tmp_path / "one").rglob("*") if path.is_file())
    assert len(files) == 8
    assert all((tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes() for file in files)
