"""Gradients of a batch: as plain backpropagation gives them, and the same bits however little memory there is."""

import math
from collections.abc import Sequence

import numpy as np
import pytest
import torch
from adapt_embed.adapters import TrainConfig, gradients
from adapt_embed.adapters.batches import Batches, TextBatch
from adapt_embed.adapters.frozen.stored import embed_above
from adapt_embed.adapters.gradients import accumulate_gradients, backpropagate, batch_loss, in_order, make_parts
from adapt_embed.adapters.memory import graph_bytes_per_token
from adapt_embed.adapters.strategies.table import open_strategy
from adapt_embed.adapters.token_ids import TokenIds
from adapt_embed.base import Base
from adapt_embed.data.pairs import TrainingData
from adapt_embed.encoders import LoraEncoder
from adapt_embed.encoders.forward import embed
from torch import Tensor, nn

INFINITE = float("inf")


def make_config(dropout: float = 0.0) -> TrainConfig:
    return TrainConfig(batch_size=8, rank=4, max_tokens=16, precision="fp32", dropout=dropout)


@pytest.fixture
def base(loaded_tiny_base: Base, monkeypatch: pytest.MonkeyPatch) -> Base:
    monkeypatch.setattr(gradients, "micro_batch_tokens", lambda base, config: 24)  # so that a batch is many micro-batches
    return loaded_tiny_base


def in_training(base: Base, config: TrainConfig) -> list[nn.Parameter]:
    """Put LoRA layers in that are not at their start, where the gradient of A is zero."""
    strategy = open_strategy(config)
    parameters = strategy.put_in(base)
    draw = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for parameter in parameters:
            parameter.copy_(torch.randn(parameter.shape, generator=draw) / 10)
    strategy.training(True)
    return parameters


def first_batch(data: TrainingData, config: TrainConfig) -> TextBatch:
    return Batches(data.train, data.corpus, config).batch(0)


def gradients_of(
    parameters: list[nn.Parameter], base: Base, batch: TextBatch, config: TrainConfig, budget: float, seed: int = 1
) -> list[Tensor]:
    for parameter in parameters:
        parameter.grad = None
    accumulate_gradients(base, batch, config, seed, budget)
    return [parameter.grad.clone() for parameter in parameters]


