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
from adapt_embed.abtests.log.lines import Answer, Event
from adapt_embed.abtests.log.read import Skipped, read_log
from adapt_embed.index.build import BuildRequest, prepare_build
from adapt_embed.references import Search
from adapt_embed.registry import open_registry
from adapt_embed.serve.search.job import prepare_searching
from adapt_embed.serve.search.options import SearchOptions

PAGE = Path(__file__).parent.parent / "docs" / "clients.md"
KEY = "0123456789abcdef-a-key"
ADDRESS, MODEL = "http://127.0.0.1:8080", "legal@best"

pytestmark = pytest.mark.skipif(not PAGE.is_file(), reason="docs/ is in the repository alone")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("clients") / "log"


@pytest.fixture(scope="module")
def address(serving: Any, tiny_base: Path, toy_folder: Path, log: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server of a registry, with keys, over an index that the base made."""
    filled = serving.fill(log.parent / "registry", tiny_base)
    where = Search(registry=open_registry(filled), base=str(tiny_base))
    build = BuildRequest(corpus=toy_folder, out=log.parent / "index", reference="base", where=where, settings=serving.FP32)
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("ADAPT_CACHE", str(log.parent / "cache"))
        prepare_build(build).run()
    job = serving.prepare(filled, tiny_base, keys=(KEY,))
    searching = prepare_searching(SearchOptions(index=build.out, events=log), job.catalog)
    with serving.running(job, searching=searching) as running:
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


def run_bash(block: str, address: str, key: str = KEY) -> subprocess.CompletedProcess[str]:
    if shutil.which("curl") is None:
        pytest.skip("needs curl on the path")
    environment = os.environ | {"ADAPT_KEY": key, "no_proxy": "127.0.0.1"}
    return subprocess.run(["bash", "-c", here(block, address)], env=environment, capture_output=True, text=True)


def test_curl(address: str) -> None:
    ran = run_bash(blocks("bash")[0], address)
    assert ran.returncode == 0, ran.stderr
    assert [len(each["embedding"]) for each in json.loads(ran.stdout)["data"]] == [32, 32]
    without = run_bash(blocks("bash")[0], address, "another key")
    assert (without.returncode, json.loads(without.stdout)["error"]["code"]) == (22, "invalid_api_key")


def test_a_search_and_a_click_with_curl_are_in_the_log(address: str, log: Path) -> None:
    ran = run_bash(blocks("bash")[1], address)
    assert (ran.returncode, json.loads(ran.stdout)) == (0, {"accepted": 1, "refused": []}), ran.stderr
    answer, event = read_log(log, Skipped())
    assert isinstance(answer, Answer)
    assert isinstance(event, Event)
    assert (answer.query, len(answer.shown), answer.user is not None) == ("when is the rent due?", 3, True)
    assert (event.answer, event.item, event.position, event.kind) == (answer.id, answer.shown[0], 1, "click")
