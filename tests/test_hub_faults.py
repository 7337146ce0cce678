"""Each fault of the Hub, provoked at a real server with the real client, is one line that says what to do and holds no token."""

import contextlib
import os
import socket
from pathlib import Path

import pytest
from adapt_embed.errors import HubError
from adapt_embed.events import Quiet
from adapt_embed.hub import faults
from adapt_embed.hub.faults import told, with_retries
from adapt_embed.hub.reasons import explain, one_line
from adapt_embed.hub.session import watched_client
from huggingface_hub import CommitOperationAdd, HfApi, hf_hub_download, model_info
from huggingface_hub.utils import close_session, get_session, http_backoff

TOKEN = "hf_dummyWriteTokenOfTheTests"


@pytest.fixture(autouse=True)
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that were waited: none in fact."""
    waited: list[float] = []
    monkeypatch.setattr("time.sleep", waited.append)
    return waited


class Heard(Quiet):
    """Keeps the notes."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)


def line(call, **more: object) -> str:
    with pytest.raises(HubError) as caught, told("it did not work", repo="me/mine", **more):
        call()
    text = str(caught.value)
    assert text.startswith("it did not work: ")
    assert "\n" not in text
    assert "hf_" not in text
    return text.removeprefix("it did not work: ")


def info() -> None:
    HfApi().model_info("me/mine")


def download() -> None:
    hf_hub_download("me/mine", "a.txt")


def commit() -> None:
    HfApi().create_commit("me/mine", [CommitOperationAdd("b.txt", b"b")], commit_message="b", parent_commit="0" * 40)


@pytest.mark.parametrize("call", [info, download])
def test_a_repository_that_is_not_there(hub, call, monkeypatch: pytest.MonkeyPatch) -> None:
    assert line(call) == f"there is no me/mine on {hub.endpoint}, or it is private and the token that is known may not see it"
    monkeypatch.setenv("HF_TOKEN", "")
    assert line(call).endswith("or it is private; for a private one, log in with: hf auth login (or set HF_TOKEN)")


