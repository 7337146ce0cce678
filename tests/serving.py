"""For the tests of serving: a registry of adapters on the tiny base, and a server in a thread of this process."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from adapt_embed.base.resolve import BaseOptions
from adapt_embed.base.sentence_files import write_json
from adapt_embed.encoders.job import EncodeRequest, prepare_encode
from adapt_embed.events import QUIET
from adapt_embed.lora import CONFIG, WEIGHTS, LoraModule, lora_config, write_lora
from adapt_embed.references import EncoderSettings, Search
from adapt_embed.registry import Registry, open_registry
from adapt_embed.registry.foreign import add_folder
from adapt_embed.serve.app import make_app
from adapt_embed.serve.job import ServeJob, ServeRequest, prepare_serve
from adapt_embed.serve.models.served import Served
from adapt_embed.serve.options import ServeOptions
from adapt_embed.serve.run import listen, make_server
from adapt_embed.serve.search.job import SearchJob

FP32 = EncoderSettings(precision="fp32")
SIDES = {"law": "query", "health": "query", "whole": None, "法律": None}
"""The adapters of the registry, and which side each is for."""


def bare(folder: Path, base: Path, seed: int) -> Path:
    """Write a LoRA of random factors as peft would."""
    draw = torch.Generator().manual_seed(seed)
    names = [f"encoder.layer.{layer}.{end}" for layer in (0, 1) for end in ("attention.self.query", "attention.output.dense")]
    factors = {name: LoraModule(torch.randn(2, 32, generator=draw), torch.randn(32, 2, generator=draw), 0.5) for name in names}
    folder.mkdir(parents=True)
    write_lora(factors, folder / WEIGHTS)
    write_json(folder / CONFIG, lora_config(factors, str(base), None))
    return folder


def add(registry: Registry, base: Path, name: str, seed: int, side: Any = None) -> Any:
    """Register an adapter of random factors."""
    folder = bare(registry.home.parent / f"bare-{name}-{seed}", base, seed)
    try:
        return add_folder(registry, folder, name=name, domain="legal", base_reference=None, options=BaseOptions(), side=side)
    finally:
        shutil.rmtree(folder)


def fill(home: Path, base: Path) -> Path:
    """Make a registry with a version of each of `SIDES`."""
    registry = open_registry(home)
    for seed, (name, side) in enumerate(SIDES.items()):
        add(registry, base, name, seed, side)
    registry.set_alias(registry.find("law"), "best")
    return home


def prepare(home: Path, base: Path, *references: str, memory: int = 10**9, **options: Any) -> ServeJob:
    """Prepare to serve a registry; `port` is one that is free."""
    where = Search(registry=open_registry(home), base=str(base))
    given = ServeOptions(**({"port": 0} | options))
    return prepare_serve(ServeRequest(references=references, where=where, settings=FP32, options=given, memory=memory))


def alone(home: Path, base: Path, reference: str, texts: list[str], role: Any = "document") -> np.ndarray:
    """Return what `adapt encode` gives."""
    where = Search(registry=open_registry(home), base=str(base))
    return prepare_encode(EncodeRequest(reference=reference, where=where, role=role, settings=FP32)).run(texts).vectors


@dataclass(frozen=True)
class Running:
    """A server that runs."""

    served: Served
    server: Any
    port: int

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def running(job: ServeJob, more_routes: Any = (), searching: SearchJob | None = None) -> Iterator[Running]:
    """Run a server in a thread, on a port that is free; `searching`: what it searches."""
    options, started = replace(job.request.options, port=0), threading.Event()
    bound = listen(options)
    served = job.open()
    with nullcontext([]) if searching is None else searching.open(served, QUIET) as routes:
        server = make_server(make_app(served, options, more_routes=[*more_routes, *routes]), options, started.set)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]}, daemon=True)
        thread.start()
        try:
            assert started.wait(30)
            yield Running(served, server, bound.getsockname()[1])
        finally:
            server.should_exit = True
            thread.join(30)
            bound.close()
    assert not thread.is_alive()
