"""Files of a repository come whole, go on where they were cut, and are what the Hub states; real requests to a real server."""

import hashlib
import os
from pathlib import Path
from types import SimpleNamespace

import pytest
from adapt_embed.errors import HubError
from adapt_embed.hub import tree
from adapt_embed.hub.download import fetch_files
from adapt_embed.hub.faults import told
from adapt_embed.hub.tree import HubFile, commit_of, list_files
from huggingface_hub.utils import close_session

WEIGHTS = os.urandom(300_000)


@pytest.fixture(autouse=True)
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that were waited: none in fact."""
    waited: list[float] = []
    monkeypatch.setattr("time.sleep", waited.append)
    return waited


@pytest.fixture
def repo(hub) -> str:
    return hub.put("me/mine", {"a.safetensors": WEIGHTS, "sub/配置.json": '{"a": 1}', "empty.txt": ""}).id


def fetch(repo: str, folder: Path) -> None:
    with told(f"{repo} could not be pulled", repo=repo):
        commit = commit_of(repo, None)
        fetch_files(repo, commit, list_files(repo, commit), folder)


def files_of(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_tree_states_sizes_and_hashes(hub, repo: str) -> None:
    files = {file.path: file for file in list_files(repo, commit_of(repo, "main"))}
    assert files["a.safetensors"] == HubFile(path="a.safetensors", size=len(WEIGHTS), sha256=hashlib.sha256(WEIGHTS).hexdigest())
    assert files["sub/配置.json"].git_sha1 == hashlib.sha1(b'blob 8\0{"a": 1}').hexdigest()


def test_what_comes_is_what_lies_there_and_comes_once(hub, repo: str, tmp_path: Path) -> None:
    fetch(repo, tmp_path / "to")
    assert files_of(tmp_path / "to") == hub.files(repo)
    assert not any((tmp_path / "to.parts").iterdir())
    before = len(hub.asked("GET", "/resolve/"))
    fetch(repo, tmp_path / "to")
    assert len(hub.asked("GET", "/resolve/")) == before == 4


def test_a_pull_goes_on_where_it_was_cut(hub, repo: str, tmp_path: Path) -> None:
    fault = hub.fail("GET", "a.safetensors", cut=50_000)
    with pytest.raises(HubError, match="broke the connection off; run the same command again, which goes on where it was"):
        fetch(repo, tmp_path / "to")
    assert [r.headers.get("range") for r in hub.asked("GET", "a.safetensors")] == [
        None,
        *(f"bytes={n}-" for n in (50_000, 100_000, 150_000)),
    ]
    assert not (tmp_path / "to" / "a.safetensors").exists()
    fault.times = 0
    fetch(repo, tmp_path / "to")
    assert hub.asked("GET", "a.safetensors")[-1].headers["range"] == "bytes=200000-"
    assert len(hub.asked("GET", "a.safetensors")) == 5
    assert files_of(tmp_path / "to") == hub.files(repo)


def test_a_server_that_sends_the_whole_in_stead_of_the_rest_is_understood(hub, repo: str, tmp_path: Path) -> None:
    hub.fail("GET", "a.safetensors", cut=50_000, times=1)
    hub.ignores_ranges = True
    fetch(repo, tmp_path / "to")
    assert files_of(tmp_path / "to") == hub.files(repo)


@pytest.mark.parametrize("path", ["a.safetensors", "%E9%85%8D%E7%BD%AE.json"])
def test_wrong_bytes_of_the_right_size_are_refused_and_not_kept(hub, repo: str, tmp_path: Path, path: str) -> None:
    fault = hub.fail("GET", path, flip=True)
    with pytest.raises(HubError, match=r"sends another content of .* than the Hub states"):
        fetch(repo, tmp_path / "to")
    assert not any((tmp_path / "to.parts").iterdir())
    fault.times = 0
    fetch(repo, tmp_path / "to")
    assert files_of(tmp_path / "to") == hub.files(repo)


def test_more_bytes_than_stated_are_refused(hub, repo: str, tmp_path: Path) -> None:
    commit = commit_of(repo, None)
    file = next(each for each in list_files(repo, commit) if each.sha256)
    smaller = HubFile(path=file.path, size=1000, sha256=file.sha256)
    with pytest.raises(HubError, match=r"sends more bytes of a\.safetensors than the 1,000 that the Hub states"):
        fetch_files(repo, commit, [smaller], tmp_path / "to")


def test_a_token_stays_with_the_hub_where_files_lie_elsewhere(hub, second_hub, repo: str, tmp_path: Path) -> None:
    hub.files_at = second_hub
    second_hub.fail("GET", "/stored/", cut=1000, times=1)
    fetch(repo, tmp_path / "to")
    assert files_of(tmp_path / "to") == hub.files(repo)
    assert [(r.token, r.headers.get("range")) for r in second_hub.requests] == [(None, None), (None, "bytes=1000-")]
    assert all(request.token for request in hub.requests)


def test_a_list_that_goes_on_at_another_host_is_not_followed(hub, second_hub, repo: str, tmp_path: Path) -> None:
    hub.page, hub.next_at = 2, second_hub
    with pytest.raises(HubError, match="goes on at another host"):
        fetch(repo, tmp_path / "to")
    assert not second_hub.requests


def test_a_mirror_that_hands_on_the_hubs_own_addresses_is_understood(hub, repo: str, tmp_path: Path) -> None:
    hub.page, hub.next_at = 2, SimpleNamespace(endpoint="https://huggingface.co")
    fetch(repo, tmp_path / "to")
    assert files_of(tmp_path / "to") == hub.files(repo)


def test_a_proxy_is_asked_where_one_is_named(hub, repo: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://hub.example")
    monkeypatch.setenv("HTTP_PROXY", hub.endpoint)
    monkeypatch.setenv("NO_PROXY", "")
    close_session()
    fetch(repo, tmp_path / "to")
    assert files_of(tmp_path / "to") == hub.files(repo)
    assert {request.headers["host"] for request in hub.requests} == {"hub.example"}


@pytest.mark.parametrize(
    "path", ["../up.json", "/etc/passwd", "a/../../up.json", "a\\..\\b.json", "C:/x.json", "", "./a.json", "a//b.json", "a\x1b[31m.json"]
)
def test_a_path_that_leads_out_is_refused_before_anything_is_fetched(hub, repo: str, tmp_path: Path, path: str) -> None:
    hub.repositories[repo].rows.append({"type": "file", "path": path, "size": 3, "oid": "0" * 40})
    with pytest.raises(HubError, match=r"a path that leads out of it|not one that can be shown") as caught:
        fetch(repo, tmp_path / "to")
    assert str(caught.value).isprintable()
    assert not hub.asked("GET", "/resolve/")


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"type": "symlink", "path": "a.json", "size": 3, "oid": "0" * 40}, "which is a symlink, not a file"),
        ({"type": "file", "path": "a.json", "size": -1, "oid": "0" * 40}, "states no size or no hash"),
        ({"type": "file", "path": "a.json", "size": 1, "oid": "../../x"}, "states no size or no hash"),
        ({"type": "file", "path": "a.json"}, "another form"),
        ("a.json", "another form"),
    ],
)
def test_a_tree_that_is_none_is_refused(hub, repo: str, tmp_path: Path, row: object, words: str) -> None:
    hub.repositories[repo].rows.append(row)
    with pytest.raises(HubError, match=words):
        fetch(repo, tmp_path / "to")


def test_too_many_files_are_refused_without_asking_for_all_pages(hub, repo: str, tmp_path: Path) -> None:
    row = {"type": "file", "size": 3, "oid": "0" * 40}
    hub.repositories[repo].rows += [row | {"path": f"{n}.json"} for n in range(100_000)]
    with pytest.raises(HubError, match=f"holds more than {tree.MOST_FILES:,} files"):
        fetch(repo, tmp_path / "to")
    assert len(hub.asked("GET", "/tree/")) == 3


def test_an_answer_without_an_end_is_not_read_to_it(hub, repo: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adapt_embed.hub.requests.MOST_JSON_BYTES", 100)
    with pytest.raises(HubError, match="the answer is longer than"):
        fetch(repo, tmp_path / "to")
