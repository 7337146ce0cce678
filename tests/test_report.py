"""The report: winners and losers, charts, curves, the page that escapes everything, and what the command writes."""

import dataclasses
import json
import re
from collections.abc import Sequence
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from adapt_embed.bench.judge.assess import assess
from adapt_embed.bench.judge.comparisons import compare_references
from adapt_embed.bench.judge.roles import Background
from adapt_embed.bench.leaks.leakage import Leak, Leakage, TaskLeaks
from adapt_embed.bench.report.charts import WIDTH, curve_charts, gain_chart, recall_chart, scatter_chart
from adapt_embed.bench.report.costs import Cost, reference_costs
from adapt_embed.bench.report.curve import read_curves
from adapt_embed.bench.report.examples import MEASURES, Examples, find_examples
from adapt_embed.bench.report.findings import Findings, Ranking
from adapt_embed.bench.report.page import Report, render_report
from adapt_embed.bench.report.recall import recall_curves
from adapt_embed.bench.report.tables import comparisons, costs, differences, overview
from adapt_embed.bench.result import BenchResult, Summary
from adapt_embed.bench.run.identity import Identity
from adapt_embed.bench.run.models import Model
from adapt_embed.bench.run.scoring import bench
from adapt_embed.bench.tasks.classification import classification_task
from adapt_embed.bench.tasks.retrieval import retrieval_task
from adapt_embed.bench.tasks.sts import sts_task
from adapt_embed.cli import main
from adapt_embed.data.labelled import LabelledTexts
from adapt_embed.data.pairs import Pairs
from adapt_embed.data.sentence_pairs import SentencePairs
from adapt_embed.encoders import Encoded
from adapt_embed.errors import AdapterError
from adapt_embed.pages.csv_link import csv_link, csv_text
from adapt_embed.pages.scale import fit_scale
from adapt_embed.pages.table import Table, TableCell
from adapt_embed.references import Resolved
from adapt_embed.registry import open_registry
from click.testing import CliRunner
from mteb.abstasks import AbsTask
from mteb.results import TaskResult

EVIL = "<script>window.pwned = 1</script></script><img src=x onerror='window.pwned = 1'> & \"quoted\" 'too'"
CORPUS = {"p1": f"Judges sit {EVIL}", "p2": "A tenant pays rent.", "p3": "劳动合同应当书面订立。", "p4": "Rivers reach the sea."}
PAIRS = Pairs({"q1": f"court {EVIL}", "q2": "who pays", "q3": "合同？"}, {"q1": {"p1": 1}, "q2": {"p2": 2, "p4": 1}, "q3": {"p3": 1}})
NOTHING_SEEN = Leakage(found=())


class Fake:
    """An encoder whose vectors are written down."""

    def __init__(self, vectors: dict[str, list[float]]) -> None:
        self.vectors = {text: np.array(vector, np.float32) / np.linalg.norm(vector) for text, vector in vectors.items()}
        self.dimension = len(next(iter(vectors.values()), []))

    def networks(self) -> tuple[()]:
        return ()

    def encode(self, texts: Sequence[str], role: str = "document", *, on_batch: object = None) -> Encoded:
        return Encoded(np.stack([self.vectors[text] for text in texts]), np.zeros(len(texts), np.bool_))


def model(name: str, vectors: dict[str, list[float]], base: str | None = None) -> Model:
    return Model(name, Fake(vectors), Identity(name=f"adapt/{name}", revision=name, precision="fp32", max_tokens=8), "fake", base)  # type: ignore[arg-type]


def models() -> list[Model]:
    """A base that finds q2's first answer alone, and `good`, which finds q1's and q3's and loses q2's."""
    passages = dict(zip(CORPUS.values(), np.eye(4).tolist(), strict=True))
    queries = list(PAIRS.queries.values())
    base = dict(zip(queries, [[1, 2, 0, 3], [0, 3, 1, 2], [3, 0, 1, 2]], strict=True))
    good = dict(zip(queries, [[3, 1, 0, 2], [3, 1, 2, 0], [1, 0, 3, 2]], strict=True))
    sentences = {text: [1, row] for row, text in enumerate("abcdef")}
    turned = {text: [1, 5 - row] for row, text in enumerate("abcdef")} | {"a": [1, 0]}
    return [model("base", passages | base | sentences), model("good@1", passages | good | turned, "base")]


