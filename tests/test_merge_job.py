"""Merging from Python: a request, a job, a result; what does not fit is refused before anything is computed, without click."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from adapt_embed.base.resolve import BaseOptions
from adapt_embed.cli import main
from adapt_embed.errors import AdaptError, ConfigError, RequestError, UnknownReferenceError
from adapt_embed.events import Quiet
from adapt_embed.lora import LoraModule, factors_sha256, write_lora
from adapt_embed.merge import METHODS, MergeRequest, MethodSettings, WeightSearch, explain_merge, prepare_merge
from adapt_embed.merge.register import SEARCH
from adapt_embed.references import EncoderSettings, LoadedBases, open_encoder, resolve_reference
from adapt_embed.registry import open_registry
from adapt_embed.registry.foreign import add_folder
from click.testing import CliRunner

MODULE = "encoder.layer.1.output.dense"
WEIGHTS = "adapter_model.safetensors"


class Told(Quiet):
    """Keeps what is reported."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.stages: list[str] = []
        self.done: list[tuple[str, int, int, str]] = []

    def note(self, text: str) -> None:
        self.notes.append(text)

    def stage(self, what: str) -> None:
        self.stages.append(what)

    def progress(self, what: str, done: int, total: int, unit: str = "texts") -> None:
        self.done.append((what, done, total, unit))


def deltas(seed: int) -> dict[str, LoraModule]:
    draw = torch.Generator().manual_seed(seed)
    return {MODULE: LoraModule(torch.randn(2, 64, generator=draw), torch.randn(32, 2, generator=draw) * 0.3, 1.0)}


@pytest.fixture
def adapters(tiny_base: Path, tmp_path: Path) -> tuple[str, ...]:
    """Two registered adapters on the tiny base, one of them with a Chinese name."""
    for seed, name in enumerate(("legal", "医疗")):
        folder = tmp_path / name
        folder.mkdir()
        write_lora(deltas(seed), folder / WEIGHTS)
        config = {"peft_type": "LORA", "r": 2, "lora_alpha": 2, "base_model_name_or_path": str(tiny_base)}
        (folder / "adapter_config.json").write_text(json.dumps(config))
        add_folder(open_registry(), folder, name=name, domain=None, base_reference=None, options=BaseOptions())
    return "legal", "医疗"


def versions() -> list[str]:
    return [entry.reference for entry in open_registry().entries()]


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.name != "adapt.json"}


def test_two_registered_adapters_are_merged_in_three_lines(adapters: tuple[str, ...]) -> None:
    request = MergeRequest(references=adapters, rank="full")
    job = prepare_merge(request)
    report = job.run()
    assert report.entry is not None
    assert (report.entry.reference, report.weights) == ("legal-医疗@1", (0.5, 0.5))
    merged = report.factors[MODULE].delta()
    torch.testing.assert_close(merged, (deltas(0)[MODULE].delta() + deltas(1)[MODULE].delta()) / 2, atol=2e-3, rtol=2e-3)
    assert (report.path / WEIGHTS).stat().st_size == report.size


@pytest.mark.parametrize(
    "options", [(), ("--method", "ties", "--density", "0.3", "--store", "fp32"), ("--weights", "0.7,-0.2", "--rank", "3")]
)
def test_the_command_writes_the_same_bytes_and_prints_the_result(adapters: tuple[str, ...], options: tuple[str, ...]) -> None:
    asked: dict[tuple[str, ...], dict[str, Any]] = {
        (): {},
        ("--method", "ties", "--density", "0.3", "--store", "fp32"): {"method": "ties", "settings": {"density": 0.3}, "store": "fp32"},
        ("--weights", "0.7,-0.2", "--rank", "3"): {"weights": (0.7, -0.2), "rank": 3},
    }
    report = prepare_merge(MergeRequest(references=adapters, **asked[options])).run()
    printed = json.loads(CliRunner().invoke(main, ["merge", *adapters, *options, "--json"]).stdout)
    assert printed.pop("reference") == "legal-医疗@2"
    theirs = Path(printed.pop("path"))
    own = report.as_dict()
    assert (own.pop("reference"), own.pop("path")) == ("legal-医疗@1", str(report.path))
    assert json.loads(json.dumps(own)) == printed
    assert files(report.path) == files(theirs)


