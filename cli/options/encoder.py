"""The options that say which base a reference lies on, and how vectors are computed: the same for every command that encodes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from .gather import gathered
from .shared import base_options, machine_options
from .types import WholeNumber

if TYPE_CHECKING:
    from pathlib import Path

    from ...base.known import Language, Pooling
    from ...base.resolve import BaseOptions
    from ...choices import Precision
    from ...references import EncoderSettings, Search


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseChoice:
    """The values of the options of which base; None leaves it to the reference."""

    base: str | None
    base_as: str | None
    lang: Language | None
    pooling: Pooling | None

    def options(self) -> BaseOptions:
        """Return what is said of the base, and of how texts go into it."""
        from ...base.resolve import BaseOptions

        return BaseOptions(settings_of=self.base_as, pooling=self.pooling, language=self.lang)

    def search(self, registry_dir: Path | None) -> Search:
        """Return where references are looked for."""
        from ...references import Search
        from ...registry import open_registry

        return Search(registry=open_registry(registry_dir), base=self.base, options=self.options())


@dataclass(frozen=True, slots=True, kw_only=True)
class EncoderOptions(BaseChoice):
    """The values of all of them; None leaves it to the base or the machine."""

    max_tokens: int | None
    device: str | None
    dtype: Precision | None
    batch_tokens: int | None

    def settings(self, precision: Precision, dim: int | None = None) -> EncoderSettings:
        """Return how vectors are computed, in `precision` unless the user said otherwise; `dim`: after how many numbers they are cut."""
        from ...references import EncoderSettings

        return EncoderSettings(
            device=self.device, precision=self.dtype or precision, max_tokens=self.max_tokens, batch_tokens=self.batch_tokens, dim=dim
        )


base_choice = gathered("base", BaseChoice, base_options)
"""Add the options of which base to a command, which gets them as one argument `base`."""

encoder_options = gathered(
    "encoder",
    EncoderOptions,
    base_options,
    machine_options,
    click.option(
        "--max-tokens", type=WholeNumber(min=8), metavar="N", help="Truncate texts to this many tokens [default: the base's maximum]."
    ),
    click.option("--batch-tokens", type=WholeNumber(min=1), metavar="N", help="Padded tokens in one batch [default: by device]."),
)
"""Add all of them to a command, which gets them as one argument `encoder`."""

dim_option = click.option(
    "--dim",
    type=WholeNumber(min=1),
    metavar="N",
    help="Cut vectors after their first N numbers, and bring them to length 1 again; for what was trained with --set loss.dims=...",
)
"""Add `--dim` to a command."""
