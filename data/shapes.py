"""The rows of a source of pairs, as its heading shows them: with columns of the names that count, of others, or with conversations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import chain

from ..errors import DataError, did_you_mean
from .columns import Role, named_roles, role_of, stated_by
from .conversations import conversation_column, conversation_row
from .read.reading import Reading
from .readers import Row, Rows, refuse_twice
from .usual_names import guess_columns

_USUAL: dict[Role, str] = {"query": "anchor", "positive": "positive"}
"""What is needed -> its most usual name."""
_GUESSED: tuple[Role, ...] = ("query", "positive", "negative")
_HINT = "name them with --columns query=COLUMN,positive=COLUMN"


@dataclass(slots=True)
class PairShape:
    """What is done to the rows of one source, once its heading is known.

    Attributes:
        source: What it is called in messages.
        how: Which columns the user names, and where notes go.
    """

    source: str
    how: Reading
    _renamed: dict[str, str] = field(default_factory=dict)
    _dropped: set[str] = field(default_factory=set)
    _conversation: str | None = None

    def meet(self, found: Sequence[str]) -> None:
        """Decide by the heading.

        Raises:
            DataError: a column that the user names is not there, two have one name, or no column holds queries or what answers them.
        """
        refuse_twice(self.source, found)
        self._renamed, self._dropped, self._conversation = {}, set(), None
        self._take_named(found)
        there = self._roles(found)
        conversation = conversation_column(found)
        if "query" not in there and conversation is not None and self.how.finds_out:
            self._conversation = conversation
            self.how.note(
                f"{self.source}: conversations under {conversation!r}: the last question of each that is answered is the query, its answer the "
                "positive"
            )
            return
        guessed = self._guess(found, there) if self.how.finds_out else {}
        if missing := [role for role in _USUAL if role not in there and role not in guessed]:
            missing = [role for role in _USUAL if role not in there]
            raise DataError(
                f"{self.source} lacks the column {', '.join(_USUAL[role] for role in missing)}; expected {', '.join(_USUAL.values())}, it has "
                f"{', '.join(found) or 'none'}" + (f"; {_HINT}" if self.how.finds_out else "")
            )
        self._renamed |= {column: _numbered(role, number) for role, columns in guessed.items() for number, column in enumerate(columns)}
        if guessed:
            told = ", ".join(f"{role} from {column!r}" for role, columns in guessed.items() for column in columns)
            self.how.note(f"{self.source}: {told}, by the names of its columns (others: --columns)")

    def rows(self, rows: Rows) -> Rows:
        """Yield the rows as they are read; a conversation that is not one is a bad row."""
        for where, row in rows:
            try:
                yield where, self.row(where, row)
            except DataError as e:
                self.how.bad.refuse_error(where, e)

    def row(self, where: str, row: Row) -> Row:
        """Return a row under the names that count.

        Raises:
            DataError: its conversation is not one.
        """
        if self._renamed or self._dropped:
            self._drop_late(row)
            row = {self._renamed.get(column, column): value for column, value in row.items() if column not in self._dropped}
        if self._conversation is not None and self._conversation in row:
            return conversation_row(where, row, self._conversation)
        return row

    def _drop_late(self, row: Row) -> None:
        """Pass over keys that come in a later row and would take the place of a column that was named or guessed."""
        taken = set(self._renamed.values())
        roles = {role for role, _ in self.how.options.named}
        late = {key for key in row if key not in self._renamed and key not in self._dropped and (key in taken or _holds(key) in roles)}
        if late:
            self._dropped |= late
            self.how.note(f"{self.source}: not used in later rows: {', '.join(sorted(late))} (--columns names others)")

    def _take_named(self, found: Sequence[str]) -> None:
        named = self.how.options.named
        if named and self.how.is_one_of_several and not any(column in found for _, column in named):
            self.how.note(f"{self.source}: it has none of the columns that --columns names")
            return
        for role, column in named:
            if column not in found:
                raise DataError(
                    f"{self.source} has no column {column!r}, which --columns names for the {role}; its columns: {', '.join(found)}."
                    f"{did_you_mean(column, found)}"
                )
            taken = [each for each, _ in named[: [other for _, other in named].index(column)]].count(role)
            self._renamed[column] = _numbered(role, taken)
        roles = {role for role, _ in named}
        self._dropped = {column for column in found if column not in self._renamed and _holds(column) in roles}
        if self._dropped:
            self.how.note(f"{self.source}: not used: {', '.join(sorted(self._dropped))} (--columns names others)")

    def _roles(self, found: Sequence[str]) -> set[str]:
        return set(named_roles([self._renamed.get(column, column) for column in found if column not in self._dropped]))

    def _guess(self, found: Sequence[str], there: set[str]) -> dict[Role, list[str]]:
        """Return the columns that probably hold what no column is known to hold."""
        free = [column for column in found if column not in self._renamed and column not in self._dropped and _holds(column) is None]
        return {role: columns for role in _GUESSED if role not in there and (columns := guess_columns(role, free))}


def _numbered(role: str, number: int) -> str:
    return f"{role}_{number}" if number else role


def _holds(column: str) -> str | None:
    """Return what a column is used for by its name; None where it is not."""
    found = role_of(column)
    return found[0] if found is not None else stated_by(column)


def shape_rows(source: str, rows: Rows, how: Reading) -> Rows:
    """Yield rows in the shape that the keys of the first one show; as they are, where it shows none and the user names no columns.

    Raises:
        DataError: a column that the user names is not there.
    """
    first = next(rows, None)
    if first is None:
        return
    shape = PairShape(source, how)
    try:
        shape.meet(list(first[1]))
    except DataError:
        if how.options.named:
            raise
    yield from shape.rows(chain([first], rows))
