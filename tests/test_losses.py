"""The contrastive loss: by hand, against a plain loop, and at its edges."""

import math

import pytest
import torch
from adapt_embed.adapters.losses import LOSSES, BatchScores, find_loss, info_nce, symmetric_info_nce
from adapt_embed.errors import ConfigError


def bools(*rows: str) -> torch.Tensor:
    return torch.tensor([[sign == "x" for sign in row] for row in rows])


def naive(scores: BatchScores, temperature: float) -> float:
    """The definition, in loops and double precision."""
    rows = []
    for row in range(scores.cosines.shape[0]):
        values = [float(value) / temperature for value in scores.cosines[row].double()]
        negatives = [v for v, p, i in zip(values, scores.positive[row], scores.ignored[row], strict=True) if not p and not i]
        terms = [
            math.log(sum(math.exp(n - value) for n in negatives) + 1) for value, p in zip(values, scores.positive[row], strict=True) if p
        ]
        rows.append(sum(terms) / max(1, len(terms)))
    return sum(rows) / len(rows)


def random_scores(seed: int, queries: int = 6, passages: int = 11) -> BatchScores:
    draw = torch.Generator().manual_seed(seed)
    positive = torch.rand(queries, passages, generator=draw) < 0.2
    ignored = (torch.rand(queries, passages, generator=draw) < 0.2) & ~positive
    return BatchScores(torch.rand(queries, passages, generator=draw) * 2 - 1, positive, ignored)


def test_two_queries_by_hand() -> None:
    scores = BatchScores(torch.tensor([[0.5, 0.1], [0.2, 0.4]]), bools("x.", ".x"), bools("..", ".."))
    # -log(e^.5 / (e^.5 + e^.1)) = log(1 + e^-.4) and log(1 + e^-.2), at temperature 1
    by_hand = (math.log(1 + math.exp(-0.4)) + math.log(1 + math.exp(-0.2))) / 2
    assert info_nce(scores, 1.0).item() == pytest.approx(by_hand, rel=1e-6)


def test_the_temperature_divides_the_cosines() -> None:
    scores = BatchScores(torch.tensor([[0.5, 0.1]]), bools("x."), bools(".."))
    assert info_nce(scores, 0.1).item() == pytest.approx(math.log(1 + math.exp(-4)), rel=1e-5)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("temperature", [1.0, 0.02])
def test_it_is_the_plain_loops_loss(seed: int, temperature: float) -> None:
    scores = random_scores(seed)
    assert info_nce(scores, temperature).item() == pytest.approx(naive(scores, temperature), rel=1e-4)


def test_with_one_positive_a_row_it_is_cross_entropy() -> None:
    cosines = random_scores(0, 4, 4).cosines
    scores = BatchScores(cosines, torch.eye(4, dtype=torch.bool), torch.zeros(4, 4, dtype=torch.bool))
    expected = torch.nn.functional.cross_entropy(cosines / 0.05, torch.arange(4))
    assert info_nce(scores, 0.05).item() == pytest.approx(expected.item(), rel=1e-5)


def test_an_ignored_pair_changes_nothing_and_gets_no_gradient() -> None:
    gradients, losses = [], []
    for cosine in (-0.9, 0.9):
        cosines = torch.tensor([[0.5, 0.1, cosine]], requires_grad=True)
        loss = info_nce(BatchScores(cosines, bools("x.."), bools("..x")), 0.05)
        loss.backward()
        losses.append(loss.item())
        gradients.append(cosines.grad)
    assert losses[0] == losses[1]
    assert gradients[0][0, 2] == 0
    assert gradients[0][0, 1] > 0 > gradients[0][0, 0]


def test_positives_of_one_query_are_not_held_against_each_other() -> None:
    alone = info_nce(BatchScores(torch.tensor([[0.5, 0.1]]), bools("x."), bools("..")), 0.05)
    twice = info_nce(BatchScores(torch.tensor([[0.5, 0.5, 0.1]]), bools("xx."), bools("...")), 0.05)
    assert twice.item() == pytest.approx(alone.item(), rel=1e-6)


def test_several_positives_are_averaged() -> None:
    both = info_nce(BatchScores(torch.tensor([[0.5, 0.3, 0.1]]), bools("xx."), bools("...")), 1.0)
    assert both.item() == pytest.approx((math.log(1 + math.exp(-0.4)) + math.log(1 + math.exp(-0.2))) / 2, rel=1e-6)


