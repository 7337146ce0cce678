"""The bench: identities, local tasks, scores through mteb, and the command."""

import json
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from adapt_embed.base import load_base
from adapt_embed.base.resolve import resolve_base
from adapt_embed.bench.cost.plan import plan
from adapt_embed.bench.report.terminal import table_text
from adapt_embed.bench.run.identity import Identity, identify
from adapt_embed.bench.run.models import Model, open_models
from adapt_embed.bench.run.scoring import BenchProgress, bench
from adapt_embed.bench.scope import language_of
from adapt_embed.bench.sources import make_tasks, task_from_folder
from adapt_embed.bench.tasks.data import data_of
from adapt_embed.bench.tasks.retrieval import retrieval_task
from adapt_embed.bench.tasks.sts import sts_task
from adapt_embed.data.pairs import Pairs
from adapt_embed.data.sentence_pairs import SentencePairs
from adapt_embed.encoders import Encoded, LoraEncoder
from adapt_embed.errors import AdapterError, ConfigError, DataError
from adapt_embed.events import Quiet
from adapt_embed.lora import LoraFactors, LoraModule, write_lora
from adapt_embed.metrics import NDCG_10
from adapt_embed.references import LoadedBases, Search, resolve_references
from adapt_embed.registry import open_registry
from click.testing import CliRunner
from scipy.stats import spearmanr

CORPUS = {"p1": "the court and the judge", "p2": "a tenant pays rent", "p3": "notice to the landlord", "p4": "appeal of the law"}
PAIRS = Pairs({"q1": "judge", "q2": "who pays rent"}, {"q1": {"p1": 1}, "q2": {"p2": 2, "p3": 1}})


class Fake:
    """An encoder whose vectors are written down, and which remembers what it was asked."""

    def __init__(self, vectors: dict[str, list[float]]) -> None:
        self.vectors = {text: np.array(vector, np.float32) / np.linalg.norm(vector) for text, vector in vectors.items()}
        self.asked: list[tuple[str, str]] = []
        self.dimension = len(next(iter(vectors.values()), []))

    def networks(self) -> tuple[()]:
        return ()

    def encode(self, texts: Sequence[str], role: str = "document", *, on_batch: object = None) -> Encoded:
        self.asked += [(role, text) for text in texts]
        return Encoded(np.stack([self.vectors[text] for text in texts]), np.zeros(len(texts), np.bool_))


def fake_model(fake: Fake, name: str = "fake", base: str | None = None) -> Model:
    return Model(name, fake, Identity(name=f"adapt/{name}", revision=name, precision="fp32", max_tokens=8), "written down", base)  # type: ignore[arg-type]


def factors(seed: int) -> LoraFactors:
    draw = torch.Generator().manual_seed(seed)
    return {"encoder.layer.0.attention.self.query": LoraModule(torch.randn(2, 32, generator=draw), torch.randn(32, 2, generator=draw), 2.0)}


def write_adapter(folder: Path, seed: int, base: Path) -> Path:
    folder.mkdir()
    write_lora(factors(seed), folder / "adapter_model.safetensors")
    (folder / "adapter_config.json").write_text(
        json.dumps({"peft_type": "LORA", "r": 2, "lora_alpha": 4, "base_model_name_or_path": str(base)})
    )
    return folder


@pytest.fixture(scope="module")
def encoder(tiny_base: Path) -> LoraEncoder:
    return LoraEncoder(load_base(resolve_base(str(tiny_base))), precision="fp32")


@pytest.fixture
def beir(tmp_path: Path) -> Path:
    folder = tmp_path / "law"
    (folder / "qrels").mkdir(parents=True)
    rows = [{"_id": pid, "title": "Law" if pid == "p1" else "", "text": text} for pid, text in CORPUS.items()]
    (folder / "corpus.jsonl").write_text("\n".join(map(json.dumps, rows)))
    (folder / "queries.jsonl").write_text("\n".join(json.dumps({"_id": qid, "text": text}) for qid, text in PAIRS.queries.items()))
    judged = [f"{qid}\t{pid}\t{grade}" for qid, passages in PAIRS.positives.items() for pid, grade in passages.items()]
    (folder / "qrels" / "test.tsv").write_text("\n".join(["query-id\tcorpus-id\tscore", *judged]))
    return folder


