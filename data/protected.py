"""What neither cleaning nor augmentation may change in a text: numbers with their units, article and model numbers, negations, given terms.

`protected_spans` says where they stand, `protected_multiset` what they are. Two texts have the same multiset where only the spelling of
characters differs: full-width forms count as their ASCII forms ("１２" is "12"), traditional numerals and units as simplified ones ("萬" is
"万"), and white space within a span does not count ("5 mg" is "5mg"). Superscripts do not fold: "10²" is not "102". The patterns rather
protect too much ("one", "万一") than too little.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable

UNITS = (
    "mg|kg|ng|µg|μg|mcg|mL|ml|dL|dl|µL|μL|mm|cm|km|nm|mmol|mol|mEq|IU|mmHg|kPa|MPa|psi|kcal|kJ|Hz|kHz|MHz|GHz|kW|kWh|mAh|KB|MB|GB|TB|dB|rpm|"
    "ppm|bpm|㎎|㎏|㎍|㎖|㎜|㎝|㎞|㎡|㎥|℃|℉|°C|°F|%|‰|毫克|微克|千克|公斤|毫升|微升|分升|公升|毫米汞柱|毫米|厘米|釐米|公分|分米|公里|千米|"
    "平方米|立方米|公顷|公頃|英寸|毫摩尔|毫摩爾|微摩尔|国际单位|國際單位|摄氏度|攝氏度|华氏度|華氏度|千瓦|毫安|毫伏|千帕|千卡|千焦|赫兹|赫茲"
)
"""Units that are protected without a number too, as the alternatives of a pattern."""
MEASURES = (
    "milligrams?|micrograms?|kilograms?|grams?|millilit(?:er|re)s?|lit(?:er|re)s?|units?|tablets?|capsules?|drops?|doses?|puffs?|seconds?|"
    "minutes?|mins?|hours?|hrs?|days?|weeks?|months?|years?|yrs?|percent|per cent|degrees?|inch(?:es)?|feet|foot|ft|yards?|miles?|pounds?|"
    "lbs?|ounces?|oz|gallons?|dollars?|euros?|pence|cents?|times|g|L|l|m|s|h|d|W|V|A|K|U|J|N|Pa|bar|"
    "克|升|米|吨|噸|斤|尺|寸|亩|畝|度|瓦|伏|安|帕|小时|小時|分钟|分鐘|个月|個月|星期|季度|年|月|日|号|號|天|周|週|岁|歲|秒|时|時|美元|欧元|"
    "歐元|人民币|人民幣|元|块|塊|角|分|片|粒|颗|顆|支|瓶|盒|袋|包|滴|剂|劑|次|倍|成|条|條|款|项|項|章|节|節|编|編|名|人|个|個|只|隻|台|臺|件|"
    "套|层|層|期|级|級|页|頁|种|種|位|户|戶|家|起"
)
"""Units and measure words that count after a number alone."""
NUMBER_WORDS = (
    "zero|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen|eighteen|nineteen|twenty|"
    "thirty|forty|fifty|sixty|seventy|eighty|ninety|hundreds?|thousands?|millions?|billions?|half|quarter|dozens?|once|twice|thrice|first|"
    "second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth"
)
NEGATION_WORDS = "not|no|never|none|neither|nor|without|cannot|[a-z]{1,9}n['’]t"
NEGATION_CHARACTERS = "不没沒未无無非勿禁忌否"

_HAN = "零〇一二三四五六七八九十百千万亿两壹贰叁肆伍陆柒捌玖拾佰仟萬億兩貳參陸"
_ODD = "¼½¾⅐-⅞⁰⁴-⁹₀-₉²³¹"  # fractions, superscripts, subscripts
_PARTS = "条條款项項章节節编編目号號期页頁回次年类類级級代版卷批天日周週月个個"  # what an ordinal counts
_UNIT = rf"(?:\s*(?:{UNITS}|{MEASURES})(?![A-Za-z])(?:\s*[/每]\s*(?:{UNITS}|{MEASURES})(?![A-Za-z]))*)?"
_KINDS = {
    "ordinal": rf"第\s*[{_HAN}\d]+\s*[{_PARTS}]?(?:之[{_HAN}]+)?",
    "digits": rf"(?:[<>≤≥±≈~]\s*|(?<![\w)])[-−+])?[$€£¥￥]?(?<![A-Za-z\d])(?:[A-Za-z]*+(?:[-./][A-Za-z]*+)?\d[A-Za-z\d{_ODD}]*|[{_ODD}]+)"
    rf"(?:[-./,:_–~^×*+][A-Za-z\d{_ODD}]+)*(?:\s*[{_HAN}]+)?{_UNIT}",
    "Chinese number": rf"(?:[{_HAN}]+分之[{_HAN}]+(?:[点點][{_HAN}]+)?|[{_HAN}]+[点點][{_HAN}]+|[{_HAN}]{{2,}}"
    rf"|[{_HAN}半](?=\s*(?:{UNITS}|{MEASURES}))){_UNIT}",
    "number word": rf"(?<![A-Za-z])(?i:{NUMBER_WORDS})(?![A-Za-z]){_UNIT}",
    "unit": rf"(?<![A-Za-z])(?:{UNITS})(?![A-Za-z])",
    "negation": rf"(?<![A-Za-z])(?i:{NEGATION_WORDS})(?![A-Za-z])|[{NEGATION_CHARACTERS}]",
}
_PATTERN = re.compile("|".join(f"(?:{pattern})" for pattern in _KINDS.values()))
_ASCII_FORMS = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {0x3000: 0x20, 0xFFE5: 0xA5, 0x2212: 0x2D, 0x3BC: 0xB5}
_SIMPLIFIED = str.maketrans(
    "萬億兩貳參陸沒無條項節編號頁類級週個點時歲塊顆劑隻臺層種戶頃摩爾國際單攝華赫茲鐘幣歐噸畝釐",
    "万亿两贰叁陆没无条项节编号页类级周个点时岁块颗剂只台层种户顷摩尔国际单摄华赫兹钟币欧吨亩厘",
)


def protected_spans(text: str, terms: Iterable[str] = ()) -> list[tuple[int, int]]:
    """Return where the protected parts of a text stand, (start, end) in its characters, ascending and apart.

    Args:
        text: Any text, English, Chinese or mixed.
        terms: Further texts that stay whole, such as a glossary's, whatever their case and width; Latin ones count as whole words.
    """
    folded = _fold_width(text)
    found = [match.span() for match in _PATTERN.finditer(folded)]
    return _join(sorted([*found, *_term_spans(folded, terms)]))


def protected_multiset(text: str, terms: Iterable[str] = ()) -> Counter[str]:
    """Return the protected parts of a text, each as often as it stands there, spelt in one way (the module says which)."""
    return Counter(_spell(text[start:end]) for start, end in protected_spans(text, terms))


def is_negation(part: str) -> bool:
    """Return whether a part of a multiset is a negation, and not a number, a unit or a term."""
    return re.fullmatch(_KINDS["negation"], part) is not None


def _fold_width(text: str) -> str:
    """Return the text with ASCII forms in place of full-width ones: every character stays at its place."""
    return text if text.isascii() else text.translate(_ASCII_FORMS)


def _spell(part: str) -> str:
    return "".join(unicodedata.normalize("NFC", _fold_width(part)).translate(_SIMPLIFIED).split())


def _term_spans(folded: str, terms: Iterable[str]) -> list[tuple[int, int]]:
    wanted = sorted({re.escape(_fold_width(term).strip()) for term in terms if term.strip()}, key=lambda term: (-len(term), term))
    if not wanted:
        return []
    pattern = re.compile(rf"(?<![A-Za-z\d])(?:{'|'.join(wanted)})(?![A-Za-z\d])|(?:{'|'.join(wanted)})(?<=[^\x00-\x7f])", re.IGNORECASE)
    return [match.span() for match in pattern.finditer(folded)]


def _join(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return ascending spans with those that overlap as one."""
    joined: list[tuple[int, int]] = []
    for start, end in spans:
        if joined and start < joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined
