"""The rules of cleaning: what each is called, finds, and does by default. The order is that in which they run."""

from __future__ import annotations

from dataclasses import dataclass

from ..report import Effect


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A rule: `what` it finds, in words that stand behind a number; what it does by default; what it counts; whether it can drop."""

    what: str
    effect: Effect
    of: str
    can_drop: bool = False


def _text(what: str) -> Rule:
    return Rule(what=what, effect="changed", of="text")


def _row(what: str, effect: Effect, of: str = "pair") -> Rule:
    return Rule(what=what, effect=effect, of=of, can_drop=True)


RULES: dict[str, Rule] = {
    "encoding": _text("bytes that were read in a wrong encoding (mojibake), read in the right one"),
    "html": _text("HTML: tags, scripts and styles removed, entities read"),
    "control": _text("control and invisible characters removed"),
    "unicode": _text("letters and accents typed apart joined (Unicode NFC)"),
    "width": _text("full-width letters, digits and signs written as ASCII"),
    "script": _text("Chinese characters written in the script that was asked for"),
    "space": _text("white space: runs, ends of lines, empty lines"),
    "boilerplate": Rule(what="lines that stand in many passages removed", effect="changed", of="passage"),
    "broken": _row("characters that were lost (U+FFFD, 锟斤拷) or still look misread: the source has to be read anew", "told"),
    "empty": _row("no content: no letter or digit, or a placeholder such as N/A or 暂无", "dropped"),
    "short": _row("a query or passage with fewer tokens of the base than asked for", "dropped"),
    "long": _row("a query or passage with more tokens than the base reads: the rest is cut", "told"),
    "contradiction": _row("a negative whose text answers the same query", "dropped", "negative"),
    "duplicate": _row("the same query with the same positive again", "dropped"),
    "near-duplicate": _row("nearly the same query again, with nearly the same positive and the same numbers", "dropped"),
    "copied-query": _row("a positive that holds its query word for word", "told"),
    "language": _row("a query and positive in another language than the set's", "told"),
    "repeated-passage": Rule(what="a passage of the corpus with the text of another", effect="told", of="passage"),
}
"""Name -> rule."""
