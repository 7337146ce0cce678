"""`adapt push` with the real client against a Hub on the loopback."""

import json
import shutil
from pathlib import Path

import pytest
from adapt_embed.cli import main
from adapt_embed.registry import open_registry
from click.testing import CliRunner, Result

REPO = "me/legal"


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, tiny_base: Path, toy_folder: Path) -> Path:
    """A registry with two versions of an adapter, a merge, and two ensembles. Copied for each test."""
    home = tmp_path_factory.mktemp("push") / "registry"
    settings = ["epochs=1", "batch_size=16", "rank=4", "max_tokens=16"]
    given = ["--domain", "legal", "--data", toy_folder, "--base", tiny_base, "--dtype", "fp32", "--lang", "en"]
    given += [part for setting in settings for part in ("--set", setting)]
    for name in ("法律", "med"):
        adapt("train", *given, "--name", name, home=home)
    adapt("merge", "法律", "med", "--name", "both", home=home)
    adapt("ensemble", "法律", "med", "base", "--base", tiny_base, "--name", "all", home=home)
    adapt("ensemble", "法律", "med", "--mode", "rrf", "--name", "ranks", home=home)
    return home


@pytest.fixture
def home(trained: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(trained, tmp_path / "registry"))


def adapt(*words: object, home: Path, code: int = 0) -> Result:
    result = CliRunner().invoke(main, [str(word) for word in (*words, "--registry", home)])
    assert result.exit_code == code, result.output + result.stderr
    return result


def push(*words: object, home: Path) -> dict:
    return json.loads(adapt("push", *words, "--base-id", "me/tiny-base", "--yes", "--json", home=home).stdout)


def test_a_pushed_version_is_a_commit_that_the_registry_knows(hub, tiny_on_hub: str, home: Path) -> None:
    report = push("法律", REPO, home=home)
    assert report["commit"] == hub.repositories[REPO].head.oid
    assert open_registry(home).find("法律").hub[0].revision == report["commit"]
