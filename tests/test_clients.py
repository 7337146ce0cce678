"""Every block of docs/clients.md is run, as it stands, against a server on a tiny base."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

PAGE = Path(__file__).parent.parent / "docs" / "clients.md"
KEY = "0123456789abcdef-a-key"
ADDRESS, MODEL = "http://127.0.0.1:8080", "legal@best"

pytestmark = pytest.mark.skipif(not PAGE.is_file(), reason="docs/ is in the repository alone")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def address(serving: Any, tiny_base: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    filled = serving.fill(tmp_path_factory.mktemp("clients") / "registry", tiny_base)
    with serving.running(serving.prepare(filled, tiny_base, keys=(KEY,))) as running:
        yield running.address


def here(block: str, address: str) -> str:
    """A block as it stands, but for the address and the name of the adapter."""
    assert ADDRESS in block
    assert MODEL in block or "/search" in block
    return block.replace(ADDRESS, address).replace(MODEL, "law@best")


def run_python(block: str, address: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> tuple[dict, str]:
    monkeypatch.setenv("ADAPT_KEY", KEY)
    names: dict[str, Any] = {}
    exec(compile(here(block, address), str(PAGE), "exec"), names)
    return names, capsys.readouterr().out


def test_the_page_has_each_client_in_few_lines() -> None:
    assert [sorted(set(re.findall(r"^from (\w+)", block, re.MULTILINE))) for block in blocks("python")] == [
        ["openai"],
        ["langchain_openai"],
    ]
    assert len(blocks("bash")) == 2
    assert max(len(block.splitlines()) for kind in ("python", "bash") for block in blocks(kind)) <= 13


def test_openai(address: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("openai")
    names, printed = run_python(blocks("python")[0], address, monkeypatch, capsys)
    names["client"].close()
    assert printed.strip() in names["texts"]
    assert len(names["scores"]) == 2
    assert len(names["vector"]) == 32
    assert sum(number * number for number in names["vector"]) == pytest.approx(1)


def test_langchain(address: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("langchain_openai")
    names, printed = run_python(blocks("python")[1], address, monkeypatch, capsys)
    for each in (names["documents"], names["queries"]):
        each.client._client.close()
    assert printed == "2 32\n"
    assert names["rows"][0] != names["rows"][1]


def test_curl(address: str) -> None:
    if shutil.which("curl") is None:
        pytest.skip("needs curl on the path")
    ran = subprocess.run(
        ["bash", "-c", here(blocks("bash")[0], address)], env=os.environ | {"ADAPT_KEY": KEY}, capture_output=True, text=True
    )
    assert ran.returncode == 0, ran.stderr
    answer = json.loads(ran.stdout)
    assert [len(each["embedding"]) for each in answer["data"]] == [32, 32]
    without = subprocess.run(
        ["bash", "-c", here(blocks("bash")[0], address)], env=os.environ | {"ADAPT_KEY": "x"}, capture_output=True, text=True
    )
    assert (without.returncode, json.loads(without.stdout)["error"]["code"]) == (22, "invalid_api_key")
