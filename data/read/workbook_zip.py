"""A workbook (.xlsx) as the zip that it is: refused before it is opened where it is something else, or would fill memory.

Source: ECMA-376 (Office Open XML). The sizes that the zip's directory states are believed only after its members have been read by them.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Container, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from posixpath import join, normpath
from xml.parsers import expat

from ...errors import DataError
from ...plurals import format_size

MOST_BYTES = 1 << 30
"""Of all members, uncompressed."""
_SUSPICIOUS_BYTES, _SUSPICIOUS_RATIO = 1 << 26, 200
_MOST_MEMBERS = 10_000
_BLOCK = 1 << 20
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"  # a compound file: old workbooks, and new ones that are encrypted
_SAVE = "save it as .xlsx or .csv"
REFUSED = {
    ".xls": f"a workbook of before 2007 (.xls), which is not read; {_SAVE}",
    ".xlsm": f"a workbook with macros (.xlsm), which is not read; {_SAVE}",
    ".xlsb": f"a binary workbook (.xlsb), which is not read; {_SAVE}",
    ".ods": f"an OpenDocument table (.ods), which is not read; {_SAVE}",
    ".et": f"a WPS table (.et), which is not read; {_SAVE}",
}
"""What the name of a workbook ends in that is not read -> why not."""


@contextmanager
def opening(path: Path) -> Iterator[zipfile.ZipFile]:
    """Open a workbook's zip; what is wrong with it is one line.

    Raises:
        DataError: it is not an .xlsx, is protected by a password, holds macros, is damaged, or would fill memory.
    """
    with path.open("rb") as file:
        start = file.read(len(_OLE))
    if start == _OLE:
        raise DataError(f"{path} is protected by a password, or is a workbook of before 2007; remove the password in Excel, or {_SAVE}")
    try:
        with zipfile.ZipFile(path) as opened:
            _check(path, opened)
            yield opened
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, KeyError) as e:
        raise DataError(f"{path} is not a workbook, or is damaged ({str(e) or type(e).__name__}); open it in Excel, and {_SAVE}") from e
    except expat.ExpatError as e:
        raise DataError(f"{path} is damaged: its XML cannot be read ({e}); open it in Excel, and {_SAVE}") from e


def _check(path: Path, opened: zipfile.ZipFile) -> None:
    members = opened.infolist()
    if any(each.filename.lower().endswith("vbaproject.bin") for each in members):
        raise DataError(f"{path} holds macros, which are not read; {_SAVE}")
    if any(each.flag_bits & 1 for each in members):
        raise DataError(f"{path} is protected by a password; remove it, or {_SAVE}")
    size, packed = sum(each.file_size for each in members), sum(each.compress_size for each in members)
    is_suspicious = size > _SUSPICIOUS_BYTES and size > _SUSPICIOUS_RATIO * packed
    if size > MOST_BYTES or is_suspicious or len(members) > _MOST_MEMBERS:
        raise DataError(
            f"{path} is not opened: {format_size(packed)} of it would become {format_size(size)} in memory (a zip bomb, or a table for a "
            f"file of text); save the sheet as .csv"
        )


@dataclass(frozen=True, slots=True)
class SheetPart:
    """A sheet by its name, and the member of the zip that holds it."""

    name: str
    member: str


def sheet_parts(opened: zipfile.ZipFile) -> list[SheetPart]:
    """Return the sheets in their order."""
    targets: dict[str, str] = {}
    listed: list[tuple[str, str]] = []

    def relation(name: str, values: dict[str, str]) -> None:
        if _local(name) == "Relationship":
            targets[values.get("Id", "")] = normpath(join("xl", values.get("Target", ""))).lstrip("/")

    def sheet(name: str, values: dict[str, str]) -> None:
        if _local(name) == "sheet":
            listed.append((values.get("name", ""), next((value for key, value in values.items() if _local(key) == "id"), "")))

    parse(opened, "xl/_rels/workbook.xml.rels", relation)
    parse(opened, "xl/workbook.xml", sheet)
    return [SheetPart(name, targets.get(id_, "")) for name, id_ in listed]


def parse(opened: zipfile.ZipFile, member: str, on_start: object, on_end: object = None) -> None:
    """Give the elements of a member to functions as they come; a document type, by which XML grows, is refused.

    Raises:
        KeyError: there is no such member.
        ExpatError: it is not XML.
    """
    parser = expat.ParserCreate()
    parser.StartElementHandler, parser.EndElementHandler = on_start, on_end  # type: ignore[assignment]  # functions of names and attributes
    parser.StartDoctypeDeclHandler = _refuse_document_type
    with opened.open(member) as file:
        while block := file.read(_BLOCK):
            parser.Parse(block)
        parser.Parse(b"", True)


def read_through(opened: zipfile.ZipFile, but: Container[str]) -> None:
    """Read all members but some, so that each is as long as the zip's directory says.

    Raises:
        BadZipFile: one is not.
    """
    for member in opened.infolist():
        if member.filename not in but:
            with opened.open(member) as file:
                while file.read(_BLOCK):
                    pass


def _refuse_document_type(*_: object) -> None:
    raise zipfile.BadZipFile("its XML has a document type")


def _local(name: str) -> str:
    return name.rpartition(":")[2]
