"""A sequence-to-sequence model as a function from texts to texts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ...errors import BaseError
from .settings import Translate

MOST_TOKENS = 256
_BATCH = 16


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
        BaseError: there is no such model, it is not one of sequences to sequences, or a code is not known.
    """
    import torch
    from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

    from ...encoders.forward import choose_device

    place = Path(name).expanduser()
    found = str(place) if place.is_dir() else name
    try:
        tokenizer = AutoTokenizer.from_pretrained(found)
        model = AutoModelForSeq2SeqLM.from_pretrained(found, dtype=torch.float32).eval()
    except (OSError, ValueError, KeyError, ImportError, RuntimeError) as e:
        raise BaseError(f"{name} does not load as a translation model: {_first_line(e)}; expected a folder or a Hub id of one") from e
    where = choose_device(device)
    model.to(where)
    begin = _begin(tokenizer, name, source, into)

    def translate(texts: Sequence[str]) -> list[str]:
        out: list[str] = []
        for start in range(0, len(texts), _BATCH):
            batch = tokenizer(list(texts[start : start + _BATCH]), return_tensors="pt", padding=True, truncation=True, max_length=most_tokens)
            given = {key: batch[key].to(where) for key in ("input_ids", "attention_mask")}
            with torch.inference_mode():
                made = model.generate(**given, num_beams=4, do_sample=False, max_new_tokens=most_tokens, **begin)
            out += [" ".join(text.split()) for text in tokenizer.batch_decode(made, skip_special_tokens=True)]
        return out

    return translate


def _begin(tokenizer: object, name: str, source: str | None, into: str | None) -> dict[str, int]:
    """Return what a model of many languages is told of the one that it writes."""
    if source is not None:
        tokenizer.src_lang = source  # type: ignore[attr-defined]
    if into is None:
        return {}
    token = tokenizer.convert_tokens_to_ids(into)  # type: ignore[attr-defined]
    if token is None or token == tokenizer.unk_token_id:  # type: ignore[attr-defined]
        raise BaseError(f"{name} has no language {into!r}; expected a code of its tokenizer, such as eng_Latn or zho_Hans of NLLB")
    return {"forced_bos_token_id": token}


def _first_line(error: BaseException) -> str:
    return next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
