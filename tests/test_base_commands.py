"""`adapt base list` and `adapt base link`: what they print, and what they leave on the disk."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from adapt_embed.base import known
from adapt_embed.base.fingerprint import fingerprint
from adapt_embed.base.known import KNOWN_BASES
from adapt_embed.cli import main
from click.testing import CliRunner, Result


@pytest.fixture
def tiny_as_small(tiny_base: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let the tiny base be bge-small-en."""
    entry = replace(KNOWN_BASES["bge-small-en"], sha256=fingerprint(tiny_base), dimension=32)
    monkeypatch.setitem(KNOWN_BASES, "bge-small-en", entry)
    monkeypatch.setattr(known, "_ALL", tuple(entry if each.alias == entry.alias else each for each in known._ALL))
    return tiny_base


def adapt_base(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["base", *map(str, arguments)])


def cached_files() -> list[str]:
    cache = Path(os.environ["HF_HUB_CACHE"])
    return sorted(path.relative_to(cache).as_posix() for path in cache.rglob("*") if not path.is_dir())


def by_alias(ran: Result) -> dict[str, dict]:
    return {base["alias"]: base for base in json.loads(ran.stdout)["bases"]}


def test_list_says_what_each_base_is_and_where_it_lies(tiny_base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "bge-m3").symlink_to(tiny_base)
    monkeypatch.setenv("ADAPT_BASES", str(tmp_path))
    bases = by_alias(adapt_base("list", "--json"))
    assert list(bases) == list(KNOWN_BASES)
    m3 = {"hub_id": "BAAI/bge-m3", "dimension": 1024, "max_tokens": 8192, "language": "multilingual", "sha256": None}
    assert m3.items() <= bases["bge-m3"].items()
    assert (bases["bge-m3"]["found_in"], bases["bge-m3"]["folder"]) == ("ADAPT_BASES", str(tmp_path / "bge-m3"))
    assert bases["bge-small-en"]["folder"] is None
    lines = adapt_base("list").stdout.splitlines()
    assert [line.split()[0] for line in lines[-len(KNOWN_BASES) :]] == list(KNOWN_BASES)
    assert "not here" in next(line for line in lines if "bge-small-en" in line)


def test_list_tells_weights_that_are_verified_from_others(tiny_as_small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for alias in ("bge-small-en", "minilm", "bge-m3"):
        (tmp_path / alias).symlink_to(tiny_as_small)
    monkeypatch.setenv("ADAPT_BASES", str(tmp_path))
    bases = by_alias(adapt_base("list", "--json"))
    assert [bases[alias]["verified"] for alias in ("bge-small-en", "minilm", "bge-m3", "bge-base-en")] == [True, False, None, None]
    marks = {line.split()[0]: line.split()[5] for line in adapt_base("list").stdout.splitlines()[-len(KNOWN_BASES) :]}
    assert [marks[alias] for alias in ("bge-small-en", "minilm", "bge-m3")] == ["verified", "differs", "-"]


def test_list_asks_no_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    from adapt_embed.base import places

    monkeypatch.setattr(places, "hub_is_reachable", lambda: pytest.fail("the Hub was asked"))
    assert adapt_base("list").exit_code == 0


def test_link_says_each_file_it_wrote_and_list_finds_it(tiny_as_small: Path) -> None:
    ran = adapt_base("link", tiny_as_small, "--as", "bge-small-en", "--json")
    assert ran.exit_code == 0, ran.output
    told, snapshot = json.loads(ran.stdout), f"models--BAAI--bge-small-en-v1.5/snapshots/{KNOWN_BASES['bge-small-en'].revision}/"
    written = [name.removeprefix(snapshot) for name in cached_files() if name.startswith(snapshot)]
    assert told["files"] == written
    assert {
        "vocab.txt",
        "tokenizer.json",
        "tokenizer_config.json",
        "special_tokens_map.json",
        "modules.json",
        "2_Normalize/config.json",
    } <= set(written)
    assert by_alias(adapt_base("list", "--json"))["bge-small-en"]["found_in"] == "cache"


def test_undo_leaves_what_the_hub_client_has_put_beside_it(tiny_as_small: Path) -> None:
    adapt_base("link", tiny_as_small, "--as", "bge-small-en")
    beside = Path(os.environ["HF_HUB_CACHE"]) / "models--BAAI--bge-small-en-v1.5" / "snapshots" / ("a" * 40) / "config.json"
    beside.parent.mkdir()
    beside.write_text("{}")
    ran = adapt_base("link", "--undo", "--as", "bge-small-en")
    assert ran.exit_code == 0, ran.output
    assert "what others put there since is left" in ran.stdout
    assert cached_files() == [f"models--BAAI--bge-small-en-v1.5/snapshots/{'a' * 40}/config.json"]
    beside.unlink()
    beside.parent.rmdir()
    assert (tiny_as_small / "model.safetensors").is_file()


def test_undo_alone_leaves_an_empty_cache(tiny_as_small: Path) -> None:
    adapt_base("link", tiny_as_small, "--as", "bge-small-en")
    assert json.loads(adapt_base("link", "--undo", "--as", "bge-small-en", "--json").stdout)["left"] is False
    assert list(Path(os.environ["HF_HUB_CACHE"]).iterdir()) == []


@pytest.mark.parametrize(
    "arguments, code, message",
    [
        (["no-such-folder", "--as", "bge-small-en"], 1, "no-such-folder is not a folder"),
        (["--as", "bge-small-en"], 1, "lies nowhere on this machine; give its FOLDER"),
        ([".", "--as", "bge"], 1, "unknown base alias 'bge'"),
        (["."], 2, "Missing option '--as'"),
        (["--undo", "--as", "minilm"], 1, "minilm is not linked"),
    ],
)
def test_what_cannot_be_linked_is_one_line_and_writes_nothing(arguments: list[str], code: int, message: str) -> None:
    ran = adapt_base("link", *arguments)
    assert (ran.exit_code, message in ran.stderr) == (code, True), ran.output
    assert cached_files() == []


@pytest.mark.shared
def test_weights_of_another_origin_are_refused(shared: Path) -> None:
    ran = adapt_base("link", shared / "bases" / "bge-small-zh-v1.5-int8", "--as", "bge-small-en")
    assert ran.exit_code == 1
    assert "does not hold the weights of BAAI/bge-small-en-v1.5" in ran.stderr
    assert cached_files() == []


def test_finding_a_base_imports_no_torch(tiny_base: Path) -> None:
    code = (
        "import sys; from adapt_embed.base import resolve_base; from adapt_embed.cli import main\n"
        f"resolve_base({str(tiny_base)!r})\n"
        "try: main(['base', 'list'])\n"
        "except SystemExit as e: assert not e.code\n"
        "assert 'torch' not in sys.modules and 'transformers' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_an_unknown_name_of_the_package_is_an_attribute_error() -> None:
    from adapt_embed import base

    assert all(getattr(base, name) is not None for name in base.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = base.nothing
