"""Which base the data tools work with, and how it embeds; `--lang` is an option of the data, and says the default base as well."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from ...choices import MAX_TOKENS
from ..completion import BASE, KNOWN_BASE
from .gather import gathered
from .shared import machine_options
from .types import Choice, WholeNumber

if TYPE_CHECKING:
    from pathlib import Path

    from ...base.known import Pooling
    from ...choices import Precision
    from ...references import EncoderSettings, Search


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseOfData:
    """The values of the options; None leaves it to the base or the machine."""

    base: str | None
    base_as: str | None
    pooling: Pooling | None
    max_tokens: int | None
    batch_tokens: int | None
    device: str | None
    dtype: Precision | None

    def search(self, registry_dir: Path | None, language: str) -> Search:
        """Return where references are looked for."""
        from ...base.resolve import BaseOptions
        from ...references import Search
        from ...registry import open_registry

        options = BaseOptions(settings_of=self.base_as, pooling=self.pooling, language="zh" if language == "zh" else None)
        return Search(registry=open_registry(registry_dir), base=self.base, options=options)

    def settings(self) -> EncoderSettings:
        """Return how vectors are computed."""
        from ...references import EncoderSettings

        return EncoderSettings(
            device=self.device, precision=self.dtype or "auto", max_tokens=self.max_tokens, batch_tokens=self.batch_tokens
        )


base_of_data = gathered(
    "base",
    BaseOfData,
    click.option("--base", type=BASE, metavar="REF", help="Base: an alias, a folder or a Hub id [default: that of the language]."),
    click.option(
        "--base-as", type=KNOWN_BASE, metavar="ALIAS", help="Read a folder with this known base's pooling, instruction and length."
    ),
    click.option("--pooling", type=Choice(["cls", "mean"]), help="Pooling of a base that does not state its own."),
    machine_options,
    click.option(
        "--max-tokens",
        type=WholeNumber(min=8),
        metavar="N",
        help=f"Where texts are cut [default: {MAX_TOKENS}, as in training, and never more than the base reads].",
    ),
    click.option("--batch-tokens", type=WholeNumber(min=1), metavar="N", help="Padded tokens in one batch [default: by device]."),
)
"""Add which base data are held against; the command gets a `BaseOfData` as its argument `base`."""
