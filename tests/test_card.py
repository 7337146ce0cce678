"""Cards: what the Hub reads, what people read, and examples that run."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import fields, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml
from adapt_embed import TrainConfig, ensemble_adapters, merge_adapters, train
from adapt_embed.cli import main
from adapt_embed.errors import ConfigError, RequestError
from adapt_embed.publish.card import CardOptions, card_files, licence_questions
from adapt_embed.publish.card import template as template_module
from adapt_embed.publish.card.benched import Means, TaskScore, read_bench
from adapt_embed.publish.card.command import command_of
from adapt_embed.publish.card.facts import Card
from adapt_embed.publish.card.job import ancestors_of, write_card
from adapt_embed.registry import BaseRecord, DataRecord, Entry, ParentRecord, Registry, ScoreRecord
from adapt_embed.registry.router_notes import ROUTER_NOTES
from click.testing import CliRunner
from huggingface_hub import ModelCard, parse_eval_result_entries

REPO, BASE = "someone/legal-lora", "someone/tiny-base"
HOSTILE = "a|b `c` *d* [e](http://x) <script>x</script> {{ 7 * 7 }}\n## heading\n---\n\x1b[2J\u202e```"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, tiny_base: Path, toy_folder: Path) -> Path:
    """A registry with two adapters, a merge of them and two ensembles."""
    place = tmp_path_factory.mktemp("cards") / "registry"
    config = TrainConfig(epochs=1, batch_size=32, rank=2, max_tokens=16, learning_rate=1e-2, precision="fp32")
    for domain in ("legal", "medical"):
        train(domain, str(toy_folder), base=str(tiny_base), config=config, registry=place, data_licence="cc-by-4.0")
    queries_only = replace(config, side="query")
    train("asked", str(toy_folder), base=str(tiny_base), config=queries_only, registry=place, train_queries=40, gram_rank=2)
    merge_adapters(["legal", "medical"], method="ties", name="both", registry=place)
    ensemble_adapters(["legal", "medical"], mode="concat", name="beside", registry=place)
    ensemble_adapters(["legal", "medical"], mode="rrf", name="ranks", registry=place)
    return place


@pytest.fixture
def registry(home: Path) -> Registry:
    return Registry(home)


def card_of(registry: Registry, name: str, **options: Any) -> tuple[dict[str, Any], str]:
    """The metadata and the text of a version's card, which belongs to a repository and whose base lies on the Hub."""
    entry = registry.find_reference(name)
    ids = {base.sha256: BASE for base in entry.bases}
    given = {"repo_id": REPO, "base_ids": ids, "ancestors": ancestors_of(registry, entry)} | options
    card = ModelCard(card_files(entry, registry.folder(entry), CardOptions(**given))["README.md"])
    return card.data.to_dict(), card.text


def draft(**values: Any) -> Entry:
    """An entry that nobody trained."""
    given = {
        "kind": "adapter",
        "name": "legal",
        "version": 1,
        "domain": "legal",
        "bases": (BaseRecord(id="BAAI/bge-small-en-v1.5", revision="5c38ec7", sha256="0" * 64, name="bge-small-en"),),
        "pooling": "cls",
        "method": "lora",
    }
    return Entry(**given | values)


# what the Hub reads


def test_an_adapter_says_what_it_adapts_and_how_it_is_loaded(registry: Registry) -> None:
    data, _ = card_of(registry, "legal", licence="apache-2.0")
    assert data["base_model"] == BASE
    assert data["base_model_relation"] == "adapter"
    assert data["library_name"] == "sentence-transformers"
    assert data["pipeline_tag"] == "sentence-similarity"
    assert data["license"] == "apache-2.0"
    assert data["language"] == "en"
    assert {"adapt", "lora", "peft", "sentence-transformers", "feature-extraction", "legal", f"base_model:adapter:{BASE}"} <= set(
        data["tags"]
    )
    assert data["metrics"] == ["ndcg_at_10"]
    assert data["model-index"][0]["results"][0]["metrics"][0]["type"] == "ndcg_at_10"


