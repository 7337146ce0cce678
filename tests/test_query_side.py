"""Adapters for queries alone: queries go through base and LoRA, documents have the vectors of the base, bit for bit."""

import json
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from adapt_embed import batch_adapters, load, merge_adapters
from adapt_embed.base.resolve import BaseOptions
from adapt_embed.base.sentence_files import write_json
from adapt_embed.choices import Role, Side
from adapt_embed.cli import main
from adapt_embed.data.dev_set import DevSet
from adapt_embed.data.sentence_pairs import SentencePairs
from adapt_embed.encoders import LoraEncoder
from adapt_embed.ensemble.encoders import combine_mean
from adapt_embed.ensemble.job import prepare_ensemble
from adapt_embed.ensemble.request import EnsembleRequest
from adapt_embed.errors import ConfigError, DataError
from adapt_embed.events import Quiet
from adapt_embed.label_metrics import spearman
from adapt_embed.lora import CONFIG, WEIGHTS, LoraModule, lora_config, read_lora, write_lora
from adapt_embed.merge import MergeRequest, WeightSearch, prepare_merge
from adapt_embed.merge.search.probe import Probe, encoders_over
from adapt_embed.merge.search.task import SearchTask
from adapt_embed.references import EncoderSettings, LoadedBases, Search, open_reference, resolve_references
from adapt_embed.registry import Registry, open_registry
from adapt_embed.registry.foreign import add_folder
from click.testing import CliRunner, Result

TEXTS = ["the tenant", "the landlord and the court", "租客要归还什么？", "water " * 600]
FP32 = EncoderSettings(precision="fp32")


def bare(folder: Path, base: Path, seed: int) -> Path:
    """Write a LoRA of random factors as peft would."""
    draw = torch.Generator().manual_seed(seed)
    names = [f"encoder.layer.{layer}.attention.self.query" for layer in (0, 1)]
    factors = {name: LoraModule(torch.randn(2, 32, generator=draw), torch.randn(32, 2, generator=draw), 0.5) for name in names}
    folder.mkdir(parents=True)
    write_lora(factors, folder / WEIGHTS)
    write_json(folder / CONFIG, lora_config(factors, str(base), None))
    return folder


def add(folder: Path, name: str, side: Side | None = None) -> None:
    add_folder(open_registry(), folder, name=name, domain="legal", base_reference=None, options=BaseOptions(), side=side)


