"""Rules on training data: positives and negatives added, false negatives removed, positives that a rule speaks against told or dropped."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from ...data.draw import draw
from ...data.pairs import Pairs, TrainingData
from ...events import QUIET, Events
from ..report import EXAMPLES, Effect, Finding, Prepared, ToolReport, counts_of, examples_of
from .rules import Action, Rule

_LOOKED_AT = 8
"""For each negative that is wanted, how many passages are looked at."""


@dataclass(slots=True)
class _Shown:
    """How many there are, and the first few, shortened: a corpus may have millions, and passages are long."""

    count: int = 0
    examples: tuple[str, ...] = ()


@dataclass(slots=True)
class _Changes:
    """What a rule did: (effect, what, of) -> the pairs."""

    found: dict[tuple[Effect, str, str], _Shown] = field(default_factory=lambda: defaultdict(_Shown))

    def note(self, effect: Effect, what: str, example: str, of: str = "pair") -> None:
        shown = self.found[effect, what, of]
        shown.count += 1
        if len(shown.examples) < EXAMPLES:
            shown.examples = examples_of((*shown.examples, example))


@dataclass(frozen=True, slots=True)
class _Query:
    """A training query that a rule speaks of: its id and text, the values that it names, and the passages that fit."""

    id: str
    text: str
    asked: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Ruled:
    """A rule over a corpus: value -> the passages that hold it, passage -> the values in it, and the passages that hold any."""

    rule: Rule
    corpus: dict[str, str]
    passages: dict[str, list[str]]
    held: dict[str, frozenset[str]]
    ruled: list[str]
    seed: int

    def fits(self, query: _Query, pid: str) -> bool:
        return self.rule.fits(query.asked, self.held.get(pid, frozenset()))

    def holding(self, query: _Query) -> list[str]:
        """Return the passages that hold one of the query's values."""
        return list(dict.fromkeys(pid for value in sorted(query.asked) for pid in self.passages.get(value, ())))


def apply_rules(data: TrainingData, rules: Sequence[Rule], events: Events = QUIET, *, seed: int = 0) -> Prepared:
    """Apply rules to the training pairs, one after another. Dev is as it was; no query loses its last positive.

    Args:
        data: The data; its corpus is where passages are looked for.
        rules: As `read_rules` gives them.
        events: Receives the progress.
        seed: Draws negatives.
    """
    train = Pairs(**{name: dict(of_query) for name, of_query in data.train.by_query().items()})
    train.positives.update({qid: dict(graded) for qid, graded in train.positives.items()})
    train.negatives.update({qid: list(ids) for qid, ids in train.negatives.items()})
    findings: list[Finding] = []
    for rule in rules:
        events.stage(f"applying the rule {rule.name}")
        findings += _apply(_over(rule, data, seed), train)
    made = replace(data, train=train)
    report = ToolReport(tool="rules", read=counts_of(data), written=counts_of(made), findings=tuple(findings))
    return Prepared(data=made, report=report)


def _over(rule: Rule, data: TrainingData, seed: int) -> _Ruled:
    passages: dict[str, list[str]] = defaultdict(list)
    held = {pid: values for pid, text in data.corpus.items() if (values := rule.held(text))}
    for pid, values in held.items():
        for value in sorted(values):
            passages[value].append(pid)
    return _Ruled(rule, data.corpus, passages, held, list(held), seed)


def _apply(ruled: _Ruled, train: Pairs) -> list[Finding]:
    changes, spoken_of = _Changes(), 0
    for number, (qid, text) in enumerate(train.queries.items()):
        if asked := ruled.rule.asked(text):
            spoken_of += 1
            query = _Query(qid, text, asked)
            for action in (*ruled.rule.do, *(() if "drop-positives" in ruled.rule.do else ("tell-positives",))):
                _ACTIONS[action](ruled, query, train, changes, number)
    name = ruled.rule.name
    told = Finding(what=f"{name}: queries that name a value", effect="told", count=spoken_of, of="query")
    return [
        told,
        *(
            Finding(what=f"{name}: {what}", effect=effect, count=shown.count, of=of, examples=shown.examples)
            for (effect, what, of), shown in changes.found.items()
        ),
    ]


