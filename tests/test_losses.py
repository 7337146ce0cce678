"""The contrastive loss: by hand, against a plain loop, and at its edges."""

import dataclasses
import math

import pytest
import torch
from adapt_embed.adapters.losses.batch import EmbeddedBatch, OtherVectors, Relation
from adapt_embed.adapters.losses.infonce import info_nce
from adapt_embed.adapters.losses.symmetric import symmetric_info_nce
from adapt_embed.adapters.losses.table import LOSSES, compute_loss, find_loss
from adapt_embed.adapters.settings.loss import LossSettings
from adapt_embed.errors import ConfigError, DataError
from torch import Tensor


def bools(*rows: str) -> torch.Tensor:
    return torch.tensor([[sign == "x" for sign in row] for row in rows])


def batch_of(cosines: Tensor, positive: Tensor, ignored: Tensor, frequency: Tensor | None = None) -> EmbeddedBatch:
    """A batch with given cosines: what multiplies the unit matrix is the product."""
    return EmbeddedBatch(
        queries=cosines, passages=torch.eye(cosines.shape[1]), relation=Relation(positive=positive, ignored=ignored, frequency=frequency)
    )


def one_way(batch: EmbeddedBatch, temperature: float, correction: float = 0.0) -> Tensor:
    return info_nce(batch, LossSettings(temperature=temperature, frequency_correction=correction))


def both_ways(batch: EmbeddedBatch, temperature: float) -> Tensor:
    return symmetric_info_nce(batch, LossSettings(temperature=temperature))


def naive(scores: EmbeddedBatch, temperature: float) -> float:
    """The definition, in loops and double precision."""
    rows = []
    for row in range(scores.queries.shape[0]):
        values = [float(value) / temperature for value in scores.queries[row].double()]
        negatives = [
            v for v, p, i in zip(values, scores.relation.positive[row], scores.relation.ignored[row], strict=True) if not p and not i
        ]
        terms = [
            math.log(sum(math.exp(n - value) for n in negatives) + 1)
            for value, p in zip(values, scores.relation.positive[row], strict=True)
            if p
        ]
        rows.append(sum(terms) / max(1, len(terms)))
    return sum(rows) / len(rows)


def random_scores(seed: int, queries: int = 6, passages: int = 11) -> EmbeddedBatch:
    draw = torch.Generator().manual_seed(seed)
    positive = torch.rand(queries, passages, generator=draw) < 0.2
    ignored = (torch.rand(queries, passages, generator=draw) < 0.2) & ~positive
    return batch_of(torch.rand(queries, passages, generator=draw) * 2 - 1, positive, ignored)


def test_two_queries_by_hand() -> None:
    scores = batch_of(torch.tensor([[0.5, 0.1], [0.2, 0.4]]), bools("x.", ".x"), bools("..", ".."))
    # -log(e^.5 / (e^.5 + e^.1)) = log(1 + e^-.4) and log(1 + e^-.2), at temperature 1
    by_hand = (math.log(1 + math.exp(-0.4)) + math.log(1 + math.exp(-0.2))) / 2
    assert one_way(scores, 1.0).item() == pytest.approx(by_hand, rel=1e-6)


def test_the_temperature_divides_the_cosines() -> None:
    scores = batch_of(torch.tensor([[0.5, 0.1]]), bools("x."), bools(".."))
    assert one_way(scores, 0.1).item() == pytest.approx(math.log(1 + math.exp(-4)), rel=1e-5)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("temperature", [1.0, 0.02])
def test_it_is_the_plain_loops_loss(seed: int, temperature: float) -> None:
    scores = random_scores(seed)
    assert one_way(scores, temperature).item() == pytest.approx(naive(scores, temperature), rel=1e-4)


def test_with_one_positive_a_row_it_is_cross_entropy() -> None:
    cosines = random_scores(0, 4, 4).queries
    scores = batch_of(cosines, torch.eye(4, dtype=torch.bool), torch.zeros(4, 4, dtype=torch.bool))
    expected = torch.nn.functional.cross_entropy(cosines / 0.05, torch.arange(4))
    assert one_way(scores, 0.05).item() == pytest.approx(expected.item(), rel=1e-5)


def test_an_ignored_pair_changes_nothing_and_gets_no_gradient() -> None:
    gradients, losses = [], []
    for cosine in (-0.9, 0.9):
        cosines = torch.tensor([[0.5, 0.1, cosine]], requires_grad=True)
        loss = one_way(batch_of(cosines, bools("x.."), bools("..x")), 0.05)
        loss.backward()
        losses.append(loss.item())
        gradients.append(cosines.grad)
    assert losses[0] == losses[1]
    assert gradients[0][0, 2] == 0
    assert gradients[0][0, 1] > 0 > gradients[0][0, 0]


