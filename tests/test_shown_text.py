"""Text of others on its way to a terminal or a page: every road passes one function, and nothing is obeyed."""

import ast
import importlib
import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from adapt_embed.api.shown import as_html, as_line
from adapt_embed.cli import life, main
from adapt_embed.cli.completion import Offered
from adapt_embed.cli.output import confirm, print_json, say
from adapt_embed.errors import AdaptError
from adapt_embed.pages.page import _environment
from adapt_embed.publish.card import licence_questions
from adapt_embed.registry import BaseRecord, DataRecord, Entry, ParentRecord, Registry, ScoreRecord
from adapt_embed.shown_text import defuse, defuse_json, one_line
from adapt_embed.text_tables import TextTable, cell_width, lay_out, lay_out_facts
from click.testing import CliRunner, Result

CLEAR, TITLE, LINK = "\x1b[2J\x1b[1;1H", "\x1b]0;owned\x07", "\x1b]8;;http://x\x1b\\here\x1b]8;;\x1b\\"
C1, BIDI, ISOLATE, TAG = "\x9b31m", "\u202edecoy", "\u2067x\u2069", "\U000e0041"
HOSTILE = CLEAR + TITLE + LINK + C1 + BIDI + ISOLATE + TAG + "\r\b\x00\x7f\u2028"
OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\U000e0000-\U000e007f]")
PLAIN = ["", "plain", "two\nlines\twith a tab", "法律问题：谁来付房租？", "عربي עברית", "e\u0301 👩\u200d⚕️ “quotes” – dash", "a\\x1b[0m"]


@pytest.mark.parametrize("text", PLAIN)
def test_what_people_write_stays_as_it_is(text: str) -> None:
    assert defuse(text) == text
    assert defuse_json(json.dumps(text, ensure_ascii=False)) == json.dumps(text, ensure_ascii=False)


@pytest.mark.parametrize("text", [CLEAR, TITLE, LINK, C1, BIDI, ISOLATE, TAG, "\r", "\ud800", "\ufff9", HOSTILE])
def test_what_a_terminal_obeys_is_shown_as_its_number(text: str) -> None:
    shown = defuse(f"before {text} after")
    assert not OBEYED.search(shown)
    assert shown.startswith("before ")
    assert shown.endswith(" after")
    shown.encode("utf-8")


def test_the_number_is_the_one_that_python_reads_back() -> None:
    assert defuse(BIDI) == "\\u202edecoy"
    assert HOSTILE.encode("unicode_escape").decode().count("\\") >= defuse(HOSTILE).count("\\x1b") == 7
    assert one_line(" a \n b\t\x1b ") == "a b \\x1b"
    assert defuse("a\r\nb") == "a\nb"


def test_json_keeps_the_value() -> None:
    written = defuse_json(json.dumps({"name": HOSTILE}, ensure_ascii=False))
    assert not OBEYED.search(written)
    assert json.loads(written) == {"name": HOSTILE}


# roads to the terminal


@pytest.fixture
def hostile_home(home: Path) -> Path:
    """A registry with an entry whose texts are those of somebody who means ill."""
    draft = Entry(
        kind="adapter",
        name="pulled",
        domain=f"legal{HOSTILE}\nfake@1",
        bases=(BaseRecord(id=f"owner/base{HOSTILE}", sha256="0" * 64, name=f"base{HOSTILE}\nfake@2"),),
        pooling="cls",
        prompts={"query": f"find{HOSTILE}: ", "document": f"two\nlines{HOSTILE}"},
        method=f"lora{HOSTILE}",
        parents=(ParentRecord(reference=f"hf:o/r{HOSTILE}\n└── fake@3"),),
        config={f"key{HOSTILE}": f"value{HOSTILE}"},
        data=DataRecord(source=f"data{HOSTILE}", notes=(f"note{HOSTILE}",), licence=f"mit{HOSTILE}"),
        scores={"dev": ScoreRecord(metric=f"nDCG{HOSTILE}", before=0.1, after=0.2)},
    )
    Registry(home).add(draft, lambda folder: (folder / "adapter_model.safetensors").write_bytes(b"x"))
    return home


@pytest.fixture
def adapt(hostile_home: Path) -> Callable[..., Result]:
    def run(*words: object) -> Result:
        return CliRunner().invoke(main, [*map(str, words), "--registry", str(hostile_home)])

    return run


@pytest.mark.parametrize("words", [("list",), ("show", "pulled"), ("verify",), ("card", "pulled")])
def test_no_command_obeys_an_entry(adapt: Callable[..., Result], words: tuple[str, ...]) -> None:
    ran = adapt(*words)
    assert ran.output
    assert not OBEYED.search(ran.output)
    assert not re.search(r"^(└── )?fake@", ran.output, re.MULTILINE)


def test_json_gives_an_entry_as_it_is_and_is_not_obeyed(adapt: Callable[..., Result]) -> None:
    listed, shown, card = (adapt(*words, "--json").stdout for words in (("list",), ("show", "pulled"), ("card", "pulled")))
    assert not OBEYED.search(listed + shown + card)
    assert json.loads(listed)["entries"][0]["domain"] == json.loads(shown)["domain"] == f"legal{HOSTILE}\nfake@1"
    assert not OBEYED.search(json.loads(card)["files"]["README.md"])


def test_an_error_that_quotes_a_file_is_not_obeyed(hostile_home: Path) -> None:
    for words in (["bench", f"no{HOSTILE}"], ["list", "--domain", f"x{HOSTILE}"], ["show", f"x{HOSTILE}", "--json"], [f"no{HOSTILE}"]):
        ran = CliRunner().invoke(main, [*words, "--registry", str(hostile_home)])
        assert ran.exit_code in (1, 2)
        assert not OBEYED.search(ran.output), words


