"""Hard negatives: what is found, what is passed over and why, by vectors, by words and by both."""

import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from adapt_embed.cli import main
from adapt_embed.data.pairs import Pairs, TrainingData
from adapt_embed.datatools.embedding import Embedded
from adapt_embed.datatools.mining.candidates import Candidates, fuse
from adapt_embed.datatools.mining.choose import KEPT, NOT_JUDGED, TOO_NEAR, choose
from adapt_embed.datatools.mining.dense import DenseRetriever
from adapt_embed.datatools.mining.settings import MineSettings
from adapt_embed.datatools.mining.sparse import index_words
from adapt_embed.datatools.mining.tool import mine, mine_by
from adapt_embed.errors import AdaptError, MissingExtraError, RequestError
from adapt_embed.events import QUIET, Quiet
from adapt_embed.index.approximate import NONE
from adapt_embed.index.hidden import nothing_hidden
from adapt_embed.index.vectors import in_memory
from adapt_embed.references import Search
from adapt_embed.registry import open_registry
from click.testing import CliRunner, Result


def adapt(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


NO_MARGIN = MineSettings(negatives=2, relative_margin="none")


def data_of(
    corpus: dict[str, str], positives: dict[str, list[str]], negatives: dict[str, list[str]] | None = None, **queries: str
) -> TrainingData:
    texts = {qid: queries.get(qid, f"query {qid}") for qid in positives}
    pairs = Pairs(texts, {qid: dict.fromkeys(pids, 1) for qid, pids in positives.items()}, negatives or {})
    return TrainingData(corpus=corpus, train=pairs, dev=None, source="test")


def dense(queries: Sequence[Sequence[float]], passages: Sequence[float]) -> DenseRetriever:
    """Queries along the first axis; passages whose cosine with it is given."""
    vectors = [[cosine, (1 - cosine**2) ** 0.5] for cosine in passages]
    return DenseRetriever(Embedded("toy", torch.tensor(queries, dtype=torch.float32), in_memory(torch.tensor(vectors), "toy")))


CORPUS = {f"p{number}": f"passage {number}" for number in range(6)}
COSINES = [0.8, 0.99, 0.7, 0.77, 0.6, 0.5]
ONE = data_of(CORPUS, {"q": ["p0"]})


def mined(settings: MineSettings, data: TrainingData = ONE, cosines: Sequence[float] = COSINES) -> dict[str, list[str]]:
    return mine_by(data, [dense([[1.0, 0.0]] * len(data.train), cosines)], settings).data.train.negatives


def test_what_scores_above_95_per_cent_of_the_positive_is_passed_over() -> None:
    assert mined(MineSettings(negatives=2)) == {"q": ["p2", "p4"]}  # .99 is above the positive, .77 above .95 x .8
    assert mined(NO_MARGIN) == {"q": ["p1", "p3"]}
    assert mined(replace(NO_MARGIN, absolute_margin=0.15)) == {"q": ["p4", "p5"]}
    assert mined(replace(NO_MARGIN, max_score=0.75, min_score=0.55, negatives=5, range_max=50)) == {"q": ["p2", "p4"]}


def test_of_several_positives_the_lowest_decides() -> None:
    assert mined(MineSettings(negatives=1), data_of(CORPUS, {"q": ["p0", "p2"]})) == {"q": ["p4"]}


def test_the_range_counts_what_is_no_answer() -> None:
    assert mined(replace(NO_MARGIN, range_min=1)) == {"q": ["p3", "p2"]}
    assert mined(replace(NO_MARGIN, negatives=1, range_min=1, range_max=2)) == {"q": ["p3"]}
    assert mined(MineSettings(negatives=2, range_max=2)) == {}  # both are too near


def test_answers_their_copies_the_query_itself_and_given_negatives_are_never_mined() -> None:
    corpus = {"a": "Answer", "b": "answer ", "c": "the  Query", "d": "given", "e": "Given", "f": "other", "g": "other", "h": "last"}
    data = data_of(corpus, {"q": ["a"], "r": ["f"]}, {"q": ["e"]}, q="the query", r="the query")
    found = mined(replace(NO_MARGIN, negatives=8, range_max=9), data, [0.9, 0.9, 0.9, 0.9, 0.9, 0.8, 0.8, 0.7])
    assert found == {"q": ["e", "h"], "r": ["h"]}  # what answers the same question is no negative of it either


def test_a_passage_that_was_made_for_training_is_never_mined() -> None:
    assert mined(NO_MARGIN, replace(ONE, train_only=frozenset({"p1", "p3"}))) == {"q": ["p2", "p4"]}


LONG = {
    "en": ("The tenant pays rent monthly.", "Of leases. the TENANT  pays rent monthly. And so on.", "The tenant pays"),
    "zh": ("承租人应当按月支付租金。", "租赁合同。承租人应当按月支付租金。逾期的，可以解除。", "支付租金。"),
}


@pytest.mark.parametrize(("query", "whole", "short"), LONG.values(), ids=LONG)
@pytest.mark.parametrize("sampling", ["top", "random"])
def test_what_holds_a_longer_query_word_for_word_is_passed_over_and_told(query: str, whole: str, short: str, sampling: str) -> None:
    corpus = {"a": "answer", "b": whole, "c": f"{whole} again", "d": "other", "e": f"x {query.lower()}"}
    data = data_of(corpus, {"q": ["a"], "r": ["a"]}, q=query, r=short)
    settings = replace(NO_MARGIN, sampling=sampling, negatives=1)
    made = mine_by(data, [dense([[1.0, 0.0]] * 2, [0.9, 0.8, 0.7, 0.6, 0.5])], settings)
    assert made.data.train.negatives["q"] == ["d"]
    assert mined(NO_MARGIN, data, [0.9, 0.8, 0.7, 0.6, 0.5])["r"] == ["b", "c"]  # a short query stands in many passages
    told = {each.what: each.count for each in made.report.findings if each.effect == "dropped"}
    assert sampling == "random" or told["holds the query word for word"] == 2  # a random draw may find another first


def test_a_passage_whose_sentence_became_a_query_is_no_negative_of_it() -> None:
    from adapt_embed.datatools.augmenting import AugmentSettings, augment

    whole = "The landlord keeps the building in good repair. The tenant pays the rent on the first day of the month."
    corpus = {"a": whole, "b": "The rent is paid on the first day.", "c": "The landlord keeps a dog."}
    data = augment(data_of(corpus, {"q": ["a"]}), AugmentSettings(methods=("inverse-cloze",), removed_share=1)).data
    sparse = index_words(data.train.queries.values(), data.corpus.values(), (), QUIET)
    negatives = mine_by(data, [sparse], NO_MARGIN).data.train.negatives
    assert "augmented-1" in negatives
    assert "a" not in negatives["augmented-1"]


def test_an_empty_passage_is_never_mined() -> None:
    corpus = {"a": "answer", "b": "", "c": " \n", "d": "other"}
    assert mined(NO_MARGIN, data_of(corpus, {"q": ["a"]}), [0.9, 0.8, 0.7, 0.6]) == {"q": ["d"]}


def test_a_slow_judge_is_asked_for_more_where_a_candidate_holds_the_query() -> None:
    query, whole, _ = LONG["en"]
    data = data_of({"a": "answer", "b": whole, "c": "other"}, {"q": ["a"]}, q=query)
    found, judge = dense([[1.0, 0.0]], [0.9, 0.8, 0.7]), SlowJudge()
    assert mine_by(data, [found], replace(NO_MARGIN, negatives=1), QUIET, judge).data.train.negatives == {"q": ["c"]}


def test_random_sampling_is_seeded_and_keeps_the_margin() -> None:
    corpus = {f"p{number}": f"passage {number}" for number in range(100)}
    data, cosines = data_of(corpus, {"q": ["p0"]}), [0.8, *np.linspace(0.9, 0.1, 99)]
    settings = MineSettings(negatives=5, range_max=60, sampling="random", seed=1)
    first = mined(settings, data, cosines)
    assert first == mined(settings, data, cosines) != mined(replace(settings, seed=2), data, cosines)
    ranks = [int(pid[1:]) for pid in first["q"]]
    assert ranks == sorted(ranks)  # the hardest first
    assert all(cosines[rank] <= 0.8 * 0.95 and rank <= 60 for rank in ranks)


def test_dev_and_what_is_stated_of_pairs_stay_as_they_are() -> None:
    dev = Pairs({"d": "dev"}, {"d": {"p1": 1}})
    data = replace(ONE, dev=dev, train=replace(ONE.train, weights={"q": {"p0": 2.0}}))
    after = mine_by(data, [dense([[1.0, 0.0]], COSINES)], NO_MARGIN).data
    assert after.dev is dev
    assert after.train == replace(data.train, negatives={"q": ["p1", "p3"]})
    assert data.train.negatives == {}


def test_the_report_says_how_hard_and_what_was_dropped_with_examples() -> None:
    report = mine_by(ONE, [dense([[1.0, 0.0]], COSINES)], MineSettings(negatives=3)).report
    added, dropped = report.findings
    assert (added.count, added.effect, added.of) == (3, "added", "negative")
    assert added.examples == ("query q | passage 2 | 0.700 against 0.800, rank 3",)
    assert (dropped.count, dropped.effect, dropped.of) == (2, "dropped", "candidate")
    assert "95% of the positive's cosine (toy)" in dropped.what
    assert report.facts["gap_to_positive"] == pytest.approx([0.1, 0.15, 0.2, 0.25, 0.3])
    assert report.facts["rank"] == [3, 3.5, 4, 4.5, 5]
    assert report.written["negatives"] == 3
    told = mine_by(ONE, [dense([[1.0, 0.0]], COSINES)], MineSettings(negatives=3, range_max=3)).report.findings
    assert [(each.what, each.count) for each in told[2:]] == [("with fewer than 3 negatives", 1)]


def test_bm25_finds_by_words_with_chinese_segmented_and_terms_whole() -> None:
    corpus = {
        "a": "阿司匹林每天服用一次。",
        "b": "布洛芬每天服用三次。",
        "c": "The landlord mends the roof.",
        "d": "租户付租金。",
        "e": "慢性阻塞性肺疾病",
        "f": "慢性咳嗽",
    }
    data = data_of(corpus, {"q": ["a"], "r": ["c"], "s": ["d"]}, q="阿司匹林怎么服用？", r="LANDLORD", s="慢性阻塞性肺疾病？")
    sparse = index_words(data.train.queries.values(), corpus.values(), (), QUIET)
    assert mine_by(data, [sparse], NO_MARGIN).data.train.negatives == {"q": ["b"], "s": ["e", "f"]}  # r: no other passage has its word
    whole = index_words(data.train.queries.values(), corpus.values(), ["慢性阻塞性肺疾病"], QUIET)
    assert mine_by(data, [whole], NO_MARGIN).data.train.negatives == {"q": ["b"], "s": ["e"]}


def test_bm25_alone_holds_no_margin_unless_one_is_named() -> None:
    assert MineSettings(by=("bm25",)).margin is None
    assert MineSettings(by=("bm25", "base")).margin == MineSettings(by=("bm25",), cross_encoder="x").margin == 0.05
    assert MineSettings(by=("bm25",), relative_margin=0.1).margin == 0.1


def test_bm25_is_the_same_whatever_stands_around_and_its_scores_are_those_of_pairs() -> None:
    corpus = ["a b c", "a a d", "e", "b d"]
    sparse = index_words(["a b", "d", "nothing known"], corpus, (), QUIET)
    found = sparse.retrieve(4, nothing_hidden(), QUIET)
    assert found.rows.tolist() == [[0, 1, 3, NONE], [3, 1, NONE, NONE], [NONE] * 4]
    owners, places = np.nonzero(found.rows != NONE)
    scores = sparse.judge(owners[::-1], found.rows[owners, places][::-1], QUIET)
    assert np.array_equal(scores[::-1], found.scores[owners, places])
    assert sparse.judge(np.array([2, 0]), np.array([0, 2]), QUIET).tolist() == [0, 0]


def test_passages_without_a_word_give_bm25_no_candidates() -> None:
    data = data_of({"a": "...", "b": "！？", "c": "—"}, {"q": ["a"]})
    sparse = index_words(data.train.queries.values(), data.corpus.values(), (), QUIET)
    assert mine_by(data, [sparse], NO_MARGIN).data.train.negatives == {}


def test_fusion_adds_reciprocal_ranks() -> None:
    first = Candidates(np.array([[1, 2, NONE]]), np.array([[3, 2, -np.inf]], np.float32))
    second = Candidates(np.array([[2, 5, 1]]), np.array([[0.9, 0.8, 0.7]], np.float32))
    found = fuse([first, second], 4)
    assert found.rows.tolist() == [[2, 1, 5, NONE]]
    assert found.scores[0, :3] == pytest.approx([1 / 62 + 1 / 61, 1 / 61 + 1 / 63, 1 / 62])
    assert np.isneginf(found.scores[0, 3])


def test_words_and_vectors_are_fused_and_the_cosines_hold_the_margin() -> None:
    sparse = index_words(["passage 1"], CORPUS.values(), (), QUIET)
    found = mine_by(ONE, [sparse, dense([[1.0, 0.0]], COSINES)], MineSettings(by=("bm25", "toy"), negatives=2))
    assert found.data.train.negatives == {"q": ["p2", "p4"]}
    assert found.report.facts["judged_by"] == "toy"


class SlowJudge:
    """Scores that are minus the row, and what was asked for."""

    name, scale, is_slow = "slow", "probability", True

    def __init__(self) -> None:
        self.asked: list[tuple[int, int]] = []

    def judge(self, queries: np.ndarray, rows: np.ndarray, events: object) -> np.ndarray:
        self.asked += zip(queries.tolist(), rows.tolist(), strict=True)
        return -rows.astype(np.float32)


def test_a_slow_judge_is_asked_for_no_more_than_may_be_needed() -> None:
    judge, rows = SlowJudge(), np.arange(20).reshape(1, 20).repeat(2, axis=0)
    settings = MineSettings(negatives=2, range_max=20, relative_margin=0)
    chosen = choose(Candidates(rows, -rows.astype(np.float32)), np.array([0, -4], np.float32), judge, settings, QUIET)
    assert [each.tolist() for each in chosen.negatives()] == [[0, 1], [4, 5]]
    assert judge.asked == [(0, 0), (0, 1), (1, 0), (1, 1), (1, 2), (1, 3), (1, 4), (1, 5)]
    assert chosen.verdicts[1].tolist() == [TOO_NEAR] * 4 + [KEPT] * 2 + [NOT_JUDGED] * 14


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"by": ()}, "nothing; name bm25 and references"),
        ({"by": ("base", "base")}, "each once"),
        ({"negatives": 0}, "expected at least 1"),
        ({"negatives": 5, "range_min": 3, "range_max": 7}, "no place for 5 negatives"),
        ({"range_min": -1}, "0 <= range_min"),
        ({"relative_margin": 1.5}, "from 0 to below 1"),
        ({"relative_margin": "some"}, "'some'; expected auto, none"),
        ({"absolute_margin": -0.1}, "expected 0 or more"),
        ({"sampling": "topp"}, "Did you mean top"),
        ({"exact_limit": -1}, "expected 0 or more"),
    ],
)
def test_settings_that_cannot_be_are_refused_in_a_line(values: dict, message: str) -> None:
    with pytest.raises(RequestError, match=message) as caught:
        MineSettings(**values)
    assert "\n" not in str(caught.value)