def test_a_merge_is_one_of_its_parents(registry: Registry) -> None:
    entry = registry.find_reference("both")
    folder = registry.folder(entry)
    entry = replace(entry, parents=(replace(entry.parents[0], reference="hf:someone/legal@" + "a" * 40), entry.parents[1]))
    text = card_files(entry, folder, CardOptions(base_ids={entry.bases[0].sha256: BASE}))["README.md"]
    data = ModelCard(text).data.to_dict()
    assert data["base_model"] == [BASE, "someone/legal"]
    assert data["base_model_relation"] == "merge"
    assert {"merge", "lora", f"base_model:merge:{BASE}", "base_model:merge:someone/legal"} <= set(data["tags"])
    assert "https://huggingface.co/someone/legal" in text
    assert "medical@1" in text


def test_an_ensemble_is_of_the_one_library_that_opens_it(registry: Registry) -> None:
    data, text = card_of(registry, "beside")
    assert data["library_name"] == "adapt"
    assert "ensemble" in data["tags"]
    assert not {"peft", "lora", "sentence-transformers"} & set(data["tags"])
    assert "from peft" not in text
    assert "SentenceTransformer" not in text


def test_a_base_without_a_name_on_the_hub_is_not_linked(registry: Registry) -> None:
    data, text = card_of(registry, "legal", base_ids={})
    assert "base_model" not in data
    assert "base_model_relation" not in data
    assert "tiny-base" in text


def test_data_sets_and_languages_are_those_that_the_hub_knows(tmp_path: Path) -> None:
    source = "hub:someone/garden@0123456789ab + hub:other/law@abc + hub:someone/garden@0123456789ab"
    entry = draft(data=DataRecord(source=source, language="zh", licence="mit + cc-by-nc-4.0 + mit"))
    data = ModelCard(card_files(entry, tmp_path)["README.md"]).data.to_dict()
    assert data["datasets"] == ["someone/garden", "other/law"]
    assert data["language"] == "zh"


# what people read


def test_every_kind_has_a_card_in_both_languages(registry: Registry) -> None:
    for name in ("legal", "both", "beside", "ranks"):
        for language, heading in (("en", "## How to use it"), ("zh", "## 使用方法")):
            _, text = card_of(registry, name, language=language)
            assert heading in text
            assert registry.find_reference(name).bases[0].sha256 in text


def test_the_templates_have_the_same_parts(registry: Registry) -> None:
    english, chinese = (card_of(registry, "legal", language=language)[1] for language in ("en", "zh"))
    for mark in ("\n## ", "\n### ", "\n```", "\n|"):
        assert english.count(mark) == chinese.count(mark), mark
    assert re.findall(r"`--\w+`|--set \S+", english) == re.findall(r"`--\w+`|--set \S+", chinese)


def test_nothing_of_the_machine_stands_in_it(registry: Registry, tiny_base: Path, toy_folder: Path, home: Path) -> None:
    for name in ("legal", "both", "beside"):
        for language in ("en", "zh"):
            files = write_card(registry, name, lambda language=language, **more: CardOptions(language=language, **more)).files
            for part in (str(home), str(tiny_base), str(toy_folder), str(home.parent.parent)):
                assert part not in "".join(files.values())
    assert toy_folder.name in card_of(registry, "legal")[1]


def test_the_command_makes_the_same_again(registry: Registry) -> None:
    _, text = card_of(registry, "legal")
    words = next(line for line in text.splitlines() if line.startswith("adapt train ")).split()
    assert words[words.index("--base") + 1] == BASE
    assert {"epochs=1", "rank=2", "max_tokens=16", "learning_rate=0.01", "precision=fp32"} == {
        word for before, word in pairwise(words) if before == "--set"
    }
    from adapt_embed.cli.options.training import read_assigned

    read_assigned([word for before, word in pairwise(words) if before == "--set"])
    assert "--side query --train-queries 40 --gram-rank 2 --seed 0" in card_of(registry, "asked")[1]
    assert not {"--train-queries", "--gram-rank", "--gram"} & set(words)
    whole = replace(registry.find("asked"), data=DataRecord(source="sample:legal/en", grams={"rank": "full"}))
    assert "--gram full --seed" in card_files(whole, registry.folder(registry.find("asked")))["README.md"]
    assert "adapt merge legal@1 medical@1 --method ties --rank auto --density 0.5" in card_of(registry, "both")[1]
    assert "adapt ensemble legal@1 medical@1 --mode rrf --name ranks" in card_of(registry, "ranks")[1]