def tasks() -> list[AbsTask]:
    pairs = SentencePairs(["a", "a", "a", "a"], ["b", "c", "d", "f"], [4.0, 3.0, 2.0, 1.0])
    return [retrieval_task("law", CORPUS, PAIRS, language="zh"), sts_task("pairs", pairs)]


@pytest.fixture(scope="module")
def benched() -> tuple[BenchResult, list[AbsTask], Findings]:
    findings, own = Findings(), tasks()
    result = bench(models(), own, on_cell=findings.keep)
    return assess(result, own, Background(general=("pairs",))), own, findings


@pytest.fixture
def examples(benched: tuple[BenchResult, list[AbsTask], Findings]) -> dict[str, Examples]:
    return {each.task: each for each in find_examples(*benched, NOTHING_SEEN)}


def make_report(benched: tuple[BenchResult, list[AbsTask], Findings], **changes: object) -> Report:
    leak = Leak("q1", "exact", "good@1", 1.0, EVIL)
    leakage = Leakage(found=(TaskLeaks(task="law", reference="good@1", items=3, item="queries", leaks=(leak,), trained=("good@1",)),))
    known = {
        "result": benched[0],
        "leakage": leakage,
        "examples": find_examples(*benched, leakage),
        "curves": [],
        "command": f"adapt bench '{EVIL}'",
        "created": "2026-01-02 03:04",
        "versions": (("mteb", "2"),),
        "references": [("base", (("seed", EVIL),))],
    }
    return Report(**(known | changes))  # type: ignore[arg-type]


def test_winners_and_losers_come_with_what_stood_first(examples: dict[str, Examples]) -> None:
    law = examples["law"]
    assert (law.reference, law.base, law.measure, law.language) == ("good@1", "base", "nDCG@10", "zh")
    assert [each.item for each in law.winners] == ["q1", "q3"]
    assert [each.item for each in law.losers] == ["q2"]
    assert (law.better, law.equal, law.worse) == (2, 0, 1)
    won = law.winners[0]
    assert (won.base, won.own) == pytest.approx((1 / np.log2(4), 1.0))  # rank 3 of the base, by one alone
    assert won.difference == pytest.approx(0.5)
    assert won.texts == (PAIRS.queries["q1"],)
    assert [(each.label, each.answers) for each in won.passages] == [
        ("answer: rank 3 with base, rank 1 with good@1", True),
        ("first with base", False),
    ]
    assert won.passages[1].text == CORPUS["p4"]


def test_answers_stand_in_the_order_in_which_they_were_found(examples: dict[str, Examples]) -> None:
    (lost,) = examples["law"].losers
    assert [each.text for each in lost.passages] == [CORPUS["p2"], CORPUS["p4"], CORPUS["p1"]]
    assert lost.passages[0].label == "answer: rank 1 with base, rank 3 with good@1"
    assert lost.passages[2].label == "first with good@1"


def test_without_rankings_the_answers_are_shown(benched: tuple[BenchResult, list[AbsTask], Findings]) -> None:
    law = find_examples(benched[0], benched[1], Findings(), NOTHING_SEEN)[0]
    assert [(each.label, each.text) for each in law.winners[0].passages] == [("answer", CORPUS["p1"])]


def test_pairs_are_compared_by_their_ranks(examples: dict[str, Examples]) -> None:
    """The base ranks the pairs as people do; the other turns them around, so that the ends lose all and the middle a third."""
    pairs = examples["pairs"]
    assert (pairs.better, pairs.equal, pairs.worse) == (0, 0, 4)
    assert [round(each.difference, 4) for each in pairs.losers] == [-1.0, -1.0, -0.3333, -0.3333]
    assert pairs.losers[0].texts == ("a", "f")
    assert pairs.losers[0].remark.startswith("people said 1; cosine 0.196 with base, 1.000 with good@1")


def test_labelled_pairs_are_on_their_right_side_at_the_top_or_at_the_bottom() -> None:
    found = MEASURES["AP"].value({"1": 0.9, "2": 0.1, "3": 0.5}, {"1": 1.0, "2": 1.0, "3": 0.0})
    assert found == {"1": 1.0, "2": 0.0, "3": 0.5}
    assert MEASURES["AP"].value({"1": 0.9, "2": 0.1}, {"1": 1.0, "2": 0.0}) == {"1": 1.0, "2": 1.0}


