"""How texts go into a base, decided in one place: from what the user says, an adapter and the base's folder state, and is known."""

from dataclasses import dataclass
from typing import TypeVar, get_args

from ..errors import BaseError, unknown_name
from .head import HeadSpec
from .known import KNOWN_BASES, KnownBase, Language, Pooling, known_base
from .metadata import FolderMetadata, read_metadata
from .spec import BaseSpec, EncodingSpec

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseOptions:
    """What the user states of a base beside its name; None: the base itself decides.

    `settings_of` is the alias of a known base whose pooling, instruction and maximum length are used (`--base-as`).
    """

    settings_of: str | None = None
    pooling: Pooling | None = None
    query_prompt: str | None = None
    document_prompt: str | None = None
    max_tokens: int | None = None
    language: Language | None = None

    def __post_init__(self) -> None:
        if self.settings_of is not None:
            known_base(self.settings_of)
        if self.pooling is not None and self.pooling not in get_args(Pooling):
            raise BaseError(unknown_name("pooling", self.pooling, get_args(Pooling)))
        if self.max_tokens is not None and self.max_tokens < 8:
            raise BaseError(f"the maximum length is {self.max_tokens} tokens; at least 8 are needed")


def encoding_of(spec: BaseSpec, options: BaseOptions | None = None, made_with: FolderMetadata | None = None) -> EncodingSpec:
    """Decide how texts go into a base and vectors come out.

    The first that says something decides: the user, an adapter on the base, the known base that it is taken for, the base's folder.
    A known base that the user names (`--base-as`) goes before the adapter.

    Args:
        spec: The base.
        options: What the user states.
        made_with: What an adapter on it was made with, as its folder or its entry states it.

    Raises:
        BaseError: the folder's metadata are malformed or ask for what adapt does not apply, or nothing says how vectors are pooled.
    """
    options, own = options or BaseOptions(), read_metadata(spec.folder)
    known = KNOWN_BASES[spec.taken_for] if spec.taken_for else None
    like = known_base(options.settings_of) if options.settings_of else known
    made = made_with if made_with is not None and options.settings_of is None else FolderMetadata()
    tokenizing = made_with if made_with is not None and made_with.states_tokenizing else own
    lengths = _lengths(options, made, own, like, spec.positions)
    return EncodingSpec(
        pooling=_pooling(spec, options.pooling or made.pooling or (like.pooling if like else None) or own.pooling),
        query_prompt=first_stated(options.query_prompt, made.query_prompt, like.query_prompt if like else None, own.query_prompt, ""),
        document_prompt=first_stated(options.document_prompt, made.document_prompt, own.document_prompt, ""),
        max_tokens=lengths.text,
        query_tokens=lengths.query,
        document_tokens=lengths.document,
        lowercase=tokenizing.lowercase,
        tokenizer_folder=(tokenizing.folder if tokenizing.has_tokenizer and tokenizing.folder else spec.folder).resolve(),
        tokenizer_options=tokenizing.tokenizer_options,
        head=_head(spec, own if made_with is None or not made_with.states_modules else made_with),
    )


def _head(spec: BaseSpec, stated: FolderMetadata) -> HeadSpec | None:
    """Return the head of what lists its modules: an adapter's own, with which it was trained, else the base's."""
    if stated.head is not None and stated.head.inputs != spec.dimension:
        raise BaseError(
            f"{stated.folder} has a projection head of {stated.head.inputs} numbers, and {spec.name} gives {spec.dimension}; "
            "it was made for another base"
        )
    return stated.head


def _pooling(spec: BaseSpec, pooling: Pooling | None) -> Pooling:
    if pooling is None:
        raise BaseError(
            f"{spec.folder} does not say how its vectors are pooled (no 1_Pooling, and its weights are not known): use the "
            f"settings of a known base with --base-as ALIAS ({', '.join(KNOWN_BASES)}), or give --pooling cls or mean"
        )
    return pooling


@dataclass(frozen=True, slots=True)
class _Lengths:
    """The longest input in tokens: of a text without a role, of a query, of a document."""

    text: int
    query: int
    document: int


def _lengths(options: BaseOptions, made: FolderMetadata, own: FolderMetadata, like: KnownBase | None, positions: int) -> _Lengths:
    """Decide the lengths: what the user states, what an adapter or a base's folder states, what is known; never more than the positions."""
    known = like.max_tokens if like else None
    chosen = known if options.settings_of is not None else None
    stated = (chosen, made.max_tokens, made.tokenizer_max_tokens, own.max_tokens, known, own.tokenizer_max_tokens)
    text = min(first_stated(options.max_tokens, *stated, positions), positions)
    by_role = made if made.states_tokenizing else own
    longest = positions if options.max_tokens is None else text
    query, document = (by_role.query_tokens, by_role.document_tokens) if chosen is None else (None, None)
    return _Lengths(text, min(query or text, longest), min(document or text, longest))


def first_stated(*values: _T | None) -> _T:
    """Return the first value that is not None."""
    return next(value for value in values if value is not None)
