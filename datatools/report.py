"""What a tool says of what it did: what was dropped, changed, added or only seen, how often, and with examples."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from ..data.pairs import TrainingData
from ..shown_text import one_line

Effect = Literal["dropped", "changed", "added", "told"]
EXAMPLES = 3
"""How many examples of a finding are kept."""
_SHOWN = 120  # characters of an example


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that a tool found.

    Attributes:
        what: What it is, such as "exact duplicates".
        effect: What was done about it.
        count: How many there are.
        of: What is counted, in the singular, such as "row" or "passage".
        examples: At most `EXAMPLES` of them, shortened.
    """

    what: str
    effect: Effect
    count: int
    of: str = "row"
    examples: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolReport:
    """The report of one run of a tool.

    Attributes:
        tool: Its name, as the command has it.
        read: What came in, by name: queries, pairs, passages, negatives.
        written: What went out, by the same names.
        findings: In the order in which they matter.
        notes: Lines for people: what was chosen on their behalf, what is not there.
        facts: Whatever figures the tool has beside these.
    """

    tool: str
    read: dict[str, int]
    written: dict[str, int]
    findings: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()
    facts: dict[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Return it for JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """What a tool gives: the data as they are now, and the report."""

    data: TrainingData
    report: ToolReport


def counts_of(data: TrainingData) -> dict[str, int]:
    """Return how much there is: for `ToolReport.read` and `written`."""
    splits = [pairs for pairs in (data.train, data.dev) if pairs is not None]
    return {
        "queries": len(data.train),
        "dev queries": len(data.dev) if data.dev is not None else 0,
        "pairs": sum(pairs.pair_count for pairs in splits),
        "negatives": sum(len(ids) for pairs in splits for ids in pairs.negatives.values()),
        "passages": len(data.corpus),
    }


def examples_of(texts: Iterable[str]) -> tuple[str, ...]:
    """Return the first examples of many, each within a line, shortened, once, and in characters that any file can hold."""
    kept: dict[str, None] = {}
    for text in texts:
        line = one_line(text[: 4 * _SHOWN])
        kept[line if len(line) <= _SHOWN else f"{line[: _SHOWN - 1]}…"] = None
        if len(kept) == EXAMPLES:
            break
    return tuple(kept)
