"""The encoding of a text file: what the bytes of the whole file show, told with a line, and refused where they do not show it."""

import codecs
import gzip
import random
from collections.abc import Sequence
from pathlib import Path

import pyarrow
import pytest
from adapt_embed.data.pair_files import read_pair_file
from adapt_embed.data.read.common_characters import COMMON, SIMPLIFIED, TRADITIONAL
from adapt_embed.data.read.encodings import find_encoding
from adapt_embed.data.read.reading import Reading
from adapt_embed.data.read_options import ReadOptions
from adapt_embed.errors import ConfigError, DataError

SIMPLE = (
    "孩子发烧三天了怎么办？",
    "退货运费由谁承担",
    "租房合同没有到期，房东能涨租金吗",
    "这款手机支持快充吗",
    "高血压患者可以喝咖啡吗",
    "离婚后孩子的抚养费怎么算",
)
TAIWAN = (
    "孩子發燒三天了怎麼辦？",
    "退貨運費由誰承擔",
    "租房合約沒有到期，房東能漲租金嗎",
    "這款手機支援快充嗎",
    "高血壓患者可以喝咖啡嗎",
    "離婚後孩子的撫養費怎麼算",
)
WESTERN = ("Où est la clé de l’été ?", "Größe und Maß für 5 £", "niño pequeño, ¿cuánto cuesta?", "naïve café – déjà vu")


def rows_of(texts: Sequence[str], number: int, share: float = 1.0, seed: int = 0) -> list[str]:
    """Rows of which a share holds one of the texts, and the others are ASCII."""
    rng = random.Random(seed)
    plain = ("SKU-20391 size M", "order 8812 shipped", "iPhone 15 case", "error 404 at checkout")
    return [rng.choice(texts) if row == number // 2 or rng.random() < share else rng.choice(plain) for row in range(number)]


def write(path: Path, rows: Sequence[str], encoding: str) -> Path:
    path.write_bytes("".join(f"{row}\r\n" for row in rows).encode(encoding))
    return path


def found(path: Path, **options: object) -> tuple[str, tuple[str, ...]]:
    how = Reading(ReadOptions(**options))
    return find_encoding(path, how), how.notes


@pytest.mark.parametrize("number", [5, 20, 60, 300])
@pytest.mark.parametrize(
    ("texts", "encoding", "expected"),
    [
        (SIMPLE, "gb18030", "gb18030"),
        (TAIWAN, "gb18030", "gb18030"),
        (TAIWAN, "big5", "cp950"),
        (SIMPLE, "utf-8", "utf-8-sig"),
        (WESTERN, "cp1252", "cp1252"),
    ],
    ids=["simplified in GBK", "traditional in GBK", "Big5", "UTF-8", "Windows-1252"],
)
@pytest.mark.parametrize("share", [1.0, 0.05], ids=["all", "mostly ASCII"])
def test_each_encoding_is_found_from_5_to_300_rows(
    tmp_path: Path, number: int, texts: Sequence[str], encoding: str, expected: str, share: float
) -> None:
    for seed in range(3):
        path = write(tmp_path / f"{seed}.csv", rows_of(texts, number, share, seed), encoding)
        assert found(path)[0] == expected


def test_emoji_in_gb18030_do_not_disturb_and_a_line_is_told(tmp_path: Path) -> None:
    path = write(tmp_path / "log.csv", ["query,positive", *(f"{text} 😀👍,好的🎉" for text in SIMPLE)], "gb18030")
    encoding, notes = found(path)
    assert encoding == "gb18030"
    assert len(notes) == 1
    assert notes[0].startswith("log.csv: read as GB18030, because it is not UTF-8 (line 2) and ")
    assert "line 2 reads '孩子发烧三天了怎么办？ 😀👍,好的🎉'" in notes[0]
    assert notes[0].endswith("say --encoding")


def test_the_first_chinese_byte_after_a_megabyte_counts(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_bytes(b"order shipped,yes\n" * 70_000 + "\n".join(SIMPLE).encode("gb18030"))
    encoding, notes = found(path)
    assert path.stat().st_size > 1_200_000
    assert (encoding, "line 70001 reads" in notes[0]) == ("gb18030", True)


@pytest.mark.parametrize(
    ("mark", "encoding", "expected"),
    [
        (codecs.BOM_UTF8, "utf-8", "utf-8-sig"),
        (codecs.BOM_UTF16_LE, "utf-16-le", "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16-be", "utf-16"),
        (codecs.BOM_UTF32_LE, "utf-32-le", "utf-32"),
    ],
)
@pytest.mark.parametrize("pack", [lambda raw: raw, gzip.compress], ids=["plain", "gzip"])
def test_a_byte_order_mark_says_it(tmp_path: Path, mark: bytes, encoding: str, expected: str, pack: object) -> None:
    path = tmp_path / ("t.csv.gz" if pack is gzip.compress else "t.csv")
    path.write_bytes(pack(mark + "query,positive\n头痛,休息\n".encode(encoding)))
    how = Reading()
    assert find_encoding(path, how) == expected
    assert [(row.query, row.positives) for row in read_pair_file(path, how).rows] == [("头痛", ("休息",))]


def test_a_near_tie_is_refused_with_the_readings(tmp_path: Path) -> None:
    """一 alone: in Big5 the byte pair is a common character as well."""
    pair = next(
        raw
        for raw in (character.encode("gb18030") for character in SIMPLIFIED)
        if (other := raw.decode("cp950", "replace")) in COMMON and other != raw.decode("gb18030")
    )
    path = tmp_path / "t.csv"
    path.write_bytes(b"query,positive\nsize " + pair + b",ok\n")
    with pytest.raises(DataError, match=r"do not show what it is: line 2 may be GB18030 .* or Big5 .*; say --encoding") as caught:
        found(path)
    assert "\n" not in str(caught.value)
    assert found(path, encoding="big5") == ("big5", ())


def test_a_lone_accent_is_western_and_rare_chinese_names_are_asked_about(tmp_path: Path) -> None:
    accent = write(tmp_path / "accent.csv", ["a,b", "caf\u00e9 chair,x"], "cp1252")
    assert found(accent)[0] == "cp1252"
    rare = write(tmp_path / "rare.csv", ["a,b", "鑫\u7490,x"], "gb18030")
    with pytest.raises(DataError, match="do not show what it is"):
        found(rare)


def test_mixed_encodings_are_one_line_with_the_row_and_can_be_skipped(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    lines = [f"{text},好的".encode() for text in SIMPLE]
    lines[3] = f"{SIMPLE[3]},好的".encode("gb18030")
    path.write_bytes(b"query,positive\n" + b"\n".join(lines))
    with pytest.raises(
        DataError, match=r"line 5: the file mixes encodings, or is damaged: .* 5 are UTF-8 \(line 2\) and 1 are not \(line 5\)"
    ) as caught:
        read_pair_file(path, Reading())
    assert "\n" not in str(caught.value)
    how = Reading(ReadOptions(skip_bad=True))
    assert len(read_pair_file(path, how).rows) == 5
    assert "mixes encodings; it is read as UTF-8" in how.notes[0]
    assert "skipped 1 bad row: 1 because the line is not UTF-8 text" in how.notes[1]
    assert f"{path}, line 5" in how.notes[1]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b"\xff\xff\x81", "neither UTF-8, GB18030, Big5 nor Windows-1252 text"),
        ("问题,答案,好".encode()[:-1], "mixes encodings, or is damaged"),
    ],
    ids=["nothing fits", "a character is cut"],
)
def test_damaged_text_is_one_line_and_skipped(tmp_path: Path, line: bytes, message: str) -> None:
    text = b"query,positive\nq,p\n" + ("" if line[0] == 0xFF else "问题,答案\n").encode() + line + b"\n"
    path = tmp_path / "t.csv"
    path.write_bytes(text)
    with pytest.raises(DataError, match=message) as caught:
        read_pair_file(path, Reading())
    assert "\n" not in str(caught.value)
    if line[0] != 0xFF:
        assert [row.query for row in read_pair_file(path, Reading(ReadOptions(skip_bad=True))).rows] == ["q", "问题"]