def test_weights_that_differ_stand_in_the_command_whole(registry: Registry) -> None:
    entry = registry.find_reference("both")
    folder = registry.folder(entry)
    first, second = entry.parents
    entry = replace(entry, parents=(replace(first, weight=1 / 3), replace(second, weight=2 / 3)))
    assert "--weights 0.3333333333333333,0.6666666666666666" in card_files(entry, folder)["README.md"]


def test_data_that_a_program_held_have_no_command(tmp_path: Path) -> None:
    text = card_files(draft(data=DataRecord(source="in memory"), config={"epochs": 2}), tmp_path)["README.md"]
    assert "adapt train" not in text
    assert "| `epochs` | `2` |" in text


@pytest.mark.parametrize("source", ["sample:legal/en", "hub:FiscalNote/billsum@77f357589ff7"])
def test_a_record_from_before_licences_were_kept_has_that_of_what_ships(source: str) -> None:
    assert licence_questions(draft(data=DataRecord(source=source))) == ()
    assert len(licence_questions(draft(data=DataRecord(source="hub:mteb/nfcorpus@1")))) == 1


def test_a_merge_is_for_what_its_parents_are_for(registry: Registry) -> None:
    assert "in the domains **legal**, **medical**" in card_of(registry, "both")[1]
    assert "**legal**、**medical** 领域" in card_of(registry, "both", language="zh")[1]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_an_adapter_for_queries_alone_says_that_passages_are_the_bases(tmp_path: Path, language: str) -> None:
    text = card_files(draft(side="query"), tmp_path, CardOptions(language=language))["README.md"]
    assert {"en": "changes **queries alone**", "zh": "**只改变查询的向量**"}[language] in text
    assert "with model.disable_adapter():" in text
    assert all(f"\n- {note}\n" in text for note in ROUTER_NOTES[language])
    assert ROUTER_NOTES[language][2] not in card_files(draft(), tmp_path, CardOptions(language=language))["README.md"]
    assert "query-side" in ModelCard(text).data.tags


@pytest.mark.parametrize("language", ["en", "zh"])
def test_text_of_others_is_shown_and_does_nothing(tmp_path: Path, language: str) -> None:
    entry = draft(
        domain=HOSTILE,
        method=HOSTILE,
        prompts={"query": HOSTILE},
        bases=(BaseRecord(id=f"x/{HOSTILE}", revision=HOSTILE, sha256="0" * 64, name=HOSTILE),),
        parents=(ParentRecord(reference=f"hf:{HOSTILE}", sha256=HOSTILE, weight=0.5),),
        config={HOSTILE: HOSTILE, "libraries": {HOSTILE: HOSTILE}},
        data=DataRecord(source=HOSTILE, language=HOSTILE, licence=HOSTILE, notes=(HOSTILE,), counts={HOSTILE: 1}),
        scores={"dev": ScoreRecord(metric=HOSTILE, before=0.1, after=0.2)},
    )
    text = card_files(entry, tmp_path, CardOptions(language=language))["README.md"]
    body = ModelCard(text).text
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e]", text)
    assert "49" not in body
    assert "\n## heading" not in body
    assert "\n---" not in body
    outside = re.sub(r"^```.*?^```$", "", body, flags=re.DOTALL | re.MULTILINE)
    assert "```" not in re.sub(r"`{4,}.*?`{4,}", "", outside)
    prose = re.sub(r"(`+) ?.*?\1", "", outside)
    assert "<script>" not in prose
    assert "](http://x)" not in prose.replace("\\]", "")


# examples that run


def examples(text: str) -> Iterator[str]:
    yield from re.findall(r"^```python\n(.*?)^```$", text, flags=re.DOTALL | re.MULTILINE)


