"""The examples of docs/python.md are run as one program, on the tiny base in place of the one that is named, and print what they say."""

import re
from pathlib import Path
from types import ModuleType

import pytest
from adapt_embed import Adapter

DOCUMENT = Path(__file__).parent.parent / "docs" / "python.md"
NAMED_BASE = '"bge-small-en"'

pytestmark = pytest.mark.skipif(not DOCUMENT.is_file(), reason="docs/ is in the repository alone")


def examples() -> list[str]:
    return re.findall(r"^```python\n(.*?)^```$", DOCUMENT.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def test_every_example_runs_and_does_what_is_said(
    tiny_base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], event_logs: ModuleType
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "questions.csv").write_text("anchor,positive\nwho pays?,The tenant pays.\nwho mends?,The landlord.\n", encoding="utf-8")
    code = examples()
    (tmp_path / "passages.csv").write_text("id,text\np1,The tenant pays.\np2,The landlord mends.\n", encoding="utf-8")
    log = event_logs.Log()
    for user in range(300):
        log.answer(f"{user}", user % 2, clicks=[1] * (user // 2 % 10 < (2, 8)[user % 2]), at=user)
    log.write(tmp_path / "log")
    assert len(code) == 17
    assert sum(NAMED_BASE in part for part in code) == 11
    names: dict[str, object] = {"__name__": "example"}
    for part in code:
        exec(compile(part.replace(NAMED_BASE, repr(str(tiny_base))), str(DOCUMENT), "exec"), names)
    adapters = {name: each.reference for name, each in names.items() if isinstance(each, Adapter)}
    assert adapters == {
        "letting": "letting@1",
        "asked": "asked@1",
        "chinese": "租房@1",
        "words": "letting-pretrained@1",
        "started": "letting-started@1",
        "first": "letting@1",
        "same": adapters["same"],
        "base": "base",
        "exact": "letting@1",
        "both": "both@1",
        "again": "both@1",
        "side_by_side": "letting-租房-concat@1",
        "trial": "trial",
        "best": "legal@1",
    }
    printed = capsys.readouterr().out
    assert "None (32,)\n" in printed
    assert "2 ['base']\n" in printed
    assert "answers 1531 2967\nlegal@best ahead None\n" in printed
    assert "step 1 of 1: loss " in printed
    assert "unknown adapter 'leting'. Did you mean letting?" in printed
    assert printed.endswith("['letting@2', 'letting@3']\n")
    assert "questions both@1 " in printed
