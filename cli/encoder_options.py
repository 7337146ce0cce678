"""The options that say which base a reference lies on, and how vectors are computed: the same for every command that encodes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import wraps
from typing import TYPE_CHECKING

import click

from .options import WholeNumber, base_options, machine_options

if TYPE_CHECKING:
    from pathlib import Path

    from ..base.known import Language, Pooling
    from ..choices import Precision
    from ..references import EncoderSettings, Search


@dataclass(frozen=True, slots=True, kw_only=True)
class EncoderOptions:
    """The values of the options; None leaves it to the base or the machine."""

    base: str | None
    base_as: str | None
    lang: Language | None
    pooling: Pooling | None
    max_tokens: int | None
    device: str | None
    dtype: Precision | None
    batch_tokens: int | None

    def search(self, registry_dir: Path | None) -> Search:
        """Return where references are looked for."""
        from ..base.resolve import BaseOptions
        from ..references import Search
        from ..registry import open_registry

        options = BaseOptions(lend_from=self.base_as, pooling=self.pooling, language=self.lang)
        return Search(registry=open_registry(registry_dir), base=self.base, options=options)

    def settings(self, precision: Precision) -> EncoderSettings:
        """Return how vectors are computed, in `precision` unless the user said otherwise."""
        from ..references import EncoderSettings

        return EncoderSettings(
            device=self.device, precision=self.dtype or precision, max_tokens=self.max_tokens, batch_tokens=self.batch_tokens
        )


def encoder_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options to a command, which gets them as one argument `encoder`."""

    @wraps(command)
    def gathered(**values: object) -> None:
        encoder = EncoderOptions(**{field.name: values.pop(field.name) for field in fields(EncoderOptions)})  # type: ignore[arg-type]
        command(encoder=encoder, **values)

    with_batch = click.option(
        "--batch-tokens", type=WholeNumber(min=1), metavar="N", help="Padded tokens in one batch [default: by device]."
    )(gathered)
    with_length = click.option(
        "--max-tokens", type=WholeNumber(min=8), metavar="N", help="Truncate texts to this many tokens [default: the base's maximum]."
    )(with_batch)
    return base_options(machine_options(with_length))
