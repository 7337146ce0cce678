"""Each loss is sentence-transformers', with its gradient; of random vectors, and the anchor loss by hand."""

import dataclasses
import itertools
from collections.abc import Callable

import pytest
import torch
from adapt_embed.adapters.losses.batch import EmbeddedBatch, OtherVectors, Relation
from adapt_embed.adapters.losses.table import LOSSES, compute_loss
from adapt_embed.adapters.settings.loss import LossSettings
from adapt_embed.errors import ConfigError
from sentence_transformers import util
from sentence_transformers.sentence_transformer import losses as reference
from sentence_transformers.sentence_transformer.losses.batch_hard_triplet import BatchHardTripletLossDistanceFunction as BatchDistance
from torch import Tensor, nn
from torch.nn.functional import normalize

QUERIES, WIDTH = 6, 8
COSINE, EUCLIDEAN = "cosine", "euclidean"


def draw(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed)).requires_grad_()


def one_to_one(queries: Tensor, passages: Tensor, negatives_each: int = 0, **more: object) -> EmbeddedBatch:
    """Query i is answered by passage i; the passages behind these are its given negatives, in rounds of one a query."""
    count, columns = len(queries), torch.arange(len(passages))
    own = columns.unsqueeze(0) % count == torch.arange(count).unsqueeze(1)  # (q, p)
    positive = own & (columns < count)
    assert len(passages) == count * (1 + negatives_each)
    relation = Relation(positive=positive, ignored=torch.zeros_like(positive))
    return EmbeddedBatch(
        queries=normalize(queries),
        passages=normalize(passages),
        relation=relation,
        negatives=own & ~positive,
        **more,  # type: ignore[arg-type]
    )


def of_one_kind(texts: Tensor, labels: Tensor) -> EmbeddedBatch:
    """Each text asks for those of its label."""
    same, itself = labels.unsqueeze(0) == labels.unsqueeze(1), torch.eye(len(labels), dtype=torch.bool)
    relation = Relation(positive=same & ~itself, ignored=itself)
    return EmbeddedBatch(queries=normalize(texts), passages=normalize(texts), relation=relation)


def check_same(ours: Callable[..., Tensor], theirs: Callable[..., Tensor], *leaves: Tensor) -> None:
    """Losses and the gradients of what the vectors were made of are the same to 1e-5, and not nothing."""
    values, gradients = [], []
    for loss in (ours, theirs):
        value = loss(*leaves)
        values.append(value)
        gradients.append(torch.autograd.grad(value, leaves))
    torch.testing.assert_close(values[0], values[1], atol=1e-5, rtol=1e-5)
    for left, right in zip(*gradients, strict=True):
        torch.testing.assert_close(left, right, atol=1e-5, rtol=1e-5)
        assert right.abs().max() > 1e-3


def settings(loss: str, **values: object) -> LossSettings:
    return LossSettings(loss=loss, **values)  # type: ignore[arg-type]


# Triplets


@pytest.mark.parametrize("margin", [0.0, 0.4, 1.0])
@pytest.mark.parametrize(
    ("distance", "theirs"),
    [(COSINE, reference.TripletDistanceMetric.COSINE), (EUCLIDEAN, reference.TripletDistanceMetric.EUCLIDEAN)],
)
def test_triplet_is_triplet_loss(distance: str, theirs: Callable, margin: float) -> None:
    loss = reference.TripletLoss(None, distance_metric=theirs, triplet_margin=margin)  # type: ignore[arg-type]
    check_same(
        lambda q, p: compute_loss(one_to_one(q, p, 1), settings("triplet", margin=margin, distance=distance)),
        lambda q, p: loss.compute_loss_from_embeddings([normalize(q), *normalize(p).split(QUERIES)], None),  # type: ignore[arg-type]
        draw(QUERIES, WIDTH),
        draw(2 * QUERIES, WIDTH, seed=1),
    )


