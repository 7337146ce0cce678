"""The loss against the whole corpus: equal to the plain one, by blocks, in parts, in either number format, and at its edges."""

import dataclasses

import pytest
import torch
from adapt_embed.adapters.corpus.vectors import HeldVectors
from adapt_embed.adapters.losses.batch import CorpusTargets, Drawn, EmbeddedBatch, Relation
from adapt_embed.adapters.losses.drawn_sum import log_sum_over_drawn
from adapt_embed.adapters.losses.infonce import info_nce
from adapt_embed.adapters.losses.log_sum import log_sum_over_corpus
from adapt_embed.adapters.losses.table import LOSSES, compute_corpus_loss
from adapt_embed.adapters.losses.whole_corpus import info_nce_against_corpus
from adapt_embed.adapters.settings.loss import LossSettings
from adapt_embed.index import nearest
from adapt_embed.index.nearest import nearest_rows
from torch import Tensor

SETTINGS = LossSettings(temperature=0.05)


def unit(rows: int, width: int, seed: int, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.nn.functional.normalize(torch.randn(rows, width, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)).to(
        dtype
    )


def pairs(*given: tuple[int, int]) -> Tensor:
    return torch.tensor(sorted(given, key=lambda pair: pair[1])).reshape(-1, 2).T.contiguous()


POSITIVE = ((0, 3), (0, 9), (1, 50), (2, 3), (3, 99), (4, 0))


def targets_of(vectors: Tensor, cuts: tuple[int, ...] = ()) -> CorpusTargets:
    """Some positives, a passage with a positive's text beside them, one with a query's text, and copies."""
    return CorpusTargets(
        vectors=HeldVectors(tuple(torch.tensor_split(vectors, cuts))),
        positive=pairs(*POSITIVE),
        excluded=pairs(*POSITIVE, (0, 7), (2, 98)),
        copies=torch.tensor([7, 20, 21, 80]),
    )


def plain(queries: Tensor, targets: CorpusTargets, temperature: float) -> Tensor:
    """The same loss by the one of a batch, whose passages are the corpus without its copies."""
    vectors = torch.cat(targets.vectors.parts).to(queries)
    positive, ignored = (torch.zeros(len(queries), len(vectors), dtype=torch.bool) for _ in range(2))
    positive[*targets.positive] = True
    ignored[*targets.excluded] = True
    ignored[:, targets.copies] = True
    batch = EmbeddedBatch(queries=queries, passages=vectors, relation=Relation(positive=positive, ignored=ignored & ~positive))
    return info_nce(batch, LossSettings(temperature=temperature))


def with_gradient(loss: Tensor, queries: Tensor) -> tuple[float, Tensor]:
    return loss.item(), torch.autograd.grad(loss, queries)[0]


@pytest.mark.parametrize("cuts", [(), (33,), (1, 2, 60)])
@pytest.mark.parametrize("block", [7, 1000])
def test_the_sum_and_its_gradient_are_the_plain_ones_in_double_precision(block: int, cuts: tuple[int, ...]) -> None:
    queries, targets = unit(5, 8, 0).requires_grad_(), targets_of(unit(100, 8, 1), cuts)
    ours = log_sum_over_corpus(queries, targets, 0.05, block)
    logits = queries @ torch.cat(targets.vectors.parts).T / 0.05
    hidden = torch.zeros(5, 100, dtype=torch.bool)
    hidden[*targets.excluded] = hidden[:, targets.copies] = True
    expected = logits.masked_fill(hidden, -torch.inf).logsumexp(1)
    torch.testing.assert_close(ours, expected, atol=1e-10, rtol=0)
    weights = torch.arange(1.0, 6.0, dtype=torch.float64)
    for mine, plain_one in zip(*(torch.autograd.grad((each * weights).sum(), queries) for each in (ours, expected)), strict=True):
        torch.testing.assert_close(mine, plain_one, atol=1e-10, rtol=0)


def test_rows_that_count_for_less_raise_the_sum_by_so_much_less() -> None:
    queries, targets = unit(5, 8, 0).requires_grad_(), targets_of(unit(100, 8, 1), (33,))
    shares = torch.full((100,), 0.1, dtype=torch.float64)
    shares[:40] = 1.0
    shares[90:] = 0.0
    weighed = dataclasses.replace(targets, log_shares=shares.log())
    hidden = torch.zeros(5, 100, dtype=torch.bool)
    hidden[*targets.excluded] = hidden[:, targets.copies] = True
    logits = queries @ torch.cat(targets.vectors.parts).T / 0.05
    expected = (logits.exp() * shares).masked_fill(hidden, 0.0).sum(1).log()
    for ours in (
        log_sum_over_corpus(queries, weighed, 0.05, 7),
        log_sum_over_drawn(queries, weighed, drawn_of(queries, targets, 10, 100, 0), 0.05),
    ):
        torch.testing.assert_close(ours, expected, atol=1e-10, rtol=0)
        mine, plain_one = (torch.autograd.grad(each.sum(), queries, retain_graph=True)[0] for each in (ours, expected))
        torch.testing.assert_close(mine, plain_one, atol=1e-9, rtol=0)


@pytest.mark.parametrize("temperature", [1.0, 0.05, 0.02])
def test_the_loss_is_that_of_a_batch_with_the_whole_corpus_in_it(temperature: float) -> None:
    queries, targets = unit(5, 8, 0).requires_grad_(), targets_of(unit(100, 8, 1), (40,))
    loss, gradient = with_gradient(info_nce_against_corpus(queries, targets, LossSettings(temperature=temperature)), queries)
    expected, of_plain = with_gradient(plain(queries, targets, temperature), queries)
    assert loss == pytest.approx(expected, abs=1e-10)
    torch.testing.assert_close(gradient, of_plain, atol=1e-10, rtol=0)


@pytest.mark.parametrize("seed", range(6))
def test_in_single_precision_loss_and_gradient_are_right_to_five_digits(seed: int) -> None:
    vectors, queries = unit(20_000, 96, 2 * seed + 1, torch.float32), unit(32, 96, 2 * seed, torch.float32)
    near = torch.arange(32) * 7
    queries = torch.nn.functional.normalize(queries + (0.3 + 0.05 * seed) * vectors[near]).requires_grad_()  # losses from 5 down to 0.1
    targets = CorpusTargets(
        vectors=HeldVectors((vectors,)),
        positive=torch.stack([torch.arange(32), near]),
        excluded=torch.stack([torch.arange(32), near]),
        copies=torch.tensor([], dtype=torch.int64),
    )
    loss, gradient = with_gradient(info_nce_against_corpus(queries, targets, LossSettings(temperature=0.02)), queries)
    exact = queries.detach().double().requires_grad_()
    expected, of_exact = with_gradient(plain(exact, targets, 0.02), exact)
    assert expected > 0.1
    assert loss == pytest.approx(expected, rel=1e-5)
    assert (gradient - of_exact).norm() < 1e-5 * of_exact.norm()


def test_vectors_in_half_precision_are_compared_as_they_are_kept() -> None:
    vectors = unit(100, 8, 1, torch.bfloat16)
    queries = unit(5, 8, 0, torch.float32).requires_grad_()
    for one, other in zip(
        with_gradient(info_nce_against_corpus(queries, targets_of(vectors, (30,)), SETTINGS), queries),
        with_gradient(info_nce_against_corpus(queries, targets_of(vectors.float()), SETTINGS), queries),
        strict=True,
    ):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-5)


