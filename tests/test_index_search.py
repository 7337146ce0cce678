"""`adapt search`: exact ranks side by side with the base, what may search which index, and the same from Python."""

import json
import os
import pty
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from adapt_embed import Index, load
from adapt_embed.base.resolve import BaseOptions
from adapt_embed.base.sentence_files import write_json
from adapt_embed.choices import Side
from adapt_embed.cli import main
from adapt_embed.cli.search_text import clip
from adapt_embed.data.query_files import read_answers, read_query_file
from adapt_embed.errors import AdapterError
from adapt_embed.index.build import BuildRequest, prepare_build
from adapt_embed.index.job import SearchRequest, prepare_search
from adapt_embed.index.searched import SearchReport
from adapt_embed.lora import CONFIG, WEIGHTS, LoraModule, lora_config, write_lora
from adapt_embed.references import EncoderSettings, LoadedBases, Search, open_encoder, resolve_reference
from adapt_embed.registry import open_registry
from adapt_embed.registry.foreign import add_folder
from click.testing import CliRunner, Result

FP32 = EncoderSettings(precision="fp32")


@pytest.fixture(scope="module")
def made(tiny_base: Path, toy_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A registry with law and 医疗 for queries alone and whole for both, and indexes of the toy corpus by the base and by whole."""
    import torch

    home = tmp_path_factory.mktemp("searched")
    sides: dict[str, Side | None] = {"law": "query", "医疗": "query", "whole": None}
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("ADAPT_HOME", str(home / "adapt"))
        patched.setenv("ADAPT_CACHE", str(home / "cache"))
        for seed, (name, side) in enumerate(sides.items()):
            draw = torch.Generator().manual_seed(seed)
            names = [f"encoder.layer.{layer}.attention.self.query" for layer in (0, 1)]
            factors = {each: LoraModule(torch.randn(2, 32, generator=draw), torch.randn(32, 2, generator=draw), 0.5) for each in names}
            (home / name).mkdir()
            write_lora(factors, home / name / WEIGHTS)
            write_json(home / name / CONFIG, lora_config(factors, str(tiny_base), None))
            add_folder(open_registry(), home / name, name=name, domain="legal", base_reference=None, options=BaseOptions(), side=side)
        for reference in ("base", "whole"):
            where = Search(registry=open_registry(), base=str(tiny_base) if reference == "base" else None)
            request = BuildRequest(
                corpus=toy_folder,
                out=home / f"by-{reference}",
                reference=reference,
                where=where,
                settings=FP32,
                vectors="fp32",
                rows_per_shard=10,
            )
            prepare_build(request).run()
    return home


@pytest.fixture(autouse=True)
def registry(isolation: Path, made: Path) -> None:
    shutil.copytree(made / "adapt", os.environ["ADAPT_HOME"])


def adapt(*words: object, typed: str | None = None) -> Result:
    return CliRunner().invoke(main, [str(word) for word in words], input=typed)


def search(made: Path, *references: str, queries: list[str], index: str = "by-base", top: int = 5, **more: object) -> SearchReport:
    request = SearchRequest(index=made / index, references=references, top=top, settings=FP32)
    return prepare_search(request).open().search(queries, **more)  # type: ignore[arg-type]


def expected_ranks(toy_folder: Path, tiny_base: Path, reference: str, query: str, documents: str = "base") -> dict[str, int]:
    """The ranks by one product with the whole corpus."""
    where = Search(registry=open_registry(), base=str(tiny_base))
    bases = LoadedBases(FP32)
    rows = [json.loads(line) for line in (toy_folder / "corpus.jsonl").read_text().splitlines()]
    corpus = open_encoder(resolve_reference(documents, where), bases).encode([row["text"] for row in rows], "document").vectors
    vector = open_encoder(resolve_reference(reference, where), bases).encode([query], "query").vectors[0]
    order = np.argsort(-(corpus @ vector), kind="stable")
    return {rows[row]["_id"]: rank for rank, row in enumerate(order.tolist(), 1)}


def test_every_hit_has_its_exact_rank_by_every_reference(made: Path, toy_folder: Path, tiny_base: Path) -> None:
    report = search(made, "law", "医疗", queries=["court often", "river"])
    assert report.references == ("law@1", "医疗@1", "base")
    assert report.base == "base"
    for query in report.queries:
        for name in report.references:
            ranks = expected_ranks(toy_folder, tiny_base, name, query.query)
            assert {hit.id: hit.ranks[name] for hit in query.hits} == {hit.id: ranks[hit.id] for hit in query.hits}
            assert {each for each, rank in ranks.items() if rank <= 5} <= {hit.id for hit in query.hits}
        assert [hit.ranks["law@1"] for hit in query.hits] == sorted(hit.ranks["law@1"] for hit in query.hits)
        best = query.hits[0]
        assert best.risen("law@1", "base") == best.ranks["base"] - 1
        assert best.text
        assert best.scores["law@1"] == max(hit.scores["law@1"] for hit in query.hits)


def test_answers_are_told_however_deep_they_stand(made: Path, toy_folder: Path, tiny_base: Path) -> None:
    report = search(made, "law", queries=["court often"], top=1, ids=["q"], answers={"q": {"p9-0": 1, "p3-1": 2, "gone": 1}})
    ranks = {name: expected_ranks(toy_folder, tiny_base, name, "court often") for name in ("law@1", "base")}
    answers = report.queries[0].answers
    assert [(answer.id, answer.grade) for answer in answers] == [("p3-1", 2), ("p9-0", 1)]
    assert all(dict(answer.ranks) == {name: ranks[name][answer.id] for name in ranks} for answer in answers)
    assert report.answers_missing == 1


def test_the_summary_is_that_of_the_evaluation_library(made: Path, toy_folder: Path, tiny_base: Path) -> None:
    import pytrec_eval

    queries, answers = read_query_file(toy_folder), read_answers(toy_folder / "qrels" / "test.tsv")
    texts = {each: queries[each] for each in answers}
    report = search(made, "law", queries=list(texts.values()), ids=list(texts), answers=answers)
    for found in report.summary():
        run = {
            each: {pid: -float(rank) for pid, rank in expected_ranks(toy_folder, tiny_base, found["reference"], text).items()}
            for each, text in list(texts.items())
        }
        scores = pytrec_eval.RelevanceEvaluator(answers, {"ndcg_cut.10"}).evaluate(run)
        assert found["nDCG@10"] == pytest.approx(np.mean([each["ndcg_cut_10"] for each in scores.values()]), abs=1e-9)
        best = [
            min(sorted(run[each], key=run[each].get, reverse=True).index(pid) + 1 for pid in graded) for each, graded in answers.items()
        ]
        assert found["found@1"] == pytest.approx(np.mean([rank <= 1 for rank in best]))


def test_what_changes_documents_searches_its_own_index_alone(made: Path, toy_folder: Path, tiny_base: Path) -> None:
    with pytest.raises(
        AdapterError, match=r"whole@1 is for queries and documents, and .* holds the vectors that tiny-base gives documents"
    ):
        search(made, "whole", queries=["court"])
    report = search(made, "whole", queries=["court"], index="by-whole")
    assert (report.references, report.base) == (("whole@1",), None)
    ranks = expected_ranks(toy_folder, tiny_base, "whole", "court", documents="whole")
    assert {hit.id: hit.ranks["whole@1"] for hit in report.queries[0].hits} == {each: rank for each, rank in ranks.items() if rank <= 5}
    with pytest.raises(AdapterError, match=r"law@1 does not fit .*by-whole, which whole@1 on tiny-base made: the adapter \(sha256"):
        search(made, "law", queries=["court"], index="by-whole")
    with pytest.raises(AdapterError, match="base does not fit"):
        search(made, "base", queries=["court"], index="by-whole")


def test_a_mean_of_adapters_for_queries_searches_the_one_index(made: Path) -> None:
    result = adapt("ensemble", "law", "医疗", "--mode", "mean", "--name", "both")
    assert result.exit_code == 0, result.output
    assert search(made, "both", queries=["court"]).references == ("both@1", "base")


def test_the_command_shows_what_rose_and_fell(made: Path) -> None:
    result = adapt("search", "law", "医疗", "--index", made / "by-base", "court often", "--top", 3, "--dtype", "fp32")
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("query: court often\n")
    assert result.stdout.splitlines()[2].split() == ["law@1", "医疗@1", "base", "id", "text"]
    assert "↑" in result.stdout
    printed = json.loads(adapt("search", "law", "--index", made / "by-base", "court often", "--json").stdout)
    assert printed["references"] == ["law@1", "base"]
    assert len(printed["queries"]) == 1
    assert set(printed["queries"][0]["hits"][0]) == {"id", "text", "ranks", "scores", "grade"}


def test_a_file_of_queries_with_judgements_says_where_the_answers_stand(made: Path, toy_folder: Path) -> None:
    qrels = toy_folder / "qrels" / "test.tsv"
    result = adapt("search", "law", "--index", made / "by-base", "--queries", toy_folder, "--qrels", qrels, "--top", 2)
    assert result.exit_code == 0, result.output
    assert "16 of 96 queries are judged in test.tsv; the others are left out" in result.stderr
    assert re.search(r"^answer p\d+-\d \*: [\d,]+ [↑↓=]\d* by law@1, \d+ by base$", result.stdout, re.MULTILINE)
    assert re.search(r" p\d+-\d \* ", result.stdout)
    assert "16 judged queries, 32 rows" in result.stdout
    assert "nDCG@10" in result.stdout


@pytest.mark.parametrize(
    ("name", "written", "expected"),
    [
        ("q.jsonl", '{"_id": "a", "text": "whole", "question": "part", "title": "x"}\n', {"a": "whole"}),
        ("q.jsonl", '{"id": 7, "question": "one"}\n', {"7": "one"}),
        ("q.csv", "anchor,positive,text\none,two,three\n", {"1": "one"}),
        ("q.tsv", "编号\t问题\nq\t谁付房租?\n", {"q": "谁付房租?"}),
        ("q.txt", "one\n\ntwo\n", {"1": "one", "3": "two"}),
    ],
)
def test_queries_are_read_of_every_kind_of_file(tmp_path: Path, name: str, written: str, expected: dict[str, str]) -> None:
    (tmp_path / name).write_text(written, encoding="utf-8")
    assert read_query_file(tmp_path / name) == expected


def test_lines_of_a_pipe_are_queries(made: Path) -> None:
    result = adapt("search", "law", "--index", made / "by-base", "--top", 1, typed="court\n法院\n")
    assert result.stdout.count("query: ") == 2
    many = "".join(f"court {number}\n" for number in range(23))
    assert "3 queries more: --json has them all" in adapt("search", "law", "--index", made / "by-base", "--top", 1, typed=many).stdout


def test_at_a_terminal_queries_are_typed_at_a_prompt(made: Path) -> None:
    code = "from adapt_embed.cli import main; main()"
    parent, child = pty.openpty()
    running = subprocess.Popen(
        [sys.executable, "-c", code, "search", "law", "--index", str(made / "by-base"), "--top", "1"],
        stdin=child,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ | {"PYTHONIOENCODING": "utf-8"},
    )
    os.write(parent, "court\n法院\n\n".encode())
    out, err = running.communicate(timeout=120)
    os.close(parent)
    os.close(child)
    assert running.returncode == 0, err
    assert err.decode().count("query> ") == 3
    assert "query: court" in out.decode()
    assert "query: 法院" in out.decode()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["law", "--index", "INDEX", "--qrels", "x.tsv", "court"], "--qrels names queries by their ids; give --queries FILE"),
        (["law", "--index", "INDEX", "-q", "a", "--queries", "x"], "-q and --queries exclude one another"),
        (["law", "--index", "nowhere", "court"], "the index nowhere does not exist; make one with: adapt index build"),
        (["lwa", "--index", "INDEX", "-q", "court"], "unknown adapter 'lwa'. Did you mean law?"),
        (["whole", "--index", "INDEX", "court"], "whole@1 is for queries and documents"),
        (["law", "--index", "INDEX", " "], "query 1 is empty"),
        (["law", "--index", "INDEX", "--queries", "empty.txt"], "empty.txt is empty; expected one text a line"),
        (["law", "--index", "INDEX", "--queries", "blank.txt"], "blank.txt holds no queries"),
        (["law", "--index", "INDEX", "--queries", "twice.jsonl"], "line 2: the id 'a' occurs twice"),
        (["law", "--index", "INDEX", "--queries", "void.jsonl"], "line 1: the query is empty"),
        (["law", "--index", "INDEX", "--queries", "noo.txt"], "the file of queries noo.txt does not exist. Did you mean no.txt"),
        (["law", "--index", "INDEX", "--queries", "no.txt", "--qrels", "no.tsv"], "no.tsv judges none of the 1 queries of no.txt"),
        (["law", "--index", "INDEX", "--queries", "no.txt", "--qrels", "zero.tsv"], "names no passage that answers a query"),
        (["law", "--index", "INDEX", "--top", "0", "court"], "0 is not in the range"),
    ],
    ids=lambda given: " ".join(given) if isinstance(given, list) else "",
)
def test_what_contradicts_itself_or_is_not_there_is_refused(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, text in {
        "empty.txt": "",
        "blank.txt": "\n\n",
        "no.txt": "court\n",
        "no.tsv": "q9\tp1\t1\n",
        "zero.tsv": "1\tp1\t0\n",
        "twice.jsonl": '{"_id": "a", "text": "x"}\n{"_id": "a", "text": "y"}\n',
        "void.jsonl": '{"_id": "a", "text": " "}\n',
    }.items():
        (tmp_path / name).write_text(text)
    result = adapt("search", *(str(made / "by-base") if word == "INDEX" else word for word in words))
    assert result.exit_code in (1, 2)
    assert message in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("query", ["押金不退怎么办，" * 20, "who pays the rent, and what if nobody does? " * 10, "~who is there"])
def test_a_query_that_could_be_no_folder_is_a_query(made: Path, query: str) -> None:
    result = adapt("search", "law", query, "--index", made / "by-base", "--top", 1)
    assert result.exit_code == 0, result.stderr
    assert f"query: {query[:8]}" in result.stdout


def test_a_last_word_that_is_near_a_name_is_told(made: Path) -> None:
    result = adapt("search", "law", "whoel", "--index", made / "by-base", "--top", 1)
    assert "'whoel' is not a reference, and is taken for the query. Did you mean whole?" in result.stderr
    assert "query: whoel" in result.stdout


def test_another_base_is_refused(made: Path, second_base: Path) -> None:
    result = adapt("search", "base", "court", "--index", made / "by-base", "--base", second_base)
    assert result.exit_code == 1
    assert "was made for tiny-base with weights of sha256" in result.stderr


def test_a_text_is_one_line_as_wide_as_it_may_be() -> None:
    assert clip("a\n\x1b[31mb\tc", 20) == "a \\x1b[31mb c"
    assert clip("法院" * 10, 9) == "法院法院…"
    assert clip("abcdef", 4) == "abc…"
    assert clip("abcd", 4) == "abcd"


def test_documents_have_the_vectors_of_the_base_bit_for_bit_whoever_searches(
    made: Path, toy_folder: Path, tiny_base: Path, tmp_path: Path
) -> None:
    where = Search(registry=open_registry(), base=str(tiny_base))
    for reference in ("base", "law"):
        request = BuildRequest(corpus=toy_folder, out=tmp_path / reference, reference=reference, where=where, settings=FP32)
        prepare_build(request).run()
    assert (tmp_path / "law" / "000000.safetensors").read_bytes() == (tmp_path / "base" / "000000.safetensors").read_bytes()
    encoder = open_encoder(resolve_reference("base", where), LoadedBases(FP32))
    texts = [json.loads(line)["text"] for line in (toy_folder / "corpus.jsonl").read_text().splitlines()]
    stored = Index.open(tmp_path / "law").vectors()
    assert np.array_equal(stored.rows(range(stored.count)).numpy(), encoder.encode(texts, "document").vectors)


def test_what_bfloat16_costs_is_told_where_the_corpus_has_judgements(toy_folder: Path, tiny_base: Path, tmp_path: Path) -> None:
    from adapt_embed.metrics import NDCG_10

    result = adapt("index", "build", toy_folder, "-o", tmp_path / "half", "--base", tiny_base, "--vectors", "bf16", "--dtype", "fp32")
    assert result.exit_code == 0, result.output
    told = re.search(r"in bf16, nDCG@10 of 16 judged queries is (.+), and in fp32 it would be (.+) \(", result.stderr)
    assert told
    queries, answers = read_query_file(toy_folder), read_answers(toy_folder / "qrels" / "dev.tsv")
    index = Index.open(tmp_path / "half")
    where = Search(registry=open_registry(), base=str(tiny_base))
    encoder = open_encoder(resolve_reference("base", where), LoadedBases(FP32))
    embedded = encoder.encode([queries[each] for each in answers], "query").vectors
    rounded = index.vectors().rows(range(32)).numpy()
    exact = encoder.encode([index.text(row) for row in range(32)], "document").vectors  # type: ignore[misc]
    for vectors, score in ((rounded, told[1]), (exact, told[2])):
        by_query = NDCG_10.by_query(embedded, vectors, list(answers), list(index.ids()), answers)
        assert float(score) == pytest.approx(np.mean(list(by_query.values())), abs=6e-5)


# from Python


def test_a_program_builds_opens_and_searches(made: Path, tiny_base: Path, toy_folder: Path, tmp_path: Path) -> None:
    index = Index.build(toy_folder, tmp_path / "new", base=tiny_base, dtype="fp32", vectors="fp32")
    assert (len(index), index.dimension, next(iter(index.ids())), index.faults()) == (32, 32, "p0-0", [])
    assert repr(index) == f"Index('{tmp_path / 'new'}', rows=32, reference='base', base='tiny-base')"
    by_name = index.search("court", ["law"], dtype="fp32")
    by_hand = index.search(["court"], [load("law", dtype="fp32")], dtype="fp32")
    assert by_name.as_dict() == by_hand.as_dict()
    assert by_name.references == ("law@1", "base")
    assert index.search("court").references == ("base",)
    (tmp_path / "more.csv").write_text("id,text\nx,法院\n", encoding="utf-8")
    longer = index.add(tmp_path / "more.csv", base=tiny_base)
    assert (len(longer), longer.text(32), longer.as_dict()["rows"]) == (33, "法院", 33)
    with pytest.raises(AdapterError, match="whole@1 does not fit"):
        index.search("court", [load("whole")])
    assert Index.build(toy_folder, tmp_path / "own", reference=load("whole")).search("court", ["whole"]).base is None