@pytest.mark.parametrize(
    ("name", "theirs"),
    [("triplet_hard", reference.BatchHardTripletLoss), ("triplet_semi_hard", reference.BatchSemiHardTripletLoss)],
)
@pytest.mark.parametrize("margin", [0.1, 1.0])
@pytest.mark.parametrize(
    ("distance", "their_distance"), [(COSINE, BatchDistance.cosine_distance), (EUCLIDEAN, BatchDistance.euclidean_distance)]
)
def test_mining_in_the_batch_is_sentence_transformers(
    name: str, theirs: Callable, margin: float, distance: str, their_distance: Callable
) -> None:
    labels, loss = torch.tensor([0, 1, 2, 0, 1, 2, 0, 1]), theirs(None, distance_metric=their_distance, margin=margin)
    check_same(
        lambda texts: compute_loss(of_one_kind(texts, labels), settings(name, margin=margin, distance=distance)),
        lambda texts: loss.compute_loss_from_embeddings([normalize(texts)], labels),
        draw(len(labels), WIDTH),
    )


# Labelled pairs


@pytest.mark.parametrize(
    ("name", "theirs"), [("contrastive", reference.ContrastiveLoss), ("online_contrastive", reference.OnlineContrastiveLoss)]
)
@pytest.mark.parametrize("margin", [0.0, 0.5, 1.0])
@pytest.mark.parametrize(
    ("distance", "their_distance"),
    [(COSINE, reference.SiameseDistanceMetric.COSINE_DISTANCE), (EUCLIDEAN, reference.SiameseDistanceMetric.EUCLIDEAN)],
)
def test_contrastive_losses_of_labelled_pairs(name: str, theirs: Callable, margin: float, distance: str, their_distance: Callable) -> None:
    loss, labels = theirs(None, distance_metric=their_distance, margin=margin), torch.tensor([1] * QUERIES + [0] * QUERIES)
    check_same(
        lambda q, p: compute_loss(one_to_one(q, p, 1), settings(name, margin=margin, distance=distance)),
        lambda q, p: loss.compute_loss_from_embeddings([normalize(q).repeat(2, 1), normalize(p)], labels),
        draw(QUERIES, WIDTH),
        draw(2 * QUERIES, WIDTH, seed=1),
    )


@pytest.mark.parametrize("negatives", [False, True])
def test_online_contrastive_with_labels_of_one_kind(negatives: bool) -> None:
    loss = reference.OnlineContrastiveLoss(None, distance_metric=reference.SiameseDistanceMetric.COSINE_DISTANCE, margin=1.0)  # type: ignore[arg-type]

    def ours(q: Tensor, p: Tensor) -> Tensor:
        batch = one_to_one(q, p)
        if negatives:
            none = torch.zeros_like(batch.relation.positive)
            batch = dataclasses.replace(batch, relation=Relation(positive=none, ignored=none), negatives=batch.relation.positive)
        return compute_loss(batch, settings("online_contrastive", margin=1.0))

    labels = torch.zeros(QUERIES) if negatives else torch.ones(QUERIES)
    theirs = lambda q, p: loss.compute_loss_from_embeddings([normalize(q), normalize(p)], labels)  # noqa: E731
    check_same(ours, theirs, draw(QUERIES, WIDTH), draw(QUERIES, WIDTH, seed=1))


# Scored pairs


@pytest.mark.parametrize("temperature", [1.0, 0.05])
@pytest.mark.parametrize(("name", "theirs"), [("cosent", reference.CoSENTLoss), ("angle", reference.AnglELoss)])
@pytest.mark.parametrize("width", [WIDTH, WIDTH + 1])
def test_losses_of_scored_pairs(name: str, theirs: Callable, temperature: float, width: int) -> None:
    scores = torch.tensor([0.0, 5.0, 2.5, 2.5, 1.0, 4.0])  # two of them alike
    loss, targets = theirs(None, scale=1 / temperature), torch.full((QUERIES, QUERIES), torch.nan)
    targets.diagonal().copy_(scores)
    check_same(
        lambda q, p: compute_loss(one_to_one(q, p, targets=targets), settings(name, temperature=temperature)),
        lambda q, p: loss.compute_loss_from_embeddings([q, p], scores),
        draw(QUERIES, width),
        draw(QUERIES, width, seed=1),
    )


@pytest.mark.parametrize("negatives", [1, 3])
@pytest.mark.parametrize("temperature", [1.0, 4.0])
def test_margin_mse_is_that_of_the_dot_product(negatives: int, temperature: float) -> None:
    scores, loss = draw(QUERIES, 1 + negatives, seed=2).detach(), reference.MarginMSELoss(None, similarity_fct=util.pairwise_dot_score)  # type: ignore[arg-type]
    check_same(
        lambda q, p: compute_loss(teacher(q, p, scores), settings("margin_mse", teacher_temperature=temperature)),
        lambda q, p: loss.compute_loss_from_embeddings([normalize(q), *normalize(p).split(QUERIES)], scores / temperature),
        draw(QUERIES, WIDTH),
        draw(QUERIES * (1 + negatives), WIDTH, seed=1),
    )


