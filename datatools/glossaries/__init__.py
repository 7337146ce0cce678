"""Glossaries and rules: what people know of their domain, as training pairs. Importing this package loads neither tool."""

from typing import TYPE_CHECKING

from ...lazy import lazily

if TYPE_CHECKING:
    from .apply import apply_rules as apply_rules
    from .pairs import GlossarySettings as GlossarySettings
    from .pairs import pair_glossary as pair_glossary
    from .rules import Rule as Rule
    from .rules import read_rules as read_rules

__all__ = ["GlossarySettings", "Rule", "apply_rules", "pair_glossary", "read_rules"]

__getattr__ = lazily(
    __name__,
    {"GlossarySettings": "pairs", "Rule": "rules", "apply_rules": "apply", "pair_glossary": "pairs", "read_rules": "rules"},
)
