"""Weights of pairs in training: a weight of 2 is the row twice, for batches and for the whole corpus."""

import numpy as np
import pytest
import torch
from adapt_embed.adapters.batches import Batches
from adapt_embed.adapters.config import TrainConfig
from adapt_embed.adapters.corpus.stored import StoredCorpus
from adapt_embed.adapters.corpus.vectors import HeldVectors
from adapt_embed.adapters.gradients import batch_loss
from adapt_embed.adapters.losses.batch import EmbeddedBatch, Relation
from adapt_embed.adapters.losses.infonce import info_nce
from adapt_embed.adapters.losses.table import LOSSES, compute_corpus_loss
from adapt_embed.adapters.settings.loss import LossSettings
from adapt_embed.data.gather import TextRow, pool_rows
from adapt_embed.data.pairs import Corpus, Pairs
from adapt_embed.index.rows import find_rows
from torch import Tensor

CONFIG = TrainConfig(batch_size=4, temperature=0.5)
TWICE = torch.tensor([0, 0, 1, 2])


def pooled(*weights: float | None) -> tuple[Corpus, Pairs]:
    return pool_rows([TextRow(f"{n}", f"query {n}", (f"passage {n}",), weight=weight) for n, weight in enumerate(weights)], "x")


def unit(rows: int, seed: int) -> Tensor:
    return torch.nn.functional.normalize(torch.randn(rows, 8, generator=torch.Generator().manual_seed(seed), dtype=torch.float64))


def with_gradient(loss: Tensor, vectors: Tensor) -> tuple[Tensor, Tensor]:
    return loss, torch.autograd.grad(loss, vectors)[0]


def check_same(one: tuple[Tensor, Tensor], other: tuple[Tensor, Tensor]) -> None:
    for left, right in zip(one, other, strict=True):
        torch.testing.assert_close(left, right, rtol=1e-6, atol=1e-9)


def test_a_batch_has_no_weights_where_none_is_stated() -> None:
    corpus, pairs = pooled(None, None, None)
    assert Batches(pairs, corpus, CONFIG).batch(0).weights is None


def test_a_weight_of_2_is_the_row_twice_in_a_batch() -> None:
    corpus, pairs = pooled(2, 1, None)
    batch = Batches(pairs, corpus, CONFIG).batch(0)
    queries, passages = unit(3, 0).requires_grad_(), unit(3, 1)
    positive = torch.from_numpy(batch.positive)
    repeated = EmbeddedBatch(
        queries=queries[TWICE], passages=passages, relation=Relation(positive=positive[TWICE], ignored=~positive[TWICE] & False)
    )
    weighted = batch_loss(queries, passages, batch, CONFIG)
    check_same(with_gradient(weighted, queries), with_gradient(info_nce(repeated, CONFIG), queries))


def test_a_weight_of_2_is_the_row_twice_against_the_corpus() -> None:
    queries = unit(3, 0).requires_grad_()

    def loss_of(*weights: float | None, rows: Tensor) -> Tensor:
        corpus, pairs = pooled(*weights)
        stored = StoredCorpus(HeldVectors((unit(3, 1),)), find_rows(pairs, corpus))
        ids = list(pairs.queries)
        return compute_corpus_loss(queries[rows], stored.everything([ids[row] for row in rows]), CONFIG)

    weighted = loss_of(2, 1, 1, rows=torch.arange(3))
    check_same(with_gradient(weighted, queries), with_gradient(loss_of(None, None, None, rows=TWICE), queries))


@pytest.mark.parametrize("name", ["infonce", "symmetric_infonce"])
def test_contrast_reads_the_weights(name: str) -> None:
    queries, passages, positive = unit(3, 0), unit(3, 1), torch.eye(3, dtype=torch.bool)

    def loss_of(weights: Tensor | None) -> float:
        relation = Relation(positive=positive, ignored=torch.zeros_like(positive))
        batch = EmbeddedBatch(queries=queries, passages=passages, relation=relation, weights=weights)
        return LOSSES[name].compute(batch, LossSettings(loss=name, temperature=0.5)).item()

    ones = torch.ones(3, 3, dtype=torch.float64)
    assert loss_of(ones) == loss_of(None)
    assert loss_of(2 * ones) == pytest.approx(2 * loss_of(None))
    assert loss_of(ones + torch.diag(torch.tensor([2.0, 0, -1]))) != pytest.approx(loss_of(None), rel=1e-3)


def test_of_positives_that_say_the_same_the_largest_weight_counts() -> None:
    pairs = Pairs({"a": "a", "b": "b"}, {"a": {"p": 1, "q": 1}, "b": {"r": 1}}, weights={"a": {"p": 5.0, "q": 3.0}, "b": {"r": 4.0}})
    corpus = {"p": "Same  text", "q": "same text", "r": "other"}
    rows = find_rows(pairs, corpus)
    np.testing.assert_allclose(rows.weights(["b", "a"]), [1.0, 1.25])
    batch = Batches(pairs, corpus, CONFIG).batch(0)
    assert batch.weights is not None
    np.testing.assert_allclose(batch.weights[batch.positive], [1.25, 1.0])