def test_positives_of_one_query_are_not_held_against_each_other() -> None:
    alone = one_way(batch_of(torch.tensor([[0.5, 0.1]]), bools("x."), bools("..")), 0.05)
    twice = one_way(batch_of(torch.tensor([[0.5, 0.5, 0.1]]), bools("xx."), bools("...")), 0.05)
    assert twice.item() == pytest.approx(alone.item(), rel=1e-6)


def test_several_positives_are_averaged() -> None:
    both = one_way(batch_of(torch.tensor([[0.5, 0.3, 0.1]]), bools("xx."), bools("...")), 1.0)
    assert both.item() == pytest.approx((math.log(1 + math.exp(-0.4)) + math.log(1 + math.exp(-0.2))) / 2, rel=1e-6)


def test_a_query_without_negatives_gives_zero_and_no_nan() -> None:
    cosines = torch.tensor([[0.5, 0.1], [0.3, 0.2]], requires_grad=True)
    loss = one_way(batch_of(cosines, bools("x.", "xx"), bools(".x", "..")), 0.02)
    loss.backward()
    assert loss.item() == 0.0
    assert torch.equal(cosines.grad, torch.zeros(2, 2))


def test_a_small_temperature_does_not_overflow() -> None:
    scores = random_scores(1)
    assert math.isfinite(one_way(scores, 1e-6).item())


def test_the_loss_changes_no_argument() -> None:
    scores = random_scores(2)
    kept = [scores.queries.clone(), scores.relation.positive.clone(), scores.relation.ignored.clone()]
    one_way(scores, 0.05)
    assert all(
        torch.equal(left, right)
        for left, right in zip(kept, (scores.queries, scores.relation.positive, scores.relation.ignored), strict=True)
    )


@pytest.mark.parametrize("temperature", [1.0, 0.02])
def test_both_directions_are_averaged(temperature: float) -> None:
    scores = random_scores(3)
    wanted = scores.relation.positive.any(0)  # a passage that is no query's positive is a negative, and asks for no query
    assert 0 < wanted.sum() < len(wanted)
    back = batch_of(scores.queries.T[wanted], scores.relation.positive.T[wanted], scores.relation.ignored.T[wanted])
    expected = (naive(scores, temperature) + naive(back, temperature)) / 2
    assert both_ways(scores, temperature).item() == pytest.approx(expected, rel=1e-4)


def test_both_directions_by_hand() -> None:
    scores = batch_of(torch.tensor([[0.5, 0.1, 0.3], [0.2, 0.4, 0.0]]), bools("x..", ".x."), bools("...", "..."))
    there = (math.log(1 + math.exp(-0.4) + math.exp(-0.2)) + math.log(1 + math.exp(-0.2) + math.exp(-0.4))) / 2
    back = (math.log(1 + math.exp(-0.3)) + math.log(1 + math.exp(-0.3))) / 2  # the third passage is a negative alone
    assert both_ways(scores, 1.0).item() == pytest.approx((there + back) / 2, rel=1e-6)


def test_a_query_that_a_passage_also_answers_is_no_negative_of_it() -> None:
    losses = []
    for cosine in (-0.9, 0.9):
        scores = batch_of(torch.tensor([[0.5, 0.1], [cosine, 0.4]]), bools("x.", ".x"), bools("..", "x."))
        losses.append(both_ways(scores, 0.05).item())
    assert losses[0] == losses[1]


def test_an_unknown_loss_is_answered_with_the_nearest() -> None:
    assert find_loss("infonce") is LOSSES["infonce"]
    with pytest.raises(ConfigError, match=r"unknown loss 'infonc'\. Did you mean infonce"):
        find_loss("infonc")


def test_the_frequency_of_a_passage_is_taken_off_its_logits() -> None:
    scores = batch_of(torch.tensor([[0.5, 0.1, 0.3]]), bools("x.."), bools("..."), torch.tensor([3.0, 2.0, 1.0]))
    # e^.5 / 3 against e^.1 / 2 and e^.3 / 1, at temperature 1
    by_hand = math.log(1 + 3 * math.exp(-0.4) / 2 + 3 * math.exp(-0.2))
    assert one_way(scores, 1.0, correction=1.0).item() == pytest.approx(by_hand, rel=1e-6)


def test_passages_of_one_frequency_give_the_loss_without_it() -> None:
    plain = random_scores(4)
    scores = batch_of(plain.queries, plain.relation.positive, plain.relation.ignored, torch.full((11,), 7.0))
    assert one_way(scores, 0.05, correction=1.0).item() == pytest.approx(one_way(plain, 0.05).item(), rel=1e-5)