@pytest.fixture
def sts(tmp_path: Path) -> Path:
    folder = tmp_path / "general-stsb"
    folder.mkdir()
    for language in ("en", "zh"):
        (folder / f"{language}-test.tsv").write_text('score\tsentence1\tsentence2\n5\ta "b\ta b\n2.5\tc d\tc e\n0\tf\tg h\n')
    return folder


def test_retrieval_scores_are_those_of_a_ranking_done_by_hand() -> None:
    fake = Fake({"query": [1, 0], "first": [1, 0.1], "second": [1, 0.2], "third": [1, 0.3], "fourth": [1, 0.4]})
    task = retrieval_task(
        "hand", {"a": "first", "b": "second", "c": "third", "d": "fourth"}, Pairs({"q": "query"}, {"q": {"b": 1, "d": 1}})
    )
    score = bench([fake_model(fake)], [task]).scores[0]
    expected = (1 / math.log2(3) + 1 / math.log2(5)) / (1 + 1 / math.log2(3))  # relevant at ranks 2 and 4 of 2
    by_hand = {"nDCG@10": expected, "R@100": 1.0, "RR@10": 0.5, "AP@10": 0.5, "P@1": 0.0, "P@5": 0.4, "R@3": 0.5, "Success@3": 1.0}
    assert {metric: score.metrics[metric] for metric in by_hand} == pytest.approx(by_hand, abs=1e-5)
    assert score.items == pytest.approx({"q": expected}, abs=1e-7)


def test_queries_go_in_as_queries_and_passages_as_documents_whole(beir: Path) -> None:
    fake = Fake({text: [1, row] for row, text in enumerate(["Law the court and the judge", *CORPUS.values(), *PAIRS.queries.values()])})
    bench([fake_model(fake)], [task_from_folder(beir, split="test", language="en")])
    passages = ["Law the court and the judge", *list(CORPUS.values())[1:]]
    assert sorted(fake.asked) == sorted([("query", text) for text in PAIRS.queries.values()] + [("document", text) for text in passages])


def test_sentences_go_in_as_documents_and_give_the_rank_correlation() -> None:
    fake = Fake({"a": [1, 0], "b": [1, 0.1], "c": [1, 1], "d": [0, 1], "e": [1, 0.4]})
    pairs = SentencePairs(["a", "a", "a", "b"], ["b", "c", "d", "e"], [4.0, 1.0, 2.0, 5.0])
    score = bench([fake_model(fake)], [sts_task("pairs", pairs)]).scores[0]
    cosines = [float(fake.vectors[one] @ fake.vectors[other]) for one, other in zip(pairs.first, pairs.second, strict=True)]
    assert score.metrics["Spearman"] == pytest.approx(spearmanr(pairs.scores, cosines).statistic, abs=1e-6)
    assert list(score.items) == ["1", "2", "3", "4"]
    assert list(score.items.values()) == pytest.approx(cosines, abs=1e-6)
    assert {role for role, _ in fake.asked} == {"document"}


def test_scores_of_queries_are_those_of_the_dev_metric_and_average_to_mtebs(encoder: LoraEncoder) -> None:
    rng = np.random.default_rng(0)
    words = ["the", "court", "tenant", "landlord", "rent", "law", "appeal", "judge", "notice", "lease", "deposit"]
    corpus = {f"p{row}": " ".join(rng.choice(words, 6)) for row in range(60)}
    queries = {f"q{row}": " ".join(rng.choice(words, 3)) for row in range(15)}
    pairs = Pairs(queries, {qid: {f"p{pid}": int(rng.integers(1, 3)) for pid in rng.choice(60, 4, replace=False)} for qid in queries})
    score = bench([Model("base", encoder, identify("base", encoder), "", None)], [retrieval_task("drawn", corpus, pairs)]).scores[0]
    vectors = encoder.encode(list(queries.values()), "query").vectors, encoder.encode(list(corpus.values())).vectors
    expected = NDCG_10.by_query(*vectors, list(queries), list(corpus), pairs.positives)
    assert 0.05 < np.mean(list(expected.values())) < 0.95
    assert score.items == pytest.approx(expected, abs=1e-6)
    assert score.metrics["nDCG@10"] == pytest.approx(np.mean(list(expected.values())), abs=5.1e-6)  # mteb rounds to 5 digits