def test_a_gated_repository(hub, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.put("me/mine", {"a.txt": "a"}, gated=True)
    assert line(download) == f"access to me/mine is granted by its owner alone; ask for it at {hub.endpoint}/me/mine"
    monkeypatch.setenv("HF_TOKEN", "")
    assert line(download).endswith("and log in with: hf auth login (or set HF_TOKEN)")


def test_a_revision_and_a_file_that_are_not_there(hub) -> None:
    hub.put("me/mine", {"a.txt": "a"})
    assert line(lambda: model_info("me/mine", revision="none")).startswith("me/mine has no such branch, tag or commit")
    assert line(lambda: hf_hub_download("me/mine", "sub/none.txt")) == "me/mine has no file sub/none.txt"


@pytest.mark.parametrize("call", [info, download])
def test_a_token_that_is_not_accepted(hub, call, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.put("me/mine", {"a.txt": "a"})
    monkeypatch.setenv("HF_TOKEN", "hf_wrongOne")
    assert line(call).startswith("the token is not accepted; log in with: hf auth login")


def test_a_bare_401_without_a_token(hub, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.fail("GET", "/api/models/", status=401)
    monkeypatch.setenv("HF_TOKEN", "")
    assert line(info).startswith("no token is known; log in")


def test_a_token_that_cannot_be_one_is_not_shown_with_its_error(hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_ünïcode")
    with pytest.raises(HubError) as caught, told("no"):
        info()
    assert "holds a character that no token has" in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_token_that_may_only_read(hub, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.put("me/mine", {"a.txt": "a"})
    monkeypatch.setenv("HF_TOKEN", "hf_dummyReadTokenOfTheTests")
    said = line(commit, writes=True)
    assert said.startswith(f"the token may not write to me/mine; take one that may ({hub.endpoint}/settings/tokens)")


def test_a_commit_that_came_between(hub) -> None:
    hub.put("me/mine", {"a.txt": "a"})
    assert "has a newer commit than the one that this was made for (412)" in line(commit, writes=True)


def test_a_403_without_a_reason_is_not_a_matter_of_the_connection(hub) -> None:
    hub.put("me/mine", {"a.txt": "a"})
    hub.fail("HEAD", "/resolve/", status=403)
    assert "refuses access (403)" in line(download)


@pytest.mark.parametrize(("status", "words"), [(429, "is asked too often (429)"), (500, "has an error of its own (500)"), (503, "(503)")])
def test_a_hub_that_is_busy_or_ill(hub, status: int, words: str) -> None:
    hub.put("me/mine", {"a.txt": "a"})
    hub.fail("GET", "/api/models/", status=status, body="<html><body>no</body></html>")
    said = line(info)
    assert words in said
    assert "<" not in said


@pytest.mark.parametrize("status", [200, 502])
def test_a_page_in_place_of_an_answer(hub, status: int) -> None:
    hub.fail("POST", "/api/validate-yaml", status=status, body="<html>Bad gateway</html>")
    said = line(lambda: HfApi()._validate_yaml("---\na: b\n---\n"))
    assert "answers with something that is no JSON" in said


def test_a_connection_that_is_reset_and_one_that_is_cut(hub) -> None:
    hub.put("me/mine", {"a.txt": "a" * 100})
    fault = hub.fail("GET", "/api/models/", reset=True)
    assert "broke the connection off" in line(info)
    fault.times = 0
    hub.fail("GET", "/resolve/", cut=10)
    assert "broke the connection off" in line(download)


@pytest.mark.parametrize("call", [info, download])
def test_no_network(hub, call, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.close()
    assert line(call).endswith("cannot be reached; check the network, HF_ENDPOINT and the proxy")


@pytest.mark.parametrize("call", [info, download])
def test_offline_mode(hub, call, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert line(call) == "offline mode is on (HF_HUB_OFFLINE); unset it to ask the Hub"
    assert not hub.requests


def test_a_proxy_that_is_not_there(hub, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{free.getsockname()[1]}")
    monkeypatch.setenv("NO_PROXY", "")
    close_session()
    assert "the proxy" in line(info)
    close_session()


def test_an_address_that_is_none(hub) -> None:
    assert "is not an address; check HF_ENDPOINT" in line(lambda: HfApi(endpoint="ftp:/x").model_info("me/mine"))


def test_what_nobody_foresaw_is_its_own_first_line() -> None:
    assert explain(RuntimeError("one\ntwo")) == "one"
    assert explain(RuntimeError()) == "RuntimeError"
    assert one_line("a\x1b[31m b\n hf_secretToken Bearer abc") == "a\\x1b[31m b (token) (token)"


def test_errors_of_our_own_stay_as_they_are() -> None:
    with pytest.raises(HubError, match=r"^mine$"), told("no"):
        raise HubError("mine")


def test_a_passing_fault_is_tried_again_and_told(hub, waits: list[float]) -> None:
    hub.put("me/mine", {"a.txt": "a"})
    hub.fail("GET", "/api/models/", status=503, times=2)
    hub.fail("GET", "/api/models/", status=429, headers={"Retry-After": "7200"}, times=1)
    heard = Heard()
    with told("no"):
        assert with_retries(lambda: HfApi().model_info("me/mine"), heard).id == "me/mine"
    assert waits == [1, 2, 59]  # of 7,200
    assert len(heard.notes) == 3
    assert heard.notes[0].endswith("trying again in 1 s (1 of 3)")


def test_retries_end_and_what_does_not_pass_is_not_tried_again(hub, waits: list[float]) -> None:
    hub.fail("GET", "/api/models/you/", status=503)
    with contextlib.suppress(OSError):
        with_retries(lambda: HfApi().model_info("you/yours"))
    with contextlib.suppress(OSError):
        with_retries(lambda: HfApi().model_info("me/mine"))
    assert (len(hub.asked("GET", "you/yours")), len(hub.asked("GET", "me/mine")), waits) == (4, 1, [1, 2, 4])


def test_the_clients_own_waits_are_at_most_a_minute_and_told(hub, waits: list[float]) -> None:
    hub.fail("GET", "/x", status=429, headers={"Retry-After": "86400", "RateLimit": '"api";r=0;t=86400'})
    heard = Heard()
    with contextlib.suppress(OSError), watched_client(heard):
        http_backoff("GET", f"{hub.endpoint}/x", max_retries=1)
    assert waits == [60]
    assert heard.notes[0] == "127.0.0.1 asks to wait 86400 s (429); waiting 60 s"


def test_a_token_goes_to_no_other_host(hub, second_hub) -> None:
    headers = {"authorization": f"Bearer {TOKEN}"}
    with watched_client():
        get_session().get(f"{second_hub.endpoint}/x", headers=headers)
        get_session().get(f"{hub.endpoint}/x", headers=headers)
        close_session()  # as the client does after some faults
        with watched_client():
            get_session().get(f"{second_hub.endpoint}/y", headers=headers)
    assert [request.token for request in second_hub.requests] == [None, None]
    assert [request.token for request in hub.requests] == [TOKEN]
    get_session().get(f"{second_hub.endpoint}/z", headers=headers)
    assert second_hub.requests[-1].token == TOKEN  # a program's own requests are its own affair


def test_verification_of_an_upload_at_another_host_sees_no_token(hub, second_hub, tmp_path: Path) -> None:
    hub.files_at, hub.verify_at = second_hub, second_hub
    weights = tmp_path / "a.safetensors"
    weights.write_bytes(os.urandom(100))
    HfApi().create_repo("me/mine")
    with told("no", writes=True):
        HfApi().upload_file(repo_id="me/mine", path_or_fileobj=weights, path_in_repo="a.safetensors")
    assert second_hub.asked("POST", "lfs-verify")
    assert not [request for request in second_hub.requests if request.token]


def test_the_waits_of_this_module_are_those_that_it_says() -> None:
    assert (faults.TRIES, faults.LONGEST_WAIT_S) == (4, 60)


@pytest.mark.parametrize(
    ("endpoint", "off"), [("https://huggingface.co", False), ("https://mirror.example", True), ("https://nothf.co", True)]
)
def test_xet_is_for_the_hubs_own_host(monkeypatch: pytest.MonkeyPatch, endpoint: str, off: bool) -> None:
    """Its client would send the token to whatever address a mirror names, and cannot be watched."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "ENDPOINT", endpoint)
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", False)
    with watched_client():
        assert off == constants.HF_HUB_DISABLE_XET
    assert not constants.HF_HUB_DISABLE_XET


def test_a_request_without_a_limit_of_its_own_gets_one() -> None:
    import httpx2
    from adapt_embed.hub.session import _before_request

    without, with_one = (httpx2.Request("GET", "http://127.0.0.1/x", extensions=given) for given in ({}, {"timeout": {"read": 3.0}}))
    for request in (without, with_one):
        _before_request(request)
    assert all(without.extensions["timeout"].values())
    assert with_one.extensions["timeout"] == {"read": 3.0}
