"""What a base folder says of itself: pooling, prompts and maximum length, in sentence-transformers' own files."""

import json
from dataclasses import dataclass
from pathlib import Path

from ..errors import BaseError
from .known import Pooling

_MODULES = ("Transformer", "Pooling", "Normalize", "Dropout")


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderMetadata:
    """Pooling, instructions and maximum length as a folder states them; None where it is silent."""

    pooling: Pooling | None = None
    query_prompt: str | None = None
    document_prompt: str | None = None
    max_tokens: int | None = None


def read_metadata(folder: Path) -> FolderMetadata:
    """Read `1_Pooling`, the prompts and the maximum length of a base folder.

    Raises:
        BaseError: a file is not JSON, or asks for a pooling other than CLS or mean, or for layers that adapt does not apply.
    """
    _refuse_other_layers(folder)
    prompts = read_json(folder / "config_sentence_transformers.json").get("prompts") or {}
    return FolderMetadata(
        pooling=_pooling(folder),
        query_prompt=prompts.get("query"),
        document_prompt=prompts.get("document", prompts.get("passage")),
        max_tokens=read_json(folder / "sentence_bert_config.json").get("max_seq_length"),
    )


def _refuse_other_layers(folder: Path) -> None:
    """Refuse what would be left out in silence: a dense layer after pooling gives other vectors."""
    for module in read_json_list(folder / "modules.json"):
        kind = str(module.get("type", "")).rsplit(".", 1)[-1]
        if kind not in _MODULES:
            raise BaseError(f"{folder / 'modules.json'} asks for a layer of type {kind}; only {', '.join(_MODULES)} are supported")


def _pooling(folder: Path) -> Pooling | None:
    config = read_json(folder / "1_Pooling" / "config.json")
    if not config:
        return None
    if config.get("include_prompt") is False:
        raise BaseError(f"{folder / '1_Pooling'} leaves the prompt out of the mean (include_prompt false), which is not supported")
    if config.get("pooling_mode") == "cls":
        return "cls"
    if config.get("pooling_mode") == "mean":
        return "mean"
    on = [name for name, value in config.items() if name.startswith("pooling_mode_") and value is True]
    if on == ["pooling_mode_cls_token"]:
        return "cls"
    if on == ["pooling_mode_mean_tokens"]:
        return "mean"
    raise BaseError(
        f"{folder / '1_Pooling'} asks for {config.get('pooling_mode') or on or 'no pooling'}; only CLS and mean pooling are supported"
    )


def read_json(path: Path) -> dict:
    """Read a JSON object; an absent file is an empty one.

    Raises:
        BaseError: the file is there and is no JSON object.
    """
    content = _read(path)
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise BaseError(f"{path} holds a {type(content).__name__}, not a JSON object")
    return content


def read_json_list(path: Path) -> list[dict]:
    """Read a JSON list of objects; an absent file is an empty one.

    Raises:
        BaseError: the file is there and is no such list.
    """
    content = _read(path)
    if content is None:
        return []
    if not isinstance(content, list) or not all(isinstance(each, dict) for each in content):
        raise BaseError(f"{path} is no JSON list of objects")
    return content


def _read(path: Path) -> object:
    if not path.is_file():
        return None
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as e:
        raise BaseError(f"{path} is not valid JSON: {e}") from e
