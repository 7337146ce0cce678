"""The files of a card: `README.md`, and what the Hub reads results from. They are read again and compared before they are given out."""

from __future__ import annotations

from pathlib import Path

from ...errors import ConfigError
from ...registry import Entry
from .eval_results import eval_result_files
from .facts import Card, card_facts
from .front_matter import front_matter
from .options import CardOptions
from .template import render_card

README = "README.md"


def card_files(entry: Entry, folder: Path, options: CardOptions | None = None) -> dict[str, str]:
    """Return the files of a version's card: path in the repository -> text. Nothing is asked of the Hub.

    Args:
        entry: The version.
        folder: Its files, as they are published.
        options: What else is known of it; None: nothing.

    Raises:
        ConfigError: the bench's file or the template cannot be used.
    """
    options = options or CardOptions()
    card = card_facts(entry, folder, options)
    return {README: _readme(card, options), **eval_result_files(card.bench, card.mteb_data)}


def _readme(card: Card, options: CardOptions) -> str:
    from huggingface_hub import ModelCard

    data = front_matter(card)
    text = render_card(card, options.language, options.template).strip("\n")
    content = f"---\n{data.to_yaml()}\n---\n\n{text}\n"
    read = ModelCard(content)
    if read.data.to_yaml() != data.to_yaml() or read.text.strip("\n") != text:
        raise ConfigError(f"the card of {card.entry.reference} is not read back as it was written; name it and its domain in plain letters")
    return content
