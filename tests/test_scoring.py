"""Teacher scores: the cosines of a reference, the logits of a cross-encoder, in the lines that tools hand on."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from adapt_embed.cli import main
from adapt_embed.data.pairs import Pairs, TrainingData
from adapt_embed.datatools.scoring.settings import ScoreSettings
from adapt_embed.datatools.scoring.tool import score
from adapt_embed.references import EncoderSettings, LoadedBases, Search, open_encoder, resolve_reference
from adapt_embed.references.cross_encoder import open_cross_encoder
from adapt_embed.registry import open_registry
from click.testing import CliRunner, Result

FP32 = EncoderSettings(precision="fp32")
DATA = TrainingData(
    corpus={"p0": "law often", "p1": "season again", "p2": "租户付租金", "p3": "nobody names it"},
    train=Pairs({"q": "who pays", "r": "谁付租金"}, {"q": {"p0": 1, "p2": 2}, "r": {"p2": 1}}, {"q": ["p1"]}, scores={"r": {"p2": 7.0}}),
    dev=Pairs({"d": "dev"}, {"d": {"p1": 1}}),
    source="test",
)


@pytest.fixture
def where(tiny_base: Path, home: Path) -> Search:
    return Search(registry=open_registry(home), base=str(tiny_base))


def test_the_scores_of_a_reference_are_its_cosines(where: Search) -> None:
    made = score(DATA, ScoreSettings(where=where, encoder=FP32))
    encoder = open_encoder(resolve_reference("base", where), LoadedBases(FP32))
    queries, passages = (
        dict(zip(texts, encoder.encode(list(texts.values()), role).vectors, strict=True))
        for texts, role in ((DATA.train.queries, "query"), (DATA.corpus, "document"))
    )
    expected = {qid: {pid: queries[qid] @ passages[pid] for pid in pids} for qid, pids in (("q", ("p0", "p2", "p1")), ("r", ("p2",)))}
    assert made.data.train.scores == {qid: pytest.approx(of_query, abs=1e-6) for qid, of_query in expected.items()}
    assert made.data == replace(DATA, train=replace(DATA.train, scores=made.data.train.scores))  # nothing else changes, dev least of all
    assert made.report.notes == ("pos_scores and neg_scores are cosines of base, from -1 to 1", "the scores that 1 query had are replaced")
    assert made.report.facts["scale"] == "cosine"


def test_the_scores_of_a_cross_encoder_are_its_logits(tiny_cross_encoder: Path) -> None:
    made = score(DATA, ScoreSettings(cross_encoder=str(tiny_cross_encoder), encoder=FP32))
    logits = open_cross_encoder(str(tiny_cross_encoder), FP32).score(["who pays", "谁付租金"], ["season again", "租户付租金"])
    assert np.allclose([made.data.train.scores["q"]["p1"], made.data.train.scores["r"]["p2"]], logits)
    assert made.report.notes[0] == "pos_scores and neg_scores are logits of tiny-reranker, without bounds; their sigmoid is a probability"


def test_queries_whose_negative_scores_above_a_positive_are_told(where: Search) -> None:
    same = replace(DATA, corpus=DATA.corpus | {"p1": "who pays"})  # CLS of a like text: the cosine is high, and the positives' is not
    scores = score(same, ScoreSettings(where=where)).data.train.scores["q"]
    told = score(same, ScoreSettings(where=where)).report.findings[1:]
    assert [each.count for each in told] == [int(scores["p1"] > min(scores["p0"], scores["p2"]))] == [1]
    assert "who pays | who pays" in told[0].examples[0]


def adapt(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.fixture
def lines(tmp_path: Path) -> Path:
    path = tmp_path / "lines.jsonl"
    rows = [
        {"query": "谁付租金？", "pos": ["租户付租金。"], "neg": ["房东修屋顶。"], "weight": 2},
        {"query": "who?", "pos": ["The landlord."], "neg": []},
    ]
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


def test_the_command_writes_scores_into_the_lines_and_reads_them_again(lines: Path, tiny_cross_encoder: Path, tmp_path: Path) -> None:
    result = adapt("data", "score", lines, "-o", tmp_path / "scored.jsonl", "--cross-encoder", tiny_cross_encoder)
    assert result.exit_code == 0, result.output
    assert "3 scores: logits of tiny-reranker" in result.stdout
    first, second = (json.loads(line) for line in (tmp_path / "scored.jsonl").read_text(encoding="utf-8").splitlines())
    assert [len(first["pos_scores"]), len(first["neg_scores"]), len(second["pos_scores"])] == [1, 1, 1]
    assert first["weight"] == 2
    result = adapt("data", "export", tmp_path / "scored.jsonl", "-o", tmp_path / "again.jsonl")
    assert (tmp_path / "again.jsonl").read_bytes() == (tmp_path / "scored.jsonl").read_bytes()


def test_a_teacher_that_cannot_be_is_refused_in_a_line(lines: Path, tiny_base: Path, home: Path, tmp_path: Path) -> None:
    for options, code, message in (
        (["--by", "base", "--cross-encoder", "x"], 2, "exclude one another"),
        (["--by", "nobody"], 1, "nobody"),
        (["--cross-encoder", tiny_base], 1, "is not a cross-encoder"),
    ):
        result = adapt("data", "score", lines, "-o", tmp_path / "x.jsonl", "--base", tiny_base, "--registry", home, *options)
        assert result.exit_code == code, result.output
        assert message in result.stderr.splitlines()[-1]
        assert not (tmp_path / "x.jsonl").exists()
