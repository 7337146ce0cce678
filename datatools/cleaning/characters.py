"""Characters of a text: those that are not seen, forms of one letter, full-width forms, white space."""

from __future__ import annotations

import re
import unicodedata

_UNSEEN = "\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e007f"
_TERMINAL = r"\x1b\[[0-9;?]*[A-Za-z]"
_REMOVED = re.compile(rf"(?:{_TERMINAL}|[{_UNSEEN}])+")
_BETWEEN_NUMBERS = re.compile(rf"(?<=\d)(?:{_TERMINAL}|[{_UNSEEN}])+(?=\d)")
_SURROGATES = re.compile("[\ud800-\udfff]+")
_KEPT_WIDE = "！（），：；？～｀［］｛｝｟｠"  # punctuation of Chinese typography
_NARROW = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F) if chr(code) not in _KEPT_WIDE and chr(code) != "．"}
_BETWEEN_DIGITS = re.compile(r"(?<=\d)[．：](?=\d)")
_LINE_ENDS = re.compile("\r\n|[\r\v\f\x85\u2028\u2029]")
_BLANKS = re.compile(r"[^\S\n]+")
_EMPTY_LINES = re.compile(r"\n\s*\n")


def remove_unseen(text: str) -> str:
    """Return a text without control characters, terminal escapes, marks of direction, zero-width blanks, soft hyphens and byte-order marks.

    Between two digits a blank takes their place, so that no two numbers become one. Tab and line ends stay, as do the joiners that
    scripts and emoji need (U+200C, U+200D). Halves of surrogate pairs are joined, or removed.
    """
    if text.isprintable():
        return text
    if _SURROGATES.search(text):
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "ignore")
    return _REMOVED.sub("", _BETWEEN_NUMBERS.sub(" ", text))


def digits_of(text: str) -> list[str]:
    """Return the runs of digits in a text, those within terminal escapes left out."""
    return re.findall(r"\d+", re.sub(_TERMINAL, "", text) if "\x1b" in text else text)


def compose(text: str) -> str:
    """Return a text in Unicode's form NFC. NFKC is never used: it makes "10²" a "102" and "½" a "1⁄2"."""
    return unicodedata.normalize("NFC", text)


def narrow(text: str) -> str:
    """Return a text with ASCII letters, digits and signs in place of full-width ones.

    "１２" becomes "12", which is the same number otherwise written. The punctuation of Chinese typography stays wide, but for a point and a
    colon between digits.
    """
    if text.isascii():
        return text
    narrowed = text.translate(_NARROW)
    return _BETWEEN_DIGITS.sub(lambda found: "." if found[0] == "．" else ":", narrowed) if narrowed != text else text


def tidy_space(text: str) -> str:
    """Return a text with one blank in place of each run of white space, no blanks around lines, and no empty lines."""
    lines = _LINE_ENDS.sub("\n", text)
    blanks = _BLANKS.sub(" ", lines)
    return _EMPTY_LINES.sub("\n", "\n".join(line.strip() for line in blanks.split("\n"))).strip()