def test_what_is_excluded_changes_nothing() -> None:
    queries, vectors = unit(5, 8, 0).requires_grad_(), unit(100, 8, 1)
    moved = vectors.clone()
    moved[20] = -vectors[20]  # a copy
    before, after = (with_gradient(info_nce_against_corpus(queries, targets_of(each), SETTINGS), queries) for each in (vectors, moved))
    assert before[0] == after[0]
    assert torch.equal(before[1], after[1])


def test_a_query_with_nothing_to_be_told_from_has_no_loss_and_no_gradient() -> None:
    queries = unit(1, 4, 0).requires_grad_()
    targets = CorpusTargets(
        vectors=HeldVectors((unit(3, 4, 1),)), positive=pairs((0, 1)), excluded=pairs((0, 0), (0, 1)), copies=torch.tensor([2])
    )
    for block in (1, 10):
        assert log_sum_over_corpus(queries, targets, 0.02, block).item() == -torch.inf
    loss, gradient = with_gradient(info_nce_against_corpus(queries, targets, SETTINGS), queries)
    assert loss == 0
    assert torch.equal(gradient, torch.zeros(1, 4, dtype=torch.float64))


def test_a_small_temperature_does_not_overflow() -> None:
    queries = unit(5, 8, 0, torch.float32).requires_grad_()
    loss, gradient = with_gradient(info_nce_against_corpus(queries, targets_of(unit(100, 8, 1)), LossSettings(temperature=1e-4)), queries)
    assert torch.isfinite(torch.tensor(loss))
    assert gradient.isfinite().all()


