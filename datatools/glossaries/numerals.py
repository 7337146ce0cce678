"""Chinese numerals as numbers."""

_DIGITS = {
    character: value
    for value, characters in enumerate(("零〇", "一壹", "二两贰兩貳", "三叁參", "四肆", "五伍", "六陆陸", "七柒", "八捌", "九玖"))
    for character in characters
}
_TENS = {"十": 10, "拾": 10, "百": 100, "佰": 100, "千": 1000, "仟": 1000}
_MYRIADS = {"万": 10**4, "萬": 10**4, "亿": 10**8, "億": 10**8}

SCALES = "".join([*_TENS, *_MYRIADS])
"""What multiplies what stands before it."""
NUMERALS = "".join(_DIGITS) + SCALES


def chinese_number(text: str) -> int | None:
    """Return the number that a text of Chinese numerals alone means: 第 and units are the pattern's to leave out. None: it is not one."""
    if not text or not all(character in _DIGITS or character in _TENS or character in _MYRIADS for character in text):
        return None
    if not any(character in _TENS or character in _MYRIADS for character in text):
        return int("".join(str(_DIGITS[character]) for character in text))
    total = section = digit = 0
    for character in text:
        if character in _DIGITS:
            digit = _DIGITS[character]
        elif character in _TENS:
            section += (digit or 1) * _TENS[character]
            digit = 0
        else:
            total = (total + section + digit) * _MYRIADS[character] if _MYRIADS[character] == 10**8 else total + (section + digit) * 10**4
            section = digit = 0
    return total + section + digit