def test_with_frequencies_two_passages_that_answer_equally_often_are_scored_alike() -> None:
    """Two passages answer a question equally often. One is named by 8 times as many queries, so that it is met 8 times as often as a negative of the other."""
    gaps = []
    for frequency in (torch.ones(2), torch.tensor([8.0, 1.0])):
        cosines = torch.zeros(2, requires_grad=True)
        for _ in range(500):
            popular, rare = (
                one_way(batch_of(cosines[None], bools(positive), bools(".."), frequency), 1.0, correction=1.0) for positive in ("x.", ".x")
            )
            (gradient,) = torch.autograd.grad((popular + 8 * rare) / 9, cosines)
            cosines = (cosines - gradient).detach().requires_grad_()
        gaps.append((cosines[0] - cosines[1]).item())
    assert gaps[0] == pytest.approx(-math.log(8), abs=1e-3)
    assert gaps[1] == pytest.approx(0, abs=1e-3)


def test_half_a_correction_takes_half_the_logarithm_off() -> None:
    scores = batch_of(torch.tensor([[0.5, 0.1]]), bools("x."), bools(".."), torch.tensor([4.0, 1.0]))
    assert one_way(scores, 1.0, correction=0.5).item() == pytest.approx(math.log(1 + 2 * math.exp(-0.4)), rel=1e-6)


def test_weights_multiply_the_parts_of_their_pairs() -> None:
    cosines, positive, ignored = torch.tensor([[0.5, 0.1], [0.2, 0.4]]), bools("x.", ".x"), bools("..", "..")
    plain = batch_of(cosines, positive, ignored)
    weighted = dataclasses.replace(plain, weights=torch.tensor([[3.0, 9.0], [9.0, 0.0]]))
    first = math.log(1 + math.exp(-0.4))  # the second query's pair weighs nothing
    assert one_way(weighted, 1.0).item() == pytest.approx(3 * first / 2, rel=1e-6)
    back = math.log(1 + math.exp(-0.3))  # of the first passage
    assert both_ways(weighted, 1.0).item() == pytest.approx((3 * first + 3 * back) / 4, rel=1e-6)
    ones = dataclasses.replace(plain, weights=torch.ones(2, 2))
    assert torch.equal(one_way(ones, 0.05), one_way(plain, 0.05))


# The table


def full_batch(seed: int) -> EmbeddedBatch:
    """A batch that has what any loss needs."""
    batch, draw = random_scores(seed), torch.Generator().manual_seed(seed)
    positive, ignored = batch.relation.positive, batch.relation.ignored
    return dataclasses.replace(
        batch,
        negatives=~positive & ~ignored,
        targets=torch.rand(positive.shape, generator=draw),
        guide=OtherVectors(queries=batch.queries, passages=batch.passages),
    )


@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_reads_the_settings_that_its_row_names_and_no_others(name: str) -> None:
    class Watched:
        """Settings that note what is read of them."""

        def __init__(self) -> None:
            self.values, self.read = LossSettings(), set[str]()

        def __getattr__(self, setting: str) -> object:
            self.read.add(setting)
            return getattr(self.values, setting)

    watched = Watched()
    LOSSES[name].compute(full_batch(0), watched)  # type: ignore[arg-type]
    drawn, put_together = {"corpus_negatives", "in_batch_negatives"}, {"corpus", "candidates", "rest_sample", "unnamed_weight", "guide"}
    assert watched.read == set(LOSSES[name].settings) - drawn - put_together


@pytest.mark.parametrize("name", LOSSES)
def test_a_row_says_where_its_loss_comes_from_and_when_to_use_it(name: str) -> None:
    assert LOSSES[name].source.startswith("https://")
    assert LOSSES[name].use


def test_a_loss_that_needs_what_the_data_do_not_give_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    row = dataclasses.replace(LOSSES["infonce"], needs=("targets", "anchor"))
    monkeypatch.setitem(LOSSES, "infonce", row)
    with pytest.raises(DataError, match="the loss infonce needs targets and anchor, which these data do not give"):
        compute_loss(random_scores(0), LossSettings())
    monkeypatch.setitem(LOSSES, "infonce", dataclasses.replace(row, needs=("targets",)))
    with_targets = dataclasses.replace(random_scores(0), targets=torch.zeros(6, 11))
    assert torch.equal(compute_loss(with_targets, LossSettings()), info_nce(random_scores(0), LossSettings()))


def test_vectors_without_gradients_take_part_and_get_none() -> None:
    batch = full_batch(1)
    live = batch.queries.clone().requires_grad_()
    for name in LOSSES:
        compute_loss(dataclasses.replace(batch, queries=live), LossSettings(loss=name)).backward()
        assert live.grad is not None
        assert batch.passages.grad is None
