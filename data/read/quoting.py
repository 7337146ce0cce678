"""Notes that quote the data: they are shown, and what is recorded with an adapter, which may be shared, leaves the quotation out."""

from __future__ import annotations


class QuotingNote(str):
    """A note as it is shown. `recorded` is the same one without texts of the data."""

    recorded: str

    def __new__(cls, shown: str, recorded: str) -> QuotingNote:
        """Make one of both."""
        made = super().__new__(cls, shown)
        made.recorded = recorded
        return made


def recorded_note(note: str) -> str:
    """Return a note as it may be recorded."""
    return note.recorded if isinstance(note, QuotingNote) else note