def test_whatever_changes_vectors_changes_the_identity(encoder: LoraEncoder) -> None:
    one, spec = replace(encoder, factors=factors(1)), encoder.base.spec
    base, how = encoder.base, encoder.base.encoding
    half = {name: LoraModule(module.a, module.b, module.scale / 2) for name, module in factors(1).items()}
    prompted = replace(base, encoding=replace(how, query_prompt="ask: "))
    variants = [
        encoder,
        one,
        replace(encoder, factors=factors(2)),
        replace(encoder, factors=half),
        replace(one, document_factors={}),
        replace(one, max_tokens=how.max_tokens - 1),
        replace(one, precision="bf16"),
        replace(one, base=prompted),
        replace(one, base=replace(base, network=replace(base.network, spec=replace(spec, sha256="0" * 64)))),
        replace(one, base=replace(base, encoding=replace(how, pooling="mean"))),
    ]
    assert len({identify("same", variant).revision for variant in variants}) == len(variants)


def test_what_changes_no_vector_changes_no_identity(encoder: LoraEncoder) -> None:
    one = replace(encoder, factors=factors(1))
    same = [
        one,
        replace(one, max_tokens=encoder.base.encoding.max_tokens),
        replace(one, document_factors=factors(1)),
        replace(one, batch_tokens=64),
    ]
    assert len({identify("same", variant).revision for variant in same}) == 1
    assert identify("hf:me/my model", one).name == "adapt/hf-me-my-model"


@pytest.mark.parametrize("change", ["grade", "passage", "query", "judged", "passage id"])
def test_any_change_of_the_content_changes_the_revision_of_a_task(change: str) -> None:
    corpus, pairs = CORPUS, PAIRS
    if change == "grade":
        pairs = Pairs(PAIRS.queries, PAIRS.positives | {"q2": {"p2": 1, "p3": 1}})
    elif change == "judged":
        pairs = Pairs(PAIRS.queries, PAIRS.positives | {"q1": {"p2": 1}})
    elif change == "query":
        pairs = Pairs(PAIRS.queries | {"q1": "judges"}, PAIRS.positives)
    elif change == "passage":
        corpus = CORPUS | {"p4": "appeal of the laws"}
    else:
        corpus = {("p5" if pid == "p4" else pid): text for pid, text in CORPUS.items()}
    assert retrieval_task("t", corpus, pairs).metadata.revision != retrieval_task("t", CORPUS, PAIRS).metadata.revision


def test_the_order_of_the_content_does_not_change_the_revision() -> None:
    turned = {pid: CORPUS[pid] for pid in reversed(CORPUS)}
    assert retrieval_task("t", turned, PAIRS).metadata.revision == retrieval_task("t", CORPUS, PAIRS).metadata.revision


def test_local_sts_never_passes_for_mtebs_score(sts: Path) -> None:
    names = [task_from_folder(sts, split="test", language=language).metadata.name for language in ("en", "zh")]
    assert names == ["STSBenchmark (local)", "STSBenchmark-zh (local)"]


def test_a_quotation_mark_in_a_tsv_is_a_character(sts: Path) -> None:
    assert data_of(task_from_folder(sts, split="test", language="en"))["sentence1"][0] == 'a "b'


def test_a_folder_of_no_known_layout_says_what_was_expected(tmp_path: Path) -> None:
    with pytest.raises(
        DataError, match=r"neither a BEIR folder \(corpus\.jsonl.*en-test\.tsv with the columns score, sentence1, sentence2"
    ):
        task_from_folder(tmp_path, split="test", language="en")


def test_bad_data_is_one_clear_line(beir: Path, sts: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"the data folder .* does not exist"):
        task_from_folder(tmp_path / "absent", split="test", language="en")
    with pytest.raises(DataError, match=r"dev\.tsv does not exist; splits here: test"):
        task_from_folder(beir, split="dev", language="en")
    with pytest.raises(DataError, match=r"en-dev\.tsv does not exist; there are en-test\.tsv, zh-test\.tsv"):
        task_from_folder(sts, split="dev", language="en")
    (sts / "en-test.tsv").write_text("score\tsentence1\tsentence2\nhigh\ta\tb\n")
    with pytest.raises(DataError, match=r"en-test\.tsv, line 2: expected a number under 'score', found 'high'"):
        task_from_folder(sts, split="test", language="en")
    (sts / "en-test.tsv").write_text("score\tsentence1\n1\ta\n")
    with pytest.raises(DataError, match="lacks the column sentence2"):
        task_from_folder(sts, split="test", language="en")
    (sts / "en-test.tsv").write_text("score\tsentence1\tsentence2\n1\ta\tb\n1\tc\td\n")
    with pytest.raises(DataError, match="2 pairs with 1 different score"):
        task_from_folder(sts, split="test", language="en")