def test_a_loss_without_such_a_form_is_a_callers_error() -> None:
    assert [name for name, row in LOSSES.items() if row.against_corpus] == ["infonce"]
    with pytest.raises(ValueError, match="symmetric_infonce has no form against the whole corpus"):
        compute_corpus_loss(unit(5, 8, 0), targets_of(unit(100, 8, 1)), dataclasses.replace(SETTINGS, loss="symmetric_infonce"))


# Nearest passages and a sample of the rest


def drawn_of(queries: Tensor, targets: CorpusTargets, near: int, sample: int, seed: int) -> Drawn:
    rows = nearest_rows(queries.detach(), targets.vectors, near, targets.copies)
    chosen = torch.randperm(targets.vectors.count, generator=torch.Generator().manual_seed(seed))[:sample]
    return Drawn(nearest=rows, sample=chosen)


def test_with_everything_drawn_the_sum_is_exact() -> None:
    queries, targets = unit(5, 8, 0).requires_grad_(), targets_of(unit(100, 8, 1), (33,))
    exact = log_sum_over_corpus(queries, targets, 0.05)
    for near, sample in ((96, 1), (10, 100), (1, 100)):  # of 100 passages, 4 are copies
        ours = log_sum_over_drawn(queries, targets, drawn_of(queries, targets, near, sample, 0), 0.05)
        torch.testing.assert_close(ours, exact, atol=1e-10, rtol=0)
        of_ours, of_exact = (torch.autograd.grad(each.sum(), queries, retain_graph=True)[0] for each in (ours, exact))
        torch.testing.assert_close(of_ours, of_exact, atol=1e-10, rtol=0)


def test_the_partition_sum_is_without_bias() -> None:
    queries, targets = unit(5, 8, 0), targets_of(unit(100, 8, 1), (33,))
    exact = log_sum_over_corpus(queries, targets, 0.2).exp()
    draws = torch.stack([log_sum_over_drawn(queries, targets, drawn_of(queries, targets, 10, 20, seed), 0.2).exp() for seed in range(2000)])
    errors = draws.std(0) / len(draws) ** 0.5
    assert (errors > 0).all()
    assert ((draws.mean(0) - exact).abs() < 3 * errors).all()


def test_the_loss_takes_what_was_drawn() -> None:
    queries, targets = unit(5, 8, 0).requires_grad_(), targets_of(unit(100, 8, 1))
    exact = info_nce_against_corpus(queries, targets, SETTINGS)
    some = dataclasses.replace(targets, drawn=drawn_of(queries, targets, 20, 30, 0))
    estimate = info_nce_against_corpus(queries, some, SETTINGS)
    assert estimate.item() != exact.item()
    assert estimate.item() == pytest.approx(exact.item(), rel=0.05)


@pytest.mark.parametrize("count", [1, 7, 500])
@pytest.mark.parametrize("cuts", [(), (1000, 1003)])
def test_the_nearest_rows_are_those_of_all_cosines(count: int, cuts: tuple[int, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nearest, "_SCORES", 5 * 777)  # blocks of 777 rows
    queries, vectors, left_out = unit(5, 16, 0), unit(3001, 16, 1), torch.tensor([0, 3, 2999])
    cosines = queries @ vectors.T
    cosines[:, left_out] = -torch.inf
    found = nearest_rows(queries, HeldVectors(tuple(torch.tensor_split(vectors, cuts))), count, left_out)
    assert torch.equal(found, cosines.topk(count, dim=1).indices)
