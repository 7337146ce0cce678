"""A sequence-to-sequence model as a function from texts to texts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ...errors import BaseError
from ...hub.names import read_repository
from ...hub.reach import hub_endpoint, hub_is_reachable
from ...hub.snapshots import cached_snapshot, fetch_snapshot
from .settings import Translate

MOST_TOKENS = 256
_BATCH = 16
_FILES = ("*.json", "*.safetensors", "pytorch_model.bin", "*.spm", "*.model", "*.txt")


def load_translator(
    name: str, *, into: str | None = None, source: str | None = None, device: str | None = None, most_tokens: int = MOST_TOKENS
) -> Translate:
    """Load a translation model, such as a Marian one, by the path of its folder or its id on the Hub.

    Args:
        name: The path or id.
        into: Of a model of many languages (NLLB, M2M100, mBART), the code of the one that it writes, as its tokenizer has it.
        source: Likewise of the one that it reads.
        device: As torch names it; None: the best one here.
        most_tokens: Of a text that is read or written; what is longer is truncated.

    Raises:
        BaseError: there is no such model, it is not one from sequences to sequences, or a code is not known.
    """
    import torch
    from transformers import AutoModelForSeq2SeqLM, AutoTokenizer
    from transformers.utils import logging

    from ...encoders.forward import choose_device

    folder = _find(name)
    given: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
    logging.disable_progress_bar()
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, **given)
        model = AutoModelForSeq2SeqLM.from_pretrained(folder, dtype=torch.float32, **given).eval()
    except ImportError as e:
        raise BaseError(f"{name} needs a package that is not installed ({_first_line(e)}); for most: pip install sentencepiece") from e
    except (OSError, ValueError, KeyError, RuntimeError) as e:
        raise BaseError(f"{name} does not load as a translation model: {_first_line(e)}") from e
    where = choose_device(device)
    model.to(where)
    begin = _begin(tokenizer, name, source, into)

    def translate(texts: Sequence[str]) -> list[str]:
        out: list[str] = []
        for start in range(0, len(texts), _BATCH):
            batch = tokenizer(
                list(texts[start : start + _BATCH]), return_tensors="pt", padding=True, truncation=True, max_length=most_tokens
            )
            ids = {key: batch[key].to(where) for key in ("input_ids", "attention_mask")}
            with torch.inference_mode():
                made = model.generate(**ids, num_beams=4, do_sample=False, max_new_tokens=most_tokens, **begin)
            out += [" ".join(text.split()) for text in tokenizer.batch_decode(made, skip_special_tokens=True)]
        return out

    return translate


def _find(name: str) -> Path:
    """Return the folder of a model: one that is there, or of the Hub's cache, or fetched."""
    if (folder := Path(name).expanduser()).is_dir():
        return folder
    if (named := read_repository(name)) is None or folder.exists():
        raise BaseError(f"{name} is not a translation model; expected its folder, or its id on the Hub, such as Helsinki-NLP/opus-mt-en-zh")
    if (found := cached_snapshot(*named, patterns=_FILES)) is not None:
        return found
    if not hub_is_reachable():
        raise BaseError(f"{name} is neither a folder nor in the Hugging Face cache, and {hub_endpoint()} cannot be reached")
    return fetch_snapshot(*named, patterns=_FILES)


def _begin(tokenizer: Any, name: str, source: str | None, into: str | None) -> dict[str, int]:
    """Return what a model of many languages is told of the one that it writes."""
    if source is not None:
        tokenizer.src_lang = source
    if into is None:
        return {}
    token = tokenizer.convert_tokens_to_ids(into)
    if token is None or token == tokenizer.unk_token_id:
        raise BaseError(f"{name} has no language {into!r}; expected a code of its tokenizer, such as eng_Latn or zho_Hans of NLLB")
    return {"forced_bos_token_id": token}


def _first_line(error: BaseException) -> str:
    return next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