def run(code: str, folder: Path, base: Path) -> dict[str, Any]:
    """Run an example in which the folder stands for the repository, and a folder for the base; adapt computes as precisely as the others."""
    for name, place in (
        (f'load("hf:{REPO}")', f'load({str(folder)!r}, dtype="fp32")'),
        (f'"{REPO}"', repr(str(folder))),
        (f'"{BASE}"', repr(str(base))),
    ):
        code = code.replace(name, place)
    names: dict[str, Any] = {}
    exec(compile(code, "example", "exec"), names)
    return names


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("name", ["legal", "both", "asked"])
@pytest.mark.filterwarnings("ignore:SentenceTransformer.load:DeprecationWarning")  # sentence-transformers, of a folder of two routes
def test_the_examples_of_an_adapter_give_the_same_vectors(registry: Registry, tiny_base: Path, name: str, language: str) -> None:
    import numpy as np

    _, text = card_of(registry, name, language=language)
    folder = registry.folder(registry.find_reference(name))
    ran = [run(code, folder, tiny_base) for code in examples(text)]
    assert len(ran) == 3
    for each in ran[1:]:
        np.testing.assert_allclose(np.asarray(each["queries"]), np.asarray(ran[0]["queries"]), atol=1e-5)
        np.testing.assert_allclose(np.asarray(each["passages"])[:1], np.asarray(ran[0]["passages"])[:1], atol=1e-5)


