"""What no cleaning and no augmentation may change is found in both languages, and told apart from what looks alike."""

import time

import pytest
from adapt_embed.data.protected import protected_multiset, protected_spans

FOUND = {
    "Take 500 mg twice daily; do not exceed 1,000mg/day.": ["500 mg", "twice", "not", "1,000mg/day"],
    "Tenants don't owe half; see s.21 of SI 2015/1646.": ["don't", "half", "s.21", "2015/1646"],
    "Fits SM-G991B at 120/80 mmHg, >90% without °C": ["SM-G991B", "120/80 mmHg", ">90%", "without", "°C"],
    "第一千零五十四条：不得超过５００毫克／日": ["第一千零五十四条", "不", "５００毫克／日"],
    "每次两片，未满三个月禁用，体温38.5℃": ["两片", "未", "三个月", "禁", "38.5℃"],
    "他没有支付百分之二十，依照GB2760第3款": ["没", "百分之二十", "GB2760", "第3款"],
}


@pytest.mark.parametrize("text", FOUND)
def test_numbers_units_articles_models_and_negations_are_found(text: str) -> None:
    assert [text[start:end] for start, end in protected_spans(text)] == FOUND[text]


@pytest.mark.parametrize("text", ["a plain sentence about tenants", "一般来说应当统一办理", "", "note the knot"])
def test_words_that_hold_a_number_or_a_negation_are_free(text: str) -> None:
    assert protected_spans(text) == []


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("每日１２毫克", "每日12毫克"),
        ("5 mg", "5\n  mg"),
        ("第五條，兩萬元，沒有", "第五条，两万元，没有"),
        ("ＳＭ－Ｇ９９１", "SM-G991"),
    ],
)
def test_spelling_alone_does_not_change_the_multiset(one: str, other: str) -> None:
    assert protected_multiset(one) == protected_multiset(other) != {}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("10²", "102"),
        ("12 mg", "12 g"),
        ("第十二条", "第十三条"),
        ("不可以", "可以"),
        ("five mg five mg", "five mg"),
        ("1.5", "15"),
        ("<5", ">5"),
    ],
)
def test_another_value_changes_the_multiset(one: str, other: str) -> None:
    assert protected_multiset(one) != protected_multiset(other)


def test_given_terms_stay_whole_and_are_joined_with_the_numbers_in_them() -> None:
    text = "Type 2 diabetes raises Blood pressure; 高血压 and bloodpressure"
    spans = protected_spans(text, ["type 2 diabetes", "blood pressure", "高血压"])
    assert [text[start:end] for start, end in spans] == ["Type 2 diabetes", "Blood pressure", "高血压"]


@pytest.mark.parametrize("text", ["a" * 100_000, "一" * 100_000, "1-" * 50_000, "< " * 50_000, "第" + " " * 100_000], ids=len)
def test_a_hostile_text_takes_no_longer_than_its_length(text: str) -> None:
    start = time.process_time()
    protected_multiset(text)
    assert time.process_time() - start < 5  # what is quadratic takes minutes
