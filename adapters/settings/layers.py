"""The words that say which layers of a network are meant: `last:4`, `first:2`, or numbers from 0 such as `0,3,9-11`."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from ...errors import ConfigError

_END = re.compile(r"(first|last):(\d{1,3})")
_PART = re.compile(r"(\d{1,3})(?:-(\d{1,3}))?")


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerChoice:
    """Layers of a network of any depth. One of the three is set.

    Attributes:
        first: So many of the lowest ones.
        last: So many of the highest ones.
        numbers: These, rising; the lowest layer is 0.
    """

    first: int = 0
    last: int = 0
    numbers: tuple[int, ...] = ()

    @property
    def least_depth(self) -> int:
        """How many layers a network needs to have all of them."""
        return max(self.first, self.last, self.numbers[-1] + 1 if self.numbers else 0)

    def among(self, depth: int) -> tuple[int, ...]:
        """Return their numbers in a network of `depth` layers, rising; `depth` is at least `least_depth`."""
        return self.numbers or tuple(range(self.first) if self.first else range(depth - self.last, depth))


def parse_layers(text: str) -> LayerChoice:
    """Read the words.

    Raises:
        ConfigError: they are of another form, or name no layer.
    """
    if match := _END.fullmatch(text):
        end, count = match[1], int(match[2])
        if count:
            return LayerChoice(first=count) if end == "first" else LayerChoice(last=count)
        raise ConfigError(f"layers is {text!r}, which names no layer; expected 1 or more")
    numbers: set[int] = set()
    for part in text.split(","):
        match = _PART.fullmatch(part)
        start, end = (int(match[1]), int(match[2] or match[1])) if match else (1, 0)
        if start > end:
            raise ConfigError(f"layers is {text!r}; expected last:4, first:2, numbers from 0 such as 0,3,9-11, or none for all")
        numbers.update(range(start, end + 1))
    return LayerChoice(numbers=tuple(sorted(numbers)))


def read_layers(value: object) -> str | None:
    """Return what a file or a command line says of layers as a text without spaces; a list, as a file may hold it, with commas.

    Raises:
        ValueError: it is neither a text, a number nor a list of those.
    """
    parts = value if isinstance(value, list | tuple) else [value]
    if not all(isinstance(part, str | int) and not isinstance(part, bool) for part in parts):
        raise ValueError
    # A Chinese keyboard has wide commas and colons.
    return re.sub(r"\s", "", unicodedata.normalize("NFKC", ",".join(map(str, parts)))).lower() or None


def check_layers(_name: str, value: str) -> None:
    """Refuse a text that names no layers."""
    parse_layers(value)