def test_what_is_not_registered_stays_in_memory_and_needs_no_name(adapters: tuple[str, ...]) -> None:
    before = versions()
    report = prepare_merge(MergeRequest(references=adapters[:1], register=False)).run()
    assert (report.entry, report.path, versions()) == (None, None, before)
    torch.testing.assert_close(report.factors[MODULE].delta(), deltas(0)[MODULE].delta(), atol=2e-3, rtol=2e-3)
    assert report.as_dict().keys() == {"side", "parents", "config", "rank", "energy"}
    with pytest.raises(ConfigError, match="the result needs a name"):
        prepare_merge(MergeRequest(references=adapters[:1]))


def test_what_is_not_registered_encodes_as_the_version_does(adapters: tuple[str, ...]) -> None:
    job = prepare_merge(MergeRequest(references=adapters, store="fp32"))
    bases = LoadedBases(EncoderSettings(precision="fp32"))
    own = job.open(job.plan(), bases).encode(["the court", "法律"], "query").vectors
    job.run()
    kept = open_encoder(resolve_reference("legal-医疗", job.where), bases).encode(["the court", "法律"], "query").vectors
    np.testing.assert_array_equal(own, kept)


def test_a_plan_is_what_the_run_gives_and_writes_nothing(adapters: tuple[str, ...]) -> None:
    before, job = versions(), prepare_merge(MergeRequest(references=adapters, method="dare_ties", settings={"seed": 3}))
    plan = job.plan()
    assert versions() == before
    ran = job.run()
    assert factors_sha256(plan.factors) == factors_sha256(ran.factors)
    assert plan.as_dict().items() <= ran.as_dict().items()


