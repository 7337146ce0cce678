"""Event logs made by hand: a few lines say who was answered what, and what was clicked."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

START = datetime(2026, 11, 2, tzinfo=UTC).timestamp()
DAY = 86400.0
ITEMS = tuple(f"item {number}" for number in range(1, 11))
ID = "20261102-0000abcd"


class Log:
    """The lines of a log in the making."""

    def __init__(self, arms: Sequence[str] = ("base", "legal@best"), kind: str = "split", **record: Any) -> None:
        share = 1 / len(arms)
        pinned = [{"name": name, "reference": f"{name} 3", "sha256": "0" * 64, "share": share} for name in arms]
        self.record = {"id": ID, "created": "2026-11-02T00:00:00+00:00", "kind": kind, "arms": pinned, "ramps": []} | record
        self.arms, self.kind, self.lines, self.answers = arms, kind, list[dict[str, Any]](), 0

    def answer(
        self,
        user: str | None,
        arm: int | str | None,
        clicks: Sequence[int] = (),
        bought: Sequence[int] = (),
        *,
        at: float | None = None,
        wait: float = 10.0,
        **other: Any,
    ) -> str:
        """Add an answer at so many seconds after the start, with clicks and purchases of positions so many seconds later."""
        self.answers += 1
        name, moment = f"answer-{self.answers}", START + (self.answers if at is None else at)
        line = {
            "kind": "answer",
            "at": moment,
            "id": name,
            "user": user,
            "experiment": ID,
            "arm": self.arms[arm] if isinstance(arm, int) else arm,
            "query": "who pays rent",
        }
        self.lines.append(line | {"shown": list(ITEMS), "ms": 20.0, "segment": None} | other)
        for kind, positions in (("click", clicks), ("purchase", bought)):
            self.lines += [self.event(kind, name, position, moment + wait) for position in positions]
        return name

    @staticmethod
    def event(kind: str, answer: str, position: int, at: float) -> dict[str, Any]:
        return {"kind": kind, "at": at, "answer": answer, "item": f"item {position}", "position": position}

    def write(self, folder: Path, *more: bytes) -> Path:
        """Write the log, `more` at the end of its last file."""
        (folder / "experiments").mkdir(parents=True)
        (folder / "events").mkdir()
        (folder / "experiments" / f"{ID}.json").write_text(json.dumps(self.record))
        days: dict[str, list[str]] = {}
        for line in sorted(self.lines, key=lambda each: each["at"]):
            day = datetime.fromtimestamp(line["at"], UTC).strftime("%Y-%m-%d")
            days.setdefault(day, []).append(json.dumps(line, ensure_ascii=False) + "\n")
        for day, lines in days.items():
            (folder / "events" / f"{day}.jsonl").write_text("".join(lines), encoding="utf-8")
        with (folder / "events" / f"{max(days, default='2026-11-02')}.jsonl").open("ab") as file:
            file.write(b"".join(more))
        return folder
