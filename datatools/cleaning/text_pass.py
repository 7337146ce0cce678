"""All texts of training data, cleaned: passages and queries of every split, one after another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from ...data.pairs import Corpus, Pairs, TrainingData
from ...events import Events
from .boilerplate import boilerplate_lines, has_lines, without_lines
from .ledger import Ledger, shorten, show_change
from .settings import CleanSettings
from .texts import TextRule, clean_text, text_rules

_EVERY = 1000  # texts between two reports of progress


def clean_texts(data: TrainingData, settings: CleanSettings, events: Events, ledger: Ledger) -> TrainingData:
    """Return the data with clean texts under the same ids."""
    work = _Work(text_rules(settings), events, ledger)
    corpus = _without_boilerplate(work.clean_all(data.corpus, "passage"), settings, ledger)
    dev = _with_queries(data.dev, work) if data.dev is not None else None
    return replace(data, corpus=corpus, train=_with_queries(data.train, work), dev=dev)


def clean_test(pairs: Pairs, corpus: Corpus, settings: CleanSettings, cleaned: tuple[Corpus, Corpus]) -> tuple[Pairs, Corpus]:
    """Clean the texts of a test split by the rules of texts; no row is dropped, and nothing is counted.

    Args:
        pairs: The test split.
        corpus: Its passages.
        settings: Those that the other splits were cleaned with.
        cleaned: The corpus of the other splits before and after; a passage of it becomes what it became there, without boilerplate.
    """
    before, after = cleaned
    rules = text_rules(settings)
    became = {text: after[pid] for pid, text in before.items()}
    passages = {pid: became[text] if text in became else clean_text(text, rules).text for pid, text in corpus.items()}
    return replace(pairs, queries={qid: clean_text(text, rules).text for qid, text in pairs.queries.items()}), passages


def _with_queries(pairs: Pairs, work: _Work) -> Pairs:
    return replace(pairs, queries=work.clean_all(pairs.queries, "query"))


@dataclass(frozen=True, slots=True)
class _Work:
    rules: list[TextRule]
    events: Events
    ledger: Ledger

    def clean_all(self, texts: Mapping[str, str], kind: str) -> dict[str, str]:
        """Return the texts of each id, clean; `kind` names them in the ledger."""
        cleaned = {}
        for at, (each, text) in enumerate(texts.items(), start=1):
            cleaned[each] = self._clean(text, f"{kind}:{each}")
            if at % _EVERY == 0 or at == len(texts):
                self.events.progress("cleaning texts", at, len(texts))
        return cleaned

    def _clean(self, text: str, where: str) -> str:
        outcome = clean_text(text, self.rules)
        told = {rule.name for rule in self.rules if rule.is_told}
        for rule, before, after in outcome.made:
            self.ledger.add(rule, "told" if rule in told else "changed", where, show_change(before, after))
        for rule in outcome.refused:
            self.ledger.keep(rule)
        return outcome.text


def _without_boilerplate(corpus: Corpus, settings: CleanSettings, ledger: Ledger) -> Corpus:
    """Return the corpus without the lines that many of its passages have; the same object where there are none."""
    effect = settings.effect_of("boilerplate")
    lines = frozenset() if effect == "off" else boilerplate_lines(corpus.values(), settings.boilerplate)
    if not lines:
        return corpus
    changed = {}
    for pid, passage in corpus.items():
        if not has_lines(passage, lines):
            continue
        left = next(without_lines(passage, lines), None)
        if left is None:
            ledger.keep("boilerplate")
        else:
            ledger.add("boilerplate", "told" if effect == "told" else "changed", f"passage:{pid}", _removed(passage, left))
            changed[pid] = left
    return corpus | changed if effect == "changed" else corpus


def _removed(passage: str, left: str) -> str:
    kept = set(left.split("\n"))
    return next((shorten(line) for line in passage.split("\n") if line not in kept), shorten(passage))
