"""The licence of a data set, as the card beside it states it.

Source: https://huggingface.co/docs/hub/datasets-cards: the key `license` of the YAML before the text of `README.md`.
"""

from __future__ import annotations

from pathlib import Path

SAMPLE_LICENCE = "apache-2.0"
"""The sample is under the licence of the package."""
UNKNOWN = "unknown"
_LONGEST = 1 << 20  # bytes of a card
_JOINT = " + "


def licence_beside(source: Path) -> str | None:
    """Return the licence that `README.md` in a folder, or beside a file, states; None where it states none, or cannot be read."""
    card = (source if source.is_dir() else source.parent) / "README.md"
    try:
        if card.stat().st_size > _LONGEST:
            return None
        text = card.read_text(encoding="utf-8")
    except (OSError, ValueError):
        return None
    return _stated(text) if text.startswith("---") else None


def known_licence(source: str) -> str | None:
    """Return the licence of a recorded source that ships or that a domain names, whose record is from before licences were kept."""
    from .domains import domain_names, load_domain

    if source.startswith("sample:"):
        return SAMPLE_LICENCE
    sets = (each for name in domain_names() for each in load_domain(name).hub) if source.startswith("hub:") else ()
    return next((each.licence for each in sets if each.id == source.removeprefix("hub:").partition("@")[0]), None)


def join_licences(licences: list[str | None]) -> str | None:
    """Return the licences of several sources, in their order; None where none is known."""
    return _JOINT.join(each or UNKNOWN for each in licences) if any(licences) else None


def _stated(text: str) -> str | None:
    from huggingface_hub import RepoCard

    try:
        stated = RepoCard(text, ignore_metadata_errors=True).data.get("license")
    except Exception:  # whatever yaml makes of a text of somebody's
        return None
    words = [each.strip() for each in (stated if isinstance(stated, list) else [stated]) if isinstance(each, str) and each.strip()]
    return ", ".join(words)[:80] or None