def test_a_query_without_negatives_gives_zero_and_no_nan() -> None:
    cosines = torch.tensor([[0.5, 0.1], [0.3, 0.2]], requires_grad=True)
    loss = info_nce(BatchScores(cosines, bools("x.", "xx"), bools(".x", "..")), 0.02)
    loss.backward()
    assert loss.item() == 0.0
    assert torch.equal(cosines.grad, torch.zeros(2, 2))


def test_a_small_temperature_does_not_overflow() -> None:
    scores = random_scores(1)
    assert math.isfinite(info_nce(scores, 1e-6).item())


def test_the_loss_changes_no_argument() -> None:
    scores = random_scores(2)
    kept = [scores.cosines.clone(), scores.positive.clone(), scores.ignored.clone()]
    info_nce(scores, 0.05)
    assert all(torch.equal(left, right) for left, right in zip(kept, (scores.cosines, scores.positive, scores.ignored), strict=True))


@pytest.mark.parametrize("temperature", [1.0, 0.02])
def test_both_directions_are_averaged(temperature: float) -> None:
    scores = random_scores(3)
    wanted = scores.positive.any(0)  # a passage that is no query's positive is a negative, and asks for no query
    assert 0 < wanted.sum() < len(wanted)
    back = BatchScores(scores.cosines.T[wanted], scores.positive.T[wanted], scores.ignored.T[wanted])
    expected = (naive(scores, temperature) + naive(back, temperature)) / 2
    assert symmetric_info_nce(scores, temperature).item() == pytest.approx(expected, rel=1e-4)


def test_both_directions_by_hand() -> None:
    scores = BatchScores(torch.tensor([[0.5, 0.1, 0.3], [0.2, 0.4, 0.0]]), bools("x..", ".x."), bools("...", "..."))
    there = (math.log(1 + math.exp(-0.4) + math.exp(-0.2)) + math.log(1 + math.exp(-0.2) + math.exp(-0.4))) / 2
    back = (math.log(1 + math.exp(-0.3)) + math.log(1 + math.exp(-0.3))) / 2  # the third passage is a negative alone
    assert symmetric_info_nce(scores, 1.0).item() == pytest.approx((there + back) / 2, rel=1e-6)


def test_a_query_that_a_passage_also_answers_is_no_negative_of_it() -> None:
    losses = []
    for cosine in (-0.9, 0.9):
        scores = BatchScores(torch.tensor([[0.5, 0.1], [cosine, 0.4]]), bools("x.", ".x"), bools("..", "x."))
        losses.append(symmetric_info_nce(scores, 0.05).item())
    assert losses[0] == losses[1]


def test_an_unknown_loss_is_answered_with_the_nearest() -> None:
    assert find_loss("infonce") is LOSSES["infonce"]
    with pytest.raises(ConfigError, match=r"unknown loss 'infonc'\. Did you mean infonce"):
        find_loss("infonc")


def test_the_frequency_of_a_passage_is_taken_off_its_logits() -> None:
    scores = BatchScores(torch.tensor([[0.5, 0.1, 0.3]]), bools("x.."), bools("..."), torch.tensor([3.0, 2.0, 1.0]).log())
    # e^.5 / 3 against e^.1 / 2 and e^.3 / 1, at temperature 1
    by_hand = math.log(1 + 3 * math.exp(-0.4) / 2 + 3 * math.exp(-0.2))
    assert info_nce(scores, 1.0).item() == pytest.approx(by_hand, rel=1e-6)


def test_passages_of_one_frequency_give_the_loss_without_it() -> None:
    plain = random_scores(4)
    scores = BatchScores(plain.cosines, plain.positive, plain.ignored, torch.full((11,), 7.0).log())
    assert info_nce(scores, 0.05).item() == pytest.approx(info_nce(plain, 0.05).item(), rel=1e-5)


def test_with_frequencies_two_passages_that_answer_equally_often_are_scored_alike() -> None:
    """Two passages answer a question equally often. One is named by 8 times as many queries, so that it is met 8 times as often as a negative of the other."""
    gaps = []
    for log_frequency in (torch.zeros(2), torch.tensor([8.0, 1.0]).log()):
        cosines = torch.zeros(2, requires_grad=True)
        for _ in range(500):
            popular, rare = (
                info_nce(BatchScores(cosines[None], bools(positive), bools(".."), log_frequency), 1.0) for positive in ("x.", ".x")
            )
            (gradient,) = torch.autograd.grad((popular + 8 * rare) / 9, cosines)
            cosines = (cosines - gradient).detach().requires_grad_()
        gaps.append((cosines[0] - cosines[1]).item())
    assert gaps[0] == pytest.approx(-math.log(8), abs=1e-3)
    assert gaps[1] == pytest.approx(0, abs=1e-3)
