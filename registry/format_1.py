"""Entries of format 1, in which bases, parents and data held absolute paths, and no side was recorded."""

import json
from dataclasses import fields
from typing import Any

from .places import take_out
from .records import DataRecord


def entry_from_format_1(entry: dict[str, Any]) -> dict[str, Any]:
    """Return an entry's JSON in format 2."""
    base = entry["base"]
    bases = base if isinstance(base, list) else [base]
    renamed = {key: value for key, value in entry.items() if key != "base"} | {"side": "both", "bases": bases}
    if data := entry.get("data"):
        renamed["data"] = _data(data)
    if scores := entry.get("scores"):
        renamed["scores"] = {name: {"metric": "nDCG@10"} | score for name, score in scores.items()}
    return take_out(renamed)


def _data(data: dict[str, Any]) -> dict[str, Any]:
    """Keep what format 2 has a key for, and the rest, which format 1 let anybody write, as notes."""
    known = {each.name for each in fields(DataRecord)}
    notes = [
        *data.get("notes", []),
        *(f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in data.items() if key not in known),
    ]
    kept = {key: value for key, value in data.items() if key in known}
    return {"source": "not recorded"} | kept | ({"notes": notes} if "notes" in data or notes else {})
