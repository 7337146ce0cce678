"""What cleaning is asked to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from ...errors import ConfigError, unknown_name
from .language_codes import LANGUAGES
from .table import RULES

Script = Literal["simplified", "traditional"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CleanSettings:
    """What cleaning does beside the defaults of its table of rules.

    Attributes:
        off: Rules that are not looked at.
        tell: Rules whose findings are told, and nothing is changed or dropped for them.
        drop: Rules of rows whose findings are dropped.
        script: Chinese is written in this one; None: as it is.
        languages: The set's main languages, as ISO 639-1 codes (`en`, `zh`); none: those that a tenth of the rows or more are in.
        min_query_tokens: A query has at least so many tokens of the base, special ones not counted; 1 or more.
        min_passage_tokens: A passage likewise.
        max_tokens: More tokens than this is too long; None: more than the base reads.
        base: Whose tokens are counted; None: the default base of the data's language, and lengths are not looked at where it is not there.
        base_as: The known base whose settings `base` has, where its own folder states none.
        near: The Jaccard similarity of three-character shingles from which two texts are nearly the same, above 0 and at most 1.
        boilerplate: A line is boilerplate where at least so many passages have it (and at least 2 in 1,000 of all); 2 or more.

    Raises:
        ConfigError: there is no such rule, script or language, a rule is named twice, a rule of texts is to be dropped, or a number is out of its range.
    """

    off: tuple[str, ...] = ()
    tell: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()
    script: Script | None = None
    languages: tuple[str, ...] = ()
    min_query_tokens: int = 1
    min_passage_tokens: int = 2
    max_tokens: int | None = None
    base: str | None = None
    base_as: str | None = None
    near: float = 0.8
    boilerplate: int = 10

    def __post_init__(self) -> None:
        self._check_rules()
        if self.script is not None and self.script not in get_args(Script):
            raise ConfigError(unknown_name("script", self.script, get_args(Script)))
        for language in self.languages:
            if language not in LANGUAGES:
                raise ConfigError(unknown_name("language", language, LANGUAGES))
        for name in ("min_query_tokens", "min_passage_tokens", "max_tokens"):
            if (number := getattr(self, name)) is not None and number < 1:
                raise ConfigError(f"{name} is {number}; at least 1 is needed")
        if not 0 < self.near <= 1:
            raise ConfigError(f"near is {self.near}; a similarity above 0 and at most 1 is needed")
        if self.boilerplate < 2:
            raise ConfigError(f"boilerplate is {self.boilerplate}; a line that at least 2 passages have is needed")

    def _check_rules(self) -> None:
        named = [*self.off, *self.tell, *self.drop]
        for name in named:
            if name not in RULES:
                raise ConfigError(unknown_name("rule", name, tuple(RULES)))
            if named.count(name) > 1:
                raise ConfigError(f"the rule {name} is named twice among those that are off, told and dropped; name it once")
        if changing := [name for name in self.drop if RULES[name].effect == "changed" or not RULES[name].can_drop]:
            droppable = ", ".join(name for name, rule in RULES.items() if rule.can_drop)
            raise ConfigError(f"the rule {changing[0]} drops nothing; those that can: {droppable}")

    def effect_of(self, name: str) -> str:
        """Return what is done about what a rule finds: `off`, `told`, `changed` or `dropped`."""
        chosen = {"off": self.off, "told": self.tell, "dropped": self.drop}
        stated = next((effect for effect, names in chosen.items() if name in names), RULES[name].effect)
        return "off" if name == "script" and self.script is None else stated