def test_a_job_reports_progress_and_what_is_to_be_known(adapters: tuple[str, ...]) -> None:
    told = Told()
    prepare_merge(MergeRequest(references=adapters, rank=1), told).run(told)
    assert told.done == [("merging (linear)", 1, 1, "modules")]
    assert told.notes[-1].startswith("the file will have ")
    assert any(note.startswith("warning: rank 1 keeps ") for note in told.notes)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"references": ()}, "name the adapters to merge"),
        ({"weights": (1.0,)}, "2 adapters to merge and 1 weight;"),
        ({"energy": 0.5, "rank": "full"}, "--energy decides the rank of --rank auto; with --rank full it does nothing"),
        ({"settings": {"density": 0.5}}, "linear, which is taken where no --method is given, does not read --density"),
        ({"settings": {"density": 7.0}, "method": "ties"}, "density is 7.0"),
        ({"references": ("a", "b", "c"), "method": "slerp"}, "slerp merges 2 adapters, and 3 were given"),
        ({"explain": True, "store": "fp32"}, "--explain merges nothing, and --store does nothing beside it"),
        ({"explain": True, "settings": {"seed": 0}}, "--explain merges nothing, and --seed does nothing beside it"),
        ({"search": WeightSearch(tolerance=0.0)}, "--tolerance goes with --search"),
        ({"search": WeightSearch(curve_steps=0)}, "--curve-steps goes with --search"),
        ({"search": WeightSearch(precision="fp32")}, "--dtype goes with --search"),
        ({"search": WeightSearch(sources=())}, "--search names no dev data"),
        ({"search": WeightSearch(sources=("legal",), plot=Path("x.gif"))}, "a picture is written as .svg or .png"),
    ],
)
def test_a_request_that_contradicts_itself_is_not_made(asked: dict[str, Any], message: str) -> None:
    with pytest.raises(RequestError) as refused:
        MergeRequest(**({"references": ("a", "b")} | asked))
    assert message in str(refused.value)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"method": "tyes"}, "Did you mean ties?"),
        ({"settings": {"densty": 0.5}}, "unknown setting of merge methods 'densty'. Did you mean density?"),
        ({"store": "fp61"}, "unknown store 'fp61'. Did you mean fp16"),
    ],
)
def test_an_unknown_word_of_a_request_is_told_with_the_near_ones(asked: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as refused:
        MergeRequest(references=("a", "b"), **asked)
    assert message in str(refused.value)
    assert not isinstance(refused.value, RequestError)


@pytest.mark.parametrize(
    ("references", "asked", "error", "message"),
    [
        (("legal", "leagl"), {}, UnknownReferenceError, "Did you mean legal?"),
        (("legal", "医疗"), {"method": "regmean"}, AdaptError, "legal@1 carries no activation Gram matrices"),
        (("legal", "医疗"), {"name": "base"}, AdaptError, "'base' is taken"),
        (("legal", "医疗"), {"search": WeightSearch(sources=("nosuch.csv",))}, AdaptError, "nosuch.csv"),
        (("base",), {}, ConfigError, "nothing to merge but the base itself"),
    ],
)
@pytest.mark.usefixtures("adapters")
def test_what_cannot_be_merged_is_refused_before_anything_is_computed(
    references: tuple[str, ...], asked: dict[str, Any], error: type[AdaptError], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from adapt_embed.merge import merge

    monkeypatch.setattr(merge, "merge_factors", lambda *_: pytest.fail("something was computed"))
    with pytest.raises(error) as refused:
        prepare_merge(MergeRequest(references=references, **asked))
    assert message in str(refused.value)


def test_an_explanation_comes_from_a_request_too(adapters: tuple[str, ...]) -> None:
    explanation = explain_merge(MergeRequest(references=adapters, explain=True))
    printed = json.loads(CliRunner().invoke(main, ["merge", *adapters, "--explain", "--json"]).stdout)
    assert json.loads(json.dumps(explanation.as_dict())) == printed


def test_weights_are_searched_and_kept_with_the_version(adapters: tuple[str, ...], tmp_path: Path) -> None:
    words = ["court", "judge", "tenant", "rent", "season", "law", "appeal", "landlord"]
    (tmp_path / "dev" / "qrels").mkdir(parents=True)
    for file, before in (("corpus.jsonl", "the"), ("queries.jsonl", "who is a")):
        rows = [{"_id": str(row), "text": f"{before} {word}"} for row, word in enumerate(words)]
        (tmp_path / "dev" / file).write_text(lines(map(json.dumps, rows)))
    (tmp_path / "dev" / "qrels" / "dev.tsv").write_text(lines(["query-id\tcorpus-id\tscore", *(f"{row}\t{row}\t1" for row in range(8))]))
    told, search = Told(), WeightSearch(sources=(str(tmp_path / "dev"),), evaluations=2, curve_steps=0, precision="fp32")
    report = prepare_merge(MergeRequest(references=adapters, search=search), told).run(told)
    assert report.search is not None
    assert report.weights == report.search.result.best.point.weights
    assert json.loads((report.path / SEARCH).read_text()) == json.loads(json.dumps(report.search.as_dict()))
    assert told.stages == ["loading the base"]
    assert [unit for *_, unit in told.done if unit != "modules"] == ["measurements"] * 5  # base, parents, two merges
    assert any(note.startswith("search: at most 5 measurements of 16 texts each") for note in told.notes)


def lines(rows: Iterable[str]) -> str:
    return "".join(f"{row}\n" for row in rows)


# settings and their options


def test_every_setting_of_a_method_is_an_option_with_its_default() -> None:
    text = " ".join(CliRunner().invoke(main, ["merge", "--help"], terminal_width=200).stdout.split())
    for name, setting in MethodSettings.__dataclass_fields__.items():
        assert f"--{name} {setting.metadata['metavar']} {setting.metadata['help']} [default: {setting.default}]." in text


def test_every_setting_is_read_by_a_method() -> None:
    assert set(MethodSettings.__dataclass_fields__) == {name for row in METHODS.values() for name in row.settings}
