"""The loopback Hub of the tests, held against the real client: what it pushes and pulls is what lies there."""

from pathlib import Path

import pytest
from huggingface_hub import CommitOperationDelete, HfApi, list_models, model_info, snapshot_download
from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, RepositoryNotFoundError, RevisionNotFoundError

WEIGHTS = bytes(range(256)) * 1000


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "made"
    (made / "1_Pooling").mkdir(parents=True)
    (made / "README.md").write_text("---\ntags:\n- adapt\nlicense: mit\n---\n# 卡片\n", encoding="utf-8")
    (made / "1_Pooling" / "config.json").write_text("{}", encoding="utf-8")
    (made / "model.safetensors").write_bytes(WEIGHTS)
    return made


def test_a_push_a_second_push_a_tag_and_a_pull(hub, folder: Path, tmp_path: Path) -> None:
    api = HfApi()
    assert api.whoami()["name"] == "me"
    api.create_repo("me/mine", private=True)
    api.create_repo("me/mine", exist_ok=True)
    first = api.upload_folder(repo_id="me/mine", folder_path=folder, commit_message="one")
    assert hub.files("me/mine")["model.safetensors"] == WEIGHTS
    again = api.upload_folder(repo_id="me/mine", folder_path=folder, commit_message="two")
    assert again.oid == first.oid
    assert len(hub.asked("POST", "/commit/")) == 1
    api.create_tag("me/mine", tag="v1")
    assert [(tag.name, tag.target_commit) for tag in api.list_repo_refs("me/mine").tags] == [("v1", first.oid)]
    assert [model.id for model in list_models(author="me", filter="adapt")] == ["me/mine"]
    assert not list(list_models(author="me", filter="other"))
    pulled = Path(snapshot_download("me/mine", revision="v1"))
    assert (pulled / "model.safetensors").read_bytes() == WEIGHTS
    assert (pulled / "README.md").read_bytes() == (folder / "README.md").read_bytes()


def test_a_push_over_a_newer_commit_is_refused_and_a_pull_request_stands_beside(hub, folder: Path) -> None:
    api = HfApi()
    api.create_repo("me/mine")
    old = model_info("me/mine").sha
    api.upload_folder(repo_id="me/mine", folder_path=folder, parent_commit=old)
    with pytest.raises(HfHubHTTPError) as caught:
        api.create_commit("me/mine", [CommitOperationDelete("README.md")], commit_message="late", parent_commit=old)
    assert caught.value.response.status_code == 412
    asked = api.create_commit("me/mine", [CommitOperationDelete("README.md")], commit_message="please", create_pr=True)
    assert (asked.pr_num, "README.md" in hub.files("me/mine"), "README.md" in hub.files("me/mine", "refs/pr/1")) == (1, True, False)


def test_a_tree_comes_in_pages(hub) -> None:
    hub.put("me/many", {f"{n:03}.txt": str(n) for n in range(25)})
    hub.page = 10
    assert len(list(HfApi().list_repo_tree("me/many", recursive=True))) == 26
    assert len(hub.asked("GET", "/tree/main")) == 3
    assert [info.path for info in HfApi().get_paths_info("me/many", ["003.txt", "none.txt"])] == ["003.txt"]


def test_what_may_not_be_seen_is_refused_as_the_hub_refuses_it(hub, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.put("me/gated", {"a.txt": "a"}, gated=True)
    hub.put("me/hidden", {"a.txt": "a"}, private=True)
    with pytest.raises(GatedRepoError):
        snapshot_download("me/gated")
    with pytest.raises(RevisionNotFoundError):
        model_info("me/gated", revision="none")
    monkeypatch.setenv("HF_TOKEN", "")
    with pytest.raises(RepositoryNotFoundError):
        model_info("me/hidden")


def test_lfs_files_go_to_the_second_host_and_come_from_it_without_a_token(hub, second_hub, folder: Path) -> None:
    hub.files_at = second_hub
    HfApi().create_repo("me/mine")
    HfApi().upload_folder(repo_id="me/mine", folder_path=folder)
    assert (Path(snapshot_download("me/mine")) / "model.safetensors").read_bytes() == WEIGHTS
    assert {request.method for request in second_hub.requests} >= {"PUT", "GET"}
    assert not [request for request in second_hub.requests if request.token]
    assert all(request.token for request in hub.requests if request.path.startswith("/api/models/"))


def test_a_base_on_the_hub_is_loaded_by_its_id(hub, tiny_on_hub: str, tiny_base: Path) -> None:
    from sentence_transformers import SentenceTransformer

    there, here = SentenceTransformer(tiny_on_hub, device="cpu"), SentenceTransformer(str(tiny_base), device="cpu")
    assert there.encode("rent").tolist() == here.encode("rent").tolist()
