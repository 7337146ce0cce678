"""The Hub's client: what its caches hold is found without asking it, and what it refuses is one kind of error."""

import sys
from pathlib import Path

import datasets
import huggingface_hub
import pytest
from adapt_embed.errors import HubError
from adapt_embed.hub.datasets_cache import prepared_revisions, split_files
from adapt_embed.hub.offline import hub_off
from adapt_embed.hub.snapshots import cached_file, cached_snapshot, fetch_snapshot, hub_cache, snapshot_identity
from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

REVISION = "0123456789abcdef0123456789abcdef01234567"


def put_into_cache(home: Path, kind: str = "models") -> Path:
    entry = home / "hf" / "hub" / f"{kind}--me--mine"
    snapshot = entry / "snapshots" / REVISION
    snapshot.mkdir(parents=True)
    (snapshot / "config.json").write_text("{}", encoding="utf-8")
    (entry / "refs").mkdir()
    (entry / "refs" / "main").write_text(REVISION, encoding="utf-8")
    return snapshot


@pytest.mark.parametrize("revision", [None, "main", REVISION])
def test_a_cached_repository_is_found_by_its_revision_or_as_it_was_fetched(isolation: Path, revision: str | None) -> None:
    snapshot = put_into_cache(isolation)
    assert cached_snapshot("me/mine", revision) == snapshot
    assert cached_snapshot("me/mine", revision, repo_type="dataset") is None
    assert put_into_cache(isolation, "datasets") == cached_snapshot("me/mine", revision, repo_type="dataset")


@pytest.mark.parametrize("repo", ["nobody/nothing", "no such name", "a/b/c"])
def test_what_is_not_cached_is_none_whatever_its_name(repo: str) -> None:
    assert cached_snapshot(repo) is None


@pytest.mark.parametrize("error", [OSError("no space"), LocalEntryNotFoundError("gone"), HFValidationError("odd")])
def test_whatever_the_client_raises_of_its_cache_is_no_hit(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def refuse(*_: object, **__: object) -> str:
        raise error

    monkeypatch.setattr(huggingface_hub, "snapshot_download", refuse)
    assert cached_snapshot("me/mine") is None


@pytest.mark.parametrize(("error", "reason"), [(RuntimeError("first line\nsecond"), "first line"), (RuntimeError(), "RuntimeError")])
def test_what_the_hub_refuses_is_one_line_with_its_address(monkeypatch: pytest.MonkeyPatch, error: Exception, reason: str) -> None:
    def refuse(*_: object, **__: object) -> str:
        raise error

    monkeypatch.setattr(huggingface_hub, "snapshot_download", refuse)
    with pytest.raises(HubError) as caught:
        fetch_snapshot("me/mine")
    assert str(caught.value) == f"me/mine could not be fetched from http://127.0.0.1:9: {reason}"


def test_fetching_asks_for_the_files_that_are_wanted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked: dict[str, object] = {}
    monkeypatch.setattr(huggingface_hub, "snapshot_download", lambda repo, **options: asked.update(options, repo=repo) or str(tmp_path))
    assert fetch_snapshot("me/mine", "v1", patterns=("*.json",)) == tmp_path
    assert (asked["repo"], asked["revision"], asked["allow_patterns"]) == ("me/mine", "v1", ["*.json"])
    assert not asked.get("local_files_only")


@pytest.mark.parametrize("is_terminal", [True, False])
def test_bars_of_the_client_are_for_a_terminal(is_terminal: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from huggingface_hub.utils import are_progress_bars_disabled

    bars = sys.modules["huggingface_hub.utils.tqdm"]  # the package's attribute of that name is the class
    monkeypatch.setattr(bars, "HF_HUB_DISABLE_PROGRESS_BARS", None)
    monkeypatch.setattr(bars, "progress_bar_states", {})
    monkeypatch.setattr("sys.stderr.isatty", lambda: is_terminal)
    seen: list[bool] = []
    monkeypatch.setattr(huggingface_hub, "snapshot_download", lambda *_, **__: seen.append(are_progress_bars_disabled()) or str(tmp_path))
    fetch_snapshot("me/mine")
    assert seen == [not is_terminal]
    assert not are_progress_bars_disabled()


@pytest.mark.parametrize("revision", [None, "main", REVISION])
def test_a_file_is_found_as_others_find_it(isolation: Path, revision: str | None) -> None:
    assert cached_file("me/mine", "config.json", revision) is None
    snapshot = put_into_cache(isolation)
    assert cached_file("me/mine", "config.json", revision) == snapshot / "config.json"
    assert cached_file("me/mine", "tokenizer.json", revision) is None
    assert snapshot_identity(snapshot) == ("me/mine", REVISION)
    assert snapshot_identity(isolation) is None
    assert snapshot.is_relative_to(hub_cache())


def test_the_hub_is_off_inside_and_as_it_was_behind() -> None:
    from huggingface_hub import constants

    def state() -> tuple[bool, bool, int]:
        return constants.HF_HUB_OFFLINE, datasets.config.HF_HUB_OFFLINE, datasets.logging.get_verbosity()

    def fail() -> None:
        with hub_off():
            assert state()[:2] == (True, True)
            raise ValueError("inside")

    before = state()
    with pytest.raises(ValueError, match="inside"):
        fail()
    assert state() == before


def test_splits_of_data_sets_are_found_whole_or_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", str(tmp_path))
    folder = tmp_path / "me___some_pairs" / "default" / "0.0.0" / "abc"
    folder.mkdir(parents=True)
    for name in ("some_pairs-train-00001-of-00002.arrow", "some_pairs-train-00000-of-00002.arrow", "some_pairs-test.arrow"):
        (folder / name).touch()
    assert [path.name[-20:] for path in split_files("me/SomePairs", "abc", "default", "train")] == [
        "00000-of-00002.arrow",
        "00001-of-00002.arrow",
    ]
    assert split_files("me/SomePairs", "abc", "default", "test") == [folder / "some_pairs-test.arrow"]
    assert split_files("me/SomePairs", "other", "default", "train") == []
    assert prepared_revisions("me/SomePairs", "default") == set()
    (folder / "dataset_info.json").touch()
    assert prepared_revisions("me/SomePairs", "default") == {"abc"}
