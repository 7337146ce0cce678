"""Texts whose bytes were read in a wrong encoding, read in the right one."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ftfy import TextFixerConfig

_FEWEST = 3  # Chinese characters that must come out before a text counts as read wrongly: two happen by chance
_COMMON = range(0xB0, 0xD8)  # first bytes in GB 2312 of its 3,755 common characters

_READINGS = [(wrong, right) for right in ("utf-8", "gb18030") for wrong in ("sloppy-windows-1252", "latin-1", "gb18030") if wrong != right]
"""Wrong and right encoding: UTF-8 first, because what is valid in it by chance is rare. The first of them is a codec that ftfy registers."""


def mend_encoding(text: str) -> str:
    """Return a text as it was before it was read wrongly; the same text where nothing shows that it was.

    UTF-8 read as GBK, and GBK read as Windows-1252 or Latin-1, are known here, line by line: the bytes are valid in the other encoding,
    strictly, and give Chinese of common characters. UTF-8 read as Windows-1252 and its like is known by ftfy
    (https://ftfy.readthedocs.io), whose answer counts where nothing in it looks wrongly read any more.
    """
    if text.isascii():
        return text
    import ftfy

    chinese = "\n".join(_mend_line(line) for line in text.split("\n"))
    if chinese != text:
        return chinese
    mended = ftfy.fix_encoding(text, _config())
    return mended if mended != text and not ftfy.is_bad(mended) else text


def looks_misread(text: str) -> bool:
    """Return whether a text still looks as if it had been read in a wrong encoding."""
    if text.isascii():
        return False
    import ftfy

    return bool(ftfy.is_bad(text))


def _config() -> TextFixerConfig:
    """Return what of ftfy is used: its detection of wrong encodings, and nothing else that it would change."""
    from ftfy import TextFixerConfig

    return TextFixerConfig(
        unescape_html=False,
        remove_terminal_escapes=False,
        fix_latin_ligatures=False,
        fix_character_width=False,
        uncurl_quotes=False,
        fix_line_breaks=False,
        fix_surrogates=False,
        remove_control_chars=False,
        normalization=None,
        explain=False,
    )


def _mend_line(line: str) -> str:
    for wrong, right in _READINGS:
        try:
            read = line.encode(wrong).decode(right)
        except UnicodeError:
            continue
        if read != line and _is_chinese(read, line):
            return read
    return line


def _is_chinese(read: str, line: str) -> bool:
    """Return whether what was read is Chinese of common characters, and more so than the line was."""
    han = [char for char in read if "一" <= char <= "鿿"]
    beyond = [char for char in read if not char.isascii()]
    common = [char for char in han if char.encode("gb18030")[0] in _COMMON]
    was_han = any("一" <= char <= "鿿" for char in line)
    rare_before = not was_han or _share_common(line) < _share_common(read)
    return len(han) >= _FEWEST and len(common) >= 0.9 * len(han) and len(han) >= 0.6 * len(beyond) and rare_before


def _share_common(text: str) -> float:
    han = [char for char in text if "一" <= char <= "鿿"]
    return sum(char.encode("gb18030")[0] in _COMMON for char in han) / max(1, len(han))