def test_the_gradient_is_that_of_plain_backpropagation(base: Base, toy_data: TrainingData) -> None:
    config = make_config()
    parameters, batch = in_training(base, config), first_batch(toy_data, config)
    sides = [
        make_parts(TokenIds(base, config.max_tokens), texts, role, config)
        for texts, role in ((batch.queries, "query"), (batch.passages, "document"))
    ]
    assert min(map(len, sides)) > 1
    vectors = [in_order(parts, [embed(base, part.ids, "fp32") for part in parts]) for parts in sides]
    loss = batch_loss(vectors[0], vectors[1], batch, config)
    plain = torch.autograd.grad(loss, parameters)
    assert accumulate_gradients(base, batch, config, 1, INFINITE) == pytest.approx(loss.item(), rel=1e-6)
    assert all(gradient.abs().max() > 0 for gradient in plain)
    for parameter, gradient in zip(parameters, plain, strict=True):
        torch.testing.assert_close(parameter.grad, gradient, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("dropout", [0.0, 0.3])
@pytest.mark.parametrize("budget", [0, 200_000])
def test_less_memory_gives_the_same_bits(base: Base, toy_data: TrainingData, budget: int, dropout: float) -> None:
    config = make_config(dropout)
    parameters, batch = in_training(base, config), first_batch(toy_data, config)
    wide, narrow = (gradients_of(parameters, base, batch, config, each) for each in (INFINITE, budget))
    assert all(torch.equal(one, other) for one, other in zip(wide, narrow, strict=True))


def test_dropout_follows_the_seed(base: Base, toy_data: TrainingData) -> None:
    config = make_config(0.3)
    parameters, batch = in_training(base, config), first_batch(toy_data, config)
    one, other = (gradients_of(parameters, base, batch, config, INFINITE, seed) for seed in (1, 1_000))
    assert not torch.equal(one[0], other[0])


def test_the_global_random_state_stays_as_it_was(base: Base, toy_data: TrainingData) -> None:
    config = make_config(0.3)
    in_training(base, config)
    before = torch.get_rng_state()
    accumulate_gradients(base, first_batch(toy_data, config), config, 1, 0)
    assert torch.equal(torch.get_rng_state(), before)


def test_only_what_fits_is_held_and_the_rest_is_embedded_twice(base: Base, toy_data: TrainingData, monkeypatch: pytest.MonkeyPatch) -> None:
    config = make_config()
    batch = first_batch(toy_data, config)
    in_training(base, config)
    parts = len(make_parts(TokenIds(base, config.max_tokens), batch.queries, "query", config)) + len(
        make_parts(TokenIds(base, config.max_tokens), batch.passages, "document", config)
    )
    runs: list[int] = []
    monkeypatch.setattr(gradients, "embed_above", lambda *arguments: (runs.append(1), embed_above(*arguments))[1])

    def count(budget: float) -> int:
        runs.clear()
        accumulate_gradients(base, batch, config, 1, budget)
        return len(runs)

    assert count(INFINITE) == parts
    assert count(0) == 2 * parts
    first = make_parts(TokenIds(base, config.max_tokens), batch.queries, "query", config)[0]
    size = len(first.ids) * first.length * graph_bytes_per_token(base, first.length, "fp32")
    assert count(size) == 2 * parts - 1  # the first fits, and fills it
    assert parts < count(3 * size) < 2 * parts - 1


def test_texts_are_embedded_in_their_order_as_the_encoder_does(base: Base) -> None:
    texts = ["court", "the law of rent and the tenant", "", "season again", "the judge"]
    parts = make_parts(TokenIds(base, 64), texts, "query", make_config())
    ours = in_order(parts, [embed(base, part.ids, "fp32") for part in parts]).detach()
    torch.testing.assert_close(
        ours, torch.from_numpy(LoraEncoder(base, precision="fp32").encode(texts, "query").vectors), atol=1e-5, rtol=0
    )


def test_the_correction_takes_the_frequency_of_a_passage_off_its_logits() -> None:
    batch = TextBatch(["a", "b"], ["p", "q"], np.eye(2, dtype=bool), np.zeros((2, 2), bool), np.array([4, 1], np.float32))
    vectors = torch.eye(2)  # cosines 1 and 0
    losses = [
        batch_loss(vectors, vectors, batch, TrainConfig(temperature=1, frequency_correction=share)).item() for share in (0.0, 0.5, 1.0)
    ]
    by_hand = [(math.log(1 + f / math.e) + math.log(1 + 1 / (f * math.e))) / 2 for f in (1, 2, 4)]
    assert losses == pytest.approx(by_hand, rel=1e-6)


def test_a_side_whose_vectors_are_kept_gets_no_pass_through_the_network(
    base: Base, toy_data: TrainingData, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = make_config()
    parameters, batch = in_training(base, config), first_batch(toy_data, config)
    parts = make_parts(TokenIds(base, config.max_tokens), batch.passages, "document", config)
    kept = in_order(parts, [embed(base, part.ids, "fp32") for part in parts]).detach()
    runs: list[int] = []
    monkeypatch.setattr(gradients, "embed_above", lambda *arguments: (runs.append(1), embed_above(*arguments))[1])

    def loss_of(vectors: Sequence[Tensor]) -> Tensor:
        return batch_loss(vectors[0], kept, batch, config)

    loss = backpropagate(base, [("query", batch.queries)], loss_of, config, 1, INFINITE)
    queries = make_parts(TokenIds(base, config.max_tokens), batch.queries, "query", config)
    assert len(runs) == len(queries)
    plain = loss_of([in_order(queries, [embed(base, part.ids, "fp32") for part in queries])])
    assert loss == pytest.approx(plain.item(), rel=1e-6)
    for parameter, gradient in zip(parameters, torch.autograd.grad(plain, parameters), strict=True):
        torch.testing.assert_close(parameter.grad, gradient, atol=1e-5, rtol=1e-4)
