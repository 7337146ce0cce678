"""The encoding of a text file: said by its user, by a byte-order mark, or by the bytes of the whole file.

Without a mark it is UTF-8 if every byte is. Otherwise the lines with bytes outside ASCII are read strictly as GB18030 and as Big5, and the
reading with more common characters counts: the share of them is far from that of a wrong reading from a dozen characters on. Where neither
holds Chinese it is Windows-1252. A near tie, and a file that mixes encodings, is refused.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ...errors import DataError
from ...plurals import count
from ...shown_text import one_line
from .common_characters import COMMON
from .files import open_bytes
from .lines import LONGEST_LINE
from .quoting import QuotingNote
from .reading import UTF_8, Reading

BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
"""Mark -> encoding; that of UTF-32 begins as that of UTF-16 does."""
CHINESE = {"gb18030": "GB18030", "cp950": "Big5", "big5hkscs": "Big5 of Hong Kong"}
WESTERN = "cp1252"
NAMES = {**CHINESE, WESTERN: "Windows-1252"}
LEAST_SHARE = 0.3
"""From this share of common characters on, a reading is Chinese."""
_BLOCK = 1 << 20
_ENOUGH = 100_000  # characters to judge by; that all of the file fits is seen of every line
_SHOWN = 40
_TO_SAY = "say --encoding"


def find_encoding(path: Path, reading: Reading) -> str:
    """Return the encoding of a file as `open_text` takes it, and note how it was found where it is not UTF-8.

    Raises:
        DataError: two readings are nearly as good, the file mixes encodings, or nothing fits.
        OSError: it cannot be read.
    """
    if path not in reading.encodings:
        reading.encodings[path] = _find(path, reading)
    found, note = reading.encodings[path]
    if note is not None:
        reading.note(note)
    return found


def _find(path: Path, reading: Reading) -> tuple[str, str | None]:
    """Return the encoding of a file, and the line on how it was found."""
    if (said := reading.options.encoding) is not None:
        return UTF_8 if said == "utf-8" else said, None
    with open_bytes(path) as file:
        start = file.read(4)
    marked = next((encoding for mark, encoding in BYTE_ORDER_MARKS if start.startswith(mark)), None)
    if marked is not None:
        return marked, None if marked == UTF_8 else f"{path.name}: read as {marked.upper()}, as its byte-order mark says"
    if not reading.finds_out or _is_utf_8(path):
        return UTF_8, None
    return _judge(path, reading)


@dataclass(slots=True)
class Candidate:
    """A reading of the lines outside ASCII: how many characters and how many common ones, and the first line that it does not fit."""

    encoding: str
    characters: int = 0
    common: int = 0
    failed: int | None = None

    @property
    def share(self) -> float:
        """The share of common characters; 0 of a reading that does not fit."""
        return self.common / max(self.characters, 1) if self.failed is None else 0.0

    def read(self, number: int, line: bytes) -> None:
        """Read a line, and count its characters while there are few enough to be worth it."""
        if self.failed is not None:
            return
        try:
            text = line.decode(self.encoding)
        except UnicodeDecodeError:
            self.failed = number
            return
        if self.characters < _ENOUGH:
            for character in text:
                if "\x7f" < character < "\U00010000":  # emoji say nothing: both readings that have them read them alike
                    self.characters += 1
                    self.common += character in COMMON


@dataclass(slots=True)
class _Lines:
    """How many lines of a kind there are, and the first one."""

    count: int = 0
    number: int = 0
    first: bytes = b""

    def add(self, number: int, line: bytes) -> None:
        if not self.count:
            self.number, self.first = number, line
        self.count += 1


@dataclass(slots=True)
class _Evidence:
    """What the lines with bytes outside ASCII show: those that are surely UTF-8, those that may be by chance, and the others."""

    candidates: dict[str, Candidate] = field(default_factory=lambda: {name: Candidate(name) for name in (*CHINESE, WESTERN)})
    utf_8: _Lines = field(default_factory=_Lines)
    doubtful: _Lines = field(default_factory=_Lines)
    others: _Lines = field(default_factory=_Lines)
    in_pairs: int = 0

    def add(self, number: int, line: bytes) -> None:
        text = _as_utf_8(line)
        if text is not None and _is_surely_text(text):
            self.utf_8.add(number, line)
            return
        (self.others if text is None else self.doubtful).add(number, line)
        self.in_pairs += _is_in_pairs(line)
        for candidate in self.candidates.values():
            candidate.read(number, line)


def _judge(path: Path, reading: Reading) -> tuple[str, str]:
    evidence = _Evidence()
    for number, line in _lines_outside_ascii(path):
        evidence.add(number, line)
    if evidence.utf_8.count >= evidence.others.count:
        return _mixed(path, evidence, UTF_8, skip=reading.bad.skip)
    found, why = _decide(path, evidence)
    if found == WESTERN and not evidence.utf_8.count:
        evidence.utf_8 = evidence.doubtful  # two bytes of UTF-8 are two letters in Chinese, and make no sense in Western text
    if evidence.utf_8.count:
        return _mixed(path, evidence, found, skip=reading.bad.skip)
    number, line = evidence.others.number, evidence.others.first
    told = f"{path.name}: read as {NAMES[found]}, because it is not UTF-8 (line {number}) and {why}"
    return found, QuotingNote(f"{told}; line {number} reads {_shown(line, found)!r}: if that is wrong, {_TO_SAY}", told)


def _decide(path: Path, evidence: _Evidence) -> tuple[str, str]:
    """Return the encoding that fits best, and why.

    Raises:
        DataError: none does, or two do.
    """
    candidates = evidence.candidates
    if candidates["cp950"].failed is None:
        candidates["big5hkscs"].failed = 0  # the wider one is for what the usual one does not hold
    first, second = sorted((candidates[name] for name in CHINESE), key=lambda each: -each.share)[:2]
    if first.share >= LEAST_SHARE:
        if first.share - second.share < _margin(first.characters):
            raise _near_tie(path, evidence, [first.encoding, second.encoding if second.failed is None else WESTERN])
        return (
            first.encoding,
            f"{first.share:.0%} of its {count(first.characters, 'character')} outside ASCII are common ones in that reading",
        )
    fitting = [each.encoding for each in candidates.values() if each.failed is None]
    if fitting not in ([], [WESTERN]) and evidence.in_pairs * 2 > evidence.others.count + evidence.doubtful.count:
        raise _near_tie(path, evidence, fitting)
    if WESTERN in fitting:
        return WESTERN, "no Chinese encoding makes sense of it"
    number, line = evidence.others.number, evidence.others.first
    raise DataError(f"{path}, line {number}: neither UTF-8, GB18030, Big5 nor Windows-1252 text ({line[:20]!r}...); {_TO_SAY}")


def _margin(characters: int) -> float:
    """Return by how much the better share has to be higher: with few characters a wrong reading may look well."""
    return min(1.0, max(0.25, 3 / max(characters, 1)))


def _near_tie(path: Path, evidence: _Evidence, encodings: list[str]) -> DataError:
    number, line = evidence.others.number, evidence.others.first
    readings = " or ".join(f"{NAMES[each]} ({_shown(line, each)!r})" for each in dict.fromkeys(encodings) if _shown(line, each))
    return DataError(
        f"{path} is not UTF-8, and its few characters outside ASCII do not show what it is: line {number} may be {readings}; "
        f"{_TO_SAY} {encodings[0]}, or another one"
    )


def _mixed(path: Path, evidence: _Evidence, other: str, *, skip: bool) -> tuple[str, str]:
    """Refuse a file that mixes encodings, or read it as what most of its lines are in: the others are bad rows then."""
    utf_8, others = evidence.utf_8, evidence.others
    is_mostly_utf_8 = utf_8.count >= others.count
    if skip:
        taken = UTF_8 if is_mostly_utf_8 else other
        return taken, f"{path.name} mixes encodings; it is read as {NAMES.get(taken, 'UTF-8')}, as most of its lines outside ASCII are"
    where = others.number if is_mostly_utf_8 else utf_8.number
    raise DataError(
        f"{path}, line {where}: the file mixes encodings, or is damaged: of its lines outside ASCII {utf_8.count} are UTF-8 (line {utf_8.number}) and "
        f"{others.count} are not (line {others.number}); save it in one encoding, or skip the lines of the other with --skip-bad"
    )


def _is_utf_8(path: Path) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    with open_bytes(path) as file:
        try:
            while block := file.read(_BLOCK):
                if not block.isascii() or decoder.getstate()[0]:
                    decoder.decode(block)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return False
    return True


def _lines_outside_ascii(path: Path) -> Iterator[tuple[int, bytes]]:
    """Yield the lines that have bytes outside ASCII, with their numbers; of one that is too long, its start."""
    with open_bytes(path) as file:
        rest, number = b"", 0
        while block := file.read(_BLOCK):
            *lines, rest = (rest + block).split(b"\n")
            if len(rest) > LONGEST_LINE:
                rest = rest[:_BLOCK]  # it is refused when its text is read
            yield from ((number + row, line) for row, line in enumerate(lines, start=1) if not line.isascii())
            number += len(lines)
        if not rest.isascii():
            yield number + 1, rest


def _as_utf_8(line: bytes) -> str | None:
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError:
        return None


def _is_surely_text(text: str) -> bool:
    """Return whether a line that is valid UTF-8 is so on purpose: it holds emoji, or mostly common characters."""
    outside = [character for character in text if character > "\x7f"]
    return any(character >= "\U0001f000" for character in outside) or 2 * sum(each in COMMON for each in outside) >= len(outside)


def _is_in_pairs(line: bytes) -> bool:
    """Return whether the bytes outside ASCII stand in runs of even lengths, as in GB2312 and never for long in Western text."""
    runs = line.translate(_HIGH).split()
    return all(len(run) % 2 == 0 for run in runs)


_HIGH = bytes(0x20 if byte < 0xA1 else 0x78 for byte in range(256))


def _shown(line: bytes, encoding: str) -> str:
    """Return the part of a line around its first byte outside ASCII, as an encoding reads it; empty where it does not."""
    try:
        text = line.decode(encoding).strip()
    except UnicodeDecodeError:
        return ""
    first = next((place for place, character in enumerate(text) if not character.isascii()), 0)
    start = max(0, min(first - 5, len(text) - _SHOWN))
    return one_line(text[start : start + _SHOWN])
