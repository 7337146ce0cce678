"""The adapters that a merge is made of: found, held to one base, and read module by module."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from torch import Tensor

from ..base.metadata import FolderMetadata, read_metadata
from ..choices import Precision, Side
from ..encoders.lora import LoraEncoder
from ..errors import AdapterError, BaseError, ConfigError
from ..lora import LoraFile, LoraModule, OwnBiases, is_bias
from ..lora.gram_file import GRAMS, GramFile
from ..references import LoadedBases, Located, Search, base_of, locate_references, open_lora, resolve_located
from ..registry import BaseRecord, Entry, base_record, check_usable, find_on_other_base
from ..registry.foreign import fit_to_base
from .methods import DEFAULT_METHOD, find_method
from .model_difference import ModelDifference


@dataclass(frozen=True, slots=True, kw_only=True)
class Parent:
    """One input of a merge: what was located, and what a merge asks of it.

    Attributes:
        located: Where it lies, what it is called and what the registry knows of it.
        factors: Its updates; empty for `base`.
        base: The record of the base that it lies on.
        side: Which texts it changes; of `base`, that of the adapters beside it.
        pooling: How vectors come out of it.
        prompts: Role -> the instruction before each text.
        grams: The Gram matrices of its modules' inputs, read one at a time; None where it carries none.
        tokenizing: What its folder says of how texts go in; None for `base`.
    """

    located: Located
    factors: Mapping[str, LoraModule]
    base: BaseRecord
    side: Side = "both"
    pooling: str | None
    prompts: dict[str, str]
    grams: Mapping[str, Tensor] | None = None
    tokenizing: FolderMetadata | None = None

    @property
    def reference(self) -> str:
        """Its full name."""
        return self.located.reference

    @property
    def folder(self) -> Path | None:
        """Where it lies; None for `base`."""
        return self.located.folder

    @property
    def notes(self) -> tuple[str, ...]:
        """What was chosen on the user's behalf, to be told."""
        return self.located.notes

    @property
    def name(self) -> str:
        """A short name for people and for naming the result."""
        if self.located.entry is not None:
            return self.located.entry.name
        return self.located.folder.name if self.located.folder is not None else self.located.reference

    @property
    def domain(self) -> str | None:
        """What it was made for, where that is known."""
        return self.located.entry.domain if self.located.entry is not None else None

    @property
    def max_tokens(self) -> int | None:
        """The longest text that its training scored it on; None for what was not trained."""
        return self.located.entry.config.get("max_tokens") if self.located.entry is not None else None

    @property
    def precision(self) -> Precision | None:
        """That of its dev score in training; None for what was not trained."""
        return self.located.entry.config.get("precision") if self.located.entry is not None else None


def open_parents(references: Sequence[str], search: Search, located: Sequence[Located] | None = None) -> list[Parent]:
    """Find adapters, merges and `base` to merge, and hold them to one base; no network is loaded.

    Args:
        references: What the user named.
        search: Where to look.
        located: Where they lie, one each; None: they are located here.

    Raises:
        UnknownReferenceError: a reference does not exist.
        AdapterError: one has no weights of its own, or is damaged.
        BaseError: two of them lie on different bases.
        ConfigError: none of them is an adapter, they pool or instruct differently, are for different texts, or one is named twice.
    """
    places = zip(references, located if located is not None else locate_references(references, search), strict=True)
    with_weights = {text: _parent(text, place, search) for text, place in places if place.folder is not None}
    if not with_weights:
        raise ConfigError("there is nothing to merge but the base itself; name at least one adapter")
    first = next(iter(with_weights.values()))
    base = replace(first, located=Located(reference="base"), factors={}, grams={}, tokenizing=None)
    _check_one_base(list(with_weights.values()))
    _check_one_side(list(with_weights.values()))
    _check_one_head(list(with_weights.values()))
    parents = [with_weights.get(text, base) for text in references]
    _check_distinct(references, parents)
    return _with_notes_on_tokenizing(parents)


