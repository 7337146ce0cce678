"""All rows of training data, judged by the rules of rows: what is dropped of the training pairs, and what is told of them and of dev."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass, field

from ...data.pairs import Pairs, TrainingData
from ...data.preflight import cjk_share
from ...events import Events
from .content import Hits, broken, copied_query, is_empty, long, short, without_content
from .duplicates import add_negatives, add_weights, contradictions, repeated_passages, same_rows
from .language import main_languages, other_language
from .ledger import Ledger, shorten, show_row
from .lengths import Lengths, count_lengths, find_base
from .near import near_rows
from .rows import Key, Rows, without_rows
from .settings import CleanSettings

Finder = Callable[[Rows, Set[Key], "Known"], Hits]


@dataclass(frozen=True, slots=True)
class Known:
    """What the rules of rows go by: the settings, the lengths of the texts (None: not counted), the set's languages."""

    settings: CleanSettings
    lengths: Lengths | None
    languages: tuple[str, ...]


FINDERS: Mapping[str, Finder] = {
    "broken": lambda rows, _, __: broken(rows),
    "empty": lambda rows, _, __: without_content(rows),
    "short": lambda rows, _, known: short(rows, known.lengths) if known.lengths else iter(()),
    "long": lambda rows, _, known: long(rows, known.lengths) if known.lengths else iter(()),
    "duplicate": lambda rows, gone, _: same_rows(rows, gone),
    "near-duplicate": lambda rows, gone, known: near_rows(rows, gone, known.settings.near),
    "copied-query": lambda rows, _, __: copied_query(rows),
    "language": lambda rows, _, known: other_language(rows, known.languages),
}
"""Rule -> what finds its rows among the positives of a split, given those that are dropped already."""


@dataclass(slots=True)
class RowPass:
    """One pass over the rows: what it needs, and what it learns on the way for the report."""

    settings: CleanSettings
    events: Events
    ledger: Ledger
    notes: list[str] = field(default_factory=list)
    facts: dict[str, object] = field(default_factory=dict)

    def clean(self, data: TrainingData) -> Pairs:
        """Return the training pairs that stay; dev is looked at, and stays whole."""
        rows = Rows(data.corpus, data.train)
        known = self._learn(data, rows)
        gone = self._judge(rows, known, is_dev=False)
        if data.dev is not None:
            self._judge(Rows(data.corpus, data.dev), known, is_dev=True)
        self._tell_repeated(data)
        negatives = self._judge_negatives(rows)
        kept = add_negatives(add_weights(rows, gone) if data.train.weights else data.train, data.corpus, gone, negatives)
        return without_rows(kept, gone, negatives)

    def _learn(self, data: TrainingData, rows: Rows) -> Known:
        """Find the set's languages and count the tokens of its texts."""
        languages = self.settings.languages
        if not languages and self.settings.effect_of("language") != "off":
            self.events.stage("looking at the languages")
            languages = main_languages(rows)
        self.facts["languages"] = list(languages)
        return Known(self.settings, self._lengths(data), languages)

    def _lengths(self, data: TrainingData) -> Lengths | None:
        if all(self.settings.effect_of(rule) == "off" for rule in ("short", "long")):
            return None
        splits = [pairs for pairs in (data.train, data.dev) if pairs is not None]
        queries = list(dict.fromkeys(text for pairs in splits for text in pairs.queries.values()))
        passages = list(dict.fromkeys(data.corpus[pid] for pairs in splits for ids in pairs.positives.values() for pid in ids))
        base = find_base(self.settings, "zh" if _is_chinese(queries) else "en")
        if base is None:
            self.notes.append("lengths in tokens were not looked at: no base was found; name one with --base")
            return None
        self.notes.append(f"tokens are those of {base.spec.name}")
        return count_lengths(base, {"query": queries, "document": passages}, self.settings, self.events)

    def _judge(self, rows: Rows, known: Known, *, is_dev: bool) -> set[Key]:
        """Tell the ledger what each rule finds, and return the rows that are dropped."""
        gone: set[Key] = set()
        for rule, find in FINDERS.items():
            if (effect := self.settings.effect_of(rule)) == "off":
                continue
            self.events.stage(f"looking for rows of the rule {rule}{' in dev' if is_dev else ''}")
            found = [row for row in find(rows, gone, known) if row[0] not in gone]
            is_dropped = effect == "dropped" and not is_dev
            for key, query, passage in found:
                self.ledger.add(rule, "dropped" if is_dropped else "told", _name(key), show_row(query, passage), is_dev=is_dev)
            gone.update(key for key, _, _ in found if is_dropped)
        return gone

    def _judge_negatives(self, rows: Rows) -> set[Key]:
        """Return the negatives that are dropped: what answers the query after all, and what says nothing."""
        gone: set[Key] = set()
        found = {"contradiction": contradictions(rows), "empty": (row for row in rows.negatives() if is_empty(row[2]))}
        for rule, hits in found.items():
            effect = self.settings.effect_of(rule)
            for key, query, passage in hits if effect != "off" else ():
                if key not in gone:
                    self.ledger.add(rule, "dropped" if effect == "dropped" else "told", _name(key), show_row(query, passage))
                if effect == "dropped":
                    gone.add(key)
        return gone

    def _tell_repeated(self, data: TrainingData) -> None:
        if self.settings.effect_of("repeated-passage") != "off":
            for pid, text in repeated_passages(data.corpus):
                self.ledger.add("repeated-passage", "told", f"passage:{pid}", shorten(text))


def _name(key: Key) -> str:
    return f"row:{key[0]}:{key[1]}"


def _is_chinese(texts: list[str]) -> bool:
    return sum(cjk_share(text) >= 0.5 for text in texts[:1000]) * 2 > len(texts[:1000])
