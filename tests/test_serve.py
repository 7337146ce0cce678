"""A server's vectors are those of `adapt encode`, in both wire formats; names, roles, and what the registry changes meanwhile."""

import asyncio
import base64
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import openai
import pytest
from adapt_embed.errors import AdapterError
from adapt_embed.registry import open_registry
from adapt_embed.serve.app import make_app
from adapt_embed.serve.models.catalog import LOOK_EVERY_S
from adapt_embed.serve.options import ServeOptions
from starlette.testclient import TestClient

TEXTS = ["the tenant", "the landlord and the court", "租客要归还什么？", "water " * 600, ""]


@pytest.fixture(scope="module")
def filled(serving: Any, tiny_base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return serving.fill(tmp_path_factory.mktemp("served") / "registry", tiny_base)


@pytest.fixture(scope="module")
def server(serving: Any, filled: Path, tiny_base: Path) -> Iterator[Any]:
    with serving.running(serving.prepare(filled, tiny_base)) as running:
        yield running


@pytest.fixture
def client(server: Any) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{server.address}/v1", api_key="none", max_retries=0) as client:
        yield client


@pytest.mark.parametrize("form", ["float", "base64"])
@pytest.mark.parametrize("name", ["base", "law", "whole", "法律@1", "law@best"])
@pytest.mark.parametrize("role", ["query", "document"])
def test_the_openai_client_gets_the_vectors_of_encode(
    client: openai.OpenAI, serving: Any, filled: Path, tiny_base: Path, name: str, role: str, form: Any
) -> None:
    given = client.embeddings.create(model=f"{name}:{role}", input=TEXTS, encoding_format=form)
    rows = [np.frombuffer(base64.b64decode(each.embedding), "<f4") if form == "base64" else each.embedding for each in given.data]
    np.testing.assert_allclose(np.array(rows), serving.alone(filled, tiny_base, name, TEXTS, role), atol=1e-6)
    assert [each.index for each in given.data] == [0, 1, 2, 3, 4]


def test_texts_of_several_adapters_and_roles_go_through_the_network_together(
    server: Any, serving: Any, filled: Path, tiny_base: Path
) -> None:
    asked = [(name, role) for name in ("base", "law", "health", "whole", "法律") for role in ("query", "document")]

    async def together() -> list[Any]:
        return await asyncio.gather(*(app.encode(TEXTS[:3], name, role) for name, role in asked))

    app = serving.prepare(filled, tiny_base).open()
    try:
        batches: list[int] = []
        app.counters.batch = lambda texts, seconds, waits: batches.append(texts)
        found = asyncio.run(together())
    finally:
        app.close()
    for (name, role), (vectors, tokens) in zip(asked, found, strict=True):
        np.testing.assert_allclose(vectors, serving.alone(filled, tiny_base, name, TEXTS[:3], role), atol=1e-6)
        assert tokens > 0
    assert max(batches) > 3


def test_documents_of_an_adapter_for_queries_alone_have_the_vectors_of_the_base(client: openai.OpenAI) -> None:
    def vectors(model: str, **more: Any) -> Any:
        return client.embeddings.create(model=model, input=TEXTS, extra_body=more).data

    base, law = vectors("base"), vectors("law")
    assert [each.embedding for each in base] == [each.embedding for each in law], "the role is document, where none is said"
    assert vectors("law:query")[0].embedding != law[0].embedding


@pytest.mark.parametrize(
    ("field", "value", "role"),
    [
        ("input_type", "search_query", "query"),
        ("input_type", "search_document", "document"),
        ("input_type", "query", "query"),
        ("task", "retrieval.query", "query"),
        ("task", "retrieval.passage", "document"),
        ("task", "text-matching", "document"),
    ],
)
def test_the_role_is_said_in_the_words_of_cohere_and_jina(client: openai.OpenAI, field: str, value: str, role: str) -> None:
    said = client.embeddings.create(model="law", input="the tenant", extra_body={field: value}).data[0].embedding
    assert said == client.embeddings.create(model=f"law:{role}", input="the tenant").data[0].embedding


def test_dimensions_cut_vectors_to_length_1(client: openai.OpenAI) -> None:
    whole = np.array(client.embeddings.create(model="base", input=TEXTS[0]).data[0].embedding)
    cut = np.array(client.embeddings.create(model="base", input=TEXTS[0], dimensions=8).data[0].embedding)
    np.testing.assert_allclose(cut, whole[:8] / np.linalg.norm(whole[:8]), atol=1e-6)


def test_usage_counts_the_tokens_of_the_network(client: openai.OpenAI) -> None:
    assert client.embeddings.create(model="base", input="law").usage.total_tokens == 3
    assert client.embeddings.create(model="base", input="water " * 600).usage.prompt_tokens == 512


def test_models_are_the_names_of_the_registry_with_what_they_mean(client: openai.OpenAI) -> None:
    models = {each.id: each for each in client.models.list().data}
    assert set(models) == {"base", "law", "law@1", "law@best", "health", "health@1", "whole", "whole@1", "法律", "法律@1"}
    assert (models["law@best"].reference, client.models.retrieve("law@best").reference) == ("law@1", "law@1")
    with pytest.raises(openai.NotFoundError, match="unknown model"):
        client.models.retrieve("lore")


def test_errors_read_as_openai_tells_them(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as unknown:
        client.embeddings.create(model="../../etc", input="x")
    assert unknown.value.code == "model_not_found"
    with pytest.raises(openai.UnprocessableEntityError, match="check_embedding_ctx_length=False"):
        client.embeddings.create(model="base", input=[[5, 6], [7]])
    with pytest.raises(openai.UnprocessableEntityError, match="dimensions is a whole number from 1 to 32"):
        client.embeddings.create(model="base", input="x", dimensions=33)


def test_a_moved_alias_and_a_new_version_are_served_without_a_restart(serving: Any, filled: Path, tiny_base: Path, home: Path) -> None:
    shutil.copytree(filled, home)
    registry = open_registry(home)
    app = make_app(served := serving.prepare(home, tiny_base, "law@best", "law").open(), ServeOptions())
    with TestClient(app, "http://localhost") as client:

        def vector(model: str) -> tuple[str, Any]:
            found = client.post("/v1/embeddings", json={"model": f"{model}:query", "input": "the tenant"}).json()
            return found["model"], np.array(found["data"][0]["embedding"])

        before, pinned = vector("law@best"), served.pin("law@best")
        serving.add(registry, tiny_base, "law", 11, "query")
        time.sleep(2 * LOOK_EVERY_S)
        assert (vector("law@best")[0], vector("law")[0]) == ("law@1", "law@2")
        registry.set_alias(registry.find("law", 2), "best")
        time.sleep(2 * LOOK_EVERY_S)
        after = vector("law@best")
        assert (before[0], after[0]) == ("law@1", "law@2")
        np.testing.assert_allclose(after[1], serving.alone(home, tiny_base, "law@2", ["the tenant"], "query")[0], atol=1e-6)
        kept = client.portal.call(served.encode_pinned, ["the tenant"], pinned, "query")[0]
        np.testing.assert_allclose(kept[0], before[1], atol=1e-6)
        registry.remove(registry.find("law", 2), force=True)
        time.sleep(2 * LOOK_EVERY_S)
        assert client.post("/v1/embeddings", json={"model": "law@best", "input": "x"}).status_code == 404


def test_a_registry_that_cannot_be_read_leaves_what_is_served(serving: Any, filled: Path, tiny_base: Path, home: Path) -> None:
    shutil.copytree(filled, home)
    app = make_app(serving.prepare(home, tiny_base).open(), ServeOptions())
    with TestClient(app, "http://localhost") as client:
        assert client.post("/v1/embeddings", json={"model": "law", "input": "x"}).status_code == 200
        (home / "registry.json").write_text("{")
        time.sleep(2 * LOOK_EVERY_S)
        assert client.post("/v1/embeddings", json={"model": "law@best:query", "input": "x"}).status_code == 200


def test_above_the_budget_the_adapter_used_longest_ago_is_dropped(serving: Any, filled: Path, tiny_base: Path) -> None:
    app = serving.prepare(filled, tiny_base, memory=1).open()

    async def ask(*names: str) -> list[list[str]]:
        loaded = []
        for name in names:
            await app.encode(["the tenant"], name, "query")
            loaded.append(app.loaded)
        return loaded

    try:
        assert asyncio.run(ask("law", "health", "base", "law")) == [
            ["base", "law@1"],
            ["base", "health@1"],
            ["health@1", "base"],
            ["base", "law@1"],
        ]
        found = asyncio.run(app.encode(["the tenant"], "law", "query"))[0]
        np.testing.assert_allclose(found, serving.alone(filled, tiny_base, "law", ["the tenant"], "query"), atol=1e-6)
    finally:
        app.close()


def test_a_version_that_is_damaged_is_a_503_and_the_others_are_served(serving: Any, filled: Path, tiny_base: Path, home: Path) -> None:
    shutil.copytree(filled, home)
    (home / "law" / "1" / "adapter_model.safetensors").write_bytes(b"no tensors")
    app = make_app(serving.prepare(home, tiny_base).open(), ServeOptions())
    with TestClient(app, "http://localhost") as client:
        refused = client.post("/v1/embeddings", json={"model": "law", "input": "x"})
        assert (refused.status_code, refused.json()["error"]["code"]) == (503, "unavailable")
        assert client.post("/v1/embeddings", json={"model": "health", "input": "x"}).status_code == 200


def test_ensembles_and_whole_models_are_served_by_their_own_encoders(
    serving: Any, every_kind_once: Path, tiny_base: Path, second_base: Path
) -> None:
    given = {"all": "all", "short": "short", "across": "across", "med": "med", "second-base": str(second_base)}
    job = serving.prepare(every_kind_once, tiny_base, *given.values())
    with TestClient(make_app(job.open(), ServeOptions()), "http://localhost") as client:
        for name, reference in [*given.items(), ("med", "med")]:
            found = client.post("/v1/embeddings", json={"model": name, "input": TEXTS}).json()
            rows = np.array([each["embedding"] for each in found["data"]])
            np.testing.assert_allclose(rows, serving.alone(every_kind_once, tiny_base, reference, TEXTS), atol=1e-6)


def test_what_ranks_and_has_no_vectors_is_refused_at_the_start(serving: Any, every_kind_once: Path, tiny_base: Path) -> None:
    with pytest.raises(AdapterError, match="ranks@1 has no vectors"):
        serving.prepare(every_kind_once, tiny_base, "ranks")
    names = serving.prepare(every_kind_once, tiny_base).catalog.names()
    assert "ranks" not in names
    assert "across" not in names, "a member lies on another base"
    assert {"base", "all", "both", "questions@1"} <= set(names)