def test_rows_are_shown_with_their_labels() -> None:
    train = LabelledTexts(["a", "b"] * 8, ["no", "yes"] * 8)
    task = classification_task("rows", train, LabelledTexts(list("cdef"), ["no", "yes", "no", "yes"]))
    vectors = {"a": [1.0, 0.0], "b": [0.0, 1.0], "e": [1.0, 0.0], "f": [0.0, 1.0]}
    own = [model("base", vectors | {"c": [1, 0.1], "d": [1, 0.2]}), model("good", vectors | {"c": [0.1, 1], "d": [0, 1]}, "base")]
    result = assess(bench(own, [task]), [task], Background())
    (found,) = find_examples(result, [task], Findings(), NOTHING_SEEN)
    assert [(each.texts, each.remark, each.difference) for each in found.winners] == [(("d",), "label 1", 1.0)]
    assert [(each.texts, each.remark, each.difference) for each in found.losers] == [(("c",), "label 0", -1.0)]


def test_what_was_seen_in_training_is_said_of_an_example(benched: tuple[BenchResult, list[AbsTask], Findings]) -> None:
    examples = make_report(benched).examples
    assert examples[0].winners[0].remark == "seen in training (exact, by good@1)"
    assert examples[0].winners[1].remark == ""


def test_rankings_are_those_of_trec_eval(benched: tuple[BenchResult, list[AbsTask], Findings]) -> None:
    assert benched[2].rankings["law", "base"]["q2"] == Ranking("p2", {"p2": 1, "p4": 2})
    assert benched[2].rankings["law", "good@1"]["q1"] == Ranking("p1", {"p1": 1})
    assert set(benched[2].results) == {(task, name) for task in ("law", "pairs") for name in ("base", "good@1")}


def test_equal_scores_are_ranked_by_the_greater_id(benched: tuple[BenchResult, list[AbsTask], Findings]) -> None:
    from adapt_embed.bench.run.cells import Cell

    findings, law = Findings(), benched[1][0]
    result = {"scores": {"test": [{"hf_subset": "default"}]}}
    findings.keep(
        models()[0],
        law,
        Cell(task_result=result, predictions={"default": {"test": {"q1": {"p1": 0.5, "p2": 0.5, "p3": 0.1}}}}, truncated=0),
    )
    assert findings.rankings["law", "base"]["q1"] == Ranking("p2", {"p1": 2})


@pytest.mark.parametrize(
    ("values", "marks"),
    [
        ([0.0, 0.17], ["0.00", "0.05", "0.10", "0.15", "0.20"]),
        ([-0.02, 0.0, 0.05], ["−0.02", "0.00", "0.02", "0.04", "0.06"]),
        ([0.5], ["0.490", "0.495", "0.500", "0.505", "0.510"]),
        ([0.0, 1.0], ["0.00", "0.25", "0.50", "0.75", "1.00"]),
    ],
)
def test_a_scale_has_round_marks_that_hold_all_values(values: list[float], marks: list[str]) -> None:
    scale = fit_scale(values, 10, 110)
    assert [text for _, text in scale.marks] == marks
    assert scale.marks[0][0] == 10
    assert scale.marks[-1][0] == 110
    assert all(10 <= scale(value) <= 110 for value in values)


def test_what_was_lost_points_to_the_left() -> None:
    chart = gain_chart(
        [
            Summary(reference="base", domain_mean=0.5, general_mean=0.8),
            Summary(reference="a", domain_mean=0.6, general_mean=0.7, gain=0.1, forgetting=0.1),
            Summary(reference="b", domain_mean=0.4, general_mean=None, gain=-0.1),
        ]
    )
    assert chart is not None
    zero = chart.scale(0)
    assert [(row.name, [(bar.series, bar.text, bar.anchor) for bar in row.bars]) for row in chart.rows] == [
        ("a", [("gain", "+0.1000", "start"), ("general", "−0.1000", "end")]),
        ("b", [("gain", "−0.1000", "end")]),
    ]
    gained, lost = chart.rows[0].bars
    assert gained.x == zero == lost.x + lost.width
    assert gained.width == pytest.approx(lost.width)
    assert gained.width > 50
    assert all(bar.x > 0 and bar.x + bar.width < WIDTH and 0 < bar.y < chart.height for row in chart.rows for bar in row.bars)