@pytest.mark.parametrize("name", ["beside", "ranks"])
def test_the_example_of_an_ensemble_runs(registry: Registry, tiny_base: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    _, text = card_of(registry, name)
    monkeypatch.setenv("ADAPT_HOME", str(registry.home))
    (code,) = examples(text)
    ran = run(code, registry.folder(registry.find_reference(name)), tiny_base)
    assert ran["model"].kind == "ensemble"


# scores


@pytest.fixture(scope="module")
def bench() -> dict[str, Any]:
    """What `adapt bench legal@1 base --json` writes, with one task of MTEB's and one of the user's own."""

    def task(name: str, kind: str, metric: str, **more: Any) -> dict[str, Any]:
        plain = {"name": name, "type": kind, "split": "test", "revision": "r", "items": 65, "item": "queries", "role": "domain"}
        return plain | {"domain": "legal", "main_metric": metric, "shown": [metric], "statistic": "mean", "notes": []} | more

    def score(task: str, reference: str, metric: str, value: float, interval: dict[str, Any] | None = None) -> dict[str, Any]:
        return {"task": task, "reference": reference, "metrics": {metric: value}, "truncated": 0, "interval": interval}

    def reference(name: str, base: str | None) -> dict[str, Any]:
        return {"name": name, "base": base, "precision": "fp32", "max_tokens": 512, "kind": "adapter"}

    sure = {"metric": "nDCG@10", "difference": 0.05, "low": 0.01, "high": 0.09, "p": 0.01, "significant": True, "method": "m"}
    lost = {"metric": "Spearman", "difference": -0.02, "low": -0.03, "high": -0.01, "p": 0.5, "significant": False, "method": "m"}
    return {
        "tasks": [
            task("SciFact", "Retrieval", "nDCG@10"),
            task("mine", "Retrieval", "nDCG@10"),
            task("STSBenchmark", "STS", "Spearman", role="general", item="pairs"),
        ],
        "references": [reference("base", None), reference("legal@1", "base")],
        "scores": [
            score("SciFact", "base", "nDCG@10", 0.7),
            score("SciFact", "legal@1", "nDCG@10", 0.75, sure),
            score("mine", "base", "nDCG@10", 0.5),
            score("mine", "legal@1", "nDCG@10", 0.61234567),
            score("STSBenchmark", "base", "Spearman", 0.8),
            score("STSBenchmark", "legal@1", "Spearman", 0.78, lost),
        ],
        "summary": [
            {"reference": "base", "domain_mean": 0.6, "general_mean": 0.8, "gain": None, "gain_kept": [], "general_change": None},
            {"reference": "legal@1", "domain_mean": 0.68, "general_mean": 0.78, "gain": 0.08, "gain_kept": [], "general_change": -0.02},
        ],
        "leakage": {
            "cells": [
                {
                    "task": "SciFact",
                    "reference": "legal@1",
                    "items": 65,
                    "item": "queries",
                    "answers_seen": 0,
                    "trained": ["legal@1"],
                    "unknown": [],
                    "leaks": [],
                },
                {
                    "task": "mine",
                    "reference": "legal@1",
                    "items": 65,
                    "item": "queries",
                    "answers_seen": 1,
                    "trained": ["legal@1"],
                    "unknown": [],
                    "leaks": [{}, {}],
                },
            ]
        },
        "mteb_version": "2.26.24",
    }


@pytest.fixture
def bench_file(tmp_path: Path, bench: Mapping[str, Any]) -> Path:
    path = tmp_path / "scores.json"
    path.write_text(json.dumps(bench), encoding="utf-8")
    return path


def test_the_table_has_gains_losses_intervals_and_what_was_seen_in_training(registry: Registry, bench_file: Path) -> None:
    _, text = card_of(registry, "legal", bench=bench_file)
    assert "| SciFact, test | 65 queries | nDCG@10 | 0.7000 | 0.7500 | +0.0500 \\[+0.0100, +0.0900\\] \\* |" in text
    assert "| mine, test | 65 queries | nDCG@10 | 0.5000 | 0.6123 | +0.1123 |" in text
    assert "| STSBenchmark, test (general) | 65 pairs | Spearman | 0.8000 | 0.7800 | −0.0200 \\[−0.0300, −0.0100\\] |" in text
    assert "0.6800, +0.0800 against the base" in text
    assert "−0.0200 against the base; below 0, something was forgotten" in text
    assert "SciFact: none of 65 queries was found" in text
    assert "**mine: 2 of 65 queries were seen in training.**" in text
    assert "2 条在训练中出现过" in card_of(registry, "legal", bench=bench_file, language="zh")[1]


def test_results_go_to_the_hub_for_tasks_whose_data_lie_there(registry: Registry, bench_file: Path) -> None:
    entry = registry.find_reference("legal")
    files = card_files(entry, registry.folder(entry), CardOptions(bench=bench_file))
    assert sorted(files) == [".eval_results/STSBenchmark.yaml", ".eval_results/SciFact.yaml", "README.md"]
    (result,) = parse_eval_result_entries(yaml.safe_load(files[".eval_results/SciFact.yaml"]))
    assert (result.dataset_id, result.task_id, result.value) == ("mteb/scifact", "SciFact_default_test", 75.0)
    assert re.fullmatch("[0-9a-f]{40}", result.dataset_revision or "")
    assert "mteb 2.26.24" in (result.notes or "")
    index = ModelCard(files["README.md"]).data.to_dict()["model-index"][0]["results"]
    found = {each["dataset"]["name"]: each for each in index}
    assert found["MTEB SciFact"]["dataset"]["type"] == "mteb/scifact"
    assert found["mine"]["dataset"]["type"] == "unknown"
    assert found["MTEB STSBenchmark"]["metrics"][0]["type"] == "cosine_spearman"
    assert ModelCard(files["README.md"]).data.metrics == ["ndcg_at_10", "cosine_spearman"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "is not JSON"),
        ("[]", "is not what adapt bench writes"),
        ("{}", "is not what adapt bench writes"),
        ('{"references": [{"name": "medical@1", "base": "base"}]}', "holds no score of legal@1; it holds: medical@1"),
        ('{"references": [{"name": "legal@1", "base": null}]}', "holds no score of legal@1; it holds: none"),
        ('{"references": [{"name": "legal@1", "base": "base"}], "scores": [{}]}', "is not what adapt bench writes"),
        ("[" * 100_000, "is not JSON"),
    ],
)
def test_a_file_that_is_no_bench_is_one_line(tmp_path: Path, content: str, said: str) -> None:
    path = tmp_path / "scores.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(ConfigError, match=re.escape(said)) as raised:
        read_bench(path, "legal@1")
    assert "\n" not in str(raised.value)


