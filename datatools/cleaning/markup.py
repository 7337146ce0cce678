"""Texts that hold HTML, as what a reader of the page would see."""

from __future__ import annotations

import html
import re

_INLINE = (
    "a|abbr|b|bdi|bdo|big|cite|code|data|del|dfn|em|font|i|ins|kbd|label|mark|nobr|q|ruby|rp|rt|s|samp|small|span|strike|strong|sub|sup|time|"
    "tt|u|var|wbr"
)
_BLOCK = (
    "address|article|aside|audio|blockquote|body|br|button|canvas|caption|center|col|colgroup|dd|details|dialog|div|dl|dt|embed|fieldset|"
    "figcaption|figure|footer|form|h[1-6]|head|header|hr|html|iframe|img|input|legend|li|link|main|map|meta|nav|noscript|object|ol|optgroup|"
    "option|p|param|picture|pre|script|section|select|source|style|summary|svg|table|tbody|td|template|textarea|tfoot|th|thead|title|tr|track|"
    "ul|video"
)
_UNSEEN = ("script", "style", "template", "noscript", "head", "svg")
_ALONE = "br|p|li|hr|img|input|link|meta|td|th|tr|dd|dt|option|script|style"  # what pages leave open, or what no person writes of alone
_INLINE_TAG = rf"</?(?:{_INLINE})(?:\s[^<>]*=[^<>]*|\s*/?)>"  # "a <b and c> d" is no tag
_ANY_BLOCK = rf"</?(?:{_BLOCK})(?:\s[^<>]*)?/?>"
_KNOWN = rf"{_INLINE_TAG}|{_ANY_BLOCK}|<!--|<!doctype\b"
_TAG = re.compile(_KNOWN, re.IGNORECASE)
_BLOCK_TAG = re.compile(_ANY_BLOCK, re.IGNORECASE)
_CELL_TAG = re.compile(r"</?t[dh](?:\s[^<>]*)?>", re.IGNORECASE)
_OTHER_TAG = re.compile(rf"(?!{_KNOWN})<", re.IGNORECASE)
_CERTAIN = re.compile(rf"</|<!|<(?:{_ALONE})\b|<[^<>]*[=/]\s*[^<>]*>", re.IGNORECASE)
_SCRIPT = re.compile(r"<(su[bp])(?:\s[^<>]*)?>([^<>]{0,60})</\1\s*>(?=(\d)?)", re.IGNORECASE)
_RAISED, _LOWERED = str.maketrans("0123456789+-−=()n", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁼⁽⁾ⁿ"), str.maketrans("0123456789+-−=()", "₀₁₂₃₄₅₆₇₈₉₊₋₋₌₍₎")
_ENTITY = re.compile(r"&(?:#\d{1,7}|#x[0-9a-f]{1,6}|[a-z][a-z0-9]{1,30});", re.IGNORECASE)
_HIDDEN = re.compile(rf"<({'|'.join(_UNSEEN)})\b[^<>]*>.*?(?:</\1\s*>|$)|<!--.*?(?:-->|$)|<!doctype[^>]*>", re.IGNORECASE | re.DOTALL)


def remove_markup(text: str) -> str:
    """Return a text without the tags of HTML and with its entities read; what scripts and styles hold goes with them.

    Blocks become lines, cells of a table are parted by a blank, and tags within a line leave nothing. `<` before anything that is not a
    name of HTML stays, so that "p < 0.05" and "<jane@example.com>" do; and so does a text that speaks of tags ("how do I centre a <div>?"):
    none of them is closed or has an attribute. A text whose tags are entities (`&lt;p&gt;`) is read twice. Raised digits become superscripts,
    so that 10<sup>9</sup> is "10⁹" and not "109".
    """
    if has_markup(text):
        text = _parse(text)
    elif "&" in text and _ENTITY.search(text):
        text = html.unescape(text)
        text = _parse(text) if "<" in text and _BLOCK_TAG.search(text) else text
    return text


def visible(text: str) -> str:
    """Return what of a text is no markup, found by patterns alone: for a check of what the parser kept."""
    if not has_markup(text):
        unescaped = html.unescape(text) if "&" in text and _ENTITY.search(text) else text
        if unescaped == text or not _BLOCK_TAG.search(unescaped):
            return unescaped
        text = unescaped
    shown = _TAG.sub("", _BLOCK_TAG.sub(" ", _HIDDEN.sub(" ", write_scripts(text))))
    return html.unescape(shown)


def has_markup(text: str) -> bool:
    """Return whether a text is marked up, and does not speak of tags alone."""
    return "<" in text and any(_CERTAIN.match(tag[0]) for tag in _TAG.finditer(text))


def write_scripts(text: str) -> str:
    """Return a text with superscripts in place of raised digits, and with subscripts in place of lowered ones that another digit touches.

    "H<sub>2</sub>O" is written H2O everywhere; "log<sub>2</sub>8" must not be log28.
    """
    return _SCRIPT.sub(_scripted, text) if "<su" in text.lower() else text


def _scripted(found: re.Match[str]) -> str:
    is_raised, inner, after = found[1].lower() == "sup", html.unescape(found[2]).strip(), found[3]
    before = found.string[found.start() - 1 : found.start()]
    touches = (before.isdigit() and inner[:1].isdigit()) or (after is not None and inner[-1:].isdigit())
    if not any(char.isdigit() for char in inner) or not (is_raised or touches):
        return found[2]
    written = inner.translate(_RAISED if is_raised else _LOWERED)
    is_whole = not any(char.isascii() for char in written)
    return written if is_whole else f" {found[2]} " if touches else found[2]


def _parse(text: str) -> str:
    from selectolax.lexbor import LexborHTMLParser

    apart = _BLOCK_TAG.sub(
        lambda tag: f" {tag[0]} " if _CELL_TAG.fullmatch(tag[0]) else f"\n{tag[0]}\n", _OTHER_TAG.sub("&lt;", write_scripts(text))
    )
    tree = LexborHTMLParser(f"<body>{apart}")
    tree.strip_tags(list(_UNSEEN))
    return tree.body.text(deep=True, separator="", strip=False) if tree.body is not None else ""