def test_without_a_base_to_compare_with_there_is_no_chart() -> None:
    assert gain_chart([Summary(reference="base", domain_mean=0.5, general_mean=None)]) is None


def test_the_overview_and_the_differences_say_what_the_result_says(benched: tuple[BenchResult, list[AbsTask], Findings]) -> None:
    result = benched[0]
    table = overview(result)
    assert table.headings[:5] == ("reference", "domain mean", "gain", "general mean", "general change (below 0: forgetting)")
    assert table.headings[5:] == ("law nDCG@10", "pairs Spearman")
    good = table.rows[1]
    assert (good[0].text, good[6].text) == ("good@1", "-1.0000")
    assert float(good[5].text) == pytest.approx(result.score("law", "good@1").metrics["nDCG@10"], abs=1e-4)
    assert good[4].text == "−2.0000"  # from 1 to -1: lost, as the chart says it
    assert gain_chart(result.summary).rows[0].bars[1].text == good[4].text  # type: ignore[union-attr]
    rows = differences(result).rows
    assert [(row[0].text, row[1].text) for row in rows] == [("law", "good@1"), ("pairs", "good@1")]
    found = result.score("law", "good@1").interval
    assert found is not None
    assert (rows[0][3].sort, rows[0][4].sort) == (found.difference, found.low)
    assert rows[0][4].interval is not None


@pytest.fixture(scope="module")
def rivals() -> BenchResult:
    """Twelve queries, each with a passage of its own: the base ranks it second, `one` first in eleven, `two` and `same` first in three."""
    names = [f"n{row}" for row in range(12)]
    corpus, queries = {f"p{name}": f"p{name}" for name in names}, {f"q{name}": f"q{name}" for name in names}
    task = retrieval_task("law", corpus, Pairs(queries, {f"q{name}": {f"p{name}": 1} for name in names}))
    axes = np.eye(12)

    def vectors(right: int) -> dict[str, list[float]]:
        asked = {f"qn{row}": axes[row] + (2 * axes[(row + 1) % 12] if row >= right else 0) for row in range(12)}
        return {key: list(value) for key, value in (dict(zip(corpus.values(), axes, strict=True)) | asked).items()}

    own = [model("base", vectors(0))] + [model(name, vectors(right), "base") for name, right in (("one", 11), ("two", 3), ("same", 3))]
    return assess(bench(own, [task]), [task], Background())


def test_references_are_held_against_each_other_and_not_the_base_alone(rivals: BenchResult) -> None:
    found = {(each.first, each.second): each.interval for each in compare_references(rivals)}
    assert set(found) == {("one", "two"), ("one", "same"), ("two", "same")}
    scores = {name: rivals.score("law", name).metrics["nDCG@10"] for name in ("one", "two")}
    best = found["one", "two"]
    assert best.difference == pytest.approx(scores["one"] - scores["two"], abs=1e-5)
    assert best.difference == pytest.approx(8 / 12 * (1 - 1 / np.log2(3)), abs=1e-5)  # eight queries, from rank 2 to rank 1
    assert best.low is not None
    assert best.high is not None
    assert 0 < best.low < best.difference < best.high
    assert best.p == pytest.approx(2 / 2**8, abs=0.004)  # of 256 ways to swap eight queries, two are as far apart
    assert best.p_holm == pytest.approx(3 * best.p)
    assert best.significant
    equal = found["two", "same"]
    assert (equal.difference, equal.low, equal.high, equal.p_holm, equal.significant) == (0, 0, 0, 1.0, False)


def test_the_comparison_with_the_base_is_corrected_apart(rivals: BenchResult) -> None:
    own = [rivals.score("law", name).interval for name in ("one", "two", "same")]
    assert min(each.p_holm for each in own) == pytest.approx(3 * min(each.p for each in own))  # type: ignore[union-attr, type-var, operator]


def test_the_table_of_comparisons_names_the_better_one_where_it_is_told_apart(rivals: BenchResult) -> None:
    rows = comparisons(compare_references(rivals)).rows
    assert [(row[1].text, row[2].text, row[6].text, row[7].text) for row in rows] == [
        ("one", "two", "yes", "one"),
        ("one", "same", "yes", "one"),
        ("two", "same", "no", "no significant difference"),
    ]


