"""`adapt push` with the real client against a Hub on the loopback."""

import errno
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from adapt_embed import push_adapter
from adapt_embed.base import load_base, resolve_base
from adapt_embed.base.sentence_files import write_sentence_files
from adapt_embed.cli import main
from adapt_embed.errors import RequestError
from adapt_embed.publish.machine import this_machine
from adapt_embed.publish.traces import find_traces
from adapt_embed.references import EncoderSettings, LoadedBases, Search, open_reference, resolve_reference
from adapt_embed.registry import HubRecord, open_registry
from click.testing import CliRunner, Result

REPO = "me/legal"
DOCUMENT = Path(__file__).parent.parent / "docs" / "hub.md"
TEXTS = ["who mends the heating?", "房东应当负责修理暖气吗？", "find: the court", "x " * 600]


def adapt(*words: object, home: Path, code: int = 0) -> Result:
    result = CliRunner().invoke(main, [str(word) for word in (*words, "--registry", home)])
    assert result.exit_code == code, result.output + result.stderr
    return result


def push(reference: str, repo: str = REPO, *more: object, home: Path) -> dict:
    ids = ("--base-id", "me/tiny-base")
    return json.loads(adapt("push", reference, repo, *ids, "--yes", "--json", *more, home=home).stdout)


def refused(reference: str, repo: str = REPO, *more: object, home: Path, code: int = 1) -> str:
    return adapt("push", reference, repo, "--base-id", "me/tiny-base", "--yes", *more, home=home, code=code).stderr


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long the client's callers waited, without waiting."""
    seen: list[float] = []
    monkeypatch.setattr("time.sleep", seen.append)
    return seen


def vectors(reference: str, home: Path, base: Path | None = None) -> list[np.ndarray]:
    search = Search(registry=open_registry(home), base=str(base) if base else None)
    opened = open_reference(resolve_reference(reference, search), LoadedBases(EncoderSettings(precision="fp32")))
    return [network.encode(TEXTS, role).vectors for network in opened.networks() for role in ("query", "document")]


def test_a_pushed_version_is_one_commit_which_the_registry_knows(hub, tiny_on_hub: str, shelf: Path) -> None:
    report = push("法律", home=shelf)
    head = hub.repositories[REPO].head
    assert report["commit"] == head.oid
    assert report["created"]
    assert set(report["changed"]) == set(report["files"]) == set(head.files) - {".gitattributes"}
    assert len(hub.repositories[REPO].commits) == 2  # the first is the Hub's own
    assert open_registry(shelf).find("法律").hub == (HubRecord(repository=REPO, revision=head.oid, how="pushed"),)
    assert json.loads(adapt("show", "法律", "--json", home=shelf).stdout)["hub"][0]["repository"] == REPO
    assert head.oid in adapt("show", "法律", home=shelf).stdout
    assert adapt("verify", home=shelf)


def test_what_the_hub_has_is_not_sent_again(hub, tiny_on_hub: str, shelf: Path) -> None:
    first = push("法律", home=shelf)
    again = push("法律", home=shelf)
    assert (again["unchanged"], again["commit"], again["changed"]) == (True, first["commit"], [])
    assert len(hub.asked("POST", "/commit/")) == 1
    said = adapt("push", "法律", REPO, "--base-id", "me/tiny-base", "--yes", home=shelf).stdout
    assert "unchanged, nothing was sent" in said


def test_a_newer_version_replaces_the_files_of_the_one_before(hub, tiny_on_hub: str, shelf: Path) -> None:
    push("both", home=shelf)
    report = push("法律", home=shelf)
    assert "energy.json" in report["deleted"]
    assert "adapter_model.safetensors" in report["changed"]
    assert "modules.json" not in report["changed"]
    assert set(hub.files(REPO)) == set(report["files"]) | {".gitattributes"}


def test_a_newer_commit_of_somebody_else_is_not_overwritten(hub, tiny_on_hub: str, shelf: Path) -> None:
    push("法律", home=shelf)
    theirs = hub.repositories[REPO].commit({"README.md": b"theirs"}).oid
    said = refused("med", home=shelf)
    assert f"at the commit {theirs[:12]}, which was neither pulled nor pushed from here" in said
    assert "adapt pull me/legal" in said
    assert "--create-pr" in said
    assert hub.files(REPO)["README.md"] == b"theirs"
    assert "expected the whole commit" in refused("med", REPO, "--over", theirs[:7], home=shelf, code=2)
    assert f"at the commit {theirs[:12]}, and --over names aaaaaaaaaaaa; look" in refused("med", REPO, "--over", "a" * 40, home=shelf)
    assert push("med", REPO, "--over", theirs, home=shelf)["commit"] == hub.repositories[REPO].head.oid


