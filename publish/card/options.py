"""What a card is to be."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import get_args

from ...choices import CardLanguage
from ...errors import ConfigError, RequestError, unknown_name
from ...registry import BaseRecord, Entry

NO_REPOSITORY = "OWNER/NAME"
"""Stands in the examples of a card that belongs to no repository yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CardOptions:
    """What is said of a version beside what its entry says.

    Attributes:
        repo_id: The repository that the card is for; None: none yet.
        language: Of the text.
        template: A jinja2 template in place of the text that ships; None: the text that ships.
        licence: The Hub's id of the licence that the version itself is under; None: none is stated.
        bench: The JSON of `adapt bench`, from which the scores are taken; None: a `bench.json` in the version's folder, else the score on dev alone.
        base_ids: Fingerprint of a base -> the Hub id that it has there, where its record has none or another.
        ancestors: What it was made from, where that is at hand: full reference -> entry. Data and licences of a merge are theirs.

    Raises:
        RequestError: the licence is no id as the Hub has them.
        ConfigError: the language is unknown.
    """

    repo_id: str | None = None
    language: CardLanguage = "en"
    template: Path | None = None
    licence: str | None = None
    bench: Path | None = None
    base_ids: Mapping[str, str] = field(default_factory=dict)
    ancestors: Mapping[str, Entry] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.language not in get_args(CardLanguage):
            raise ConfigError(unknown_name("language of a card", self.language, get_args(CardLanguage)))
        if self.licence is not None:
            check_licence_id(self.licence)

    def base_id(self, base: BaseRecord) -> str | None:
        """Return the Hub id of a base; None where it has none."""
        return self.base_ids.get(base.sha256) or base.id


def check_licence_id(licence: str) -> None:
    """Refuse what is no id of a licence as the Hub writes them: small letters, digits, dots and hyphens.

    Source: https://huggingface.co/docs/hub/repositories-licenses

    Raises:
        RequestError: it is none.
    """
    if not re.fullmatch(r"[a-z0-9][a-z0-9.-]{0,63}", licence):
        raise RequestError(
            f"{licence!r} is not the id of a licence; expected one as the Hub writes them, such as apache-2.0, mit, cc-by-4.0 or other "
            "(https://huggingface.co/docs/hub/repositories-licenses)"
        )
