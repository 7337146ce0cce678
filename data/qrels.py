"""Judgements: which passage answers which query, and how well. Rows of a qrels file, and of a set on the Hub, become graded positives.

As in trec_eval, of a pair that is judged several times the last grade counts. Grades end at 1,000: the library that scores keeps a
counter for every grade up to the highest.
"""

from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from pathlib import Path

from ..errors import DataError
from .read.files import reading

MAX_GRADE = 1_000
Judgement = tuple[str, str, str, int]
"""Where it stands (file and line), query id, passage id, grade."""


@dataclass(slots=True)
class Dangling:
    """Rows that name a query or a passage that is not there: skipped and counted, or refused.

    `there` says where they should be: what a row names -> the ids that are there, and the file that holds them.
    """

    skip: bool
    there: dict[str, tuple[Container[str], str]]
    count: int = 0
    first: str = ""

    def is_skipped(self, where: str, qid: str, pid: str) -> bool:
        """Return whether a row is skipped.

        Raises:
            DataError: it names what is not there, and nothing is to be skipped.
        """
        missing = ((what, key, *self.there[what]) for what, key in (("query", qid), ("passage", pid)))
        problem = next((f"{where}: {what} {key!r} is not in {file}" for what, key, ids, file in missing if key not in ids), None)
        if problem is None:
            return False
        if not self.skip:
            raise DataError(f"{problem}; correct or remove the row, or skip all such rows with --skip-dangling")
        self.count, self.first = self.count + 1, self.first or problem
        return True

    def notes(self, what: str) -> tuple[str, ...]:
        """Return the line that counts what was skipped; none where nothing was."""
        if not self.count:
            return ()
        return (f"skipped {what} that name a query or a passage that is not there: {self.count}; the first: {self.first}",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """Positives (query id -> passage id -> grade, 1 or more), where each one's grade stands, and the notes."""

    positives: dict[str, dict[str, int]]
    places: dict[tuple[str, str], str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def whole_grade(value: object) -> int | None:
    """Return a grade that is a whole number; None: it is none. One below 0 counts as -1, as none of them is a positive."""
    try:
        number = Decimal(value if isinstance(value, int | float) else str(value))
    except InvalidOperation:
        return None
    if not number.is_finite() or number != number.to_integral_value() or "_" in str(value):
        return None
    return int(max(Decimal(-1), min(number, Decimal(MAX_GRADE + 1))))  # cut before int(): 1e999999 has a million digits


def check_grade(where: str, grade: int, written: object) -> int:
    """Return a grade.

    Raises:
        DataError: it is above 1,000.
    """
    if grade > MAX_GRADE:
        raise DataError(f"{where}: the grade is {str(written).strip()[:40]}; expected a whole number from 0 to {MAX_GRADE:,}")
    return grade


def gather_positives(rows: Iterable[Judgement]) -> Judged:
    """Return the positives of judgements (a grade of 0 or less is not a positive), each pair with the last of its grades."""
    last: dict[tuple[str, str], tuple[int, str]] = {}
    positives: dict[str, dict[str, int]] = {}
    changed: dict[tuple[str, str], str] = {}
    for where, qid, pid, grade in rows:
        before, place = last.get((qid, pid), (grade, where))
        if before != grade:
            changed.setdefault((qid, pid), f"query {qid!r} with passage {pid!r}, {before} in {place} and {grade} in {where}")
        last[qid, pid] = grade, where
        if grade > 0:
            positives.setdefault(qid, {})[pid] = grade
        else:
            positives.get(qid, {}).pop(pid, None)
    notes = tuple(
        f"pairs judged more than once with different grades: {len(changed)}, the last grade of each counts; the first: {first}"
        for first in list(changed.values())[:1]
    )
    kept = {qid: graded for qid, graded in positives.items() if graded}
    return Judged(positives=kept, places={pair: place for pair, (grade, place) in last.items() if grade > 0}, notes=notes)


def read_qrels(path: Path) -> Iterator[Judgement]:
    """Yield the rows of a qrels file: query, passage and grade, or TREC's form with the iteration between; with or without a heading.

    Ids are what stands between the tabs, blanks and all.

    Raises:
        DataError: the file cannot be read, a row is malformed, or a grade is above 1,000.
    """
    with reading(path):
        lines = path.read_text(encoding="utf-8-sig").split("\n")  # not splitlines: an id may hold U+2028
    for number, line in enumerate(lines, start=1):
        cells = line.split("\t")
        if not line.strip() or (number == 1 and _is_heading(cells)):
            continue
        if len(cells) == 4:
            cells = [cells[0], *cells[2:]]  # TREC's form: query, iteration, passage, grade
        where, grade = f"{path}, line {number}", whole_grade(cells[-1])
        if len(cells) != 3 or grade is None:
            raise DataError(f"{where}: expected query-id, corpus-id and a whole number separated by tabs, found {line.strip()[:80]!r}")
        yield where, cells[0], cells[1], check_grade(where, grade, cells[-1])


def _is_heading(cells: list[str]) -> bool:
    """Return whether the first line names the columns: the last one is a word."""
    last = cells[-1].strip().lower()
    return last not in ("", "nan", "inf", "-inf", "infinity", "-infinity") and not any(sign.isdigit() for sign in last)