def test_a_commit_that_was_pulled_may_be_pushed_over(hub, tiny_on_hub: str, shelf: Path) -> None:
    push("法律", home=shelf)
    theirs = hub.repositories[REPO].commit({"README.md": b"theirs"}).oid
    registry = open_registry(shelf)
    registry.record_hub(registry.find("both"), HubRecord(repository=REPO, revision=theirs, how="pulled"))
    assert push("med", home=shelf)["commit"] == hub.repositories[REPO].head.oid


def test_a_repository_in_which_nothing_would_be_overwritten_is_taken(hub, tiny_on_hub: str, shelf: Path) -> None:
    hub.put(REPO, {"LICENSE": "theirs"})
    push("法律", home=shelf)
    assert hub.files(REPO)["LICENSE"] == b"theirs"


def test_somebody_who_pushes_meanwhile_is_noticed(hub, tiny_on_hub: str, shelf: Path) -> None:
    push("法律", home=shelf)
    answer = hub.answer

    def with_another(request):
        if "/commit/" in request.path:
            hub.repositories[REPO].commit({"README.md": b"theirs"})
        return answer(request)

    hub.answer = with_another
    assert "somebody else has pushed to me/legal meanwhile" in refused("med", home=shelf)
    assert hub.files(REPO)["README.md"] == b"theirs"
    assert len(hub.repositories[REPO].commits) == 3
    assert open_registry(shelf).find("med").hub == ()


def test_a_commit_whose_answer_is_lost_is_found_and_not_made_again(hub, tiny_on_hub: str, shelf: Path, waits: list[float]) -> None:
    hub.fail("POST", "/commit/", cut=0, times=1)
    report = push("法律", home=shelf)
    assert report["commit"] == hub.repositories[REPO].head.oid
    assert len(hub.repositories[REPO].commits) == 2
    assert len(hub.asked("POST", "/commit/")) == 1
    assert waits == [1]


def test_a_busy_hub_is_asked_again(hub, tiny_on_hub: str, shelf: Path, waits: list[float]) -> None:
    for path in ("/api/repos/create", "/commit/", "/api/validate-yaml", "/tag/", "/revision/main", "/whoami"):
        hub.fail("POST|GET", path, status=503, times=1, headers={"Retry-After": "7"})
    done = adapt("push", "法律", REPO, "--base-id", "me/tiny-base", "--yes", "--tag", "v1", home=shelf)
    assert waits == [7] * 6
    told = done.stderr.splitlines()  # each once, and by whoever waits
    assert told == [f"{hub.endpoint} has an error of its own (503); trying again in 7 s (1 of 3)"] * 6
    assert len(hub.repositories[REPO].commits) == 2
    assert hub.repositories[REPO].tags


def test_a_hub_that_stays_busy_is_left_after_some_tries(hub, tiny_on_hub: str, shelf: Path, waits: list[float]) -> None:
    hub.fail("POST", "/commit/", status=503, headers={"Retry-After": "3600"})
    assert "has an error of its own (503)" in refused("法律", home=shelf).splitlines()[-1]
    assert len(waits) == 3
    assert max(waits) <= 60
    assert hub.repositories[REPO].head.title == "initial commit"


def test_a_tag_is_given_and_never_moved(hub, tiny_on_hub: str, shelf: Path) -> None:
    first = push("法律", REPO, "--tag", "v3", home=shelf)
    assert hub.repositories[REPO].tags == {"v3": first["commit"]}
    assert push("法律", REPO, "--tag", "v3", home=shelf)["unchanged"]
    assert push("法律", REPO, "--tag", "v3.1", home=shelf)["tag"] == "v3.1"
    assert "has the tag v3 already" in refused("med", REPO, "--tag", "v3", home=shelf)
    assert hub.repositories[REPO].head.oid == first["commit"]
    assert open_registry(shelf).find("法律").hub[0].tag == "v3.1"