@pytest.fixture(scope="module")
def bares(tiny_base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("bares")
    for seed, name in enumerate(("law", "health", "whole")):
        bare(home / name, tiny_base, seed)
    return home


@pytest.fixture(scope="module")
def made(bares: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A registry with law and health, for queries alone, and whole, for both."""
    home = tmp_path_factory.mktemp("made") / "home"
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("ADAPT_HOME", str(home))
        for name, side in (("law", "query"), ("health", "query"), ("whole", None)):
            add(bares / name, name, side)  # type: ignore[arg-type]
    return home


@pytest.fixture(autouse=True)
def registry(isolation: Path, made: Path) -> Registry:
    shutil.copytree(made, os.environ["ADAPT_HOME"])
    return open_registry()


def opened(*names: str) -> list[Any]:
    """Open references in fp32, over one network."""
    bases = LoadedBases(FP32)
    return [open_reference(each, bases) for each in resolve_references(["law", *names], Search(registry=open_registry()))[1:]]


def cli(*words: object) -> Result:
    return CliRunner().invoke(main, [str(word) for word in words])


def count_encodes(patched: pytest.MonkeyPatch) -> list[tuple[Role, list[str]]]:
    """Write down what networks encode from here on."""
    counted: list[tuple[Role, list[str]]] = []
    encode = LoraEncoder.encode

    def counting(self: LoraEncoder, texts: Sequence[str], role: Role = "document", **more: Any) -> Any:
        counted.append((role, list(texts)))
        return encode(self, texts, role, **more)

    patched.setattr(LoraEncoder, "encode", counting)
    return counted


class Told(Quiet):
    """Keeps notes."""

    def __init__(self) -> None:
        self.kept: list[str] = []

    def note(self, text: str) -> None:
        self.kept.append(text)


def test_documents_have_the_vectors_of_the_base_bit_for_bit_and_queries_those_of_the_adapter() -> None:
    base, law, whole = opened("base", "law", "whole")
    assert np.array_equal(law.encode(TEXTS).vectors, base.encode(TEXTS).vectors)
    assert not np.allclose(law.encode(TEXTS, "query").vectors, base.encode(TEXTS, "query").vectors, atol=1e-2)
    assert not np.allclose(whole.encode(TEXTS).vectors, base.encode(TEXTS).vectors, atol=1e-2)


def test_the_queries_of_one_adapter_are_the_same_under_both_sides(bares: Path) -> None:
    add(bares / "law", "law-both")
    query, both = opened("law", "law-both")
    assert np.array_equal(both.encode(TEXTS, "query").vectors, query.encode(TEXTS, "query").vectors)


def test_vectors_of_documents_have_the_content_of_the_base() -> None:
    base, law, health = opened("base", "law", "health")
    assert law.content("document") == health.content("document") == base.content("document")
    assert law.content("query") != base.content("query")
    assert law.content("query") != health.content("query")


def test_a_description_says_that_it_is_for_queries_alone(registry: Registry) -> None:
    (law,) = resolve_references(["law"], Search(registry=registry))
    assert (law.side, law.description) == ("query", f"adapter for queries alone law@1 on {law.base.name}, domain legal")


# Merging


def merge(*references: str, **more: Any) -> Any:
    return prepare_merge(MergeRequest(references=references, **more)).run()


@pytest.mark.parametrize("method", ["linear", "ties", "core_ties", "dare_ties", "tsv", "slerp"])
def test_a_merge_of_adapters_for_queries_alone_is_one_by_any_method(method: str) -> None:
    report = merge("law", "health", method=method, name="merged")
    assert (report.entry.side, report.as_dict()["side"]) == ("query", "query")
    assert {"router_config.json", "document/adapter_model.safetensors"} <= report.entry.files.keys()
    base, merged = opened("base", "merged")
    assert np.array_equal(merged.encode(TEXTS).vectors, base.encode(TEXTS).vectors)
    assert not np.allclose(merged.encode(TEXTS, "query").vectors, base.encode(TEXTS, "query").vectors, atol=1e-2)


def test_a_merge_is_of_the_queries_as_a_merge_for_both_is(bares: Path) -> None:
    for name in ("law", "health"):
        add(bares / name, f"{name}-both")
    merge("law", "health", "base", weights=(0.7, 0.5, 1.0), name="queries")
    merge("law-both", "health-both", weights=(0.7, 0.5), name="whole-merge")
    queries, both = opened("queries", "whole-merge")
    assert np.array_equal(queries.encode(TEXTS, "query").vectors, both.encode(TEXTS, "query").vectors)


def test_a_merge_in_memory_leaves_documents_to_the_base() -> None:
    job = prepare_merge(MergeRequest(references=("law", "health"), register=False))
    merged = job.open(job.run(), LoadedBases(FP32))
    (base,) = opened("base")
    assert np.array_equal(merged.encode(TEXTS).vectors, base.encode(TEXTS).vectors)
    api = merge_adapters(["law", "health"], register=False)
    assert (api.side, api.as_dict()["side"]) == ("query", "query")
    assert "side='query'" in repr(api)


def test_an_adapter_scaled_back_to_the_base_stays_for_queries_alone() -> None:
    assert merge("law", with_base=0.5, name="mild").entry.side == "query"
    base, law, mild = opened("base", "law", "mild")
    assert np.array_equal(mild.encode(TEXTS).vectors, base.encode(TEXTS).vectors)
    near, far = ((each.encode(TEXTS, "query").vectors * base.encode(TEXTS, "query").vectors).sum() for each in (mild, law))
    assert near > far


@pytest.mark.parametrize("order", [("law", "whole"), ("whole", "law")])
def test_sides_do_not_mix_in_a_merge_and_the_way_out_works(order: tuple[str, str], registry: Registry) -> None:
    with pytest.raises(ConfigError, match=r"law@1 is for queries alone, and whole@1 for queries and documents.*adapt ensemble") as refused:
        merge(*order)
    command = str(refused.value).rpartition("adapt add ")[2]
    folder, name = command.split(" --side query --name ")
    assert cli("add", folder, "--side", "query", "--name", name).exit_code == 0
    assert merge("law", name).entry.side == "query"


# Searching for the weights of a merge


def test_a_search_encodes_passages_once_with_the_base(toy_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    counted = count_encodes(monkeypatch)
    report = merge("law", "health", search=WeightSearch(sources=(str(toy_folder),), evaluations=4, curve_steps=0), name="found")
    assert report.entry.side == "query"
    passages = [texts for role, texts in counted if role == "document"]
    assert sum(map(len, passages)) == len(set().union(*map(set, passages))), "no passage twice"
    assert sum(role == "query" for role, _ in counted) >= 3, "base and parents are measured, and merges"


def test_the_general_score_of_queries_is_their_own(bares: Path) -> None:
    (base,) = opened("base")
    law = read_lora(bares / "law")
    task = SearchTask("law", DevSet({"q": "the tenant"}, {"p": "the landlord", "r": "water"}, {"q": {"p": 1}}))
    probe = Probe(encoders_over(base, "query"), [task], side="query")
    assert probe.measure({}).general == pytest.approx(1)
    moved = probe.measure(law).general
    ours = (base.encode(["the tenant"], "query").vectors * opened("law")[0].encode(["the tenant"], "query").vectors).sum()
    assert moved == pytest.approx(float(ours), abs=1e-6)
    pairs = SentencePairs(["the tenant", "the court", "water"], ["the landlord", "law", "music"], [1.0, 0.5, 0.0])
    with_pairs = Probe(encoders_over(base, "query"), [task], pairs, side="query")
    assert with_pairs.text_count == 3, "a measurement encodes queries alone: the first sentences"
    asked, told = opened("law")[0].encode(pairs.first, "query").vectors, base.encode(pairs.second).vectors
    assert with_pairs.measure(law).general == pytest.approx(spearman((asked * told).sum(1).astype(float), np.array(pairs.scores)))


# Ensembles


def ensemble(*references: str, mode: str, **more: Any) -> Any:
    return prepare_ensemble(EnsembleRequest(references=references, mode=mode, **more), Told()).run()


def test_queries_of_a_mean_search_the_one_index_of_the_base() -> None:
    report = ensemble("law", "health", "base", mode="mean", weights=(2, 1, 1), name="mean")
    assert (report.entry.side, report.as_dict()["side"]) == ("query", "query")
    mean, law, health, base = opened("mean", "law", "health", "base")
    assert np.array_equal(mean.encode(TEXTS).vectors, base.encode(TEXTS).vectors)
    assert mean.content("document") == base.content("document")
    assert mean.content("query") != base.content("query")
    sum_of_queries = sum(
        share * each.encode(TEXTS, "query").vectors for share, each in zip((0.5, 0.25, 0.25), (law, health, base), strict=True)
    )
    expected = sum_of_queries / np.linalg.norm(sum_of_queries, axis=1, keepdims=True)
    np.testing.assert_allclose(mean.encode(TEXTS, "query").vectors, expected, atol=1e-6)


def test_documents_of_an_ensemble_for_queries_alone_are_encoded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    ensemble("law", "health", mode="mean", name="mean")
    ensemble("law", "health", mode="rrf", name="ranks")
    mean, ranks = opened("mean", "ranks")
    counted, done = count_encodes(monkeypatch), list[int]()
    mean.encode(TEXTS, on_batch=done.append)
    assert (counted, sum(done)) == ([("document", TEXTS)], len(TEXTS))
    ranks.search(["the tenant"], TEXTS, 2)
    assert [role for role, _ in counted].count("document") == 2


def test_concat_of_queries_alone_is_refused_for_mean_ranks_as_it_does() -> None:
    with pytest.raises(ConfigError, match=r"repeat the base's vectors of documents 2 times and rank as mean does; take --mode mean"):
        ensemble("law", "health", mode="concat")
    law, health, base = opened("law", "health", "base")
    documents = base.encode(TEXTS).vectors
    cosines = sum(each.encode(TEXTS, "query").vectors @ documents.T for each in (law, health)) / 2
    ensemble("law", "health", mode="mean", name="mean")
    ranked = opened("mean")[0].encode(TEXTS, "query").vectors @ documents.T
    assert np.array_equal(np.argsort(-ranked[1:]), np.argsort(-cosines[1:]))


def test_an_ensemble_of_both_sides_embeds_documents_as_its_members_do_and_says_so() -> None:
    report = ensemble("law", "whole", mode="mean", name="mixed")
    assert report.entry.side == "both"
    told = Told()
    prepare_ensemble(EnsembleRequest(references=("law", "whole"), mode="concat", name="beside"), told).run()
    assert "whole@1 changes documents too, so the ensemble does not search the base's own index" in told.kept[0]
    mixed, whole, base = opened("mixed", "whole", "base")
    expected = combine_mean([base.encode(TEXTS).vectors, whole.encode(TEXTS).vectors], (0.5, 0.5))
    np.testing.assert_allclose(mixed.encode(TEXTS).vectors, expected, atol=1e-6)


def test_a_recipe_without_sides_reads_and_stays_as_it_was(registry: Registry) -> None:
    ensemble("whole", "base", mode="concat", name="old")
    stored = json.loads((registry.folder(registry.find("old")) / "ensemble.json").read_text())
    assert all("side" not in member for member in stored["members"])


# The bench


def test_a_bench_computes_documents_once_for_the_base_and_all_adapters_for_queries(
    toy_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ensemble("law", "health", mode="mean", name="mean")
    merge("law", "health", name="merged")
    for more in ((), ("--no-cache",)):
        with monkeypatch.context() as patched:
            counted = count_encodes(patched)
            result = cli("bench", "law", "health", "mean", "merged", "--data", toy_folder, "--json", *more)
        assert result.exit_code == 0, result.stderr
        found = json.loads(result.stdout)
        assert {each["name"]: each["side"] for each in found["references"]} == {
            "base": "both",
            "law@1": "query",
            "health@1": "query",
            "mean@1": "query",
            "merged@1": "query",
        }
        documents = [text for role, texts in counted if role == "document" for text in texts]
        assert len(documents) == len(set(documents)) > 0
        assert {"law@1", "health@1"} <= {each["reference"] for each in found["scores"]}
        shutil.rmtree(os.environ["ADAPT_CACHE"])


def test_a_plan_counts_the_time_for_documents_once(toy_folder: Path) -> None:
    planned = json.loads(cli("bench", "law", "health", "--data", toy_folder, "--dry-run", "--no-cache", "--json").stdout)
    base, law, health = (row["minutes"] for row in planned["cells"])
    assert 0 < law < base
    assert 0 < health < base


# What people see


def test_list_show_and_json_say_it() -> None:
    assert "adapter (queries)" in cli("list").stdout
    sides = {each["reference"]: each["side"] for each in json.loads(cli("list", "--json").stdout)["entries"]}
    assert sides == {"law@1": "query", "health@1": "query", "whole@1": "both"}
    assert json.loads(cli("show", "law", "--json").stdout)["side"] == "query"
    assert any(line.split() == ["side", "query"] for line in cli("show", "law").stdout.splitlines())


def test_the_html_page_says_it(toy_folder: Path, tmp_path: Path) -> None:
    assert cli("bench", "law", "--data", toy_folder, "--html", tmp_path / "page.html").exit_code == 0
    assert "adapter for queries alone law@1" in (tmp_path / "page.html").read_text(encoding="utf-8")


def test_the_api_encodes_each_side_as_it_should() -> None:
    law, base = load("law", dtype="fp32"), load("base", base=str(load("law").where.registry.find("law").bases[0].path), dtype="fp32")
    assert (law.side, base.side) == ("query", "both")
    assert np.array_equal(law.encode_document(TEXTS), base.encode_document(TEXTS))
    assert not np.allclose(law.encode_query(TEXTS), base.encode_query(TEXTS), atol=1e-2)


def test_the_command_encodes_each_side_as_it_should(tmp_path: Path) -> None:
    (tmp_path / "texts").write_text("the tenant\nthe court\n")
    base = load("law").entry.bases[0].path  # type: ignore[union-attr]
    for role, same in (("document", True), ("query", False)):
        law = json.loads(cli("encode", "law", tmp_path / "texts", "--as", role, "--dtype", "fp32", "--json").stdout)
        own = json.loads(cli("encode", "base", tmp_path / "texts", "--as", role, "--base", base, "--dtype", "fp32", "--json").stdout)
        assert (law["vectors"] == own["vectors"]) is same


def test_queries_of_several_adapters_go_through_the_network_in_one_batch() -> None:
    batch = batch_adapters(["law", "base", load("whole"), merge_adapters(["law", "health"], register=False)], dtype="fp32")
    assert batch.references == ("law@1", "base", "whole@1", "linear(law@1, health@1)")
    asked, named = ["the tenant", "the court", "the tenant", "law", "water"], ["law", "base", "whole@1", 3, "law@1"]
    vectors = batch.encode_query(asked, named)
    assert batch.encoder.work.texts == 5
    law, base, whole = (each.encode(asked, "query").vectors for each in opened("law", "base", "whole"))
    np.testing.assert_allclose(vectors[[0, 1, 2, 4]], [law[0], base[1], whole[2], law[4]], atol=1e-5)
    documents = batch.encode_document(asked[:2], ["law", "base"])
    assert np.array_equal(documents, opened("base")[0].encode(asked[:2]).vectors)


def test_a_batch_refuses_in_a_line_what_it_cannot_do(second_base: Path, tmp_path: Path) -> None:
    ensemble("law", "health", mode="mean", name="mean")
    with pytest.raises(ConfigError, match=r"mean@1 is an ensemble, which is several networks"):
        batch_adapters(["law", "mean"])
    add(bare(tmp_path / "other", second_base, 9), "other")
    with pytest.raises(ConfigError, match=r"one batch goes through one network"):
        batch_adapters(["law", "other"])
    with pytest.raises(ConfigError, match=r"unknown adapter of the batch 'lwa'. Known: law@1, health@1"):
        batch_adapters(["law", "health"]).encode_query(["x"], ["lwa"])
    with pytest.raises(DataError, match="name at least one"):
        batch_adapters([])


def test_the_commands_say_that_documents_are_the_bases() -> None:
    merged, together = cli("merge", "law", "health"), cli("ensemble", "law", "health", "--mode", "mean")
    assert "documents    have the vectors of the base: the merge is for queries alone\n" in merged.stdout
    assert "documents    have the vectors of the base: the ensemble is for queries alone\n" in together.stdout
    assert "documents" not in cli("merge", "whole", "--with-base", "0.5", "--name", "mild").stdout
    explained = cli("merge", "law", "health", "--explain")
    assert (explained.exit_code, cli("merge", "law", "whole", "--explain").exit_code) == (0, 1)


def test_one_index_of_the_base_serves_adapters_merges_and_means(tmp_path: Path) -> None:
    ensemble("law", "health", mode="mean", name="mean")
    merge("law", "health", name="merged")
    passages = ["the court", "the tenant", "water", "music"]
    rows = "".join(json.dumps({"_id": str(row), "text": text}) + "\n" for row, text in enumerate(passages))
    (tmp_path / "docs.jsonl").write_text(rows)
    base = load("law").entry.bases[0].path  # type: ignore[union-attr]
    made = cli("index", "build", tmp_path / "docs.jsonl", "-o", tmp_path / "index", "--base", base, "--dtype", "fp32")
    assert made.exit_code == 0, made.stderr
    for name in ("law", "mean", "merged"):
        found = cli("search", name, "--index", tmp_path / "index", "the landlord", "--json")
        assert found.exit_code == 0, found.stderr
    refused = cli("search", "whole", "--index", tmp_path / "index", "the landlord")
    assert (refused.exit_code, refused.stderr.count("\n")) == (1, 1)
