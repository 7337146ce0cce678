"""The files that make sentence-transformers treat a folder as adapt does: modules, pooling, normalisation, prompts, tokenizer."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from .head import FOLDER, WEIGHTS, dense_files

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from .load import Base

TOKENIZER_PATTERNS = ("tokenizer*", "special_tokens_map.json", "added_tokens.json", "vocab.*", "merges.txt", "*.model")
"""The files that a tokenizer is written as, whatever its kind."""
LENGTH_PATTERN = "sentence_*_config.json"
"""The file that states the maximum length and case; its name was another for each network once."""


def write_sentence_files(base: Base, folder: Path) -> None:
    """Write everything beside the weights: module list, `1_Pooling`, `2_Dense` of a head, normalisation, prompts, maximum length, tokenizer.

    The older spelling of module types and pooling modes is used: sentence-transformers from 2.x to 6.x reads it.
    Source: https://sbert.net/docs/sentence_transformer/usage/custom_models.html
    """
    spec, encoding = base.spec, base.encoding
    pooling = {
        "word_embedding_dimension": spec.dimension,
        "pooling_mode_cls_token": encoding.pooling == "cls",
        "pooling_mode_mean_tokens": encoding.pooling == "mean",
        "pooling_mode_max_tokens": False,
        "pooling_mode_mean_sqrt_len_tokens": False,
        "include_prompt": True,
    }
    prompts = {
        "prompts": encoding.prompts,
        "default_prompt_name": None,
        "similarity_fn_name": "cosine",
    }
    write_modules(folder, modules_of(base.head is not None))
    write_json(folder / "1_Pooling" / "config.json", pooling)
    if base.head is not None:
        config, weights = dense_files(base.head)
        write_json(folder / FOLDER / "config.json", config)
        (folder / FOLDER / WEIGHTS).write_bytes(weights)
    write_json(folder / ("2_Normalize" if base.head is None else "3_Normalize") / "config.json", {})
    write_json(folder / "config_sentence_transformers.json", prompts)
    lengths = {"query_length": encoding.query_tokens, "document_length": encoding.document_tokens}
    differ = {key: length for key, length in lengths.items() if length != encoding.max_tokens}
    sentence = {"max_seq_length": encoding.max_tokens, "do_lower_case": encoding.lowercase} | differ
    write_json(folder / "sentence_bert_config.json", sentence)
    write_tokenizer(base.tokenizer, encoding.max_tokens, folder)


def modules_of(has_head: bool, first: str = "Transformer") -> tuple[str, ...]:
    """Return the kinds of a folder's modules in their order."""
    return (first, "Pooling", *(("Dense",) if has_head else ()), "Normalize")


def write_modules(folder: Path, kinds: Sequence[str]) -> None:
    """Write `modules.json`: modules of these kinds in their order, the first at the folder's root."""
    modules = [
        {"idx": number, "name": str(number), "path": f"{number}_{kind}" if number else "", "type": f"sentence_transformers.models.{kind}"}
        for number, kind in enumerate(kinds)
    ]
    write_json(folder / "modules.json", modules)


def write_tokenizer(tokenizer: PreTrainedTokenizerBase, max_tokens: int, folder: Path) -> None:
    """Write a tokenizer with its class, padding token and maximum length in tokens, and no trace of this machine."""
    tokenizer.save_pretrained(folder)
    write_json(folder / "special_tokens_map.json", tokenizer.special_tokens_map)  # transformers before 5 looks for it
    path = folder / "tokenizer_config.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    local = ("is_local", "local_files_only", "name_or_path")
    write_json(path, {key: value for key, value in config.items() if key not in local} | {"model_max_length": max_tokens})


def pad_right(folder: Path) -> None:
    """Have a tokenizer that was copied pad on the right: on the left, sentence-transformers gives a text in a batch another vector than alone."""
    path = folder / "tokenizer_config.json"
    if path.is_file():
        config = json.loads(path.read_text(encoding="utf-8"))
        if config.get("padding_side") == "left":
            write_json(path, config | {"padding_side": "right"})


def write_json(path: Path, content: object) -> None:
    """Write JSON as people can read it, the folder being made where it is missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
