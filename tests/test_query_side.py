"""Adapters for queries alone: queries go through base and LoRA, documents have the vectors of the base, bit for bit."""

from pathlib import Path

import numpy as np
import pytest
import torch
from adapt_embed.base import resolve_base
from adapt_embed.base.sentence_files import write_json
from adapt_embed.choices import Side
from adapt_embed.lora import CONFIG, WEIGHTS, LoraModule, lora_config, write_lora
from adapt_embed.references import EncoderSettings, LoadedBases, Search, open_encoder, resolve_references
from adapt_embed.registry import Entry, Registry, base_record, open_registry

TEXTS = ["the tenant", "the landlord and the court", "", "租客要归还什么？", "water " * 600]
FP32 = EncoderSettings(precision="fp32")


def register(registry: Registry, base: Path, name: str, side: Side, seed: int) -> Entry:
    """Register an adapter with random factors of two modules."""
    found, draw = resolve_base(str(base)), torch.Generator().manual_seed(seed)
    factors = {
        f"encoder.layer.{layer}.attention.self.query": LoraModule(
            torch.randn(2, 32, generator=draw), torch.randn(32, 2, generator=draw), 0.3
        )
        for layer in (0, 1)
    }
    record = base_record(found.spec)

    def write(folder: Path) -> None:
        write_lora(factors, folder / WEIGHTS)
        write_json(folder / CONFIG, lora_config(factors, *record.loading_name))

    draft = Entry(
        kind="adapter", side=side, name=name, domain="legal", bases=(record,), pooling="cls", prompts=found.encoding.prompts, rank=2
    )
    return registry.add(draft, write)


@pytest.fixture
def registry(home: Path, tiny_base: Path) -> Registry:
    """Hold law and health, for queries alone, and whole, for both."""
    registry = open_registry(home)
    sides: dict[str, Side] = {"law": "query", "health": "query", "whole": "both"}
    for seed, (name, side) in enumerate(sides.items()):
        register(registry, tiny_base, name, side, seed)
    return registry


def test_documents_have_the_vectors_of_the_base_bit_for_bit_and_queries_those_of_the_adapter(registry: Registry) -> None:
    bases = LoadedBases(FP32)
    base, law, whole = (open_encoder(each, bases) for each in resolve_references(["base", "law", "whole"], Search(registry=registry)))
    asked = law.encode(TEXTS, "query").vectors
    assert np.array_equal(law.encode(TEXTS).vectors, base.encode(TEXTS).vectors)
    assert not np.allclose(asked, base.encode(TEXTS, "query").vectors, atol=1e-2)
    assert not np.allclose(whole.encode(TEXTS).vectors, base.encode(TEXTS).vectors, atol=1e-2)


def test_the_queries_of_one_adapter_are_the_same_under_both_sides(tiny_base: Path, home: Path) -> None:
    registry = open_registry(home)
    for side in ("both", "query"):
        register(registry, tiny_base, side, side, seed=3)  # type: ignore[arg-type]
    both, query = (open_encoder(each) for each in resolve_references(["both", "query"], Search(registry=registry)))
    assert np.array_equal(both.encode(TEXTS, "query").vectors, query.encode(TEXTS, "query").vectors)


def test_vectors_of_documents_have_the_content_of_the_base(registry: Registry) -> None:
    base, law, health = (open_encoder(each) for each in resolve_references(["base", "law", "health"], Search(registry=registry)))
    assert law.content("document") == health.content("document") == base.content("document")
    assert law.content("query") != base.content("query")
    assert law.content("query") != health.content("query")


def test_a_description_says_that_it_is_for_queries_alone(registry: Registry) -> None:
    (law,) = resolve_references(["law"], Search(registry=registry))
    assert (law.side, law.description) == ("query", f"adapter for queries alone law@1 on {law.base.name}, domain legal")
