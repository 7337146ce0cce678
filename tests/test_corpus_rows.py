"""Which rows of a corpus answer which query, what counts for none, and what the base finds before training."""

import numpy as np
import pytest
import torch
from adapt_embed.adapters.corpus.vectors import HeldVectors
from adapt_embed.data.pairs import Pairs
from adapt_embed.encoders.protocol import Encoded, Role
from adapt_embed.errors import DataError
from adapt_embed.index import findings
from adapt_embed.index.findings import DEPTHS, find_answers
from adapt_embed.index.rows import CorpusRows, IndexRows, find_rows, hash_text

CORPUS = {
    "a": "The tenant pays.",
    "b": "租客付租金。",
    "a2": "the tenant  PAYS.",  # the text of a
    "c": "Who pays?",  # the text of a query
    "d": "The court decides.",
    "d2": "The court decides.",
    "e": "Nobody names this.",
    "e2": "nobody names this.",
}
PAIRS = Pairs(
    {"q1": "Who pays?", "q2": "谁付钱？", "q3": "who  pays?", "q4": "Who decides?"},
    {"q1": {"a": 1, "a2": 1}, "q2": {"b": 1}, "q3": {"b": 2}, "q4": {"d2": 1}},
    {"q4": ["e"]},
)


def lists(rows: dict[str, np.ndarray]) -> dict[str, list[int]]:
    return {qid: found.tolist() for qid, found in rows.items()}


@pytest.fixture
def rows() -> CorpusRows:
    return find_rows(PAIRS, CORPUS)


def test_a_text_answers_once_however_often_it_stands_in_the_corpus(rows: CorpusRows) -> None:
    assert lists(rows.positive) == {"q1": [0], "q2": [1], "q3": [1], "q4": [4]}
    assert rows.copies.tolist() == [2, 5, 7]


def test_what_answers_a_query_of_the_same_text_or_says_the_query_itself_is_not_a_negative(rows: CorpusRows) -> None:
    assert lists(rows.excluded) == {"q1": [0, 1, 2, 3], "q2": [1], "q3": [0, 1, 2, 3], "q4": [4, 5]}


def test_what_pairs_name_is_counted_with_its_copies(rows: CorpusRows) -> None:
    assert rows.named.tolist() == [0, 1, 2, 4, 5, 6, 7]


def test_the_pairs_of_a_batch_are_in_the_order_of_the_rows(rows: CorpusRows) -> None:
    assert rows.positives(["q4", "q1"]).tolist() == [[0, 1], [4, 0]]
    assert rows.exclusions(["q4", "q1"]).tolist() == [[1, 1, 1, 1, 0, 0], [0, 1, 2, 3, 4, 5]]


def test_rows_of_an_index_may_be_in_another_order_and_of_more_passages() -> None:
    row_of = {pid: 100 - number for number, pid in enumerate(CORPUS)} | {"other": 3}
    rows = find_rows(PAIRS, CORPUS, IndexRows(row_of))
    assert lists(rows.positive) == {"q1": [98], "q2": [99], "q3": [99], "q4": [95]}
    assert rows.excluded["q1"].tolist() == [97, 98, 99, 100]
    assert rows.copies.tolist() == [94, 96, 100]  # the later of two rows, whatever the order of the passages


def test_a_passage_without_a_vector_is_refused() -> None:
    with pytest.raises(DataError, match=r"1 passage of the 8 of these data have no vector in the index \(the first: 'b'\); embed them"):
        find_rows(PAIRS, CORPUS, IndexRows({pid: number for number, pid in enumerate(CORPUS) if pid != "b"}))


def test_the_texts_of_an_index_say_what_else_is_an_answer_or_a_copy() -> None:
    texts = ["other", "The  tenant pays.", "other", "who pays?", *CORPUS.values()]
    hashes = np.array([hash_text(text) for text in texts], np.uint64)
    rows = find_rows(PAIRS, CORPUS, IndexRows({pid: number + 4 for number, pid in enumerate(CORPUS)}, hashes))
    assert lists(rows.positive)["q1"] == [1]
    assert rows.excluded["q1"].tolist() == [1, 3, 4, 5, 6, 7]
    assert rows.copies.tolist() == [2, 4, 6, 7, 9, 11]