def _add_positives(ruled: _Ruled, query: _Query, train: Pairs, changes: _Changes, _: int) -> None:
    if ruled.rule.holds == "must not":
        return  # what does not hold a value is nearly everything
    fitting = [pid for pid in ruled.holding(query) if ruled.fits(query, pid)]
    if len(fitting) > ruled.rule.most_positives:
        changes.note(
            "told", f"more than {ruled.rule.most_positives} passages hold the value: none added as a positive", query.text, "query"
        )
        return
    for pid in fitting:
        if pid not in train.positives[query.id]:
            train.positives[query.id][pid] = 1
            _drop_negative(train, query.id, pid)
            changes.note("added", "positives that hold the value", _shown(ruled, query, pid))


def _add_negatives(ruled: _Ruled, query: _Query, train: Pairs, changes: _Changes, number: int) -> None:
    rule, own = ruled.rule, {*train.positives[query.id], *train.negatives.get(query.id, ())}
    seed = ruled.seed + number
    # A few of many passages are drawn and looked at: to look at all of them for each query would take hours on a large corpus.
    others = ruled.holding(query) if rule.holds == "must not" else draw(ruled.ruled, _LOOKED_AT * rule.most_negatives, seed)
    wrong = [pid for pid in others if pid not in own and not ruled.fits(query, pid)]
    for pid in draw(wrong, rule.most_negatives, seed):
        train.negatives.setdefault(query.id, []).append(pid)
        what = "negatives that hold the value" if rule.holds == "must not" else "negatives that hold another value"
        changes.note("added", what, _shown(ruled, query, pid))


def _remove_false_negatives(ruled: _Ruled, query: _Query, train: Pairs, changes: _Changes, _: int) -> None:
    if ruled.rule.holds == "must not":
        return  # that a passage lacks a value does not make it an answer
    for pid in list(train.negatives.get(query.id, ())):
        if ruled.fits(query, pid):
            _drop_negative(train, query.id, pid)
            changes.note("dropped", "negatives that hold the value, and so may well answer", _shown(ruled, query, pid), "negative")


def _drop_positives(ruled: _Ruled, query: _Query, train: Pairs, changes: _Changes, number: int) -> None:
    against = [pid for pid in train.positives[query.id] if not ruled.fits(query, pid)]
    if len(against) == len(train.positives[query.id]):
        _tell_positives(ruled, query, train, changes, number)  # a query without an answer is no row
        return
    for pid in against:
        del train.positives[query.id][pid]
        changes.note("dropped", "positives that the rule speaks against", _shown(ruled, query, pid))


def _tell_positives(ruled: _Ruled, query: _Query, train: Pairs, changes: _Changes, _: int) -> None:
    for pid in train.positives[query.id]:
        if not ruled.fits(query, pid):
            changes.note("told", "positives that the rule speaks against, kept", _shown(ruled, query, pid))


def _drop_negative(train: Pairs, qid: str, pid: str) -> None:
    left = [each for each in train.negatives.get(qid, ()) if each != pid]
    if left:
        train.negatives[qid] = left
    else:
        train.negatives.pop(qid, None)


def _shown(ruled: _Ruled, query: _Query, pid: str) -> str:
    return f"{query.text[:60]} | {ruled.corpus[pid]}"


_Act = Callable[[_Ruled, _Query, Pairs, _Changes, int], None]
_ACTIONS: dict[Action | str, _Act] = {
    "add-positives": _add_positives,
    "add-negatives": _add_negatives,
    "remove-false-negatives": _remove_false_negatives,
    "drop-positives": _drop_positives,
    "tell-positives": _tell_positives,
}
