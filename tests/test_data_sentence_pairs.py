"""Tables of sentence pairs: read, found by language and split, and drawn from."""

from pathlib import Path

import pytest
from adapt_embed.data.sentence_pairs import SentencePairs, draw_sentence_pairs, read_sentence_pairs, sentence_pairs_file
from adapt_embed.errors import DataError

PAIRS = SentencePairs([f"a{row}" for row in range(9)], [f"b{row}" for row in range(9)], [float(row) for row in range(9)])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "zh-dev.tsv").write_text('score\tsentence1\tsentence2\n4.5\t一只猫\t一只小猫\n0\t"雨\t船\n', encoding="utf-8")
    return tmp_path


def test_a_table_is_found_and_read(folder: Path) -> None:
    pairs = read_sentence_pairs(sentence_pairs_file(folder, split="dev", language="zh"))
    assert pairs == SentencePairs(["一只猫", '"雨'], ["一只小猫", "船"], [4.5, 0.0])
    assert len(pairs) == 2


def test_what_is_absent_or_malformed_is_named(folder: Path) -> None:
    with pytest.raises(DataError, match=r"en-dev.tsv does not exist; there are zh-dev.tsv"):
        sentence_pairs_file(folder, split="dev", language="en")
    for cell in ("good", "nan"):
        (folder / "en-dev.tsv").write_text(f"score\tsentence1\tsentence2\n{cell}\ta\tb\n", encoding="utf-8")
        with pytest.raises(DataError, match=rf"en-dev.tsv, line 2: expected a number under 'score', found '{cell}'"):
            read_sentence_pairs(folder / "en-dev.tsv")


def test_a_draw_is_seeded_keeps_pairs_together_and_their_order() -> None:
    drawn = draw_sentence_pairs(PAIRS, 4, seed=0)
    assert drawn == draw_sentence_pairs(PAIRS, 4, seed=0) != draw_sentence_pairs(PAIRS, 4, seed=1)
    assert [(text[1:], other[1:], f"{score:.0f}") for text, other, score in zip(drawn.first, drawn.second, drawn.scores, strict=True)] == [
        (text[1:],) * 3 for text in drawn.first
    ]
    assert drawn.scores == sorted(drawn.scores)
    assert draw_sentence_pairs(PAIRS, 9, seed=0) is PAIRS
