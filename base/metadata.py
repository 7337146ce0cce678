"""What a folder says of how texts go in and vectors come out: pooling, prompts, lengths and tokenising, in sentence-transformers' own files."""

import json
from dataclasses import dataclass, field
from pathlib import Path

from ..choices import Side
from ..errors import BaseError
from .head import HeadSpec, read_head
from .json_files import read_json, read_json_list
from .known import Pooling
from .router import read_side

_MODULES = ("Transformer", "Pooling", "Dense", "Normalize", "Dropout")
_MODULES_OF_ADAPTERS = (*_MODULES, "Router")
SENTENCE_CONFIGS = tuple(
    f"sentence_{kind}_config.json" for kind in ("bert", "roberta", "distilbert", "camembert", "albert", "xlm-roberta", "xlnet")
)
"""The names of the configuration of the Transformer module, in the order in which they are tried; an empty one falls through to the next."""

TOKENIZER_FILES = ("tokenizer.json", "vocab.txt", "vocab.json", "sentencepiece.bpe.model", "spiece.model", "tokenizer.model")
"""A folder with one of these has a tokenizer of its own."""

_NO_LIMIT = 10**18
_NEVER_FROM_A_FOLDER = ("trust_remote_code", "token", "cache_dir", "revision", "subfolder", "local_files_only")
_HARMLESS_MODEL_OPTIONS = (
    "dtype",
    "torch_dtype",
    "attn_implementation",
    "add_pooling_layer",
    "device_map",
    "low_cpu_mem_usage",
    "use_safetensors",
)
_HARMLESS_CONFIG_OPTIONS = (
    "use_cache",
    "return_dict",
    "output_attentions",
    "output_hidden_states",
    "attn_implementation",
    "torch_dtype",
    "dtype",
)
_HARMLESS_TEXT_OPTIONS = ("max_length", "padding", "pad_to_multiple_of", "return_tensors", "return_attention_mask", "return_token_type_ids")


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderMetadata:
    """What a folder states; None where it is silent.

    Attributes:
        folder: Where it lies; None for what was recorded elsewhere.
        pooling: How token states become one vector.
        query_prompt: The instruction before a query.
        document_prompt: The instruction before a document.
        max_tokens: Longest input, as sentence-transformers reads it from a folder of its own.
        tokenizer_max_tokens: The same from a tokenizer alone, in a folder that sentence-transformers did not write.
        query_tokens: Longest query, where that differs.
        document_tokens: Longest document, where that differs.
        lowercase: Whether texts are lower-cased before the tokenizer sees them.
        tokenizer_options: What is given to the tokenizer's class beside its files.
        states_tokenizing: Whether the folder says anything of tokenising, by a tokenizer or a sentence configuration.
        has_tokenizer: Whether it holds a tokenizer.
        side: Which texts an adapter's folder changes.
        head: What maps the pooled vector to another width.
        states_modules: Whether it has a list of modules, so that without a head there is none.
    """

    folder: Path | None = None
    pooling: Pooling | None = None
    query_prompt: str | None = None
    document_prompt: str | None = None
    max_tokens: int | None = None
    tokenizer_max_tokens: int | None = None
    query_tokens: int | None = None
    document_tokens: int | None = None
    lowercase: bool = False
    tokenizer_options: dict[str, object] = field(default_factory=dict)
    states_tokenizing: bool = False
    has_tokenizer: bool = False
    side: Side = "both"
    head: HeadSpec | None = None
    states_modules: bool = False


def read_metadata(folder: Path) -> FolderMetadata:
    """Read what a base's or an adapter's folder says of itself, as sentence-transformers 6.2 reads it.

    Source: `Transformer.load_config` and `Transformer.__init__` of https://github.com/UKPLab/sentence-transformers (v6.2.0).

    Raises:
        BaseError: a file is not JSON, a value does not fit, or something is asked for that adapt does not apply.
    """
    modules = _modules(folder)
    prompts = _prompts(folder)
    where, sentence = _sentence_config(folder)
    options = _tokenizer_options(where, sentence)
    forced = _text_options(where, sentence).get("max_length")  # goes before everything else, for both roles
    stated = forced or options.get("model_max_length") or options.get("max_len") or sentence.get("max_seq_length")
    of_tokenizer = _tokenizer_length(folder)
    has_tokenizer = any((folder / name).is_file() for name in TOKENIZER_FILES)
    return FolderMetadata(
        folder=folder,
        pooling=_pooling(folder / _path_of(modules, "Pooling", "1_Pooling")),
        query_prompt=prompts.get("query"),
        document_prompt=next((prompts[name] for name in ("document", "passage", "corpus") if prompts.get(name)), prompts.get("document")),
        max_tokens=_length(where, "maximum length", stated) or (of_tokenizer if modules else None),
        tokenizer_max_tokens=None if modules or of_tokenizer == _NO_LIMIT else of_tokenizer,
        query_tokens=_length(where, "query_length", forced or sentence.get("query_length")),
        document_tokens=_length(where, "document_length", forced or sentence.get("document_length")),
        lowercase=_flag(where, "do_lower_case", sentence.get("do_lower_case")),
        tokenizer_options={key: value for key, value in options.items() if key not in ("model_max_length", "max_len")},
        states_tokenizing=bool(sentence) or has_tokenizer,
        has_tokenizer=has_tokenizer,
        side=read_side(folder) if any(_kind(module) == "Router" for module in modules) else "both",
        head=read_head(folder, [(_kind(module), str(module.get("path") or "")) for module in modules]),
        states_modules=bool(modules),
    )


