"""What every strategy of the table keeps to: the base comes back, what is read out can be read in, the settings count."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from adapt_embed.adapters import TrainConfig, train_adapter
from adapt_embed.adapters.strategies.lora import LoraStrategy
from adapt_embed.adapters.strategies.table import KEEPS, STRATEGIES, open_strategy, put_in
from adapt_embed.base import Base
from adapt_embed.data.pairs import TrainingData
from adapt_embed.encoders import LoraEncoder
from adapt_embed.errors import ConfigError
from adapt_embed.lora import read_lora
from torch import nn

TEXTS = ["the court", "a tenant and the judge", "合同"]


KEPT = [(name, keep) for name, row in STRATEGIES.items() for keep in (KEEPS if "keep" in row.settings else ["factors"])]
"""Every strategy with every form in which it can be kept."""


def quick(strategy: str, **settings: object) -> TrainConfig:
    reads_rank = "rank" in STRATEGIES[strategy].settings and settings.get("keep") != "model"
    own = {"rank": 4} if reads_rank else {}
    return TrainConfig(strategy=strategy, epochs=1, batch_size=16, max_tokens=16, precision="fp32", **(own | settings))  # type: ignore[arg-type]


def vectors_of(base: Base, **options: object) -> np.ndarray:
    return LoraEncoder(base, precision="fp32", max_tokens=16, **options).encode(TEXTS, "query").vectors  # type: ignore[arg-type]


def disturb(parameters: list[nn.Parameter], seed: int = 5) -> None:
    draw = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in parameters:
            parameter.copy_(torch.randn(parameter.shape, generator=draw) / 10)


@pytest.mark.parametrize(("name", "keep"), KEPT)
def test_the_vectors_of_a_base_are_the_same_bits_after_a_run(loaded_tiny_base: Base, toy_data: TrainingData, name: str, keep: str) -> None:
    before = vectors_of(loaded_tiny_base)
    weights = {path: tensor.clone() for path, tensor in loaded_tiny_base.model.state_dict().items()}
    result = train_adapter(loaded_tiny_base, toy_data, quick(name, keep=keep, learning_rate=1e-2))
    assert all(torch.equal(tensor, weights[path]) for path, tensor in loaded_tiny_base.model.state_dict().items())
    assert np.array_equal(vectors_of(loaded_tiny_base), before)
    if keep == "factors":
        assert not np.allclose(vectors_of(loaded_tiny_base, factors=result.factors), before, atol=1e-3)


@pytest.mark.parametrize(("name", "keep"), [(name, keep) for name, keep in KEPT if name == "lora" or keep == "model"])
def test_what_is_read_out_and_in_again_is_the_same_bits(loaded_tiny_base: Base, name: str, keep: str) -> None:
    config = quick(name, keep=keep)
    first = open_strategy(config)
    with put_in(first, loaded_tiny_base) as parameters:
        disturb(parameters)
        trained, expected = first.read_out(), [parameter.detach().clone() for parameter in parameters]
    second = open_strategy(dataclasses.replace(config, seed=9))
    with put_in(second, loaded_tiny_base) as parameters:
        assert not torch.equal(parameters[0], expected[0])
        second.read_in(trained)
        assert all(torch.equal(one, other) for one, other in zip(parameters, expected, strict=True))


@pytest.mark.parametrize("name", STRATEGIES)
def test_the_plan_is_what_is_put_in(loaded_tiny_base: Base, name: str) -> None:
    strategy = open_strategy(quick(name))
    plan = strategy.plan(loaded_tiny_base)
    with put_in(strategy, loaded_tiny_base) as parameters:
        assert sum(parameter.numel() for parameter in parameters) == plan.parameters
        assert [id(each.parameter) for each in strategy.trained()] == [id(parameter) for parameter in parameters]
        assert all(parameter.requires_grad for parameter in parameters)
        others = {id(parameter) for parameter in loaded_tiny_base.model.parameters()} - {id(parameter) for parameter in parameters}
        assert not any(parameter.requires_grad for parameter in loaded_tiny_base.model.parameters() if id(parameter) in others)


@pytest.mark.parametrize("name", ["lora"])
def test_as_stored_computes_what_the_file_gives(loaded_tiny_base: Base, tmp_path: Path, name: str) -> None:
    strategy = open_strategy(quick(name))
    with put_in(strategy, loaded_tiny_base) as parameters:
        disturb(parameters)
        strategy.training(False)
        trained = strategy.read_out()
        with strategy.as_stored():
            here = vectors_of(loaded_tiny_base)
        assert not np.array_equal(here, vectors_of(loaded_tiny_base))  # fp16 rounds
    strategy.write(trained, tmp_path, loaded_tiny_base)
    assert np.array_equal(vectors_of(loaded_tiny_base, factors=read_lora(tmp_path)), here)


@pytest.mark.parametrize("name", STRATEGIES)
def test_taking_out_what_was_not_put_in_does_nothing(loaded_tiny_base: Base, name: str) -> None:
    strategy, modules = open_strategy(quick(name)), dict(loaded_tiny_base.model.named_modules())
    strategy.take_out()
    with put_in(strategy, loaded_tiny_base):
        for second in ("lora", "bitfit"):
            with pytest.raises(ValueError, match="is being trained already"), put_in(open_strategy(quick(second)), loaded_tiny_base):
                raise AssertionError("two at once")
        assert strategy.read_out()  # the one that was refused has taken nothing out
    strategy.take_out()
    assert dict(loaded_tiny_base.model.named_modules()) == modules


def test_factors_of_other_modules_are_not_read_in(loaded_tiny_base: Base) -> None:
    strategy = open_strategy(quick("lora", targets=("query",)))
    with put_in(strategy, loaded_tiny_base):
        trained = strategy.read_out()
    wider = open_strategy(quick("lora", targets=("query", "value")))
    with put_in(wider, loaded_tiny_base), pytest.raises(ValueError, match="the factors are of 2 modules, and the targets name 4"):
        wider.read_in(trained)


def test_a_strategy_that_is_nowhere_says_so() -> None:
    with pytest.raises(ValueError, match="no LoRA layers were put into a base"):
        LoraStrategy(TrainConfig()).read_out()


def test_an_unknown_strategy_is_answered_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match=r"unknown strategy 'lra'\. Did you mean lora"):
        TrainConfig(strategy="lra")