def test_an_encoding_that_is_said_counts_and_a_line_that_does_not_fit_is_named(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", ["query,positive", "头痛,休息", "发烧,喝水"], "gb18030")
    assert found(path, encoding="GBK") == ("gbk", ())
    with pytest.raises(DataError, match=r"t\.csv, line 2: the line is not UTF-8 text \(the byte 0xD0\)"):
        read_pair_file(path, Reading(ReadOptions(encoding="utf-8")))
    for wrong in ("klingon", "base64"):
        with pytest.raises(ConfigError, match=f"'{wrong}' is not an encoding; expected one such as utf-8, gb18030"):
            ReadOptions(encoding=wrong)


def test_who_has_no_place_for_notes_reads_utf_8_alone(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", ["query,positive", *(f"{text},好" for text in SIMPLE)], "gb18030")
    with pytest.raises(DataError, match="line 2: the line is not UTF-8 text"):
        read_pair_file(path)


def test_common_characters_are_each_there_once() -> None:
    assert len(SIMPLIFIED) == len(set(SIMPLIFIED)) == 1000
    assert not set(SIMPLIFIED) & set(TRADITIONAL)


def test_zstandard_is_read_in_whatever_encoding_and_a_cut_file_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "log.csv.zst"
    with pyarrow.output_stream(str(path), compression="zstd") as file:
        file.write(("query,positive\n" + "".join(f"{text},好的\n" for text in SIMPLE)).encode("gb18030"))
    assert [row.query for row in read_pair_file(path, Reading()).rows] == list(SIMPLE)
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(DataError, match=r"log\.csv\.zst is cut or damaged"):
        read_pair_file(path, Reading())
