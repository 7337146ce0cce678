"""The metrics of dev scores: those of trec_eval where it has them, sentence-transformers' and scikit-learn's elsewhere, each by hand too."""

import math

import numpy as np
import pytest
import pytrec_eval
from adapt_embed.errors import ConfigError
from adapt_embed.label_metrics import CLASS_METRICS, PAIR_METRICS
from adapt_embed.metric_names import DEFAULTS, OF_VALUES, RETRIEVAL, is_of_kind, metric_of, read_metric
from adapt_embed.metrics import Metric, retrieval_metric
from scipy.stats import spearmanr
from sentence_transformers.sentence_transformer.evaluation import BinaryClassificationEvaluator, InformationRetrievalEvaluator

QUERY, PASSAGES = np.array([[1.0, 0.0]], np.float32), np.array([[1.0, 0.0], [0.9, 0.1], [0.8, 0.2], [0.7, 0.3]], np.float32)
NAMES = ["first", "second", "third", "fourth"]


def score(metric: str, *relevant: str) -> float:
    """The score of a query whose passages are ranked as they are named."""
    return retrieval_metric(metric).by_query(QUERY, PASSAGES, ["q"], NAMES, {"q": dict.fromkeys(relevant, 1)})["q"]


@pytest.mark.parametrize(
    ("metric", "relevant", "expected"),
    [
        ("R@2", ("second", "third"), 1 / 2),
        ("P@3", ("second", "third"), 2 / 3),
        ("F1@3", ("second", "third", "fourth"), 2 / 3),
        ("F1@1", ("second",), 0),
        ("RR@3", ("third", "fourth"), 1 / 3),
        ("RR@2", ("third", "fourth"), 0),
        ("RR@1", ("first",), 1),
        ("Success@1", ("second",), 0),
        ("Success@2", ("second", "elsewhere"), 1),
        ("AP@3", ("first", "third"), (1 + 2 / 3) / 2),
        ("nDCG@2", ("second",), 1 / math.log2(3)),
    ],
)
def test_each_metric_by_hand(metric: str, relevant: tuple[str, ...], expected: float) -> None:
    assert score(metric, *relevant) == pytest.approx(expected, abs=1e-6)


def drawn(
    seed: int, queries: int = 30, passages: int = 60
) -> tuple[np.ndarray, np.ndarray, list[str], list[str], dict[str, dict[str, int]]]:
    draw = np.random.default_rng(seed)
    vectors = [draw.standard_normal((rows, 6)).astype(np.float32) for rows in (queries, passages)]
    unit = [each / np.linalg.norm(each, axis=1, keepdims=True) for each in vectors]
    qids, pids = [f"q{row}" for row in range(queries)], [f"p{row}" for row in range(passages)]
    relevant = {qid: {str(pid): int(draw.integers(1, 4)) for pid in draw.choice(pids, 4, replace=False)} for qid in qids}
    return unit[0], unit[1], qids, pids, relevant


@pytest.mark.parametrize("cutoff", [1, 3, 10])
@pytest.mark.parametrize(
    ("name", "measure"), [("nDCG", "ndcg_cut"), ("R", "recall"), ("P", "P"), ("AP", "map_cut"), ("Success", "success")]
)
def test_a_metric_is_trec_evals_of_the_whole_ranking(name: str, measure: str, cutoff: int) -> None:
    queries, passages, qids, pids, relevant = drawn(cutoff)
    run = {qid: dict(zip(pids, map(float, row), strict=True)) for qid, row in zip(qids, queries @ passages.T, strict=True)}
    expected = pytrec_eval.RelevanceEvaluator(relevant, {f"{measure}.{cutoff}"}).evaluate(run)
    ours = Metric(name, cutoff).by_query(queries, passages, qids, pids, relevant)
    assert ours == {qid: pytest.approx(found[f"{measure}_{cutoff}"], abs=1e-9) for qid, found in expected.items()}


@pytest.mark.parametrize("cutoff", [1, 3, 10])
def test_the_means_are_those_of_sentence_transformers(cutoff: int) -> None:
    queries, passages, qids, pids, relevant = drawn(7)
    sets = {qid: set(of) for qid, of in relevant.items()}
    theirs = InformationRetrievalEvaluator(dict.fromkeys(qids, ""), dict.fromkeys(pids, ""), sets)
    for kind in ("accuracy", "precision_recall", "mrr", "ndcg", "map"):
        setattr(theirs, f"{kind}_at_k", [cutoff])
    ranked = [
        sorted(({"corpus_id": pid, "score": float(value)} for pid, value in zip(pids, row, strict=True)), key=lambda hit: -hit["score"])
        for row in queries @ passages.T
    ]
    expected = theirs.compute_metrics(ranked)
    flat = {qid: dict.fromkeys(of, 1) for qid, of in relevant.items()}
    for name, key in {"Success": "accuracy@k", "P": "precision@k", "R": "recall@k", "RR": "mrr@k", "nDCG": "ndcg@k"}.items():
        ours = Metric(name, cutoff).by_query(queries, passages, qids, pids, flat)
        assert np.mean(list(ours.values())) == pytest.approx(expected[key][cutoff], abs=1e-9), name


