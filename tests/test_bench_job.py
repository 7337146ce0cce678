"""A bench from Python: a request, a job, an outcome; what does not fit is refused before the first score, and adapters in memory are scored too."""

import ast
import json
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from adapt_embed.base import load as base_load
from adapt_embed.base import load_base, resolve_base
from adapt_embed.bench import BenchOutcome, BenchRequest, CachePolicy, Outputs, prepare_bench
from adapt_embed.cli import main
from adapt_embed.encoders.lora import LoraEncoder
from adapt_embed.errors import AdaptError, ConfigError, DataError, DomainError, RequestError, UnknownReferenceError
from adapt_embed.events import Quiet
from adapt_embed.lora import LoraModule, write_lora
from adapt_embed.references import EncoderSettings, Search, read_factors, resolve_reference
from adapt_embed.registry import Entry, base_record, open_registry
from click.testing import CliRunner

MODULE = "encoder.layer.0.attention.self.query"
PASSAGES = ["the court", "the judge rules", "a tenant pays rent", "the season", "法律", "医院"]


class Told(Quiet):
    """Keeps what is reported."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.stages: list[str] = []
        self.done: list[tuple[str, int, int]] = []

    def note(self, text: str) -> None:
        self.notes.append(text)

    def stage(self, what: str) -> None:
        self.stages.append(what)

    def progress(self, what: str, done: int, total: int, unit: str = "texts") -> None:
        assert unit == "texts"
        self.done.append((what, done, total))


@dataclass(frozen=True)
class InMemory:
    """What a program has open."""

    reference: str
    encoder: LoraEncoder
    path: Path | None = None
    entry: Entry | None = None


def factors(seed: int) -> dict[str, LoraModule]:
    draw = torch.Generator().manual_seed(seed)
    return {MODULE: LoraModule(torch.randn(2, 32, generator=draw), torch.randn(32, 2, generator=draw), 1.0)}


@pytest.fixture(autouse=True)
def filled(isolation: Path, tiny_base: Path) -> None:
    """legal@1 and 医院@1 on the tiny base, the second of a domain that does not ship."""
    spec = resolve_base(str(tiny_base)).spec
    for seed, (name, domain) in enumerate([("legal", "legal"), ("医院", "医院")]):
        draft = Entry(kind="adapter", name=name, domain=domain, bases=(base_record(spec),), pooling="cls", prompts={"query": "find: "})
        open_registry().add(draft, lambda folder, seed=seed: write(folder, seed))


def write(folder: Path, seed: int) -> None:
    write_lora(factors(seed), folder / "adapter_model.safetensors")
    (folder / "adapter_config.json").write_text(json.dumps({"peft_type": "LORA", "r": 2, "lora_alpha": 2}))


def in_memory(name: str, tiny_base: Path, of: str = "legal", **more: Any) -> InMemory:
    """The factors of a version over a base of its own."""
    kept = read_factors(resolve_reference(of, Search(registry=open_registry())))
    return InMemory(name, LoraEncoder(load_base(resolve_base(str(tiny_base))), kept, **more))


@pytest.fixture
def law(tmp_path: Path) -> Path:
    folder = tmp_path / "law"
    (folder / "qrels").mkdir(parents=True)
    rows = [json.dumps({"_id": f"p{row}", "title": "", "text": text}) for row, text in enumerate(PASSAGES)]
    (folder / "corpus.jsonl").write_text("\n".join(rows) + "\n", encoding="utf-8")
    queries = [json.dumps({"_id": f"q{row}", "text": text}) for row, text in enumerate(["court", "who pays the rent", "法"])]
    (folder / "queries.jsonl").write_text("\n".join(queries) + "\n", encoding="utf-8")
    (folder / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\nq0\tp0\t1\nq1\tp2\t1\nq2\tp4\t1\n", encoding="utf-8")
    return folder


def printed(*words: object) -> dict[str, Any]:
    ran = CliRunner().invoke(main, ["bench", *map(str, words), "--json"])
    assert ran.exit_code == 0, ran.output
    return json.loads(ran.stdout)


def same_scores(one: dict[str, Any], other: dict[str, Any]) -> None:
    """Compare two results but for the time that they took."""
    for result in (one, other):
        for score in result["scores"]:
            score.pop("seconds")
    assert json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def run(*references: Any, law: Path, **more: Any) -> BenchOutcome:
    return prepare_bench(BenchRequest(references=references, data=(law,), **more)).run()


def test_two_adapters_are_scored_in_three_lines_as_by_the_command(law: Path) -> None:
    request = BenchRequest(references=("legal", "医院"), data=(law,))
    job = prepare_bench(request)
    outcome = job.run()
    assert [model.name for model in job.models] == ["base", "legal@1", "医院@1"]
    same_scores(outcome.as_dict(), printed("legal", "医院", "--data", law))


def test_the_rows_of_an_outcome_are_plain_data(law: Path) -> None:
    rows = run("legal", law=law).rows()
    assert [(row["task"], row["reference"]) for row in rows] == [("law", "base"), ("law", "legal@1")]
    assert rows[0]["interval"] is None
    assert rows[1]["interval"]["metric"] == "nDCG@10"
    assert 0 <= rows[1]["nDCG@10"] <= 1
    assert json.loads(json.dumps(rows)) == rows


def test_what_is_scored_on_is_the_domain_of_the_references_and_the_language_of_where_they_are_looked_for() -> None:
    told = Told()
    base = replace(Search(registry=open_registry()).options, language="zh")
    request = BenchRequest(references=("legal", "医院"), where=Search(registry=open_registry(), options=base), dry_run=True)
    job = prepare_bench(request, told)
    assert [task.metadata.name for task in job.tasks] == ["sample-legal-zh"]
    assert told.notes[:2] == [
        "note: nothing ships to score on for 医院, of your own; to score on it too: --data PATH",
        "scoring on the sample of legal (for other data: --data DIR)",
    ]


def test_a_bench_reports_its_stages_and_every_text(law: Path) -> None:
    told = Told()
    prepare_bench(BenchRequest(references=("legal",), data=(law,)), told).run(told)
    assert told.stages == ["importing libraries", "reading the data", "loading the bases"]
    assert told.notes[0].startswith("no training texts are recorded for legal@1")
    assert {what for what, _, _ in told.done} == {"law with base", "law with legal@1"}
    assert [(done, total) for what, done, total in told.done if what == "law with legal@1"][-1] == (9, 9)


def test_a_second_bench_finds_its_scores_and_says_so(law: Path) -> None:
    run("legal", law=law)
    told = Told()
    prepare_bench(BenchRequest(references=("legal",), data=(law,))).run(told)
    assert told.notes[0].startswith("kept from before: 2 of 2 scores")
    told = Told()
    prepare_bench(BenchRequest(references=("legal",), data=(law,), cache=CachePolicy(use_cache=False))).run(told)
    assert told.notes == []


def test_a_plan_counts_and_scores_nothing(law: Path) -> None:
    job = prepare_bench(BenchRequest(references=("legal",), data=(law,), dry_run=True))
    assert job.plan().as_dict()["texts"] == 18
    assert not any(each.scored for each in job.plan().planned)
    with pytest.raises(ValueError, match="without dry_run"):
        job.run()


@pytest.mark.parametrize(
    ("wrong", "kind", "message"),
    [
        ({"references": ("leagl",)}, UnknownReferenceError, "Did you mean legal"),
        ({"domains": ("leagl",)}, DomainError, "Did you mean legal"),
        ({"domains": ("医院",)}, ConfigError, "医院 is a domain of your own"),
        ({"data": (Path("nowhere"),)}, DataError, "nowhere does not exist"),
        ({"general_data": (Path("nowhere"),)}, DataError, "nowhere does not exist"),
        ({"tasks": ("STSBenchmrk",)}, ConfigError, "did you mean STSBenchmark"),
        ({"metrics": ("nDGC@10",)}, ConfigError, "unknown metric"),
        ({"requirements": ("law is good",)}, ConfigError, "is not a requirement"),
        ({"requirements": ("lwa > 0",)}, ConfigError, "unknown task or metric 'lwa'"),
        ({"settings": EncoderSettings(max_tokens=9999)}, ConfigError, "takes at most"),
        ({"data": ("law", "law")}, ConfigError, "two tasks are called law"),
        ({"references": ()}, RequestError, "no reference is given"),
        ({"outputs": Outputs(mteb_results=Path(__file__))}, ConfigError, "test_bench_job.py"),
    ],
    ids=str,
)
def test_what_does_not_fit_is_refused_before_the_first_score(
    law: Path, wrong: dict[str, Any], kind: type[AdaptError], message: str
) -> None:
    given = {"references": ("legal",), "data": (law,)} | wrong
    given["data"] = tuple(law if each == "law" else each for each in given["data"])
    with pytest.raises(kind, match=message) as refused:
        prepare_bench(BenchRequest(**given))
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "wrong", ["references=('leagl',)", "references=('legal',), requirements=('x',)", "references=('legal',), metrics=('x',)"]
)
def test_a_wrong_word_costs_no_import_of_torch_or_mteb(law: Path, wrong: str) -> None:
    code = (
        "import sys\nfrom adapt_embed.bench import BenchRequest, prepare_bench\nfrom adapt_embed.errors import AdaptError\n"
        f"try: prepare_bench(BenchRequest({wrong}))\nexcept AdaptError: print(sorted({{'torch', 'mteb', 'click'}} & set(sys.modules)))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert ran.stdout, ran.stderr
    assert ast.literal_eval(ran.stdout) == []


def test_requirements_that_do_not_hold_are_named_with_their_figures(law: Path) -> None:
    outcome = run("legal", law=law, requirements=("nDCG@10 > 2", "law >= base - 2"))
    assert [verdict.holds for verdict in outcome.result.requirements] == [False, True]
    assert [line.partition(" (")[0] for line in outcome.failures] == ["not met by legal@1: nDCG@10 > 2"]


def test_the_files_of_an_outcome_are_those_that_the_request_names(law: Path, tmp_path: Path) -> None:
    outputs = Outputs(per_query=tmp_path / "items.json", html=tmp_path / "page.html", mteb_results=tmp_path / "mteb", command="my program")
    outcome = run("legal", law=law, outputs=outputs)
    assert not outputs.html.exists()
    told = Told()
    outcome.write(outputs, told)
    assert told.notes == [
        f"wrote {outputs.per_query}",
        f"wrote {outputs.html}",
        f"wrote 2 result files of mteb's under {tmp_path / 'mteb'}",
    ]
    assert json.loads(outputs.per_query.read_text()) == json.loads(json.dumps(outcome.as_dict(items=True)))
    assert "<pre>my program</pre>" in outputs.html.read_text()
    assert len(list((tmp_path / "mteb").rglob("law.json"))) == 2


def test_a_page_needs_findings_that_were_kept(law: Path) -> None:
    with pytest.raises(ValueError, match="keep_findings"):
        run("legal", law=law).page()
    assert "a bench in Python" in run("legal", law=law, keep_findings=True).page()


def test_an_adapter_in_memory_scores_as_the_version_with_its_factors(law: Path, tiny_base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = in_memory("mine", tiny_base, precision="bf16", max_tokens=8)
    loaded: list[object] = []
    load = base_load.load_network
    monkeypatch.setattr(base_load, "load_network", lambda spec, **more: loaded.append(spec) or load(spec, **more))
    told = Told()
    outcome = prepare_bench(BenchRequest(references=(mine, "base"), data=(law,), cache=CachePolicy(use_cache=False)), told).run()
    assert loaded == []  # the base is the one in memory
    own, registered = outcome.result.references[1], run("legal", law=law).result.references[1]
    assert (own.name, own.base, own.precision, own.max_tokens) == ("mine", "base", "fp32", registered.max_tokens)
    assert own.revision == registered.revision
    assert told.notes[0].startswith("no training texts are recorded for mine")
    assert outcome.result.score("law", "mine").metrics == run("legal", law=law).result.score("law", "legal@1").metrics


def test_an_open_version_keeps_its_place_its_entry_and_its_folder(law: Path, tiny_base: Path) -> None:
    entry = open_registry().find_reference("legal")
    opened = replace(in_memory("legal@1", tiny_base), path=open_registry().folder(entry), entry=entry)
    same_scores(run("医院", opened, law=law).as_dict(), run("医院", "legal", law=law).as_dict())
    (task,) = prepare_bench(BenchRequest(references=(opened,), dry_run=True)).tasks
    assert task.metadata.name == "sample-legal-en"


def test_two_open_references_of_one_name_are_refused(law: Path, tiny_base: Path) -> None:
    with pytest.raises(RequestError, match="two references are called mine"):
        run(in_memory("mine", tiny_base), in_memory("mine", tiny_base, of="医院"), law=law)
