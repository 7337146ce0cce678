"""What may name an adapter, an alias or a domain: words in any script, one spelling of each, safe as a folder's name on every system."""

import re
import unicodedata

LONGEST, LONGEST_BYTES = 100, 200
"""Characters, and bytes of UTF-8: a folder's name has at most 255, and some disks keep each accent as a letter of its own."""
RULE = (
    f"1 to {LONGEST} letters and digits of any script (at most {LONGEST_BYTES} bytes of UTF-8), '.', '_' or '-', "
    "and start with none of '.' and '-'"
)
_DEVICES = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?", re.IGNORECASE)
_UNSEEN = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0000-\U000e0fff]")
"""Letters and marks that show as nothing (Default_Ignorable_Code_Point); the others of that kind are format characters."""


def normalise(text: str) -> str:
    """Return the one spelling of a text that is typed: NFC, so that an accent is a part of its letter."""
    return unicodedata.normalize("NFC", text)


def fold(name: str) -> str:
    """Return what two names share that a disk may take for one: the same letters, whatever their case."""
    return normalise(normalise(name).casefold())


def is_name(text: str) -> bool:
    """Return whether a normalised text is made as names are."""
    return fits(text) and all(map(_may_stand, text)) and (text[0] == "_" or unicodedata.category(text[0])[0] in "LN")


def fits(text: str) -> bool:
    """Return whether a text is neither empty nor too long to name a folder."""
    return 0 < len(text) <= LONGEST and len(text.encode("utf-8", "replace")) <= LONGEST_BYTES


def why_not_a_folder(name: str) -> str | None:
    """Return why a new name cannot be that of a folder on Windows; None where it can."""
    if name.endswith("."):
        return "ends in a dot, which Windows drops"
    if _DEVICES.fullmatch(name):
        return "is a device name on Windows"
    return None


def has_unseen(text: str) -> bool:
    """Return whether a text holds what cannot be seen: control and format characters, letters without a shape, ends of lines."""
    return any(unicodedata.category(each) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp") or _UNSEEN.match(each) for each in text)


def to_name(text: str, otherwise: str) -> str:
    """Return a text as a part of a name: what no name may hold becomes a hyphen."""
    return re.sub("-+", "-", "".join(each if _may_stand(each) else "-" for each in normalise(text))).strip("-.") or otherwise


def _may_stand(character: str) -> bool:
    """Return whether a name may hold a character: a letter, mark or digit that can be seen, or one of `. _ -`."""
    return character in "._-" or (unicodedata.category(character) in _KINDS and not _UNSEEN.match(character))


_KINDS = ("Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc", "Nd")
