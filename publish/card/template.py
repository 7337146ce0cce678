"""A card's text from a template: one that ships, or the user's own. Values are escaped wherever a template shows them.

A value is one line of Markdown that shows the value's own letters: control characters are gone, and no letter of it is a sign of Markdown
or HTML. `|code`, `|python` and `|shell` write one as code; `|verbatim` writes it as it is, for text that the template made itself.
"""

from __future__ import annotations

import json
import re
import shlex
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...errors import ConfigError
from ...shown_text import defuse, one_line
from .facts import Card

if TYPE_CHECKING:
    from jinja2 import Environment

TEMPLATES = Path(__file__).parent / "templates"
_LARGEST = 1_000_000  # bytes of a template
_LONGEST_CARD = 4_000_000  # characters; a loop in a template of somebody else's ends here
_MARKDOWN = re.compile(r"[\\`*_{}\[\]<>#|~&$]")


class Verbatim(str):
    """Text that is shown as it is."""

    __slots__ = ()


def render_card(card: Card, language: str, template: Path | None = None) -> str:
    """Return the text of a card.

    Args:
        card: What it says.
        language: Whose template is taken where no other is named.
        template: The user's own; it is run in a sandbox.

    Raises:
        ConfigError: the template cannot be read, is malformed or fails; the message names its line.
    """
    path = template or TEMPLATES / f"{language}.md.jinja"
    source = _read(path)
    from jinja2 import TemplateError

    try:
        compiled = _environment().from_string(source)
        parts, size = [], 0
        for part in compiled.generate(card=card):
            parts.append(part)
            size += len(part)
            if size > _LONGEST_CARD:
                raise ConfigError(f"{path} makes a card of more than {_LONGEST_CARD} characters; make it shorter")
        return "".join(parts)
    except TemplateError as e:
        raise _failed(path, e, getattr(e, "lineno", None)) from e
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError, RecursionError) as e:
        raise _failed(path, e, None) from e


def _read(path: Path) -> str:
    try:
        if path.stat().st_size > _LARGEST:
            raise ConfigError(f"the card template {path} has more than {_LARGEST} bytes; expected a text")
        return path.read_text(encoding="utf-8")
    except OSError as e:
        raise ConfigError(f"the card template {path} cannot be read: {e.strerror or e}") from e
    except UnicodeDecodeError as e:
        raise ConfigError(f"the card template {path} is not text in UTF-8 ({e.reason} at byte {e.start})") from e


def _failed(path: Path, error: Exception, line: int | None) -> ConfigError:
    frames = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == "<template>"]
    number = line or (frames[-1] if frames else None)
    where = f"{path}, line {number}" if number else str(path)
    return ConfigError(f"the card template {where}: {one_line(str(error)) or type(error).__name__}")


def _environment() -> Environment:
    from jinja2 import StrictUndefined, TemplateRuntimeError
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    def show(value: object) -> str:
        if isinstance(value, StrictUndefined):
            return str(value)  # raises, and names it
        return value if isinstance(value, Verbatim) else escape_markdown(value)

    made = ImmutableSandboxedEnvironment(
        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True, finalize=show
    )
    made.filters |= _FILTERS
    made.globals = {name: made.globals[name] for name in ("range", "dict", "namespace")}
    made.globals["fail"] = _failing(TemplateRuntimeError)
    return made


def _failing(error: type[Exception]) -> Callable[[str], str]:
    def fail(message: str) -> str:
        raise error(message)

    return fail


def escape_markdown(value: object) -> Verbatim:
    """Return a value as one line of Markdown whose reader sees the value's own letters."""
    return Verbatim(_MARKDOWN.sub(_escaped, one_line("" if value is None else str(value))))


def _escaped(found: re.Match[str]) -> str:
    return {"<": "&lt;", ">": "&gt;", "&": "&amp;"}.get(found[0], f"\\{found[0]}")


def _code(value: object) -> Verbatim:
    """Return a value as code within a line, between more backticks than it holds; of a table too, whose bars stay bars of the value."""
    text = one_line(str(value))
    marks = "`" * (max(map(len, re.findall("`+", text)), default=0) + 1)
    blank = " " if text.startswith("`") or text.endswith("`") or not text else ""
    return Verbatim(f"{marks}{blank}{text}{blank}{marks}".replace("|", "\\|"))


def _python(value: object) -> Verbatim:
    """Return a text as Python writes it, on one line, its blanks kept; no fence of a code block can end in it."""
    return Verbatim(defuse(json.dumps(str(value), ensure_ascii=False)).replace("```", "\\u0060\\u0060\\u0060"))


def _shell(value: object) -> Verbatim:
    return Verbatim(shlex.quote(one_line(str(value))))


def _command(value: object) -> Verbatim:
    """Return a command that is quoted already; it cannot end a code block."""
    return Verbatim(one_line(str(value)).replace("```", "'`'\"``\""))


_FILTERS: dict[str, Callable[..., Any]] = {
    "code": _code,
    "python": _python,
    "shell": _shell,
    "command": _command,
    "verbatim": lambda value: Verbatim(str(value)),
    "score": lambda value: Verbatim("–" if value is None else f"{value:.4f}"),
    "signed": lambda value: Verbatim("–" if value is None else f"{value:+.4f}".replace("-", "−")),
    "percent": lambda value: Verbatim("–" if value is None else f"{value:.0%}"),
}
