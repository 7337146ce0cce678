"""A registered adapter scores the same through `adapt bench` as through sentence-transformers in plain mteb."""

import json
from pathlib import Path

import mteb
import pytest
import torch
from adapt_embed.adapters import TrainConfig, train_adapter
from adapt_embed.adapters.register import register_adapter
from adapt_embed.base import load_base, resolve_base
from adapt_embed.base.link import link_base
from adapt_embed.bench.run.models import open_models
from adapt_embed.bench.run.scoring import bench
from adapt_embed.bench.sources import make_tasks
from adapt_embed.data.beir import BeirFolder
from adapt_embed.data.pairs import TrainingData, draw_queries
from adapt_embed.references import EncoderSettings, LoadedBases, Search, resolve_references
from adapt_embed.registry import open_registry
from mteb.abstasks import AbsTask

QUERIES = 20
TOLERANCE = {"STS": 1e-4, "Retrieval": 1e-3}
PAIRS = ["score\tsentence1\tsentence2", "5\tthe court and the judge\tthe judge and the court", "1\tlaw\triver and sea"]
PAIRS += ["3\ta tenant pays rent\tthe house of the tenant", "4\tarmy at war\tmany a war", "0\tmusic\tdoctor"]


def task_of(folder: Path) -> AbsTask:
    return make_tasks([folder], (), split="test", language="en")[0]


def score_by_us(adapter: Path, base: str, folder: Path) -> tuple[float, float]:
    """Return the adapter's main score and its base's."""
    found = resolve_references([str(adapter)], Search(registry=open_registry(adapter.parent / "none"), base=base))
    result = bench(open_models(found, LoadedBases(EncoderSettings(precision="fp32"))), [task_of(folder)])
    scores = [next(iter(score.metrics.values())) for score in result.scores]
    return scores[1], scores[0]


def score_by_them(adapter: Path, folder: Path) -> float:
    """Return the main score of plain mteb with sentence-transformers' own model of the folder."""
    from sentence_transformers import SentenceTransformer

    model, task = SentenceTransformer(str(adapter), device="cpu", model_kwargs={"dtype": torch.float32}), task_of(folder)
    encoding = {"batch_size": 32, "show_progress_bar": False}
    found = mteb.evaluate(model, task, cache=None, co2_tracker=False, show_progress_bar=False, encode_kwargs=encoding)
    return float(found.task_results[0].scores["test"][0]["main_score"])


def same_scores(adapter: Path, base: str, folder: Path) -> None:
    ours, of_base = score_by_us(adapter, base, folder)
    assert ours == pytest.approx(score_by_them(adapter, folder), abs=TOLERANCE[task_of(folder).metadata.type])
    assert ours != of_base, "the adapter changes nothing, so that the agreement says nothing"


@pytest.mark.filterwarnings("ignore")
def test_an_adapter_scores_as_sentence_transformers_in_plain_mteb(
    tiny_base: Path, toy_data: TrainingData, toy_folder: Path, tmp_path: Path
) -> None:
    base, registry = load_base(resolve_base(str(tiny_base))), open_registry(tmp_path / "registry")
    config = TrainConfig(epochs=1, batch_size=16, learning_rate=1e-2, rank=4, max_tokens=16, precision="fp32")
    entry = register_adapter(registry, "toy", "legal", base, toy_data, config, train_adapter(base, toy_data, config))
    pairs = tmp_path / "pairs"
    pairs.mkdir()
    (pairs / "en-test.tsv").write_text("\n".join(PAIRS) + "\n", encoding="utf-8")
    for folder in (toy_folder, pairs):
        same_scores(registry.folder(entry), str(tiny_base), folder)


@pytest.mark.shared
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_an_adapter_on_the_real_base_does_so_too(shared: Path, tmp_path: Path) -> None:
    """On every tenth pair of STS-B, and 20 queries of LegalSummarization over some passages, which are cut at 512 tokens."""
    link_base(shared / "bases" / "bge-small-en-v1.5", "bge-small-en")
    source = BeirFolder(shared / "data" / "legal-conditionalqa")
    corpus = source.corpus()
    train = draw_queries(source.pairs("train", corpus), 64, 0)
    data = TrainingData(corpus=corpus, train=train, dev=None, source="conditionalqa")
    base, registry = load_base(resolve_base("bge-small-en")), open_registry(tmp_path / "registry")
    config = TrainConfig(epochs=1, batch_size=16, positives_per_query=1, max_tokens=64, precision="fp32")
    entry = register_adapter(registry, "law", "legal", base, data, config, train_adapter(base, data, config))
    for folder in (every_tenth_pair(shared, tmp_path), few_summaries(shared, tmp_path)):
        same_scores(registry.folder(entry), "bge-small-en", folder)


def every_tenth_pair(shared: Path, tmp_path: Path) -> Path:
    heading, *rows = (shared / "data" / "general-stsb" / "en-test.tsv").read_text(encoding="utf-8").splitlines()
    (tmp_path / "pairs").mkdir()
    (tmp_path / "pairs" / "en-test.tsv").write_text("\n".join([heading, *rows[::10]]) + "\n", encoding="utf-8")
    return tmp_path / "pairs"


def few_summaries(shared: Path, tmp_path: Path) -> Path:
    source, folder = shared / "data" / "legal-legalsummarization", tmp_path / "summaries"
    heading, *judged = (source / "qrels" / "test.tsv").read_text(encoding="utf-8").splitlines()
    (folder / "qrels").mkdir(parents=True)
    (folder / "qrels" / "test.tsv").write_text("\n".join([heading, *judged[:QUERIES]]) + "\n", encoding="utf-8")
    wanted = {line.split("\t")[1] for line in judged[:QUERIES]}
    (folder / "queries.jsonl").write_bytes((source / "queries.jsonl").read_bytes())
    passages = (source / "corpus.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
    kept = [line for number, line in enumerate(passages) if number % 15 == 0 or json.loads(line)["_id"] in wanted]
    (folder / "corpus.jsonl").write_text("".join(kept), encoding="utf-8")
    return folder
