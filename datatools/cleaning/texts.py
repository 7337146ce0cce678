"""The rules that change a text, each on its own, and each only where numbers, units and negations stay as they are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import TYPE_CHECKING

from .characters import compose, digits_of, narrow, remove_unseen, tidy_space
from .guard import is_same_ascii, is_same_content
from .markup import remove_markup, visible
from .mojibake import mend_encoding
from .settings import CleanSettings, Script

if TYPE_CHECKING:
    from opencc import OpenCC

Change = Callable[[str], str]
Allows = Callable[[str, str], bool]


@dataclass(frozen=True, slots=True)
class TextRule:
    """A rule of a text: its name, its change, and when that is allowed, (before, after) -> bool.

    With `is_told` it is found, and not made.
    """

    name: str
    change: Change
    allows: Allows = is_same_content
    is_told: bool = False


def text_rules(settings: CleanSettings) -> list[TextRule]:
    """Return the rules that are on, in their order."""
    rules = [
        TextRule("encoding", mend_encoding, is_same_ascii),
        TextRule("html", remove_markup, lambda before, after: is_same_content(visible(before), after)),
        TextRule("control", remove_unseen, lambda before, after: digits_of(before) == digits_of(after)),
        TextRule("unicode", compose),
        TextRule("width", narrow),
        TextRule("script", partial(write_in, settings.script)),
        TextRule("space", tidy_space),
    ]
    return [replace(rule, is_told=effect == "told") for rule in rules if (effect := settings.effect_of(rule.name)) != "off"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a text: as it is now, the changes made, (rule, before, after), and the rules whose change was not made."""

    text: str
    made: tuple[tuple[str, str, str], ...] = ()
    refused: tuple[str, ...] = ()


def clean_text(text: str, rules: Sequence[TextRule]) -> Outcome:
    """Apply rules to a text, one after another. A change that leaves nothing of a text is not made."""
    made, refused = [], []
    for rule in rules:
        changed = rule.change(text)
        if changed == text or not changed.strip():
            continue
        if not rule.allows(text, changed):
            refused.append(rule.name)
            continue
        made.append((rule.name, text, changed))
        text = text if rule.is_told else changed
    return Outcome(text, tuple(made), tuple(refused))


def write_in(script: Script | None, text: str) -> str:
    """Return Chinese in simplified or traditional characters, word by word (OpenCC); other texts as they are."""
    if script is None or text.isascii():
        return text
    return str(_converter(script).convert(text))


@lru_cache
def _converter(script: Script) -> OpenCC:
    from opencc import OpenCC

    return OpenCC("t2s" if script == "simplified" else "s2t")