def test_a_commit_whose_tag_fails_is_known_and_the_next_push_gives_the_tag(hub, tiny_on_hub: str, shelf: Path, waits: list[float]) -> None:
    hub.fail("POST", "/tag/", status=500)
    said = refused("法律", REPO, "--tag", "v3", home=shelf)
    head = hub.repositories[REPO].head.oid
    assert f"has the commit {head[:12]}, which could not be given the tag v3 (push again to give it)" in said
    assert open_registry(shelf).find("法律").hub == (HubRecord(repository=REPO, revision=head, how="pushed"),)
    hub.faults.clear()
    again = push("法律", REPO, "--tag", "v3", home=shelf)
    assert (again["unchanged"], again["tag"]) == (True, "v3")
    assert hub.repositories[REPO].tags == {"v3": head}


@pytest.mark.parametrize(
    ("words", "why"), [((), "neither pulled nor pushed from here"), (("--private",), "and is public; nothing was sent")]
)
def test_a_repository_that_somebody_makes_meanwhile_is_not_overwritten(
    hub, tiny_on_hub: str, shelf: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], why: str
) -> None:
    monkeypatch.setattr("adapt_embed.publish.push.upload.make_repository", lambda *_: hub.put(REPO, {"README.md": "theirs"}))
    assert why in refused("法律", REPO, *words, home=shelf)
    assert hub.files(REPO)["README.md"] == b"theirs"
    assert "adapt.json" not in hub.files(REPO)


def test_a_pull_request_leaves_the_branch_as_it_is(hub, tiny_on_hub: str, shelf: Path) -> None:
    hub.put(REPO, {"README.md": "theirs"})
    report = push("法律", REPO, "--create-pr", home=shelf)
    assert report["pull_request"] == f"{hub.endpoint}/{REPO}/discussions/1"
    assert hub.files(REPO)["README.md"] == b"theirs"
    assert "adapter_config.json" in hub.files(REPO, "refs/pr/1")
    assert open_registry(shelf).find("法律").hub == ()


def test_a_proposal_whose_answer_is_lost_is_found_and_not_made_again(hub, tiny_on_hub: str, shelf: Path, waits: list[float]) -> None:
    push("法律", REPO, "--create-pr", home=shelf)
    hub.fail("POST", "/commit/", cut=0, times=1)
    report = push("法律", REPO, "--create-pr", home=shelf)
    assert report["pull_request"] == f"{hub.endpoint}/{REPO}/discussions/2"
    assert report["commit"] == hub.repositories[REPO].pull_requests["refs/pr/2"]
    assert len(hub.repositories[REPO].pull_requests) == 2
    assert waits == [1]
    hub.fail("POST", "/commit/", status=503, times=1)
    assert push("法律", REPO, "--create-pr", home=shelf)["pull_request"].endswith("/discussions/3")


def test_a_branch_that_is_not_there_is_made(hub, tiny_on_hub: str, shelf: Path) -> None:
    hub.put(REPO, {"README.md": "theirs"})
    report = push("法律", REPO, "--revision", "dev", "--message", "第一版", home=shelf)
    found = hub.repositories[REPO]
    assert found.commits[found.branches["dev"]].title == "第一版"
    assert report["branch"] == "dev"
    assert hub.files(REPO)["README.md"] == b"theirs"
    assert push("法律", REPO, "--revision", "dev", home=shelf)["unchanged"]
    assert open_registry(shelf).find("法律").hub[0].branch == "dev"


def test_a_push_to_a_branch_does_not_forget_what_lies_on_main(hub, tiny_on_hub: str, shelf: Path) -> None:
    first = push("法律", REPO, "--tag", "v1", home=shelf)
    branch = push("法律", REPO, "--revision", "dev", "--license", "mit", home=shelf)
    assert [(each.revision, each.branch) for each in open_registry(shelf).find("法律").hub] == [
        (first["commit"], None),
        (branch["commit"], "dev"),
    ]
    assert push("法律", home=shelf)["unchanged"]
    known = open_registry(shelf).find("法律").hub
    assert [(each.revision, each.tag) for each in known] == [(branch["commit"], None), (first["commit"], "v1")]
    second = push("med", home=shelf)
    assert push("法律", REPO, home=shelf)["commit"] != second["commit"]
    assert len(open_registry(shelf).find("法律").hub) == 2


def test_private_is_for_a_repository_that_is_made(hub, tiny_on_hub: str, shelf: Path) -> None:
    push("法律", REPO, "--private", home=shelf)
    assert hub.repositories[REPO].private
    hub.put("me/open", {"x": "y"})
    said = adapt("push", "法律", "me/open", "--private", "--base-id", "me/tiny-base", "--yes", home=shelf).stderr
    assert "is there and public" in said