# Pairs and classes


@pytest.mark.parametrize("seed", range(4))
def test_metrics_of_pairs_are_those_of_their_libraries(seed: int) -> None:
    draw = np.random.default_rng(seed)
    cosines, labels = draw.random(50).round(2 - seed % 2), draw.integers(0, 2, 50).astype(np.float64)
    theirs = BinaryClassificationEvaluator
    assert PAIR_METRICS["Spearman"](cosines, draw.random(50)) == pytest.approx(0, abs=0.5)
    assert PAIR_METRICS["Spearman"](cosines, labels) == pytest.approx(spearmanr(cosines, labels).statistic)
    if len(np.unique(cosines)) == 50:  # theirs may put pairs of one cosine on both sides of the threshold
        assert PAIR_METRICS["Accuracy"](cosines, labels) == pytest.approx(theirs.find_best_acc_and_threshold(cosines, labels, True)[0])
        assert PAIR_METRICS["F1"](cosines, labels) == pytest.approx(theirs.find_best_f1_and_threshold(cosines, labels, True)[0])
    every = [cosines >= threshold for threshold in (2.0, *cosines)]
    assert PAIR_METRICS["Accuracy"](cosines, labels) == pytest.approx(max(((above == labels).mean()) for above in every))
    f1 = [2 * (above & (labels == 1)).sum() / max(1, above.sum() + labels.sum()) for above in every]
    assert PAIR_METRICS["F1"](cosines, labels) == pytest.approx(max(f1))


def test_metrics_of_pairs_by_hand() -> None:
    cosines, labels = np.array([0.9, 0.8, 0.7, 0.1]), np.array([1.0, 0.0, 1.0, 0.0])
    found = {name: metric(cosines, labels) for name, metric in PAIR_METRICS.items() if name != "Spearman"}
    assert found == {"Accuracy": 0.75, "F1": pytest.approx(0.8), "AP": pytest.approx((1 + 2 / 3) / 2), "AUC": 0.75}


def test_metrics_of_classes_by_hand() -> None:
    shares, given = np.array([[0.8, 0.2], [0.6, 0.4], [0.3, 0.7], [0.1, 0.9]]), np.array([0, 1, 1, 1])
    assert CLASS_METRICS["Accuracy"](shares, given) == 0.75
    assert CLASS_METRICS["F1"](shares, given) == pytest.approx((2 / 3 + 4 / 5) / 2)
    assert CLASS_METRICS["AUC"](shares, given) == CLASS_METRICS["AP"](shares, given) == 1.0


def test_a_class_that_is_not_given_counts_for_no_mean() -> None:
    shares, given = np.array([[0.5, 0.3, 0.2], [0.2, 0.6, 0.2]]), np.array([0, 1])
    assert CLASS_METRICS["AP"](shares, given) == 1.0


# Names


@pytest.mark.parametrize(
    ("typed", "spelled"),
    [("ndcg@10", "nDCG@10"), ("MRR@5", "RR@5"), ("recall@100", "R@100"), ("precision@3", "P@3"), ("accuracy@1", "Success@1"), ("f1@7", "F1@7"),
     ("spearman", "Spearman"), (" auc ", "AUC"), ("accuracy", "Accuracy"), ("f1", "F1"), ("map@20", "AP@20")],
)  # fmt: skip
def test_a_metric_has_one_spelling(typed: str, spelled: str) -> None:
    assert read_metric(typed) == spelled
    assert read_metric(spelled) == spelled


@pytest.mark.parametrize("typed", ["", "nDCG", "nDCG@0", "nDCG@-1", "nDCG@x", "R@1@2", "Spearman@10", "召回率@10"])
def test_what_is_no_metric_is_answered_with_those_that_exist(typed: str) -> None:
    with pytest.raises(ConfigError, match=r"unknown metric .* Known, those of retrieval with any cutoff: nDCG@10, R@10"):
        read_metric(typed)


def test_every_kind_has_its_default_and_every_name_is_computed() -> None:
    assert all(is_of_kind(metric, kind) for kind, metric in DEFAULTS.items())
    assert (metric_of("retrieval", "R@5"), metric_of("classes", "R@5"), metric_of("classes", None)) == ("R@5", "Accuracy", "Accuracy")
    assert all(0 <= score(f"{name}@2", "second") <= 1 for name in RETRIEVAL)
    assert {*OF_VALUES["scored pairs"], *OF_VALUES["labelled pairs"]} == PAIR_METRICS.keys()
    assert {*OF_VALUES["classes"]} == CLASS_METRICS.keys()
