"""The options that say which base a reference lies on, and how vectors are computed: the same for every command that encodes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, TypeVar, cast

import click

if TYPE_CHECKING:
    from pathlib import Path

    from ..references import EncoderSettings, Search

_F = TypeVar("_F", bound=Callable[..., object])


@dataclass(frozen=True, slots=True, kw_only=True)
class EncoderOptions:
    """The values of the options; None leaves it to the base or the machine."""

    base: str | None
    base_as: str | None
    lang: str | None
    max_tokens: int | None
    device: str | None
    dtype: str
    batch_tokens: int | None

    def search(self, registry_dir: Path | None) -> Search:
        """Return where references are looked for."""
        from ..base.resolve import BaseOptions
        from ..references import Search
        from ..registry import open_registry

        return Search(registry=open_registry(registry_dir), base=self.base, options=BaseOptions(lend_from=self.base_as, language=self.lang))  # type: ignore[arg-type]

    def settings(self) -> EncoderSettings:
        """Return how vectors are computed."""
        from ..references import EncoderSettings

        return EncoderSettings(device=self.device, precision=self.dtype, max_tokens=self.max_tokens, batch_tokens=self.batch_tokens)  # type: ignore[arg-type]


def encoder_options(default_dtype: str) -> Callable[[_F], _F]:
    """Add the options to a command, which gets them as one argument `encoder`."""

    def add(command: _F) -> _F:
        @wraps(command)
        def gathered(**values: object) -> object:
            names = EncoderOptions.__dataclass_fields__
            encoder = EncoderOptions(**{name: values.pop(name) for name in names})  # type: ignore[arg-type]
            return command(encoder=encoder, **values)

        for option in reversed(_options(default_dtype)):
            gathered = option(gathered)
        return cast("_F", gathered)

    return add


def _options(default_dtype: str) -> list[Callable[[Callable[..., object]], Callable[..., object]]]:
    return [
        click.option("--base", metavar="REF", help="The base: an alias, a folder or a Hub id [the one that each reference was made for]."),
        click.option("--base-as", metavar="ALIAS", help="Lend the base this alias's pooling, instruction and maximum length."),
        click.option("--lang", type=click.Choice(["en", "zh"]), help="The language [the base's own]."),
        click.option("--max-tokens", type=int, metavar="N", help="Truncate texts to this many tokens [the base's maximum]."),
        click.option("--device", metavar="NAME", help="cuda, mps or cpu [the best one here]."),
        click.option("--dtype", type=click.Choice(["auto", "fp32", "bf16"]), default=default_dtype, show_default=True, help="Precision of matrix products."),
        click.option("--batch-tokens", type=int, metavar="N", help="Padded tokens in one batch [by device]."),
    ]
