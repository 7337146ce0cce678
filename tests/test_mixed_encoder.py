"""Texts for several adapters in one batch: each row has the vector that its adapter alone gives it."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from adapt_embed.base import Base, load_base, resolve_base
from adapt_embed.base.resolve import BaseOptions
from adapt_embed.encoders import LoraEncoder, MixedEncoder, forward, mixed
from adapt_embed.errors import AdapterError, ConfigError, DataError
from adapt_embed.lora import LoraFactors, LoraModule

WORDS = ["the", "court", "and", "tenant", "water", "market", "school", "租", "客", "法", "律", "river", "law", "house"]
MODULES = ["encoder.layer.0.attention.self.query", "encoder.layer.1.attention.self.value", "encoder.layer.1.output.dense"]


def factors(seed: int, names: Sequence[str] = MODULES, rank: int = 2, scale: float = 0.4) -> LoraFactors:
    draw = torch.Generator().manual_seed(seed)
    wide = {name: 64 if name.endswith("output.dense") and "attention" not in name else 32 for name in names}
    return {name: LoraModule(torch.randn(rank, wide[name], generator=draw), torch.randn(32, rank, generator=draw), scale) for name in names}


def texts(count: int, seed: int = 0) -> list[str]:
    draw = np.random.default_rng(seed)
    return [" ".join(draw.choice(WORDS, draw.integers(0, 30))) for _ in range(count)]


@pytest.fixture
def members(loaded_tiny_base: Base) -> tuple[LoraEncoder, ...]:
    """The base, and four adapters: of other ranks, scales and modules, two of them for queries alone."""
    make = replace(LoraEncoder(loaded_tiny_base, precision="fp32"), batch_tokens=64)
    return (
        replace(make, factors=factors(1), document_factors={}),
        replace(make, factors=factors(2, MODULES[:1], rank=5, scale=1.5), document_factors={}),
        make,
        replace(make, factors=factors(3, MODULES[1:], rank=1)),
        replace(make, factors=factors(4), document_factors=factors(5)),
    )


def alone(members: Sequence[LoraEncoder], asked: Sequence[str], adapters: Sequence[int], role: Any = "query") -> np.ndarray:
    return np.concatenate([members[adapter].encode([text], role).vectors for text, adapter in zip(asked, adapters, strict=True)])


@pytest.mark.parametrize("role", ["query", "document"])
@pytest.mark.parametrize("seed", range(3))
def test_each_row_has_the_vector_of_its_adapter_alone(members: tuple[LoraEncoder, ...], seed: int, role: Any) -> None:
    asked, adapters = texts(40, seed), np.random.default_rng(seed).integers(0, len(members), 40).tolist()
    several = MixedEncoder(members).encode(asked, adapters, role)
    np.testing.assert_allclose(several.vectors, alone(members, asked, adapters, role), atol=1e-5)
    assert several.vectors.dtype == np.float32
    swapped = adapters[1:] + adapters[:1]
    assert not np.allclose(several.vectors, alone(members, asked, swapped, role), atol=1e-2)


def test_each_text_is_read_as_its_adapter_reads_it(tiny_base: Path) -> None:
    first = load_base(resolve_base(str(tiny_base)))
    other = load_base(resolve_base(str(tiny_base), options=BaseOptions(query_prompt="look up: ", max_tokens=12)))
    other.network = first.network
    members = (LoraEncoder(first, factors(1), precision="fp32"), LoraEncoder(other, factors(2), precision="fp32"))
    asked, adapters = ["water " * 20, "water " * 20, "law", "law"], [0, 1, 0, 1]
    several = MixedEncoder(members).encode(asked, adapters)
    np.testing.assert_allclose(several.vectors, alone(members, asked, adapters), atol=1e-5)
    assert several.is_cut.tolist() == [False, True, False, False]


def count_ways(monkeypatch: pytest.MonkeyPatch) -> list[LoraEncoder]:
    """Write down which encoders go the ordinary way."""
    ordinary: list[LoraEncoder] = []
    encode = LoraEncoder.encode
    monkeypatch.setattr(LoraEncoder, "encode", lambda self, *given, **more: ordinary.append(self) or encode(self, *given, **more))
    return ordinary


def test_a_batch_of_one_adapter_or_of_the_base_goes_the_ordinary_way(
    members: tuple[LoraEncoder, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = [members[row].encode(["law", "court"], "query").vectors for row in (3, 2)]
    ordinary, several = count_ways(monkeypatch), MixedEncoder(members)
    for row, vectors in zip((3, 2), expected, strict=True):
        assert np.array_equal(several.encode(["law", "court"], [row, row]).vectors, vectors), "bit for bit"
    assert ordinary == [members[3], members[2]]
    assert (several.work.texts, several.encode([], []).vectors.shape) == (0, (0, 32))


def test_documents_of_adapters_for_queries_alone_go_through_the_base(
    members: tuple[LoraEncoder, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = members[2].encode(["law", "court", "river"]).vectors
    ordinary = count_ways(monkeypatch)
    assert np.array_equal(MixedEncoder(members).encode(["law", "court", "river"], [0, 1, 2], "document").vectors, expected)
    assert len(ordinary) == 1


def test_nothing_is_merged_and_the_network_is_as_it_was(members: tuple[LoraEncoder, ...]) -> None:
    network = members[0].base.network
    before = {name: weight.clone() for name, weight in network.model.state_dict().items()}
    members[3].encode(["law"], "query")
    MixedEncoder(members).encode(["law", "court"], [0, 3])
    assert network.merged is None
    assert all(torch.equal(before[name], weight) for name, weight in network.model.state_dict().items())
    assert not any(module._forward_hooks for module in network.model.modules())


def test_all_texts_of_a_batch_go_through_the_network_together(members: tuple[LoraEncoder, ...]) -> None:
    rows: list[int] = []
    network, done = members[0].base.model, list[int]()
    hook = network.register_forward_pre_hook(lambda _, given, more: rows.append(len(more["input_ids"])), with_kwargs=True)
    several = MixedEncoder(tuple(replace(member, batch_tokens=4096) for member in members))
    several.encode(texts(25), [row % 5 for row in range(25)], on_batch=done.append)
    hook.remove()
    assert (rows, done, several.work.texts) == ([25], [25], 25)


def test_where_memory_runs_out_a_batch_is_halved(members: tuple[LoraEncoder, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    members = tuple(replace(member, batch_tokens=4096) for member in members)
    asked, adapters = texts(11), [row % 5 for row in range(11)]
    expected = MixedEncoder(members).encode(asked, adapters).vectors
    sizes: list[int] = []

    def scarce(base: Base, ids: list[list[int]], precision: Any) -> torch.Tensor:
        sizes.append(len(ids))
        if len(ids) > most:
            raise torch.OutOfMemoryError
        return forward.embed(base, ids, precision)

    monkeypatch.setattr(mixed, "embed", scarce)
    most = 3
    np.testing.assert_allclose(MixedEncoder(members).encode(asked, adapters).vectors, expected, atol=1e-5)
    assert (sizes[0], max(size for size in sizes if size <= most)) == (11, 3)
    most = 0
    with pytest.raises(ConfigError, match=r"cpu has too little free memory for one text of \d+ tokens"):
        MixedEncoder(members).encode(asked, adapters)
    assert not any(module._forward_hooks for module in members[0].base.network.model.modules())


def test_half_precision_is_near_that_of_each_adapter(members: tuple[LoraEncoder, ...]) -> None:
    half = tuple(replace(member, precision="bf16") for member in members)
    asked, adapters = texts(20, 7), [row % 5 for row in range(20)]
    cosines = (MixedEncoder(half).encode(asked, adapters).vectors * alone(members, asked, adapters)).sum(1)
    assert cosines.min() > 0.99


def test_what_does_not_fit_is_refused_in_a_line(members: tuple[LoraEncoder, ...], tiny_base: Path) -> None:
    several = MixedEncoder(members)
    with pytest.raises(DataError, match=r"there are 2 texts and 1 adapter for them"):
        several.encode(["law", "court"], [0])
    with pytest.raises(DataError, match=r"row 2 is for adapter 5; there are 5, counted from 0"):
        several.encode(["law", "court"], [0, 5])
    with pytest.raises(DataError, match=r"row 2 is empty"):
        several.encode(["law", None], [0, 1])  # type: ignore[list-item]
    with pytest.raises(ConfigError, match="loaded apart; one batch goes through one network"):
        MixedEncoder((members[0], LoraEncoder(load_base(resolve_base(str(tiny_base))))))
    pooled = replace(members[0].base, encoding=replace(members[0].base.encoding, pooling="mean"))
    with pytest.raises(ConfigError, match="pool or compute differently"):
        MixedEncoder((members[0], replace(members[0], base=pooled)))
    stray = replace(members[0], factors={"encoder.layer.9.output.dense": LoraModule(torch.ones(1, 3), torch.ones(4, 1), 1.0)})
    with pytest.raises(AdapterError, match=r"changes encoder\.layer\.9\.output\.dense \(4, 3\), which tiny-base does not have"):
        MixedEncoder((members[0], stray)).encode(["law", "court"], [0, 1])