def test_a_score_that_is_not_finite_is_refused(sts: Path) -> None:
    (sts / "en-test.tsv").write_text("score\tsentence1\tsentence2\n1\ta\tb\nnan\tc\td\n")
    with pytest.raises(DataError, match="line 3: expected a number under 'score', found 'nan'"):
        task_from_folder(sts, split="test", language="en")


def test_a_task_without_queries_or_with_a_missing_passage_is_refused() -> None:
    with pytest.raises(DataError, match="4 passages and 0 queries"):
        retrieval_task("t", CORPUS, Pairs({}, {}))
    with pytest.raises(DataError, match="query 'q1' names passage 'p9'"):
        retrieval_task("t", CORPUS, Pairs({"q1": "judge"}, {"q1": {"p9": 1}}))


def test_two_tasks_of_one_name_are_refused() -> None:
    with pytest.raises(ConfigError, match="two tasks are called t"):
        bench([], [retrieval_task("t", CORPUS, PAIRS), retrieval_task("t", CORPUS, PAIRS)])


def models_of(folders: list[Path], tmp_path: Path, base: bool = True) -> list[Model]:
    search = Search(registry=open_registry(tmp_path / "registry"))
    return open_models(resolve_references([*(["base"] if base else []), *map(str, folders)], search), LoadedBases())


def test_the_base_comes_first_whether_or_not_it_is_named(tiny_base: Path, tmp_path: Path) -> None:
    folders = [write_adapter(tmp_path / name, seed, tiny_base) for seed, name in enumerate("ab")]
    for named in (True, False):
        models = models_of([*folders, folders[0]], tmp_path, named)
        assert [(model.name, model.base) for model in models] == [
            ("base", None),
            (str(folders[0]), "base"),
            (str(folders[1]), "base"),
        ]


