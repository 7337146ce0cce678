"""Workbooks: a sheet -> rows; what is filled or skipped is told, and what cannot be read is one line."""

import importlib.util
import io
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest
from adapt_embed.data.pair_files import check_pair_file, read_pair_file
from adapt_embed.data.read import sheet_scan, workbook_zip
from adapt_embed.data.read.reading import Reading
from adapt_embed.data.read.sheet_scan import cell_name, column_number
from adapt_embed.data.read_options import ReadOptions
from adapt_embed.errors import DataError

_spec = importlib.util.spec_from_file_location("adapt_tests_workbooks", Path(__file__).with_name("workbooks.py"))
workbooks = sys.modules[_spec.name] = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(workbooks)
Sheet, write_workbook = workbooks.Sheet, workbooks.write_workbook
HEADING = ["问题", "答案"]
FORMULA = b'<c r="PLACE"><f>A2</f></c>'
STORED = b'<c r="PLACE" t="str"><f>A2</f><v>stored</v></c>'
ERROR = b'<c r="PLACE" t="e"><v>#N/A</v></c>'


def read(path: Path, **options: object) -> tuple[list[tuple[str, tuple[str, ...]]], tuple[str, ...]]:
    how = Reading(ReadOptions(**options))
    found = read_pair_file(path, how)
    return [(row.query, row.positives) for row in found.rows], (*how.notes, *found.notes)


def refusal(path: Path, **options: object) -> str:
    with pytest.raises(DataError) as caught:
        read(path, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_merged_cells_are_filled_and_hidden_sheets_skipped_and_both_are_told(tmp_path: Path) -> None:
    sheets = {
        "说明": Sheet([["fill in"]], state="hidden"),
        "空": Sheet([]),
        "门诊": Sheet([HEADING, ["头痛", "休息"], ["发烧", None], [None, None], ["咳嗽", "喝水"]], merged=["B2:B3", "A2:A2"]),
    }
    path = write_workbook(tmp_path / "门诊.xlsx", sheets)
    rows, notes = read(path)
    assert rows == [("头痛", ("休息",)), ("发烧", ("休息",)), ("咳嗽", ("喝水",))]
    assert notes == (
        "门诊.xlsx: the sheet 门诊 is read; not read: 空; skipped, because hidden: 说明 (choose with --sheet)",
        f"{path}: query from '问题', positive from '答案', by the names of its columns (others: --columns)",
        "门诊.xlsx, sheet 门诊: the cells of 1 merged range (B2:B3) get its first cell's value",
    )


def test_a_sheet_is_named_by_its_name_or_number_also_a_hidden_one(tmp_path: Path) -> None:
    path = write_workbook(tmp_path / "t.xlsx", {"a": Sheet([HEADING, ["x", "1"]]), "b": Sheet([HEADING, ["y", "2"]], state="veryHidden")})
    assert read(path)[0] == [("x", ("1",))]
    assert read(path, sheet="b")[0] == read(path, sheet=2)[0] == [("y", ("2",))]
    assert refusal(path, sheet="c") == f"{path} has no sheet 'c'; there are a, b."


def test_a_title_above_the_heading_is_passed_over_and_numbers_are_as_excel_shows_them(tmp_path: Path) -> None:
    rows = [["2024年门诊", "2024年门诊"], ["单位：元"], [None], HEADING, [20391.0, 0.1 + 0.2], [True, 6901234567892]]
    path = write_workbook(tmp_path / "t.xlsx", {"s": Sheet(rows, merged=["A1:B1"])})
    check_pair_file(path, Reading())
    found, notes = read(path)
    assert found == [("20391", ("0.3",)), ("TRUE", ("6901234567892",))]
    assert "t.xlsx: the heading is row 4 of s; what stands above it is not read" in notes


def test_a_heading_of_merged_cells_gives_each_name_once_and_ends_with_its_lowest_cell(tmp_path: Path) -> None:
    rows = [["问题", "答案", None], [None, "医生", "时间"], ["头痛", "休息", "上午"]]
    path = write_workbook(tmp_path / "t.xlsx", {"s": Sheet(rows, merged=["A1:A2", "B1:C1"])})
    found, notes = read(path)
    assert found == [("头痛", ("休息",))]
    assert not any("not used" in note for note in notes)


def test_a_formula_without_a_stored_value_is_an_error_with_its_cell_where_its_column_is_used(tmp_path: Path) -> None:
    rows = [[*HEADING, "备注"], ["头痛", STORED, FORMULA], ["发烧", FORMULA, "x"], ["咳嗽", ERROR, "x"]]
    path = write_workbook(tmp_path / "t.xlsx", {"s": Sheet(rows)})
    assert f"{path}, sheet s, row 3: the cell B3 holds a formula without a stored value" in refusal(path)
    found, notes = read(path, skip_bad=True)
    assert found == [("头痛", ("stored",))]
    assert any(
        "skipped 2 bad rows: 1 because the cell B3 holds a formula" in note and "the cell B4 holds an error" in note for note in notes
    )


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("t.xls", b"x", r"is a workbook of before 2007 \(\.xls\), which is not read; save it as \.xlsx or \.csv"),
        ("t.xlsm", b"x", r"is a workbook with macros \(\.xlsm\), which is not read"),
        ("t.xlsx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "is protected by a password, or is a workbook of before 2007"),
        ("t.xlsx", b"PK\x03\x04 and no more", "is not a workbook, or is damaged"),
        ("t.xlsx", b"", "is empty; expected a table"),
    ],
    ids=["xls", "xlsm", "password", "damaged", "empty file"],
)
def test_what_is_not_a_workbook_is_one_line(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(DataError, match=message) as caught:
        check_pair_file(path, Reading())
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("sheets", "extra", "message"),
    [
        ({"s": Sheet([])}, {}, "t.xlsx is empty; expected a heading and rows below it. Its sheets: s"),
        ({"s": Sheet([]), "t": Sheet([])}, {}, "has no sheet that is visible and holds rows"),
        ({"s": Sheet([HEADING, ["a", "b"]])}, {"xl/vbaProject.bin": b"x"}, "holds macros, which are not read"),
        ({"s": Sheet([["a", "b"], ["c", "d"]])}, {}, "lacks the column anchor, positive; expected anchor, positive, it has a, b"),
        ({"s": Sheet([HEADING])}, {}, "holds no rows"),
        ({"s": Sheet([HEADING, [b'<c r="XFD1048576"><v>1</v></c>']])}, {}, "sheet s: its cells reach to XFD1048576, which is more than"),
        ({"s": Sheet([HEADING, [b'<c r="A2"><v>1</c>']])}, {}, "is damaged: its XML cannot be read"),
    ],
    ids=["empty sheet", "empty sheets", "macros", "no columns", "no rows", "a far cell", "broken XML"],
)
def test_a_workbook_that_cannot_be_used_is_one_line(
    tmp_path: Path, sheets: Mapping[str, Sheet], extra: Mapping[str, bytes], message: str
) -> None:
    assert message in refusal(write_workbook(tmp_path / "t.xlsx", sheets, extra))