class Told(Quiet):
    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)


@pytest.fixture
def where(tiny_base: Path, home: Path) -> Search:
    return Search(registry=open_registry(home), base=str(tiny_base))


def test_the_base_mines_with_vectors_that_are_kept(toy_data: TrainingData, where: Search, encoded: list[str]) -> None:
    told, settings = Told(), MineSettings(where=where, negatives=3)
    first = mine(toy_data, settings, told)
    assert first.report.facts["by"] == ["base"]
    assert first.report.written["negatives"] > 0
    assert any("64 queries x 32 passages = 2.0e+03 comparisons" in note for note in told.notes)
    assert len(encoded) == 64 + 32
    assert mine(toy_data, settings).data == first.data
    assert len(encoded) == 64 + 32  # nothing was computed again
    for qid, ids in first.data.train.negatives.items():
        assert not set(ids) & toy_data.train.positives[qid].keys()


def test_what_is_unknown_is_refused_before_anything_is_embedded(toy_data: TrainingData, where: Search, encoded: list[str]) -> None:
    with pytest.raises(AdaptError, match="nobody"):
        mine(toy_data, MineSettings(by=("bm25", "nobody"), where=where))
    assert encoded == []


def test_query_side_adapters_mine_with_the_documents_of_the_base(
    shelf: Path, tiny_base: Path, toy_data: TrainingData, encoded: list[str]
) -> None:
    where = Search(registry=open_registry(shelf), base=str(tiny_base))
    mine(toy_data, MineSettings(where=where))
    encoded.clear()
    found = mine(toy_data, MineSettings(by=("questions",), where=where))
    assert set(encoded) == set(toy_data.train.queries.values())  # its documents are the base's, which are kept
    assert found.report.facts["by"][0].startswith("questions@")
    encoded.clear()
    mine(toy_data, MineSettings(by=("法律",), where=where))
    assert set(encoded) == {*toy_data.train.queries.values(), *toy_data.corpus.values()}


