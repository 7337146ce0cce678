"""A reference that was found -> an Encoder or a Searcher. Torch is loaded when the first one is opened, not before."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from ..base.head import HeadSpec, joined_sha256
from ..base.spec import BaseSpec, EncodingSpec
from ..choices import SIDES, Precision
from ..ensemble import changed_member
from ..errors import AdapterError, ConfigError, unknown_name
from .dims import check_dim

if TYPE_CHECKING:
    from ..base.load import Base, Network
    from ..encoders.lora import LoraEncoder
    from ..encoders.protocol import Encoder, Opened
    from ..lora import LoraFactors
    from .types import Resolved


@dataclass(frozen=True, slots=True, kw_only=True)
class EncoderSettings:
    """How vectors are computed; None leaves it to the machine or the base. `dim`: they are cut after so many numbers; None: they are whole."""

    device: str | None = None
    precision: Precision = "auto"
    max_tokens: int | None = None
    batch_tokens: int | None = None
    dim: int | None = None

    def __post_init__(self) -> None:
        if self.precision not in get_args(Precision):
            raise ConfigError(unknown_name("precision", str(self.precision), get_args(Precision)))
        if self.max_tokens is not None and self.max_tokens < 8:
            raise ConfigError(f"the maximum length is {self.max_tokens} tokens; at least 8 are needed")
        if self.batch_tokens is not None and self.batch_tokens < 1:
            raise ConfigError(f"the batch size is {self.batch_tokens} tokens; at least 1 is needed")
        if self.dim is not None and self.dim < 1:
            raise ConfigError(f"vectors are to be cut after {self.dim} numbers; at least 1 is needed")


@dataclass(slots=True)
class LoadedBases:
    """What is in memory, so that references on one base share its network, however their texts go in.

    Attributes:
        settings: How vectors are computed.
        networks: By folder and fingerprint.
        bases: By network and encoding; two layouts of one tokenizer are one encoding.
    """

    settings: EncoderSettings = field(default_factory=EncoderSettings)
    networks: dict[tuple[Path, str], Network] = field(default_factory=dict)
    bases: dict[tuple[object, ...], Base] = field(default_factory=dict)

    def load(self, spec: BaseSpec, encoding: EncodingSpec) -> Base:
        """Return a base's network with an encoding; each network is loaded at most once.

        Raises:
            BaseError: it does not load.
            ConfigError: the device is not here.
        """
        from ..base.load import load_network, make_base
        from ..base.tokenizer import load_tokenizer
        from ..encoders.forward import choose_device

        tokenizer, place = load_tokenizer(spec, encoding), (spec.folder, spec.sha256)
        if place not in self.networks:
            self.networks[place] = load_network(spec, device=choose_device(self.settings.device))
        base = make_base(self.networks[place], encoding, tokenizer)
        lengths = (encoding.max_tokens, encoding.query_tokens, encoding.document_tokens)
        head = base.head.sha256() if base.head else None
        way = (encoding.pooling, encoding.query_prompt, encoding.document_prompt, lengths, base.tokenizer_hash, head)
        return self.bases.setdefault((place, way), base)


def open_reference(resolved: Resolved, bases: LoadedBases | None = None) -> Opened:
    """Load what a reference names, with the settings of `bases` (None: the default ones).

    Raises:
        AdapterError: its weights are damaged or do not fit the base, or an ensemble's member has changed.
        BaseError: the base does not load.
        ConfigError: the device is not here, the maximum length is more than the base takes, or the vectors cannot be cut as the settings say.
    """
    from ..encoders.truncated import truncated

    bases = bases or LoadedBases()
    list(check_dim(resolved, bases.settings.dim))
    return truncated(OPENERS[resolved.kind](resolved, bases), bases.settings.dim)


def open_encoder(resolved: Resolved, bases: LoadedBases | None = None) -> Encoder:
    """Load what a reference names, as `open_reference` does, and refuse what has no vectors.

    Raises:
        AdapterError: it ranks and has no vectors, or as `open_reference`.
    """
    from ..encoders.protocol import is_searcher

    check_has_vectors(resolved)
    opened = open_reference(resolved, bases)
    assert not is_searcher(opened)
    return opened


def check_has_vectors(resolved: Resolved) -> None:
    """Refuse an ensemble that ranks passages and has no vectors.

    Raises:
        AdapterError: it is one.
    """
    if resolved.recipe is not None and not resolved.has_vectors:
        mode = resolved.recipe.mode
        raise AdapterError(
            f"{resolved.reference} has no vectors: the mode {mode} only ranks passages for a query, which adapt bench can score; "
            "for vectors make an ensemble with --mode concat"
        )


def check_length(resolved: Resolved, max_tokens: int | None) -> None:
    """Refuse a maximum length that is more than a base, or one of an ensemble's, takes.

    Raises:
        ConfigError: it is more.
    """
    for each in resolved.members or (resolved,):
        refuse_longer(max_tokens, each.encoding.longest(), each.base.name)


def refuse_longer(max_tokens: int | None, longest: int, base: str) -> None:
    """Refuse a maximum length above the one that a base takes.

    Raises:
        ConfigError: it is.
    """
    if max_tokens is not None and max_tokens > longest:
        raise ConfigError(f"the maximum length is {max_tokens} tokens; {base} takes at most {longest}")


def open_lora(resolved: Resolved, bases: LoadedBases) -> LoraEncoder:
    """Load a base, a whole model, or an adapter or merge on its base; raises as `open_reference`."""
    from ..encoders.lora import LoraEncoder, document_factors_of

    settings = bases.settings
    check_length(resolved, settings.max_tokens)
    base = bases.load(resolved.base, resolved.encoding)
    longest = base.encoding.longest()
    refuse_longer(settings.max_tokens, longest, resolved.base.name)  # the network may have fewer positions than its folder says
    return LoraEncoder(
        base,
        read_factors(resolved),
        document_factors=document_factors_of(resolved.side),
        precision=settings.precision,
        max_tokens=settings.max_tokens or longest,
        batch_tokens=settings.batch_tokens,
    )


def read_factors(resolved: Resolved) -> LoraFactors | None:
    """Read the factors of an adapter or merge; None of a base and of a whole model.

    Raises:
        AdapterError: they are damaged, or a folder that no registry wrote does not fit its base.
    """
    from ..lora import LoraFile
    from ..registry.foreign import fit_to_base

    if resolved.folder is None or resolved.kind == "model":
        return None
    file = LoraFile(resolved.folder)
    return dict(fit_to_base(file, resolved.base) if resolved.entry is None else file)


def content_sha256(base: BaseSpec, factors: LoraFactors | None, head: HeadSpec | None = None) -> str:
    """Return the hash of an adapter's factors, or of a base's weights where there are none: what an ensemble keeps of a member.

    With a projection head, it is a hash of that and of the head's.
    """
    from ..lora import factors_sha256

    return joined_sha256(factors_sha256(factors) if factors else base.sha256, None if head is None else head.load())


def _open_ensemble(resolved: Resolved, bases: LoadedBases) -> Opened:
    from ..ensemble.assemble import assemble
    from ..ensemble.register import read_projection

    recipe = resolved.recipe
    assert recipe is not None
    assert resolved.folder is not None
    members = tuple(open_lora(member, bases) for member in resolved.members)
    for kept, found, member in zip(recipe.members, resolved.members, members, strict=True):
        if found.side != kept.side:
            raise AdapterError(
                f"{resolved.reference} was made with {kept.reference} for {SIDES[kept.side]}, and now it is for {SIDES[found.side]}; make the ensemble again: adapt ensemble"
            )
        if (sha256 := joined_sha256(member.sha256["query"] or member.base.spec.sha256, member.base.head)) != kept.sha256:
            raise changed_member(resolved.reference, kept, sha256)
    return assemble(recipe, members, read_projection(resolved.folder, recipe))


OPENERS: dict[str, Callable[[Resolved, LoadedBases], Opened]] = {
    "base": open_lora,
    "adapter": open_lora,
    "merge": open_lora,
    "model": open_lora,
    "ensemble": _open_ensemble,
}
"""What a reference is -> what opens it."""