def _modules(folder: Path) -> list[dict]:
    """Read the list of modules, and refuse what would be left out in silence: another layer gives other vectors."""
    modules = read_json_list(folder / "modules.json")
    known = _MODULES_OF_ADAPTERS if (folder / "adapter_config.json").is_file() else _MODULES
    for module in modules:
        if _kind(module) not in known:
            raise BaseError(f"{folder / 'modules.json'} asks for a layer of type {_kind(module)}; only {', '.join(_MODULES)} are supported")
    return modules


def _kind(module: dict) -> str:
    return str(module.get("type", "")).rsplit(".", 1)[-1]


def _path_of(modules: list[dict], kind: str, default: str) -> str:
    return next((str(module.get("path") or default) for module in modules if _kind(module) == kind), default)


def _prompts(folder: Path) -> dict[str, str]:
    path = folder / "config_sentence_transformers.json"
    prompts = read_json(path).get("prompts") or {}
    if not isinstance(prompts, dict) or not all(isinstance(text, str | None) for text in prompts.values()):
        raise BaseError(f"{path}: prompts must be an object of texts, found {json.dumps(prompts, ensure_ascii=False)[:80]}")
    return {name: text for name, text in prompts.items() if text is not None}


def _sentence_config(folder: Path) -> tuple[Path, dict]:
    """Return the first sentence configuration that is not empty, and where it lies."""
    for name in SENTENCE_CONFIGS:
        if config := read_json(folder / name):
            _refuse_other_functions(folder / name, config)
            return folder / name, config
    return folder / SENTENCE_CONFIGS[0], {}


def _refuse_other_functions(where: Path, config: dict) -> None:
    """Refuse settings that make another function of the network, and that adapt does not apply."""
    found = [key for key in ("query_expansion", "tokenizer_name_or_path") if config.get(key)]
    if config.get("transformer_task", "feature-extraction") != "feature-extraction":
        found.append("transformer_task")
    for old, new, harmless in (
        ("model_args", "model_kwargs", _HARMLESS_MODEL_OPTIONS),
        ("config_args", "config_kwargs", _HARMLESS_CONFIG_OPTIONS),
    ):
        options = _object(where, old if old in config else new, config)
        found += [f"{new}.{key}" for key, value in options.items() if key not in (*harmless, *_NEVER_FROM_A_FOLDER) and value is not None]
    if found:
        raise BaseError(
            f"{where} sets {found[0]}, which changes what the network computes and is not supported; remove it, or use another base"
        )


def _tokenizer_options(where: Path, config: dict) -> dict[str, object]:
    options = _object(where, "tokenizer_args" if "tokenizer_args" in config else "processor_kwargs", config)
    return {key: value for key, value in options.items() if key not in _NEVER_FROM_A_FOLDER}


def _text_options(where: Path, config: dict) -> dict[str, object]:
    """Return what is given to the tokenizer at each call."""
    by_kind = _object(where, "processing_kwargs", config)
    options = _object(where, "common", by_kind) | _object(where, "text", by_kind)
    odd = [
        key
        for key in options
        if key not in _HARMLESS_TEXT_OPTIONS and not (key == "truncation" and options[key] in (True, "longest_first"))
    ]
    if odd:
        raise BaseError(f"{where} sets processing_kwargs.{odd[0]}, which changes how texts are tokenised and is not supported; remove it")
    return options


def _object(where: Path, key: str, config: dict) -> dict:
    value = config.get(key) or {}
    if not isinstance(value, dict):
        raise BaseError(f"{where}: {key} must be an object, found {json.dumps(value, ensure_ascii=False)[:80]}")
    return value


def _tokenizer_length(folder: Path) -> int | None:
    where = folder / "tokenizer_config.json"
    config = read_json(where)
    return _length(where, "model_max_length", config.get("model_max_length", config.get("max_len")))


def _length(where: Path, what: str, value: object) -> int | None:
    """Check a length in tokens: at least one token between the two special ones. A tokenizer that knows no limit states 1e30."""
    if value is None:
        return None
    if (
        isinstance(value, bool)
        or not isinstance(value, int | float)
        or value != value
        or value < 3
        or (value < _NO_LIMIT and value != int(value))
    ):
        raise BaseError(f"{where}: the {what} is {value!r}; expected a whole number of tokens, 3 or more")
    return int(min(value, _NO_LIMIT))


def _flag(where: Path, key: str, value: object) -> bool:
    if value not in (None, True, False):
        raise BaseError(f"{where}: {key} is {value!r}; expected true or false")
    return bool(value)


def _pooling(folder: Path) -> Pooling | None:
    config = read_json(folder / "config.json")
    if not config:
        return None
    if config.get("include_prompt") is False:
        raise BaseError(f"{folder} excludes the prompt from the mean (include_prompt false), which is not supported")
    if config.get("pooling_mode") == "cls":
        return "cls"
    if config.get("pooling_mode") == "mean":
        return "mean"
    on = [name for name, value in config.items() if name.startswith("pooling_mode_") and value is True]
    if on == ["pooling_mode_cls_token"]:
        return "cls"
    if on == ["pooling_mode_mean_tokens"]:
        return "mean"
    raise BaseError(f"{folder} asks for {config.get('pooling_mode') or on or 'no pooling'}; only CLS and mean pooling are supported")