@pytest.mark.parametrize(("student", "of_teacher"), [(1.0, 1.0), (0.5, 2.0)])
def test_distil_is_distil_kl_div(student: float, of_teacher: float) -> None:
    loss = reference.DistillKLDivLoss(
        None,  # type: ignore[arg-type]
        similarity_fct=util.pairwise_dot_score,
        student_temperature=student,
        teacher_temperature=of_teacher,
    )
    scores = 4 * draw(QUERIES, 3, seed=2).detach()
    check_same(
        lambda q, p: compute_loss(teacher(q, p, scores), settings("distil", temperature=student, teacher_temperature=of_teacher)),
        lambda q, p: loss.compute_loss_from_embeddings([normalize(q), *normalize(p).split(QUERIES)], scores),
        draw(QUERIES, WIDTH),
        draw(QUERIES * 3, WIDTH, seed=1),
    )


def teacher(queries: Tensor, passages: Tensor, scores: Tensor) -> EmbeddedBatch:
    """A teacher's scores of each query's positive and negatives, (q, 1 + negatives)."""
    each = scores.shape[1] - 1
    targets = torch.full((len(queries), len(passages)), torch.nan)
    for query, way in itertools.product(range(len(queries)), range(each + 1)):
        targets[query, way * len(queries) + query] = scores[query, way]
    return one_to_one(queries, passages, each, targets=targets)


# In-batch negatives


@pytest.mark.parametrize("negatives", [0, 1])
def test_infonce_is_multiple_negatives_ranking(negatives: int) -> None:
    loss = reference.MultipleNegativesRankingLoss(None, scale=20.0, similarity_fct=util.cos_sim)  # type: ignore[arg-type]
    check_same(
        lambda q, p: compute_loss(one_to_one(q, p, negatives), settings("infonce", temperature=0.05)),
        lambda q, p: loss.compute_loss_from_embeddings([*q.unsqueeze(0), *p.split(QUERIES)], None),  # type: ignore[arg-type]
        draw(QUERIES, WIDTH),
        draw(QUERIES * (1 + negatives), WIDTH, seed=1),
    )


class Given(nn.Module):
    """A module that returns given vectors for the texts of a column."""

    max_seq_length = 8

    def __init__(self, columns: list[Tensor]) -> None:
        super().__init__()
        self.columns, self.tokenizer = columns, Vocabulary()

    def forward(self, features: dict[str, Tensor]) -> dict[str, Tensor]:
        return {"sentence_embedding": self.columns[int(features["column"])]}

    def get_embedding_dimension(self) -> int:
        return self.columns[0].shape[1]


class Vocabulary:
    """What a tokenizer is to be for sentence-transformers."""

    def get_vocab(self) -> dict[str, int]:
        return {}


def features(count: int) -> list[dict[str, Tensor]]:
    return [{"column": torch.tensor(number)} for number in range(count)]


@pytest.fixture
def as_tokenizer(monkeypatch: pytest.MonkeyPatch) -> None:
    from sentence_transformers.sentence_transformer.losses import gist_embed

    monkeypatch.setattr(gist_embed, "PreTrainedTokenizerBase", Vocabulary)


@pytest.mark.parametrize("margin", [0.0, 0.4])
@pytest.mark.parametrize("negatives", [0, 1])
def test_gist_is_gist_embed_loss(margin: float, negatives: int, as_tokenizer: None) -> None:
    columns = 2 + negatives
    guiding = [normalize(draw(QUERIES, 5, seed=10 + number)).detach() for number in range(columns)]  # of another width
    guide = OtherVectors(queries=guiding[0], passages=torch.cat(guiding[1:]))

    def theirs(q: Tensor, p: Tensor) -> Tensor:
        model = Given([normalize(q), *normalize(p).split(QUERIES)])
        loss = reference.GISTEmbedLoss(model, Given(guiding), temperature=0.1, margin_strategy="absolute", margin=margin)  # type: ignore[arg-type]
        return loss(features(columns), None)

    check_same(
        lambda q, p: compute_loss(one_to_one(q, p, negatives, guide=guide), settings("gist", temperature=0.1, margin=margin, guide="REF")),
        theirs,
        draw(QUERIES, WIDTH),
        draw(QUERIES * (1 + negatives), WIDTH, seed=1),
    )


