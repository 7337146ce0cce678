r"""Text of others as it is shown: nothing in it moves a cursor, sets a title, draws a link or turns the direction of reading.

What a terminal would obey, and what reorders the letters beside it, is shown as its number (`\x1b`, `\u202e`), as Python and JSON write it.
Sources: ECMA-48 (control functions), https://www.unicode.org/reports/tr9/ (explicit directional formatting characters).
"""

import re

_OBEYED = re.compile(
    "["
    "\x00-\x08\x0b-\x1f\x7f-\x9f"  # C0 but for tab and end of line, DEL, C1: what begins ANSI and OSC sequences
    "\u2028\u2029"  # line and paragraph separators
    "\u202a-\u202e\u2066-\u2069"  # embeddings, overrides and isolates
    "\ufff9-\ufffb\U000e0000-\U000e007f"  # annotations and tags, which hold text that is not seen
    "\ud800-\udfff"  # halves of a surrogate pair, which no encoding takes
    "]"
)


def defuse(text: str) -> str:
    """Return a text, of one or more lines, that a terminal shows and does not obey."""
    return text if text.isprintable() else _OBEYED.sub(_as_number, text.replace("\r\n", "\n"))


def defuse_json(text: str) -> str:
    r"""Return JSON of the same value, in which the same characters are written as `\uXXXX`; its own ends of lines stay."""
    return text if text.isprintable() else _OBEYED.sub(_as_json, text)


def one_line(text: str) -> str:
    """Return a text that is shown within a line: each run of white space is a blank, and nothing is obeyed."""
    return " ".join(defuse(text).split())


def _as_number(found: re.Match[str]) -> str:
    code = ord(found[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _as_json(found: re.Match[str]) -> str:
    units = found[0].encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))
