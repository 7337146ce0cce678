"""Chinese characters that are typed for one another: the same pinyin, or one that many speakers do not tell from it.

Sources: pypinyin (readings); the usual fuzzy pairs of pinyin input methods (zh/z, ch/c, sh/s, n/l, f/h, an/ang, en/eng, in/ing); GB 2312,
whose first level is the 3,755 characters in common use.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator
from functools import lru_cache

INITIALS = (("zh", "z"), ("ch", "c"), ("sh", "s"), ("n", "l"), ("f", "h"))
FINALS = (("ang", "an"), ("eng", "en"), ("ing", "in"))
_ALIKE_SHARE = 0.5
"""How often a character of the same pinyin is taken where there are others too."""


def sound_alike(word: str, chance: random.Random) -> str | None:
    """Return a Chinese word with one character in place of which one that sounds alike stands; None where there is none in common use."""
    from pypinyin import lazy_pinyin

    sounds = lazy_pinyin(word)
    if len(sounds) != len(word):
        return None
    for at in chance.sample(range(len(word)), len(word)):
        if others := _others(word[at], sounds[at], chance):
            return word[:at] + chance.choice(others) + word[at + 1 :]
    return None


def _others(character: str, sound: str, chance: random.Random) -> list[str]:
    same = [each for each in common_characters().get(sound, ()) if each != character]
    near = [each for other in confused_with(sound) for each in common_characters().get(other, ()) if each != character]
    first, second = (same, near) if chance.random() < _ALIKE_SHARE else (near, same)
    return first or second


def confused_with(sound: str) -> list[str]:
    """Return the pinyin syllables, without tones, that are taken for this one; some of them may not exist."""
    starts = [new + sound.removeprefix(old) for old, new in _both_ways(INITIALS) if _begins(sound, old)]
    ends = [sound.removesuffix(old) + new for old, new in _both_ways(FINALS) if sound.endswith(old)]
    return [each for each in dict.fromkeys([*starts, *ends]) if each != sound]


def _begins(sound: str, initial: str) -> bool:
    return sound.startswith(initial) and not sound[len(initial) :].startswith("h")


def _both_ways(pairs: tuple[tuple[str, str], ...]) -> Iterator[tuple[str, str]]:
    for one, other in pairs:
        yield one, other
        yield other, one


@lru_cache(maxsize=1)
def common_characters() -> dict[str, tuple[str, ...]]:
    """Return pinyin without tones -> the characters in common use that are mostly read so."""
    from pypinyin import lazy_pinyin

    found: dict[str, list[str]] = defaultdict(list)
    for character in _first_level():
        found[lazy_pinyin(character)[0]].append(character)
    return {sound: tuple(characters) for sound, characters in found.items()}


def _first_level() -> str:
    """Return the characters of the first level of GB 2312: its rows 16 to 55, the last of which has 89."""
    codes = bytes(byte for row in range(0xB0, 0xD8) for column in range(0xA1, 0xFF) for byte in (row, column))
    return codes.decode("gb2312", "ignore")