def test_an_ensemble_with_vectors_mines_and_one_without_is_refused(shelf: Path, tiny_base: Path, toy_data: TrainingData) -> None:
    where = Search(registry=open_registry(shelf), base=str(tiny_base))
    assert mine(toy_data, MineSettings(by=("all", "bm25"), where=where)).report.facts["score"] == "cosine"
    with pytest.raises(AdaptError, match="has no vectors"):
        mine(toy_data, MineSettings(by=("ranks",), where=where))


def test_a_cross_encoder_judges_in_place_of_cosines(toy_data: TrainingData, where: Search, tiny_cross_encoder: Path) -> None:
    report = mine(toy_data, MineSettings(where=where, negatives=2, cross_encoder=str(tiny_cross_encoder))).report
    assert report.facts["judged_by"] == "tiny-reranker"
    assert report.facts["score"] == "probability"
    assert any("may answer: more than 95% of the positive's probability (tiny-reranker)" in each.what for each in report.findings)


def test_the_command_mines_and_says_how_hard(toy_folder: Path, tiny_base: Path, home: Path, tmp_path: Path) -> None:
    terms = tmp_path / "terms.txt"
    terms.write_text("law\n慢性阻塞性肺疾病\tCOPD\n", encoding="utf-8")
    arguments = ["data", "mine", toy_folder, "--base", tiny_base, "--registry", home, "--by", "base", "--by", "bm25", "--terms", terms]
    result = adapt(*arguments, "-o", tmp_path / "mined.jsonl", "--json")
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    assert report["written"]["negatives"] > 0
    rows = [json.loads(line) for line in (tmp_path / "mined.jsonl").read_text(encoding="utf-8").splitlines()]
    assert sum(len(row.get("neg", [])) for row in rows) == report["written"]["negatives"]
    again = adapt(*arguments, "-o", tmp_path / "again.jsonl")
    assert (tmp_path / "again.jsonl").read_bytes() == (tmp_path / "mined.jsonl").read_bytes()
    assert "hard negatives by base + bm25" in again.stdout
    assert "such as: " in again.stdout


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (["--relative-margin", "2"], 2, "expected auto, none, or from 0"),
        (["--by", "bm25", "--by", "bm25"], 2, "each once"),
        (["--range-min", "3", "--range-max", "5"], 2, "no place for 5 negatives"),
        (["--by", "nobody"], 1, "nobody"),
        (["--cross-encoder", "nowhere"], 1, "there is no cross-encoder 'nowhere'"),
        (["--terms", "none.txt"], 1, "the file of terms none.txt does not exist"),
    ],
)
def test_what_cannot_be_is_refused_in_a_line(
    toy_folder: Path, tiny_base: Path, home: Path, tmp_path: Path, options: list[str], code: int, message: str
) -> None:
    result = adapt("data", "mine", toy_folder, "-o", tmp_path / "x.jsonl", "--base", tiny_base, "--registry", home, *options)
    assert result.exit_code == code, result.output
    assert message in result.stderr.splitlines()[-1]
    assert not (tmp_path / "x.jsonl").exists()