def test_one_reference_has_none_to_be_compared_with(benched: tuple[BenchResult, list[AbsTask], Findings]) -> None:
    assert compare_references(benched[0]) == ()


def test_recall_is_mtebs_at_every_cutoff_that_mteb_has(benched: tuple[BenchResult, list[AbsTask], Findings]) -> None:
    result, own, findings = benched
    (curve,) = recall_curves(result, own, findings)
    assert (curve.task, curve.cutoffs) == ("law", (1,))  # four passages: all is found among five
    for name, values in curve.recall.items():
        assert values == pytest.approx([result.score("law", name).metrics[f"R@{k}"] for k in curve.cutoffs], abs=1e-5)
    assert curve.recall["base"] == pytest.approx((1 / 6,))  # half of the answers of one of three queries
    assert recall_chart(curve).panel.traces[0].points[0][2] == "0.1667"


def test_recall_counts_the_answers_among_the_first_k() -> None:
    corpus = {f"p{row}": f"p{row}" for row in range(60)}
    pairs = Pairs({"q": "q"}, {"q": {"p0": 1, "p7": 2, "p30": 1, "p59": 1}})
    task, findings = retrieval_task("deep", corpus, pairs), Findings()
    vectors = {f"p{row}": [np.cos(row / 60), np.sin(row / 60)] for row in range(60)} | {"q": [1.0, 0.0]}
    result = bench([model("base", vectors)], [task], on_cell=findings.keep)
    (curve,) = recall_curves(result, [task], findings)
    assert curve.cutoffs == (1, 5, 10, 20, 50)
    assert curve.recall["base"] == (0.25, 0.25, 0.5, 0.5, 0.75)  # ranks 1, 8, 31 and 60
    metrics = result.scores[0].metrics
    assert [metrics[f"R@{k}"] for k in (1, 5, 10, 20)] == list(curve.recall["base"][:4])


def test_the_scatter_holds_every_query_and_counts_those_that_coincide(rivals: BenchResult, examples: dict[str, Examples]) -> None:
    law = examples["law"]
    assert sum(point.count for point in law.points) == len(PAIRS.queries)
    assert {(point.base, point.own) for point in law.points} == {
        (round(each.base, 4), round(each.own, 4)) for each in (*law.winners, *law.losers)
    }
    assert law.points[0].texts[0] in PAIRS.queries.values()
    chart = scatter_chart(law)
    assert chart is not None
    assert [dot.side for dot in chart.dots].count("lost") == 1
    first = chart.dots[0]
    assert (first.x, first.y) == (chart.across(law.points[0].base), chart.up(law.points[0].own))


def test_coinciding_queries_are_one_dot_with_their_number_and_the_texts_of_a_few() -> None:
    corpus, queries = {"p0": "a", "p1": "b"}, {f"q{row}": f"query {row}" for row in range(8)}
    task = retrieval_task("law", corpus, Pairs(queries, {qid: {"p0": 1} for qid in queries}))
    texts = {"a": [1.0, 0.0], "b": [0.0, 1.0]}
    base = texts | {text: [0.0, 1.0] for text in queries.values()}
    own = texts | {text: [1.0, 0.0] if text != "query 7" else [0.0, 1.0] for text in queries.values()}
    result = assess(bench([model("base", base), model("good", own, "base")], [task]), [task], Background())
    (found,) = find_examples(result, [task], Findings(), NOTHING_SEEN)
    assert [(point.base, point.own, point.count) for point in found.points] == [(0.6309, 0.6309, 1), (0.6309, 1.0, 7)]
    chart = scatter_chart(found)
    assert chart is not None
    assert chart.dots[1].radius > chart.dots[0].radius
    assert chart.dots[1].text.splitlines() == [
        "7 queries: 0.6309 with base, 1.0000 with good",
        *(f"query {row}" for row in range(5)),
        "and 2 more",
    ]


def test_costs_are_measured_or_said_to_be_kept() -> None:
    table = costs(
        [
            Cost(reference="base", size=None, dimension=384, encoded=10, texts_per_s=2.5),
            Cost(reference="all@1", size=1_234_567, dimension=None, encoded=0, texts_per_s=None),
        ]
    )
    assert [[cell.text for cell in row] for row in table.rows] == [
        ["base", "–", "384", "10", "2.5"],
        ["all@1", "1,234,567", "–", "0", "kept"],
    ]


