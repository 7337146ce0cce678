"""Dev scores are mteb's scores."""

import math

import numpy as np
import pytest
from adapt_embed.metrics import NDCG_10, spread_of
from mteb._evaluators.retrieval_metrics import calculate_retrieval_scores


def unit(draw: np.random.Generator, rows: int, width: int) -> np.ndarray:
    vectors = draw.standard_normal((rows, width)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@pytest.mark.parametrize(("queries", "passages"), [(7, 5), (20, 300), (300, 120)])
def test_it_equals_mtebs_evaluator_over_all_passages(queries: int, passages: int) -> None:
    draw = np.random.default_rng(queries)
    query_vectors, passage_vectors = unit(draw, queries, 8), unit(draw, passages, 8)
    query_ids, passage_ids = [f"q{row}" for row in range(queries)], [f"p{row}" for row in range(passages)]
    relevant = {qid: {str(pid): int(draw.integers(1, 4)) for pid in draw.choice(passage_ids, 3, replace=False)} for qid in query_ids}
    cosines = query_vectors @ passage_vectors.T
    rankings = {qid: dict(zip(passage_ids, map(float, row), strict=True)) for qid, row in zip(query_ids, cosines, strict=True)}
    expected = calculate_retrieval_scores(rankings, relevant, [10])
    ours = NDCG_10.by_query(query_vectors, passage_vectors, query_ids, passage_ids, relevant)
    assert list(ours) == query_ids
    for qid in query_ids:
        assert ours[qid] == pytest.approx(expected.all_scores[qid]["ndcg_cut_10"], abs=1e-9)
    assert np.mean(list(ours.values())) == pytest.approx(expected.ndcg["NDCG@10"], abs=1e-5)


def test_a_graded_ranking_by_hand() -> None:
    query, passages = np.array([[1.0, 0.0]], np.float32), np.array([[0.6, 0.8], [1.0, 0.0], [0.0, 1.0]], np.float32)
    score = NDCG_10.by_query(query, passages, ["q"], ["a", "b", "c"], {"q": {"a": 2, "b": 1}})["q"]
    assert score == pytest.approx((1 + 2 / math.log2(3)) / (2 + 1 / math.log2(3)), abs=1e-6)


def test_a_relevant_passage_that_is_not_found_counts_as_lost() -> None:
    query, passages = np.array([[1.0, 0.0]], np.float32), np.array([[1.0, 0.0]], np.float32)
    assert NDCG_10.by_query(query, passages, ["q"], ["a"], {"q": {"elsewhere": 1}}) == {"q": 0.0}


def test_a_metric_has_one_spelling() -> None:
    assert str(NDCG_10) == repr(NDCG_10) == f"{NDCG_10}" == "nDCG@10"


def test_the_spread_of_scores_is_that_of_a_sample() -> None:
    spread = spread_of([0.5, 0.7, 0.6])
    assert (spread.mean, spread.deviation, spread.least, spread.greatest) == pytest.approx((0.6, 0.1, 0.5, 0.7))