def test_a_passage_that_was_corrected_since_the_index_was_built_keeps_its_row() -> None:
    texts = list(CORPUS.values())
    hashes = np.array([hash_text(text) for text in texts], np.uint64)
    corrected = CORPUS | {"b": "租客须付租金。", "d": "The court has decided."}
    rows = find_rows(PAIRS, corrected, IndexRows({pid: number for number, pid in enumerate(CORPUS)}, hashes))
    assert lists(rows.positive) == {"q1": [0], "q2": [1], "q3": [1], "q4": [5]}
    assert rows.copies.tolist() == [2, 7]


class Fixed:
    """Embeds a query as the unit vector of its text's place."""

    def encode(self, texts: list[str], role: Role = "document") -> Encoded:
        assert role == "query"
        return Encoded(np.eye(4, 8, dtype=np.float32)[: len(texts)], np.zeros(len(texts), np.bool_))


def stored(cosines: dict[str, list[float]]) -> tuple[HeldVectors, CorpusRows]:
    """A corpus with given cosines to the four queries."""
    vectors = torch.zeros(len(CORPUS), 8)
    for number, values in enumerate(cosines.values()):
        vectors[:, number] = torch.tensor(values)
    return HeldVectors((vectors,)), find_rows(PAIRS, CORPUS)


COSINES = {  #       a    b    a2   c    d    d2   e    e2
    "q1": [0.5, 0.9, 0.9, 0.9, 0.1, 0.2, 0.3, 0.4],  # nothing that counts is nearer than a
    "q2": [0.9, 0.5, 0.9, 0.1, 0.9, 0.9, 0.9, 0.9],  # a, d and e are nearer, their copies do not count
    "q3": [0.9, 0.5, 0.9, 0.9, 0.1, 0.2, 0.3, 0.4],
    "q4": [0.1, 0.1, 0.1, 0.9, 0.5, 0.9, 0.1, 0.1],  # c is nearer; d2 has the text of d
}


def test_the_rank_of_an_answer_counts_each_other_text_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(findings, "DEPTHS", (1, 2, 4))
    monkeypatch.setattr(findings, "_QUERIES", 3)
    monkeypatch.setattr(findings, "_ROWS", 3)
    found = find_answers(Fixed(), Pairs({"q1": "Who pays?"}, {"q1": {"a": 1}}), *stored(COSINES)).found
    assert found == {1: 1.0, 2: 1.0, 4: 1.0}
    ranks = findings.answer_ranks(torch.eye(4, 8), list(PAIRS.queries), *stored(COSINES))
    assert ranks.tolist() == [1, 4, 1, 2]


def test_what_is_found_is_said_with_what_no_pair_names_and_what_queries_share() -> None:
    result = find_answers(Fixed(), PAIRS, *stored(COSINES))
    assert result.as_dict() == {"queries": 4, "found": {"1": 0.5, "10": 1.0, "100": 1.0}, "unnamed": 1, "sharing": 2}
    assert result.describe() == (
        "of 4 training queries the base finds an answer first for 50%, among the first 10 for 100%, among the first 100 for 100%; "
        "no pair names 1 passage; 2 queries share an answer"
    )
    assert not list(result.warnings())


def test_answers_that_are_far_from_their_queries_are_said_to_be_a_matter_of_the_documents() -> None:
    far = findings.CorpusFindings(queries=4, found=dict.fromkeys(DEPTHS, 0.75), unnamed=0, sharing=0)
    (warning,) = far.warnings()
    assert warning.code == "far-answers"
    assert warning.message.startswith("for 25% of the queries no answer is among the first 100: there the documents are the problem")