def test_a_dry_run_sends_nothing(hub, tiny_on_hub: str, shelf: Path) -> None:
    report = push("法律", REPO, "--dry-run", home=shelf)
    assert report["commit"] is None
    assert report["files"]["adapter_model.safetensors"] > 0
    assert report["card"].startswith("---\n")
    assert {request.method for request in hub.requests} <= {"GET", "HEAD"}
    said = adapt("push", "法律", REPO, "--base-id", "me/tiny-base", "--dry-run", home=shelf).stdout
    assert "nothing was sent" in said
    assert "base_model: me/tiny-base" in said
    assert REPO not in hub.repositories


def test_the_hubs_own_word_on_the_card_is_heard(hub, tiny_on_hub: str, shelf: Path) -> None:
    hub.yaml_warnings = ["empty or missing license"]
    done = adapt("push", "法律", REPO, "--base-id", "me/tiny-base", "--yes", home=shelf)
    assert "warning of the Hub about the card: empty or missing license" in done.stderr
    hub.yaml_errors = ['"license" must be one of ...']
    assert 'does not take the card: "license" must be one of' in refused("med", home=shelf)
    assert len(hub.repositories[REPO].commits) == 2


def test_the_store_for_large_files_is_left_alone_on_another_server(
    hub, tiny_on_hub: str, shelf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", False)
    push("法律", home=shelf)
    assert hub.asked("PUT", "/stored/")
    assert constants.HF_HUB_DISABLE_XET is False


def test_the_licence_of_the_data_is_asked_about_before_anything_is_sent(hub, tiny_on_hub: str, shelf: Path) -> None:
    said = adapt("push", "法律", REPO, "--base-id", "me/tiny-base", home=shelf, code=2).stderr
    assert "whose licence is not known" in said
    assert "--yes" in said
    assert REPO not in hub.repositories


def test_pushed_and_opened_by_its_name_the_vectors_are_the_same(hub, tiny_on_hub: str, tiny_base: Path, shelf: Path) -> None:
    for reference, repo in (("法律", REPO), ("both", "me/both")):
        push(reference, repo, home=shelf)
        for own, other in zip(vectors(reference, shelf), vectors(f"hf:{repo}", shelf.parent / "empty"), strict=True):
            assert (own == other).all()


def test_sentence_transformers_and_peft_load_it_by_its_name(hub, tiny_on_hub: str, shelf: Path) -> None:
    from peft import PeftModel
    from sentence_transformers import SentenceTransformer
    from transformers import AutoModel, AutoTokenizer

    push("法律", home=shelf)
    query, document = vectors("法律", shelf)
    model = SentenceTransformer(REPO, device="cpu")
    np.testing.assert_allclose(model.encode_query(TEXTS), query, atol=1e-5)
    np.testing.assert_allclose(model.encode_document(TEXTS), document, atol=1e-5)
    network = PeftModel.from_pretrained(AutoModel.from_pretrained(tiny_on_hub), REPO).eval()
    tokens = AutoTokenizer.from_pretrained(REPO)(TEXTS, padding=True, truncation=True, return_tensors="pt")
    states = network(**tokens).last_hidden_state[:, 0].detach().numpy()
    np.testing.assert_allclose(states / np.linalg.norm(states, axis=1, keepdims=True), document, atol=1e-5)


@pytest.mark.filterwarnings("ignore:SentenceTransformer.load:DeprecationWarning")
def test_a_version_for_queries_alone_loads_by_its_name_with_the_documents_of_the_base(
    hub, tiny_on_hub: str, tiny_base: Path, shelf: Path, tmp_path: Path
) -> None:
    from peft import PeftConfig
    from sentence_transformers import SentenceTransformer

    push("questions", "me/questions", home=shelf)
    assert json.loads(hub.files("me/questions")["document/adapter_config.json"])["base_model_name_or_path"] == tiny_on_hub
    assert json.loads(hub.files("me/questions")["adapt.json"])["side"] == "query"
    model = SentenceTransformer("me/questions", device="cpu")
    query, document = vectors("questions", shelf)
    np.testing.assert_allclose(model.encode_query(TEXTS), query, atol=1e-6)
    np.testing.assert_allclose(model.encode_document(TEXTS), document, atol=1e-6)
    whole = Path(shutil.copytree(tiny_base, tmp_path / "whole"))
    write_sentence_files(load_base(resolve_base(str(tiny_base))), whole)
    base = SentenceTransformer(hub.put("me/whole-base", whole).id, device="cpu")
    assert (model.encode_document(TEXTS) == base.encode_document(TEXTS)).all()
    assert not np.allclose(query, vectors("法律", shelf)[0], atol=1e-3)
    assert (document == vectors("base", shelf, tiny_base)[1]).all()
    assert PeftConfig.from_pretrained("me/questions").base_model_name_or_path == tiny_on_hub
    adapt("pull", "me/questions", "--base", tiny_base, home=shelf.parent / "other")
    assert open_registry(shelf.parent / "other").find("questions").side == "query"
    for own, other in zip((query, document), vectors("questions", shelf.parent / "other", tiny_base), strict=True):
        assert (own == other).all()
    folder = shelf.parent / "other" / "questions" / "1"
    pulled = SentenceTransformer(str(folder), device="cpu")
    np.testing.assert_allclose(pulled.encode_query(TEXTS), query, atol=1e-6)
    assert (pulled.encode_document(TEXTS) == model.encode_document(TEXTS)).all()


def test_an_ensemble_names_its_members_by_commit_and_opens_anywhere(hub, tiny_on_hub: str, tiny_base: Path, shelf: Path) -> None:
    said = refused("ranks", "me/ranks", home=shelf)
    assert "needs its member 法律@1" in said
    assert "adapt push 法律@1 OWNER/NAME" in said
    assert "--bundle" in said
    commits = [push(name, f"me/{repo}", home=shelf)["commit"] for name, repo in (("法律", "law"), ("med", "med"))]
    push("ranks", "me/ranks", home=shelf)
    recipe = json.loads(hub.files("me/ranks")["ensemble.json"])
    assert [member["reference"] for member in recipe["members"]] == [f"hf:me/law@{commits[0]}", f"hf:me/med@{commits[1]}"]
    entry = json.loads(hub.files("me/ranks")["adapt.json"])
    assert [parent["reference"] for parent in entry["parents"]] == [member["reference"] for member in recipe["members"]]
    for own, other in zip(vectors("ranks", shelf), vectors("hf:me/ranks", shelf.parent / "empty"), strict=True):
        assert (own == other).all()


def test_a_member_that_is_not_what_its_commit_holds_stops_the_push(hub, tiny_on_hub: str, shelf: Path) -> None:
    registry = open_registry(shelf)
    push("法律", "me/law", home=shelf)
    other = push("both", "me/other", home=shelf)["commit"]
    registry.record_hub(registry.find("med"), HubRecord(repository="me/other", revision=other, how="pushed"))
    assert "does not lie with the same weights at hf:me/other@" in refused("ranks", "me/ranks", home=shelf)
    registry.record_hub(registry.find("med"), HubRecord(repository="me/gone", revision="0" * 40, how="pushed"))
    assert "there is no" in refused("ranks", "me/ranks", home=shelf)
    assert "me/ranks" not in hub.repositories


def test_a_bundle_holds_its_members_and_opens_anywhere(hub, tiny_on_hub: str, tiny_base: Path, second_base: Path, shelf: Path) -> None:
    hub.put("me/second", second_base)
    push("across", "me/across", "--bundle", "--base-id", "me/second", home=shelf)
    files = hub.files("me/across")
    recipe = json.loads(files["ensemble.json"])
    assert [member["reference"] for member in recipe["members"]] == ["./members/1-法律", "./members/2-other"]
    assert json.loads(files["members/2-other/adapter_config.json"])["base_model_name_or_path"] == "me/second"
    for own, other in zip(vectors("across", shelf), vectors("hf:me/across", shelf.parent / "empty"), strict=True):
        assert (own == other).all()


def test_the_base_itself_may_be_a_member(hub, tiny_on_hub: str, shelf: Path) -> None:
    push("all", "me/all", "--bundle", home=shelf)
    assert json.loads(hub.files("me/all")["ensemble.json"])["members"][2]["reference"] == "base"


def test_a_base_without_a_hub_id_is_named_and_held_against_its_fingerprint(hub, tiny_on_hub: str, second_base: Path, shelf: Path) -> None:
    said = adapt("push", "法律", REPO, "--yes", home=shelf, code=1).stderr
    assert "lies on tiny-base, which has no Hub id" in said
    assert "--base-id OWNER/NAME" in said
    hub.put("me/second", second_base)
    hub.put("me/none", {"README.md": "x"})
    for repo, reason in (
        ("me/second", "holds weights of sha256 9b11de40d221..., and 法律@1 was made on tiny-base (sha256 38f6b06033f2...)"),
        ("me/none", "holds no model.safetensors whose sha256 the Hub states"),
        ("me/gone", "there is no me/gone on"),
    ):
        assert reason in adapt("push", "法律", REPO, "--base-id", repo, "--yes", home=shelf, code=1).stderr
    assert REPO not in hub.repositories
    push("法律", home=shelf)
    config = json.loads(hub.files(REPO)["adapter_config.json"])
    assert config["base_model_name_or_path"] == "me/tiny-base"
    assert config["revision"] == hub.repositories["me/tiny-base"].head.oid


@pytest.mark.parametrize(
    ("reference", "repo", "more", "code", "reason"),
    [
        ("nobody", REPO, (), 1, "unknown adapter 'nobody'"),
        ("法律@7", REPO, (), 1, "has no version or alias '7'"),
        ("base", REPO, (), 1, "base is not a version of the registry"),
        ("法律", "legal", (), 2, "the repository is 'legal'; expected OWNER/NAME"),
        ("法律", "me/法律", (), 2, "expected OWNER/NAME, both of plain letters"),
        ("法律", "me/a/b", (), 2, "expected OWNER/NAME"),
        ("法律", "me/a--b", (), 2, "no '--'"),
        ("法律", REPO, ("--tag", "a b"), 2, "--tag is 'a b'"),
        ("法律", REPO, ("--revision", "../x"), 2, "--revision is '../x'"),
        ("法律", REPO, ("--create-pr", "--tag", "v1"), 2, "--tag does not go with it"),
        ("法律", REPO, ("--message", " "), 2, "--message is empty"),
        ("法律", REPO, ("--base-id", "me/tiny-base"), 2, "given twice"),
        ("法律", REPO, ("--license", "My Own"), 2, "is not the id of a licence"),
    ],
)
def test_what_cannot_be_is_refused_in_a_line(
    hub, tiny_on_hub: str, shelf: Path, reference: str, repo: str, more: tuple, code: int, reason: str
) -> None:
    assert reason in refused(reference, repo, *more, home=shelf, code=code)
    assert not hub.asked("POST")


def test_who_may_not_write_is_told_before_anything_is_computed(hub, tiny_on_hub: str, shelf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for token, reason in (
        ("hf_dummyReadTokenOfTheTests", "only reads"),
        ("hf_wrongTokenOfTheTests", "the token is not accepted"),
        ("", "no token"),
    ):
        monkeypatch.setenv("HF_TOKEN", token)
        said = refused("法律", home=shelf)
        assert reason in said
        assert "hf auth login" in said
        assert not token or token not in said
    assert not hub.asked("POST")


def test_a_repository_of_somebody_else_is_not_written_to(hub, tiny_on_hub: str, shelf: Path) -> None:
    hub.fail("POST", "/api/repos/create", status=403, body='{"error": "no rights"}')
    assert "the token may not write to them/legal" in refused("法律", "them/legal", home=shelf)


def test_no_network_and_offline_mode_are_told(shelf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = refused("法律", home=shelf)
    assert "cannot be pushed to: http://127.0.0.1:9 cannot be reached" in said
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    from adapt_embed.hub import reach

    reach.hub_is_reachable.cache_clear()
    assert "offline mode is on (HF_HUB_OFFLINE)" in refused("法律", home=shelf)


def test_a_changed_file_is_not_published(hub, tiny_on_hub: str, shelf: Path) -> None:
    (shelf / "法律" / "1" / "history.json").write_text("{}")
    assert "history.json is another than was registered; restore it from a copy" in refused("法律", home=shelf)
    assert REPO not in hub.repositories


@pytest.mark.skipif(not DOCUMENT.is_file(), reason="docs/ is in the repository alone")
def test_a_program_pushes_as_the_document_says(hub, tiny_on_hub: str, shelf: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = re.findall(r"^```python\n(.*?)^```$", DOCUMENT.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    (code,) = (each for each in found if "push_adapter" in each)
    names: dict = {}
    exec(code.replace('"legal", "me/legal"', f'"法律", "me/legal", registry={str(shelf)!r}, base_ids=("me/tiny-base",)'), names)
    head = hub.repositories[REPO].head
    assert capsys.readouterr().out == f"{head.oid} {hub.endpoint}/{REPO}\n"
    assert hub.repositories[REPO].tags == {"v1": head.oid}
    assert "license: apache-2.0" in hub.files(REPO)["README.md"].decode()
    with pytest.raises(RequestError, match="expected OWNER/NAME"):
        push_adapter("法律", "legal", registry=shelf)
    planned = push_adapter("法律", "me/other", registry=shelf, base_ids=("me/tiny-base",), dry_run=True)
    assert (planned.commit, planned.is_unchanged) == (None, False)
    assert planned.questions


def test_a_person_is_asked_about_the_licence(hub, tiny_on_hub: str, shelf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adapt_embed.cli.push._somebody_is_there", lambda: True)
    words = ["push", "法律", REPO, "--base-id", "me/tiny-base", "--registry", str(shelf)]
    no = CliRunner().invoke(main, words, input="n\n")
    assert no.exit_code == 1
    assert "whose licence is not known: may it be shared? [y/N]" in no.stderr
    assert no.stderr.endswith("nothing was sent\n")
    assert CliRunner().invoke(main, words, input="").exit_code == 130
    assert REPO not in hub.repositories
    assert CliRunner().invoke(main, words, input="y\n").exit_code == 0
    assert REPO in hub.repositories


def test_a_token_goes_to_the_hub_alone(hub, second_hub, tiny_on_hub: str, shelf: Path) -> None:
    hub.files_at = second_hub
    push("法律", home=shelf)
    assert second_hub.asked("PUT", "/stored/")
    assert all(request.token is None for request in second_hub.requests)
    assert any(request.token for request in hub.requests)


def test_pushed_and_pulled_the_vectors_are_the_same_and_the_next_push_knows_the_head(
    hub, tiny_on_hub: str, tiny_base: Path, shelf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pushed = push("法律", home=shelf)["commit"]
    other = shelf.parent / "other"
    adapt("pull", REPO, "--base", tiny_base, home=other)
    (entry,) = open_registry(other).entries()
    assert (entry.kind, entry.side, entry.domain, entry.seed) == ("adapter", "both", "legal", 0)
    assert (entry.hub[0].revision, entry.hub[0].how) == (pushed, "pulled")
    for own, theirs in zip(vectors("法律", shelf), vectors(entry.reference, other, tiny_base), strict=True):
        assert (own == theirs).all()
    theirs = push(entry.reference, REPO, "--license", "mit", home=other)["commit"]
    assert theirs != pushed
    assert "neither pulled nor pushed from here" in refused("med", home=shelf)


def test_what_was_really_trained_and_searched_leaves_without_a_trace(
    hub, tiny_on_hub: str, train, toy_folder: Path, tiny_base: Path, home: Path, tmp_path: Path
) -> None:
    for name in ("one", "二"):
        assert train("--name", name, "--gram-rank", "4", "--seed", len(name)).exit_code == 0
    search = ("--search", str(toy_folder), "--evaluations", "2", "--curve-steps", "2")
    adapt("merge", "one", "二", "--name", "found", "--method", "linear", *search, home=home)
    push("found", "me/found", home=home)
    push("one", "me/one", home=home)
    for repo, special in (("me/found", "search.json"), ("me/one", "grams.safetensors")):
        files = hub.files(repo)
        assert special in files
        for path, content in files.items():
            (tmp_path / "sent" / repo / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / "sent" / repo / path).write_bytes(content)
    assert find_traces(tmp_path / "sent", this_machine(home, toy_folder, tiny_base)) == []
    assert str(toy_folder) in (home / "found" / "1" / "search.json").read_text()


def test_a_registry_that_cannot_be_written_does_not_undo_a_push(
    hub, tiny_on_hub: str, shelf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(operation: str, path: Path) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr("adapt_embed.disk.FAULT", refuse)
    done = adapt("push", "法律", REPO, "--base-id", "me/tiny-base", "--yes", home=shelf)
    assert "was pushed, but the registry does not know it" in done.stderr
    assert hub.repositories[REPO].head.oid in done.stdout


def test_a_full_disk_is_one_line_and_nothing_is_sent(hub, tiny_on_hub: str, shelf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("shutil.copyfile", full)
    said = refused("法律", home=shelf)
    assert "cannot be written: No space left on device; free some space, or name another folder with TMPDIR" in said
    assert REPO not in hub.repositories
