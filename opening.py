"""A reference that was found -> an Encoder. Torch is loaded when the first one is opened, not before."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .base.resolve import BaseSpec
from .errors import ConfigError

if TYPE_CHECKING:
    from .base.load import Base
    from .encoder import LoraEncoder, Precision
    from .lora import LoraFactors
    from .references import Resolved


@dataclass(frozen=True, slots=True, kw_only=True)
class EncoderSettings:
    """How vectors are computed; None leaves it to the machine or the base."""

    device: str | None = None
    precision: Precision = "auto"
    max_tokens: int | None = None
    batch_tokens: int | None = None

    def __post_init__(self) -> None:
        if self.max_tokens is not None and self.max_tokens < 8:
            raise ConfigError(f"the maximum length is {self.max_tokens} tokens; at least 8 are needed")
        if self.batch_tokens is not None and self.batch_tokens < 1:
            raise ConfigError(f"a batch is to hold {self.batch_tokens} tokens; at least 1 is needed")


@dataclass(slots=True)
class LoadedBases:
    """The networks that are in memory, so that references on one base share it."""

    settings: EncoderSettings = field(default_factory=EncoderSettings)
    by_folder: dict[tuple[object, ...], Base] = field(default_factory=dict)

    def load(self, spec: BaseSpec) -> Base:
        """Return a base's network, loaded at most once for each folder and way of use."""
        from .base.load import load_base
        from .encoder import choose_device

        key = (spec.folder, spec.sha256, spec.pooling, spec.query_prompt, spec.document_prompt)
        if key not in self.by_folder:
            self.by_folder[key] = load_base(spec, device=choose_device(self.settings.device))
        return self.by_folder[key]


def open_encoder(resolved: Resolved, bases: LoadedBases | None = None) -> LoraEncoder:
    """Load what a reference names, with the settings of `bases` (None: the default ones).

    Raises:
        AdapterError: its weights are damaged or do not fit the base.
        BaseError: the base does not load.
        ConfigError: the device is not here, or the maximum length is more than the base takes.
    """
    from .encoder import LoraEncoder

    bases = bases or LoadedBases()
    longest, settings = resolved.base.max_tokens, bases.settings
    if settings.max_tokens is not None and settings.max_tokens > longest:
        raise ConfigError(f"the maximum length is {settings.max_tokens} tokens; {resolved.base.name} takes at most {longest}")
    return LoraEncoder(
        bases.load(resolved.base),
        OPENERS[resolved.kind](resolved),
        precision=settings.precision,
        max_tokens=settings.max_tokens or longest,
        batch_tokens=settings.batch_tokens,
    )


def _no_factors(_resolved: Resolved) -> None:
    return None


def _factors(resolved: Resolved) -> LoraFactors:
    from .lora import read_lora

    assert resolved.folder is not None
    return read_lora(resolved.folder)


OPENERS: dict[str, Callable[[Resolved], LoraFactors | None]] = {"base": _no_factors, "adapter": _factors, "merge": _factors}
"""What a reference is -> the factors that it lays over the base."""