def test_what_the_bench_really_writes_is_read(registry: Registry, toy_folder: Path, tmp_path: Path) -> None:
    ran = CliRunner().invoke(main, ["bench", "legal", "base", "--data", str(toy_folder), "--json", "--registry", str(registry.home)])
    assert ran.exit_code == 0, ran.output
    path = tmp_path / "scores.json"
    path.write_text(ran.stdout, encoding="utf-8")
    found = read_bench(path, "legal@1")
    assert [score.metric for score in found.scores] == ["nDCG@10"]
    assert found.seen[0].was_compared
    assert "beir, test" in card_of(registry, "legal", bench=path)[1]


# licences


@pytest.mark.parametrize(
    ("licence", "said"),
    [
        ("cc-by-nc-4.0", "whose licence cc-by-nc-4.0 forbids commercial use"),
        ("cc-by-nc-nd-4.0", "forbids commercial use and forbids sharing what is derived from it"),
        ("cc-by-nd-4.0", "forbids sharing what is derived from it"),
        ("for research only", "allows research alone"),
        ("unknown", "whose licence is not known"),
        (None, "whose licence is not known"),
    ],
)
def test_a_licence_that_forbids_sharing_is_a_question(licence: str | None, said: str) -> None:
    (question,) = licence_questions(draft(data=DataRecord(source="questions.csv", licence=licence)))
    assert said in question
    assert "questions.csv" in question


@pytest.mark.parametrize("licence", ["mit", "apache-2.0", "cc-by-4.0", "cc0-1.0", "cc-by-sa-4.0", "BSD-2-Clause", "cc-by-4.0 + mit"])
def test_a_licence_that_allows_sharing_is_none(licence: str) -> None:
    assert licence_questions(draft(data=DataRecord(source="a + b" if "+" in licence else "a", licence=licence))) == ()


def test_each_source_has_its_own_licence() -> None:
    entry = draft(data=DataRecord(source="a + b", licence="mit + cc-by-nc-4.0"))
    (question,) = licence_questions(entry)
    assert "on b, whose licence cc-by-nc-4.0" in question


def test_the_licences_of_a_merge_are_those_of_its_parents(registry: Registry) -> None:
    merge = registry.find_reference("both")
    assert licence_questions(merge, ancestors_of(registry, merge)) == ()
    found = {name: replace(each, data=replace(each.data, licence="cc-by-nc-4.0")) for name, each in ancestors_of(registry, merge).items()}
    assert len(licence_questions(merge, found)) == 2
    assert "| legal@1 | cc-by-nc-4.0; forbids commercial use |" in card_of(registry, "both", ancestors=found)[1]


def test_a_licence_is_recorded_at_training(registry: Registry) -> None:
    data = registry.find_reference("legal").data
    assert data is not None
    assert data.licence == "cc-by-4.0"
    assert "cc-by-4.0" in card_of(registry, "legal")[1]


@pytest.mark.parametrize("licence", ["MIT License", "", "apache 2", "-nc", "x" * 65, "mit\n"])
def test_what_is_no_id_of_a_licence_is_refused(licence: str) -> None:
    with pytest.raises(RequestError, match="is not the id of a licence"):
        CardOptions(licence=licence)


# templates of the user's