def test_the_speed_is_that_of_what_was_encoded_and_of_nothing_where_vectors_are_kept(tiny_base: Path, tmp_path: Path) -> None:
    from adapt_embed.bench.run.cells import Caches
    from adapt_embed.bench.run.models import open_models
    from adapt_embed.cache import CacheFiles
    from adapt_embed.cache.vectors import VectorStore
    from adapt_embed.references import LoadedBases, Search, resolve_references

    found = resolve_references(["base"], Search(registry=open_registry(tmp_path / "registry"), base=str(tiny_base)))
    measured = []
    for _ in range(2):
        own = open_models(found, LoadedBases())
        bench(own, tasks()[:1], caches=Caches(vectors=VectorStore(CacheFiles(tmp_path / "cache"))))
        measured += reference_costs(own, found)
    first, second = measured
    assert (first.encoded, first.size, first.dimension) == (len(CORPUS) + len(PAIRS.queries), None, 32)
    assert first.texts_per_s is not None
    assert first.texts_per_s > 0
    assert (second.encoded, second.texts_per_s) == (0, None)


def test_csv_parses_back_to_the_rows_and_no_text_becomes_a_formula() -> None:
    import base64
    import csv

    rows = (
        (TableCell('合同, "a"\nb', more="3 queries"), TableCell("−0.1266", -0.1266, more="+0.1 *")),
        (TableCell("=HYPERLINK(1)"), TableCell("–")),
        (TableCell("-1+cmd"), TableCell("−0.1 to +0.2")),
    )
    table = Table(("name", "score"), rows, frozenset({1}))
    assert list(csv.reader(csv_text(table).splitlines(keepends=True))) == [
        ["name", "name: more", "score", "score: more"],
        ['合同, "a"\nb', "3 queries", "-0.1266", "+0.1 *"],
        ["'=HYPERLINK(1)", "", "", ""],
        ["'-1+cmd", "", "-0.1 to +0.2", ""],
    ]
    head, _, content = csv_link(table).partition(",")
    assert head == "data:text/csv;charset=utf-8;base64"
    assert base64.b64decode(content).decode("utf-8-sig") == csv_text(table)


def test_the_json_says_the_general_change_with_the_sign_of_the_tables(benched: tuple[BenchResult, list[AbsTask], Findings]) -> None:
    base, good = benched[0].as_dict()["summary"]
    assert (base["general_change"], good["general_change"], good["forgetting"]) == pytest.approx((None, -2.0, 2.0))


def test_the_page_names_what_is_ranked(benched: tuple[BenchResult, list[AbsTask], Findings]) -> None:
    from dataclasses import replace

    noted = replace(benched[0], tasks=(replace(benched[0].tasks[0], notes=("each query ranks 4 passages",)), *benched[0].tasks[1:]))
    assert "each query ranks 4 passages" in "".join(read(render_report(make_report(benched, result=noted))).text)