@pytest.mark.parametrize("number", [b"x", b"", b"-1", b"9" * 5000])
def test_a_row_whose_number_is_broken_is_one_line(tmp_path: Path, number: bytes) -> None:
    path = write_workbook(tmp_path / "t.xlsx", {"s": Sheet([HEADING, ["a", "b"]])})
    made = io.BytesIO()
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(made, "w") as new:
        for name in old.namelist():
            new.writestr(name, old.read(name).replace(b'<row r="2">', b'<row r="' + number + b'">'))
    path.write_bytes(made.getvalue())
    assert "sheet s: a row has the number" in refusal(path)


def test_a_zip_bomb_is_not_opened_also_where_the_directory_lies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = {"s": Sheet([HEADING, ["a", "b"]])}
    monkeypatch.setattr(workbook_zip, "_SUSPICIOUS_BYTES", 1 << 20)
    path = write_workbook(tmp_path / "t.xlsx", plain, {"xl/sharedStrings.xml": b"<a>" + b" " * (2 << 20)})
    assert "is not opened" in refusal(path)
    assert "(a zip bomb, or a table for a file of text)" in refusal(path)
    small = write_workbook(tmp_path / "lie.xlsx", plain, {"xl/sharedStrings.xml": b" " * 5000})
    raw = small.read_bytes()
    assert raw.count((5000).to_bytes(4, "little")) == 2  # before the member and in the directory
    small.write_bytes(raw.replace((5000).to_bytes(4, "little"), (50).to_bytes(4, "little")))
    assert "is damaged (Bad CRC-32" in refusal(small)
    monkeypatch.setattr(workbook_zip, "MOST_BYTES", 1000)
    assert "is not opened" in refusal(write_workbook(tmp_path / "large.xlsx", plain))


def test_a_document_type_by_which_xml_grows_is_refused(tmp_path: Path) -> None:
    path = write_workbook(tmp_path / "t.xlsx", {"s": Sheet([HEADING, ["a", "b"]])})
    made = io.BytesIO()
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(made, "w") as new:
        for name in old.namelist():
            text = old.read(name)
            is_sheet = name == "xl/worksheets/sheet1.xml"
            new.writestr(name, text.replace(b"<worksheet", b'<!DOCTYPE x [<!ENTITY a "aaaa">]><worksheet') if is_sheet else text)
    path.write_bytes(made.getvalue())
    assert "its XML has a document type" in refusal(path)


def test_cells_are_named_as_spreadsheets_do() -> None:
    assert [cell_name(0, 0), cell_name(9, 25), cell_name(0, 26), cell_name(1048575, 16383)] == ["A1", "Z10", "AA1", "XFD1048576"]
    assert [column_number(letters) for letters in ("A", "Z", "AA", "XFD")] == [0, 25, 26, 16383]
    assert sheet_scan.MOST_CELLS >= 1_048_576 * 15