@pytest.fixture
def template(tmp_path: Path):
    def write(text: str) -> Path:
        path = tmp_path / "card.md.jinja"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_a_template_of_ones_own_writes_the_text_and_not_the_metadata(registry: Registry, template) -> None:
    data, text = card_of(registry, "legal", template=template("# {{ card.entry.name|upper }} on {{ card.base.id }}\n"))
    assert text.strip() == f"# LEGAL on {BASE}"
    assert data["base_model"] == BASE


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("a\n{% if %}\n", 2, "Expected an expression"),
        ("a\n\n{{ nonsense }}", 3, "'nonsense' is undefined"),
        ("{{ card.nonsense }}", 1, "has no attribute 'nonsense'"),
        ("a\n{{ 1 / 0 }}", 2, "division by zero"),
        ("a\n{{ card.entry.rank|signed }}{{ 'x'|signed }}", 2, "format code"),
        ("{{ card.entry.__class__.__mro__ }}", 1, "unsafe"),
        ("\n{{ ''.__class__.__base__.__subclasses__() }}", 2, "unsafe"),
        ("{% include '/etc/passwd' %}", 1, "no loader"),
        ("{{ fail('not today') }}", 1, "not today"),
        ("{% for x in range(10000000) %}x{% endfor %}", None, "Range too big"),
        ("\n{% for x in range(9999) %}{{ 'x' * 9999 }}{% endfor %}", None, "more than"),
    ],
)
def test_an_error_of_a_template_is_one_line_with_its_number(registry: Registry, template, text: str, line: int | None, said: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(said)) as raised:
        card_of(registry, "legal", template=template(text))
    assert "\n" not in str(raised.value)
    assert "card.md.jinja" in str(raised.value)
    if line is not None:
        assert f"line {line}:" in str(raised.value)


def test_a_template_that_cannot_be_read_is_one_line(registry: Registry, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        card_of(registry, "legal", template=tmp_path / "none")
    (tmp_path / "bytes").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="not text in UTF-8"):
        card_of(registry, "legal", template=tmp_path / "bytes")


def test_the_docs_list_all_that_a_template_is_given() -> None:
    docs = Path(__file__).parent.parent / "docs" / "hub.md"
    if not docs.is_file():
        pytest.skip("needs the source tree")
    text = docs.read_text(encoding="utf-8")
    given = {each.name for each in fields(Card)} | {"base", "ranks_alone"}
    assert set(re.findall(r"`card\.(\w+)`", text)) == given
    assert all(f"`|{name}`" in text for name in template_module._FILTERS)
    inside = [each.name for cls in (TaskScore, Means) for each in fields(cls)]
    assert all(f"`{name}`" in text for name in inside)


def test_the_example_of_the_docs_is_a_template(registry: Registry, bench_file: Path, template) -> None:
    docs = Path(__file__).parent.parent / "docs" / "hub.md"
    if not docs.is_file():
        pytest.skip("needs the source tree")
    example = next(
        block
        for block in re.findall(r"^```\w*\n(.*?)^```", docs.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
        if "{%" in block
    )
    _, text = card_of(registry, "legal", template=template(example), bench=bench_file)
    assert "# legal, by the Gardeners' Guild" in text
    assert "- SciFact: 0.7000 -> 0.7500 (+0.0500)" in text


# the command


def test_the_command_prints_or_writes_the_card(registry: Registry, tmp_path: Path) -> None:
    def adapt(*words: object) -> Any:
        return CliRunner().invoke(main, ["card", *map(str, words), "--registry", str(registry.home)])

    printed = adapt("legal", "--repo", REPO, "--license", "mit")
    assert printed.stdout.startswith("---\n")
    assert "license: mit" in printed.stdout
    assert printed.stderr == ""
    out = tmp_path / "README.md"
    written = adapt("legal", "--repo", REPO, "--license", "mit", "-o", out)
    assert written.stdout == f"wrote {out}\n"
    assert out.read_text(encoding="utf-8") == printed.stdout
    result = json.loads(adapt("legal", "--repo", REPO, "--license", "mit", "--json").stdout)
    assert result == {"reference": "legal@1", "files": {"README.md": printed.stdout}, "questions": []}
    assert "unknown adapter" in adapt("nothing").stderr
    assert "wird" not in adapt("legal", "--card-lang", "zh").stdout
    assert adapt("legal", "--card-lang", "de").exit_code == 2


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("a.jsonl + b.csv=0.5", "--data a.jsonl --data b.csv=0.5"),
        ("hub:one/set@0 + hub:other/set@1", "--data hub"),
        ("sample:legal/en + hf:owner/name@0123:default/train=2", "--data sample --data hf:owner/name@0123:default/train=2"),
    ],
)
def test_the_command_names_each_of_several_sources(source: str, words: str) -> None:
    entry = draft(data=DataRecord(source=source, fingerprint="0" * 64))
    assert f"--name legal {words} --base" in (command_of(entry, None) or "")
