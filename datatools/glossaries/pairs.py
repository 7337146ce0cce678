"""A glossary -> training pairs: a term, its synonyms and questions after it find its definition, and not those of its siblings."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from ...data.draw import draw
from ...data.gather import TextRow, pool_rows
from ...data.pairs import TrainingData
from ...data.terms import Glossary, Term, fold_name
from ...errors import ConfigError, DataError
from ...events import QUIET, Events
from ..report import Finding, Prepared, ToolReport, counts_of, examples_of

QUESTIONS = {
    "en": ("what is {term}?", "what does {term} mean?", "definition of {term}"),
    "zh": ("什么是{term}？", "{term}是什么意思？", "{term}的定义"),
}
"""Language of the term -> questions after it."""
_HAN = re.compile(r"[\u3400-\u9fff]")


@dataclass(frozen=True, slots=True, kw_only=True)
class GlossarySettings:
    """What is made of a glossary.

    Attributes:
        negatives: How many definitions of siblings, terms of the same parent, a query gets as hard negatives at most.
        questions: Whether questions are made too.
        seed: Draws the siblings.
    """

    negatives: int = 4
    questions: bool = True
    seed: int = 0

    def __post_init__(self) -> None:
        if self.negatives < 0:
            raise ConfigError(f"{self.negatives} negatives are asked for; expected 0 or more")


def pair_glossary(
    glossary: Glossary, settings: GlossarySettings | None = None, events: Events = QUIET, *, source: str = "glossary"
) -> Prepared:
    """Make training data of a glossary. There is no dev split: a term's queries share their definition.

    What answers a name is its definition; where a term has none, its synonyms find the term itself.

    Raises:
        DataError: no term has a definition or a synonym.
    """
    settings = settings or GlossarySettings()
    events.stage("making pairs of the glossary")
    rows = list(_rows(glossary, settings))
    if not rows:
        raise DataError(f"{source}: no term has a definition or a synonym, so that there is nothing to learn; expected either of them")
    corpus, train = pool_rows(rows, source)
    data = TrainingData(corpus=corpus, train=train, dev=None, source=source, notes=glossary.notes)
    read = {"terms": len(glossary), "synonyms": sum(len(term.synonyms) for term in glossary.terms)}
    findings = tuple(_findings(glossary, rows, len(train)))
    return Prepared(
        data=data, report=ToolReport(tool="glossary", read=read, written=counts_of(data), findings=findings, notes=glossary.notes)
    )


def _rows(glossary: Glossary, settings: GlossarySettings) -> Iterator[TextRow]:
    siblings = _siblings(glossary)
    for number, term in enumerate(glossary.terms):
        answer = term.definition or term.name
        names = term.names if term.definition else term.synonyms
        others = [text for text in siblings.get(fold_name(term.parent or ""), ()) if text != answer]
        negatives = tuple(draw(others, settings.negatives, settings.seed + number))
        for name in names:
            for query in (name, *(_questions(name) if settings.questions and term.definition else ())):
                yield TextRow(f"the term {term.name!r}", query, (answer,), negatives)


def _siblings(glossary: Glossary) -> dict[str, list[str]]:
    """Return folded parent -> the definitions of its terms, each once."""
    found: dict[str, dict[str, None]] = defaultdict(dict)
    for term in glossary.terms:
        if term.parent and term.definition:
            found[fold_name(term.parent)][term.definition] = None
    return {parent: list(definitions) for parent, definitions in found.items()}


def _questions(name: str) -> Iterator[str]:
    return (question.format(term=name) for question in QUESTIONS["zh" if _HAN.search(name) else "en"])


def _findings(glossary: Glossary, rows: list[TextRow], queries: int) -> Iterator[Finding]:
    yield Finding(
        what="queries of the glossary", effect="added", count=queries, of="query", examples=examples_of(_shown(row) for row in rows)
    )
    with_negatives = [row for row in rows if row.negatives]
    if with_negatives:
        examples = examples_of(f"{row.query}: {row.negatives[0]}" for row in with_negatives)
        yield Finding(
            what="with definitions of siblings as hard negatives", effect="added", count=len(with_negatives), of="row", examples=examples
        )
    for what, bare in (
        (
            "without a definition: their synonyms find the term itself",
            [term for term in glossary.terms if not term.definition and term.synonyms],
        ),
        (
            "without a definition and synonyms, of which nothing is made",
            [term for term in glossary.terms if not term.definition and not term.synonyms],
        ),
        ("given more than once, whose definitions all answer", _repeated(glossary)),
    ):
        if bare:
            yield Finding(what=what, effect="told", count=len(bare), of="term", examples=examples_of(term.name for term in bare))


def _repeated(glossary: Glossary) -> list[Term]:
    seen: set[str] = set()
    return [term for term in glossary.terms if fold_name(term.name) in seen or seen.add(fold_name(term.name))]  # type: ignore[func-returns-value]


def _shown(row: TextRow) -> str:
    return f"{row.query} -> {row.positives[0]}"