@pytest.mark.parametrize("error", [AdaptError(HOSTILE), AdaptError(f"one\ntwo{HOSTILE}")])
def test_any_error_of_a_command_is_not_obeyed(monkeypatch: pytest.MonkeyPatch, home: Path, error: AdaptError) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr("adapt_embed.references.listing.list_versions", fail)
    ran = CliRunner().invoke(main, ["list", "--registry", str(home)])
    assert ran.exit_code == 1
    assert ran.stderr.startswith("Error: ")
    assert not OBEYED.search(ran.output)


def test_messages_and_json_are_not_obeyed(capsys: pytest.CaptureFixture[str]) -> None:
    say(HOSTILE)
    print_json({"text": HOSTILE})
    out, err = capsys.readouterr()
    assert not OBEYED.search(out + err)
    assert json.loads(out) == {"text": HOSTILE}


def test_a_question_is_not_obeyed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    prompts: list[str] = []
    monkeypatch.setattr("click.termui.visible_prompt_func", lambda prompt: prompts.append(prompt) or "y")
    confirm(HOSTILE, "nothing was sent")
    asked = "".join([*prompts, *capsys.readouterr()])
    assert "\\x1b[2J" in asked
    assert not OBEYED.search(asked)
    entry = DataRecord(source=HOSTILE, licence=f"cc-by-nc-4.0{HOSTILE}")
    base = BaseRecord(id="a/b", sha256="0" * 64)
    (question,) = licence_questions(Entry(kind="adapter", name="a", bases=(base,), data=entry))
    assert not OBEYED.search(question)


PAST_IT = {"streams.py", "output.py", "boundary.py", "life.py", "encode.py"}
"""Modules that print by themselves: those that defuse, and one that prints numbers."""


def test_no_module_prints_past_the_function() -> None:
    folder = Path(importlib.import_module("adapt_embed.cli").__file__).parent
    found = [
        f"{path.name}:{call.lineno}" for path in sorted(folder.rglob("*.py")) if path.name not in PAST_IT for call in printing_calls(path)
    ]
    assert not found, f"print with echo or say, ask with confirm (cli/streams.py, cli/output.py): {', '.join(found)}"


def printing_calls(path: Path) -> Iterator[ast.Call]:
    """Calls that print something other than a text of the module's own."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call) or not node.args or isinstance(node.args[0], ast.Constant):
            continue
        if ast.unparse(node.func) in (
            "print",
            "click.echo",
            "click.secho",
            "click.confirm",
            "click.prompt",
            "sys.stdout.write",
            "sys.stderr.write",
        ):
            yield node


def test_a_sign_of_life_is_not_obeyed() -> None:
    code = f"import time; from adapt_embed.cli import life\nlife.LINE_EVERY_S = 0.2\nwith life.alive(): life.doing({HOSTILE!r}); time.sleep(0.5)"
    written = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stderr
    assert "\\x1b[2J" in written
    assert not OBEYED.search(written)
    assert life.LINE_EVERY_S > 1


def test_a_bar_shows_what_is_done_and_takes_it_for_no_markup(monkeypatch: pytest.MonkeyPatch) -> None:
    from adapt_embed.cli import bars
    from rich import progress

    added: list[str] = []
    monkeypatch.setattr(progress.Progress, "add_task", lambda self, what, **_: added.append(what) or 0)
    monkeypatch.setattr(progress.Progress, "update", lambda *_, **__: None)
    with bars._bars("texts") as tell:
        tell(f"[red]{HOSTILE}", 1, 2)
    assert added[0].startswith("[red]\\x1b")
    assert not OBEYED.search(added[0])


def test_a_shell_is_offered_no_word_that_it_would_obey() -> None:
    import click

    offered = Offered(lambda _: ["legal", f"legal{CLEAR}", "legal\nfake", BIDI])
    with click.Context(click.Command("x")) as context:
        assert [item.value for item in offered.shell_complete(context, None, "")] == ["legal"]


def test_a_table_is_as_wide_as_it_is_shown() -> None:
    table = lay_out(TextTable((f"name{C1}", "n"), [(f"a{BIDI}", "1"), ("b", "2")], title=TITLE))
    assert not OBEYED.search(table)
    lines = table.splitlines()[2:]
    assert len({cell_width(line) for line in (lines[0], *lines[2:])}) == 1
    assert not OBEYED.search(lay_out_facts([(f"a{CLEAR}", HOSTILE)]))


# roads to a page


SCRIPT = "<script>alert(1)</script>"


def test_a_page_shows_text_escaped_and_in_its_own_direction() -> None:
    shown = _environment(Path()).from_string("<td title='{{ name }}'>{{ name }}</td>").render(name=SCRIPT + BIDI)
    assert "<script>" not in shown
    assert "&lt;script&gt;" in shown
    assert not OBEYED.search(shown)


def test_a_notebook_shows_text_escaped_and_in_its_own_direction() -> None:
    shown = as_html([{f"a{BIDI}{SCRIPT}": SCRIPT + HOSTILE, "scores": {SCRIPT: {"metric": BIDI, "before": 0.1, "after": 0.2}}}])
    assert "<script>" not in shown
    assert not OBEYED.search(shown)


def test_an_adapter_as_a_line_is_not_obeyed() -> None:
    scores = {f"dev{CLEAR}": {"metric": BIDI, "before": 0.1, "after": None}}
    about = {"reference": HOSTILE, "kind": HOSTILE, "side": "query", "base": BIDI, "domain": TITLE, "scores": scores}
    assert not OBEYED.search(as_line(about))
