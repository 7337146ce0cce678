"""A network that stays ready between calls gives the vectors of each adapter alone, and takes nothing of the network with it."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from adapt_embed.base import Base
from adapt_embed.encoders import LoraEncoder, forward, standing
from adapt_embed.encoders.batching import split_by_length
from adapt_embed.encoders.blocks import arrange
from adapt_embed.encoders.standing import MERGE_AFTER, Row, StandingNetwork, way_of
from adapt_embed.errors import ConfigError
from adapt_embed.lora import LoraFactors, LoraModule

TEXTS = ["the tenant and the court", "租客", "water market school", "river", ""]
MODULES = {"encoder.layer.0.attention.self.query": 32, "encoder.layer.1.output.dense": 64}


def factors(seed: int) -> LoraFactors:
    draw = torch.Generator().manual_seed(seed)
    return {
        name: LoraModule(torch.randn(2, wide, generator=draw), torch.randn(32, 2, generator=draw), 0.4) for name, wide in MODULES.items()
    }


@pytest.fixture(params=["fp32", "bf16"])
def members(loaded_tiny_base: Base, request: pytest.FixtureRequest) -> tuple[LoraEncoder, ...]:
    """The base, an adapter for queries alone, and one for both sides."""
    plain = LoraEncoder(loaded_tiny_base, precision=request.param, batch_tokens=64)
    return plain, replace(plain, factors=factors(1), document_factors={}), replace(plain, factors=factors(2))


@pytest.fixture
def network(members: tuple[LoraEncoder, ...]) -> Iterator[StandingNetwork]:
    weights = members[0].base.model.state_dict
    before, attention = {name: weight.clone() for name, weight in weights().items()}, members[0].base.model.config._attn_implementation
    network = StandingNetwork(members[0].base.network)
    yield network
    network.close()
    assert all(torch.equal(before[name], weight) and before[name].dtype == weight.dtype for name, weight in weights().items())
    assert members[0].base.model.config._attn_implementation == attention
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in members[0].base.model.modules())


def rows_of(member: LoraEncoder, role: Any, texts: Sequence[str] = TEXTS) -> list[Row]:
    return [Row(member, role, ids) for ids in member.tokenize(texts, role).ids]


def alone(member: LoraEncoder, role: Any) -> np.ndarray:
    return member.encode(TEXTS, role).vectors


def close_to(member: LoraEncoder) -> float:
    return 1e-6 if member.computes_in == "fp32" else 0.03


def test_rows_of_any_adapter_and_role_have_the_vectors_of_their_own(members: tuple[LoraEncoder, ...], network: StandingNetwork) -> None:
    asked = [(member, role) for member in members for role in ("query", "document")]
    expected = np.concatenate([alone(member, role) for member, role in asked])
    rows = [row for member, role in asked for row in rows_of(member, role)]
    order = np.random.default_rng(0).permutation(len(rows))
    found = network.embed([rows[row] for row in order])
    np.testing.assert_allclose(found, expected[order], atol=close_to(members[0]))


def test_one_adapter_is_merged_after_many_calls_of_its_own_and_comes_out_at_another(
    members: tuple[LoraEncoder, ...], network: StandingNetwork
) -> None:
    expected = [alone(member, "query") for member in members]
    network.close()
    for time in range(MERGE_AFTER + 2):
        np.testing.assert_allclose(network.embed(rows_of(members[2], "query")), expected[2], atol=close_to(members[0]))
        assert (network.network.merged is not None) == (time >= MERGE_AFTER)
    np.testing.assert_allclose(network.embed(rows_of(members[0], "query")), expected[0], atol=close_to(members[0]))
    assert network.network.merged is None
    several = rows_of(members[1], "query", TEXTS[:2]) + rows_of(members[2], "query", TEXTS[2:])
    np.testing.assert_allclose(network.embed(several), np.concatenate([expected[1][:2], expected[2][2:]]), atol=close_to(members[0]))


def test_the_base_is_never_waited_for(members: tuple[LoraEncoder, ...], network: StandingNetwork) -> None:
    for _ in range(MERGE_AFTER + 2):
        network.embed(rows_of(members[1], "document"))
    assert network.network.merged is None


def test_in_fp32_the_base_has_its_vectors_bit_for_bit(loaded_tiny_base: Base) -> None:
    member = LoraEncoder(loaded_tiny_base, precision="fp32")
    expected, network = alone(member, "document"), StandingNetwork(loaded_tiny_base.network)
    assert np.array_equal(network.embed(rows_of(member, "document")), expected)
    network.close()


def test_another_way_through_the_network_prepares_it_anew(loaded_tiny_base: Base) -> None:
    cls = LoraEncoder(loaded_tiny_base, precision="bf16")
    encoding = replace(loaded_tiny_base.encoding, pooling="mean")
    mean = LoraEncoder(replace(loaded_tiny_base, encoding=encoding), precision="bf16")
    assert way_of(cls) != way_of(mean)
    expected, network = [alone(each, "query") for each in (cls, mean)], StandingNetwork(loaded_tiny_base.network)
    for number in (0, 1, 0):
        np.testing.assert_allclose(network.embed(rows_of((cls, mean)[number], "query")), expected[number], atol=0.03)
    network.close()


def test_where_memory_runs_out_a_batch_is_halved(loaded_tiny_base: Base, monkeypatch: pytest.MonkeyPatch) -> None:
    member = LoraEncoder(loaded_tiny_base, factors(1), precision="fp32")
    expected, network, most = alone(member, "query"), StandingNetwork(loaded_tiny_base.network), 2

    def scarce(base: Base, ids: list[list[int]], precision: Any) -> torch.Tensor:
        if len(ids) > most:
            raise torch.OutOfMemoryError
        return forward.embed(base, ids, precision)

    monkeypatch.setattr(standing, "embed", scarce)
    np.testing.assert_allclose(network.embed(rows_of(member, "query")), expected, atol=1e-6)
    most = 0
    with pytest.raises(ConfigError, match="too little free memory"):
        network.embed(rows_of(member, "query"))
    network.close()


def test_what_is_not_kept_is_made_ready_again(members: tuple[LoraEncoder, ...], network: StandingNetwork) -> None:
    first = network.embed(rows_of(members[1], "query"))
    assert network._ready.keys
    network.keep([members[1].sha256["query"] or ""])
    assert network._ready.keys
    network.keep([members[0].sha256["query"] or ""])
    assert not network._ready.keys
    assert np.array_equal(network.embed(rows_of(members[1], "query")), first)


@pytest.mark.parametrize("seed", range(4))
def test_blocks_hold_each_row_once_with_as_many_of_each_adapter(seed: int) -> None:
    draw = np.random.default_rng(seed)
    keys = [None if key == "-" else str(key) for key in draw.choice(list("-abcde"), 40)]
    blocks = arrange(keys)
    assert sorted(row for block in blocks for rows in block.rows for row in rows) == list(range(40))
    for block in blocks:
        assert len({len(rows) for rows in block.rows}) == 1
        assert all(keys[row] == key for key, rows in zip(block.keys, block.rows, strict=True) for row in rows)
    assert blocks[0].keys == (None,)
    assert len(blocks) <= 1 + len({keys.count(key) for key in "abcde"})


def test_adapters_with_few_rows_each_stand_in_one_block() -> None:
    (block,) = arrange(["a", "b", "a", "c"])
    assert (block.keys, block.rows) == (("a", "a", "b", "c"), ((0,), (2,), (1,), (3,)))
    assert [len(block.rows) for block in arrange(["a"] * 20 + ["b"] * 12)] == [2, 1]


def test_adapters_of_other_ranks_and_modules_stand_in_one_block(loaded_tiny_base: Base) -> None:
    first, second = MODULES
    plain = LoraEncoder(loaded_tiny_base, precision="fp32")
    wide = {first: LoraModule(torch.randn(5, 32), torch.randn(32, 5), 0.2)}
    bias = {f"{second}.bias": LoraModule(torch.ones(1, 1), torch.randn(32, 1), 1.0)}
    members = [replace(plain, factors=each) for each in (factors(1), factors(2), wide, {second: factors(3)[second]} | bias)]
    expected = np.concatenate([alone(member, "query") for member in members])
    network = StandingNetwork(loaded_tiny_base.network)
    found = network.embed([row for member in members for row in rows_of(member, "query")])
    np.testing.assert_allclose(found, expected, atol=2e-6)
    network.close()


def test_a_batch_is_split_where_padding_costs_more_than_a_pass() -> None:
    lengths = [10, 30, 11, 30, 10, 12]
    rows = sorted(range(6), key=lambda row: -lengths[row])
    assert split_by_length(rows, lengths, 72) == [rows], "18 tokens in each of 4 rows"
    assert split_by_length(rows, lengths, 71) == [[1, 3], [5, 2, 0, 4]]
    assert split_by_length([0], lengths, 0) == [[0]]
    assert len(split_by_length(list(range(2000)), [7] * 2000, 0)) == 1
