"""Texts as words, in Chinese and English."""

import pytest
from adapt_embed.data.words import terms_of, word_spans, words

CHINESE = "高血压患者每天服用阿司匹林100毫克，不得超过2.5g。"


def test_english_words_are_runs_of_letters_and_digits_as_they_stand() -> None:
    assert words("Don't take 2.5mg of SGLT2-inhibitors (1,000 IU), OK?") == [
        *("Don't", "take", "2.5mg", "of", "SGLT2", "inhibitors", "1,000", "IU", "OK")
    ]


def test_chinese_is_segmented_and_numbers_stay_whole() -> None:
    assert words(CHINESE) == ["高血压", "患者", "每天", "服用", "阿司匹林", "100", "毫克", "不得", "超过", "2.5g"]


def test_a_chinese_term_stays_whole_where_segmentation_would_split_it() -> None:
    text = "慢性阻塞性肺疾病的治疗"
    assert "慢性阻塞性肺疾病" not in words(text)
    assert words(text, ["慢性阻塞性肺疾病", "肺疾病"])[0] == "慢性阻塞性肺疾病"


def test_an_english_term_stays_whole_whatever_its_case_and_only_between_words() -> None:
    found = words("Atrial\nFibrillation and atrial fibrillations", ["atrial fibrillation", "C++"])
    assert found == ["Atrial\nFibrillation", "and", "atrial", "fibrillations"]
    assert words("learn c++ now, 学C++语言", ["C++"]) == ["learn", "c++", "now", "学", "C++", "语言"]


def test_the_longest_term_wins_and_empty_terms_are_left_out() -> None:
    assert words("ab abc", ["a", "ab", "ab abc", " ", ""]) == ["ab abc"]
    assert words("a b", ["a"]) == ["a", "b"]


@pytest.mark.parametrize(
    "text",
    [
        CHINESE,
        "İstanbul’da T恤 維他命 हिन्दी भाषा",
        "𠮷野家的牛肉飯😀 e\u0301te\u0301",
        "",
        "  \n。、",
        "naïve café – 12.5%…",
        "日本語のテスト",
    ],
)
@pytest.mark.parametrize("terms", [(), ("阿司匹林", "T恤", "café –")])
def test_spans_are_in_order_apart_and_without_white_space(text: str, terms: tuple[str, ...]) -> None:
    spans = word_spans(text, terms)
    assert words(text, terms) == [text[start:end] for start, end in spans]
    ends = [0, *(end for _, end in spans)]
    assert all(before <= start < end for before, (start, end) in zip(ends, spans, strict=False))
    assert all(char.isspace() or not char.isalnum() for char in left_over(text, spans))


def left_over(text: str, spans: list[tuple[int, int]]) -> str:
    inside = {at for start, end in spans for at in range(start, end)}
    return "".join(char for at, char in enumerate(text) if at not in inside)


def test_marks_belong_to_their_letters() -> None:
    assert words("हिन्दी भाषा e\u0301te\u0301") == ["हिन्दी", "भाषा", "e\u0301te\u0301"]


def test_the_same_text_gives_the_same_words_and_terms_can_be_made_ready_once() -> None:
    ready = terms_of(["阿司匹林100毫克"])
    assert words(CHINESE, ready) == words(CHINESE, ["阿司匹林100毫克"]) == words(CHINESE, iter(["阿司匹林100毫克"]))
    assert "阿司匹林100毫克" in words(CHINESE, ready)
