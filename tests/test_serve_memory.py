"""What a server keeps in memory and what it lets go of, also after a failure, and when files change under it."""

import asyncio
import shutil
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from adapt_embed.encoders import standing
from adapt_embed.encoders.standing import MERGE_AFTER, StandingNetwork
from adapt_embed.serve.app import make_app
from adapt_embed.serve.http.refusals import Refusal
from adapt_embed.serve.options import ServeOptions
from starlette.testclient import TestClient

TEXTS = ["the tenant", "租客要归还什么？"]


@pytest.fixture(scope="module")
def filled(serving: Any, tiny_base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return serving.fill(tmp_path_factory.mktemp("served") / "registry", tiny_base)


def test_a_version_that_is_dropped_while_its_texts_wait_leaves_nothing_behind(
    serving: Any, filled: Path, tiny_base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    go, original = threading.Event(), StandingNetwork.embed

    def slow(self: StandingNetwork, rows: Any) -> Any:
        assert go.wait(10)
        return original(self, rows)

    monkeypatch.setattr(StandingNetwork, "embed", slow)
    served = serving.prepare(filled, tiny_base, memory=1).open()

    async def ask() -> Any:
        first = asyncio.create_task(served.encode(TEXTS, "base"))
        law = asyncio.create_task(served.encode(TEXTS, "law", "query"))
        while served.queued < 2:
            await asyncio.sleep(0.01)
        await served.open(served.pin("health"))
        assert served.loaded == ["base", "health@1"]
        go.set()
        return [await first, await law][1][0]

    try:
        vectors = asyncio.run(ask())
        asyncio.run(served.encode(TEXTS, "base"))
        kept = [key for network in served._engine._networks._standing.values() for key in network._ready.keys]
    finally:
        served.close()
    np.testing.assert_allclose(vectors, serving.alone(filled, tiny_base, "law", TEXTS, "query"), atol=1e-6)
    assert kept == []


def test_after_a_failure_the_network_has_its_own_weights_again(
    serving: Any, filled: Path, tiny_base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    served = serving.prepare(filled, tiny_base).open()

    def fail(*_: Any) -> Any:
        raise RuntimeError("the device is gone")

    try:
        for _ in range(MERGE_AFTER + 1):
            asyncio.run(served.encode(TEXTS, "whole"))
        (network,) = (each.network for each in served._engine._networks._standing.values())
        assert network.merged is not None
        with monkeypatch.context() as patched:
            patched.setattr(standing, "embed", fail)
            with pytest.raises(Refusal, match="could not be computed"):
                asyncio.run(served.encode(TEXTS, "whole"))
        assert network.merged is None
        for name in ("base", "whole"):
            found = asyncio.run(served.encode(TEXTS, name))[0]
            np.testing.assert_allclose(found, serving.alone(filled, tiny_base, name, TEXTS), atol=1e-6)
    finally:
        served.close()


@pytest.mark.parametrize("reference", ["law", "folder"])
def test_files_that_changed_since_they_were_first_served_are_not_served_as_what_they_were(
    serving: Any, filled: Path, tiny_base: Path, home: Path, reference: str, caplog: pytest.LogCaptureFixture
) -> None:
    shutil.copytree(filled, home)
    weights = home / "law" / "1" / "adapter_model.safetensors"
    if reference == "folder":
        reference = str(serving.bare(home.parent / "mine", tiny_base, 5))
        weights = Path(reference) / "adapter_model.safetensors"
    app = make_app(serving.prepare(home, tiny_base, reference, "whole", memory=1).open(), ServeOptions())
    with TestClient(app, "http://localhost") as client:

        def status(model: str) -> int:
            return client.post("/v1/embeddings", json={"model": model, "input": "x"}).status_code

        name = Path(reference).name
        assert (status("whole"), status(name), status("whole")) == (200, 200, 200), "each is dropped for the other"
        shutil.copyfile(home / "health" / "1" / "adapter_model.safetensors", weights)
        assert (status(name), status("whole")) == (503, 200)
    assert f"the files in {weights.parent} are not those that" in caplog.text
