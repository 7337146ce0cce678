"""Several adapters that answer for different texts of one batch, as a server needs it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..choices import Precision, Role
from ..encoders.protocol import Vectors
from ..errors import ConfigError, DataError, unknown_name
from ..references import EncoderSettings, resolve_references
from .adapter import Adapter
from .loading import as_adapter
from .networks import IN_USE, loaded_bases, share
from .places import Named, Place, as_reference, as_several, search_in
from .texts import as_texts

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..encoders.lora import LoraEncoder
    from ..encoders.mixed import MixedEncoder
    from ..encoders.protocol import Opened


@dataclass(frozen=True, eq=False, kw_only=True)
class AdapterBatch:
    """Several adapters on one base, in memory with one network. Made by `batch_adapters`.

    Attributes:
        adapters: They, in their order.
        encoder: What encodes; by itself it does not wait for other threads.
    """

    adapters: tuple[Adapter, ...]
    encoder: MixedEncoder

    @property
    def references(self) -> tuple[str, ...]:
        """The full names of the adapters."""
        return tuple(adapter.reference for adapter in self.adapters)

    def encode(self, texts: Iterable[str], adapters: Sequence[int | str], role: Role = "query") -> Vectors:
        """Return the vectors of texts, (n, d) float32 of length 1, in their order, each as its adapter alone gives it.

        Texts for several adapters go through the network together; those for one go the ordinary way.

        Args:
            texts: What to encode.
            adapters: One for each text: its place among `adapters`, from 0, or its name, with the version or without.
            role: Of all texts.

        Raises:
            DataError: a text is not a string, or there is not one adapter for each; the row is named.
            ConfigError: a name is none of the adapters'.
        """
        several, rows = as_texts(texts), [self._place(each) for each in adapters]
        with IN_USE:
            return self.encoder.encode(several, rows, role).vectors

    def encode_query(self, texts: Iterable[str], adapters: Sequence[int | str]) -> Vectors:
        """Return the vectors of queries, as `encode`."""
        return self.encode(texts, adapters, "query")

    def encode_document(self, texts: Iterable[str], adapters: Sequence[int | str]) -> Vectors:
        """Return the vectors of passages, as `encode`; adapters for queries alone give those of the base."""
        return self.encode(texts, adapters, "document")

    def _place(self, adapter: int | str) -> int:
        if isinstance(adapter, int):
            return adapter
        names = {name: row for row, full in reversed(list(enumerate(self.references))) for name in (full, full.partition("@")[0])}
        if adapter not in names:
            raise ConfigError(unknown_name("adapter of the batch", adapter, self.references))
        return names[adapter]


def batch_adapters(
    adapters: Sequence[Named],
    *,
    registry: Place = None,
    device: str | None = None,
    dtype: Precision = "auto",
    max_tokens: int | None = None,
) -> AdapterBatch:
    """Load adapters on one base, so that texts for different ones go through the network in one batch; nothing is merged or swapped.

    Args:
        adapters: Adapters and merges, references or folders; `base` is one too, and so is what is in memory alone.
        registry: A registry's folder, or a `Registry`; None: that of the adapters given, else the user's own.
        device: As torch names it; None: the best one here.
        dtype: As for `load`; the adapters' own settings do not count.
        max_tokens: As for `load`.

    Raises:
        ConfigError: two lie on different bases or pool differently, or one is an ensemble, which is several networks.
        AdaptError: as `load`.
    """
    from ..encoders.mixed import MixedEncoder

    given = as_several(adapters)
    if not given:
        raise DataError("there are no adapters to load; name at least one")
    where, settings = search_in(registry, of=given), EncoderSettings(device=device, precision=dtype, max_tokens=max_tokens)
    named = [as_reference(each) for each in given if not isinstance(each, Adapter)]
    found = iter(resolve_references(named, where))
    loaded = tuple(each if isinstance(each, Adapter) else as_adapter(next(found), where, settings) for each in given)
    with IN_USE:
        bases = loaded_bases(settings)
        members = [each.held.open(bases) for each in loaded]
        share(bases)
    return AdapterBatch(adapters=loaded, encoder=MixedEncoder(tuple(_of_one_network(*each) for each in zip(loaded, members, strict=True))))


def _of_one_network(adapter: Adapter, opened: Opened) -> LoraEncoder:
    from ..encoders.lora import LoraEncoder

    if not isinstance(opened, LoraEncoder):
        raise ConfigError(
            f"{adapter.reference} is an ensemble, which is several networks; name its members, and put their vectors together"
        )
    return opened