def _parent(text: str, located: Located, search: Search) -> Parent:
    folder, entry = located.folder, located.entry
    factors: LoraFile | ModelDifference
    assert folder is not None
    if not text.startswith("hf:") and (entry is None or located.reference != entry.reference):  # it was named by its path
        located = replace(located, reference=str(folder.absolute()))
    if entry is not None:
        _check_has_weights(entry)
        if entry.unchecked:  # a merge is a use, which holds it against its base
            entry = resolve_located(located, search).entry or entry
            located = replace(located, entry=entry)
        base, pooling, prompts, side = entry.bases[0], entry.pooling, entry.prompts, entry.side
        factors = _difference(located, search) if entry.kind == "model" else LoraFile(folder)
    else:
        file, found = LoraFile(folder), resolve_located(located, search)
        factors, base = fit_to_base(file, found.base), base_record(found.base)
        pooling, prompts, side = found.encoding.pooling, found.encoding.prompts, found.side
    return Parent(
        located=located,
        factors=factors,
        base=base,
        side=side,
        pooling=pooling,
        prompts=prompts,
        grams=_grams(folder, factors),
        tokenizing=read_metadata(folder),
    )


def _check_has_weights(entry: Entry) -> None:
    check_usable(entry)
    if entry.kind == "ensemble":
        raise AdapterError(f"{entry.reference} is an ensemble, which has no weights to merge; merge its members")


def _difference(located: Located, search: Search) -> ModelDifference:
    found = resolve_located(located, search)
    return ModelDifference(found.base, base_of(found).base)


def _grams(folder: Path, factors: LoraFile | ModelDifference) -> Mapping[str, Tensor] | None:
    """Return the Gram matrices in a folder; what changes biases alone needs none, for the input of a bias is the constant 1."""
    if (folder / GRAMS).is_file():
        return GramFile(folder)
    return {} if isinstance(factors, LoraFile) and all(map(is_bias, factors)) else None


def own_biases(parents: Sequence[Parent], factors: Mapping[str, LoraModule]) -> OwnBiases | None:
    """Return the base's own biases, which stand beside changes of them, as the parents have them; None where no bias is changed.

    Raises:
        AdapterError: a parent's file is damaged.
    """
    if not any(map(is_bias, factors)):
        return None
    known = [parent.factors.own_biases() for parent in parents if isinstance(parent.factors, LoraFile | ModelDifference)]
    values = {name: own for each in known if each for name, own in each.values.items()}
    return OwnBiases(values=values, filler=next(each.filler for each in known if each))


def open_base(parent: Parent, search: Search, bases: LoadedBases) -> LoraEncoder:
    """Load the base under a parent, which reads texts as the parent does.

    Raises:
        BaseError: it is not at hand, or does not load.
    """
    found = resolve_located(parent.located, search)
    base = base_of(found)
    return open_lora(replace(base, encoding=replace(base.encoding, head=found.encoding.head)), bases)  # under the parents' own head


def default_method(parents: Sequence[Parent], weights: Sequence[float] | None) -> str:
    """Return the method for when none is named: `regmean`, the best on dev of those measured (docs/results.md), where it can be had, else `linear`."""
    adapters = [parent for parent in parents if parent.folder is not None]
    can_regmean = (
        all(parent.grams is not None for parent in parents) and any(parent.grams for parent in parents) and min(weights or (0,)) >= 0
    )
    return "regmean" if can_regmean and len(adapters) > 1 else DEFAULT_METHOD


def grams_for(method: str, parents: Sequence[Parent]) -> list[Mapping[str, Tensor]] | None:
    """Return the Gram matrices of parents for a method that needs them; None for any other.

    Raises:
        AdapterError: one carries none.
    """
    if not find_method(method).needs_gram:
        return None
    for parent in parents:
        if isinstance(parent.factors, ModelDifference):
            raise AdapterError(f"{parent.reference} is a whole model, which carries no activation Gram matrices; take another method")
        if parent.grams is None:
            raise AdapterError(
                f"{parent.reference} carries no activation Gram matrices; train it again with --gram-rank 64, or take another method"
            )
    return [parent.grams for parent in parents if parent.grams is not None]


