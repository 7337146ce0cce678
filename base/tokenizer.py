"""Load the tokenizer that an encoding names, set to what its folder says of it, and hash what it does."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import BaseError
from .metadata import TOKENIZER_FILES
from .spec import BaseSpec, EncodingSpec

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from transformers import PreTrainedTokenizerBase


def load_tokenizer(spec: BaseSpec, encoding: EncodingSpec) -> PreTrainedTokenizerBase:
    """Load a fast tokenizer from files alone: no code of its folder is run.

    Args:
        spec: The base, whose configuration gives the class of the tokenizer where its own folder does not.
        encoding: Which tokenizer, and what to set of it.

    Raises:
        BaseError: there is none, it does not load, is not a fast one, or has no padding token.
    """
    from transformers import AutoTokenizer

    folder = encoding.tokenizer_folder
    if not any((folder / name).is_file() for name in TOKENIZER_FILES):  # transformers would make an empty one, and every word unknown
        raise BaseError(f"{folder} holds no tokenizer (tokenizer.json, or a vocabulary); copy it there from where the weights came from")
    try:
        tokenizer = AutoTokenizer.from_pretrained(
            folder, config=_network_config(spec, folder), local_files_only=True, trust_remote_code=False, **encoding.tokenizer_options
        )
    except Exception as e:  # transformers raises whatever its readers raise: OSError, ValueError, KeyError, TypeError
        if "trust_remote_code" in str(e):
            raise BaseError(f"the tokenizer in {folder} needs code of its own (auto_map), which adapt does not run") from e
        raise BaseError(f"the tokenizer in {folder} could not be loaded: {next(iter(str(e).splitlines()), type(e).__name__)}") from e
    if not tokenizer.is_fast:
        raise BaseError(f"{folder} has no fast tokenizer (tokenizer.json)")
    if tokenizer.pad_token_id is None:
        raise BaseError(f"the tokenizer in {folder} has no padding token")
    if encoding.lowercase:
        _lowercase_first(tokenizer.backend_tokenizer)
    tokenizer.model_max_length = encoding.max_tokens
    tokenizer.padding_side = "right"  # what is padded on the left would get other positions than it has alone
    return tokenizer


def _network_config(spec: BaseSpec, folder: Path) -> object:
    """Return the network's configuration where an adapter's folder has a tokenizer and no `config.json` that gives its class."""
    from transformers import AutoConfig

    if (folder / "config.json").is_file():
        return None
    return AutoConfig.from_pretrained(spec.folder, local_files_only=True, trust_remote_code=False)


def _lowercase_first(backend: Tokenizer) -> None:
    from tokenizers import normalizers

    normalizer = backend.normalizer
    state = json.dumps(json.loads(backend.to_str())["normalizer"], separators=(",", ":"))
    if '"type":"Lowercase"' not in state and '"lowercase":true' not in state:
        backend.normalizer = normalizers.Sequence([normalizers.Lowercase(), *([normalizer] if normalizer else [])])


def tokenizer_sha256(tokenizer: PreTrainedTokenizerBase) -> str:
    """Return a hash of all that decides about the tokens of a text, but for the length: of two layouts of one tokenizer the same."""
    content = json.loads(tokenizer.backend_tokenizer.to_str())
    for key in ("truncation", "padding", "version"):
        content.pop(key, None)
    decided = [content, tokenizer.truncation_side, tokenizer.pad_token_id]
    return hashlib.sha256(json.dumps(decided, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
