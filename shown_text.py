r"""Text of others as it is shown: nothing in it moves the cursor, sets a title, hides a part or turns the reading direction.

What a terminal would take for a command, and what changes how letters are read without being seen, is shown as its number (`\x1b`, `\u202e`).
Source: https://www.unicode.org/reports/tr9/ (directions) and ECMA-48 (control sequences).
"""

import re

# C0 and C1 controls, DEL; marks and overrides of direction; line and paragraph separators; tags and other invisible marks.
_UNSAFE = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e007f\ud800-\udfff]"
)


def defuse(text: str) -> str:
    """Return a text, of one or more lines, that a terminal shows and does not obey."""
    return _UNSAFE.sub(_as_number, text.replace("\r\n", "\n")) if not text.isascii() or _has_controls(text) else text


def one_line(text: str) -> str:
    """Return a text that is shown within a line: runs of white space are a blank, and nothing is obeyed."""
    return " ".join(defuse(text).split())


def _has_controls(text: str) -> bool:
    return not text.isprintable()


def _as_number(found: re.Match[str]) -> str:
    code = ord(found[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