def _check_one_base(parents: list[Parent]) -> None:
    first, elsewhere = parents[0], find_on_other_base(parents)
    if elsewhere is not None:
        raise BaseError(
            f"{first.reference} lies on {_tell(first.base)}, and {elsewhere.reference} on {_tell(elsewhere.base)}; weights can be merged on "
            "one base alone (across bases: adapt ensemble with --mode concat, rrf or max)"
        )
    for other in parents[1:]:
        for what, ours, theirs in (("pooling", first.pooling, other.pooling), ("prompts", first.prompts, other.prompts)):
            if ours != theirs:
                raise ConfigError(
                    f"{first.reference} was made with the {what} {ours}, and {other.reference} with {theirs}; they cannot be merged"
                )


def _check_one_side(parents: list[Parent]) -> None:
    first = parents[0]
    other = next((parent for parent in parents if parent.side != first.side), None)
    if other is not None:
        query, both = (first, other) if first.side == "query" else (other, first)
        raise ConfigError(
            f"{query.reference} is for queries alone, and {both.reference} for queries and documents; one LoRA cannot be both: merge those "
            f"of one side, use them as they are with adapt ensemble, or take the queries of {both.reference} alone: "
            f"adapt add {both.folder} --side query --name {both.name}-queries"
        )


def _check_one_head(parents: list[Parent]) -> None:
    """Refuse adapters that do not have the very same projection head, or none.

    Raises:
        ConfigError: as said. Each head was trained with its own factors, and began in directions of its own: the number that one gives at a place has
            nothing to do with the other's, so that their mean would be of neither space.
    """
    heads = {parent.reference: _head_of(parent) for parent in parents}
    with_head = next((parent for parent in parents if heads[parent.reference]), None)
    other = next((parent for parent in parents if with_head and heads[parent.reference] != heads[with_head.reference]), None)
    if with_head is not None and other is not None:
        what = "another one" if heads[other.reference] else "none"
        raise ConfigError(
            f"{with_head.reference} has a projection head and {other.reference} has {what}; heads are not merged, since the numbers that two of "
            "them give stand for different directions: use both as they are with adapt ensemble --mode concat, or train both without "
            "strategy.head"
        )


def _head_of(parent: Parent) -> str | None:
    head = parent.tokenizing.head if parent.tokenizing is not None else None
    return None if head is None else head.load().sha256()


def _with_notes_on_tokenizing(parents: list[Parent]) -> list[Parent]:
    """Note at parents that read texts in another way than the one whose ways the merge takes."""
    stating = [parent for parent in parents if parent.tokenizing is not None and parent.tokenizing.states_tokenizing]
    if not stating:
        return parents
    first = next((parent for parent in stating if (parent.folder / "modules.json").is_file()), stating[0])  # type: ignore[operator]
    ways = _ways(first)
    others = {parent.reference for parent in stating if _ways(parent) != ways}
    note = f"{first.reference} reads {_describe(ways)}, and so will the merge; {{}} reads {{}}"
    return [
        replace(parent, located=replace(parent.located, notes=(*parent.notes, note.format(parent.reference, _describe(_ways(parent))))))
        if parent.reference in others
        else parent
        for parent in parents
    ]


def _ways(parent: Parent) -> dict[str, object]:
    own = parent.tokenizing
    assert own is not None
    longest = own.max_tokens or own.tokenizer_max_tokens
    return {
        "at most": longest,
        "of a query": own.query_tokens,
        "of a document": own.document_tokens,
        "lower-cased": own.lowercase,
        "with": {key: value for key, value in own.tokenizer_options.items() if key != "padding_side"},
    }


def _describe(ways: dict[str, object]) -> str:
    return ", ".join(f"{name} {value}" for name, value in ways.items() if value) or "as its base does"


def _check_distinct(references: Sequence[str], parents: Sequence[Parent]) -> None:
    """Refuse the same input twice, however it is named: it would count double, which nobody means who names two adapters."""
    first: dict[Path | None, str] = {}
    for text, parent in zip(references, parents, strict=True):
        folder = parent.folder.resolve() if parent.folder is not None else None
        if folder in first:
            same = f"{text} is named twice" if text == first[folder] else f"{first[folder]} and {text} are the same"
            raise ConfigError(f"{same}; name each adapter once (how much it counts is said with --weights)")
        first[folder] = text


def _tell(base: BaseRecord) -> str:
    return f"{base.label} (weights of sha256 {base.sha256[:12]}...)"