@pytest.mark.parametrize("weights", [(), (1.0, 0.5, 2.0)])
def test_matryoshka_is_matryoshka_loss(weights: tuple[float, ...]) -> None:
    def theirs(q: Tensor, p: Tensor) -> Tensor:
        model = Given([normalize(q), normalize(p)])
        inner = reference.MultipleNegativesRankingLoss(model, scale=20.0)  # type: ignore[arg-type]
        return reference.MatryoshkaLoss(model, inner, [8, 4, 2], list(weights) or None)(features(2), None)  # type: ignore[arg-type]

    check_same(
        lambda q, p: compute_loss(one_to_one(q, p), settings("infonce", temperature=0.05, dims=(8, 4, 2), dim_weights=weights)),
        theirs,
        draw(QUERIES, WIDTH),
        draw(QUERIES, WIDTH, seed=1),
    )


# What is laid over a loss, and weights


def test_the_anchor_loss_by_hand() -> None:
    batch = one_to_one(torch.tensor([[1.0, 0.0], [0.0, 1.0]]), torch.tensor([[0.0, 1.0], [0.0, 1.0]]))
    base = OtherVectors(queries=torch.tensor([[0.0, 1.0], [0.0, 1.0]]), passages=torch.tensor([[0.0, 1.0], [0.6, 0.8]]))
    anchored = dataclasses.replace(batch, anchor=base)
    plain = compute_loss(batch, settings("infonce", temperature=1.0))
    # squared distances 2, 0, 0 and 0.6 * 0.6 + 0.2 * 0.2 = 0.4: their mean is 0.6
    for share in (0.0, 0.1, 2.0):
        loss = compute_loss(anchored, settings("infonce", temperature=1.0, anchor=share))
        assert loss.item() == pytest.approx(plain.item() + share * 0.6, abs=1e-6)


def test_the_gradient_of_the_anchor_loss_by_hand() -> None:
    raw = torch.tensor([[1.0, 0.0]], requires_grad=True)
    batch = EmbeddedBatch(
        queries=raw,
        passages=torch.tensor([[1.0, 0.0]]),
        relation=Relation(positive=torch.ones(1, 1, dtype=torch.bool), ignored=torch.zeros(1, 1, dtype=torch.bool)),
        anchor=OtherVectors(queries=torch.tensor([[0.0, 1.0]]), passages=torch.tensor([[1.0, 0.0]])),
    )
    compute_loss(batch, settings("infonce", anchor=0.5)).backward()  # a query without negatives has no other loss
    assert raw.grad is not None
    torch.testing.assert_close(raw.grad, torch.tensor([[0.5, -0.5]]))  # 0.5 * 2 * (v - v0) / 2 texts


def whole(weights: Tensor | None = None, queries: int = QUERIES) -> EmbeddedBatch:
    """A batch with what any loss reads: a positive and two negatives a query."""
    q, p = draw(queries, WIDTH), draw(3 * queries, WIDTH, seed=1)
    batch = teacher(q, p, draw(queries, 3, seed=2).detach())
    guide = OtherVectors(queries=normalize(draw(queries, 5, seed=3)), passages=normalize(draw(3 * queries, 5, seed=4)))
    return dataclasses.replace(batch, weights=weights, guide=guide)


@pytest.mark.parametrize("name", LOSSES)
def test_weights_are_read_by_every_loss(name: str) -> None:
    how = settings(name, temperature=0.5, margin=1.0)
    plain = compute_loss(whole(), how).item()
    ones, weights = torch.ones(QUERIES, 3 * QUERIES), torch.ones(QUERIES, 3 * QUERIES)
    weights[torch.arange(QUERIES), torch.arange(QUERIES)] = torch.tensor([0.0, 1.0, 2.0, 0.0, 3.0, 0.5])
    assert compute_loss(whole(ones), how).item() == pytest.approx(plain, rel=1e-6)
    assert abs(compute_loss(whole(weights), how).item() - plain) > 1e-3


