"""A server's vectors are those of `adapt encode`, in both wire formats; names, roles, and what the registry changes meanwhile."""

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import openai
import pytest

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
