"""Ensembles and vectors from Python: a request, a job, a result; what does not fit is refused before anything is computed."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from adapt_embed.base.resolve import resolve_base
from adapt_embed.cli import main
from adapt_embed.encoders.job import EncodeRequest, prepare_encode
from adapt_embed.ensemble.job import prepare_ensemble
from adapt_embed.ensemble.register import read_projection
from adapt_embed.ensemble.request import EnsembleRequest
from adapt_embed.errors import AdaptError, ConfigError, DataError, RequestError, UnknownReferenceError
from adapt_embed.events import Quiet
from adapt_embed.lora import LoraModule, write_lora
from adapt_embed.references import EncoderSettings, LoadedBases, open_reference, resolve_reference
from adapt_embed.registry import Entry, base_record, open_registry
from click.testing import CliRunner

MODULE = "encoder.layer.0.attention.self.query"
LINES = ["the court", "the judge", "a tenant", "rent", "the season", "法律", "医院", "the law", "an appeal"]
EXACT = EncoderSettings(precision="fp32")


class Told(Quiet):
    """Keeps what is reported."""

    def __init__(self) -> None:
        self.reports: list[tuple[object, ...]] = []

    def note(self, text: str) -> None:
        self.reports.append(("note", text))

    def stage(self, what: str) -> None:
        self.reports.append(("stage", what))

    def progress(self, what: str, done: int, total: int, unit: str = "texts") -> None:
        self.reports.append((what, done, total, unit))


@pytest.fixture(autouse=True)
def filled(isolation: Path, tiny_base: Path, second_base: Path) -> None:
    """legal@1 and 医疗@1 on the tiny base and other@1 on the second one, in the default registry."""
    registry = open_registry()
    for seed, (name, base) in enumerate([("legal", tiny_base), ("医疗", tiny_base), ("other", second_base)]):
        spec = resolve_base(str(base)).spec
        draft = Entry(kind="adapter", name=name, domain="legal", bases=(base_record(spec),), pooling="cls", prompts={"query": "find: "})
        registry.add(draft, lambda folder, seed=seed: write(folder, seed))


def write(folder: Path, seed: int) -> None:
    draw = torch.Generator().manual_seed(seed)
    module = LoraModule(torch.randn(2, 32, generator=draw), torch.randn(32, 2, generator=draw), 1.0)
    write_lora({MODULE: module}, folder / "adapter_model.safetensors")
    (folder / "adapter_config.json").write_text(json.dumps({"peft_type": "LORA", "r": 2, "lora_alpha": 2}))


def versions() -> list[str]:
    return [entry.reference for entry in open_registry().entries()]


def printed(*words: object, given: str | None = None) -> dict[str, Any]:
    ran = CliRunner().invoke(main, [*map(str, words), "--json"], input=given)
    assert ran.exit_code == 0, ran.output
    return json.loads(ran.stdout)


def vectors(reference: str) -> np.ndarray:
    return prepare_encode(EncodeRequest(reference=reference, settings=EXACT)).run(LINES).vectors


def test_two_registered_adapters_are_used_together_in_three_lines() -> None:
    request = EnsembleRequest(references=("legal", "other"))
    job = prepare_ensemble(request)
    report = job.run()
    assert report.entry is not None
    assert (report.entry.reference, report.entry.domain) == ("legal-other-concat@1", "legal")
    both = np.concatenate([vectors("legal"), vectors("other")], axis=1) * np.float32(0.5**0.5)
    np.testing.assert_array_equal(vectors("legal-other-concat"), both)


@pytest.mark.parametrize("mode", ["concat", "mean", "rrf", "max"])
def test_the_command_prints_the_result(mode: str) -> None:
    own = prepare_ensemble(EnsembleRequest(references=("legal", "医疗"), mode=mode, weights=(3, 1))).run().as_dict()
    theirs = printed("ensemble", "legal", "医疗", "--mode", mode, "--weights", "3,1")
    assert (own.pop("reference"), theirs.pop("reference")) == (f"legal-医疗-{mode}@1", f"legal-医疗-{mode}@2")
    assert Path(own.pop("path")).parent == Path(theirs.pop("path")).parent
    assert own == theirs
    assert [member["weight"] for member in own["members"]] == [0.75, 0.25]


def test_a_projection_is_fitted_on_texts_and_told_with_its_energy(tmp_path: Path) -> None:
    told = Told()
    report = prepare_ensemble(EnsembleRequest(references=("legal", "other"), dim=4, texts=LINES), told).run(told)
    assert told.reports[0] == ("stage", "loading the bases")
    assert told.reports[-1] == ("encoding", len(LINES), len(LINES), "texts")
    assert report.projection is not None
    assert report.projection.matrix.shape == (64, 4)
    np.testing.assert_array_equal(read_projection(report.path, report.recipe), report.projection.matrix)
    (tmp_path / "lines.txt").write_text("".join(f"{line}\n" for line in LINES), encoding="utf-8")
    theirs = printed("ensemble", "legal", "other", "--pca", tmp_path / "lines.txt", "--dim", 4)
    assert report.as_dict()["pca"] == theirs["pca"] == report.entry.config["pca"]


def test_what_is_not_registered_stays_in_memory() -> None:
    before = versions()
    report = prepare_ensemble(EnsembleRequest(references=("legal", "other"), dim=4, texts=lambda: LINES, register=False)).run()
    assert (report.entry, report.path, versions()) == (None, None, before)
    assert report.recipe.dimension == 4
    assert report.projection is not None
    assert [member.reference for member in report.members] == ["legal@1", "other@1"]
    assert report.as_dict().keys() == {"mode", "side", "members", "bases", "dimension", "pca"}


@pytest.mark.parametrize("asked", [{}, {"dim": 4, "texts": LINES}, {"mode": "mean", "references": ("legal", "医疗")}])
def test_what_is_not_registered_encodes_as_the_version_does(asked: dict[str, Any]) -> None:
    request = EnsembleRequest(**({"references": ("legal", "other")} | asked), register=False)
    own = prepare_ensemble(request).run().open(LoadedBases(EXACT)).encode(LINES).vectors
    version = prepare_ensemble(replace(request, register=True)).run().entry
    np.testing.assert_array_equal(own, vectors(version.reference))


@pytest.mark.parametrize("mode", ["rrf", "max"])
def test_what_is_not_registered_ranks_as_the_version_does(mode: str) -> None:
    job = prepare_ensemble(EnsembleRequest(references=("legal", "other"), mode=mode))
    bases, version = LoadedBases(EXACT), job.run().entry
    kept = open_reference(resolve_reference(version.reference, job.where), bases)
    asked = ["the court", "法律"]
    assert job.plan().open(bases).search(asked, LINES, 3).rankings == kept.search(asked, LINES, 3).rankings


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"dim": 4}, "--pca TEXTFILE and --dim D go together"),
        ({"texts": LINES}, "--pca TEXTFILE and --dim D go together"),
        ({"texts": LINES, "dim": 4, "mode": "mean"}, "with --mode mean, leave --pca and --dim out"),
        ({"references": ("legal",)}, "an ensemble needs at least 2 members"),
        ({"weights": (1.0,)}, "1 weight for 2 members"),
        ({"weights": (0.0, 1.0)}, "the weight 0 does not fit the mode concat"),
        ({"mode": "conact"}, "Did you mean concat?"),
    ],
)
def test_a_request_that_contradicts_itself_is_not_made(asked: dict[str, Any], message: str) -> None:
    with pytest.raises(RequestError) as refused:
        EnsembleRequest(**({"references": ("a", "b")} | asked))
    assert message in str(refused.value)


def test_texts_are_read_after_everything_else_was_checked() -> None:
    def never() -> list[str]:
        pytest.fail("the texts were read")

    for references, error in ((("legal", "leagl"), UnknownReferenceError), (("legal", "legal@1"), ConfigError)):
        with pytest.raises(error):
            prepare_ensemble(EnsembleRequest(references=references, dim=4, texts=never))


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"references": ("legal", "other"), "mode": "mean"}, "mean adds vectors, which only means something in one space"),
        ({"references": ("legal", "other"), "name": "base"}, "'base' is taken"),
        ({"references": ("legal", "other"), "dim": 65, "texts": LINES}, "--dim is 65; expected 1 to 64"),
    ],
)
def test_what_cannot_be_used_together_is_refused_before_a_base_is_loaded(asked: dict[str, Any], message: str) -> None:
    before = versions()
    with pytest.raises(AdaptError) as refused:
        prepare_ensemble(EnsembleRequest(**asked))
    assert message in str(refused.value)
    assert versions() == before


# encoding


def test_the_vectors_are_those_of_the_command() -> None:
    report = prepare_encode(EncodeRequest(reference="legal", role="query", settings=EXACT)).run(LINES)
    theirs = printed("encode", "legal", "--as", "query", "--dtype", "fp32", given="".join(f"{line}\n" for line in LINES))
    np.testing.assert_array_equal(np.array(theirs.pop("vectors"), np.float32), report.vectors)
    assert theirs == report.as_dict()


def test_truncated_texts_and_progress_are_reported() -> None:
    told = Told()
    report = prepare_encode(EncodeRequest(reference="legal", settings=EncoderSettings(max_tokens=8)), told).run(["a " * 20, "b"], told)
    assert report.encoded.is_cut.tolist() == [True, False]
    assert told.reports[0] == ("stage", "loading the base")
    assert ("encoding", 2, 2, "texts") in told.reports
    assert told.reports[-1] == ("note", "1 of 2 texts were longer than 8 tokens and were truncated")


@pytest.mark.parametrize(
    ("reference", "settings", "error", "message"),
    [
        ("leagl", EncoderSettings(), UnknownReferenceError, "Did you mean legal?"),
        ("legal-other-rrf", EncoderSettings(), AdaptError, "has no vectors"),
        ("legal", EncoderSettings(max_tokens=9999), ConfigError, "the maximum length is 9999 tokens"),
    ],
)
def test_what_cannot_encode_is_refused_before_a_text_is_read(
    reference: str, settings: EncoderSettings, error: type[AdaptError], message: str
) -> None:
    prepare_ensemble(EnsembleRequest(references=("legal", "other"), mode="rrf")).run()
    with pytest.raises(error) as refused:
        prepare_encode(EncodeRequest(reference=reference, settings=settings))
    assert message in str(refused.value)


def test_a_file_of_texts_is_read_in_any_script_and_refused_with_a_reason(tmp_path: Path) -> None:
    from adapt_embed.data.text_lines import read_text_lines

    (tmp_path / "x.txt").write_bytes("\ufeff法律\r\n\nthe law".encode())
    assert read_text_lines(tmp_path / "x.txt") == ["法律", "", "the law"]
    (tmp_path / "x.txt").write_bytes(b"")
    with pytest.raises(DataError, match="is empty; expected one text a line"):
        read_text_lines(tmp_path / "x.txt")