@pytest.mark.parametrize("name", ["cosent", "angle"])
def test_a_scored_pair_of_weight_2_is_that_pair_twice(name: str) -> None:
    q, p, scores = draw(3, WIDTH).detach(), draw(3, WIDTH, seed=1).detach(), torch.tensor([0.1, 0.5, 0.9])

    def batch(rows: list[int], weights: Tensor | None = None) -> EmbeddedBatch:
        targets = torch.full((len(rows), len(rows)), torch.nan)
        targets.diagonal().copy_(scores[rows])
        return one_to_one(q[rows], p[rows], targets=targets, weights=weights)

    how, weights = settings(name, temperature=0.5), torch.ones(3, 3)
    weights[1, 1] = 2.0
    torch.testing.assert_close(compute_loss(batch([0, 1, 2], weights), how), compute_loss(batch([0, 1, 1, 2]), how))


@pytest.mark.parametrize("name", ["triplet", "contrastive", "margin_mse", "distil", "triplet_hard", "triplet_semi_hard", "gist", "infonce"])
def test_a_loss_is_the_sum_of_its_pairs_parts_times_their_weights(name: str) -> None:
    how, count = settings(name, temperature=0.5, margin=1.0), 3 * QUERIES

    def with_weight(positive: float) -> float:
        weights = torch.ones(QUERIES, count)
        weights[torch.arange(QUERIES), torch.arange(QUERIES)] = positive
        return compute_loss(whole(weights), how).item()

    assert with_weight(3.0) - with_weight(1.0) == pytest.approx(2 * (with_weight(1.0) - with_weight(0.0)), rel=1e-4)


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize(
    ("setting", "values"),
    [
        ("temperature", (0.5, 0.05)),
        ("margin", (0.0, 1.0)),
        ("distance", (COSINE, EUCLIDEAN)),
        ("teacher_temperature", (1.0, 3.0)),
        ("dims", ((), (4,))),
    ],
)
def test_no_setting_that_a_loss_reads_is_ignored(name: str, setting: str, values: tuple[object, object]) -> None:
    losses = [compute_loss(whole(), settings(name, **({"temperature": 0.5} | {setting: value}))).item() for value in values]
    is_read = setting == "dims" or setting in LOSSES[name].settings
    assert (abs(losses[0] - losses[1]) > 1e-4) == is_read


@pytest.mark.parametrize("name", LOSSES)
def test_a_batch_of_which_nothing_can_be_said_gives_no_loss_and_no_gradient(name: str) -> None:
    """One query, its answer, and neither negatives nor scores."""
    raw, one = draw(1, WIDTH), torch.ones(1, 1, dtype=torch.bool)
    vectors = OtherVectors(queries=normalize(raw).detach(), passages=normalize(raw).detach())
    batch = EmbeddedBatch(
        queries=normalize(raw),
        passages=normalize(draw(1, WIDTH, seed=1)),
        relation=Relation(positive=one, ignored=~one),
        negatives=~one,
        targets=torch.full((1, 1), torch.nan),
        guide=vectors,
    )
    loss = compute_loss(batch, settings(name, margin=0.0))
    loss.backward()
    assert raw.grad is not None
    if name not in ("contrastive", "online_contrastive", "gist"):  # a positive alone is drawn nearer; gist has the query itself
        assert loss.item() == pytest.approx(0, abs=1e-6)
        assert raw.grad.abs().max() < 1e-6
    assert torch.isfinite(raw.grad).all()


def test_dimensions_are_added_up_over_cut_vectors_of_length_1() -> None:
    batch, how = one_to_one(draw(QUERIES, WIDTH), draw(QUERIES, WIDTH, seed=1)), settings("infonce", temperature=0.5)
    parts = []
    for dim in (8, 2):
        cut = {side: normalize(getattr(batch, side)[:, :dim]) for side in ("queries", "passages")}
        parts.append(compute_loss(dataclasses.replace(batch, **cut), how).item())
    both = compute_loss(batch, settings("infonce", temperature=0.5, dims=(8, 2), dim_weights=(1.0, 3.0)))
    assert both.item() == pytest.approx(parts[0] + 3 * parts[1], rel=1e-5)
    with pytest.raises(ConfigError, match="dims holds 9, and the base's vectors have 8 numbers"):
        compute_loss(batch, settings("infonce", dims=(9,)))