def test_each_adapter_is_held_against_its_own_base(tiny_base: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    encoder = load_base(resolve_base(str(tiny_base)))
    with torch.no_grad():
        encoder.model.embeddings.word_embeddings.weight.mul_(2)
    encoder.model.save_pretrained(other)
    encoder.tokenizer.save_pretrained(other)
    (other / "1_Pooling").mkdir()
    (other / "1_Pooling" / "config.json").write_text((tiny_base / "1_Pooling" / "config.json").read_text())
    folders = [write_adapter(tmp_path / "a", 1, tiny_base), write_adapter(tmp_path / "b", 1, other)]
    models = models_of(folders, tmp_path, base=False)
    assert [(model.name, model.base) for model in models] == [
        ("base", None),
        ("base other", None),
        (str(folders[0]), "base"),
        (str(folders[1]), "base other"),
    ]


def test_two_adapters_never_share_a_score(tiny_base: Path, tmp_path: Path, beir: Path) -> None:
    models = models_of([write_adapter(tmp_path / name, seed, tiny_base) for seed, name in enumerate("ab")], tmp_path)
    assert len({model.identity.revision for model in models}) == 3
    task = sts_task("pairs", SentencePairs(list(CORPUS.values())[:3], list(CORPUS.values())[1:], [1.0, 2.0, 3.0]))
    values = [tuple(score.items.values()) for score in bench(models, [task]).scores]
    assert len(set(values)) == 3
    alone = [tuple(bench([model], [task]).scores[0].items.values()) for model in reversed(models)]
    assert alone == values[::-1]


def test_the_result_says_the_difference_and_reads_back(tmp_path: Path, beir: Path) -> None:
    good = Fake(
        {
            "judge": [1, 0, 0],
            "who pays rent": [0, 1, 0],
            **dict(zip(CORPUS.values(), [[1, 0, 0], [0, 1, 0], [0, 1, 0.1], [0, 0, 1]], strict=True)),
        }
    )
    poor = Fake({text: [1, row] for row, text in enumerate([*PAIRS.queries.values(), *reversed(CORPUS.values())])})
    task = retrieval_task("law", CORPUS, PAIRS)
    result = bench([fake_model(poor, "base"), fake_model(good, "legal@1", "base")], [task])
    difference = result.difference("law", "legal@1")
    assert result.difference("law", "base") is None
    assert difference is not None
    assert difference["nDCG@10"] == pytest.approx(1 - result.score("law", "base").metrics["nDCG@10"])
    assert difference["nDCG@10"] > 0.1
    assert json.loads(json.dumps(result.as_dict(items=True)))["scores"][1]["difference"] == difference
    assert "items" not in result.as_dict()["scores"][0]
    text = table_text(result)
    assert next(line for line in text.splitlines() if "legal@1" in line).split() == ["legal@1", "1.0000", f"+{difference['nDCG@10']:.4f}"]
    assert "law, test (2 queries)" in text
    assert "legal@1" in text


def test_progress_ends_at_the_number_of_texts(encoder: LoraEncoder) -> None:
    told: list[BenchProgress] = []
    model = Model("base", replace(encoder, batch_tokens=16), identify("base", encoder), "", None)
    bench([model], [retrieval_task("law", CORPUS, PAIRS)], told.append)
    assert [progress.done for progress in told] == sorted({progress.done for progress in told})
    assert len(told) > 2
    assert (told[-1].done, told[-1].total, told[-1].task) == (6, 6, "law")


def test_truncated_texts_are_counted_per_task(encoder: LoraEncoder) -> None:
    model = Model("base", replace(encoder, max_tokens=8), identify("base", encoder), "", None)
    tasks = [
        retrieval_task("long", {"p1": "the court " * 20, "p2": "law"}, Pairs({"q": "law"}, {"q": {"p1": 1}})),
        retrieval_task("short", {"p1": "law"}, Pairs({"q": "a"}, {"q": {"p1": 1}})),
    ]
    assert [score.truncated for score in bench([model], tasks).scores] == [1, 0]


def test_a_plan_counts_texts_and_tokens_and_scores_nothing(encoder: LoraEncoder, sts: Path) -> None:
    model = Model("base", encoder, identify("base", encoder), "", None)
    planned = plan(
        [model],
        [
            retrieval_task("law", {"p1": "the court", "p2": "law"}, Pairs({"q": "law"}, {"q": {"p1": 1}})),
            task_from_folder(sts, split="test", language="en"),
        ],
    )
    assert [(cell.task, cell.texts) for cell in planned.planned] == [("law", 3), ("STSBenchmark (local)", 6)]
    assert planned.planned[0].tokens == 4 + 3 + 5  # with [CLS] and [SEP], and the query with its instruction
    assert 0 < planned.minutes < 1
    assert planned.as_dict()["texts"] == 9
    assert "law with base: 3 texts, 12 tokens" in planned.describe()


def test_an_adapter_of_another_shape_is_refused(tiny_base: Path, tmp_path: Path) -> None:
    folder = write_adapter(tmp_path / "wide", 1, tiny_base)
    write_lora(
        {"encoder.layer.0.attention.self.query": LoraModule(torch.ones(2, 48), torch.ones(48, 2), 1.0)},
        folder / "adapter_model.safetensors",
    )
    with pytest.raises(AdapterError, match=r"changes encoder\.layer\.0\.attention\.self\.query \(48, 48\)"):
        bench(models_of([folder], tmp_path), [retrieval_task("law", CORPUS, PAIRS)])


def test_an_unpaired_surrogate_in_a_text_is_no_crash(encoder: LoraEncoder) -> None:
    task = retrieval_task("odd", {"p1": "law \ud800", "p2": ""}, Pairs({"q": "\U0001f600"}, {"q": {"p1": 1}}))
    assert bench([Model("base", encoder, identify("base", encoder), "", None)], [task]).scores[0].metrics["R@100"] == 1.0


def run_command(*arguments: str) -> dict:
    from adapt_embed.cli.bench import command

    ran = CliRunner().invoke(command, [*arguments, "--json"], catch_exceptions=False)
    assert ran.exit_code == 0, ran.output
    return json.loads(ran.stdout)


def test_the_command_puts_references_beside_their_base(tiny_base: Path, tmp_path: Path, beir: Path, sts: Path) -> None:
    adapter = write_adapter(tmp_path / "mine", 1, tiny_base)
    out = tmp_path / "items.json"
    result = run_command(str(adapter), "--data", str(beir), "--data", str(sts), "--max-tokens", "16", "--per-query", str(out))
    assert [task["name"] for task in result["tasks"]] == ["law", "STSBenchmark (local)"]
    assert [(ref["name"], ref["precision"], ref["max_tokens"]) for ref in result["references"]] == [
        ("base", "fp32", 16),
        (str(adapter), "fp32", 16),
    ]
    assert len(result["scores"]) == 4
    written = json.loads(out.read_text())
    assert set(written["scores"][0]["items"]) == {"q1", "q2"}
    assert [{key: value for key, value in score.items() if key != "items"} for score in written["scores"]] == result["scores"]


def test_a_dry_run_of_the_command_scores_nothing(tiny_base: Path, beir: Path) -> None:
    result = run_command("base", "--base", str(tiny_base), "--data", str(beir), "--dry-run")
    assert result["dry_run"] is True
    assert result["texts"] == 6
    assert "scores" not in result


def test_a_reference_of_another_language_than_the_tasks_is_told(tiny_base: Path) -> None:
    told: list[str] = []
    events = Quiet()
    events.note = told.append  # type: ignore[method-assign]
    (english,) = resolve_references(["base"], Search(registry=open_registry(), base=str(tiny_base)))
    chinese = replace(english, reference="law-zh@1", base=replace(english.base, language="zh"))
    assert language_of([english, replace(english, base=replace(english.base, language="multilingual"))], events) == "en"
    assert told == []
    assert (language_of([english, chinese], events), language_of([chinese, english], events)) == ("en", "zh")
    assert told[0] == "warning: tasks are taken in en, which the base of law-zh@1 is not made for; --lang says another language"
    assert len(told) == 2


def test_one_edited_judgement_changes_revision_and_score(tiny_base: Path, beir: Path) -> None:
    before = run_command("base", "--base", str(tiny_base), "--data", str(beir))
    (beir / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\nq1\tp1\t1\nq2\tp2\t2\nq2\tp3\t1\nq2\tp4\t2\n")
    after = run_command("base", "--base", str(tiny_base), "--data", str(beir))
    assert before["tasks"][0]["revision"] != after["tasks"][0]["revision"]
    assert before["references"] == after["references"]
    assert before["scores"][0]["metrics"] != after["scores"][0]["metrics"]


def test_nothing_to_score_on_is_one_clear_line(tiny_base: Path) -> None:
    with pytest.raises(ConfigError, match="give --data DIR or --domain D"):
        run_command("base", "--base", str(tiny_base))


def test_a_place_that_cannot_be_written_is_refused_before_the_work(tmp_path: Path, beir: Path) -> None:
    with pytest.raises(ConfigError, match="absent does not exist"):
        run_command("no-such-reference", "--data", str(beir), "--per-query", str(tmp_path / "absent" / "out.json"))


def test_a_domain_is_scored_on_its_sample(tiny_base: Path) -> None:
    tasks = make_tasks([], ["legal"], split="dev", language="en")
    assert [task.metadata.name for task in tasks] == ["sample-legal-en"]
    assert len(data_of(tasks[0])["queries"]) >= 40


@pytest.mark.shared
@pytest.mark.slow
def test_the_real_base_scores_as_mteb_published(shared: Path) -> None:
    """LegalSummarization rebuilt: published 0.6149; sentence-transformers in plain mteb gives 0.60629 on the same files."""
    result = run_command(
        "base", "--base", str(shared / "bases" / "bge-small-en-v1.5"), "--data", str(shared / "data" / "legal-legalsummarization")
    )
    assert result["scores"][0]["metrics"]["nDCG@10"] == pytest.approx(0.6149, abs=0.015)
    assert result["scores"][0]["metrics"]["nDCG@10"] == pytest.approx(0.60629, abs=1e-3)


@pytest.mark.shared
@pytest.mark.slow
def test_the_real_base_has_the_rank_correlation_that_mteb_published(shared: Path) -> None:
    """STSBenchmark, published: 0.8586."""
    result = run_command(
        "base", "--base", str(shared / "bases" / "bge-small-en-v1.5"), "--data", str(shared / "data" / "general-stsb"), "--lang", "en"
    )
    assert result["tasks"][0]["name"] == "STSBenchmark (local)"
    assert result["scores"][0]["metrics"]["Spearman"] == pytest.approx(0.8586, abs=0.003)