class Reader(HTMLParser):
    """Collects tags with their attributes, and the text outside style and script."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.inside: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self.inside += [tag] if tag in ("script", "style") else []

    def handle_endtag(self, tag: str) -> None:
        if tag in self.inside:
            self.inside.remove(tag)

    def handle_data(self, data: str) -> None:
        if not self.inside:
            self.text.append(data)


def read(page: str) -> Reader:
    reader = Reader()
    reader.feed(page)
    return reader


def test_texts_are_shown_and_never_run(benched: tuple[BenchResult, list[AbsTask], Findings]) -> None:
    page = read(render_report(make_report(benched)))
    assert [tag for tag, _ in page.tags].count("script") == 1
    assert not [attributes for tag, attributes in page.tags if tag == "img"]
    assert not [name for _, attributes in page.tags for name in attributes if name.startswith("on")]
    assert "".join(page.text).count(EVIL) >= 5  # in a query, a passage, the command, a leak and a fact


def renamed(value: Any, old: str, new: str) -> Any:
    """Replace a text wherever it stands in a result."""
    if isinstance(value, str):
        return value.replace(old, new)
    if isinstance(value, list | tuple):
        return type(value)(renamed(each, old, new) for each in value)
    if dataclasses.is_dataclass(value):
        return dataclasses.replace(
            value, **{field.name: renamed(getattr(value, field.name), old, new) for field in dataclasses.fields(value)}
        )  # type: ignore[type-var]
    return value


def test_a_name_that_is_no_name_is_escaped_in_charts_and_tables(benched: tuple[BenchResult, list[AbsTask], Findings]) -> None:
    page = render_report(make_report(benched, result=renamed(benched[0], "good@1", "<b>good</b>"), examples=[]))
    assert "<b>good</b>" not in page
    assert page.count("&lt;b&gt;good&lt;/b&gt;") > 5


def test_the_page_asks_for_nothing_outside(benched: tuple[BenchResult, list[AbsTask], Findings]) -> None:
    page = read(render_report(make_report(benched)))
    links = [attributes[name] for _, attributes in page.tags for name in ("src", "href", "srcset", "action") if name in attributes]
    assert links
    assert all(link and link.startswith(("#", "data:")) for link in links)
    policy = next(attributes["content"] for tag, attributes in page.tags if attributes.get("http-equiv") == "Content-Security-Policy")
    assert policy is not None
    assert policy.startswith("default-src 'none'")
    style = re.search(r"<style>(.*?)</style>", render_report(make_report(benched)), re.DOTALL)
    assert style is not None
    assert "url(" not in style[1]
    assert "@import" not in style[1]


def test_the_page_says_what_language_its_texts_are_in_and_fits_a_phone(benched: tuple[BenchResult, list[AbsTask], Findings]) -> None:
    page = read(render_report(make_report(benched)))
    assert {attributes["lang"] for _, attributes in page.tags if "lang" in attributes} == {"en", "zh"}
    assert ("meta", {"name": "viewport", "content": "width=device-width, initial-scale=1"}) in page.tags
    assert "合同？" in "".join(page.text)


def test_the_same_report_gives_the_same_page(benched: tuple[BenchResult, list[AbsTask], Findings]) -> None:
    assert render_report(make_report(benched)) == render_report(make_report(benched))


def search_json(chosen: list[float]) -> dict:
    points = [
        {
            "x": x,
            "point": {"weights": [x, 1 - x], "density": 1.0},
            "measurement": {"ndcg": {"law": x, "med": 1 - x}, "loss": {}, "general": 0.8},
        }
        for x in (0.0, 0.5, 1.0)
    ]
    base = {"ndcg": {"law": 0.2, "med": 0.3}, "loss": {}, "general": 0.9}
    line = {"axis": "weight of a (b has the rest)", "points": points}
    curve = {"names": ["a", "b"], "domains": ["law", "med"], "general_kind": "spearman", "base": base, "lines": [line]}
    return {"weights": chosen, "curve": curve}


def merge_in(folder: Path, search: object) -> Resolved:
    folder.mkdir()
    (folder / "search.json").write_text(json.dumps(search))
    return Resolved(reference="both@1", kind="merge", base=None, encoding=None, folder=folder, description="")  # type: ignore[arg-type]


@pytest.mark.parametrize(("chosen", "place"), [([0.4, 0.6], 0.4), ([0.4, 0.5], None)])
def test_the_curve_of_a_merge_is_drawn_with_the_weights_that_were_chosen(tmp_path: Path, chosen: list[float], place: float | None) -> None:
    (curve,) = read_curves([merge_in(tmp_path / "merge", search_json(chosen))])
    assert curve.lines[0].chosen == (pytest.approx(place) if place else None)
    (chart,) = curve_charts(curve)
    assert [panel.title for panel in chart.panels] == ["nDCG@10 on dev", "general: Spearman on dev"]
    law, med = chart.panels[0].traces
    assert [x for x, _, _ in law.points] == [chart.across(x) for x in (0.0, 0.5, 1.0)]
    assert law.points[0][1] > law.points[1][1] > law.points[2][1]  # upwards, which is a smaller y
    assert [y for _, y, _ in med.points] == [y for _, y, _ in reversed(law.points)]
    assert law.base_y == chart.panels[0].scale(0.2)
    assert (chart.chosen is None) == (place is None)


def test_a_merge_without_a_curve_has_none_and_a_damaged_one_is_refused(tmp_path: Path) -> None:
    assert read_curves([merge_in(tmp_path / "none", search_json([1, 0]) | {"curve": None})]) == []
    with pytest.raises(AdapterError, match=r"search\.json cannot be read"):
        read_curves([merge_in(tmp_path / "damaged", {"curve": {"names": []}})])


def test_the_page_draws_the_curves(tmp_path: Path, benched: tuple[BenchResult, list[AbsTask], Findings]) -> None:
    curves = read_curves([merge_in(tmp_path / "merge", search_json([0.4, 0.6]))])
    page = read(render_report(make_report(benched, curves=curves)))
    assert [tag for tag, attributes in page.tags if attributes.get("class", "").startswith("trace")] == ["polyline"] * 3  # type: ignore[union-attr]
    assert "both@1: 0.4 a, 0.6 b" in "".join(page.text)


def write_law(folder: Path) -> Path:
    (folder / "qrels").mkdir(parents=True)
    for name, texts in (("corpus", CORPUS), ("queries", PAIRS.queries)):
        rows = [json.dumps({"_id": key, "title": "", "text": text}) for key, text in texts.items()]
        (folder / f"{name}.jsonl").write_text("\n".join(rows), encoding="utf-8")
    judged = [f"{qid}\t{pid}\t{grade}" for qid, own in PAIRS.positives.items() for pid, grade in own.items()]
    (folder / "qrels" / "test.tsv").write_text("\n".join(["query-id\tcorpus-id\tscore", *judged]))
    return folder


def test_the_command_writes_the_page_and_mtebs_own_files(tiny_base: Path, tmp_path: Path) -> None:
    law, html, results = write_law(tmp_path / "law"), tmp_path / "a report.html", tmp_path / "mteb"
    arguments = [
        "bench",
        "base",
        "--base",
        str(tiny_base),
        "--data",
        str(law),
        "--html",
        str(html),
        "--mteb-results",
        str(results),
        "--json",
    ]
    for round_ in range(2):  # the second time, scores come out of the cache
        ran = CliRunner().invoke(main, arguments, catch_exceptions=False)
        assert ran.exit_code == 0, ran.output
        page = read(html.read_text(encoding="utf-8"))
        assert page.text.count("kept") == 1 + round_  # the speed is measured, or said to be kept (once in the explanation)
        assert f"adapt bench base --base {tiny_base} --data {law} --html '{html}'" in "".join(page.text)
        (path,) = results.glob("results/*/*/law.json")
        found, score = TaskResult.from_disk(path), json.loads(ran.stdout)["scores"][0]
        assert found.get_score() == pytest.approx(score["metrics"]["nDCG@10"], abs=1e-6)
        assert json.loads((path.parent / "model_meta.json").read_text())["revision"] == path.parent.name


def test_mtebs_files_are_replaced_whole_and_what_others_wrote_stays(tiny_base: Path, tmp_path: Path) -> None:
    law, results = write_law(tmp_path / "law"), tmp_path / "mteb"
    arguments = ["bench", "base", "--base", str(tiny_base), "--data", str(law), "--mteb-results", str(results)]
    (tmp_path / "far").mkdir()
    results.symlink_to("far")
    assert CliRunner().invoke(main, arguments, catch_exceptions=False).exit_code == 0
    (path,) = results.glob("results/*/*/law.json")
    settings = path.parent / "run_settings.jsonl"
    other = json.dumps(json.loads(settings.read_text().splitlines()[0]) | {"task": "another"})
    settings.write_text(settings.read_text() + other + "\n")
    path.rename(tmp_path / "moved.json")
    path.symlink_to(tmp_path / "moved.json")
    with path.open(encoding="utf-8") as before:
        assert CliRunner().invoke(main, arguments, catch_exceptions=False).exit_code == 0
        assert json.loads(before.read())["task_name"] == "law"  # the old file is whole for whoever reads it
    assert path.is_symlink()
    assert {json.loads(line)["task"] for line in settings.read_text().splitlines()} == {"another", "law"}
    assert results.is_symlink()


def test_a_page_that_cannot_be_written_is_refused_before_the_work(tmp_path: Path) -> None:
    ran = CliRunner().invoke(main, ["bench", "no-such-reference", "--html", str(tmp_path / "absent" / "r.html")])
    assert ran.exit_code == 1
    assert "absent does not exist" in ran.stderr
    assert not open_registry().entries()