def test_options_that_do_nothing_are_told(toy_folder: Path, tmp_path: Path) -> None:
    terms = tmp_path / "terms.txt"
    terms.write_text("law\n", encoding="utf-8")
    given = ["data", "mine", toy_folder, "--by", "bm25", "--terms", terms, "--negatives", "1", "-o"]
    idle = adapt(*given, tmp_path / "a.jsonl", "--seed", "3", "--exact-limit", "9")
    assert idle.exit_code == 0, idle.output
    assert "--seed does nothing here: it goes with --sampling random\n" in idle.stderr
    assert "--exact-limit does nothing here" in idle.stderr
    assert "--terms" not in idle.stderr
    assert "does nothing" not in adapt(*given, tmp_path / "b.jsonl", "--seed", "3", "--sampling", "random").stderr
    last = adapt("data", "mine", toy_folder, "--by", "nobody", "--terms", terms, "-o", tmp_path / "c.jsonl")
    assert "--terms does nothing here: it goes with --by bm25\n" in last.stderr


@pytest.fixture
def many() -> tuple[TrainingData, DenseRetriever]:
    """40 queries near their answers, over 3,000 passages of which one is a copy."""
    draw = torch.Generator().manual_seed(0)
    passages = torch.nn.functional.normalize(torch.randn(3000, 24, generator=draw), dim=1)
    queries = torch.nn.functional.normalize(passages[:40] + 0.1 * torch.randn(40, 24, generator=draw), dim=1)
    corpus = {f"p{row}": f"passage {row}" for row in range(3000)} | {"p2999": "passage 0"}
    data = data_of(corpus, {f"q{row}": [f"p{row}"] for row in range(40)})
    return data, DenseRetriever(Embedded("toy", queries, in_memory(passages, "toy")), exact_limit=0)


def test_above_the_limit_an_approximate_index_finds_nearly_the_same_and_tells_its_recall(many: tuple[TrainingData, DenseRetriever]) -> None:
    data, approximate = many
    told, settings = Told(), MineSettings(negatives=5)
    found = mine_by(data, [approximate], settings, told).data.train.negatives
    exact = mine_by(data, [DenseRetriever(approximate.embedded)], settings).data.train.negatives
    same = sum(len(set(found[qid]) & set(exact[qid])) for qid in exact)
    assert same >= 0.95 * sum(map(len, exact.values()))
    assert mine_by(data, [approximate], settings).data.train.negatives == found
    assert all(f"p{qid[1:]}" not in pids and "p2999" not in pids for qid, pids in found.items())
    (note,) = [note for note in told.notes if "approximate" in note]
    assert float(note.split("finds ")[1].split("%")[0]) >= 95
    assert "of the 50 nearest passages, on a sample of 40 queries" in note


def test_without_the_extra_it_is_named(many: tuple[TrainingData, DenseRetriever], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "usearch.index", None)
    with pytest.raises(MissingExtraError, match=r"above the limit of exact ones .*adapt-embed\[ann\]"):
        mine_by(many[0], [many[1]], MineSettings())
